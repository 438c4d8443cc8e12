"""Solutions and hidden checks reach neither the site, nor the library's package, nor students."""

import json
from pathlib import Path

import pytest

from booktools.publish import SITE
from coursework import assignment

ROOT = Path(__file__).parents[2]
BUILDS = [SITE, ROOT / "_build" / "html"]


def secrets() -> list[bytes]:
    """Lines of each assignment that only the source holds, as text, JSON and HTML write them."""
    lines = []
    for name in assignment.names():
        work = assignment.load(name)
        for cell in work.of_kind("tests") + work.of_kind("answer") + work.of_kind("written"):
            released = set(work.released_source(cell, "example").split("\n"))
            own = [line.strip() for line in cell.source.split("\n") if line not in released]
            lines += [line for line in own if len(line) > 60][:3]
    forms = [form for line in lines for form in (line, json.dumps(line)[1:-1])]
    return [form.encode() for form in dict.fromkeys(forms)]


def holds_a_secret(folder: Path) -> list[str]:
    found, marks = [], [b"BEGIN SOLUTION", b"BEGIN HIDDEN TESTS", *secrets()]
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            if "coursework" in path.parts[len(folder.parts) :] or any(m in content for m in marks):
                found.append(str(path.relative_to(folder)))
    return found


@pytest.mark.parametrize("folder", BUILDS, ids=lambda folder: folder.name)
def test_nothing_of_it_is_built(folder):
    assert (folder / "index.html").exists(), "the site is not built: run `make book` first"
    assert holds_a_secret(folder) == []


def test_a_secret_would_be_found(tmp_path):
    (tmp_path / "_sources").mkdir()
    name = assignment.names()[0]
    source = (assignment.SOURCE / name / f"{name}.ipynb").read_text(encoding="utf8")
    (tmp_path / "_sources" / "a.txt").write_text(source.replace("BEGIN", ""), encoding="utf8")
    (tmp_path / "searchindex.js").write_text("1", encoding="utf8")
    assert holds_a_secret(tmp_path) == ["_sources/a.txt"]


def test_the_library_is_installed_without_coursework():
    import tomllib

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))
    assert settings["tool"]["setuptools"]["packages"] == ["infolib"]
