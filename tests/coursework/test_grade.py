"""From a folder of files to grades, as a lecturer does it."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from coursework import assignment, course, grade, marking, release, submissions
from tests.coursework.conftest import SEED

ROOT = Path(__file__).parents[2]
NAME = "01_information_content"
ROSTER = "id,name\nada,Ada\nbob,Bob\ncyd,Cyd\ndan,=Dan\neve,Eve\n"


@pytest.fixture
def class_of(tmp_path, handing, unanswered):
    """A folder with what a class handed in, its course file, and a way to grade it."""
    folder = tmp_path / "handed in"
    folder.mkdir()
    nats = "def surprise(p, base=2): return -math.log(p)"
    copied = solved_values(handing, "ada")
    for student, notebook in {
        "ada": handing.notebook("ada"),
        "bob": handing.notebook("bob", surprise=nats),
        "cyd": handing.notebook("cyd", message=copied),
        "dan": handing.notebook("dan", last="import os; os._exit(1)", **unanswered),
    }.items():
        (folder / f"{student}.ipynb").write_text(json.dumps(notebook), encoding="utf8")
    (folder / "fay.ipynb").write_text("{")
    course_file = tmp_path / "course.toml"
    course_file.write_text(f'name = "Course"\nseed = "{SEED}"\nroster = "roster.csv"\n')
    (tmp_path / "roster.csv").write_text(ROSTER)
    return folder, course_file


def solved_values(handing, student) -> str:
    """An answer that holds another student's values as plain numbers."""
    checks = handing.work.checks(student, assignment.course_code(SEED), "any")
    values = {check.got: check.expected for check in checks}
    return (
        "def message_information(message, p):\n    return sum(surprise(p[s]) for s in message)\n"
        f"my_bits, my_excess = {values['my_bits']!r}, {values['my_excess']!r}"
    )


def graded(class_of, *options) -> Path:
    folder, course_file = class_of
    assert grade.main([str(folder), "--course", str(course_file), *options]) == 0
    return folder.with_name("handed in-graded") / NAME


