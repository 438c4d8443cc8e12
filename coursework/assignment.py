"""A source notebook: what students get of it, and what their answers are checked against.

The source notebook is the one truth. It is in nbgrader's format; AUTHORING.md says how to write
one. Everything here is trusted code on trusted text: nothing that a student wrote comes near it.
"""

import ast
import copy
import hashlib
import hmac
import json
import random
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType

from coursework import syntax_trees

SOURCE = Path(__file__).parent / "source"
SETUP = Path(__file__).parent / "notebook_setup.py"
STUB = {"code": "# YOUR CODE HERE\nraise NotImplementedError()", "markdown": "YOUR ANSWER HERE"}
SCOPES = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
COURSE_LINE = re.compile(r'^COURSE = ".*"$', re.MULTILINE)


class AssignmentError(Exception):
    """A source notebook that breaks the format; the message names the cell and the remedy."""


@dataclass
class Check:
    """One comparison: what to evaluate in the student's notebook, and what should come out."""

    cell: str
    got: str  # source of the expression
    inputs: dict  # what its names mean
    expected: object
    mistakes: dict  # what a wrong value means -> that value
    tolerance: float


@dataclass
class Cell:
    """One cell of a notebook, in nbgrader's terms."""

    grade_id: str
    kind: str  # "setup", "tests", "answer", "written" or "other"
    cell_type: str
    source: str
    points: int = 0
    tree: ast.Module | None = field(default=None, repr=False)


class Assignment:
    """A source notebook, read and taken apart."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.name = self.path.stem
        self.notebook = json.loads(self.path.read_text(encoding="utf8"))
        for cell in self.notebook["cells"]:
            cell["source"] = "".join(cell["source"])
        self.cells = [_read(cell) for cell in self.notebook["cells"]]

    def of_kind(self, kind: str) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == kind]

    @cached_property
    def points(self) -> dict[str, int]:
        """Points of each graded cell, in the notebook's order."""
        return {c.grade_id: c.points for c in self.cells if c.kind in ("tests", "written")}

    @cached_property
    def blocked(self) -> list[str]:
        """Names that students are asked to write and may not take from infolib."""
        names = set()
        for call in self._calls("own"):
            names.update(syntax_trees.literal_eval(name) for name in call.args[1:])
        return sorted(names)

    @cached_property
    def asked(self) -> set[str]:
        """Names that students define in their answers."""
        trees = [cell.tree for cell in self.of_kind("answer")]
        return set().union(*(defined(statement) for tree in trees for statement in tree.body))

    @cached_property
    def digest(self) -> str:
        """Changes with anything that grading depends on."""
        own_code = Path(__file__).read_bytes() + SETUP.read_bytes()
        text = json.dumps(self.notebook, sort_keys=True).encode()
        return hashlib.sha256(text + own_code).hexdigest()

    def release(self, course_code: str = "example") -> dict:
        """The notebook that students get: no solutions, outputs or hidden tests."""
        released = copy.deepcopy(self.notebook)
        for raw, cell in zip(released["cells"], self.cells, strict=True):
            raw["source"] = self.released_source(cell, course_code)
            if raw["cell_type"] == "code":
                raw["outputs"], raw["execution_count"] = [], None
            if "nbgrader" not in raw["metadata"]:
                continue
            if cell.kind != "other":
                raw["metadata"]["deletable"] = False
            if cell.kind in ("setup", "tests"):
                raw["metadata"]["editable"] = False
            raw["metadata"]["nbgrader"]["cell_type"] = cell.cell_type
            raw["metadata"]["nbgrader"]["checksum"] = _checksum(raw)
        return released

    def released_source(self, cell: Cell, course_code: str) -> str:
        """A cell's text as students get it."""
        if cell.kind == "tests":
            return _without_region(cell, "HIDDEN TESTS", [])
        if cell.kind in ("answer", "written"):
            stub = STUB[cell.cell_type]
            cleared = _without_region(cell, "SOLUTION", stub.split("\n"))
            return cleared if cleared != cell.source else stub
        return self.with_course(cell.source, course_code) if cell.kind == "setup" else cell.source

    @staticmethod
    def with_course(source: str, course_code: str) -> str:
        return COURSE_LINE.sub(lambda line: f'COURSE = "{course_code}"', source)

    def checks(self, student_id: str, course_code: str, hidden_seed: str) -> list[Check]:
        """What to ask of one student's notebook, with the values that should come out.

        The setup cells make the student's own data; the test cells make hidden inputs from
        `hidden_seed`, in place of the random numbers that they name themselves.
        """
        namespace = {"__name__": "__main__", "student_id": student_id, "print": lambda *args: None}
        checks = []
        with syntax_trees.LOCK:  # what the cells import may parse Python
            for cell in self.cells:
                if cell.kind == "setup":
                    exec(_compiled(self.with_course(cell.source, course_code), cell), namespace)
                elif cell.kind == "tests":
                    namespace["hidden"] = random.Random(f"{hidden_seed}/{cell.grade_id}")
                    checks += self._run_tests(cell, namespace)
        return checks

    def helpers(self) -> dict:
        """What the set-up of every notebook defines."""
        namespace = {}
        exec(compile(SETUP.read_text(encoding="utf8"), str(SETUP), "exec"), namespace)
        return namespace

    def agrees(self):
        """The comparison that the notebook's own checks use."""
        return self.helpers()["agrees"]

    def _run_tests(self, cell: Cell, namespace: dict) -> list[Check]:
        checks = []
        for statement in cell.tree.body:
            call = helper_call(statement)
            if call is not None and call.func.id == "check":
                checks.append(self._check(cell, call, namespace))
            elif call is None and defined(statement) != {"hidden"}:
                exec(_compiled(ast.Module([statement], []), cell), namespace)
        return checks

    def _check(self, cell: Cell, call: ast.Call, namespace: dict) -> Check:
        def value(node):
            return eval(_compiled(ast.Expression(node), cell, "eval"), namespace)

        given = dict(zip(("got", "expected", "mistakes", "tolerance"), call.args, strict=False))
        given.update({keyword.arg: keyword.value for keyword in call.keywords})
        mistakes = value(given["mistakes"]) if "mistakes" in given else {}
        return Check(
            cell=cell.grade_id,
            got=ast.unparse(given["got"]),
            inputs=self._inputs(given["got"], namespace),
            expected=value(given["expected"]),
            mistakes=mistakes or {},
            tolerance=value(given["tolerance"]) if "tolerance" in given else 1e-6,
        )

    def _inputs(self, got: ast.expr, namespace: dict) -> dict:
        """Data that the expression uses and that are not the student's to define."""
        names = {n.id for n in ast.walk(got) if isinstance(n, ast.Name)} - self.asked
        values = {name: namespace[name] for name in sorted(names) if name in namespace}
        return {
            name: value
            for name, value in values.items()
            if not callable(value) and not isinstance(value, ModuleType)
        }

    def _calls(self, name: str) -> list[ast.Call]:
        statements = [s for cell in self.of_kind("tests") for s in cell.tree.body]
        calls = [helper_call(statement) for statement in statements]
        return [call for call in calls if call is not None and call.func.id == name]


