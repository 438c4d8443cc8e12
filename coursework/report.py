"""What comes out of grading: tables for the lecturer and the systems, and a page for each student.

Everything that a student wrote is text here, escaped by the templates and, in tables, kept from
being read as a formula.
"""

import base64
import csv
import hashlib
import io
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import jinja2
import matplotlib.pyplot as plt

from coursework import assignment, marking
from coursework.assignment import Assignment
from coursework.course import Course, CourseError, number
from coursework.submissions import Handed, clean
from infolib import plots

TEMPLATES = Path(__file__).parent / "templates"
STATUS_TEXT = {
    "ok": "The notebook ran to its end.",
    "crashed": "The notebook could not be run to its end, twice; what came out before counts.",
    "timeout": "The notebook took too long, twice; what came out in time counts.",
    "tampered": "The notebook differs from the one that was given out; your lecturer looks at it.",
    "malformed": "The file could not be read as a notebook of this assignment.",
}
# With a mark in front by which Excel knows UTF-8; the systems' importers want none.
SPREADSHEET = "utf-8-sig"
WRITTEN = ["id", "question", "points", "out of", "comment", "answer"]


@dataclass
class Grade:
    """One student's outcome in one assignment."""

    student: str
    name: str
    status: str
    points: dict[str, float | None]
    possible: int
    unmarked: int = 0
    late: bool = False
    notes: list[str] = field(default_factory=list)
    file: Handed | None = None
    result: dict = field(default_factory=dict)
    copied_from: list[str] = field(default_factory=list)

    @property
    def total(self) -> float:
        return sum(value for value in self.points.values() if value is not None)


def write(results: list[tuple], course: Course, output: Path, without_reports=()) -> list[Path]:
    """Write everything, a folder for each assignment; the paths that a lecturer opens first."""
    shown = []
    for name, own in by_assignment(results, course).items():
        work = assignment.load(name, course.source)
        folder = output / name
        folder.mkdir(parents=True, exist_ok=True)
        marks = read_marks(folder / "written.csv", work)
        grades = grades_of(work, own, course, marks)
        write_marks(folder / "written.csv", work, grades, marks)
        write_grades(folder / "grades.csv", work, grades)
        write_canvas(folder / "canvas.csv", work, grades, course)
        write_moodle(folder / "moodle.csv", work, grades, course)
        write_summary(folder / "summary.html", work, grades, course)
        if name not in without_reports:
            for grade in grades:
                if grade.file is not None:
                    write_student(folder / "reports", work, grade, course, marks)
        shown += [folder / "summary.html", folder / "grades.csv"]
    return shown


def by_assignment(results: list[tuple], course: Course) -> dict[str, list[tuple]]:
    """Results by assignment; a file that could be of any goes with most of the others."""
    known = Counter(result["assignment"] for _, result in results if result["assignment"])
    usual = known.most_common(1)[0][0] if known else assignment.names(course.source)[0]
    sorted_out = defaultdict(list)
    for file, result in results:
        sorted_out[result["assignment"] or usual].append((file, result))
    return dict(sorted(sorted_out.items()))


def grades_of(work: Assignment, results: list[tuple], course: Course, marks: dict) -> list[Grade]:
    """One grade for each file that counts, and for each student who handed in nothing."""
    names = {row[course.id_column]: _name(row) for row in course.roster}
    students = set(course.students()) | {result["student"] for _, result in results}
    fitting = marking.copied(work, course.code, sorted(students - {""}))
    grades = []
    for file, result in _last_of_each(results):
        student = result["student"] or clean(file.label)
        grade = Grade(student, names.get(student, file.name), result["status"], {}, 0)
        grade.file, grade.result, grade.late = file, result, file.late
        grade.notes = list(result["notes"])
        grade.points = {cell["id"]: cell["earned"] for cell in result["cells"]}
        grade.points = {name: grade.points.get(name, 0) for name in work.points}
        for cell in work.of_kind("written"):
            answered = bool(result["written"].get(cell.grade_id))
            points = marks.get((student, cell.grade_id), (None, ""))[0]
            grade.points[cell.grade_id] = points if answered else 0
            grade.unmarked += cell.points if answered and points is None else 0
        grade.copied_from = fitting(result)
        if grade.copied_from:
            grade.status = "tampered"
            grade.notes.append("answers fit the data of another id in this course")
        if course.roster and student not in names:
            grade.notes.append("this id is not on the roster")
        grades.append(grade)
    handed_in = {grade.student for grade in grades}
    nothing = dict.fromkeys(work.points)
    absent = [student for student in course.students() if student not in handed_in]
    grades += [Grade(student, names[student], "missing", nothing, 0) for student in absent]
    for grade in grades:
        grade.possible = sum(work.points.values())
    return sorted(grades, key=lambda grade: (grade.student, grade.file.label if grade.file else ""))


