"""Importing is quick and light, and all that is exported explains itself."""

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import infolib

MODULES = ["continuous", "datasets", "estimators", "plots", "range_coding", "rans"]


def python(code):
    """What a fresh interpreter prints."""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_importing_takes_neither_matplotlib_nor_scipy():
    loaded = python("import sys, infolib; print(*{m.split('.')[0] for m in sys.modules})").split()
    assert "numpy" in loaded
    assert not {"matplotlib", "scipy", "cycler"} & set(loaded)


def test_only_plots_take_matplotlib():
    code = "import sys; from infolib import {}; print('matplotlib' in sys.modules)"
    others = ", ".join(module for module in MODULES if module != "plots")
    assert python(code.format(others)).strip() == "False"
    assert python(code.format("plots")).strip() == "True"


def test_importing_is_quick():
    # The least of several: other programs on the machine slow some of them, but not the quickest.
    # Usually the first is quick enough and the others are not needed.
    code = "from time import perf_counter as t; a = t(); import infolib; print(t() - a)"
    assert any(float(python(code)) < 0.3 for _ in range(20))


@pytest.mark.parametrize("name", infolib.__all__)
def test_exports_have_a_documented_example(name):
    thing = getattr(infolib, name)
    assert name in infolib.__all__ and not name.startswith("_")
    assert inspect.getdoc(thing) and ">>> " in thing.__doc__
    assert doctest.DocTestParser().get_examples(thing.__doc__)


def test_methods_have_an_example():
    for name, method in inspect.getmembers(infolib.PrefixCode, inspect.isfunction):
        assert name.startswith("_") or doctest.DocTestParser().get_examples(method.__doc__), name


def test_exports_are_sorted_complete_and_listed_once():
    assert infolib.__all__ == sorted(set(infolib.__all__))
    functions = {
        name
        for name, thing in vars(infolib).items()
        if callable(thing) and not name.startswith("_")
    }
    assert functions == set(infolib.__all__)


@pytest.mark.parametrize("module", MODULES)
def test_functions_of_modules_have_an_example(module):
    module = importlib.import_module(f"infolib.{module}")
    functions = [
        f
        for name, f in inspect.getmembers(module, inspect.isfunction)
        if f.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert functions
    for f in functions:
        assert f.__doc__ and ">>> " in f.__doc__, f.__name__


def test_every_module_says_what_it_is_for():
    names = [m.name for m in pkgutil.iter_modules(infolib.__path__)]
    assert set(MODULES) < set(names)
    for name in names:
        assert importlib.import_module(f"infolib.{name}").__doc__


def test_version():
    from importlib.metadata import version

    assert infolib.__version__ == version("entropy-course-infolib")
