"""What was handed in: finding the files, whose they are, and how they differ from the release.

Files are read as bytes and parsed as JSON; nothing in them is run here.
"""

import json
import os
import re
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from coursework import syntax_trees
from coursework.assignment import Assignment, Cell

LARGEST = 10 * 2**20
# More than an honest notebook gives cause for: the rest is counted only.
MOST_NOTES = 20
# lastnamefirst_LATE_12345_67890_assignment.ipynb: the user's number, then the upload's.
CANVAS = re.compile(r"^(?P<name>[^_]+)(?P<late>_LATE)?_(?P<number>\d+)_\d+_.+$")
# Full Name_12345_assignsubmission_file_, as a folder or in front of the file's name. The first such
# number is Moodle's: what follows is the student's to choose.
MOODLE = re.compile(r"^(?P<name>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+_")
# What a learning-management system puts beside notebooks, or an unpacked archive from a Mac.
IGNORED = re.compile(
    r"^(\.[^.].*|__MACOSX|timestamp\.txt|onlinetext\.html|.*_assignsubmission_onlinetext_.*)$"
)


class Malformed(Exception):
    """A file that is no notebook of this assignment; the message says why."""


@dataclass(frozen=True)
class Handed:
    """One file that was handed in, and what its name says."""

    label: str  # path below the submissions' folder
    root: Path
    system: str  # "canvas", "moodle", "nbgrader", "plain", or "" where the name says nothing
    key: str  # the id, or the system's number of the student
    name: str = ""
    late: bool = False

    @property
    def account(self) -> tuple[str, str]:
        """Who handed it in, as far as the file's name can tell."""
        return self.system, folded(self.key) if self.system else self.label

    def read(self) -> bytes:
        """The file's bytes; refuses links, devices and anything huge."""
        if self.root.is_file():
            return _read_member(self.root, self.label)
        return _read_file(self.root / self.label)


def find(root: Path, works: list[str] = ()) -> list[Handed]:
    """All files handed in, below a folder or in a zip archive, in the order of their names.

    A file that has the name of one of the assignments does not say whose it is.
    """
    labels = _members(root) if root.is_file() else _files(root)
    parts = [PurePosixPath(label).parts for label in labels]
    return sorted(
        (
            whose(label, root, works)
            for label, path in zip(labels, parts, strict=True)
            if not any(IGNORED.match(part) for part in path)
        ),
        key=lambda handed: (_counted(handed.label), handed.label),
    )


def whose(label: str, root: Path, works: list[str] = ()) -> Handed:
    """Read a file's path as the systems write it.

    Folders come first, from the top, and the name's beginning before its end: the rest of a path
    is the student's to choose, who could otherwise hand in as somebody else.
    """
    path = PurePosixPath(clean(label))
    for folder in path.parts[:-1]:
        if match := MOODLE.match(folder):
            return Handed(label, root, "moodle", match["number"], match["name"])
    if match := CANVAS.match(path.name):
        late = match["late"] is not None
        return Handed(label, root, "canvas", match["number"], match["name"], late)
    if match := MOODLE.match(path.name):
        return Handed(label, root, "moodle", match["number"], match["name"])
    if len(path.parts) >= 3 and path.parts[-2] == path.stem:
        return Handed(label, root, "nbgrader", path.parts[-3])
    if path.stem in works:
        return Handed(label, root, "", str(path))
    return Handed(label, root, "plain", path.stem)


def parse(raw: bytes) -> list[dict]:
    """The cells of a notebook, or a sentence that says why there are none."""
    if not raw.strip():
        raise Malformed("the file is empty")
    try:
        notebook = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Malformed("not a notebook: the file is not text") from None
    except RecursionError:
        raise Malformed("not a notebook: nested too deeply") from None
    except ValueError as error:
        raise Malformed(f"not a notebook: {error}") from None
    if not isinstance(notebook, dict) or not isinstance(notebook.get("cells"), list):
        raise Malformed("not a notebook: it has no list of cells (format 4 is needed)")
    return [_cell(raw_cell, i) for i, raw_cell in enumerate(notebook["cells"], 1)]