def _last_of_each(results: list[tuple]) -> list[tuple]:
    """Of several files of one student the last; all, where several accounts state the same id."""
    files = defaultdict(list)
    for file, result in results:
        files[result["student"] or clean(file.label)].append((file, result))
    kept = []
    for student, own in files.items():
        accounts = {(file.system, file.key) for file, _ in own}
        if len(accounts) > 1:
            note = f"{len(accounts)} accounts handed in work with the id {student}"
            own = [(f, r | {"status": "tampered", "notes": [*r["notes"], note]}) for f, r in own]
            kept += own
            continue
        *earlier, (file, result) = own
        notes = [f"also handed in, not counted: {clean(f.label)}" for f, _ in earlier]
        kept.append((file, result | {"notes": [*result["notes"], *notes]}))
    return kept


def read_marks(path: Path, work: Assignment) -> dict[tuple[str, str], tuple[float | None, str]]:
    """Points and comments that a lecturer gave to written answers."""
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not in UTF-8 ({error}): save it as CSV UTF-8") from None
    delimiter = ";" if text.split("\n", 1)[0].count(";") > 2 else ","
    marks = {}
    for row in csv.DictReader(io.StringIO(text), delimiter=delimiter):
        question, given = row.get("question", ""), (row.get("points") or "").strip()
        if question not in work.points:
            raise CourseError(f"{path}: there is no question {question!r} in {work.name}")
        try:
            points = float(given.replace(",", ".")) if given else None
        except ValueError:
            points = -1
        if points is not None and not 0 <= points <= work.points[question]:
            raise CourseError(
                f"{path}: {row['id']} has {given!r} points in {question}; "
                f"give 0 to {work.points[question]}"
            )
        points = int(points) if points is not None and points == int(points) else points
        marks[_as_written(row["id"]), question] = (points, _as_written(row.get("comment") or ""))
    return marks


def write_marks(path: Path, work: Assignment, grades: list[Grade], marks: dict):
    rows = []
    for grade in grades:
        for cell in work.of_kind("written"):
            answer = grade.result.get("written", {}).get(cell.grade_id)
            if answer:
                points, comment = marks.get((grade.student, cell.grade_id), (None, ""))
                given = "" if points is None else points
                rows.append([grade.student, cell.grade_id, given, cell.points, comment, answer])
    _table(path, WRITTEN, rows, SPREADSHEET)


def write_grades(path: Path, work: Assignment, grades: list[Grade]):
    head = ["id", "name", *work.points, "total", "out of", "status", "late", "notes"]
    _table(
        path,
        head,
        [
            [
                grade.student,
                grade.name,
                *("" if value is None else value for value in grade.points.values()),
                "" if grade.status == "missing" else grade.total,
                grade.possible,
                grade.status,
                "late" if grade.late else "",
                "; ".join(_notes(grade, for_lecturer=True)),
            ]
            for grade in grades
        ],
        SPREADSHEET,
    )


def write_canvas(path: Path, work: Assignment, grades: list[Grade], course: Course):
    """As Canvas's gradebook imports it."""
    column = course.canvas.get(work.name, work.name)
    head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", column]
    rows = [["    Points Possible", "", "", "", "", sum(work.points.values())]]
    totals = _totals(grades)
    listed = {row[course.id_column]: row for row in course.roster}
    for student in totals | listed:
        row = listed.get(student, {})
        grade = next((g for g in grades if g.student == student), None)
        file = grade.file if grade else None
        key = file.key if file is not None and file.system == "canvas" else ""
        rows.append(
            [
                row.get("Student") or (grade.name if grade else ""),
                number(row, "canvas") or key,
                row.get("SIS User ID", ""),
                row.get("SIS Login ID", "" if key else student),
                row.get("Section", ""),
                totals.get(student, ""),
            ]
        )
    _table(path, head, rows)


