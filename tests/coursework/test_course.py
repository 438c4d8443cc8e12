"""Courses, rosters, and whose a file is."""

import json
import zipfile

import pytest

from coursework import course, submissions

SEED = 'seed = "a seed of more than twenty characters"\n'

NAMES = [
    ("ada.ipynb", "plain", "ada", "", False),
    ("below/ada.ipynb", "plain", "ada", "", False),
    (
        "lovelaceada_1204_883312_01_information_content.ipynb",
        "canvas",
        "1204",
        "lovelaceada",
        False,
    ),
    ("lovelaceada_LATE_1204_883312_a1-2.ipynb", "canvas", "1204", "lovelaceada", True),
    ("Ada Lovelace_4711_assignsubmission_file_/a1.ipynb", "moodle", "4711", "Ada Lovelace", False),
    ("Ada Lovelace_4711_assignsubmission_file_a1.ipynb", "moodle", "4711", "Ada Lovelace", False),
    (
        "Group 1-Ada_L._4711_assignsubmission_file_/x.ipynb",
        "moodle",
        "4711",
        "Group 1-Ada_L.",
        False,
    ),
    ("submitted/ada/a1/a1.ipynb", "nbgrader", "ada", "", False),
    ("ada_1.ipynb", "plain", "ada_1", "", False),
    ("../../ada.ipynb", "plain", "ada", "", False),
    ("ada/a2.ipynb", "", "ada/a2.ipynb", "", False),
    ("a2.ipynb", "", "a2.ipynb", "", False),
    ("submitted/ada/a2/a2.ipynb", "nbgrader", "ada", "", False),
]


@pytest.mark.parametrize("label, system, key, name, late", NAMES)
def test_whose_a_file_is(tmp_path, label, system, key, name, late):
    file = submissions.whose(label, tmp_path, ["a2"])
    assert (file.system, file.key, file.name, file.late) == (system, key, name, late)