def load(name: str, source: Path = SOURCE) -> Assignment:
    """The assignment of that name."""
    path = source / name / f"{name}.ipynb"
    if not path.is_file():
        raise AssignmentError(f"no assignment {name!r}; there are: {', '.join(names(source))}")
    return Assignment(path)


def names(source: Path = SOURCE) -> list[str]:
    """Names of all assignments in a folder."""
    found = sorted(path.stem for path in source.glob("[!.]*/*.ipynb"))
    if not found:
        raise AssignmentError(f"there is no assignment in {source}")
    return found


def hidden_seed(secret: str, assignment: str, student_id: str, submission: bytes) -> str:
    """Seed of the hidden inputs: unknown outside, and another one for each file handed in."""
    digest = hashlib.sha256(submission).hexdigest()
    return keyed(secret, "hidden inputs", assignment, student_id, digest)


def course_code(secret: str) -> str:
    """What may be public of the secret: enough for each student's data, no way back."""
    return keyed(secret, "course code")[:16]


def keyed(secret: str, *parts: str) -> str:
    return hmac.new(secret.encode(), "\0".join(parts).encode(), hashlib.sha256).hexdigest()


def _read(raw: dict) -> Cell:
    meta = raw["metadata"].get("nbgrader")
    cell = Cell(raw.get("id", ""), "other", raw["cell_type"], raw["source"])
    if meta is None:
        return cell
    cell.grade_id, cell.points = meta["grade_id"], meta.get("points", 0)
    if meta["grade"]:
        cell.kind = "written" if meta["solution"] else "tests"
    elif meta["solution"]:
        cell.kind = "answer"
    elif meta["locked"] and cell.cell_type == "code":
        cell.kind = "setup"
    if cell.kind in ("tests", "answer", "setup"):
        try:
            cell.tree = syntax_trees.parse(cell.source)
        except SyntaxError as error:
            raise AssignmentError(f"cell {cell.grade_id}: {error}") from error
    return cell


def _compiled(code, cell: Cell, mode: str = "exec"):
    if isinstance(code, ast.AST):
        ast.fix_missing_locations(code)
    return compile(code, f"<{cell.grade_id}>", mode)


def helper_call(statement: ast.stmt) -> ast.Call | None:
    """The call, if the statement is check(…), own(…) or print(…) and nothing else."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        if isinstance(function, ast.Name) and function.id in ("check", "own", "print"):
            return statement.value
    return None


def defined(statement: ast.AST) -> set[str]:
    """Names that a top-level statement binds; variables of comprehensions are not among them."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
    if isinstance(statement, SCOPES):
        return set()
    if isinstance(statement, ast.Name):
        return {statement.id} if isinstance(statement.ctx, ast.Store) else set()
    return set().union(*map(defined, ast.iter_child_nodes(statement)))


def _without_region(cell: Cell, region: str, stub: list[str]) -> str:
    """The text with each BEGIN…END region of that name replaced, as nbgrader does it."""
    kept, inside = [], False
    for line in cell.source.split("\n"):
        if f"BEGIN {region}" in line:
            if inside:
                raise AssignmentError(f"cell {cell.grade_id}: BEGIN {region} inside another")
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            kept += [indent + stub_line for stub_line in stub]
        elif f"END {region}" in line:
            inside = False
        elif not inside:
            kept.append(line)
    if inside:
        raise AssignmentError(f"cell {cell.grade_id}: END {region} is missing")
    return "\n".join(kept)


def _checksum(raw: dict) -> str:
    """nbgrader's checksum of a cell, by which it knows whether students changed it."""
    meta = raw["metadata"]["nbgrader"]
    locked = not meta["solution"] and (meta["grade"] or meta["locked"])
    parts = [raw["source"], raw["cell_type"], meta["grade"], meta["solution"], locked]
    parts.append(meta["grade_id"])
    if meta["grade"]:
        parts.append(float(meta["points"]))
    return hashlib.md5("".join(map(str, parts)).encode()).hexdigest()