def write_moodle(path: Path, work: Assignment, grades: list[Grade], course: Course):
    """As Moodle's grading worksheet is uploaded; every column of the roster's is kept."""
    totals = _totals(grades)
    files = {grade.student: grade.file for grade in grades}
    worksheet = bool(course.roster) and "Identifier" in course.roster[0]
    listed = {row[course.id_column]: row for row in course.roster} if worksheet else {}
    own = ["Identifier", "Full name", "ID number", "Grade", "Maximum Grade", "Feedback comments"]
    head = list(course.roster[0]) if worksheet else own
    head += [column for column in ("Grade", "Feedback comments") if column not in head]
    rows = []
    for student in listed if worksheet else totals:
        grade = next((g for g in grades if g.student == student), None)
        file = files.get(student)
        moodle = file is not None and file.system == "moodle"
        row = {"ID number": student, "Full name": grade.name if grade else ""}
        row["Identifier"] = f"Participant {file.key}" if moodle else ""
        row |= listed.get(student, {})
        row |= {"Grade": totals.get(student, ""), "Maximum Grade": sum(work.points.values())}
        if grade is not None and grade.status != "missing":
            row["Feedback comments"] = STATUS_TEXT[grade.status]
        rows.append([row.get(column, "") for column in head])
    _table(path, head, rows)


def write_student(folder: Path, work: Assignment, grade: Grade, course: Course, marks: dict):
    """The page that a student gets, in the place that the file had in what was handed in."""
    headings = headings_of(work)
    written = []
    for cell in work.of_kind("written"):
        points, comment = marks.get((grade.student, cell.grade_id), (None, ""))
        answer = grade.result["written"].get(cell.grade_id, "")
        written.append(
            {
                "heading": headings[cell.grade_id],
                "points": points if answer else 0,
                "possible": cell.points,
                "comment": comment,
                "answer": answer,
            }
        )
    cells = [cell | {"heading": headings[cell["id"]]} for cell in grade.result["cells"]]
    path = folder / report_path(grade.file.label)
    path.parent.mkdir(parents=True, exist_ok=True)
    page = _page(
        "student.html",
        course=course.name,
        heading=headings[""],
        grade=grade,
        status_text=STATUS_TEXT[grade.status],
        notes=_notes(grade, for_lecturer=False),
        cells=cells,
        written=written if grade.result["cells"] else [],
        errors=grade.result["errors"],
    )
    path.write_text(page, encoding="utf8")


def report_path(label: str) -> PurePosixPath:
    """Where a file's report goes: as the file, below another folder and never above it."""
    parts = [clean(part) for part in PurePosixPath(label).parts if part not in ("..", "/")]
    *folders, name = [part.encode()[:200].decode(errors="ignore") for part in parts]
    return PurePosixPath(*folders, f"{name.removesuffix('.ipynb')}.html")


def write_summary(path: Path, work: Assignment, grades: list[Grade], course: Course):
    headings = headings_of(work)
    present = [grade for grade in grades if grade.status != "missing"]
    totals = [grade.total for grade in present]
    meanings = Counter()
    for grade in present:
        for cell in grade.result["cells"]:
            own = {check["meaning"] for check in cell["checks"]} - {"", *marking.NO_ANSWER.values()}
            meanings.update((headings[cell["id"]], meaning) for meaning in own)
    looks = [
        (grade.student, note) for grade in present for note in _notes(grade, for_lecturer=True)
    ]
    page = _page(
        "summary.html",
        course=course.name,
        heading=headings[""],
        statuses=sorted(Counter(grade.status for grade in grades).items()),
        mean=statistics.mean(totals) if totals else None,
        median=statistics.median(totals) if totals else None,
        possible=sum(work.points.values()),
        unmarked=sum(grade.unmarked > 0 for grade in present),
        figures=figures(work, present, headings) if present else [],
        meanings=[(*key, n) for key, n in sorted(meanings.items(), key=lambda m: (-m[1], m[0]))],
        looks=looks,
        models=[(headings[c.grade_id], c.source) for c in work.of_kind("written")],
        columns=list(work.points),
        grades=grades,
    )
    path.write_text(page, encoding="utf8")


