"""Run a student's notebook and say what its names and functions give: inside the sandbox only.

Standard input brings one line with a JSON request, and stays open as long as the grader lives;
standard output gives one JSON message a line. The student's code shares a process with this code,
so a message is a claim about what the student's code gives, and no more: what it should give is
not known here. Nothing of the course is imported, and nothing printed by the student's code goes
anywhere.
"""

import ast
import asyncio
import base64
import ctypes
import getopt
import json
import os
import pickle
import resource
import select
import signal
import sys
import types
from numbers import Real

AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
CO_COROUTINE = 0x80
# Each file takes memory of the kernel's that no limit on processes counts, even an empty one.
MOST_FILES = 10_000
TOO_MANY_FILES = 3  # what process 1 ends with then; the grader reads it


class TimeUp(BaseException):
    """A cell took too long."""


def main():
    """Be process 1 of the sandbox: when it ends, the kernel ends all others in it.

    It ends with the process that runs the notebook, or when the grader has gone, however that
    happened. No signal from inside reaches it, and its memory is closed to the others.
    """
    PR_SET_DUMPABLE = 4
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    notebook = os.fork()
    if notebook == 0:
        collect()
    os.close(1)
    os.close(2)
    ends = select.poll()
    ends.register(0, 0)  # nothing but the other end's closing
    ends.register(os.pidfd_open(notebook), select.POLLIN)
    before = files()
    while not ends.poll(200):
        reap()
        if files() - before > MOST_FILES:
            os._exit(TOO_MANY_FILES)
    os._exit(0)


def files():
    """How many there are in /tmp, links and folders included."""
    there = os.statvfs("/tmp")
    return there.f_files - there.f_ffree


def reap():
    """Take leave of processes that have ended and that nobody else waits for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def collect():
    """Run the notebook and answer the checks."""
    request = json.loads(sys.stdin.buffer.readline())
    channel = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)

    def send(message):
        line = json.dumps(message).encode() + b"\n"
        while line:
            line = line[os.write(channel, line) :]

    send({"started": True})
    limit(request["limits"])
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    notebook = types.ModuleType("__main__")
    sys.modules["__main__"] = notebook
    namespace = notebook.__dict__
    shell = Shell(namespace)
    namespace.update(get_ipython=lambda: shell, display=lambda *things, **options: None)
    namespace.update(request["given"])
    locked, given_up = {}, None
    for step in request["steps"]:
        if "cell" in step:
            before = set(namespace)
            shell.cell = f"cell {step['cell']}"
            source = step["source"]
            error = within(step["seconds"], lambda s=source: run(s, shell.cell, namespace))
            if error is not None:
                send({"cell": step["cell"], **error})
            if step["locked"]:
                locked.update({n: v for n, v in namespace.items() if n not in before})
        elif step["group"] == given_up:
            send({"check": step["check"], "error": "TimeUp", "message": "not tried", "line": None})
        else:
            answer = {}
            error = within(step["seconds"], lambda s=step, a=answer: ask(s, namespace, locked, a))
            send({"check": step["check"], **(error or answer)})
            # The rest would most likely take as long, and earns nothing any more.
            given_up = step["group"] if error and error["error"] == "TimeUp" else given_up
    send({"done": True})
    os._exit(0)


def limit(limits):
    """What no code in this process can exceed, nor any process that it starts."""
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def run(source, name, namespace, names=None):
    """Execute a cell, or a part of one, as a notebook would."""
    try:
        code = compile(source, name, "exec", AWAIT, dont_inherit=True)
    except SyntaxError:
        plain = without_magics(source)
        if plain == source:
            raise
        code = compile(plain, name, "exec", AWAIT, dont_inherit=True)
    result = eval(code, namespace, namespace if names is None else names)
    if code.co_flags & CO_COROUTINE:
        asyncio.run(result)


def ask(step, namespace, locked, answer):
    """Evaluate what is asked, with the grader's inputs and the locked cells' own names."""
    # Pickled by the grader, for this process. Nothing goes back that way.
    inputs = pickle.loads(base64.b64decode(step["inputs"]))
    code = compile(step["got"], f"check {step['check']}", "eval")
    value = plain(eval(code, {**namespace, **locked, **inputs}))
    if len(json.dumps(value)) > 100_000:
        raise ValueError("an answer of more than 100,000 characters")
    answer["value"] = value


def within(seconds, action):
    """Do it, within a time; what went wrong, or None."""
    try:
        signal.signal(signal.SIGALRM, time_up)
        # Again and again: a loop with a bare except swallows what is raised inside its try.
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.02)
        action()
        return None
    except BaseException as error:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if isinstance(error, TimeUp):
            text = f"stopped after {seconds:g} seconds"
            return {"error": "TimeUp", "message": text, "line": None}
        return told(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def time_up(number, frame):
    if frame.f_code is not within.__code__:  # there it has ended
        raise TimeUp


def told(error):
    """An error's type, text and line, whatever its class does when asked."""
    name, text, line = type(error).__name__, "", None
    try:
        text = str(error)[:500]
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename.startswith("cell "):
                line = trace.tb_lineno
            trace = trace.tb_next
        if isinstance(error, SyntaxError):
            line = error.lineno
    except BaseException:
        pass
    return {"error": str(name), "message": text, "line": line}


def plain(value, room=None, depth=0):
    """The value in terms of JSON, or an error that says why not."""
    room = room or iter(range(10_000))
    if next(room, None) is None:
        raise ValueError("more than 10,000 values are no answer")
    if depth > 20:
        raise TypeError("nested too deeply for an answer")
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item, room, depth + 1) for item in value]
    if isinstance(value, dict):
        if not all(type(key) is str for key in value):
            raise TypeError("a dictionary whose keys are not strings is no answer")
        return {key: plain(item, room, depth + 1) for key, item in value.items()}
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"a value of type {type(value).__name__} is no answer")


def without_magics(source):
    """IPython's lines that start with % or ! as calls of a shell."""
    from IPython.core.inputtransformer2 import TransformerManager

    return TransformerManager().transform_cell(source)


class Shell:
    """Stands for IPython: runs, once, what a magic measures or captures, and ignores all others."""

    RUNNING = ("time", "timeit", "prun", "capture")
    # Of all four, with a colon behind those that take a value.
    OPTIONS = "n:r:p:v:s:l:T:D:tcqo"

    def __init__(self, namespace):
        self.namespace = namespace
        self.cell = ""

    def run_line_magic(self, magic, line, *more):
        if magic in self.RUNNING[:3]:
            return self.measured(line, sys._getframe(1).f_locals)

    def run_cell_magic(self, magic, line, body):
        if magic in self.RUNNING[:3]:
            self.measured(line, self.namespace)
        if magic in self.RUNNING:
            run("\n" + body, self.cell, self.namespace)  # below the magic's own line

    def measured(self, line, names):
        """Execute what stands behind a magic's options; its value if it is an expression."""
        _, words = getopt.getopt(line.split(" "), self.OPTIONS, ["no-raise-error"])
        statement = " ".join(words)
        try:
            # Under a name of its own, for its lines are not the cell's.
            value = compile(statement, "magic", "eval", dont_inherit=True)
        except SyntaxError:
            return run(statement, "magic", self.namespace, names)
        return eval(value, self.namespace, names)

    def __getattr__(self, name):
        return lambda *arguments, **options: None


if __name__ == "__main__":
    main()
