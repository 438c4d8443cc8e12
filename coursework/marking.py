"""Mark one file that was handed in: run it in the sandbox, compare what comes out, say why.

The result is plain data, and the same for the same file, student and assignment.
"""

import base64
import hashlib
import math
import pickle
import re
import reprlib
import sys
from collections import Counter, defaultdict
from dataclasses import asdict, dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

from coursework import assignment, collect, sandbox, submissions, syntax_trees
from coursework.assignment import Assignment, Check
from coursework.submissions import clean, folded

IMPORT = re.compile(r"^[^\S\n]*(import|from)[^\S\n]+([^#\n]+)", re.MULTILINE)
# A part of infolib that is not public, and may do what a question asks for.
PRIVATE = re.compile(r"\binfolib(?:\.\w+)*(?:\.|\s+import\s+(?:[^#\n]*,\s*)?)(_[a-z]\w*)")
# Where an object lies in memory, in its text: another place in each run. It may have been cut.
ADDRESS = re.compile(r"\b0x(?:[0-9a-fA-F]{7,}|[0-9a-fA-F]*$)")
EXPECTED_IMPORTS = sys.stdlib_module_names | {"numpy", "matplotlib", "infolib"}


@dataclass(frozen=True)
class Task:
    """All that marking one file depends on."""

    student: str  # "" if only the notebook can say
    raw: bytes
    seed: str
    code: str
    assignment: str  # "" to find out
    source: Path = assignment.SOURCE
    limits: tuple = ()
    fault: str = ""  # why the file could not be read

    @property
    def key(self) -> str:
        """Names the result: changes with anything that could change it."""
        digest = hashlib.sha256()
        modules = sandbox, submissions, syntax_trees
        code = [Path(module.__file__).read_bytes() for module in modules]
        works = [work.digest.encode() for work in _works(self.assignment, self.source)]
        own = [Path(__file__).read_bytes(), sandbox.COLLECT.read_bytes(), _library()]
        settings = repr((self.student, self.seed, self.code, self.limits, self.fault)).encode()
        for part in (*code, *works, *own, settings, self.raw):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.hexdigest()


def mark(task: Task, kind: type[sandbox.Sandbox] | None = None) -> dict:
    """Everything there is to say about one file."""
    try:
        if task.fault:
            raise submissions.Malformed(task.fault)
        cells = submissions.parse(task.raw)
        work = submissions.assignment_of(cells, _works(task.assignment, task.source))
    except submissions.Malformed as fault:
        return _unmarked(task, str(fault))
    return mark_cells(work, cells, task, kind)


def mark_cells(work: Assignment, cells: list[dict], task: Task, kind=None) -> dict:
    """The same for a notebook that was read, as work for this assignment."""
    stated = submissions.stated_id(cells)
    student = task.student or stated or ""
    arranged, notes = submissions.arrange(work, cells, task.code)
    seed = assignment.hidden_seed(task.seed, work.name, student, task.raw)
    checks = work.checks(student, task.code, seed)
    limits = sandbox.Limits(*task.limits)
    steps, names = _steps(arranged, checks, limits, task.code)
    request = {"given": {"student_id": student}, "steps": steps}
    box = _sandbox(kind or _chosen(), tuple(work.blocked))
    run = _run(box, request, limits, names, len(checks))
    if run.status != "ok":
        run = _run(box, request, limits, names, len(checks))
    tampered = [*notes, *run.notes]
    remarks = []
    if stated is None:
        remarks.append("the notebook states no student id")
    elif _same(stated, "example") and not _same(student, "example"):
        remarks.append("the student id was left at 'example': the data are not the student's")
    elif not _same(stated, student):
        tampered.append(f"handed in by {student}, but the notebook states the id {stated}")
    if foreign := foreign_imports(cells):
        remarks.append(f"imports {', '.join(foreign)}: are the answers the student's own work?")
    status = "tampered" if tampered else run.status
    agrees = work.agrees()
    judged = [_judge(check, run.answers.get(i), agrees) for i, check in enumerate(checks)]
    return {
        "student": student,
        "assignment": work.name,
        "status": status,
        "notes": [*tampered, *remarks, *([run.reason] if run.reason else [])],
        "cells": _cells(work, judged),
        "errors": run.errors,
        "written": _written(work, arranged),
    }


def foreign_imports(cells: list[dict]) -> list[str]:
    """What the notebook imports beside Python's own modules, numpy, Matplotlib and infolib.

    Private parts of infolib count too.
    """
    names = set()
    for cell in cells:
        if cell["cell_type"] == "code":
            source = cell["source"][:100_000]
            names.update(f"infolib.{name[:40]}" for name in PRIVATE.findall(source))
            for word, rest in IMPORT.findall(source):
                parts = rest.split(",") if word == "import" else [rest]
                names.update(re.split(r"\W", part.strip())[0][:40] for part in parts)
    return sorted(names - EXPECTED_IMPORTS - {""})[:10]


