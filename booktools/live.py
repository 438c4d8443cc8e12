"""Live code: what lets a reader run and change the cells of a page, with no server.

`add` puts controls into the pages that `booktools.publish` writes, and everything that they load
into the site's folder `live/`, where a file's name changes with its content: the scripts of
`site/live`, Pyodide's files (`booktools.pyodide`), and the course's own library as a wheel.
"""

import ast
import base64
import gzip
import hashlib
import json
import re
import shutil
import sys
import tomllib
import zipfile
from pathlib import Path

from booktools import lite, node, pyodide

ROOT = Path(__file__).parents[1]
SCRIPTS = ROOT / "site" / "live"
LIBRARY = ROOT / "infolib"
WORDS = json.loads((SCRIPTS / "words.json").read_text("utf8"))
BROWSERS = "--target=es2020"  # older ones lack what Pyodide needs anyway
PACKAGE = re.compile(r".*node_modules/((?:@[^/]+/)?[^/]+)/")  # of a file that a bundle is made of
# What pages with live cells may do beyond others: a worker, which keeps their policy, compiles
# WebAssembly.
POLICY = {"script-src": "'wasm-unsafe-eval'", "worker-src": "'self' blob:"}


def add(work: Path, soups: dict) -> None:
    """Live cells on every page whose code a browser can run; says so where there are none."""
    try:
        official = pyodide.official_lock()
        imports = Imports(official)
        pages = {page: Cells(soup, imports) for page, soup in soups.items()}
        named = {name for cells in pages.values() for some in cells.packages for name in some}
        lock = _assemble(work / "live", official, named | {"numpy"} | lite.PACKAGES)
    except pyodide.Unavailable as reason:
        print(f"The site is built without live code: {reason}")
        return
    names = _bundle(work / "live", lock, imports)
    _offline(work)
    runnable = {page for page, cells in pages.items() if cells.tags and not cells.missing}
    notebooks = _notebooks(work, runnable, lock)
    weights = _weights(work / "live", lock)
    for page, cells in pages.items():
        if cells.missing:
            _explain(soups[page], cells.missing)
        elif cells.tags:
            wanted = pyodide.needed({"numpy"}.union(*cells.packages), lock)
            size = weights[""] + sum(weights[name] for name in wanted)
            up = "../" * (len(page.relative_to(work).parts) - 1)
            _equip(soups[page], cells, size, *(f"{up}live/{name}" for name in names))
            if page in notebooks:
                _offer_notebook(soups[page], f"{up}{notebooks[page]}")


# --- what cells import ------------------------------------------------------------------------


class Imports:
    """Which package, of Pyodide's or ours, a module comes from."""

    def __init__(self, lock: dict):
        packages = lock["packages"].items()
        self.owners = {module: name for name, entry in packages for module in entry["imports"]}
        self.parts = {}  # what modules of the library need beyond what the library does
        for module in LIBRARY.glob("*.py"):
            self.part(module.stem)

    def of(self, code: str, everywhere: bool = True) -> tuple[set[str], set[str]]:
        """The packages that code imports, in functions too; and modules that none of them has."""
        packages, missing = set(), set()
        for name in _imported(code, everywhere):
            top, _, rest = name.partition(".")
            if top == LIBRARY.name:
                packages |= {top} | self.part(rest.partition(".")[0])
            elif top in self.owners:
                packages.add(self.owners[top])
            elif top not in sys.stdlib_module_names:
                missing.add(top)
        return packages, missing

    def part(self, name: str) -> set[str]:
        file = LIBRARY / f"{name}.py"
        if name not in self.parts and file.exists():
            self.parts[name] = set()  # for modules that import each other
            packages, _ = self.of(file.read_text("utf8"), everywhere=False)
            self.parts[name] = packages - {LIBRARY.name, "numpy"}
        return self.parts.get(name, set())


def _imported(code: str, everywhere: bool) -> set[str]:
    """Dotted names of what is imported."""
    try:
        tree = ast.parse(code)
    except SyntaxError:  # a cell that shows one
        return set()
    names = set()
    for statement in ast.walk(tree) if everywhere else tree.body:
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            names |= {f"{statement.module}.{alias.name}" for alias in statement.names}
    return names


class Cells:
    """The code cells of a page, and what they import."""

    def __init__(self, soup, imports: Imports):
        self.tags = [tag for tag in soup.select("div.cell") if tag.select_one(".cell_input pre")]
        self.packages, missing = [], set()
        for tag in self.tags:
            packages, unknown = imports.of(tag.select_one(".cell_input pre").get_text())
            self.packages.append(packages)
            missing |= unknown
        self.missing = sorted(missing)  # modules that Python in a browser does not have


