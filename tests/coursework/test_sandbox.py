"""The sandbox: which one, that it is refused where it does not hold, and as which user it runs."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from coursework import sandbox
from tests.coursework.conftest import CODE, SEED, total

ROOT = Path(__file__).parents[2]
STEP = {"cell": "a", "source": "x = 1", "seconds": 5, "locked": False}
ASK = {"check": 0, "group": "", "got": "x", "inputs": "gAR9lC4=", "seconds": 5}


def test_bubblewrap_holds_here():
    assert sandbox.fault_of(sandbox.Bubblewrap) == ""
    assert sandbox.choose() is sandbox.Bubblewrap


def put_on_path(monkeypatch, folder, **programs):
    """A PATH with these programs alone."""
    folder.mkdir()
    for name, script in programs.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_without_a_sandbox_nothing_runs(monkeypatch, tmp_path, capfd, handing):
    put_on_path(monkeypatch, tmp_path / "bin")
    from coursework import grade

    handed = tmp_path / "handed"
    handed.mkdir()
    trace = tmp_path / "trace"
    code = f"open({str(trace)!r}, 'w').write('ran')"
    (handed / "ada.ipynb").write_text(json.dumps(handing.notebook(first=code)))
    course = tmp_path / "course.toml"
    course.write_text(f'name = "c"\nseed = "{SEED}"\n')
    assert grade.main([str(handed), "--course", str(course)]) == 1
    said = capfd.readouterr().err
    assert "bubblewrap: not installed" in said and "Docker: not installed" in said
    assert "docker build" in said
    assert not trace.exists()
    assert not list((tmp_path / "handed-graded" / "results").iterdir())


def test_a_sandbox_that_cannot_start_is_refused(monkeypatch, tmp_path):
    said = "bwrap: setting up uid map: Permission denied"
    put_on_path(monkeypatch, tmp_path / "bin", bwrap=f"echo '{said}' >&2; exit 1")
    assert sandbox.fault_of(sandbox.Bubblewrap) == f"does not start: {said}"
    with pytest.raises(sandbox.NoSandbox, match="uid map"):
        sandbox.choose()


def test_a_sandbox_that_does_not_hold_is_refused(monkeypatch, tmp_path):
    """A program of that name which just runs what it is given."""
    script = f"exec {sys.executable} -I {sandbox.COLLECT}"  # as trusted code, the probe, alone
    put_on_path(monkeypatch, tmp_path / "bin", bwrap=script, docker=script)
    for kind in (sandbox.Bubblewrap, sandbox.Docker):
        assert sandbox.fault_of(kind).startswith("does not hold what it should")


def test_dockers_command_line(tmp_path):
    with sandbox.Docker() as box:
        command = box.command("a-name", sandbox.Limits())
    words = " ".join(command)
    for wanted in (
        "docker run --rm --interactive --name a-name",
        "--network none",
        "--read-only",
        "--cap-drop ALL",
        "--security-opt no-new-privileges",
        "--user 65534:65534",
        f"--memory {2 * 2**30} --memory-swap {2 * 2**30}",
        "--pids-limit 32",
        f"--tmpfs /tmp:size={64 * 2**20},mode=1777",
        f"--mount type=bind,source={box.folder},target=/grader,readonly",
    ):
        assert wanted in words
    assert command[-5:] == [sandbox.IMAGE, "python", "-I", "-B", "/grader/collect.py"]
    assert "NPROC" not in box.process_limits(sandbox.Limits())


def test_docker_is_killed_by_name(monkeypatch, tmp_path):
    """With a stand-in for Docker that writes down what it is told; no engine runs here."""
    told = tmp_path / "told"
    script = f'echo "$1 $2 $3 $4 $5" >> {told}\n[ "$1" = kill ] || exec sleep 60'
    put_on_path(monkeypatch, tmp_path / "bin", docker=script, sleep='exec /bin/sleep "$@"')
    with sandbox.Docker() as box:
        outcome = box.run({"given": {}, "steps": []}, sandbox.Limits(total_seconds=0.5))
    assert outcome.ended == "timeout"
    run, kill = [line.split() for line in told.read_text().splitlines()]
    assert run[:4] == ["run", "--rm", "--interactive", "--name"]
    assert kill == ["kill", run[4]]


def test_dockers_image_holds_no_infolib():
    text = (ROOT / "coursework" / "Dockerfile").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert not any("infolib" in line or "COPY" in line for line in lines)


def test_files_of_a_sandbox_are_gone_afterwards():
    with sandbox.Bubblewrap(["information_content"]) as box:
        assert (box.folder / "infolib" / "measures.py").exists()
    assert not box.folder.exists()


def test_functions_asked_for_are_taken_out_of_infolib():
    source = "import infolib\nx = infolib.entropy([0.5, 0.5])"
    refused = "import infolib.measures as m\ntry: m.information_content(0.5)\n"
    refused += "except RuntimeError as error: x = str(error)"
    with sandbox.Bubblewrap(["information_content"]) as box:
        for code, value in ((source, 1.0), (refused, "information_content is what you are asked")):
            request = {"given": {}, "steps": [STEP | {"source": code}, ASK]}
            answer = box.run(request, sandbox.Limits()).messages[1]
            assert str(answer["value"]).startswith(str(value)), answer


def test_the_filter_for_the_kernel():
    program = sandbox.seccomp_filter()
    assert len(program) % 8 == 0
    steps = list(struct.iter_unpack("HBBI", program))
    assert steps[-1] == (0x06, 0, 0, 0x7FFF0000)
    assert len([step for step in steps if step[0] == 0x15]) == sandbox.FORBIDDEN.count(",") + 2
    names = [entry.split()[0] for entry in sandbox.FORBIDDEN.split(",")]
    assert len(names) == len(set(names))


def closed_to_others(folder: Path) -> list[Path]:
    """The topmost folder on the way to this one that only its owner may enter; none or one."""
    return [p for p in reversed(folder.parents) if not p.stat().st_mode & 0o001][:1]


@pytest.mark.skipif(os.geteuid() != 0, reason="the other tests are run by an ordinary user then")
def test_an_ordinary_user(handing, full):
    """Root lends its Python and this course to a user without any privilege, who grades."""
    notebook = handing.notebook(first="import os\nwhile os.getuid() == 0: pass")
    bombs = "import os, time\nwhile True:\n"
    bombs += "    try: os.fork()\n    except OSError: time.sleep(0.05)"
    handed_in = {"ada": notebook, "eve": handing.notebook("eve", last=bombs)}
    script = f"""
