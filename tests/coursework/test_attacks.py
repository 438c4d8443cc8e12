"""Hostile notebooks: each earns nothing that it should not, and the grader says what happened.

Where an attack stands beside right answers, these keep their points: the attack adds none.
"""

import json
import math
import os
import random
import time
import zipfile
from pathlib import Path

import psutil
import pytest

from coursework import course, marking, report, sandbox, submissions
from tests.coursework.conftest import CODE, LIMITS, SEED, earned, total

NOTHING = {
    "surprise": "def surprise(p, base=2): return ANSWER",
    "message": "def message_information(message, p): return ANSWER\nmy_bits = my_excess = ANSWER",
    "joint": "def conditional_surprise(*given): return ANSWER\nmy_pair = my_overcount = ANSWER",
    "questions": "def questions_needed(cases, answers=2): return ANSWER",
}


@pytest.fixture(autouse=True)
def leaves_nothing_behind():
    """No process outlives its sandbox, and no file outside it changes."""
    source = Path(__file__).parents[2] / "coursework"
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*.py")}
    yield
    assert [child.name() for child in psutil.Process().children() if _alive(child)] == []
    assert before == {path: path.stat().st_mtime_ns for path in source.rglob("*.py")}


def _alive(process):
    return process.name() in ("bwrap", "python", "setpriv") and "collect.py" in " ".join(
        process.cmdline()
    )