# --- files ------------------------------------------------------------------------------------


def _assemble(folder: Path, official: dict, named: set[str]) -> dict:
    """Pyodide, the named packages and the library; returns their list, which lies there too."""
    own = {LIBRARY.name}
    entries = pyodide.needed(named - own, official)
    files = pyodide.fetch(entries, official["info"]["version"])
    place = folder / f"pyodide-{official['info']['version']}"
    place.mkdir(parents=True)
    for name in pyodide.PROGRAM:
        shutil.copy(pyodide.program() / name, place)
    for file in files.values():
        shutil.copy(file, place)
    lock = {"info": official["info"], "packages": entries | {LIBRARY.name: _wheel(place)}}
    lock["packages"] = dict(sorted(lock["packages"].items()))
    text = json.dumps(lock, indent=1)
    (folder / f"pyodide-lock-{_digest(text.encode())}.json").write_text(text, "utf8")
    return lock


def _digest(data: bytes) -> str:
    return base64.b32encode(hashlib.sha256(data).digest()).decode()[:8]


def _wheel(folder: Path) -> dict:
    """Write the library as a wheel, the same bytes whenever the library is the same."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    name, version = project["name"].replace("-", "_"), project["version"]
    info = f"{name}-{version}.dist-info"
    contents = {
        file.relative_to(ROOT).as_posix(): file.read_bytes()
        for file in sorted(LIBRARY.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
    contents[f"{info}/METADATA"] = metadata.encode()
    contents[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    lines = [f"{path},{_record(data)},{len(data)}" for path, data in contents.items()]
    record = f"{info}/RECORD"
    contents[record] = "\n".join([*lines, f"{record},,", ""]).encode()
    # Its build number tells it from the wheel of another state of the library.
    build = int(hashlib.sha256(contents[record]).hexdigest()[:10], 16)
    wheel = folder / f"{name}-{version}-{build}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in contents.items():
            archive.writestr(zipfile.ZipInfo(path), data, zipfile.ZIP_DEFLATED)
    return {
        "name": LIBRARY.name,
        "version": version,
        "file_name": wheel.name,
        "install_dir": "site",
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "package_type": "package",
        "imports": [LIBRARY.name],
        "depends": ["numpy"],
        "unvendored_tests": False,
    }


def _record(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
    return f"sha256={digest.rstrip('=')}"


def _bundle(folder: Path, lock: dict, imports: Imports) -> tuple[str, str]:
    """The scripts that a click fetches, then that of the pages, which names them; and a style."""
    place = folder / f"pyodide-{lock['info']['version']}"
    counted = ("pyodide.asm.wasm", "python_stdlib.zip")  # whose coming a worker can watch
    (lock_file,) = folder.glob("pyodide-lock-*.json")
    files = {
        "worker": _script(folder, "worker.js", "--format=iife"),
        "editor": _script(folder, "editor.js", "--format=esm"),
        "html": _script(folder, "html.js", "--format=esm"),
        "lock": lock_file.name,
        "pyodide": f"{place.name}/",
        "program": sum((place / name).stat().st_size for name in counted),
        "packages": {
            name: [(place / entry["file_name"]).stat().st_size, *entry["depends"]]
            for name, entry in lock["packages"].items()
        },
        "parts": {name: sorted(needs) for name, needs in imports.parts.items() if needs},
    }
    page = _script(folder, "page.js", "--format=iife", f"--define:FILES={json.dumps(files)}")
    return page, _script(folder, "live.css")


def _notebooks(work: Path, pages: set[Path], lock: dict) -> dict[Path, str]:
    """JupyterLite with the notebooks of these pages; returns their addresses in the site."""
    paths = {page: page.relative_to(work).with_suffix(".ipynb").as_posix() for page in pages}
    (lock_file,) = (work / "live").glob("pyodide-lock-*.json")
    try:
        lite.build(
            work / "lite",
            {path: work / "_sources" / path for path in paths.values()},
            f"../live/pyodide-{lock['info']['version']}/",
            f"../live/{lock_file.name}",
        )
    except pyodide.Unavailable as reason:
        shutil.rmtree(work / "lite", ignore_errors=True)
        print(f"The site is built without JupyterLite: {reason}")
        return {}
    return {page: f"lite/notebooks/index.html?path={path}" for page, path in paths.items()}


def _weights(folder: Path, lock: dict) -> dict[str, int]:
    """Bytes that a reader's browser fetches for each package, and for Python itself under ""."""
    place = folder / f"pyodide-{lock['info']['version']}"
    plain = {name: place / entry["file_name"] for name, entry in lock["packages"].items()}
    weights = {name: file.stat().st_size for name, file in plain.items()}
    # What hosts compress on the way; zip files and wheels are as small as they get.
    text = [place / name for name in ("pyodide.js", "pyodide.asm.js", "pyodide.asm.wasm")]
    small = sum(len(gzip.compress(file.read_bytes(), 6)) for file in text)
    return weights | {"": small + (place / "python_stdlib.zip").stat().st_size}


