"""What comes out of grading: tables for the lecturer and the systems, and a page for each student.

Everything that a student wrote is text here, escaped by the templates and, in tables, kept from
being read as a formula.
"""

import base64
import csv
import hashlib
import io
import re
import statistics
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import jinja2
import matplotlib.pyplot as plt

from coursework import assignment, marking
from coursework.assignment import Assignment
from coursework.course import Course, CourseError, number
from coursework.submissions import Handed, below, clean, few, folded, told
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
# What a spreadsheet takes for a formula, where a cell begins; the wide forms are the East's.
FORMULA = re.compile(r"[\s\"']*[=+\-@\uff1d\uff0b\uff0d\uff20]")
# Where a cell begins, for a spreadsheet that takes another character than the comma between them.
CELLS = re.compile(r"([;\t\r\n])")


@dataclass(eq=False)
class Mark:
    """What a lecturer gave for a written answer: one row of written.csv."""

    student: str
    question: str
    points: float | None = None
    comment: str = ""
    answer: str = ""


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
    marks: dict[str, Mark] = field(default_factory=dict)

    @property
    def total(self) -> float:
        return sum(value for value in self.points.values() if value is not None)


def write(results: list[tuple], course: Course, output: Path, without_reports=()) -> tuple:
    """Write everything, a folder for each assignment.

    Returns the paths that a lecturer opens first, and sentences on what could not be done.
    """
    shown, faults, marked = [], [], []
    for name, own in by_assignment(results, course).items():
        work = assignment.load(name, course.source)
        marks = read_marks(output / name / "written.csv", work)
        marked.append((work, grades_of(work, own, course, marks), marks))
    for work, grades, _ in marked:
        name, folder = work.name, output / work.name
        folder.mkdir(parents=True, exist_ok=True)
        write_grades(folder / "grades.csv", work, grades)
        write_canvas(folder / "canvas.csv", work, grades, course)
        write_moodle(folder / "moodle.csv", work, grades, course)
        write_summary(folder / "summary.html", work, grades, course)
        clear(folder / "reports")
        for grade in grades:
            if grade.file is not None and name not in without_reports:
                try:
                    write_student(folder / "reports", work, grade, course)
                except Exception as error:  # nobody else shall miss theirs
                    faults.append(f"{clean(grade.file.label)}: no report, because of {told(error)}")
        shown += [folder / "summary.html", folder / "grades.csv"]
    # Last, for what is said of these tables can be seen in them once only.
    for work, grades, marks in marked:
        path = output / work.name / "written.csv"
        if left := write_marks(path, work, grades, marks):
            whose = ", ".join(few([f"{mark.student} in {mark.question}" for mark in left]))
            faults.append(
                f"{path}: no answer fits these marks, which are kept at its end "
                f"(has the spreadsheet changed an id?): {whose}"
            )
        if changed := _changed(grades):
            faults.append(
                f"{path}: these answers are no longer those that stood beside their marks, which "
                f"count until you enter others: {', '.join(few(changed))}"
            )
    return shown, faults


def _changed(grades: list[Grade]) -> list[str]:
    """Whose answers, marked or commented on, are other ones now."""
    return [
        f"{grade.student} in {question}"
        for grade in grades
        for question, mark in grade.marks.items()
        # A lecturer's own table may be without answers.
        if mark.answer and not _stood_beside(mark, grade.result["written"][question])
    ]


def by_assignment(results: list[tuple], course: Course) -> dict[str, list[tuple]]:
    """Results by assignment.

    A file that could be of any goes with another of the same account, or else with most files.
    """
    known = Counter(result["assignment"] for _, result in results if result["assignment"])
    usual = known.most_common(1)[0][0] if known else assignment.names(course.source)[0]
    own = {file.account: result["assignment"] for file, result in results if result["assignment"]}
    sorted_out = defaultdict(list)
    for file, result in results:
        sorted_out[result["assignment"] or own.get(file.account, usual)].append((file, result))
    return dict(sorted(sorted_out.items()))


