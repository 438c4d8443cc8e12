"""Prove that the assignments work, and write their releases: `make coursework`.

python -m coursework.prove FOLDER proves those of another folder, and writes nothing.
"""

import ast
import copy
import importlib
import inspect
import json
import math
import pkgutil
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, product
from pathlib import Path

import numpy as np

import infolib
from coursework import assignment, course, marking, release, sandbox, submissions

ROOT = Path(__file__).parents[1]
STUDENTS = [f"student{n}" for n in range(20)]
SOLVING = 8  # so many of them hand in the model solution
SEED = "a seed for proofs, which everybody knows"
CODE = assignment.course_code(SEED)
# What a function that does nothing of what is asked may return, in place of each answer.
LAZY = ["0", "1", "0.5", "math.inf", "math.nan", "None", "True", "False", "''", "[]", "[0, 0]"]


def main(argv: list[str]) -> int:
    faults, source = [], Path(argv[0]) if argv else assignment.SOURCE
    names = assignment.names(source)
    with ThreadPoolExecutor(1) as beside:
        rerun = beside.submit(stale, [source / name / f"{name}.ipynb" for name in names])
        for name in names:
            print(f"{name}: ", end="", flush=True)
            try:
                found = faults_of(assignment.load(name, source))
            except sandbox.NoSandbox as error:
                found = [f"cannot be marked. {error}"]
            except assignment.AssignmentError as error:
                found = [str(error)]
            print("no fault found" if not found else "")
            for fault in found:
                print(f"  {fault}")
            faults += found
        for fault in rerun.result():
            print(fault)
            faults.append(fault)
    if not faults and not argv:
        for path in release.write(course.load(), release.BUILT):
            print(f"written: {path.relative_to(release.BUILT.parents[2])}")
    return bool(faults)


def faults_of(work: assignment.Assignment) -> list[str]:
    """What is wrong with an assignment, one sentence each."""
    faults = [*form(work), *foreign_names(work)]
    return faults or [
        *ambiguous(work),
        *not_personal(work),
        *by_infolib(work),
        *values_by_infolib(work),
        *marks(work),
    ]


def stale(notebooks: list[Path]) -> list[str]:
    """What nbval says if not all of them run, to the outputs stored in them."""
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", "--no-header"]
    command += ["-p", "no:cacheprovider", f"--rootdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}"]
    command += [str(path.absolute()) for path in notebooks]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return []
    return [f"A source does not run to its stored outputs, as nbval says:\n{done.stdout}"]


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
    told = next((cell.source for cell in work.cells if cell.cell_type == "markdown"), "")
    for name in sorted({function.__name__ for function in library()}.intersection(work.blocked)):
        if f"`{name}`" not in told:
            yield f"the instructions do not say that infolib lacks `{name}` when work is marked"
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
            if assignment.helper_call(node) is not None:
                line = ast.unparse(node)[:60]
                yield f"cell {cell.grade_id}: not at the top level of the cell: {line}"
        if isinstance(node, ast.Assert):
            yield f"cell {cell.grade_id}: write check(got, expected) for assert"


def foreign_names(work: assignment.Assignment):
    """Names of the student's that are used where only trusted values may stand."""
    for cell in work.of_kind("tests"):
        trusted = []
        for statement in cell.tree.body:
            call = assignment.helper_call(statement)
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


def by_infolib(work: assignment.Assignment):
    """Test cells that a function of infolib satisfies, put in place of all that is asked."""
    checks, agrees = work.checks("student", CODE, "hidden"), work.agrees()
    helpers = work.helpers()
    for function in library():
        if function.__name__ in work.blocked:
            continue
        answers = dict.fromkeys(work.asked, function)

        def right(check, names):
            try:
                value = eval(check.got, {**names, **check.inputs})
            except Exception:
                return False
            return agrees(value, check.expected, check.tolerance)

        for cell in work.of_kind("tests"):
            own = [check for check in checks if check.cell == cell.grade_id]
            if all(right(check, {**helpers, **answers}) for check in own):
                yield (
                    f"cell {cell.grade_id}: infolib's {function.__name__} answers it; "
                    f'add own(…, "{function.__name__}")'
                )


def values_by_infolib(work: assignment.Assignment):
    """Test cells whose values are calls of infolib on the student's data, or differences of two."""
    student = STUDENTS[0]
    calls = {"0": 0.0, **calls_of_infolib(work, student)}
    calls = {f"{value:.9g}": (call, value) for call, value in calls.items()}
    hows, values = zip(*calls.values(), strict=True)
    differences = np.subtract.outer(values, values)
    checks = work.checks(student, CODE, "")
    for cell in work.of_kind("tests"):
        own = [check for check in checks if check.cell == cell.grade_id]
        wanted = [
            c for c in own if isinstance(c.expected, float) and marking.distinctive(c.expected)
        ]
        answers = []
        for check in wanted:
            for one, other in np.argwhere(np.isclose(differences, check.expected, 1e-6, 0))[:1]:
                answers.append(f"{check.got} is {hows[one]} - {hows[other]}")
        if wanted and len(answers) == len(wanted) and not any(check.inputs for check in own):
            yield (
                f"cell {cell.grade_id}: infolib answers it, as {'; '.join(answers)}; "
                "add these functions' names to own(…)"
            )


