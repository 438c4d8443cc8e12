"""Where student code runs: bubblewrap, or Docker, and never anywhere else.

Inside there is no network, nothing of this machine's files but Python and its packages (read
only), an empty /tmp that is gone afterwards, and limits on memory, processes, file size, output
and time. What comes out is text; whoever wrote it, it is read as claims.
"""

import ast
import json
import os
import platform
import re
import selectors
import shutil
import struct
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import uuid
import weakref
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from coursework import syntax_trees
from coursework.collect import TOO_MANY_FILES

COLLECT = Path(__file__).with_name("collect.py")
IMAGE = "entropy-course-grader"
NOBODY = 65534
MEGABYTE = 2**20
INSTRUCTIONS = f"""Student code runs in a sandbox or not at all, and there is none here:
  bubblewrap: {{bubblewrap}}
  Docker: {{docker}}
On Linux, install bubblewrap 0.8 or newer (Debian, Ubuntu, Fedora: the package "bubblewrap").
Where the system forbids user namespaces, as Ubuntu 24.04 does, an administrator allows them with
`sysctl kernel.apparmor_restrict_unprivileged_userns=0`. On Windows, work in WSL, which is a Linux.
On macOS, start Docker and build the image once, in the course's folder:
  docker build -t {IMAGE} -f coursework/Dockerfile coursework"""


# Set to end all that runs, when the grader itself is stopped.
STOP = threading.Event()


class NoSandbox(Exception):
    """There is nothing here that can hold student code."""


class Stopped(Exception):
    """The grader was stopped while this ran."""


@dataclass
class Limits:
    """What one submission may use."""

    cell_seconds: float = 10
    total_seconds: float = 120
    memory: int = 2048 * MEGABYTE
    processes: int = 32
    file_size: int = 16 * MEGABYTE
    scratch: int = 64 * MEGABYTE
    output: int = 4 * MEGABYTE

    def of_process(self) -> dict[str, int]:
        """As resource limits."""
        return {
            "AS": self.memory,
            "CPU": int(self.total_seconds) + 1,
            "FSIZE": self.file_size,
            "NPROC": self.processes,
            "NOFILE": 128,
            "CORE": 0,
            "MSGQUEUE": 0,
        }


@dataclass
class Outcome:
    """What came out of the sandbox, and how it ended."""

    ended: str  # "done", "died", "timeout", "memory", "files" or "output"
    messages: list[dict] = field(default_factory=list)
    complaint: str = ""  # what the sandbox itself had to say