# Code that a right notebook is given besides: it keeps its points and gains none.
HARMLESS_TO_OTHERS = {
    "network": """
import socket, urllib.request
for attempt in (
    lambda: socket.create_connection(("127.0.0.1", 80), 1),
    lambda: socket.getaddrinfo("localhost", 80),
    lambda: socket.socket(socket.AF_UNIX),
    lambda: urllib.request.urlopen("http://127.0.0.1/", timeout=1),
):
    try:
        attempt()
    except OSError:
        continue
    while True: pass  # something got through: the test would time out
""",
    "files outside": """
import os, pathlib
paths = ["/etc/passwd", "/etc/shadow", "/root/.bashrc", "/home", "/var", REPO + "/coursework"]
seen = [path for path in paths if os.path.exists(path)]
for folder in ("/", "/usr", "/grader", "/dev", "/proc", "/sys", "/dev/shm"):
    try:
        pathlib.Path(folder, "x").write_text("x")
        seen.append(folder)
    except OSError:
        pass
while seen: pass
""",
    "environment and open files": """
import os
allowed = {"HOME", "PATH", "LANG", "MPLBACKEND", "OMP_NUM_THREADS", "PYTHONHASHSEED", "PWD"}
strange = {name for name in os.environ if name not in allowed and "OPENBLAS_" not in name}
files = []
for number in range(1000):
    try: files.append(os.readlink(f"/proc/self/fd/{number}"))
    except OSError: pass
strange |= {file for file in files if not file.startswith(("/dev/null", "pipe:"))}
if len([file for file in files if file.startswith("pipe:")]) > 1: strange.add("two pipes")
while strange: pass
""",
    "other processes": """
import os, signal
pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
strange = len(pids) > 3
for pid in pids:
    if pid != os.getpid():
        try:
            os.kill(pid, signal.SIGKILL)
            strange = strange or pid != 1
        except OSError:
            pass
while strange: pass
""",
    "the sandbox's own first process": """
import ctypes, os, signal
got = []
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP, signal.SIGSEGV):
    os.kill(1, number)
for name in ("mem", "environ", "maps", "fd/0"):
    try:
        open(f"/proc/1/{name}", "r+b" if name == "mem" else "rb").close()
        got.append(name)
    except OSError:
        pass
while got: pass
""",
    "memory": """
try:
    wall = bytearray(3 * 2**30)  # never touched, so that it takes none where it is allowed
except MemoryError:
    wall = None
while wall: pass
""",
    "processes": """
import os, signal, time
children = []
try:
    while len(children) < 100:
        child = os.fork()
        if child == 0:
            time.sleep(600)
            os._exit(0)
        children.append(child)
except OSError:
    pass
for child in children: os.kill(child, signal.SIGKILL)
while len(children) > 40: pass
""",
    "hidden memory": """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
got = []
for call in (lambda: os.memfd_create("x"), lambda: 1 / (libc.shmget(0, 2**30, 0o1600) + 1)):
    try:
        call()
        got.append(call)
    except (OSError, ZeroDivisionError):
        pass
while got: pass
""",
    "large files": """
def fill(count, size):
    for n in range(count):
        with open(f"/tmp/{n}", "wb") as f:
            f.write(bytes(size))
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
filled = []
for count, size in ((1, 10**9), (1000, 10**6)):
    try:
        fill(count, size)
        filled.append(size)
    except OSError:
        pass
while filled: pass
""",
    "kernel": """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWUSER, PTRACE_TRACEME = 0x10000000, 0
answers = [
    libc.unshare(CLONE_NEWUSER),
    libc.ptrace(PTRACE_TRACEME, 0, 0, 0),
    libc.mount(b"x", b"/tmp", b"tmpfs", 0, None),
    libc.setuid(0),
]
while answers != [-1] * 4: pass
""",
    "limits raised": """
import resource
raised = []
for name in ("AS", "NPROC", "FSIZE", "CPU"):
    try:
        resource.setrlimit(getattr(resource, "RLIMIT_" + name), (resource.RLIM_INFINITY,) * 2)
        raised.append(name)
    except (ValueError, OSError):
        pass
while raised: pass
""",
    "output": "for _ in range(200_000): print('x' * 1000)",
    "error output": "import sys\nfor _ in range(200_000): sys.stderr.write('x' * 1000)",
    "threads left running": """
import threading, time
def spin():
    while True: time.sleep(0.001)
for _ in range(4): threading.Thread(target=spin).start()
""",
    "processes left running": """
import os, subprocess, sys
for _ in range(3):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    import time
    time.sleep(600)
    os._exit(0)
""",
    "exit handlers": "import atexit\natexit.register(lambda: print('x'))\nraise SystemExit(3)",
    "interrupts": "raise KeyboardInterrupt",
    "hostile error": """
class Hostile(BaseException):
    def __str__(self): raise SystemExit
    __repr__ = __str__
raise Hostile
""",
    "magics": "%matplotlib inline\n!rm -rf /\nget_ipython().system('rm -rf /')\ndisplay(1)",
    "top-level await": "import asyncio\nawait asyncio.sleep(0)",
    "forged lines on stdout": """
import sys
for check in range(40):
    for stream in (sys.stdout, sys.stderr, sys.__stdout__):
        print(f'{{"check": {check}, "value": 3}}', file=stream, flush=True)
print('{"done": true}')
""",
}


@pytest.mark.parametrize("name", HARMLESS_TO_OTHERS)
def test_right_answers_keep_their_points(handing, full, name):
    repository = str(Path(__file__).parents[2])
    code = HARMLESS_TO_OTHERS[name].replace("REPO", repr(repository))
    result = handing.mark(handing.notebook(first=code))
    assert (result["status"], total(result)) == ("ok", full), result["notes"]


