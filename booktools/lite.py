"""JupyterLite: the notebooks whole, in Jupyter, in the browser, in the site's folder `lite/`.

Its Python is the site's own, `live/pyodide-…`, so it is there once. Called by `booktools.live`.
"""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from booktools import pyodide

ROOT = Path(__file__).parents[1]
# What its kernel asks Pyodide for when it starts; and what it asks the package index for.
PACKAGES = {"ipython", "jedi", "micropip", "sqlite3", "ssl"}
COMM = ("comm==0.2.3", "c615d91d75f7f04f095b30d1c1711babd43bdc6419c1be9886a85f2f4e489417")
KERNEL = "@jupyterlite/pyodide-kernel-extension:kernel"
# Of the extensions of Jupyter that are installed here, the browser gets this one alone: others are
# made for a server, or for another version.
EXTENSIONS = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
BUILD = {
    "LiteBuildConfig": {
        "ignore_sys_prefix": ["federated_extensions"],
        "federated_extensions": [str(EXTENSIONS / "@jupyterlite" / "pyodide-kernel-extension")],
    }
}
# Jupyter's schemas are compiled to code, its styles are written by scripts.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-eval' {digests}; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'"
)
# What Jupyter shows as a notebook's last checkpoint: a day that does not change with each build.
RELEASED = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf8"))["date-released"]


def build(folder: Path, notebooks: dict[str, Path], pyodide_folder: str, lock: str) -> None:
    """Write JupyterLite into `folder` with these notebooks, by their path in it.

    The folder of Pyodide and the list of its packages are given relative to `folder`.
    """
    comm = pyodide.fetch_wheel(*COMM)
    with tempfile.TemporaryDirectory() as settings:
        (Path(settings) / "jupyter_lite_config.json").write_text(json.dumps(BUILD), "utf8")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "jupyterlite_core", "build"),
                *("--lite-dir", settings, "--output-dir", folder),
                *("--apps", "notebooks", "--apps", "lab"),
                *("--piplite-wheels", comm, "--no-sourcemaps", "--no-unused-shared-packages"),
            ],
            cwd=settings,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise pyodide.Unavailable(f"JupyterLite could not be built:\n{done.stderr[-2000:]}")
    _configure(folder, pyodide_folder, lock)
    _add_icons(folder)
    _list(folder, notebooks)
    for page in folder.rglob("*.html"):
        _set_head(page, "../" * (len(page.relative_to(folder).parts) - 1))


def _configure(folder: Path, pyodide_folder: str, lock: str) -> None:
    file = folder / "jupyter-lite.json"
    config = json.loads(file.read_text("utf8"))
    settings = config["jupyter-config-data"].setdefault("litePluginSettings", {})
    settings[KERNEL] = settings.get(KERNEL, {}) | {
        "pyodideUrl": f"./{pyodide_folder}pyodide.js",  # "./" is this folder, not the page's
        "loadPyodideOptions": {"lockFileURL": lock},
        "disablePyPIFallback": True,
    }
    file.write_text(json.dumps(config, indent=1, sort_keys=True), "utf8")


def _add_icons(folder: Path) -> None:
    """A page's icon for each state; they come with Jupyter's server, which is not here."""
    icons = folder / "static" / "favicons"
    icons.mkdir(parents=True, exist_ok=True)
    for state in ("", "-busy-1", "-busy-2", "-busy-3", "-file", "-notebook", "-terminal"):
        shutil.copy(folder / "notebooks" / "favicon.ico", icons / f"favicon{state}.ico")


def _list(folder: Path, notebooks: dict[str, Path]) -> None:
    """The notebooks, and what Jupyter's file browser asks: the contents of each folder."""
    for path, source in notebooks.items():
        (folder / "files" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, folder / "files" / path)
    inside = {".": []}
    for path in sorted(notebooks):
        parent = Path(path).parent.as_posix()
        if parent not in inside:
            inside[parent] = []
            inside["."].append(_entry(parent, "directory"))
        size = notebooks[path].stat().st_size
        inside[parent].append(_entry(path, "notebook", size=size))
    for name, entries in inside.items():
        place = folder / "api" / "contents" / name
        place.mkdir(parents=True, exist_ok=True)
        path = "" if name == "." else name
        listing = _entry(path, "directory", content=entries, format="json")
        (place / "all.json").write_text(json.dumps(listing, indent=1), "utf8")


def _entry(path: str, kind: str, size=None, content=None, format=None) -> dict:
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "type": kind,
        "size": size,
        "content": content,
        "format": format,
        "mimetype": None,
        "created": f"{RELEASED}T00:00:00Z",
        "last_modified": f"{RELEASED}T00:00:00Z",
        "writable": True,
    }


def _set_head(page: Path, up: str) -> None:
    """No page of Jupyter loads anything from elsewhere either; and each has an icon."""
    text = page.read_text("utf8")
    scripts = re.findall(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", text, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    policy = POLICY.format(digests=" ".join(f"'sha256-{digest}'" for digest in digests))
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}" />'
    icon = f'<link rel="icon" href="{up}static/favicons/favicon.ico" />'
    text, found = re.subn("<head>", f"<head>\n    {meta}\n    {icon}", text, count=1)
    if not found:
        raise SystemExit(f"{page} has no head to write the policy into")
    page.write_text(text, "utf8")
