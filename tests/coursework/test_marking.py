"""Marking one honest file: what counts as an answer, what is run again, what is said."""

import ast
import builtins
import json
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import pytest

from coursework import assignment, collect, marking, sandbox
from tests.coursework.conftest import CODE, LIMITS, SEED, earned, total

NUMBERS = [
    "np.float64(-math.log2(p))",
    "np.float64(-math.log2(p)) * np.ones(())",
    "Fraction(-math.log2(p))",
]


@pytest.mark.parametrize("value", NUMBERS)
def test_numbers_of_other_types_are_answers(handing, value):
    code = "from fractions import Fraction\ndef surprise(p, base=2):\n"
    code += "    if not 0 <= p <= 1: raise ValueError\n    if p == 0: return np.inf\n"
    code += f"    return {value} / math.log2(base)"
    result = handing.mark(handing.notebook(surprise=code))
    assert earned(result)["surprise-values"] == 3, result["cells"][0]


@pytest.mark.parametrize(
    "value, told",
    [
        ("2 + 3j", "TypeError: a value of type complex is no answer"),
        ("{1, 2}", "TypeError: a value of type set is no answer"),
        ("{1: 2}", "TypeError: a dictionary whose keys are not strings is no answer"),
        ("surprise", "TypeError: a value of type function is no answer"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("unknown", "NameError: name 'unknown' is not defined"),
        ("'3'", "'3'"),
    ],
)
def test_what_is_no_answer_is_shown_as_it_is(handing, value, told):
    result = handing.mark(handing.notebook(surprise=f"def surprise(p, base=2): return {value}"))
    assert result["cells"][0]["checks"][0]["got"] == told
    assert earned(result)["surprise-values"] == 0


def test_threads_may_mark_at_once(handing, monkeypatch):
    """Of all that parses Python from the first file on, nothing does so in two threads."""
    building, together = set(), set()
    plain = builtins.compile

    def watched(source, filename, mode, flags=0, *more, **options):
        if not flags & ast.PyCF_ONLY_AST:
            return plain(source, filename, mode, flags, *more, **options)
        building.add(threading.get_ident())
        time.sleep(1e-4)
        if len(building) > 1:
            together.add(filename)
        try:
            return plain(source, filename, mode, flags, *more, **options)
        finally:
            building.discard(threading.get_ident())

    def first(_):
        for cached in (marking._works, marking._chosen, marking._sandbox):
            cached.cache_clear()
        assert marking._chosen() is sandbox.Bubblewrap
        return handing.mark(handing.notebook())["status"]

    monkeypatch.setattr(builtins, "compile", watched)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(first, range(4))) == ["ok"] * 4
    assert together == set()


def test_an_error_is_told_with_its_cell_and_line(handing):
    code = "def surprise(p, base=2):\n    return help_me(p)\nsurprise(1)"
    (error,) = handing.mark(handing.notebook(surprise=code))["errors"][:1]
    assert error == {
        "cell": "surprise",
        "type": "NameError",
        "text": "name 'help_me' is not defined",
        "line": 2,
    }


def test_a_cell_that_is_no_python_stops_itself_only(handing):
    result = handing.mark(handing.notebook(questions="def questions_needed(:"))
    assert (result["status"], result["errors"][0]["type"]) == ("ok", "SyntaxError")
    assert result["errors"][0]["line"] == 1
    assert earned(result)["joint-yours"] == 2 and earned(result)["questions-count"] == 0


def test_names_that_a_student_uses_do_not_disturb_the_checks(handing, full):
    code = "math = some_p = hidden = check = error_of = p = joint = message = None"
    result = handing.mark(handing.notebook(last=code, questions=handing.solutions["questions"]))
    assert total(result) == full
    early = handing.solutions["joint"] + "\nsome_joint = table = pairs = error_of = None"
    assert total(handing.mark(handing.notebook(joint=early))) == full


TIMED = [
    ("%%time\n", "my_bits = ", "my_bits = "),
    ("%%timeit -n 10 import math\n", "my_bits = ", "my_bits = "),
    ("%%capture out\n%%time\n\n%matplotlib inline\n", "my_bits = ", "my_bits = "),
    ("%%prun -s cumulative\n", "my_bits = ", "my_bits = "),
    ("", "my_bits = ", "%time my_bits = "),
    ("", "my_bits = ", "my_bits = %time "),
    ("", "my_bits = ", "%timeit -n 1 -r1 my_bits = "),
    ("", "    return ", "    odds = p\n    %timeit len(odds)\n    return "),
    ("%config x\n", "my_bits = ", "!ls\n%load_ext y\nmy_bits = "),
]


