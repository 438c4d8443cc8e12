"""Write what students get.

python -m coursework.release                          all assignments, for the example course
python -m coursework.release --course my/course.toml  for your course
"""

import argparse
import json
import sys
from pathlib import Path

from coursework import assignment, course

BUILT = Path(__file__).parents[1] / "_build" / "coursework" / "release"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m coursework.release", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--course", type=Path, default=course.EXAMPLE, help="your course.toml")
    parser.add_argument("--output", type=Path, default=BUILT, help="a folder for the notebooks")
    options = parser.parse_args(argv)
    try:
        for path in write(course.load(options.course), options.output):
            print(path)
    except (assignment.AssignmentError, course.CourseError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def write(of_course: course.Course, folder: Path) -> list[Path]:
    """Write every assignment's release; the same bytes each time."""
    written = []
    for name in assignment.names(of_course.source):
        released = assignment.load(name, of_course.source).release(of_course.code)
        path = folder / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(released, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        path.write_text(text, encoding="utf8")
        written.append(path)
    return written


if __name__ == "__main__":
    raise SystemExit(main())
