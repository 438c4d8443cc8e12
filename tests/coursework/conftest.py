"""A small course to try things on: assignment 1, handed in by a student called ada."""

import copy
import json

import pytest

from coursework import assignment, marking, sandbox

SEED = "a seed that only these tests know"
CODE = assignment.course_code(SEED)
# Short enough to be waited for, long enough for an honest notebook on a busy machine.
LIMITS = (5, 20)


class Handing:
    """Makes notebooks as students hand them in, and has them marked."""

    def __init__(self, work):
        self.work = work
        self.solutions = {cell.grade_id: cell.source for cell in work.of_kind("answer")}

    def notebook(self, student="ada", first="", last="", written="My answer.", **answers) -> dict:
        """A release with the model solution, code before and behind it, and other answers."""
        notebook = copy.deepcopy(self.work.release(CODE))
        answers = self.solutions | {name.replace("_", "-"): text for name, text in answers.items()}
        for cell in notebook["cells"]:
            cell["source"] = answers.get(cell["id"], cell["source"])
            if cell["id"] == "student-id":
                cell["source"] = f"student_id = {student!r}"
            if cell["id"] == "meaning":
                cell["source"] = written
        extra = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        if first:
            notebook["cells"].insert(0, extra | {"id": "first", "source": first})
        if last:
            notebook["cells"].append(extra | {"id": "last", "source": last})
        return notebook

    def mark(self, notebook: dict | bytes, student="ada", limits=LIMITS) -> dict:
        raw = notebook if isinstance(notebook, bytes) else json.dumps(notebook).encode()
        task = marking.Task(student, raw, SEED, CODE, self.work.name, limits=limits)
        return marking.mark(task, sandbox.Bubblewrap)


def earned(result: dict) -> dict[str, int]:
    return {cell["id"]: cell["earned"] for cell in result["cells"]}


def total(result: dict) -> int:
    return sum(earned(result).values())


@pytest.fixture(scope="session")
def work():
    return assignment.load("01_information_content")


@pytest.fixture(scope="session")
def handing(work):
    return Handing(work)


@pytest.fixture(scope="session")
def full(work):
    """All points that the grader itself gives."""
    return sum(cell.points for cell in work.of_kind("tests"))


@pytest.fixture(scope="session")
def unanswered(work):
    """The answers of a release, which nobody has filled in."""
    return {cell.grade_id: work.released_source(cell, CODE) for cell in work.of_kind("answer")}
