"""A reader's installation: small, and with the oldest supported versions every notebook runs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
BINDER = ROOT / "binder"


def test_notebooks_run_where_only_a_reader_s_packages_are(tmp_path):
    python = tmp_path / "env" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "env"], check=True)

    def pip(*arguments):
        command = [python, "-m", "pip", "--disable-pip-version-check", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout

    pip("install", "-q", "-r", BINDER / "requirements.txt", "-c", BINDER / "oldest.txt")
    installed = pip("freeze")
    assert "entropy-course-infolib" in installed
    assert len(installed.splitlines()) <= 15  # numpy, scipy, matplotlib and what they need
    pinned = [line for line in (BINDER / "oldest.txt").read_text().splitlines() if "==" in line]
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for line in pinned:
        requirement, _, marker = line.partition("; ")
        if not marker or ("<" in marker) == (version < "3.13"):
            assert requirement in installed

    pip("install", "-q", "nbval", "pytest", "ipykernel", "-c", BINDER / "oldest.txt")
    done = subprocess.run(
        [python, "-m", "pytest", "book", "-q", "-p", "no:cacheprovider", "--color=no"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