@pytest.mark.parametrize("head, old, new", TIMED)
def test_what_a_magic_times_is_run(handing, full, head, old, new):
    """A student who leaves a timing in loses no answer by it."""
    code = head + handing.solutions["message"].replace(old, new)
    result = handing.mark(handing.notebook(message=code))
    assert (result["status"], total(result), result["errors"]) == ("ok", full, [])


def test_an_error_below_a_magic_is_told_with_its_line(handing):
    code = "%%time\nx = 1\nunknown"
    (error,) = handing.mark(handing.notebook(last=code))["errors"]
    assert (error["type"], error["line"]) == ("NameError", 3)
    (error,) = handing.mark(handing.notebook(last="x = 1\n%time unknown"))["errors"]
    assert (error["type"], error["line"]) == ("NameError", 2)
    assert handing.mark(handing.notebook(last="%%html\n<b>unknown</b>"))["errors"] == []


class Failing(sandbox.Bubblewrap):
    """Ends the first runs early, as an overloaded machine might."""

    failures, runs = 1, 0

    def run(self, request, limits):
        Failing.runs += 1
        if Failing.runs <= Failing.failures:
            return sandbox.Outcome("timeout", [{"started": True}])
        return super().run(request, limits)


@pytest.mark.parametrize("failures, status, runs", [(0, "ok", 1), (1, "ok", 2), (2, "timeout", 2)])
def test_what_fails_is_run_once_more(handing, full, failures, status, runs):
    Failing.failures, Failing.runs = failures, 0
    raw = json.dumps(handing.notebook()).encode()
    task = marking.Task("ada", raw, SEED, CODE, handing.work.name, limits=LIMITS)
    result = marking.mark(task, Failing)
    assert (result["status"], Failing.runs) == (status, runs)
    assert total(result) == (full if status == "ok" else 0)


def test_a_sandbox_that_breaks_is_not_the_students_fault(handing):
    class Broken(sandbox.Bubblewrap):
        def run(self, request, limits):
            return sandbox.Outcome("died", [], "bwrap: no space left")

    raw = json.dumps(handing.notebook()).encode()
    task = marking.Task("ada", raw, SEED, CODE, handing.work.name, limits=LIMITS)
    with pytest.raises(sandbox.NoSandbox, match="no space left"):
        marking.mark(task, Broken)


def test_results_are_kept_by_all_that_they_depend_on(handing):
    base = dict(student="a", raw=b"x", seed="s", code="c", assignment=handing.work.name)
    keys = {marking.Task(**base).key}
    for change in (
        {"student": "b"},
        {"raw": b"y"},
        {"seed": "t"},
        {"code": "d"},
        {"assignment": ""},
        {"limits": (1,)},
        {"fault": "a link"},
    ):
        keys.add(marking.Task(**base | change).key)
    # With one assignment only, "find out" names the same.
    assert len(keys) >= 7


def test_results_are_made_anew_if_what_marks_or_runs_them_changes(handing, tmp_path, monkeypatch):
    # What is read once a run is read again by another.
    monkeypatch.setattr(marking, "_works", marking._works.__wrapped__)
    task = marking.Task("a", b"x", "s", "c", handing.work.name)
    keys = [task.key]
    monkeypatch.setattr(marking, "_library", lambda: b"another infolib")
    keys.append(task.key)
    for module, name in ((sandbox, "COLLECT"), (assignment, "SETUP")):
        changed = tmp_path / name
        changed.write_bytes(getattr(module, name).read_bytes() + b"# changed")
        monkeypatch.setattr(module, name, changed)
        keys.append(task.key)
    assert len(set(keys)) == 4


def test_foreign_libraries_are_pointed_out(handing):
    code = "import math, scipy.stats as st\nfrom sklearn.metrics import log_loss\nx = 'import os'"
    result = handing.mark(handing.notebook(questions=code))
    assert result["status"] == "ok"
    assert result["notes"] == ["imports scipy, sklearn: are the answers the student's own work?"]
    assert handing.mark(handing.notebook())["notes"] == []


@pytest.mark.parametrize(
    "code",
    [
        "from infolib._sums import minus_sum_p_log_p",
        "from infolib import entropy, _sums",
        "import infolib\nentropy = infolib._sums.minus_sum_p_log_p",
    ],
)
def test_private_parts_of_infolib_are_pointed_out(code):
    cells = [{"cell_type": "code", "source": code}]
    assert marking.foreign_imports(cells) == ["infolib._sums"]