def grades_of(work: Assignment, results: list[tuple], course: Course, marks: dict) -> list[Grade]:
    """One grade for each file that counts, and for each student who handed in nothing."""
    names = {row[course.id_column]: _name(row) for row in course.roster}
    # One spelling for each id: the roster's, or else the first.
    spelled = {folded(result["student"]): result["student"] for _, result in reversed(results)}
    spelled |= {folded(student): student for student in course.students()}
    results = [(f, r | {"student": spelled[folded(r["student"])]}) for f, r in results]
    fitting = marking.copied(work, course.code, sorted(set(spelled.values()) - {""}))
    grades = []
    for file, result in _counting(results):
        student = result["student"] or clean(file.label)
        grade = Grade(student, names.get(student, file.name), result["status"], {}, 0)
        grade.file, grade.result, grade.late = file, result, file.late
        grade.notes = list(result["notes"])
        grade.points = {cell["id"]: cell["earned"] for cell in result["cells"]}
        grade.points = {name: grade.points.get(name, 0) for name in work.points}
        for cell in work.of_kind("written"):
            answer = result["written"].get(cell.grade_id)
            grade.points[cell.grade_id] = 0
            if answer:
                mark = _mark_of(marks, student, cell.grade_id, answer)
                grade.marks[cell.grade_id], grade.points[cell.grade_id] = mark, mark.points
                grade.unmarked += cell.points if mark.points is None else 0
        try:
            grade.copied_from = fitting(result)
        except Exception as error:  # an answer's value may be anything
            grade.notes.append(f"the answers could not be compared with others': {told(error)}")
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


def _counting(results: list[tuple]) -> list[tuple]:
    """The last file of each account, and of those that are notebooks if there are any.

    Where several accounts state the same id, nobody can say whose the work is.
    """
    accounts, students = defaultdict(list), defaultdict(list)
    for file, result in results:
        accounts[file.account].append((file, result))
    for own in accounts.values():
        notebooks = [pair for pair in own if pair[1]["status"] != "malformed"]
        file, result = (notebooks or own)[-1]
        others = [clean(other.label)[:200] for other, _ in own if other is not file]
        notes = few([f"also handed in, not counted: {other}" for other in others])
        student = result["student"] or clean(file.label)
        students[student].append((file, result | {"notes": [*result["notes"], *notes]}))
    kept = []
    for student, own in students.items():
        if len(own) > 1:
            note = f"{len(own)} accounts handed in work with the id {student}"
            own = [(f, r | {"status": "tampered", "notes": [*r["notes"], note]}) for f, r in own]
        kept += own
    return kept


