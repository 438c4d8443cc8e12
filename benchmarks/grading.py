"""How long grading takes, and how much memory, for classes of 50 and 200.

python -m benchmarks.grading

Half of each class hand in right answers, three tenths wrong ones, and the rest broken notebooks.
Run it on a quiet machine.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from coursework import assignment, prove
from coursework import grade as grading

NAME = "01_information_content"
BROKEN = [
    {"surprise": "def surprise(:"},
    {"message": "import os\nos._exit(1)"},
    {"questions": "def questions_needed(cases, answers=2): return 1 / 0"},
]
WRONG = {"surprise": "def surprise(p, base=2): return -math.log(p) if 0 < p < 1 else 0"}


def main():
    print("submissions  seconds each  grader's peak MB  a sandbox's peak MB")
    for size in (50, 200):
        with tempfile.TemporaryDirectory() as folder:
            handed_in = Path(folder, "handed in")
            hand_in(handed_in, size)
            start = time.perf_counter()
            command = [sys.executable, "-m", "benchmarks.grading", str(handed_in)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds = time.perf_counter() - start
            own, children = done.stdout.split()[-2:]
            print(f"{size:11} {seconds / size:13.3f} {own:>17} {children:>20}")


def hand_in(folder: Path, size: int):
    """Write a class's notebooks."""
    folder.mkdir()
    work = assignment.load(NAME)
    solutions = {cell.grade_id: cell.source for cell in work.of_kind("answer")}
    for n in range(size):
        answers = dict(solutions)
        if 5 <= n % 10 < 8:
            answers |= WRONG
        elif n % 10 >= 8:
            answers |= BROKEN[n % len(BROKEN)]
        student = f"student{n:03}"
        notebook = prove.handed_in(work, student, answers)
        (folder / f"{student}.ipynb").write_text(json.dumps(notebook), encoding="utf8")


def grade(folder: str):
    """Grade with two workers, and print the peaks of memory in MB."""
    course_file = Path(folder).with_name("course.toml")
    course_file.write_text(f'name = "Benchmark"\nseed = "{prove.SEED}"\n', encoding="utf8")
    arguments = [folder, "--course", str(course_file), "--workers", "2"]
    assert grading.main(arguments) == 0
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    print(*(resource.getrusage(kind).ru_maxrss // 1024 for kind in kinds))


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        grade(sys.argv[1])