def table(path: Path) -> list[dict]:
    with open(path, encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_class(class_of, capsys):
    folder = graded(class_of)
    rows = {row["id"]: row for row in table(folder / "grades.csv")}
    assert {student: (row["status"], row["total"]) for student, row in rows.items()} == {
        "ada": ("ok", "17"),
        "bob": ("ok", "3"),
        "cyd": ("tampered", "15"),
        "dan": ("crashed", "0"),
        "eve": ("missing", ""),
        "fay": ("malformed", "0"),
    }
    assert rows["ada"]["name"] == "Ada" and rows["dan"]["name"] == "'=Dan"
    assert rows["cyd"]["message-yours"] == "0"
    assert "those of ada" in rows["cyd"]["notes"]
    assert "this id is not on the roster" in rows["fay"]["notes"]
    assert rows["ada"]["meaning"] == ""  # still to be marked
    said = capsys.readouterr()
    assert "grades.csv" in said.out and "5/5" in said.err
    bob = (folder / "reports" / "bob.ipynb.html").read_text(encoding="utf8")
    assert "That is in nats: bits take the logarithm to base 2." in bob
    cyd = (folder / "reports" / "cyd.ipynb.html").read_text(encoding="utf8")
    assert "answers fit the data of another id" in cyd and "ada" not in cyd


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_input_gives_the_same_bytes(class_of):
    first = everything(graded(class_of, "--workers", "2"))
    for path in (class_of[0].with_name("handed in-graded") / "results").iterdir():
        path.unlink()
    assert everything(graded(class_of, "--workers", "1")) == first


def test_what_was_graded_is_not_run_again(class_of, monkeypatch, capsys):
    graded(class_of)
    capsys.readouterr()
    monkeypatch.setattr(marking, "mark", None)
    graded(class_of)
    assert "5 graded before" in capsys.readouterr().err


def test_what_has_changed_is_graded_again(class_of, handing, capsys):
    graded(class_of)
    capsys.readouterr()
    (class_of[0] / "fay.ipynb").write_text(json.dumps(handing.notebook("fay")), encoding="utf8")
    rows = {row["id"]: row for row in table(graded(class_of) / "grades.csv")}
    assert "4 graded before, 1 ok" in capsys.readouterr().err
    assert rows["fay"]["total"] == "17"


def started(command):
    """A grader that Ctrl+C stops, also where the tests run in the background and ignore it."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_an_interrupted_run_goes_on_where_it_was(class_of, handing):
    folder, course_file = class_of
    slow = json.dumps(handing.notebook("{}", last="import time; time.sleep(0.5)"))
    for n in range(8):
        (folder / f"slow{n}.ipynb").write_text(slow.replace("'{}'", f"'slow{n}'"), encoding="utf8")
    command = [sys.executable, "-m", "coursework.grade", str(folder), "--course", str(course_file)]
    results = folder.with_name("handed in-graded") / "results"
    process = started(command)
    while len(list(results.glob("*.json"))) < 3:
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Give the same command again" in said
    before = {path.name: path.stat().st_mtime_ns for path in results.glob("*.json")}
    assert 3 <= len(before) < 13
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"{len(before)} graded before" in done.stderr
    after = {path.name: path.stat().st_mtime_ns for path in results.glob("*.json")}
    assert len(after) == 13 and before.items() <= after.items()


def test_a_stop_does_not_wait_for_endless_notebooks(class_of, handing):
    folder, course_file = class_of
    for n in range(3):
        text = json.dumps(handing.notebook("ada", first="import time; time.sleep(9)"))
        (folder / f"aa{n}.ipynb").write_text(text, encoding="utf8")
    command = [sys.executable, "-m", "coursework.grade", str(folder), "--course", str(course_file)]
    process = started(command)
    while not psutil.Process(process.pid).children(recursive=True):
        time.sleep(0.05)
    time.sleep(1)
    start = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said
    assert time.monotonic() - start < 5


ENDLESS = {
    "loop": "import time\nwhile True:\n    try: time.sleep(600)\n    except BaseException: pass",
    "forks": "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(1)",
}


@pytest.mark.parametrize("name", ENDLESS)
def test_nothing_outlives_a_grader_that_is_killed(tmp_path, handing, name):
    """No handler runs then: those inside must see for themselves that the grader has gone."""
    folder = tmp_path / "handed in"
    folder.mkdir()
    notebook = json.dumps(handing.notebook("ada", first=ENDLESS[name]))
    (folder / "ada.ipynb").write_text(notebook, encoding="utf8")
    course_file = tmp_path / "course.toml"
    course_file.write_text(f'name = "Course"\nseed = "{SEED}"\n')
    command = [sys.executable, "-m", "coursework.grade", str(folder), "--course", str(course_file)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    busy = {"loop": 4, "forks": 20}[name]
    deadline = time.monotonic() + 60
    time.sleep(3)  # for what comes first, the trial of the sandbox, is over in an instant
    while len(inside := psutil.Process(process.pid).children(recursive=True)) < busy:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    process.kill()
    process.wait()
    _, alive = psutil.wait_procs(inside, timeout=10)
    left = [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    for outlived in left:
        outlived.kill()
    assert left == []


def test_reports_wait_for_the_deadline(class_of, capsys):
    with open(class_of[1], "a") as opened:
        opened.write(f"[deadlines]\n{NAME} = 9999-01-01T00:00:00+00:00\n")
    folder = graded(class_of)
    assert (folder / "grades.csv").exists() and not (folder / "reports").exists()
    assert f"{NAME}: not due yet, so no report was written" in capsys.readouterr().out
    text = class_of[1].read_text().replace("9999", "2020")
    class_of[1].write_text(text)
    assert (graded(class_of) / "reports" / "ada.ipynb.html").exists()


@pytest.mark.parametrize(
    "arguments, told",
    [
        (["nowhere"], "nowhere is not there"),
        (["empty"], "there is no file in"),
        (["handed in", "--assignment", "x"], "no assignment 'x'"),
        (["handed in", "--course", "x.toml"], "x.toml is not there"),
        (["handed in", "--course", "."], "Is a directory"),
        (["handed in", "--scheduler", "nonsense"], "no Dask scheduler at nonsense: missing port"),
        (["handed in", "--scheduler", "tcp://127.0.0.1:1"], "1: [Errno 111] Connection refused"),
        (["/"], "nothing stands beside /: name a folder by --output"),
    ],
)
def test_faults_of_a_command_are_said_in_a_line(class_of, tmp_path, capsys, arguments, told):
    (tmp_path / "empty").mkdir()
    arguments = ["--course", str(class_of[1]), str(tmp_path / arguments[0]), *arguments[1:]]
    assert grade.main(arguments) == 1
    said = capsys.readouterr().err
    assert told in said and "Traceback" not in said


def test_a_number_of_workers_that_is_none(class_of, capsys):
    for number in ("0", "-1", "two"):
        with pytest.raises(SystemExit):
            grade.main([str(class_of[0]), "--course", str(class_of[1]), "--workers", number])
        assert f"{number} is no number of workers" in capsys.readouterr().err


def test_the_folder_that_one_is_in(class_of, monkeypatch):
    for path in class_of[0].glob("[!f]*"):
        path.unlink()
    monkeypatch.chdir(class_of[0])
    assert grade.main([".", "--course", str(class_of[1])]) == 0
    assert (class_of[0].with_name("handed in-graded") / NAME / "grades.csv").exists()


def test_the_example_course_is_for_trying(class_of, capsys):
    assert grade.main([str(class_of[0]), "--course", str(course.EXAMPLE)]) == 0
    assert "whose seed everybody can read" in capsys.readouterr().err


@pytest.mark.parametrize("where", ["here", "cluster"])
@pytest.mark.filterwarnings("default")
def test_a_fault_of_the_grader_costs_one_file_its_points(class_of, monkeypatch, capsys, where):
    """The rest of the class is graded, and the file is tried again by the next run."""
    original = marking.mark_cells

    def faulty(work, cells, task, kind=None):
        if task.student == "bob":
            raise TypeError("what\nnobody foresaw")
        return original(work, cells, task, kind)

    monkeypatch.setattr(marking, "mark_cells", faulty)
    arguments = [str(class_of[0]), "--course", str(class_of[1])]
    if where == "here":
        assert grade.main(arguments) == 1
    else:
        import distributed

        with distributed.LocalCluster(
            n_workers=1, processes=False, protocol="tcp://", dashboard_address=None
        ) as cluster:
            assert grade.main([*arguments, "--scheduler", cluster.scheduler_address]) == 1
    folder = class_of[0].with_name("handed in-graded") / NAME
    rows = {row["id"]: row for row in table(folder / "grades.csv")}
    assert (rows["bob"]["status"], rows["bob"]["total"]) == ("crashed", "0")
    note = r"the grader failed on this file: TypeError: what\nnobody foresaw"
    assert note in rows["bob"]["notes"]
    assert (rows["ada"]["total"], rows["fay"]["status"]) == ("17", "malformed")
    assert "bob.ipynb: the grader failed on this file" in capsys.readouterr().err
    monkeypatch.setattr(marking, "mark_cells", original)
    rows = {row["id"]: row for row in table(graded(class_of) / "grades.csv")}
    assert (rows["bob"]["status"], rows["bob"]["total"]) == ("ok", "3")
    assert "4 graded before, 1 ok" in capsys.readouterr().err


def test_a_disk_that_fails_under_a_file(tmp_path, monkeypatch):
    def broken(opened):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(submissions, "_bounded", broken)
    (tmp_path / "ada.ipynb").write_text("{}")
    (file,) = submissions.find(tmp_path)
    task = grade.task_of(file, course.Course("Course", SEED), "")
    assert task.fault == "cannot be read: OSError: [Errno 5] Input/output error"


def test_a_report_that_cannot_be_written_costs_nobody_else_theirs(class_of, handing, capsys):
    folder = class_of[0]
    below = folder / "ada.ipynb.html"
    below.mkdir()
    (folder / "ada.ipynb").rename(below / "eve.ipynb")
    (folder / "ada.ipynb").write_text(json.dumps(handing.notebook("ada")), encoding="utf8")
    reports = graded(class_of) / "reports"
    assert (reports / "ada.ipynb.html").is_file() and (reports / "bob.ipynb.html").is_file()
    assert "ada.ipynb.html/eve.ipynb: no report, because of" in capsys.readouterr().err


def test_a_folder_for_each_student(tmp_path, handing):
    """The same name in each says nothing of whose a file is; the notebook does."""
    folder = tmp_path / "handed in"
    for student in ("ada", "bob"):
        (folder / student).mkdir(parents=True)
        text = json.dumps(handing.notebook(student))
        (folder / student / f"{NAME}.ipynb").write_text(text, encoding="utf8")
    course_file = tmp_path / "course.toml"
    course_file.write_text(f'name = "Course"\nseed = "{SEED}"\n')
    rows = table(graded((folder, course_file)) / "grades.csv")
    assert [(row["id"], row["status"], row["total"]) for row in rows] == [
        ("ada", "ok", "17"),
        ("bob", "ok", "17"),
    ]


def test_several_accounts_with_one_id(tmp_path, handing):
    """Without a roster a Canvas number says nothing of the id, which only the notebook states."""
    folder = tmp_path / "handed in"
    folder.mkdir()
    for name in ("a_1_1_x.ipynb", "b_2_1_x.ipynb", "c_LATE_3_1_x.ipynb"):
        student = "cyd" if name.startswith("c") else "ada"
        (folder / name).write_text(json.dumps(handing.notebook(student)), encoding="utf8")
    course_file = tmp_path / "course.toml"
    course_file.write_text(f'name = "Course"\nseed = "{SEED}"\n')
    rows = table(graded((folder, course_file)) / "grades.csv")
    assert [(row["id"], row["status"], row["late"]) for row in rows] == [
        ("ada", "tampered", ""),
        ("ada", "tampered", ""),
        ("cyd", "ok", "late"),
    ]
    assert "2 accounts handed in work with the id ada" in rows[0]["notes"]
    canvas = table(folder.with_name("handed in-graded") / NAME / "canvas.csv")
    assert [row["ID"] for row in canvas if row[NAME]] == ["", "3"]  # points possible, and cyd


def test_the_last_of_several_files_counts(tmp_path, handing):
    folder = tmp_path / "handed in"
    for name, answers in (("a-1", {"questions": "x = 1"}), ("a-2", {})):
        path = folder / f"Ada_7_assignsubmission_file_/{name}.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(handing.notebook("ada", **answers)), encoding="utf8")
    course_file = tmp_path / "course.toml"
    course_file.write_text(f'name = "Course"\nseed = "{SEED}"\n')
    (row,) = table(graded((folder, course_file)) / "grades.csv")
    assert (row["id"], row["total"]) == ("ada", "17")
    assert "also handed in, not counted: Ada_7_assignsubmission_file_/a-1.ipynb" in row["notes"]


@pytest.mark.filterwarnings("default")  # Dask speaks of the worker that it lost
def test_a_department_and_a_worker_that_dies(tmp_path, handing, capsys):
    """On a cluster of two workers, one of which is killed midway: all graded, none twice."""
    import distributed

    folder = tmp_path / "handed in"
    folder.mkdir()
    students = [f"student{n:02}" for n in range(16)]
    for student in students:
        notebook = handing.notebook(student, last="import time; time.sleep(0.3)")
        (folder / f"{student}.ipynb").write_text(json.dumps(notebook), encoding="utf8")
    course_file = tmp_path / "course.toml"
    course_file.write_text(f'name = "Course"\nseed = "{SEED}"\n')
    kept = []
    of_course = course.load(course_file)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None, silence_logs=50
    ) as cluster:
        first = next(iter(cluster.workers.values()))

        class Watched(grade.Progress):
            def step(self, status):
                kept.append(status)
                if len(kept) == 3:
                    os.kill(first.pid, signal.SIGKILL)
                super().step(status)

        options = grade.parsed([str(folder), "--course", str(course_file)])
        options.scheduler = cluster.scheduler_address
        original, grade.Progress = grade.Progress, Watched
        try:
            results = grade.grade(
                grade.submissions.find(folder), of_course, tmp_path / "o", options
            )
        finally:
            grade.Progress = original
    assert kept == ["ok"] * 16
    assert [result["student"] for _, result in results] == students
    assert len(list((tmp_path / "o" / "results").iterdir())) == 16


@pytest.mark.filterwarnings("default")
def test_a_scheduler_that_is_lost(class_of, monkeypatch, capsys):
    """That is no fault of the files: they are graded when the command is given again."""
    import distributed

    cluster = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50
    )
    step = grade.Progress.step

    def last_step(progress, status):
        step(progress, status)
        cluster.close()

    monkeypatch.setattr(grade.Progress, "step", last_step)
    arguments = [str(class_of[0]), "--course", str(class_of[1])]
    assert grade.main([*arguments, "--scheduler", cluster.scheduler_address]) == 1
    assert "was lost: start it again, and give the same command" in capsys.readouterr().err
    monkeypatch.setattr(grade.Progress, "step", step)
    assert len(table(graded(class_of) / "grades.csv")) == 6


def test_assignments_of_ones_own(tmp_path, handing, capsys):
    """A folder beside course.toml, with a question changed and nothing of the repository's."""
    notebook = json.loads(json.dumps(handing.work.notebook).replace(NAME, "my_own"))
    path = tmp_path / "mine" / "my_own" / "my_own.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(notebook), encoding="utf8")
    course_file = tmp_path / "course.toml"
    course_file.write_text(f'name = "Course"\nseed = "{SEED}"\nsource = "mine"\n')
    out = tmp_path / "released"
    assert release.main(["--course", str(course_file), "--output", str(out)]) == 0
    assert [p.name for p in out.rglob("*.ipynb")] == ["my_own.ipynb"]
    assert grade.main([str(out / "my_own"), "--course", str(course_file)]) == 0
    (row,) = table(out / "my_own-graded" / "my_own" / "grades.csv")
    assert (row["id"], row["status"], row["total"]) == ("example", "ok", "0")