def calls_of_infolib(work: assignment.Assignment, student: str) -> dict[str, float]:
    """What infolib's other functions give for one or two of the student's data: call -> value."""
    namespace = {"__name__": "__main__", "student_id": student, "print": lambda *args: None}
    for cell in work.of_kind("setup"):
        exec(compile(work.with_course(cell.source, CODE), cell.grade_id, "exec"), namespace)
    plain = {name: as_lists(value) for name, value in namespace.items() if name not in work.asked}
    data = {name: value for name, value in plain.items() if isinstance(value, list | np.ndarray)}
    given = [*product(data, repeat=1), *product(data, repeat=2)]
    calls = {}
    with warnings.catch_warnings(action="ignore"):
        for function in library():
            for names in given if function.__name__ not in work.blocked else []:
                try:
                    value = float(function(*(data[name] for name in names)))
                except Exception:
                    continue
                if math.isfinite(value) and abs(value) > 1e-9:
                    calls[f"{function.__name__}({', '.join(names)})"] = value
    return calls


def as_lists(value):
    return [as_lists(part) for part in value.values()] if isinstance(value, dict) else value


def library() -> list:
    """The public functions of infolib."""
    hidden = ("_", "plots", "datasets")
    found = [
        m.name for m in pkgutil.iter_modules(infolib.__path__) if not m.name.startswith(hidden)
    ]
    modules = [importlib.import_module(f"infolib.{name}") for name in found]
    return [
        value
        for module in modules
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and name[0] != "_"
    ]


def marks(work: assignment.Assignment):
    """Handed-in notebooks that earn what they should not, or do not earn what they should."""
    with ThreadPoolExecutor(2) as pool:
        lazy = [(how, pool.submit(mark, work, cells)) for how, cells in lazy_answers(work)]
        model = {cell.grade_id: cell.source for cell in work.of_kind("answer")}
        # Data and hidden inputs differ from student to student: one may do by luck.
        for solved in pool.map(lambda student: mark(work, model, student), STUDENTS[:SOLVING]):
            for cell in solved["cells"]:
                if solved["status"] != "ok" or cell["earned"] != cell["points"]:
                    wrong = [check for check in cell["checks"] if not check["right"]]
                    said = f"{solved['student']}: {solved['notes'] + wrong}"
                    yield f"cell {cell['id']}: the model solution does not earn its points: {said}"
        released = mark(work, {})
        for cell in released["cells"]:
            if cell["earned"]:
                yield f"cell {cell['id']}: the release earns {cell['earned']} points"
        for how, future in lazy:
            for cell in future.result()["cells"]:
                if cell["earned"]:
                    yield f"cell {cell['id']}: a lazy answer earns {cell['earned']} points: {how}"


def mark(work: assignment.Assignment, answers: dict[str, str], student="student") -> dict:
    """What the grader says to a release with these answers filled in."""
    raw = json.dumps(handed_in(work, student, answers)).encode()
    task = marking.Task(student, raw, SEED, CODE, work.name)
    return marking.mark_cells(work, submissions.parse(raw), task)


def handed_in(work: assignment.Assignment, student: str, answers: dict[str, str]) -> dict:
    """A release as a student would hand it in."""
    notebook = copy.deepcopy(work.release(CODE))
    for cell in notebook["cells"]:
        cell["source"] = answers.get(cell["id"], cell["source"])
        if cell["id"] == "student-id":
            cell["source"] = f"student_id = {student!r}"
    return notebook


def lazy_answers(work: assignment.Assignment):
    """What a lazy student does, and all answer cells done so."""
    cells = work.of_kind("answer")
    for value in LAZY:
        how = f"return {value}"
        yield how, {cell.grade_id: lazy(cell, how, value) for cell in cells}
    for i in range(max((len(f.args.args) for c in cells for f in functions(c)), default=0)):
        how = f"return argument {i + 1}"
        yield how, {cell.grade_id: lazy(cell, how, "0", parameter=i) for cell in cells}
    yield "raise ValueError", {c.grade_id: lazy(c, "raise ValueError", "0") for c in cells}
    for name in work.blocked:
        how = f"import infolib; return infolib.{name}(*given, **named)"
        yield how, {c.grade_id: lazy(c, how, "0", anything=True) for c in cells}


def lazy(cell, body: str, value: str, parameter: int | None = None, anything=False) -> str:
    """An answer cell whose functions do nothing but `body` and whose values are all `value`."""
    lines = []
    for function in functions(cell):
        names = [argument.arg for argument in function.args.args]
        one = f"return {names[parameter % len(names)]}" if parameter is not None and names else body
        arguments = "*given, **named" if anything else ast.unparse(function.args)
        lines.append(f"def {function.name}({arguments}): {one}")
    named = {function.name for function in functions(cell)}
    bound = set().union(*map(assignment.defined, cell.tree.body)) - named
    return "\n".join(lines + [f"{name} = {value}" for name in sorted(bound)])


def functions(cell) -> list[ast.FunctionDef]:
    return [node for node in cell.tree.body if isinstance(node, ast.FunctionDef)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
