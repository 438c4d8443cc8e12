"""Grade notebooks that were handed in.

python -m coursework.grade SUBMISSIONS --course my/course.toml

SUBMISSIONS is a folder or a zip archive, as Canvas, Moodle or nbgrader export it, or with notebooks
named by the students' ids. Grades and reports go to a folder beside it. A run that was stopped
goes on where it was when the same command is given again.
"""

import argparse
import datetime
import json
import os
import socket
import sys
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import islice
from pathlib import Path

from coursework import assignment, course, marking, report, sandbox, submissions


def main(argv: list[str] | None = None) -> int:
    options = parsed(argv)
    try:
        of_course = course.load(options.course)
        if of_course.seed == course.EXAMPLE_SEED:
            print(
                "This is the example course, whose seed everybody can read: "
                "before you grade in earnest, make your own.",
                file=sys.stderr,
            )
        if options.assignment:
            assignment.load(options.assignment, of_course.source)
        if not options.submissions.exists():
            raise submissions.Malformed(f"{options.submissions} is not there")
        output = options.output or beside(options.submissions)
        handed = submissions.find(options.submissions, assignment.names(of_course.source))
        if not handed:
            raise submissions.Malformed(f"there is no file in {options.submissions}")
        results = grade(handed, of_course, output, options)
        early = before_deadline(of_course, {result["assignment"] for _, result in results})
        paths, faults = report.write(results, of_course, output, without_reports=early)
    except (
        assignment.AssignmentError,
        course.CourseError,
        sandbox.NoSandbox,
        submissions.Malformed,
        OSError,  # a folder that cannot be read or written: the message names it
    ) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Give the same command again to go on.", file=sys.stderr)
        return 130
    for path in paths:
        print(path)
    for name in early:
        print(f"{name}: not due yet, so no report was written for students")
    failed = [file for file, result in results if "failed" in result]
    faults += [f"{submissions.clean(f.label)}: the grader failed on this file" for f in failed]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if failed else 0


