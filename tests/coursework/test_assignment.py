"""What a source notebook gives, and what is refused in one."""

import copy
import functools
import json
import math

import pytest

from coursework import assignment, course, prove, release
from coursework.assignment import Assignment
from tests.coursework.conftest import CODE, SEED

NAMES = assignment.names()


@pytest.mark.parametrize("name", NAMES)
def test_the_assignment_has_no_fault(name):
    """Format, full marks for the solution, none for the release and for lazy answers."""
    assert prove.faults_of(assignment.load(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_stored_outputs_are_those_of_one_run(name):
    """Or nbval would compare nothing."""
    code = [c for c in assignment.load(name).notebook["cells"] if c["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == [*range(1, len(code) + 1)]
    kinds = {(o["output_type"], o.get("name")) for cell in code for o in cell["outputs"]}
    assert kinds <= {("stream", "stdout")}


def test_releases_are_the_same_each_time_and_hold_no_secret(tmp_path):
    for folder in ("one", "other"):
        release.write(course.load(), tmp_path / folder)
    for path in (tmp_path / "one").rglob("*.ipynb"):
        text = path.read_text(encoding="utf8")
        other = tmp_path / "other" / path.relative_to(tmp_path / "one")
        assert path.read_bytes() == other.read_bytes()
        assert "SOLUTION" not in text and "HIDDEN" not in text and "Marking:" not in text
        assert course.load().seed not in text and course.load().code in text
        assert all(not cell.get("outputs") for cell in json.loads(text)["cells"])


def test_the_course_code_tells_nothing_of_the_seed():
    assert CODE == assignment.course_code(SEED) != assignment.course_code(SEED + " ")
    assert len(CODE) == 16 and CODE not in SEED


def test_hidden_inputs_depend_on_everything(work):
    seeds = {
        assignment.hidden_seed(*parts)
        for parts in [
            ("secret", "a", "ada", b"x"),
            ("other", "a", "ada", b"x"),
            ("secret", "b", "ada", b"x"),
            ("secret", "a", "bob", b"x"),
            ("secret", "a", "ada", b"y"),
        ]
    }
    assert len(seeds) == 5
    inputs = [
        [check.inputs for check in work.checks("ada", CODE, seed)] for seed in sorted(seeds)[:2]
    ]
    assert inputs[0] != inputs[1]
    again = [check.inputs for check in work.checks("ada", CODE, sorted(seeds)[0])]
    assert repr(again) == repr(inputs[0])  # repr, because NaN is among them


def test_expected_values_and_mistakes_are_not_sent(handing, work):
    """The sandbox gets expressions and inputs only."""
    from coursework import marking, submissions

    raw = json.dumps(handing.notebook(message="def message_information(message, p): return 0"))
    cells = submissions.parse(raw.encode())
    arranged, _ = submissions.arrange(work, cells, CODE)
    checks = work.checks("ada", CODE, "hidden")
    steps, _ = marking._steps(arranged, checks, marking.sandbox.Limits(), CODE)
    sent = json.dumps(steps)
    for check in checks:
        for meaning in check.mistakes:
            assert meaning not in sent or meaning in raw  # those of the public checks
        if isinstance(check.expected, float) and 4 < check.expected < math.inf:
            assert repr(check.expected) not in sent
    keys = {key for step in steps for key in step}
    assert keys == {"cell", "source", "seconds", "locked", "check", "group", "got", "inputs"}


def test_a_function_of_the_students_is_never_an_input(work):
    assert {"surprise", "my_bits", "questions_needed"} <= work.asked
    assert "symbol" not in work.asked  # a variable of a comprehension
    for check in work.checks("ada", CODE, "hidden"):
        assert not work.asked & set(check.inputs)
        assert not any(callable(value) for value in check.inputs.values())


def variant(work, tmp_path, change) -> Assignment:
    """The assignment after a change to its cells."""
    notebook = copy.deepcopy(work.notebook)
    change({cell["id"]: cell for cell in notebook["cells"]}, notebook["cells"])
    folder = tmp_path / work.name
    folder.mkdir()
    path = folder / f"{work.name}.ipynb"
    path.write_text(json.dumps(notebook), encoding="utf8")
    return Assignment(path)


def edit(name, old, new):
    def change(by_id, cells):
        assert old in by_id[name]["source"]
        by_id[name]["source"] = by_id[name]["source"].replace(old, new)

    return change


def remove(name):
    return lambda by_id, cells: cells.remove(by_id[name])


BROKEN = {
    "set-up differs": (edit("setup", "1e-12", "1"), "cell setup: it must be the text of"),
    "no id cell": (remove("student-id"), "the first code cells must be student-id"),
    "an id of its own": (edit("student-id", "example", "ada"), "it must end in student_id"),
    "other data": (edit("data", '"01_', '"02_'), "it must draw from random_for"),
    "nothing written": (remove("meaning"), "there is no written question"),
    "points differ": (edit("surprise-ends", "# 2", "# 3"), "must be '# 2 points'"),
    "nothing hidden": (
        lambda by_id, cells: by_id["surprise-ends"].update(source="# 2 points\ncheck(1, 1)"),
        "there is no hidden region",
    ),
    "nested check": (
        edit("surprise-ends", "check(surprise(1), 0)", "if 1:\n    check(surprise(1), 0)"),
        "not at the top level of the cell: check(surprise(1), 0)",
    ),
    "assert": (edit("surprise-ends", "check(surprise(1), 0)", "assert 1"), "for assert"),
    "student's value expected": (
        edit("message-yours", "true_bits,", "my_bits,"),
        "cell message-yours: my_bits is the student's",
    ),
    "right mistake": (
        edit("surprise-ends", '0 says that it was certain.": 0,', '": math.inf,'),
        "cell surprise-ends, surprise(0): for student0 this is right",
    ),
    "wrong solution": (
        edit("surprise", "math.log2(base)", "math.log2(base) / 2"),
        "the model solution does not earn its points",
    ),
    "given away": (
        lambda by_id, cells: by_id["questions"].update(
            source="def questions_needed(cases, answers=2):\n"
            "    return next(n for n in range(400) if answers**n >= cases)\n"
            "### BEGIN SOLUTION\n### END SOLUTION"
        ),
        "cell questions-count: the release earns 3 points",
    ),
    "too easy": (
        lambda by_id, cells: by_id["questions-count"].update(
            source="# 3 points\n### BEGIN HIDDEN TESTS\ncheck(questions_needed(1), 0)\n"
            "### END HIDDEN TESTS"
        ),
        "a lazy answer earns 3 points: return 0",
    ),
    "infolib answers": (
        edit("surprise-values", 'own(surprise, "information_content")', ""),
        "cell surprise-ends: infolib's information_content answers it",
    ),
    "infolib not named": (
        edit("title", "`information_content`", "something"),
        "do not say that infolib lacks `information_content`",
    ),
    "infolib answers values": (
        lambda by_id, cells: by_id["message-yours"].update(
            source="# 2 points\ncheck(my_bits, -sum(q * math.log2(q) for q in p.values()))\n"
            "### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS"
        ),
        "cell message-yours: infolib answers it, as my_bits is ",
    ),
    "two of a name": (
        lambda by_id, cells: cells.append(copy.deepcopy(by_id["surprise"])),
        "two cells have this grade_id",
    ),
}


def test_a_source_whose_outputs_are_stale_is_found(work, tmp_path):
    """`make coursework` has nbval look at each source."""

    def change(by_id, cells):
        by_id["data"]["outputs"][0]["text"] = ["another text\n"]

    (told,) = prove.stale([variant(work, tmp_path, change).path])
    assert "does not run to its stored outputs" in told and "another text" in told


@pytest.mark.parametrize("name", BROKEN)
def test_faults_are_found(work, tmp_path, name):
    change, told = BROKEN[name]
    faults = prove.faults_of(variant(work, tmp_path, change))
    assert any(told in fault for fault in faults), faults


def test_students_with_the_same_answers_are_found(work, tmp_path):
    def change(by_id, cells):
        source = by_id["data"]["source"]
        by_id["data"]["source"] = source.replace("(student_id,", "('all',").replace(
            "mine =", '"""random_for(student_id, "01_information_content")"""\nmine ='
        )

    faults = prove.faults_of(variant(work, tmp_path, change))
    assert any("no answer depends on the student" in fault for fault in faults), faults


@pytest.mark.parametrize(
    "name, source",
    [("surprise", "def surprise(:"), ("surprise-ends", "# 2 points\ncheck(")],
)
def test_cells_that_are_no_python_are_named(work, tmp_path, name, source):
    with pytest.raises(assignment.AssignmentError, match=f"cell {name}: "):
        variant(work, tmp_path, lambda by_id, cells: by_id[name].update(source=source))


def test_regions_without_an_end_are_named(work, tmp_path):
    broken = variant(work, tmp_path, edit("surprise", "    ### END SOLUTION", ""))
    with pytest.raises(assignment.AssignmentError, match="cell surprise: END SOLUTION is missing"):
        broken.release()


def test_an_unknown_assignment_is_named():
    with pytest.raises(assignment.AssignmentError, match="no assignment 'x'; there are: 01_"):
        assignment.load("x")


# Ways to take an answer from infolib, and ways that only look so.
TAKEN = [
    "def answer(p): return infolib.entropy(p)",
    "def answer(p): return sum(infolib.entropy(q) for q in [p])",
    "def answer(p): return [infolib.entropy(q) for q in [p]][0]",
    "def answer(p): return (lambda q: infolib.entropy(q))(p)",
    "def answer(p):\n    from infolib import entropy as h\n    return h(p)",
    "from infolib import entropy as h\ndef answer(p): return h(p)",
    "from infolib import entropy\nanswer = entropy",
    "def helper(p): return infolib.entropy(p)\ndef answer(p): return helper(p)",
    "@lru_cache\ndef answer(p): return infolib.entropy(p)",
    "@lru_cache\ndef helper(p): return infolib.entropy(p)\ndef answer(p): return helper(p)",
]
OWN = [
    "def entropy(p): return -sum(x * math.log2(x) for x in p)\ndef answer(p): return entropy(p)",
    "@lru_cache\ndef entropy(p): return 0\ndef answer(p): return entropy(p)",
    "@lru_cache\ndef answer(p): return answer(p[1:]) if p else 0",
    "def answer(p): return infolib.perplexity(p)",
    "answer = 3.5",
    "class answer: pass",
]


@pytest.mark.parametrize("code, taken", [(c, True) for c in TAKEN] + [(c, False) for c in OWN])
def test_what_is_taken_from_infolib_is_told_at_once(work, code, taken):
    import infolib

    notebook = work.helpers()
    notebook |= {"infolib": infolib, "lru_cache": functools.lru_cache}
    exec(code, notebook)
    if taken:
        with pytest.raises(AssertionError, match="entropy is called: write it yourself"):
            notebook["own"](notebook["answer"], "entropy", "kl_divergence")
    else:
        notebook["own"](notebook["answer"], "entropy", "kl_divergence")


AGREE = [
    (1, 1.0, True),
    (1.0, 1, True),
    (3.0000000001, 3, True),
    (3.001, 3, False),
    (10**20, 10**20 + 1, False),  # whole numbers must be equal
    (10**400, 3.0, False),
    (True, 1, False),
    (1, True, False),
    (float("inf"), float("inf"), True),
    (float("-inf"), float("inf"), False),
    (float("nan"), 1.0, False),
    ("a", "a", True),
    ("1", 1, False),
    (None, None, True),
    (None, 0, False),
    ([1, 2], (1, 2), True),
    ([1, 2], [1, 2, 3], False),
    (3, [3], False),
    ([3], 3, False),
    ({"a": 1}, {"a": 1.0}, True),
    ({"a": 1}, {"b": 1}, False),
    ([[1], [2]], [[1], [2.5]], False),
]


@pytest.mark.parametrize("got, expected, verdict", AGREE)
def test_what_agrees(work, got, expected, verdict):
    assert work.agrees()(got, expected) is verdict