def figures(work: Assignment, grades: list[Grade], headings: dict[str, str]) -> list[dict]:
    """How totals are spread, and how many had each part right."""
    plots.use_style()
    possible = sum(work.points.values())
    totals = Counter(round(grade.total) for grade in grades)
    counts = [totals.get(points, 0) for points in range(possible + 1)]
    spread, ax = plt.subplots()
    plots.bars(
        counts, [str(p) for p in range(possible + 1)], ax=ax, annotate=None, ylabel="students"
    )
    ax.set_xlabel("total (points)")
    parts = [cell.grade_id for cell in work.of_kind("tests")]
    right = [100 * sum(bool(g.points[part]) for g in grades) / len(grades) for part in parts]
    success, ax = plt.subplots(figsize=(6, 1 + 0.4 * len(parts)))
    ax.barh(range(len(parts)), right, color=plots.COLORS["blue"])
    ax.set_yticks(range(len(parts)), parts)
    ax.invert_yaxis()
    ax.set(xlabel="students who had it right (%)", xlim=(0, 100))
    told = ", ".join(f"{n} with {p}" for p, n in enumerate(counts) if n)
    shares = ", ".join(f"{part} {share:.0f}%" for part, share in zip(parts, right, strict=True))
    return [
        _figure(spread, "How the totals are spread.", f"Students by total points: {told}."),
        _figure(success, "Who had each part right.", f"Share of students by part: {shares}."),
    ]


def _figure(figure, caption: str, alt: str) -> dict:
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    width, height = (round(size * 96) for size in figure.get_size_inches())
    plt.close(figure)
    data = base64.b64encode(picture.getvalue()).decode()
    return {"data": data, "caption": caption, "alt": alt, "width": width, "height": height}


def headings_of(work: Assignment) -> dict[str, str]:
    """For each graded cell the heading above it; for '' the notebook's title."""
    above, current = {}, work.name
    for cell in work.cells:
        if cell.cell_type == "markdown" and cell.source.startswith("#"):
            current = cell.source.split("\n")[0].lstrip("# ").strip()
        above.setdefault("", current)
        if cell.grade_id in work.points:
            above[cell.grade_id] = current
    parts = Counter(above.values())
    return {name: f"{text}: {name}" if parts[text] > 1 else text for name, text in above.items()}


def _page(template: str, **content) -> str:
    loader = jinja2.FileSystemLoader(TEMPLATES)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    style = (TEMPLATES / "style.css").read_text(encoding="utf8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    style_hash = f"sha256-{digest}"
    content |= {"style": jinja2.utils.markupsafe.Markup(style), "style_hash": style_hash}
    return environment.get_template(template).render(**content)


def _table(path: Path, head: list, rows: list[list], encoding: str = "utf8"):
    """A CSV file in which no text can be taken for a formula by a spreadsheet."""
    with open(path, "w", encoding=encoding, newline="") as opened:
        csv.writer(opened).writerows([[_harmless(value) for value in row] for row in [head, *rows]])


def _harmless(value):
    if isinstance(value, str) and value.lstrip()[:1] in ("=", "+", "-", "@"):
        return "'" + value
    return value


def _as_written(text: str) -> str:
    """What `_harmless` was given."""
    return text[1:] if text == _harmless(text[1:]) != text[1:] else text


def _totals(grades: list[Grade]) -> dict[str, float]:
    """Totals of those whose id is theirs alone."""
    counts = Counter(grade.student for grade in grades)
    present = [g for g in grades if g.status != "missing" and counts[g.student] == 1]
    return {grade.student: grade.total for grade in present}


def _notes(grade: Grade, for_lecturer: bool) -> list[str]:
    whose = [f"those of {', '.join(grade.copied_from)}"] if grade.copied_from else []
    return [*grade.notes, *whose] if for_lecturer else grade.notes


def _name(row: dict[str, str]) -> str:
    return row.get("Student") or row.get("Full name") or row.get("name", "")