def assignment_of(cells: list[dict], works: list[Assignment]) -> Assignment:
    """The assignment to which most cells belong."""
    ids = {cell["grade_id"] or cell["id"] for cell in cells}
    texts = {_normal(cell["source"]) for cell in cells}
    fits = {}
    for work in works:
        locked = [c for c in work.cells if c.kind in ("tests", "answer", "written")]
        by_id = sum(cell.grade_id in ids for cell in locked)
        by_text = sum(_normal(work.released_source(c, "")) in texts for c in locked)
        fits[work.name] = max(by_id, by_text)
    best = max(works, key=lambda work: fits[work.name])
    if fits[best.name] == 0:
        raise Malformed("no cell of any assignment is in it")
    return best


def stated_id(cells: list[dict]) -> str | None:
    """The id that the notebook's first such line states, read without running anything."""
    for cell in cells:
        match = re.search(r"^student_id\s*=\s*(.+)$", cell["source"], re.MULTILINE)
        if cell["cell_type"] == "code" and match:
            try:
                value = syntax_trees.literal_eval(match[1].split("#")[0].strip()[:200])
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
                return None
            return clean(str(value).strip()) if isinstance(value, str | int) else None
    return None


def arrange(work: Assignment, cells: list[dict], code: str) -> tuple[list, list[str]]:
    """The notebook to run, and what was done to the one handed in.

    The first is a list of pairs: a cell of the source, or None, and a text. Set-up and test cells
    are the source's, in the places where the student has them; where one is missing it goes back
    behind its predecessor. All other cells are the student's.
    """
    notes = []
    owners = _owners(work, cells, code)
    if not any(cell["grade_id"] for cell in cells):
        notes.append("the cells' metadata were stripped")
    arranged, seen = [], set()
    for cell, owner in zip(cells, owners, strict=True):
        if owner is None:
            arranged.append((None, cell))
            continue
        if owner.grade_id in seen:
            notes.append(f"cell {owner.grade_id} stands there twice")
            if owner.kind in ("setup", "tests"):
                continue
        seen.add(owner.grade_id)
        if owner.kind in ("setup", "tests"):
            notes += _changed(work, owner, cell, code)
        arranged.append((owner, cell))
    notes += _disordered([owner for owner, _ in arranged if owner is not None], work)
    for i, cell in enumerate(work.cells):
        if cell.kind == "other" or cell.grade_id in seen:
            continue
        notes.append(f"cell {cell.grade_id} is missing")
        if cell.kind in ("setup", "tests"):
            before = {c.grade_id for c in work.cells[:i]}
            places = [n for n, (o, _) in enumerate(arranged, 1) if o and o.grade_id in before]
            arranged.insert(max(places, default=0), (cell, None))
            seen.add(cell.grade_id)
    return arranged, few(notes)


def few(notes: list[str]) -> list[str]:
    """Notes without repetitions, and no more of them than somebody reads."""
    notes = list(dict.fromkeys(notes))
    more = len(notes) - MOST_NOTES
    return notes if more <= 0 else [*notes[:MOST_NOTES], f"and {more} more"]


def folded(student_id: str) -> str:
    """An id as data are made from it: capitals and spaces around it make no other student."""
    return student_id.strip().lower()


def below(label: str) -> list[str]:
    """The names on a path, none of which leads up or to the top; none at all for ".." or "/"."""
    path = PurePosixPath(label)
    return [part for part in path.parts if part not in ("..", path.anchor)]


def told(error: Exception) -> str:
    """An error that nobody foresaw, in a line."""
    return clean(f"{type(error).__name__}: {error}"[:300])


def clean(text: str, allowed: str = "") -> str:
    """Text whose invisible characters are written out."""
    return "".join(c if c.isprintable() or c in allowed else repr(c)[1:-1] for c in text)


def _counted(text: str) -> str:
    """Text that sorts by its numbers: upload 1000 comes after upload 999."""
    return re.sub(r"\d+", lambda number: number[0].zfill(20), text)