@dataclass
class Run:
    """What one run in the sandbox gave."""

    status: str  # "ok", "crashed" or "timeout"
    reason: str
    answers: dict  # check -> its message
    errors: list  # of cells, in order
    notes: list  # signs of tampering


# More than a notebook of an assignment has cells: the rest is forged, or of no use.
MOST_ERRORS = 100
REASONS = {
    "died": ("crashed", "the notebook's process ended before its last cell"),
    "timeout": ("timeout", "the notebook took longer than {total_seconds:g} seconds"),
    "memory": ("crashed", "the notebook took more memory than {megabytes:.0f} MB"),
    "files": ("crashed", f"the notebook made more than {collect.MOST_FILES:,} files"),
    "output": ("crashed", "the notebook flooded the grader's channel"),
    "done": ("ok", ""),
}


def _run(box, request: dict, limits, names: dict, n_checks: int) -> Run:
    outcome = box.run(request, limits)
    if {"started": True} not in outcome.messages[:1]:
        raise sandbox.NoSandbox(f"the sandbox did not start: {outcome.complaint}")
    status, reason = REASONS[outcome.ended]
    reason = reason.format(**asdict(limits), megabytes=limits.memory / sandbox.MEGABYTE)
    answers, errors, twice = {}, [], False
    for message in outcome.messages:
        number, name = message.get("check"), message.get("cell")
        if type(number) is int and 0 <= number < n_checks:
            twice = twice or number in answers
            answers[number] = message
        elif isinstance(name, str) and name in names and "error" in message:
            errors.append(_error(message, names[name]))
    if status == "ok" and any(error["type"] == "TimeUp" for error in errors):
        status, reason = "timeout", "a cell took too long and was stopped"
    notes = []
    if twice:
        # Only the collector answers, and once: somebody else wrote on its channel.
        answers, notes = {}, ["the notebook wrote answers of its own to the grader"]
    return Run(status, reason, answers, errors[:MOST_ERRORS], notes)


def _error(message: dict, name: str) -> dict:
    line = message.get("line")
    return {
        "cell": name,
        "type": clean(str(message.get("error"))[:100]),
        "text": _told(str(message.get("message", ""))[:500]),
        "line": line if type(line) is int and 0 < line < 10**6 else None,
    }


def _steps(arranged: list, checks: list[Check], limits, code: str) -> tuple[list[dict], dict]:
    """What the sandbox has to do, in order, and what each cell is called."""
    steps, names, extra = [], {}, 0
    for owner, cell in arranged:
        if owner is not None and owner.kind == "tests":
            steps += [
                {
                    "check": i,
                    "group": owner.grade_id,
                    "got": check.got,
                    "inputs": base64.b64encode(pickle.dumps(check.inputs)).decode(),
                    "seconds": limits.cell_seconds,
                }
                for i, check in enumerate(checks)
                if check.cell == owner.grade_id
            ]
            continue
        locked = owner is not None and owner.kind == "setup"
        if not locked and cell["cell_type"] != "code":
            continue
        if owner is None:
            extra += 1
        label = owner.grade_id if owner else cell["id"] or f"number {extra}"
        number = f"{len(names) + 1}"
        names[number] = clean(label[:60])
        source = Assignment.with_course(owner.source, code) if locked else cell["source"]
        steps.append(
            {
                "cell": number,
                "source": source,
                "seconds": limits.cell_seconds,
                "locked": locked,
            }
        )
    return steps, names


def _judge(check: Check, answer: dict | None, agrees) -> dict:
    """One check's verdict, with what there is to learn from it."""
    judged = {"cell": check.cell, "asked": check.got, "inputs": _shown_inputs(check)}
    judged |= {"expected": show(check.expected), "right": False, "got": "", "meaning": ""}
    if answer is None:
        return judged | {"meaning": NO_ANSWER[""]}
    if "value" not in answer:
        kind, text = str(answer.get("error"))[:100], str(answer.get("message", ""))[:500]
        return judged | {
            "got": _told(f"{kind}: {text}"),
            "meaning": NO_ANSWER.get(kind, NO_ANSWER["other"]),
        }
    value = answer["value"]
    judged["got"] = show(value)
    if agrees(value, check.expected, check.tolerance):
        return judged | {"right": True}
    known = [m for m, wrong in check.mistakes.items() if agrees(value, wrong, check.tolerance)]
    if not known and not check.inputs and distinctive(value):
        judged["value"] = value  # to be compared with what is right for others
    return judged | {"meaning": known[0] if known else ""}


NO_ANSWER = {
    "": "There is no answer: the notebook ended before this point.",
    "NotImplementedError": "This was not answered.",
    "NameError": "A name is missing: a cell above failed, or was not run.",
    "TimeUp": "This took too long and was stopped.",
    "other": "This failed with an error.",
}