def parsed(argv: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m coursework.grade", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("submissions", type=Path, help="a folder or a zip archive")
    parser.add_argument("--course", type=Path, required=True, help="your course.toml")
    parser.add_argument("--assignment", default="", help="default: told from each notebook")
    parser.add_argument("--output", type=Path, help="default: SUBMISSIONS with -graded behind it")
    parser.add_argument(
        "--workers", type=positive, default=os.cpu_count() or 1, help="at once, default: all"
    )
    parser.add_argument("--scheduler", help="address of a Dask scheduler, to use its workers")
    return parser.parse_args(argv)


def positive(text: str) -> int:
    """A number of workers."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no number of workers: give 1 or more")
    return int(text)


def beside(given: Path) -> Path:
    """The folder for what comes out, next to what was handed in."""
    path = Path(os.path.abspath(given)) if given.name in ("", "..") else given
    if not path.name:
        raise submissions.Malformed(f"nothing stands beside {given}: name a folder by --output")
    return path.with_name(f"{path.stem}-graded")


def grade(handed, of_course, output: Path, options) -> list[tuple]:
    """Mark all files that were not marked before; each file with its result, in order.

    A file on which the grader itself fails stops nobody else's; it is tried again by the next run.
    """
    folder = output / "results"
    folder.mkdir(parents=True, exist_ok=True)
    progress = Progress(len(handed))
    paths, failed, given_out = {}, {}, set()

    def keep(path: Path, task: marking.Task, future):
        try:
            result = future.result()
            text = json.dumps(result, indent=1)
        except (sandbox.NoSandbox, sandbox.Stopped):
            raise
        except Exception as error:
            failed[path] = result = failure(task, error)
        else:
            partial = path.with_suffix(".partial")
            partial.write_text(text, encoding="utf8")
            partial.replace(path)
        progress.step(result["status"])

    def open_tasks():
        for file in handed:
            task = task_of(file, of_course, options.assignment)
            path = paths[file] = folder / f"{task.key}.json"
            if path.exists():
                progress.step("graded before")
            elif path in given_out:
                progress.step("the same as another")
            else:
                given_out.add(path)
                yield path, task

    run = on_scheduler if options.scheduler else here
    run(open_tasks(), keep, options)
    progress.end()
    return [
        (file, failed.get(path) or json.loads(path.read_text(encoding="utf8")))
        for file, path in paths.items()
    ]


def task_of(file: submissions.Handed, of_course, name: str) -> marking.Task:
    """What to mark, of one file."""
    raw, fault = b"", ""
    try:
        raw = file.read()
    except submissions.Malformed as error:
        fault = str(error)
    except Exception as error:
        fault = f"cannot be read: {submissions.told(error)}"
    student = of_course.student(file.system, file.key)
    seed, code, source = of_course.seed, of_course.code, of_course.source
    return marking.Task(student, raw, seed, code, name, source, fault=fault)


def failure(task: marking.Task, error: Exception) -> dict:
    """The result of a file with which the grader could not cope."""
    note = f"the grader failed on this file: {submissions.told(error)}"
    unmarked = marking.mark(replace(task, fault=note))
    return unmarked | {"status": "crashed", "failed": True}


def here(tasks, keep, options):
    """Mark on this machine, a few at a time, so that memory does not grow with their number."""
    kind = sandbox.choose()
    sandbox.STOP.clear()
    with ThreadPoolExecutor(options.workers) as pool:
        running = {}
        try:
            while True:
                for path, task in islice(tasks, max(0, 2 * options.workers - len(running))):
                    running[pool.submit(marking.mark, task, kind)] = path, task
                if not running:
                    return
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    keep(*running.pop(done), done)
        except BaseException:
            sandbox.STOP.set()
            pool.shutdown(cancel_futures=True)
            raise


def on_scheduler(tasks, keep, options):
    """Mark on the workers of a Dask cluster; work that a lost worker had goes to another."""
    try:
        from distributed import Client, as_completed
        from distributed.comm import get_address_host_port
    except ImportError:
        raise course.CourseError("--scheduler needs Dask: pip install '.[dask]'") from None
    try:
        # Dask itself would wait long for nobody.
        socket.create_connection(get_address_host_port(options.scheduler), timeout=10).close()
        client = Client(options.scheduler)
    except (OSError, ValueError) as error:
        raise course.CourseError(f"no Dask scheduler at {options.scheduler}: {error}") from None
    with client:
        room = 4 * max(1, sum(client.nthreads().values()))
        running, done = {}, as_completed()
        while True:
            for path, task in islice(tasks, max(0, room - len(running))):
                future = client.submit(marking.mark, task, key=path.stem)
                running[future.key] = path, task
                done.add(future)
            if not running:
                return
            future = next(done)
            if future.cancelled():
                raise course.CourseError(
                    f"the Dask scheduler at {options.scheduler} was lost: start it again, and give "
                    "the same command to go on"
                )
            keep(*running.pop(future.key), future)
            future.release()


def before_deadline(of_course, names: set[str]) -> set[str]:
    """Assignments that students may still hand in."""
    now = datetime.datetime.now(datetime.UTC)
    return {
        name for name in names if name in of_course.deadlines and now < of_course.deadlines[name]
    }


class Progress:
    """A line that says how far the work is."""

    def __init__(self, total: int):
        self.total, self.counts = total, Counter()
        self.live = sys.stderr.isatty()

    def step(self, status: str):
        self.counts[status] += 1
        done = self.counts.total()
        if self.live or done == self.total or done % max(1, self.total // 10) == 0:
            bar = ("█" * (20 * done // self.total)).ljust(20, "·")
            kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.counts.items()))
            end = "" if self.live else "\n"
            print(
                f"{chr(13) * self.live}{bar} {done}/{self.total}: {kinds} ",
                end=end,
                file=sys.stderr,
            )

    def end(self):
        if self.live:
            print(file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