def _owners(work: Assignment, cells: list[dict], code: str) -> list[Cell | None]:
    """For each cell handed in, the cell of the source that it is."""
    by_id = {cell.grade_id: cell for cell in work.cells if cell.grade_id}
    locked = work.of_kind("setup") + work.of_kind("tests")
    by_text = {_normal(work.released_source(cell, code)): cell for cell in locked}
    # Answers whose ids were lost are known by the cell in front of them, which is given out.
    fronts = {
        _normal(work.released_source(front, code)): cell
        for front, cell in pairwise(work.cells)
        if cell.kind in ("answer", "written") and front.kind not in ("answer", "written")
    }
    owners, before = [], ""
    for cell in cells:
        owner = by_id.get(cell["grade_id"]) or by_id.get(cell["id"])
        owner = owner or by_text.get(_normal(cell["source"])) or fronts.get(before)
        before = _normal(cell["source"])
        if owner is not None and owner.cell_type != cell["cell_type"] and owner.kind != "written":
            owner = None
        owners.append(owner)
    return owners


def _changed(work: Assignment, owner: Cell, cell: dict, code: str) -> list[str]:
    released = work.released_source(owner, code)
    if _normal(cell["source"]) == _normal(released):
        return []
    course = re.search(r'^COURSE = "(.*)"$', cell["source"], re.MULTILINE)
    if course and _normal(work.with_course(owner.source, course[1])) == _normal(cell["source"]):
        return ["the notebook was released for another course, or the course's seed has changed"]
    return [f"cell {owner.grade_id}, which is locked, was changed"]


def _disordered(owners: list[Cell], work: Assignment) -> list[str]:
    order = [cell.grade_id for cell in work.cells]
    positions = [order.index(owner.grade_id) for owner in owners]
    return [] if positions == sorted(positions) else ["cells were put into another order"]


def _normal(source: str) -> str:
    """Text without what editors change by themselves."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _cell(raw, number: int) -> dict:
    """The few fields that matter, each of the type that it must have."""
    if not isinstance(raw, dict):
        raise Malformed(f"cell {number} is not an object")
    source = raw.get("source")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or not isinstance(raw.get("cell_type"), str):
        raise Malformed(f"cell {number} has no text or no type")
    metadata = raw.get("metadata")
    meta = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = meta.get("grade_id") if isinstance(meta, dict) else None
    return {
        "cell_type": raw["cell_type"],
        "source": source,
        "id": raw["id"] if isinstance(raw.get("id"), str) else "",
        "grade_id": grade_id if isinstance(grade_id, str) else "",
    }


def _files(root: Path) -> Iterator[str]:
    labels = []
    for folder, folders, files in os.walk(root):  # does not follow links
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        below = Path(folder).relative_to(root)
        labels += [(below / name).as_posix() for name in [*files, *links]]
    return labels


def _members(archive: Path) -> list[str]:
    try:
        with zipfile.ZipFile(archive) as opened:
            names = [info.filename for info in opened.infolist()]
    except OSError:
        raise
    except Exception as error:  # zipfile has many, for what is damaged or of an unknown kind
        raise Malformed(
            f"{archive} is neither a folder nor a zip archive that can be read ({error}): "
            "unpack it, and give the folder"
        ) from None
    return [name for name in names if not name.endswith("/") and below(name)]


def _read_member(archive: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(name) as member:
            return _bounded(member)
    except Malformed:
        raise
    except Exception as error:  # a damaged or encrypted one gives any of many
        raise Malformed(
            f"damaged, encrypted, or packed in a way that is not known here: {told(error)}"
        ) from None


def _read_file(path: Path) -> bytes:
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        kind = "a link" if path.is_symlink() else "a file that cannot be opened"
        raise Malformed(f"{kind}, not a notebook") from None
    with open(number, "rb") as opened:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise Malformed("not a regular file")
        return _bounded(opened)


def _bounded(opened) -> bytes:
    raw = opened.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise Malformed(f"larger than {LARGEST // 2**20} MB")
    return raw