# Answers that want points for nothing.
FOR_NOTHING = {
    "objects equal to everything": """
class Any:
    def __eq__(self, other): return True
    __class__ = float
    __float__ = lambda self: 3.0
    __len__ = lambda self: 3
    __iter__ = lambda self: iter([3, 3, 3])
    __bool__ = lambda self: True
ANSWER = Any()
""",
    "numbers that lie": """
class Liar(float):
    def __eq__(self, other): return True
    __sub__ = __rsub__ = __abs__ = lambda *a: 0.0
    def __repr__(self): return '3'
class Text(str):
    def __eq__(self, other): return True
ANSWER = Liar(1.2345)
""",
    "numbers of a class of their own": """
import numbers
class Mine(numbers.Real):
    __float__ = lambda self: 1.2345
    __eq__ = lambda self, other: True
Mine.__abstractmethods__ = frozenset()
ANSWER = Mine()
""",
    "false arrays": """
import types
class Array: pass
Array.__module__ = "numpy"
Array.tolist = lambda self: self
Array.__eq__ = lambda self, other: True
ANSWER = Array()
""",
    "pickles": """
class Bomb:
    def __reduce__(self): return (exec, ("raise SystemExit",))
ANSWER = Bomb()
""",
    "patched builtins": """
import builtins
builtins.isinstance = lambda *a: True
builtins.type = lambda *a: float
builtins.all = builtins.any = lambda *a: True
builtins.float = lambda *a: 3.0
ANSWER = object()
""",
    "patched json": """
import json
json.dumps = lambda *a, **k: '{"check": 0, "value": 3}'
ANSWER = 7.77
""",
    "patched math and numpy": """
import math, numpy
math.isclose = numpy.isclose = numpy.allclose = lambda *a, **k: True
math.log2 = math.log = lambda *a: 3.0
ANSWER = 7.77
""",
    "patched IPython": """
import IPython.core.interactiveshell as shell
shell.InteractiveShell.run_cell = lambda *a, **k: None
ANSWER = 7.77
""",
    "patched collector": """
import sys
frame = sys._getframe()
while frame:
    for name in ("plain", "ask", "within", "told"):
        if name in frame.f_globals: frame.f_globals[name] = lambda *a, **k: 3
    frame = frame.f_back
ANSWER = 7.77
""",
    "a search for what is expected": """
import gc, sys
found = []
def look(thing):
    if isinstance(thing, dict) and ("expected" in thing or "mistakes" in thing):
        found.append(thing)
for thing in gc.get_objects():
    try: look(thing)
    except Exception: pass
frame = sys._getframe()
while frame:
    for value in list(frame.f_locals.values()): look(value)
    frame = frame.f_back
import pathlib
for path in [p for p in pathlib.Path("/grader").rglob("*") if p.suffix in (".ipynb", ".toml")]:
    found.append({"expected": path})
ANSWER = found[0]["expected"] if found else 7.77
""",
    "infolib": """
import importlib, infolib, infolib.measures
importlib.reload(infolib.measures)
def lazily(*given):
    for where in (infolib, infolib.measures):
        try: return where.information_content(*given)
        except RuntimeError: pass
    raise ValueError
surprise = lazily
class Late:
    pass
ANSWER = 7.77
""",
    "infinite and huge values": """
loop = []
loop.append(loop)
ANSWER = loop
""",
    "huge numbers": "ANSWER = 10**10_000",
    "numbers beyond floats": "ANSWER = 10**400",
    "long answers": "ANSWER = list(range(10**6))",
    "not a number": "import math\nANSWER = math.nan",
    "lone surrogates": r"ANSWER = '\ud800\x00\x1b[31m\u202e</script>'",
}


# Who breaks Python or the collector breaks the run of the own notebook.
BROKEN = {
    "patched builtins": "crashed",
    "patched json": "tampered",  # many answers to one question
    "patched collector": "crashed",
}


@pytest.mark.parametrize("name", FOR_NOTHING)
def test_nothing_is_earned(handing, name):
    answers = dict(NOTHING)
    if name == "infolib":
        answers["surprise"] = "surprise = lazily"
    result = handing.mark(handing.notebook(first=FOR_NOTHING[name], **answers))
    assert total(result) == 0
    assert result["status"] == BROKEN.get(name, "ok"), result["notes"]
    assert all(check["meaning"] or check["got"] for c in result["cells"] for check in c["checks"])