class Sandbox:
    """Runs collect.py, contained. Subclasses say by which command."""

    def __init__(self, blocked: list[str] = ()):
        self.folder = Path(tempfile.mkdtemp(prefix="coursework-"))
        self.close = weakref.finalize(self, shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        shutil.copy(COLLECT, self.folder)
        infolib_without(blocked, self.folder)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def run(self, request: dict, limits: Limits) -> Outcome:
        """Run one request to its end, or to a limit."""
        name = f"coursework-{uuid.uuid4().hex}"
        request = {**request, "limits": self.process_limits(limits)}
        with self.start(name, limits) as process:
            try:
                feed = threading.Thread(target=_feed, args=(process.stdin, request), daemon=True)
                feed.start()
                text, complaint, ended = self._listen(process, limits)
            finally:
                self.kill(name, process)
                feed.join()
                _close(process.stdin)
        messages = [message for message in map(_message, text.splitlines()) if message is not None]
        asked = {step["check"] for step in request["steps"] if "check" in step}
        answered = {m["check"] for m in messages if type(m.get("check")) is int}
        # The word alone is not enough: whoever ends the run may have written it.
        done = any("done" in message for message in messages) and asked <= answered
        return Outcome(ended or ("done" if done else "died"), messages, complaint)

    def _listen(self, process, limits: Limits) -> tuple[str, str, str]:
        """Read until the process ends or goes too far; its output, its errors, and which limit."""
        parts, size, complaint = [], 0, b""
        end = time.monotonic() + limits.total_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            selector.register(process.stderr, selectors.EVENT_READ)
            while True:
                if STOP.is_set():
                    raise Stopped
                if time.monotonic() > end:
                    return _text(parts), _text([complaint]), "timeout"
                for key, _ in selector.select(timeout=0.1):
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        selector.unregister(key.fileobj)
                    elif key.fileobj is process.stderr:
                        complaint = (complaint + chunk)[:4000]
                    else:
                        parts.append(chunk)
                        size += len(chunk)
                # Processes that the student's code left behind may hold the pipes open.
                if process.poll() is not None or not selector.get_map():
                    parts += _rest(process.stdout, limits.output)
                    full = _code(process) == TOO_MANY_FILES
                    return _text(parts), _text([complaint]), "files" if full else ""
                if size > limits.output:
                    return _text(parts), _text([complaint]), "output"
                if memory_of(process.pid) > limits.memory:
                    return _text(parts), _text([complaint]), "memory"

    def process_limits(self, limits: Limits) -> dict[str, int]:
        return limits.of_process()

    def start(self, name: str, limits: Limits) -> subprocess.Popen:
        raise NotImplementedError

    def kill(self, name: str, process: subprocess.Popen):
        process.kill()
        process.wait()


class Bubblewrap(Sandbox):
    """Namespaces of the kernel, entered by bubblewrap."""

    def start(self, name, limits):
        seccomp, program = os.pipe()
        os.write(program, seccomp_filter())
        os.close(program)
        try:
            return subprocess.Popen(
                self.command(limits, seccomp if seccomp_filter() else None),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"PATH": os.environ.get("PATH", os.defpath)},
                pass_fds=[seccomp],
            )
        finally:
            os.close(seccomp)

    def command(self, limits: Limits, seccomp: int | None) -> list[str]:
        """The command line. Root first becomes nobody, in a first sandbox of the same files."""
        root = os.geteuid() == 0
        files = self.files(limits, "/grader" if root else str(self.folder))
        inner = ["bwrap", "--unshare-user", "--unshare-all", "--disable-userns"]
        inner += ["--uid", str(NOBODY), "--gid", str(NOBODY), "--hostname", "sandbox"]
        inner += ["--die-with-parent", "--as-pid-1", "--new-session", "--clearenv", *files]
        for variable, value in environment().items():
            inner += ["--setenv", variable, value]
        if seccomp is not None:
            inner += ["--seccomp", str(seccomp)]
        inner += ["--chdir", "/tmp", sys.executable, "-I", "-B", "/grader/collect.py"]
        if not root:
            return inner
        outer = ["bwrap", "--die-with-parent", *self.files(limits, str(self.folder))]
        outer += ["--bind", "/proc", "/proc"]  # whole, or the kernel allows no second one
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        drop += ["--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"]
        return [*outer, *drop, *inner]

    def files(self, limits: Limits, folder: str) -> list[str]:
        """What can be seen inside: Python and its packages, our folder, and an empty /tmp."""
        # First, for Python may be below /tmp.
        arguments = ["--size", str(limits.scratch), "--tmpfs", "/tmp", "--ro-bind", "/usr", "/usr"]
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
            path = Path("/", name)
            if path.is_symlink():
                arguments += ["--symlink", os.readlink(path), str(path)]
            elif path.is_dir():
                arguments += ["--ro-bind", str(path), str(path)]
        arguments += ["--dir", "/etc"]
        for path in ("/etc/ld.so.cache", "/etc/alternatives"):
            arguments += ["--ro-bind-try", path, path]
        prefixes = {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parents[1])}
        for prefix in sorted(prefixes - {"/usr"}, key=len):
            for parent in reversed(Path(prefix).parents[:-1]):  # open to all, unlike by default
                arguments += ["--dir", str(parent)]
            arguments += ["--ro-bind", prefix, prefix]
        for installed in installed_infolib():
            arguments += ["--tmpfs", installed]
        arguments += ["--ro-bind", folder, "/grader", "--proc", "/proc"]
        return [*arguments, "--dev", "/dev", "--remount-ro", "/dev", "--remount-ro", "/"]


