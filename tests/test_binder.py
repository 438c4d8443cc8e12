"""A reader's installation: small, and with the oldest supported versions every notebook runs."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


# What builds and tests the book, and is nothing to a reader.
TOOLS = {"jupyter-book", "sphinx", "pytest", "hypothesis", "mpmath", "nbval", "playwright", "ruff"}


def copy(names, to):
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, to)


def test_notebooks_run_where_only_a_reader_s_packages_are(tmp_path):
    # The notebooks run beside no infolib, so that they import the one that was installed.
    source, reading = tmp_path / "source", tmp_path / "reading"
    source.mkdir()
    reading.mkdir()
    copy(["pyproject.toml", "README.md", "LICENSE", "infolib", "binder"], source)
    copy(["pyproject.toml", "README.md", "conftest.py", "booktools", "book"], reading)
    # Students have what readers have; nothing of the grader is there.
    shutil.copytree(ROOT / "coursework" / "source", reading / "coursework" / "source")
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)

    def pip(*arguments):
        command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
        return subprocess.run(
            command, check=True, capture_output=True, text=True, cwd=source
        ).stdout

    oldest = ("-c", "binder/oldest.txt")
    pip("install", "-q", "-r", "binder/requirements.txt", *oldest)
    installed = pip("freeze")
    assert "entropy-course-infolib" in installed
    names = {line.split("==")[0].lower() for line in installed.splitlines()}
    assert {"numpy", "scipy", "matplotlib", "dask"} <= names
    assert not names & TOOLS
    pinned = (source / "binder/oldest.txt").read_text().splitlines()
    before_13 = sys.version_info < (3, 13)
    for line in pinned:
        requirement, _, marker = line.partition("; ")
        if "==" in line and (not marker or ("<" in marker) == before_13):
            assert requirement in installed

    pip("install", "-q", "nbval", "pytest", "ipykernel", *oldest)
    done = subprocess.run(
        # Old releases warn that they use what newer ones no longer have; that is no fault here.
        [python, "-m", "pytest", "book", "coursework/source", "-q", "-W", "ignore"]
        + ["-p", "no:cacheprovider"],
        capture_output=True,
        text=True,
        cwd=reading,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