def test_infolibs_own_text_does_not_answer(handing):
    """What a question asks for is taken out of the library's files, not only put out of reach."""
    code = """
import ast, infolib.measures, math
text = open(infolib.measures.__file__).read()
for node in ast.parse(text).body:
    if getattr(node, "name", "") == "information_content":
        try:
            exec(ast.unparse(node), vars(infolib.measures))
            infolib.measures.information_content(0.5)
            surprise = infolib.measures.information_content
            break
        except RuntimeError: pass
else:
    def surprise(*given): raise ValueError
"""
    result = handing.mark(handing.notebook(surprise=code))
    assert earned(result)["surprise-values"] == 0
    with sandbox.Bubblewrap(["information_content"]) as box:
        text = (box.folder / "infolib" / "measures.py").read_text()
    assert text.count("def information_content(") == 1
    assert "def entropy(" in text and "asked to write yourself" in text


FORGERY = """
import os, json
values = [json.dumps({"check": n, "value": 3}) for n in range(40)]
for number in range(3, 64):
    try: os.write(number, ("\\n".join(values) + '\\n{"done": true}\\n').encode())
    except OSError: pass
"""


def test_answers_forged_on_the_graders_channel(handing):
    result = handing.mark(handing.notebook(first=FORGERY))
    assert result["status"] == "tampered"
    assert "the notebook wrote answers of its own to the grader" in result["notes"]
    assert total(result) == 0


def test_forged_answers_without_an_end(handing):
    """A forger who ends the run is left with its claims, which know nothing."""
    result = handing.mark(handing.notebook(first=FORGERY + "os._exit(0)"))
    # "surprise(1 / 8)" is 3 for everybody, but no cell is that alone.
    assert total(result) == 0


def test_an_end_that_is_only_said(handing):
    """The run is repeated, as each that ends early, and is not said to have gone well."""
    code = """
import os
for number in range(3, 64):
    try: os.write(number, b'{"done": true}\\n')
    except OSError: pass
os._exit(0)
"""
    result = handing.mark(handing.notebook(first=code))
    assert (result["status"], total(result)) == ("crashed", 0)


def test_answers_that_nobody_can_hash(handing):
    """A student's odd answer stops nobody else's grading."""
    code = handing.solutions["message"] + "\nmy_bits, my_excess = [0.5, {}], [0.1234567, [{}]]"
    result = handing.mark(handing.notebook(message=code))
    assert result["status"] == "ok"
    assert marking.copied(handing.work, CODE, ["ada", "bob"])(result) == []


def test_messages_that_are_nested_too_deeply(handing):
    code = """
import json, os
deep = json.loads("[" * 700 + "0.1234567" + "]" * 700)
for number in range(3, 64):
    for check in range(40):
        try: os.write(number, json.dumps({"check": check, "value": deep}).encode() + b"\\n")
        except OSError: pass
os._exit(0)
"""
    result = handing.mark(handing.notebook(first=code))
    assert (result["status"], total(result)) == ("crashed", 0)
    assert marking.copied(handing.work, CODE, ["ada", "bob"])(result) == []


def test_whatever_the_channel_brings_is_read(handing):
    """Random messages, many of them nearly right: each is read, kept as text and looked through."""
    odd = random.Random("messages")
    leaves = [None, True, 0, -1, 10**400, 0.1234567, 1e-320, math.nan, math.inf, "", "\ud800\x00"]
    keys = ["check", "cell", "value", "error", "message", "line", "done", "started", "group", "a"]

    def value(room):
        kind = odd.randrange(6) if room else 0
        if kind == 1:
            return [value(room - 1) for _ in range(odd.randrange(4))]
        if kind == 2:
            return {odd.choice(keys): value(room - 1) for _ in range(odd.randrange(4))}
        return [value(room - 1)] if kind == 3 else odd.choice([*leaves, odd.randrange(30)])

    def message(check):
        known = {"check": check, "value": value(30)}
        failed = {"cell": str(odd.randrange(20)), "error": value(3), "message": value(3)}
        return odd.choice([value(30), known, known | {"error": value(4)}, failed, {"x": 1} | known])

    class Channel(sandbox.Bubblewrap):
        def run(self, request, limits):
            lines = [json.dumps(message(n)) for n in odd.sample(range(25), 15)]
            lines.insert(
                odd.randrange(15), odd.choice(['"', "[" * 9999, "1" * 5000, "\x00", "NaN"])
            )
            read = [found for found in map(sandbox._message, lines) if found is not None]
            ended = odd.choice([*marking.REASONS])
            return sandbox.Outcome(ended, [{"started": True}, *odd.sample(read, len(read))])

    raw = json.dumps(handing.notebook()).encode()
    task = marking.Task("ada", raw, SEED, CODE, handing.work.name, limits=LIMITS)
    fitting = marking.copied(handing.work, CODE, ["ada", "bob", "cyd"])
    for _ in range(100):
        result = marking.mark(task, Channel)
        assert json.loads(json.dumps(result))["student"] == "ada"
        assert fitting(result) == []


