"""Reports and tables: they teach, they hold what the systems want, and nothing in them acts."""

import csv
import json
import os
import re
from pathlib import Path

import pytest

from booktools import browser as chromium
from coursework import assignment, course, grade, report, submissions
from tests.coursework.conftest import SEED

NAME = "01_information_content"
HTML = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
MISTAKES = {
    "surprise": "def surprise(p, base=2):\n    if not 0 <= p <= 1: raise ValueError\n"
    "    return -math.log(p) if p else 0",
    "joint": "def conditional_surprise(joint, x, y): return -math.log2(joint[x][y])\n"
    "my_pair = my_overcount = {'<b>': 1}",
    "questions": f"def questions_needed(cases, answers=2): raise ValueError({HTML!r})",
}


def grades(tmp_path, notebooks: dict, settings="", roster=None, written=None):
    """Grade notebooks by file name; the folder of what came out."""
    folder = tmp_path / "handed in"
    for name, notebook in notebooks.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook), encoding="utf8")
    course_file = tmp_path / "course.toml"
    course_file.write_text(f'name = "Course <&>"\nseed = "{SEED}"\n{settings}', encoding="utf8")
    if roster is not None:
        (tmp_path / "roster.csv").write_text(roster, encoding="utf8")
    assert grade.main([str(folder), "--course", str(course_file)]) == 0
    return tmp_path / "handed in-graded" / NAME


def table(path) -> list[dict]:
    with open(path, encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, handing):
    """Reports on a student who writes HTML, formulas and invisible characters wherever it goes."""
    odd = "\ud800\u202e\x1b[31m\x00"
    notebooks = {
        f"{HTML.replace('/', '')}.ipynb": handing.notebook(written=HTML, **MISTAKES),
        "=cmd|'calc'!A1.ipynb": handing.notebook("=cmd|'calc'!A1", written="=1+1"),
        "+1.ipynb": handing.notebook("+1", written="\t@SUM(A1)"),
        "zoe;=1+1.ipynb": handing.notebook(
            "zoe;=1+1", written='Mine;=HYPERLINK("x")\n-1\t+1;"=1+1;;  @x\n\uff1d1'
        ),
        "odd.ipynb": handing.notebook("odd", written=odd, last=f"raise ValueError({odd!r})"),
        "..ipynb": {},
        "x" * 240 + ".ipynb": handing.notebook("x", first=HTML),
        os.fsdecode(b"\xff\n.ipynb"): handing.notebook("y"),
    }
    return grades(tmp_path_factory.mktemp("hostile"), notebooks)


def test_html_stays_text(hostile):
    pages = [path.read_text(encoding="utf8") for path in hostile.rglob("*.html")]
    assert len(pages) == 9
    for page in pages:
        assert "<script" not in page and "onerror=" not in page.replace("onerror=&#34;", "")
    assert any("&lt;script&gt;" in page for page in pages)
    assert all("Course &lt;&amp;&gt;" in page for page in pages)


def test_invisible_characters_are_written_out(hostile):
    page = next(hostile.glob("reports/odd.ipynb.html")).read_text(encoding="utf8")
    assert r"\ud800\u202e\x1b[31m\x00" in page
    assert not re.search("[\u202e\x1b\x00]", page)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_no_cell_of_a_table_is_a_formula(hostile, delimiter):
    """Whichever character a spreadsheet takes to stand between cells."""
    for path in hostile.glob("*.csv"):
        with open(path, encoding="utf-8-sig", newline="") as opened:
            for row in csv.reader(opened, delimiter=delimiter):
                assert not any(cell.lstrip()[:1] in tuple("=+-@\uff1d") for cell in row), row
    ids = [row["id"] for row in table(hostile / "grades.csv")]
    assert "'=cmd|'calc'!A1" in ids and "'+1" in ids and "zoe;'=1+1" in ids


