"""The repository's address: taken from where it is known, and never invented."""

import os
import subprocess
from types import SimpleNamespace

import pytest
from sphinx.errors import ExtensionError

from booktools import sphinx_site


@pytest.fixture
def clone(tmp_path):
    """An empty repository without a remote."""
    subprocess.run(["git", "init", "-q", "-b", "trunk", tmp_path], check=True)
    return tmp_path


def add_remote(clone, address):
    subprocess.run(["git", "-C", clone, "remote", "add", "origin", address], check=True)


def test_unknown_without_environment_and_remote(clone):
    assert sphinx_site.repository_url({}, clone) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://example.org/school/course.git", "https://example.org/school/course"),
        ("git@example.org:school/course.git", "https://example.org/school/course"),
        ("ssh://git@example.org/school/course", "https://example.org/school/course"),
        ("https://user:token@example.org/school/course/", "https://example.org/school/course"),
        ("/srv/git/course.git", None),
        ("file:///srv/git/course.git", None),
        ("https://example.org/", None),
    ],
)
def test_the_remote_becomes_an_address_for_a_browser(clone, address, expected):
    add_remote(clone, address)
    assert sphinx_site.repository_url({}, clone) == expected


def test_the_environment_goes_before_the_remote(clone):
    add_remote(clone, "https://example.org/school/fork")
    github = {"GITHUB_REPOSITORY": "school/course", "GITHUB_SERVER_URL": "https://example.com"}
    assert sphinx_site.repository_url(github, clone) == "https://example.com/school/course"
    gitlab = {"CI_PROJECT_URL": "https://example.net/school/course"}
    assert sphinx_site.repository_url(gitlab, clone) == "https://example.net/school/course"
    own = {"BOOK_REPOSITORY": "https://example.org/own/course", **github}
    assert sphinx_site.repository_url(own, clone) == "https://example.org/own/course"


def test_the_branch_is_that_of_the_runner_or_of_the_clone(clone):
    assert sphinx_site.branch({}, clone) == "trunk"
    assert sphinx_site.branch({"GITHUB_REF_NAME": "release"}, clone) == "release"
    assert sphinx_site.branch({"CI_COMMIT_BRANCH": "next"}, clone) == "next"


def launch_options(monkeypatch, url):
    monkeypatch.setattr(sphinx_site, "repository_url", lambda: url)
    config = SimpleNamespace(html_theme_options={})
    sphinx_site._offer_launch_buttons(None, config)
    return config.html_theme_options


def test_no_button_without_an_address(monkeypatch):
    assert launch_options(monkeypatch, None) == {}


def test_buttons_with_an_address(monkeypatch):
    options = launch_options(monkeypatch, "https://github.com/school/course")
    assert options["repository_url"] == "https://github.com/school/course"
    assert set(options["launch_buttons"]) == {"binderhub_url", "notebook_interface", "colab_url"}
    # Colab opens notebooks from GitHub only.
    options = launch_options(monkeypatch, "https://example.org/school/course")
    assert "colab_url" not in options["launch_buttons"]


def test_a_changed_style_sheet_makes_a_page_outdated(tmp_path):
    source, copy = tmp_path / "static/fonts/a.css", tmp_path / "out/_static/fonts/a.css"
    for file in (source, copy):
        file.parent.mkdir(parents=True)
        file.write_text("")
    config = SimpleNamespace(html_static_path=["static"], html_search_scorer="", root_doc="index")
    app = SimpleNamespace(srcdir=tmp_path, outdir=tmp_path / "out", config=config)
    os.utime(copy, (2000, 2000))
    for changed, outdated in ((1000, []), (3000, ["index"])):
        os.utime(source, (changed, changed))
        assert sphinx_site._notice_what_sphinx_does_not(app, None, set(), set(), set()) == outdated


def test_a_changed_extension_makes_every_page_outdated(tmp_path):
    page = tmp_path / "index.html"
    page.write_text("")
    config = SimpleNamespace(html_static_path=[], html_search_scorer="", root_doc="index")
    app = SimpleNamespace(srcdir=tmp_path, outdir=tmp_path, config=config)
    env = SimpleNamespace(found_docs={"index", "other"})
    for written, outdated in ((2**33, []), (1000, ["index", "other"])):
        os.utime(page, (written, written))
        found = sphinx_site._notice_what_sphinx_does_not(app, env, set(), set(), set())
        assert found == outdated


def test_the_address_of_the_site_comes_from_where_it_is_known():
    known = sphinx_site.site_address
    assert known({}) is None
    assert known({"GITHUB_REPOSITORY": "School/course"}) == "https://school.github.io/course/"
    assert known({"GITHUB_REPOSITORY": "school/School.github.io"}) == "https://school.github.io/"
    assert known({"CI_PAGES_URL": "https://example.org/course"}) == "https://example.org/course/"
    own = {"BOOK_ADDRESS": "https://example.com/x", "GITHUB_REPOSITORY": "school/course"}
    assert known(own) == "https://example.com/x/"
    assert known({"BOOK_ADDRESS": "course"}) is None


def test_a_heading_is_called_as_in_jupyter():
    curled = "Shannon’s code and Huffman’s: 2 bits, or 3?"
    assert sphinx_site.heading_anchor(curled) == "Shannon's-code-and-Huffman's:-2-bits,-or-3?"


def test_a_formula_that_cannot_be_set_stops_the_build(tmp_path):
    app = SimpleNamespace(builder=SimpleNamespace(format="html"), outdir=str(tmp_path))
    page = tmp_path / "page.html"
    page.write_text("<span>fine</span>")
    sphinx_site._refuse_broken_formulas(app, None)
    page.write_text('<span style="color:#cc0000;">\\foo</span>')
    with pytest.raises(ExtensionError, match=r"page.html: \\foo"):
        sphinx_site._refuse_broken_formulas(app, None)