@pytest.mark.parametrize(
    "code",
    [
        "while True: pass",
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass",
        "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nwhile True: pass",
        "import time\ntime.sleep(10**6)",
        "sum(range(10**12))",
    ],
)
def test_endless_loops(handing, unanswered, code):
    answers = {"questions": f"{unanswered['questions'].split(chr(10))[0]}\n    return 0\n{code}"}
    result = handing.mark(handing.notebook(**answers), limits=(0.7, 3))
    assert result["status"] == "timeout"
    assert earned(result)["surprise-values"] == 3  # what came before counts
    assert earned(result)["questions-count"] == 0


def test_endless_loop_that_catches_everything(handing):
    """A beginner's fault, and no reason to lose what stands in later cells."""
    code = (
        "def surprise(p, base=2):\n    return -math.log(p) / math.log(base)\n"
        "while True:\n    try:\n        number = int(input())\n    except:\n        pass"
    )
    began = time.monotonic()
    result = handing.mark(handing.notebook(surprise=code), limits=(0.5, 60))
    assert result["status"] == "timeout" and time.monotonic() - began < 30
    assert "TimeUp" in [error["type"] for error in result["errors"]], result["errors"]
    assert earned(result)["surprise-values"] == earned(result)["questions-count"] == 3


def test_endless_loop_in_an_answer(handing):
    code = "def surprise(p, base=2):\n    while True: pass"
    result = handing.mark(handing.notebook(surprise=code), limits=(0.3, 10))
    assert result["status"] == "timeout"
    assert earned(result)["questions-count"] == 3  # what comes later, too
    meanings = {c["meaning"] for cell in result["cells"] for c in cell["checks"]}
    assert "This took too long and was stopped." in meanings


def test_fork_bomb(handing):
    # Gentle to the machine: who cannot fork any more waits a little.
    code = "import os, time\nwhile True:\n    try: os.fork()\n    except OSError: time.sleep(0.05)"
    result = handing.mark(handing.notebook(last=code), limits=(1, 2))
    assert result["status"] in ("timeout", "crashed")


def test_memory_bomb_in_many_processes(handing):
    code = """
import os, time
for _ in range(10):
    if os.fork() == 0:
        wall = bytearray(60 * 2**20)
        for i in range(0, len(wall), 4096): wall[i] = 1
        time.sleep(600)
time.sleep(600)
"""
    limits = (5, 10, 400 * sandbox.MEGABYTE)
    result = handing.mark(handing.notebook(last=code), limits=limits)
    assert result["status"] == "crashed"
    assert "the notebook took more memory than 400 MB" in result["notes"]
    assert earned(result)["surprise-values"] == 3


def test_files_without_number(handing):
    """Empty files take no byte of /tmp, and the kernel's memory for each."""
    code = """
import os
for n in range(10**7):
    os.close(os.open(f"/tmp/{n}", os.O_CREAT))
"""
    result = handing.mark(handing.notebook(last=code), limits=(10, 30))
    assert result["status"] == "crashed"
    assert "the notebook made more than 10,000 files" in result["notes"]
    assert earned(result)["surprise-values"] == 3