def test_reports_stay_in_their_folder():
    for label in ("../../x.ipynb", "/etc/x.ipynb", "a/../../x.ipynb", "//etc/x.ipynb"):
        path = report.report_path(label)
        assert ".." not in path.parts and not path.is_absolute()
    assert str(report.report_path("Ada_7_assignsubmission_file_/a b.ipynb")) == (
        "Ada_7_assignsubmission_file_/a b.ipynb.html"
    )
    assert len(report.report_path("é" * 200 + ".ipynb").name.encode()) < 256


@pytest.fixture(scope="module")
def reports(tmp_path_factory, handing):
    notebooks = {
        "ada.ipynb": handing.notebook("ada", **MISTAKES),
        "bob.ipynb": handing.notebook("bob"),
        "cyd.ipynb": handing.notebook("bob"),
    }
    return grades(tmp_path_factory.mktemp("reports"), notebooks)


def test_a_report_says_what_was_asked_what_came_and_why_it_is_wrong(reports):
    page = (reports / "reports" / "ada.ipynb.html").read_text(encoding="utf8")
    for told in (
        "Question 1: surprise (5 points): surprise-values",
        "That is in nats: bits take the logarithm to base 2.",
        "<code>surprise(1 / 8)</code>",
        "<code>2.0794415</code>",
        "An impossible event would be infinitely surprising; 0 says that it was certain.",
        "That is the information of both together: the sky is known, so divide by its P.",
        "<code>[surprise(q) for q in some_p]</code>",
        "This failed with an error.",
        "To be marked, out of 3 points.",
    ):
        assert told in page, told


