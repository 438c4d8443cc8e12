"""nbgrader users take the assignments as they are: its own commands agree with ours."""

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coursework import assignment, prove

SOURCE = assignment.SOURCE
NAMES = assignment.names()


def nbgrader(folder: Path, *arguments: str):
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder)},
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """An nbgrader course with all assignments, released by nbgrader."""
    folder = tmp_path_factory.mktemp("nbgrader")
    shutil.copytree(SOURCE, folder / "source")
    for name in NAMES:
        nbgrader(folder, "generate_assignment", name, "--create")
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_the_release_is_nbgraders(course, name):
    theirs = json.loads((course / "release" / name / f"{name}.ipynb").read_text(encoding="utf8"))
    ours = assignment.load(name).release("example")
    for cell in theirs["cells"]:
        cell["source"] = "".join(cell["source"])
    assert theirs["cells"] == ours["cells"]


def test_nbgrader_marks_as_we_do(course):
    """Solved, untouched and half solved, marked by nbgrader's own autograder."""
    name = NAMES[0]
    work = assignment.load(name)
    solutions = {cell.grade_id: cell.source for cell in work.of_kind("answer")}
    half = solutions | {"surprise": "def surprise(p, base=2): return -math.log(p)"}
    handed_in = {"solved": solutions, "untouched": {}, "half": half}
    for student, answers in handed_in.items():
        notebook = copy.deepcopy(work.release("example"))
        for cell in notebook["cells"]:
            cell["source"] = answers.get(cell["id"], cell["source"])
        folder = course / "submitted" / student / name
        folder.mkdir(parents=True)
        (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf8")
    nbgrader(course, "autograde", name)
    nbgrader(course, "export")
    rows = [line.split(",") for line in (course / "grades.csv").read_text().splitlines()]
    column = rows[0].index("raw_score")
    student = rows[0].index("student_id")
    of = rows[0].index("assignment")
    theirs = {row[student]: float(row[column]) for row in rows[1:] if row[of] == name}
    ours = {
        student: sum(cell["earned"] for cell in prove.mark(work, answers)["cells"])
        for student, answers in handed_in.items()
    }
    assert theirs == ours
    assert ours["untouched"] == 0 < ours["half"] < ours["solved"]
