"""A course: its name, its secret, and who takes part."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from coursework import assignment

EXAMPLE = Path(__file__).parent / "course.toml"


class CourseError(Exception):
    """A course file that cannot be used; the message says what to change."""


@dataclass
class Course:
    name: str
    seed: str

    @property
    def code(self) -> str:
        return assignment.course_code(self.seed)


def load(path: Path = EXAMPLE) -> Course:
    """Read a course file."""
    try:
        settings = tomllib.loads(Path(path).read_text(encoding="utf8"))
    except FileNotFoundError:
        raise CourseError(f"{path} is not there: copy {EXAMPLE} and choose a seed") from None
    except tomllib.TOMLDecodeError as error:
        raise CourseError(f"{path}: {error}") from None
    return Course(name=settings["name"], seed=settings["seed"])
