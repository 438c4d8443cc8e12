"""A course: its name, its secret, who takes part, and when work is due."""

import csv
import datetime
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from coursework import assignment
from coursework.submissions import folded

EXAMPLE = Path(__file__).parent / "course.toml"
EXAMPLE_SEED = "an example that everybody can read, so it protects nothing"


class CourseError(Exception):
    """A course file or roster that cannot be used; the message says what to change."""


@dataclass
class Course:
    """What course.toml says, with the roster that it names."""

    name: str
    seed: str
    source: Path = assignment.SOURCE
    roster: list[dict[str, str]] = field(default_factory=list)
    id_column: str = "id"
    canvas: dict[str, str] = field(default_factory=dict)
    deadlines: dict[str, datetime.datetime] = field(default_factory=dict)

    @property
    def code(self) -> str:
        """The public part of the seed."""
        return assignment.course_code(self.seed)

    def students(self) -> list[str]:
        """Ids of all on the roster."""
        return [row[self.id_column] for row in self.roster if row[self.id_column]]

    def student(self, system: str, key: str) -> str:
        """The id that belongs to what a file's name says; '' if only the notebook can tell."""
        if system in ("plain", "nbgrader"):
            same = (student for student in self.students() if folded(student) == folded(key))
            return next(same, key)
        if system == "":
            return ""
        return next((row[self.id_column] for row in self.roster if key == number(row, system)), "")


def load(path: Path = EXAMPLE) -> Course:
    """Read a course file, and the roster that it names."""
    try:
        settings = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise CourseError(f"{path} is not there: copy {EXAMPLE} and choose a seed") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CourseError(f"{path}: {error}") from None
    known = {"name": str, "seed": str, "source": str, "roster": str, "id_column": str}
    known |= {"canvas": dict, "deadlines": dict}
    for key, value in settings.items():
        if key not in known:
            raise CourseError(f"{path}: {key} is unknown; there are {', '.join(known)}")
        if not isinstance(value, known[key]):
            raise CourseError(f"{path}: {key} must be a {known[key].__name__}")
    for key in ("name", "seed"):
        if not settings.get(key, "").strip():
            raise CourseError(f"{path}: give the course a {key}")
    if len(settings["seed"]) < 20:
        raise CourseError(f"{path}: the seed is too short to be secret; take 20 characters or more")
    if settings["seed"] == EXAMPLE_SEED and Path(path).resolve() != EXAMPLE.resolve():
        raise CourseError(
            f"{path}: the seed is the example's, with which everybody can compute hidden inputs: "
            "put one of your own there, as step 2 of coursework/README.md says"
        )
    for name, due in settings.get("deadlines", {}).items():
        if not isinstance(due, datetime.datetime) or due.tzinfo is None:
            raise CourseError(
                f"{path}: the deadline of {name} needs a date, a time and an offset: "
                "2027-01-15T23:59:00+01:00"
            )
    roster = settings.pop("roster", None)
    if "source" in settings:
        settings["source"] = Path(path).parent.absolute() / settings["source"]
    course = Course(**settings)
    there = assignment.names(course.source)
    for table in ("canvas", "deadlines"):
        for name in settings.get(table, {}):
            if name not in there:
                raise CourseError(
                    f"{path}: [{table}] names {name}, but there are: {', '.join(there)}"
                )
    if roster is not None:
        course.roster = _roster(Path(path).parent / roster, course.id_column)
    return course


def number(row: dict[str, str], system: str) -> str:
    """A student's number in Canvas or Moodle, from a row of the roster."""
    if system == "canvas":
        return row.get("ID") or row.get("canvas", "")
    return row.get("Identifier", "").removeprefix("Participant ") or row.get("moodle", "")


def _roster(path: Path, id_column: str) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as opened:
            rows = [
                {key: (value or "").strip() for key, value in row.items() if key}
                for row in csv.DictReader(opened)
            ]
    except FileNotFoundError:
        raise CourseError(f"the roster {path} is not there") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"the roster {path} is no CSV file in UTF-8: {error}") from None
    if not rows or id_column not in rows[0]:
        found = ", ".join(rows[0]) if rows else "nothing"
        raise CourseError(
            f"the roster {path} has no column {id_column!r}, but {found}: "
            "set id_column to the column of the ids that students write into their notebooks"
        )
    return [row for row in rows if "Points Possible" not in row.get("Student", "")]
