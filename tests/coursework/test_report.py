"""Reports and tables: they teach, they hold what the systems want, and nothing in them acts."""

import csv
import json
import os
import re

import pytest

from booktools import browser as chromium
from coursework import assignment, course, grade, report
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
        "odd.ipynb": handing.notebook("odd", written=odd, last=f"raise ValueError({odd!r})"),
        "..ipynb": {},
        "x" * 240 + ".ipynb": handing.notebook("x", first=HTML),
        os.fsdecode(b"\xff\n.ipynb"): handing.notebook("y"),
    }
    return grades(tmp_path_factory.mktemp("hostile"), notebooks)


def test_html_stays_text(hostile):
    pages = [path.read_text(encoding="utf8") for path in hostile.rglob("*.html")]
    assert len(pages) == 8
    for page in pages:
        assert "<script" not in page and "onerror=" not in page.replace("onerror=&#34;", "")
    assert any("&lt;script&gt;" in page for page in pages)
    assert all("Course &lt;&amp;&gt;" in page for page in pages)


def test_invisible_characters_are_written_out(hostile):
    page = next(hostile.glob("reports/odd.html")).read_text(encoding="utf8")
    assert r"\ud800\u202e\x1b[31m\x00" in page
    assert not re.search("[\u202e\x1b\x00]", page)


def test_no_cell_of_a_table_is_a_formula(hostile):
    for path in hostile.glob("*.csv"):
        with open(path, encoding="utf-8-sig", newline="") as opened:
            for row in csv.reader(opened):
                assert not any(cell.lstrip()[:1] in ("=", "+", "-", "@") for cell in row), row
    ids = [row["id"] for row in table(hostile / "grades.csv")]
    assert "'=cmd|'calc'!A1" in ids and "'+1" in ids


def test_reports_stay_in_their_folder():
    for label in ("../../x.ipynb", "/etc/x.ipynb", "a/../../x.ipynb"):
        path = report.report_path(label)
        assert ".." not in path.parts and not path.is_absolute()
    assert str(report.report_path("Ada_7_assignsubmission_file_/a b.ipynb")) == (
        "Ada_7_assignsubmission_file_/a b.html"
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
    page = (reports / "reports" / "ada.html").read_text(encoding="utf8")
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
@pytest.mark.parametrize("name", ["summary.html", "reports/ada.html"])
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
    assert (folder / "reports" / "Ada Lovelace_4711_assignsubmission_file_" / "x.html").exists()


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
    page = (folder / "reports" / "ada.html").read_text(encoding="utf8")
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


@pytest.mark.parametrize("comment", ["- unclear unit", "'so' it is", "= 2 bits", "+1"])
def test_a_comment_stays_as_it_was_written(tmp_path, work, comment):
    path = tmp_path / "written.csv"
    with path.open("w", newline="") as opened:
        csv.writer(opened).writerows([report.WRITTEN, ["ada", "meaning", 2, 3, comment, "x"]])
    for _ in range(2):
        marks = report.read_marks(path, work)
        assert marks == {("ada", "meaning"): (2, comment)}
        result = {"written": {"meaning": "x"}}
        grade = report.Grade("ada", "Ada", "ok", {}, 20, result=result)
        report.write_marks(path, work, [grade], marks)


def test_every_graded_cell_has_a_heading():
    for name in assignment.names():
        loaded = assignment.load(name)
        headings = report.headings_of(loaded)
        assert set(loaded.points) < set(headings)
        assert len(set(headings.values())) == len(headings)