def test_public_parts_of_infolib_are_not_pointed_out():
    code = "from infolib import entropy as _h\nimport infolib.measures\nprint(infolib.__doc__)"
    assert marking.foreign_imports([{"cell_type": "code", "source": code}]) == []


CLASS = [f"student{n}" for n in range(30)]
load = cache(assignment.load)


@cache
def own_checks(name, student) -> list:
    """The questions on the student's own data, with what is right."""
    return [c for c in load(name).checks(student, CODE, "") if not c.inputs]


def own_values(name, student) -> dict:
    return {(check.cell, check.got): check.expected for check in own_checks(name, student)}


def verdicts(name, student, answer) -> dict:
    """What a file is told whose answers to these questions are `answer(check)`."""
    agrees = load(name).agrees()
    checks = own_checks(name, student)
    given = [{"value": json.loads(json.dumps(collect.plain(answer(check))))} for check in checks]
    judged = [marking._judge(c, value, agrees) for c, value in zip(checks, given, strict=True)]
    return {"student": student, "cells": [{"checks": judged}]}


@pytest.mark.parametrize("name", assignment.names())
def test_no_mistake_is_taken_for_a_copy_and_every_copy_is_found(name):
    """A class in which each makes the first mistake of every question, then the second, …"""
    fitting = marking.copied(load(name), CODE, CLASS)
    for student in CLASS:
        for n in range(12):

            def mistaken(check, n=n):
                wrong = list(check.mistakes.values())
                return wrong[min(n, len(wrong) - 1)] if wrong else check.expected

            assert fitting(verdicts(name, student, mistaken)) == [], (student, n)
    for student, other in zip(CLASS, [*CLASS[1:], CLASS[0]], strict=True):
        theirs = own_values(name, other)
        copy = verdicts(name, student, lambda check, own=theirs: own[check.cell, check.got])
        assert fitting(copy) == [other]


def test_one_value_that_fits_another_student_is_no_copy():
    """N - 1 in place of N gives what is right for whoever throws once less: a mistake, no copy."""
    name = "03_estimated_entropy"
    theirs = {s: own_values(name, s)["shortfall-yours", "my_forecast"] for s in CLASS}
    fitting = marking.copied(load(name), CODE, CLASS)
    for student, other in pairwise(CLASS):

        def forecast(check, other=other):
            return theirs[other] if check.got == "my_forecast" else check.expected

        assert fitting(verdicts(name, student, forecast)) == []


def test_the_answers_of_all_are_computed_only_if_somebody_may_have_copied(work, monkeypatch):
    asked = []
    fitting = marking.copied(work, CODE, CLASS)
    right = verdicts(work.name, "student1", lambda check: check.expected)
    monkeypatch.setattr(type(work), "checks", lambda *given: asked.append(given) or [])
    assert fitting(right) == fitting({"student": "x", "cells": []}) == [] == asked


def test_only_the_same_digits_are_a_copy(handing):
    work = handing.work
    fitting = marking.copied(work, CODE, CLASS)
    theirs = own_values(work.name, "student7")

    def found(factor, student="student3"):
        named = {k: v * factor for k, v in theirs.items() if k[1] in ("my_bits", "my_excess")}
        return fitting(verdicts(work.name, student, lambda c: named.get((c.cell, c.got), 0)))

    assert found(1) == found(1 + 1e-14) == ["student7"]
    assert found(1 + 1e-7) == found(1, " Student7") == []


@pytest.mark.parametrize(
    "value", [0.5, 10.0, 1.0078125, 1e-3, [10.0, 1.5], math.inf, math.nan, 3, "a", [[0.1234567]]]
)
def test_what_many_have_is_no_sign_of_a_copy(value):
    assert not marking.distinctive(value)
    assert marking.distinctive(math.pi) and marking.distinctive([0.5, math.pi])


def test_two_runs_of_a_file_say_the_same_of_objects(handing):
    """Where an object lies in memory differs from run to run."""
    code = "def surprise(p, base=2):\n    "
    for answer in ("return str(object())", "raise ValueError(f'{object()} is no number')"):
        notebook = handing.notebook(surprise=code + answer, last="raise ValueError(object())")
        first, second = handing.mark(notebook), handing.mark(notebook)
        assert first == second
        assert "object object at 0x…>" in first["cells"][0]["checks"][0]["got"]
        assert first["errors"][-1]["text"] == "<object object at 0x…>"
    assert marking.show("x" * 70 + "<object object at 0x7f62aabbccdd>" + "y" * 70).count("0x7") == 0