def _cells(work: Assignment, judged: list[dict]) -> list[dict]:
    cells = []
    for cell in work.of_kind("tests"):
        own = [verdict for verdict in judged if verdict["cell"] == cell.grade_id]
        right = all(verdict["right"] for verdict in own)
        earned = cell.points if right else 0
        cells.append({"id": cell.grade_id, "points": cell.points, "earned": earned, "checks": own})
    return cells


def _written(work: Assignment, arranged: list) -> dict[str, str]:
    """The text of each written answer; '' where it was left as it came."""
    texts = {}
    for owner, cell in arranged:
        if owner is not None and owner.kind == "written" and cell is not None:
            left = cell["source"].strip() == assignment.STUB["markdown"]
            texts[owner.grade_id] = "" if left else clean(cell["source"][:20_000], "\n\t")
    return {cell.grade_id: texts.get(cell.grade_id, "") for cell in work.of_kind("written")}


def _unmarked(task: Task, reason: str) -> dict:
    result = {"student": task.student, "assignment": task.assignment, "status": "malformed"}
    return result | {"notes": [clean(reason)], "cells": [], "errors": [], "written": {}}


def copied(work: Assignment, code: str, students: list[str]):
    """A function that says whose data a result's wrong answers fit: the ids, but the student's.

    It names an id only if two of the wrong answers fit it, to nine digits, and fit nobody else:
    one may do so by an honest mistake. What everybody's answers are is computed at the first wrong
    answer that could be a copy.
    """
    # Spelled otherwise, an id has the same data.
    spelled = {folded(student): student for student in students}

    @cache
    def owners() -> dict:
        known = defaultdict(list)
        for student in spelled.values():
            for c in work.checks(student, code, ""):
                if not c.inputs and distinctive(c.expected):
                    known[c.cell, c.got, _digits(c.expected)].append(student)
        return known

    def fitting(result: dict) -> list[str]:
        fits = Counter()
        for cell in result["cells"]:
            for verdict in cell["checks"]:
                if verdict.get("value") is not None:
                    key = verdict["cell"], verdict["asked"], _digits(verdict["value"])
                    whose = owners().get(key, [])
                    fits.update(whose if len(whose) == 1 else [])
        return sorted(s for s, n in fits.items() if n > 1 and not _same(s, result["student"]))

    return fitting


def _digits(value) -> tuple:
    return tuple(f"{x:.9g}" for x in (value if isinstance(value, list | tuple) else [value]))


def distinctive(value) -> bool:
    """Whether it is a float, or a flat list of floats, that hardly comes about by chance."""
    if isinstance(value, list | tuple):
        return all(isinstance(x, float) for x in value) and any(map(distinctive, value))
    if not isinstance(value, float) or not math.isfinite(value):
        return False
    # Round numbers, decimal or binary, are shared by many.
    return value != float(f"{value:.6g}") and value.as_integer_ratio()[1] > 2**20


def show(value) -> str:
    """A value for a reader: short, and without anything that could act."""
    short = reprlib.Repr()
    short.maxlist = short.maxtuple = short.maxdict = 12
    short.maxstring = short.maxother = short.maxlong = 80
    short.maxlevel = 4
    return _told(short.repr(_rounded(value)))


def _told(text: str) -> str:
    """What a student's code says, as it is kept: the same each time, and nothing invisible."""
    return clean(ADDRESS.sub("0x…", text))


def _rounded(value, depth=0):
    if type(value) is float:
        return float(f"{value:.8g}")
    if isinstance(value, str):
        return ADDRESS.sub("0x…", value)
    if isinstance(value, list | tuple) and depth < 4:
        return type(value)(_rounded(item, depth + 1) for item in value)
    if isinstance(value, dict) and depth < 4:
        return {key: _rounded(item, depth + 1) for key, item in value.items()}
    return value.tolist() if hasattr(value, "tolist") else value


def _shown_inputs(check: Check) -> str:
    return ", ".join(f"{name} = {show(value)}" for name, value in check.inputs.items())


def _same(one: str, other: str) -> bool:
    return folded(one) == folded(other)


@lru_cache
def _works(name: str, source: Path) -> list[Assignment]:
    names = [name] if name else assignment.names(source)
    return [assignment.load(name, source) for name in names]


@lru_cache
def _library() -> bytes:
    """The source of infolib, which student code imports."""
    folder = Path(find_spec("infolib").origin).parent
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py")))


@lru_cache
def _chosen() -> type[sandbox.Sandbox]:
    return sandbox.choose()


@lru_cache
def _sandbox(kind: type[sandbox.Sandbox], blocked: tuple) -> sandbox.Sandbox:
    return kind(blocked)