def read_marks(path: Path, work: Assignment) -> dict[tuple[str, str], list[Mark]]:
    """Points and comments that a lecturer gave to written answers, by id and question."""
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CourseError(f"{path} is not in UTF-8 ({error}): save it as CSV UTF-8") from None
    # A spreadsheet may save with another character between cells.
    delimiter = max(",;\t", key=text.split("\n", 1)[0].count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    marks = defaultdict(list)
    try:
        for column in ("id", "question", "points", "comment"):
            if column not in (rows.fieldnames or []):
                raise CourseError(
                    f"{path} has no column {column!r}: its first line must be {','.join(WRITTEN)}"
                )
        for row in rows:
            row = {column: row.get(column) or "" for column in WRITTEN}
            if any(value.strip() for value in row.values()):
                mark = _read_mark(path, row, work)
                if mark.points is not None or mark.comment:
                    marks[folded(mark.student), mark.question].append(mark)
    except csv.Error as error:
        raise CourseError(f"{path} is no table in CSV: {error}") from None
    return dict(marks)


def _read_mark(path: Path, row: dict[str, str], work: Assignment) -> Mark:
    question, given = row["question"], row["points"].strip()
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
    texts = (_as_written(row[column]) for column in ("id", "comment", "answer"))
    student, comment, answer = texts
    return Mark(student, question, points, comment, answer)


def _mark_of(marks: dict, student: str, question: str, answer: str) -> Mark:
    """The mark for this answer; of several with the same id, the one that stood beside it."""
    given = marks.get((folded(student), question), [])
    exact = [mark for mark in given if _stood_beside(mark, answer)]
    return (exact or given or [Mark(student, question)])[0]


def _stood_beside(mark: Mark, answer: str) -> bool:
    return mark.answer.split() == answer.split()


def write_marks(path: Path, work: Assignment, grades: list[Grade], marks: dict) -> list[Mark]:
    """Write the table to be marked; the marks that fit no answer, which are kept at its end."""
    rows, used = [], set()
    for grade in grades:
        for question, mark in grade.marks.items():
            rows.append((grade.student, mark, grade.result["written"][question]))
            used.add(mark)
    left = [mark for given in marks.values() for mark in given if mark not in used]
    rows += [(mark.student, mark, mark.answer) for mark in left]
    _table(
        path,
        WRITTEN,
        [
            [
                student,
                mark.question,
                "" if mark.points is None else mark.points,
                work.points[mark.question],
                mark.comment,
                answer,
            ]
            for student, mark, answer in rows
        ],
        SPREADSHEET,
    )
    return left


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
    for row, student, grade in _by_row(grades, course, "canvas"):
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
    worksheet = bool(course.roster) and "Identifier" in course.roster[0]
    own = ["Identifier", "Full name", "ID number", "Grade", "Maximum Grade", "Feedback comments"]
    head = list(course.roster[0]) if worksheet else own
    head += [column for column in ("Grade", "Feedback comments") if column not in head]
    rows = []
    for listed, student, grade in _by_row(grades, course, "moodle"):
        if not (listed if worksheet else student in totals):
            continue
        file = grade.file if grade else None
        moodle = file is not None and file.system == "moodle"
        row = {"ID number": student, "Full name": grade.name if grade else ""}
        row["Identifier"] = f"Participant {file.key}" if moodle else ""
        row |= listed if worksheet else {}
        row |= {"Grade": totals.get(student, ""), "Maximum Grade": sum(work.points.values())}
        if grade is not None and grade.status != "missing":
            row["Feedback comments"] = STATUS_TEXT[grade.status]
        rows.append([row.get(column, "") for column in head])
    _table(path, head, rows)


def _by_row(grades: list[Grade], course: Course, system: str) -> list[tuple]:
    """Each row of the roster with its student and grade, then students who are not on it.

    A row without an id is its account's.
    """
    grade_of = {grade.student: grade for grade in grades}
    numbers = {g.file.key: g.student for g in grades if g.file and g.file.system == system}
    rows = []
    for row in course.roster:
        student = row[course.id_column] or numbers.get(number(row, system), "")
        rows.append((row, student, grade_of.get(student)))
    listed = {student for _, student, _ in rows}
    return rows + [({}, s, grade_of[s]) for s in _totals(grades) if s not in listed]


def clear(folder: Path):
    """Remove the pages of an earlier run: a student may have handed in under another name since."""
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
        if path.is_file() and path.suffix == ".html":
            path.unlink()
        elif path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()


def write_student(folder: Path, work: Assignment, grade: Grade, course: Course):
    """The page that a student gets, in the place that the file had in what was handed in."""
    headings = headings_of(work)
    written = []
    for cell in work.of_kind("written"):
        mark = grade.marks.get(cell.grade_id)
        written.append(
            {
                "heading": headings[cell.grade_id],
                "points": mark.points if mark else 0,
                "possible": cell.points,
                "comment": mark.comment if mark else "",
                "answer": grade.result["written"].get(cell.grade_id, ""),
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
    parts = [clean(part).encode()[:200].decode(errors="ignore") for part in below(label)]
    *folders, name = parts
    return PurePosixPath(*folders, f"{name}.html")


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
    partial = path.with_suffix(".partial")  # for marks are in it, which must not be lost midway
    with open(partial, "w", encoding=encoding, newline="") as opened:
        csv.writer(opened).writerows([[_harmless(value) for value in row] for row in [head, *rows]])
    partial.replace(path)


def _harmless(value):
    if not isinstance(value, str):
        return value
    return "".join("'" + part if FORMULA.match(part) else part for part in CELLS.split(value))


def _as_written(text: str) -> str:
    """What `_harmless` was given."""
    parts = CELLS.split(text)
    return "".join(p[1:] if p[:1] == "'" and FORMULA.match(p) else p for p in parts)


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