def test_files_beside_notebooks_are_left_out(tmp_path):
    for name in (
        "ada.ipynb",
        ".DS_Store",
        "__MACOSX/._ada.ipynb",
        ".ipynb_checkpoints/ada-checkpoint.ipynb",
        "submitted/bob/a1/timestamp.txt",
        "Bob_7_assignsubmission_onlinetext_/onlinetext.html",
        "bob.pdf",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    assert [file.label for file in submissions.find(tmp_path)] == ["ada.ipynb", "bob.pdf"]


def test_archives_are_read_without_being_unpacked(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../escape_1_2_a.ipynb", "{}")
        archive.writestr("bomb.ipynb", b" " * (submissions.LARGEST + 1))
        archive.writestr("folder/", "")
    escape, bomb = submissions.find(path)
    assert (escape.key, escape.read()) == ("1", b"{}")
    with pytest.raises(submissions.Malformed, match="larger than 10 MB"):
        bomb.read()
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["all.zip"]
    assert not (tmp_path.parent.parent / "escape_1_2_a.ipynb").exists()


def test_files_come_in_the_order_of_their_numbers(tmp_path):
    for upload in (1000, 999):
        (tmp_path / f"ada_7_{upload}_x.ipynb").write_text("{}")
    found = [file.label for file in submissions.find(tmp_path)]
    assert found == ["ada_7_999_x.ipynb", "ada_7_1000_x.ipynb"]


def test_what_is_no_archive_is_refused(tmp_path):
    (tmp_path / "x.zip").write_text("x")
    with pytest.raises(submissions.Malformed, match="neither a folder nor a zip archive"):
        submissions.find(tmp_path / "x.zip")


def test_the_assignment_is_told_from_the_cells(handing, work):
    from coursework import assignment

    works = [assignment.load(name) for name in assignment.names()]
    cells = submissions.parse(json.dumps(handing.notebook()).encode())
    assert submissions.assignment_of(cells, works).name == work.name


def write(folder, text, roster=None):
    path = folder / "course.toml"
    path.write_text(text, encoding="utf8")
    if roster is not None:
        (folder / "roster.csv").write_text(roster, encoding="utf-8-sig")
    return path


CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Quiz (77)
    Points Possible,,,,,10
"Lovelace, Ada",1204,S1,ada,A,9
"Babbage, Charles",1205,S2,charles,A,
"""
MOODLE = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Feedback comments
Participant 4711,Ada Lovelace,ada@example.org,Submitted,,20,
"""


@pytest.mark.parametrize(
    "roster, column, system, key, student",
    [
        (CANVAS, "SIS Login ID", "canvas", "1204", "ada"),
        (CANVAS, "SIS Login ID", "canvas", "99", ""),
        (CANVAS, "SIS Login ID", "plain", "ada", "ada"),
        (MOODLE, "Email address", "moodle", "4711", "ada@example.org"),
        (CANVAS, "SIS Login ID", "plain", "Ada ", "ada"),
        (CANVAS, "SIS Login ID", "plain", "Zoe", "Zoe"),
        (MOODLE, "Email address", "", "a2.ipynb", ""),
        ("id,canvas,moodle\nada,1204,4711\n", "id", "canvas", "1204", "ada"),
        ("id,canvas,moodle\nada,1204,4711\n", "id", "moodle", "4711", "ada"),
    ],
)
def test_systems_numbers_lead_to_ids(tmp_path, roster, column, system, key, student):
    text = f'name = "c"\nroster = "roster.csv"\nid_column = "{column}"\n{SEED}'
    loaded = course.load(write(tmp_path, text, roster))
    assert loaded.student(system, key) == student


def test_a_courses_own_rows_only(tmp_path):
    text = f'name = "c"\nroster = "roster.csv"\nid_column = "SIS Login ID"\n{SEED}'
    assert course.load(write(tmp_path, text, CANVAS)).students() == ["ada", "charles"]


@pytest.mark.parametrize(
    "text, told",
    [
        (SEED, "give the course a name"),
        ('name = "c"', "give the course a seed"),
        ('name = "c"\nseed = "short"', "too short to be secret"),
        (f'name = "c"\n{SEED}rooster = "x"', "rooster is unknown; there are name, seed"),
        (f"name = 3\n{SEED}", "name must be a str"),
        ("name =", "course.toml: "),
        (f'name = "c"\n{SEED}roster = "none.csv"', "none.csv is not there"),
        (f'name = "c"\n{SEED}roster = "roster.csv"', "has no column 'id', but Student, ID"),
        (f'name = "c"\n{SEED}[deadlines]\na = 2027-01-01', "needs a date, a time and an offset"),
        (
            f'name = "c"\n{SEED}[deadlines]\na = 2027-01-01T00:00:00Z',
            r"\[deadlines\] names a, but there are: 01_information_content, 02_entropy",
        ),
        (f'name = "c"\n{SEED}[canvas]\n01_information = "Quiz"', "names 01_information, but"),
    ],
)
def test_faults_of_a_course_file_are_named(tmp_path, text, told):
    with pytest.raises(course.CourseError, match=told):
        course.load(write(tmp_path, text, CANVAS))


def test_a_missing_course_file_is_named(tmp_path):
    with pytest.raises(
        course.CourseError, match="is not there: copy .*course.toml and choose a seed"
    ):
        course.load(tmp_path / "course.toml")


def test_a_byte_order_mark_is_no_fault_of_a_course_file(tmp_path):
    path = write(tmp_path, f'name = "c"\n{SEED}')
    path.write_text(path.read_text(), encoding="utf-8-sig")
    assert course.load(path).name == "c"


def test_the_example_is_a_course():
    assert course.load().students() == []


def test_the_examples_seed_is_for_the_example_only(tmp_path):
    """It is public, and hidden inputs come from it."""
    assert course.load().seed == course.EXAMPLE_SEED
    text = course.EXAMPLE.read_text(encoding="utf8")
    with pytest.raises(course.CourseError, match="the seed is the example's"):
        course.load(write(tmp_path, text))
    own = text.replace(course.EXAMPLE_SEED, "a seed of more than twenty characters")
    assert course.load(write(tmp_path, own)).name == course.load().name