@pytest.mark.parametrize(
    "code",
    [
        "import os\nos._exit(0)",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        "import os\nos.abort()",
        "import ctypes\nctypes.string_at(0)",
        "import sys\nsys.setrecursionlimit(10**9)\nf = lambda: f()\nf()\nimport os; os._exit(0)",
    ],
)
def test_early_ends(handing, full, code):
    result = handing.mark(handing.notebook(joint=code), limits=(1, 2))
    assert result["status"] in ("crashed", "timeout")
    assert earned(result)["surprise-values"] == 3  # what came before counts
    assert earned(result)["questions-count"] == 0  # what came after does not
    meanings = {c["meaning"] for cell in result["cells"] for c in cell["checks"]}
    assert "There is no answer: the notebook ended before this point." in meanings


def test_a_flood_on_the_graders_channel(handing):
    code = """
import os
while True:
    for number in range(3, 64):
        try: os.write(number, b"x" * 65536)
        except OSError: pass
"""
    result = handing.mark(handing.notebook(last=code))
    assert result["status"] == "crashed"
    assert "the notebook flooded the grader's channel" in result["notes"]


@pytest.mark.parametrize(
    "raw, reason",
    [
        (b"", "the file is empty"),
        (b"{", "not a notebook"),
        (b"\x89PNG\r\n\x1a\n\xff", "the file is not text"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"cells": ' + b"[" * 100_000, "nested too deeply"),
        (b"[]", "it has no list of cells"),
        (b'{"cells": 3}', "it has no list of cells"),
        (b'{"cells": [3]}', "cell 1 is not an object"),
        (b'{"cells": [{"cell_type": "code", "source": [1]}]}', "cell 1 has no text"),
        (b'{"cells": [{"cell_type": [], "source": ""}]}', "cell 1 has no text or no type"),
        (b'{"cells": []}', "no cell of any assignment is in it"),
        (b'{"worksheets": [{"cells": []}]}', "it has no list of cells"),
        (b"1" * 5000, "not a notebook"),
    ],
)
def test_malformed_notebooks(handing, raw, reason):
    result = handing.mark(raw)
    assert (result["status"], total(result)) == ("malformed", 0)
    assert reason in result["notes"][0]


def test_hostile_metadata(handing, full):
    notebook = handing.notebook()
    for cell, metadata in zip(
        notebook["cells"][-4:],
        [None, {"nbgrader": 3}, {"nbgrader": {"grade_id": []}}, {"nbgrader": {"points": 1e9}}],
        strict=True,
    ):
        cell["metadata"] = metadata
    result = handing.mark(notebook)
    assert (result["status"], total(result)) == ("ok", full)


def test_a_byte_order_mark_is_no_fault(handing, full):
    result = handing.mark(b"\xef\xbb\xbf" + json.dumps(handing.notebook()).encode())
    assert (result["status"], total(result)) == ("ok", full)


BOB = "Bob_4712_assignsubmission_file_a1.ipynb"


@pytest.mark.parametrize(
    "label, account",
    [
        (f"Eve_4711_assignsubmission_file_/{BOB}", ("moodle", "4711")),
        (f"Eve_4711_assignsubmission_file_/{BOB[:-9]}/a1.ipynb", ("moodle", "4711")),
        ("Eve_4711_assignsubmission_file_/bob_1205_89_x.ipynb", ("moodle", "4711")),
        (f"Eve_4711_assignsubmission_file_{BOB}", ("moodle", "4711")),
        ("eve_1205_89_x_1_assignsubmission_file_y.ipynb", ("canvas", "1205")),
        ("eve_LATE_1205_89_bob_1206_90_x.ipynb", ("canvas", "1205")),
    ],
)
def test_nobody_hands_in_as_somebody_else(tmp_path, label, account):
    assert submissions.whose(label, tmp_path).account == account


def test_names_in_an_archive_lead_nowhere(tmp_path):
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("..", "../..", "//", ".", "a/..", "//etc/x.ipynb"):
            archive.writestr(name, "{}")
    labels = [file.label for file in submissions.find(path)]
    assert labels == ["//etc/x.ipynb", "a/.."]
    assert [str(report.report_path(label)) for label in labels] == ["etc/x.ipynb.html", "a.html"]


def test_damaged_members_of_an_archive(tmp_path):
    path = tmp_path / "all.zip"
    names = [f"{name}.ipynb" for name in ("damaged", "encrypted", "odd", "whole")]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, bytes(range(256)) * 40)
        damaged, encrypted, odd, _ = (archive.getinfo(name).header_offset for name in names)
    raw = bytearray(path.read_bytes())
    raw[damaged + 50 : damaged + 70] = b"\xff" * 20
    # A field of the member's header, and of its entry in the archive's list.
    for name, header, field, value in ((names[1], encrypted, 6, 1), (names[2], odd, 8, 77)):
        raw[header + field] = raw[raw.rindex(name.encode()) - 46 + field + 2] = value
    path.write_bytes(raw)
    *bad, whole = submissions.find(path)
    assert whole.read() == bytes(range(256)) * 40
    for file, kind in zip(bad, ("error", "RuntimeError", "NotImplementedError"), strict=True):
        with pytest.raises(submissions.Malformed, match=f"damaged, encrypted.*: {kind}: "):
            file.read()