class Docker(Sandbox):
    """A container with the same limits."""

    def start(self, name, limits):
        return subprocess.Popen(
            self.command(name, limits),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def command(self, name: str, limits: Limits) -> list[str]:
        command = ["docker", "run", "--rm", "--interactive", "--name", name, "--pull", "never"]
        command += ["--network", "none", "--read-only", "--cap-drop", "ALL", "--cpus", "1"]
        command += ["--security-opt", "no-new-privileges", "--user", f"{NOBODY}:{NOBODY}"]
        command += ["--memory", str(limits.memory), "--memory-swap", str(limits.memory)]
        command += ["--pids-limit", str(limits.processes), "--ipc", "none"]
        command += ["--tmpfs", f"/tmp:size={limits.scratch},mode=1777", "--workdir", "/tmp"]
        command += ["--mount", f"type=bind,source={self.folder},target=/grader,readonly"]
        for variable, value in environment().items():
            command += ["--env", f"{variable}={value}"]
        return [*command, IMAGE, "python", "-I", "-B", "/grader/collect.py"]

    def process_limits(self, limits):
        # Docker counts the container's processes; the kernel would count all of nobody's.
        return {name: value for name, value in limits.of_process().items() if name != "NPROC"}

    def kill(self, name, process):
        subprocess.run(["docker", "kill", name], capture_output=True, check=False)
        super().kill(name, process)


def choose() -> type[Sandbox]:
    """The first kind of sandbox that works here and holds."""
    faults = {}
    for kind in (Bubblewrap, Docker):
        faults[kind.__name__.lower()] = fault_of(kind)
        if not faults[kind.__name__.lower()]:
            return kind
    raise NoSandbox(INSTRUCTIONS.format(**faults))


# Changes nothing, for it may run where there is no sandbox after all.
PROBE = """
import os, socket
held = [not os.access(f, os.W_OK) for f in ("/", "/usr", "/dev", os.path.dirname(os.__file__))]
held.append(not os.path.exists(HOME) or HOME in os.__file__)
held.append(os.getuid() != 0)
try:
    held.append(not [name for _, name in socket.if_nameindex() if name != "lo"])
except OSError:
    held.append(True)
"""


def fault_of(kind: type[Sandbox]) -> str:
    """Why this kind of sandbox cannot be used here; '' if it can."""
    program = "bwrap" if kind is Bubblewrap else "docker"
    if shutil.which(program) is None:
        return "not installed"
    request = {
        "given": {"HOME": str(Path.home())},
        "steps": [
            {"cell": "probe", "source": PROBE, "seconds": 10, "locked": False},
            {
                "check": 0,
                "got": "held",
                "inputs": "gAR9lC4=",
                "seconds": 10,
                "group": "",
            },
        ],
    }
    with kind() as sandbox:
        outcome = sandbox.run(request, Limits(total_seconds=30))
    if {"started": True} not in outcome.messages:
        complaint = outcome.complaint.strip() or f"it ended with {outcome.ended}"
        return f"does not start: {complaint.splitlines()[0]}"
    if {"check": 0, "value": [True] * 7} not in outcome.messages:
        return f"does not hold what it should: {outcome.messages}"
    return ""


def infolib_without(names: list[str], folder: Path):
    """A copy of infolib in which the functions asked for refuse to answer, and cannot be read."""
    original = Path(find_spec("infolib").origin).parent
    shutil.copytree(original, folder / "infolib", ignore=shutil.ignore_patterns("__pycache__"))
    for path in (folder / "infolib").rglob("*.py"):
        source = path.read_text(encoding="utf8")
        lines = source.split("\n")
        for node in reversed(syntax_trees.parse(source).body):
            if isinstance(node, ast.FunctionDef) and node.name in names:
                first = min(part.lineno for part in (node, *node.decorator_list))
                told = f"{node.name} is what you are asked to write yourself"
                lines[first - 1 : node.end_lineno] = [
                    f"def {node.name}(*arguments, **options):",
                    f'    raise RuntimeError("{told}")',
                ]
        path.write_text("\n".join(lines), encoding="utf8")


def installed_infolib() -> list[str]:
    """Where the original would be seen beside the copy."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return [path for path in (f"{folder}/infolib" for folder in folders) if os.path.isdir(path)]


def environment() -> dict[str, str]:
    """All variables that student code sees."""
    variables = {"HOME": "/tmp", "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MPLBACKEND": "Agg"}
    variables.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", PYTHONHASHSEED="0")
    # Without these some processors compute wrongly.
    kernel = {name: os.environ[name] for name in os.environ if name.startswith("OPENBLAS_")}
    return {**kernel, **variables}


def memory_of(pid: int) -> int:
    """Bytes of memory of a process and all below it, shared memory included."""
    total, left = 0, [pid]
    while left:
        try:
            status = Path(f"/proc/{left[0]}/status").read_text()
            for task in os.listdir(f"/proc/{left[0]}/task"):
                children = Path(f"/proc/{left[0]}/task/{task}/children").read_text()
                left += map(int, children.split())
            used = re.findall(r"^Rss(?:Anon|Shmem):\s+(\d+) kB", status, re.MULTILINE)
            total += 1024 * sum(map(int, used))
        except OSError:  # it has ended, or this system has no /proc
            pass
        left.pop(0)
    return total


# System calls that no notebook needs and that reach around the limits or deep into the kernel:
# name, number on x86-64, number on 64-bit ARM.
FORBIDDEN = """
socket 41 198, memfd_create 319 279, memfd_secret 447 447, shmget 29 194, shmat 30 196,
msgget 68 186, semget 64 190, mq_open 240 180, io_uring_setup 425 425, io_uring_enter 426 426,
io_uring_register 427 427, keyctl 250 219, add_key 248 217, request_key 249 218, bpf 321 280,
perf_event_open 298 241, userfaultfd 323 282, ptrace 101 117, process_vm_readv 310 270,
process_vm_writev 311 271, unshare 272 97, setns 308 268, mount 165 40, umount2 166 39,
pivot_root 155 41, chroot 161 51, open_by_handle_at 304 265, name_to_handle_at 303 264,
personality 135 92
"""
ARCHITECTURES = {"x86_64": (1, 0xC000003E), "aarch64": (2, 0xC00000B7)}


def seccomp_filter() -> bytes:
    """A filter program for the kernel that answers those calls with EPERM."""
    if platform.machine() not in ARCHITECTURES:
        return b""
    column, architecture = ARCHITECTURES[platform.machine()]
    numbers = [int(entry.split()[column]) for entry in FORBIDDEN.split(",")]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    allow, deny, kill = 0x7FFF0000, 0x00050001, 0x80000000
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, kill), (load, 0, 0, 0)]
    # Calls in the 32-bit manner have other numbers: none of them.
    steps += [(at_least, 0, 1, 0x40000000), (answer, 0, 0, deny)]
    for number in numbers:
        steps += [(equal, 0, 1, number), (answer, 0, 0, deny)]
    steps.append((answer, 0, 0, allow))
    return b"".join(struct.pack("HBBI", *step) for step in steps)


def _feed(stdin, request: dict):
    # Left open: that it closes tells those inside that the grader has gone.
    try:
        stdin.write(json.dumps(request).encode() + b"\n")
        stdin.flush()
    except OSError:  # it ended before it had read all
        pass


def _close(stdin):
    try:
        stdin.close()
    except OSError:  # what was not read is lost
        pass


def _rest(stream, most: int) -> list[bytes]:
    """What is left in the pipe of a process that has ended."""
    os.set_blocking(stream.fileno(), False)
    parts = []
    try:
        while chunk := os.read(stream.fileno(), 65536):
            parts.append(chunk)
            if sum(map(len, parts)) > most:
                break
    except BlockingIOError:
        pass
    return parts


def _code(process) -> int | None:
    """What a process that is ending, or has ended, says by its number."""
    try:
        return process.wait(1)
    except subprocess.TimeoutExpired:
        return None


def _text(parts: list[bytes]) -> str:
    return b"".join(parts).decode("utf8", errors="replace")


def _message(line: str) -> dict | None:
    """One line as a message; None if it is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and _shallow(message) else None


# The collector refuses an answer that is nested more than 20 deep, and its message is one more.
DEEPEST = 22


def _shallow(value, room: int = DEEPEST) -> bool:
    """Whether what reads it later can do so: deeper ones are forged, to make it fail."""
    inside = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return True
    return room > 0 and all(_shallow(item, room - 1) for item in inside)