def test_the_summary_counts_and_draws(reports):
    page = (reports / "summary.html").read_text(encoding="utf8")
    assert "2 ok, 1 tampered." in page
    assert page.count('src="data:image/png;base64,') == 2
    alts = re.findall(r'alt="([^"]+)"', page)
    assert alts[0].startswith("Students by total points: ") and "1 with 17" in alts[0]
    assert "surprise-values 67%" in alts[1]
    assert "the notebook states the id bob" in page
    assert "a model answer" in page and "Marking: 1 point" in page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [chromium.WIDE, chromium.PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("name", ["summary.html", "reports/ada.ipynb.html"])
def test_pages_in_a_browser(reports, hostile, name, viewport, scheme):
    """Everybody can use them; nothing is asked for; nothing is wider than the screen."""
    if chromium.find() is None and not os.environ.get("CI"):
        pytest.skip("no Chromium was found: install it to test the pages in a browser")
    faults = []
    with chromium.launched() as browser:
        page = browser.new_page(viewport=viewport, color_scheme=scheme)
        page.on("console", lambda message: faults.append(message.text))
        page.on(
            "request", lambda r: faults.append(r.url) if r.url[:5] not in ("file:", "data:") else 0
        )
        page.goto((reports / name).as_uri())
        assert chromium.violations(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"]
        for path in hostile.rglob("*.html"):
            page.goto(path.as_uri())
            assert page.title() != "owned"
        browser.close()
    assert faults == []


CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section
    Points Possible,,,,
"Lovelace, Ada",1204,S1,ada,A
"Babbage, Charles",1205,S2,charles,A
"""


def test_canvas_gets_what_its_gradebook_exports(tmp_path, handing):
    folder = grades(
        tmp_path,
        {"lovelaceada_LATE_1204_88_x.ipynb": handing.notebook("ada")},
        f'roster = "roster.csv"\nid_column = "SIS Login ID"\n[canvas]\n{NAME} = "A 1 (55)"',
        CANVAS,
    )
    assert (folder / "canvas.csv").read_text(encoding="utf8").splitlines() == [
        "Student,ID,SIS User ID,SIS Login ID,Section,A 1 (55)",
        "    Points Possible,,,,,20",
        '"Lovelace, Ada",1204,S1,ada,A,17',
        '"Babbage, Charles",1205,S2,charles,A,',
    ]
    rows = table(folder / "grades.csv")
    assert [(row["id"], row["status"], row["late"]) for row in rows] == [
        ("ada", "ok", "late"),
        ("charles", "missing", ""),
    ]


MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Grade can be changed
Participant 4711,Ada Lovelace,ada@example.org,Submitted for grading,,20.00,Yes
Participant 4712,Charles Babbage,charles@example.org,No submission,,20.00,Yes
"""


def test_moodle_gets_its_worksheet_back(tmp_path, handing):
    folder = grades(
        tmp_path,
        {"Ada Lovelace_4711_assignsubmission_file_/x.ipynb": handing.notebook("ada@example.org")},
        'roster = "roster.csv"\nid_column = "Email address"',
        MOODLE,
    )
    ada, charles = table(folder / "moodle.csv")
    assert list(ada) == [*MOODLE.splitlines()[0].split(","), "Feedback comments"]
    assert (ada["Identifier"], ada["Grade"], ada["Maximum Grade"]) == (
        "Participant 4711",
        "17",
        "20",
    )
    assert ada["Feedback comments"] == "The notebook ran to its end."
    assert (charles["Identifier"], charles["Grade"]) == ("Participant 4712", "")
    page = folder / "reports" / "Ada Lovelace_4711_assignsubmission_file_" / "x.ipynb.html"
    assert page.exists()


def test_moodle_without_a_roster(tmp_path, handing):
    name = "Ada Lovelace_4711_assignsubmission_file_x.ipynb"
    (row,) = table(grades(tmp_path, {name: handing.notebook("ada")}) / "moodle.csv")
    assert (row["Identifier"], row["Full name"]) == ("Participant 4711", "Ada Lovelace")
    assert (row["ID number"], row["Grade"]) == ("ada", "17")


def test_written_answers_are_marked_in_a_table(tmp_path, handing):
    notebooks = {
        "ada.ipynb": handing.notebook("ada", written="It depends on P alone.\n\nSo there."),
        "bob.ipynb": handing.notebook("bob", written="YOUR ANSWER HERE"),
    }
    folder = grades(tmp_path, notebooks)
    ada, bob = table(folder / "grades.csv")
    assert (ada["meaning"], ada["total"], bob["meaning"]) == ("", "17", "0")
    assert "1 written answers are still" in (folder / "summary.html").read_text(encoding="utf8")
    path = folder / "written.csv"
    (row,) = table(path)
    assert row["answer"] == "It depends on P alone.\n\nSo there."
    # A spreadsheet may save with semicolons, and with a comma in numbers.
    row |= {"points": "2,5", "comment": "Good; which number?"}
    with open(path, "w", encoding="utf8", newline="") as opened:
        csv.writer(opened, delimiter=";").writerows([row.keys(), row.values()])
    grades(tmp_path, {})
    ada, bob = table(folder / "grades.csv")
    assert (ada["meaning"], ada["total"], bob["total"]) == ("2.5", "19.5", "17")
    page = (folder / "reports" / "ada.ipynb.html").read_text(encoding="utf8")
    assert "2.5 of 3 points." in page and "Good; which number?" in page
    (kept,) = table(path)
    assert (kept["points"], kept["comment"]) == ("2.5", "Good; which number?")


@pytest.mark.parametrize("points", ["4", "-1", "many"])
def test_impossible_points_are_refused(tmp_path, work, points):
    path = tmp_path / "written.csv"
    path.write_text(f"id,question,points,out of,comment,answer\nada,meaning,{points},3,,x\n")
    with pytest.raises(course.CourseError, match="ada has '.*' points in meaning; give 0 to 3"):
        report.read_marks(path, work)


def test_marks_that_are_not_in_utf_8_are_refused_with_the_remedy(tmp_path, work):
    path = tmp_path / "written.csv"
    path.write_bytes(
        "id,question,points,out of,comment,answer\nada,meaning,2,3,schön,x\n".encode("latin1")
    )
    with pytest.raises(course.CourseError, match="save it as CSV UTF-8"):
        report.read_marks(path, work)


COMMENTS = [
    "- unclear unit",
    "'so' it is",
    "= 2 bits",
    "+1",
    "Two faults:\n- no unit\n-- no base;\t=2",
    ";;='=\n\n @",
    'see "= 2 bits"; "=2"',
]


@pytest.mark.parametrize("comment", COMMENTS)
def test_a_comment_stays_as_it_was_written(tmp_path, work, comment):
    path = tmp_path / "written.csv"
    with path.open("w", newline="") as opened:
        csv.writer(opened).writerows([report.WRITTEN, ["ada", "meaning", 2, 3, comment, "x"]])
    for _ in range(2):
        marks = report.read_marks(path, work)
        ((mark,),) = marks.values()
        assert (mark.student, mark.points, mark.comment) == ("ada", 2, comment)
        grade = report.Grade("ada", "Ada", "ok", {}, 20, marks={"meaning": mark})
        grade.result = {"written": {"meaning": "x"}}
        assert report.write_marks(path, work, [grade], marks) == []


@pytest.fixture
def written_up(tmp_path, work):
    """Write up results by file name, each an id or an id and more; the folder of what came out."""

    def write(results: dict, of_course=None) -> Path:
        of_course = of_course or course.Course("Course", SEED)
        marked = []
        for label, (student, *more) in results.items():
            file = submissions.whose(label, Path(), [NAME])
            student = of_course.student(file.system, file.key) or student
            result = {"student": student, "assignment": NAME, "status": "ok", "notes": []}
            result |= {"cells": [], "errors": [], "written": {"meaning": f"Mine: {label}"}}
            for cell in work.of_kind("tests"):
                part = {"id": cell.grade_id, "points": cell.points, "earned": cell.points}
                result["cells"].append(part | {"checks": []})
            if more == ["malformed"]:
                result |= {"assignment": "", "status": "malformed", "cells": [], "written": {}}
            marked.append((file, result))
        write.faults = report.write(marked, of_course, tmp_path)[1]
        return tmp_path / NAME

    return write


def totals(folder) -> list[tuple]:
    return [(row["id"], row["status"], row["total"]) for row in table(folder / "grades.csv")]


def test_a_file_beside_the_notebook_costs_nothing(written_up):
    """Neither its own points nor a row, with or without a roster."""
    files = {
        "lovelaceada_1204_88_a1.ipynb": ["ada"],
        "lovelaceada_1204_89_notes.pdf": ["", "malformed"],
        "Bob_4712_assignsubmission_file_/a1.ipynb": ["bob"],
        "Bob_4712_assignsubmission_file_/b.png": ["", "malformed"],
        "eve_1300_90_notes.pdf": ["", "malformed"],
        "eve_1300_91_photo.jpg": ["", "malformed"],
    }
    folder = written_up(files)
    expected = [("ada", "ok", "17"), ("bob", "ok", "17")]
    assert totals(folder) == [*expected, ("eve_1300_91_photo.jpg", "malformed", "0")]
    (row, *_) = table(folder / "grades.csv")
    assert row["notes"] == "also handed in, not counted: lovelaceada_1204_89_notes.pdf"
    assert [row["ID"] for row in table(folder / "canvas.csv")] == ["", "1204", "", "1300"]
    rows = [{"id": "ada", "canvas": "1204"}, {"id": "bob", "moodle": "4712"}]
    roster = [*rows, {"id": "eve", "canvas": "1300"}]
    folder = written_up(files, course.Course("Course", SEED, roster=roster))
    assert totals(folder) == [*expected, ("eve", "malformed", "0")]


def test_a_file_of_no_assignment_goes_with_the_accounts_other(work):
    results = []
    for label, name in (("a_1_1_x.ipynb", "01"), ("b_2_1_x.ipynb", "02"), ("b_2_2_x.pdf", "")):
        results.append((submissions.whose(label, Path()), {"assignment": name}))
    results.append((submissions.whose("c_3_1_x.ipynb", Path()), {"assignment": "01"}))
    sorted_out = report.by_assignment(results, course.Course("Course", SEED))
    assert {name: len(own) for name, own in sorted_out.items()} == {"01": 2, "02": 2}


def test_many_files_of_one_account_make_few_notes(written_up):
    files = {f"a_1_{n}_{'x' * 300}.pdf": ["", "malformed"] for n in range(100, 200)}
    (row,) = table(written_up(files | {"a_1_99_x.ipynb": ["ada"]}) / "grades.csv")
    assert row["total"] == "17" and row["notes"].endswith("; and 80 more")
    assert len(row["notes"]) < 6000


def test_an_id_is_one_however_it_is_spelled(written_up):
    files = {f"{n}_{n}_1_x.ipynb": [name] for n, name in enumerate(("ada", "ADA", "Ada "))}
    folder = written_up(files)
    assert totals(folder) == [("ada", "tampered", "17")] * 3
    assert "3 accounts handed in work with the id ada" in table(folder / "grades.csv")[0]["notes"]
    assert [row["ID"] for row in table(folder / "canvas.csv")] == [""]
    of_course = course.Course("Course", SEED, roster=[{"id": "ada", "name": "Ada Lovelace"}])
    for label in ("Ada.ipynb", "x_1_1_x.ipynb"):
        folder = written_up({label: ["ADA"]}, of_course)
        (row,) = table(folder / "grades.csv")
        assert (row["id"], row["name"], row["notes"]) == ("ada", "Ada Lovelace", "")


def mark(folder, rows: dict):
    """Fill in written.csv as a lecturer does."""
    filled = [row | rows.get(row["id"], {}) for row in table(folder / "written.csv")]
    with open(folder / "written.csv", "w", encoding="utf8", newline="") as opened:
        writer = csv.DictWriter(opened, report.WRITTEN)
        writer.writeheader()
        writer.writerows(filled)


def marks(folder) -> list[tuple]:
    rows = table(folder / "written.csv")
    return [(row["id"], row["points"], row["comment"], row["answer"]) for row in rows]


def test_no_mark_is_lost(written_up):
    """Where a spreadsheet changed an id, or a file is not there this time."""
    files = {"0012345.ipynb": ["0012345"], "bob.ipynb": ["bob"], "cyd.ipynb": ["cyd"]}
    folder = written_up(files)
    mark(folder, {"0012345": {"id": "12345", "points": "3", "comment": "Good"}})
    mark(folder, {"bob": {"points": "2"}})
    for _ in range(2):
        assert marks(written_up({label: files[label] for label in list(files)[:1]})) == [
            ("0012345", "", "", "Mine: 0012345.ipynb"),
            ("12345", "3", "Good", "Mine: 0012345.ipynb"),
            ("bob", "2", "", "Mine: bob.ipynb"),
        ]
        (fault,) = written_up.faults
        assert fault.startswith(f"{folder / 'written.csv'}: no answer fits these marks")
        assert fault.endswith("12345 in meaning, bob in meaning")
    mark(folder, {"12345": {"id": "0012345"}})
    folder = written_up(files)
    assert written_up.faults == []
    assert [given[:2] for given in marks(folder)] == [("0012345", "3"), ("bob", "2"), ("cyd", "")]
    assert [total for _, _, total in totals(folder)] == ["20", "19", "17"]


def test_a_marked_answer_that_was_changed_is_named(written_up, monkeypatch):
    folder = written_up({"ada.ipynb": ["ada"], "bob.ipynb": ["bob"]})
    mark(folder, {"ada": {"points": "3"}, "bob": {"points": "2"}})
    with monkeypatch.context() as broken, pytest.raises(ZeroDivisionError):
        broken.setattr(report, "write_summary", lambda *_: 1 / 0)
        written_up({"a_1_1_x.ipynb": ["ada"], "bob.ipynb": ["bob"]})
    folder = written_up({"a_1_1_x.ipynb": ["ada"], "bob.ipynb": ["bob"]})
    (fault,) = written_up.faults
    assert fault.startswith(f"{folder / 'written.csv'}: these answers are no longer those")
    assert fault.endswith(": ada in meaning")
    assert marks(folder)[0] == ("ada", "3", "", "Mine: a_1_1_x.ipynb")
    written_up({"a_1_1_x.ipynb": ["ada"], "bob.ipynb": ["bob"]})
    assert written_up.faults == []


def test_marks_of_one_id_stay_with_their_answers(written_up):
    files = {"a_1_1_x.ipynb": ["ada"], "b_2_1_x.ipynb": ["ada"]}
    folder = written_up(files)
    path = folder / "written.csv"
    text = path.read_text(encoding="utf-8-sig").replace("ning,,3,,Mine: b", "ning,2,3,,Mine: b")
    path.write_text(text.replace("ning,,3,,Mine: a", "ning,1,3,,Mine: a"), encoding="utf8")
    assert [points for _, points, _, _ in marks(written_up(files))] == ["1", "2"]
    assert written_up.faults == []


@pytest.mark.parametrize(
    "text, told",
    [
        ("question,points,out of,comment,answer\nmeaning,2,3,,x\n", "has no column 'id'"),
        ("", "has no column 'id': its first line must be id,question,points,out of"),
        ("id,question,points,comment\nada,other,2,\n", "there is no question 'other'"),
        (f"id,question,points,comment\n{'x' * 200_000}\n", "is no table in CSV: field larger"),
    ],
)
def test_a_table_of_marks_that_is_none_is_refused(tmp_path, work, text, told):
    path = tmp_path / "written.csv"
    path.write_text(text, encoding="utf8")
    with pytest.raises(course.CourseError, match=told):
        report.read_marks(path, work)


def test_empty_lines_of_a_spreadsheet_are_no_marks(tmp_path, work):
    path = tmp_path / "written.csv"
    path.write_text("id;question;points;comment\nada;meaning;2;\n;;;\n;;;\n", encoding="utf8")
    assert [key for key in report.read_marks(path, work)] == [("ada", "meaning")]


def test_only_reports_of_this_run_are_there(written_up):
    folder = written_up({"Ada_7_assignsubmission_file_/a.ipynb": ["ada"], "bob.ipynb": ["bob"]})
    (folder / "reports" / "mine.txt").write_text("x")
    written_up({"Ada_7_assignsubmission_file_/b.ipynb": ["ada"]})
    files = sorted(str(p.relative_to(folder / "reports")) for p in folder.glob("reports/**/*"))
    folder_of_ada = "Ada_7_assignsubmission_file_"
    assert files == [folder_of_ada, f"{folder_of_ada}/b.ipynb.html", "mine.txt"]


def test_files_whose_names_differ_at_their_ends_have_reports_each(written_up):
    folder = written_up({"a.ipynb": ["a"], "b.ipynb": ["b"], "a.html/c.ipynb": ["c"]})
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.ipynb.html"))
    assert found == [f"reports/{name}.ipynb.html" for name in ("a.html/c", "a", "b")]
    assert written_up.faults == []


def test_canvas_and_moodle_get_rows_without_an_id_back(written_up):
    canvas = [{"Student": name, "ID": str(n), "SIS Login ID": ""} for n, name in enumerate("xyz")]
    of_course = course.Course("Course", SEED, roster=canvas, id_column="SIS Login ID")
    rows = table(written_up({"y_1_7_x.ipynb": ["ada"]}, of_course) / "canvas.csv")
    assert [(row["Student"], row["ID"], row[NAME]) for row in rows[1:]] == [
        ("x", "0", ""),
        ("y", "1", "17"),
        ("z", "2", ""),
    ]
    moodle = [{"Identifier": f"Participant {n}", "ID number": ""} for n in range(3)]
    of_course = course.Course("Course", SEED, roster=moodle, id_column="ID number")
    rows = table(written_up({"Y_1_assignsubmission_file_x": ["ada"]}, of_course) / "moodle.csv")
    assert [(row["Identifier"], row["Grade"]) for row in rows] == [
        ("Participant 0", ""),
        ("Participant 1", "17"),
        ("Participant 2", ""),
    ]


def test_every_graded_cell_has_a_heading():
    for name in assignment.names():
        loaded = assignment.load(name)
        headings = report.headings_of(loaded)
        assert set(loaded.points) < set(headings)
        assert len(set(headings.values())) == len(headings)
