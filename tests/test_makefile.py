"""`make` on machines that lack something: one clear line, no traceback."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def copy(tmp_path):
    """What `make` needs before there is an environment."""
    for name in ("Makefile", "requirements.txt", "constraints.txt", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "site").mkdir()
    shutil.copy(ROOT / "site" / "package-lock.json", tmp_path / "site")
    return tmp_path


def make(directory, *arguments):
    # Without what an outer make passes down, so that the test is the same under `make test`.
    return subprocess.run(
        ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", "--no-print-directory", *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
    )


def test_make_alone_lists_every_target():
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    listed = [line.split() for line in make(ROOT).stdout.splitlines()]
    assert [words[1] for words in listed] == targets.group(1).split()
    assert all(len(words) > 3 for words in listed)


@pytest.mark.parametrize("target", ["book", "test", "serve", "run"])
def test_no_python_at_all(copy, target):
    done = make(copy, target, "PYTHON=")
    assert done.returncode != 0
    assert "No Python 3.11, 3.12 or 3.13 was found" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert not (copy / ".venv").exists()


def test_a_python_that_does_not_fit(copy):
    done = make(copy, "book", "PYTHON=/bin/false")
    assert done.returncode != 0
    assert "/bin/false is not Python 3.11, 3.12 or 3.13" in done.stdout
    assert not (copy / ".venv").exists()
