"""Prove that the assignments work, and write their releases: `make coursework`."""

import ast
import sys
from itertools import combinations

from coursework import assignment, course, release

STUDENTS = [f"student{n}" for n in range(20)]


def main() -> int:
    faults = []
    for name in assignment.names():
        print(f"{name}: ", end="", flush=True)
        try:
            found = faults_of(assignment.load(name))
        except assignment.AssignmentError as error:
            found = [str(error)]
        print("no fault found" if not found else "")
        for fault in found:
            print(f"  {fault}")
        faults += found
    if not faults:
        for path in release.write(course.load(), release.BUILT):
            print(f"written: {path.relative_to(release.BUILT.parents[2])}")
    return bool(faults)


def faults_of(work: assignment.Assignment) -> list[str]:
    """What is wrong with an assignment, one sentence each."""
    faults = [*form(work), *foreign_names(work)]
    return faults or [*ambiguous(work), *not_personal(work)]


def form(work: assignment.Assignment):
    """Faults against the format."""
    if work.path.parent.name != work.name:
        yield f"the notebook's name is {work.name}, its folder's {work.path.parent.name}"
    ids = [cell.grade_id for cell in work.cells]
    for repeated in sorted({i for i in ids if ids.count(i) > 1}):
        yield f"cell {repeated}: two cells have this grade_id"
    for raw, cell in zip(work.notebook["cells"], work.cells, strict=True):
        if raw.get("id") != cell.grade_id:
            yield f"cell {raw.get('id')}: its grade_id is {cell.grade_id}; make them the same"
    code = [cell for cell in work.cells if cell.cell_type == "code"]
    if [cell.grade_id for cell in code[:3]] != ["student-id", "setup", "data"]:
        yield "the first code cells must be student-id, setup and data"
    elif not code[0].source.endswith('student_id = "example"'):
        yield 'cell student-id: it must end in student_id = "example"'
    elif code[1].source != assignment.SETUP.read_text(encoding="utf8").strip("\n"):
        yield f"cell setup: it must be the text of coursework/{assignment.SETUP.name}"
    elif f'random_for(student_id, "{work.name}")' not in code[2].source:
        yield f'cell data: it must draw from random_for(student_id, "{work.name}")'
    if not work.of_kind("written"):
        yield "there is no written question"
    for cell in work.of_kind("tests"):
        yield from form_of_tests(cell)
    for grade_id, points in work.points.items():
        if not isinstance(points, int) or points < 1:
            yield f"cell {grade_id}: points are {points}; give a whole number from 1"


def form_of_tests(cell: assignment.Cell):
    if not cell.source.startswith(f"# {cell.points} point"):
        yield f"cell {cell.grade_id}: the first line must be '# {cell.points} points'"
    if "### BEGIN HIDDEN TESTS" not in cell.source:
        yield f"cell {cell.grade_id}: there is no hidden region"
    top_level = {id(statement) for statement in cell.tree.body}
    for node in ast.walk(cell.tree):
        if isinstance(node, ast.Expr) and id(node) not in top_level:
            if assignment._helper_call(node) is not None:
                line = ast.unparse(node)[:60]
                yield f"cell {cell.grade_id}: not at the top level of the cell: {line}"
        if isinstance(node, ast.Assert):
            yield f"cell {cell.grade_id}: write check(got, expected) for assert"


def foreign_names(work: assignment.Assignment):
    """Names of the student's that are used where only trusted values may stand."""
    for cell in work.of_kind("tests"):
        trusted = []
        for statement in cell.tree.body:
            call = assignment._helper_call(statement)
            if call is None:
                trusted.append(statement)
            elif call.func.id == "check":
                trusted += [*call.args[1:], *[keyword.value for keyword in call.keywords]]
        used = {n.id for tree in trusted for n in ast.walk(tree) if isinstance(n, ast.Name)}
        for name in sorted(used & work.asked):
            yield f"cell {cell.grade_id}: {name} is the student's; use it only in what is checked"


def ambiguous(work: assignment.Assignment):
    """Mistakes that cannot be told from the right answer."""
    agrees, seen = work.agrees(), set()
    for student in STUDENTS:
        for check in work.checks(student, "code", f"hidden/{student}"):
            for meaning, value in check.mistakes.items():
                key = (check.cell, check.got, meaning)
                if key not in seen and agrees(value, check.expected, check.tolerance):
                    seen.add(key)
                    yield f"cell {check.cell}, {check.got}: for {student} this is right: {meaning}"


def not_personal(work: assignment.Assignment):
    """Students whose own answers are the same."""
    answers = {student: own_answers(work, student) for student in STUDENTS}
    if not any(answers.values()):
        yield "no answer depends on the student: ask for values of their own data"
    for one, other in combinations(STUDENTS, 2):
        if answers[one] and answers[one] == answers[other]:
            yield f"{one} and {other} have the same own answers: {answers[one]}"


def own_answers(work: assignment.Assignment, student: str) -> list[str]:
    """The values asked for that depend on the student alone."""
    checks = [c for c in work.checks(student, "code", "same") if not c.inputs]
    elsewhere = work.checks("somebody else", "code", "same")
    constant = {repr((c.cell, c.got, c.expected)) for c in elsewhere}
    own = [repr((c.cell, c.got, c.expected)) for c in checks]
    return [answer for answer in own if answer not in constant]


if __name__ == "__main__":
    sys.exit(main())