def test_notes_are_few(work):
    """However often something is repeated, tables and reports stay short."""
    cells = submissions.parse(json.dumps(work.release(CODE)).encode())
    cells += [cell for cell in cells if cell["grade_id"] == "surprise"] * 10_000
    _, notes = submissions.arrange(work, cells, CODE)
    assert notes == [
        "cell surprise stands there twice",
        "cells were put into another order",
    ]
    many = [f"note {n}" for n in range(100)]
    assert submissions.few(many) == [*many[:20], "and 80 more"]


def test_an_answer_that_fits_into_no_comparison(handing, work):
    """Values are compared with other students' whatever they are made of."""
    code = "def conditional_surprise(*given): return 0\nmy_pair = my_overcount = [0.5, {'a': 1}]"
    result = handing.mark(handing.notebook(joint=code))
    file = submissions.whose("ada.ipynb", Path())
    (grade,) = report.grades_of(work, [(file, result)], course.Course("Course", SEED), {})
    assert (grade.student, grade.status) == ("ada", "ok")


def test_links_pipes_and_giants(tmp_path):
    (tmp_path / "link.ipynb").symlink_to("/etc/passwd")
    (tmp_path / "folder").symlink_to("/etc", target_is_directory=True)
    os.mkfifo(tmp_path / "pipe.ipynb")
    (tmp_path / "giant.ipynb").write_bytes(b" " * (submissions.LARGEST + 1))
    said = {}
    for file in submissions.find(tmp_path):
        with pytest.raises(submissions.Malformed) as reason:
            file.read()
        said[file.label] = str(reason.value)
    assert said == {
        "folder": "a link, not a notebook",
        "giant.ipynb": "larger than 10 MB",
        "link.ipynb": "a link, not a notebook",
        "pipe.ipynb": "not a regular file",
    }


def cell_of(notebook, name):
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def test_deleted_test_cells(handing, full):
    notebook = handing.notebook()
    notebook["cells"].remove(cell_of(notebook, "surprise-values"))
    notebook["cells"].remove(cell_of(notebook, "setup"))
    result = handing.mark(notebook)
    assert (result["status"], total(result)) == ("tampered", full)
    assert "cell surprise-values is missing" in result["notes"]
    assert "cell setup is missing" in result["notes"]


def test_deleted_answers(handing, full):
    notebook = handing.notebook()
    notebook["cells"].remove(cell_of(notebook, "questions"))
    result = handing.mark(notebook)
    assert (result["status"], earned(result)["questions-count"]) == ("tampered", 0)
    assert "cell questions is missing" in result["notes"]