def _offline(work: Path) -> None:
    """The service worker, at the site's root, since it may look after what lies beside it."""
    named = (*(work / "live").rglob("*"), *(work / "_static").rglob("*-????????.*"))
    names = sorted(file.name for file in named if file.is_file())
    define = f"--define:NAMES={json.dumps(names)}"
    (work / _script(work, "offline.js", define)).rename(work / "offline.js")


def _script(folder: Path, name: str, *options) -> str:
    """Bundle a script or style sheet of ours into the folder; returns its name there."""
    before = set(folder.iterdir())
    contents = folder / "contents.json"
    node.run(
        "esbuild/bin/esbuild",
        SCRIPTS / name,
        "--bundle",
        "--minify",
        BROWSERS,
        "--loader:.py=text",
        "--entry-names=[name]-[hash]",
        f"--outdir={folder}",
        "--charset=utf8",
        "--legal-comments=none",
        f"--metafile={contents}",
        "--log-level=error",
        *options,
    )
    parts = json.loads(contents.read_text("utf8"))["inputs"]
    contents.unlink()
    (made,) = set(folder.iterdir()) - before
    _state_licences(folder / "licences.txt", parts)
    return made.name


def _state_licences(file: Path, parts: list[str]) -> None:
    """Add the licences of the packages that a bundle is made of, each once."""
    stated = file.read_text("utf8") if file.exists() else ""
    for name in sorted({m[1] for part in parts if (m := PACKAGE.match(part))}):
        head = f"=== {name}\n\n"
        if head not in stated:
            licence = node.HOME / "node_modules" / name / "LICENSE"
            stated += head + licence.read_text("utf8").strip() + "\n\n"
    if stated:
        file.write_text(stated, "utf8")


# --- pages ------------------------------------------------------------------------------------


def _equip(soup, cells: Cells, size: int, script: str, style: str) -> None:
    """Places for the controls, which the script fills; `size` is what a first run fetches."""
    for tag, packages in zip(cells.tags, cells.packages, strict=True):
        tag["data-live"] = ""
        if packages:
            tag["data-packages"] = " ".join(sorted(packages))
        bar = soup.new_tag("div", attrs={"class": "live-bar"})
        tag.select_one(".cell_input").insert_after(bar)
    top = soup.new_tag("div", attrs={"class": "live-top", "data-size": round(size / 1e6)})
    note = _note(soup)
    note["hidden"] = ""
    _below_title(soup, top, note)
    soup.head.append(soup.new_tag("script", src=script, defer=""))
    soup.head.append(soup.new_tag("link", rel="stylesheet", href=style))


def _offer_notebook(soup, address: str) -> None:
    link = soup.new_tag("a", href=address)
    link.string = _words(soup)["asNotebook"]
    soup.select_one(".live-top").append(link)


def _explain(soup, missing: list[str]) -> None:
    """Why the code of this page does not run here, and where it does."""
    note = _note(soup)
    text = _words(soup)["missing"].replace("{modules}", ", ".join(missing))
    note.insert(0, text + " ")
    _below_title(soup, note)


def _words(soup) -> dict[str, str]:
    return WORDS[soup.html["lang"].split("-")[0]]


def _note(soup):
    """A paragraph with the places where the notebook runs."""
    words = _words(soup)
    note = soup.new_tag("p", attrs={"class": "live-note"})
    note.append(words["elsewhere"])
    places = {
        "a[href*='mybinder.org']": "Binder",
        "a[href*='colab.research']": "Colab",
        "a.btn-download-source-button": words["download"],
    }
    for selector, name in places.items():
        if link := soup.select_one(selector):
            place = soup.new_tag("a", href=link["href"])
            place.string = name
            note.append(" ")
            note.append(place)
    return note


def _below_title(soup, *tags) -> None:
    above = soup.select_one("article .reading-time") or soup.select_one("article h1")
    above.insert_after(*tags)