import json, os, sys
from coursework import marking, sandbox
assert os.getuid() == 4321
for student, notebook in json.load(sys.stdin).items():
    raw = json.dumps(notebook).encode()
    task = marking.Task(student, raw, {SEED!r}, {CODE!r}, {handing.work.name!r}, limits=(1, 3))
    print(json.dumps(marking.mark(task, sandbox.choose())))
"""
    command = [
        "bwrap",
        "--bind",
        "/",
        "/",
        "--dev-bind",
        "/dev",
        "/dev",
        "--bind",
        "/proc",
        "/proc",
    ]
    lent = {ROOT, Path(sys.base_prefix), Path(sys.executable).resolve().parents[1]}
    closed = {top: None for folder in lent for top in closed_to_others(folder)}
    for top in closed:
        command += ["--tmpfs", str(top), "--chmod", "0755", str(top)]
    for folder in lent:
        for top in closed_to_others(folder):
            for parent in reversed(folder.parents):
                command += ["--dir", str(parent)] if top in parent.parents else []
            command += ["--ro-bind", str(folder), str(folder)]
    command += ["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups"]
    command += ["--inh-caps=-all", "--bounding-set=-all", sys.executable, "-c", script]
    given = json.dumps(handed_in)
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ada, eve = map(json.loads, done.stdout.splitlines())
    assert (ada["status"], total(ada)) == ("ok", full), ada["notes"]
    assert eve["status"] in ("timeout", "crashed")


def test_no_student_code_is_run_or_unpickled_outside():
    """The trusted files neither load nor run anything that came back."""
    for name in ("submissions", "marking", "report", "grade", "course", "sandbox"):
        source = (ROOT / "coursework" / f"{name}.py").read_text()
        for forbidden in ("pickle.load", "eval(", "exec(", "importlib", "__import__", "runpy"):
            where = source.replace("literal_eval(", "").replace(
                "importlib.util import find_spec", ""
            )
            assert forbidden not in where, f"{name}.py: {forbidden}"


def test_a_python_below_tmp(tmp_path):
    """The sandbox's own /tmp does not hide it."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    script = "from coursework import sandbox; print(sandbox.fault_of(sandbox.Bubblewrap))"
    command = [tmp_path / "venv" / "bin" / "python", "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"