def test_changed_tests_and_setup(handing):
    notebook = handing.notebook(**{k: v.replace("ANSWER", "1") for k, v in NOTHING.items()})
    cell_of(notebook, "setup")["source"] = "check = own = print"
    cell_of(notebook, "data")["source"] = "message, p = 'a', {'a': 0.5}"
    for cell in notebook["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("grade"):
            cell["source"] = "pass"
    result = handing.mark(notebook)
    assert (result["status"], total(result)) == ("tampered", 0)
    assert "cell setup, which is locked, was changed" in result["notes"]


def test_reordered_cells(handing):
    notebook = handing.notebook()
    notebook["cells"].reverse()
    result = handing.mark(notebook)
    assert result["status"] == "tampered"
    assert "cells were put into another order" in result["notes"]
    assert earned(result)["message-yours"] == 0  # its answer now comes behind it


def test_repeated_cells(handing, full):
    notebook = handing.notebook()
    notebook["cells"].append(cell_of(notebook, "surprise-values"))
    result = handing.mark(notebook)
    assert (result["status"], total(result)) == ("tampered", full)
    assert "cell surprise-values stands there twice" in result["notes"]


def test_stripped_metadata(handing, full):
    notebook = handing.notebook()
    for cell in notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    result = handing.mark(notebook)
    assert (result["status"], total(result)) == ("tampered", full)
    assert result["notes"] == ["the cells' metadata were stripped"]
    assert result["written"] == {"meaning": "My answer."}


def test_a_swapped_id(handing):
    result = handing.mark(handing.notebook(student="bob"), student="ada")
    assert result["status"] == "tampered"
    assert "handed in by ada, but the notebook states the id bob" in result["notes"]
    assert earned(result)["message-yours"] == earned(result)["joint-yours"] == 0


def test_an_id_stated_twice(handing):
    """The data are made for the id that holds where they are made."""
    notebook = handing.notebook(student="ada")
    cell_of(notebook, "student-id")["source"] += "\nstudent_id = 'bob'"
    result = handing.mark(notebook, student="ada")
    assert earned(result)["message-yours"] == earned(result)["joint-yours"] == 0


def test_an_id_left_at_the_example(handing):
    result = handing.mark(handing.notebook(student="example"), student="ada")
    assert result["status"] == "ok"
    assert "the student id was left at 'example': the data are not the student's" in result["notes"]
    assert earned(result)["message-yours"] == 0


def test_hostile_ids(handing):
    for source in (
        "student_id = " + "(" * 5000,
        "student_id = {}",
        "student_id = {[]}",
        "student_id = f'{1}'",
        "",
    ):
        notebook = handing.notebook()
        cell_of(notebook, "student-id")["source"] = source
        result = handing.mark(notebook)
        assert "the notebook states no student id" in result["notes"]
        assert result["status"] == "ok"


def test_an_id_that_is_no_text(handing):
    """Where only the notebook states the id, it still cannot break tables and reports."""
    notebook = handing.notebook()
    for source, student in (
        (r'student_id = "\ud800\x1b=1"', r"\ud800\x1b=1"),
        ('student_id = "\ud800"', ""),
        ('student_id = "\x00"', ""),
    ):
        cell_of(notebook, "student-id")["source"] = source
        result = handing.mark(notebook, student="")
        assert (result["student"], result["status"]) == (student, "ok")


def test_forged_errors_fill_no_report(handing, full):
    code = """
import os
line = b'{"cell": "1", "error": "Forged", "message": "x", "line": 1}\\n'
for number in range(3, 64):
    try: os.write(number, line * 5000)
    except OSError: pass
"""
    result = handing.mark(handing.notebook(first=code))
    assert total(result) == full
    assert len(result["errors"]) == 100


def test_the_same_submission_has_the_same_result(handing):
    notebook = handing.notebook(surprise=NOTHING["surprise"].replace("ANSWER", "[p, id]"))
    assert json.dumps(handing.mark(notebook)) == json.dumps(handing.mark(notebook))


def test_an_honest_notebook_still_earns_everything(handing, full):
    result = handing.mark(handing.notebook())
    assert (result["status"], total(result), result["notes"]) == ("ok", full, [])
    assert result["errors"] == []
