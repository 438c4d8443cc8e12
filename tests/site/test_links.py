"""Links, anchors, HTML, spelling: checked offline, by programs made for it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from booktools import browser, node
from booktools.publish import ROOT, SITE

BIN = Path(sys.executable).parent
HTML_RULES = ROOT / "site" / "html-validate.json"


def broken_links(site: Path) -> list[str]:
    done = subprocess.run(
        [
            BIN / "lychee",
            "--offline",
            "--include-fragments",
            "--no-progress",
            "--format=json",
            f"--root-dir={site}",
            site,
        ],
        capture_output=True,
        text=True,
    )
    report = json.loads(done.stdout)
    assert report["total"] > 0
    errors = report["error_map"].items()
    return [f"{Path(page).name}: {link['url']}" for page, links in errors for link in links]


def html_faults(pages, report: Path) -> list[str]:
    node.run(
        "html-validate/bin/html-validate.mjs",
        f"--config={HTML_RULES}",
        f"--formatter=json={report}",
        *pages,
        check=False,
    )
    return [
        f"{Path(page['filePath']).name}:{fault['line']}: {fault['message']}"
        for page in json.loads(report.read_text("utf8"))
        for fault in page["messages"]
    ]


def misspelt(*places: Path) -> list[str]:
    done = subprocess.run(
        [BIN / "codespell", "--toml", ROOT / "pyproject.toml", *places],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode in (0, 65), done.stderr
    return done.stdout.splitlines()


def test_every_link_and_anchor_leads_somewhere():
    assert broken_links(SITE) == []


@pytest.mark.parametrize("link", ["nowhere.html", "page.html#nowhere", "nowhere.png"])
def test_a_broken_link_is_found(tmp_path, link):
    kind = f'<img src="{link}">' if link.endswith("png") else f'<a href="{link}">x</a>'
    (tmp_path / "page.html").write_text(f"<h1 id='here'>x</h1><a href='#here'>x</a>{kind}")
    (fault,) = broken_links(tmp_path)
    assert "nowhere" in fault


def test_every_page_is_valid_html(tmp_path):
    pages = [SITE / page for page in browser.pages(SITE)]
    assert len(pages) >= 13
    assert html_faults(pages, tmp_path / "report.json") == []


def test_invalid_html_is_found(tmp_path):
    page = tmp_path / "page.html"
    page.write_text(
        '<!DOCTYPE html>\n<html lang="en"><head><title>x</title></head>'
        '<body><p id="a"><div id="a">x</div></p></body></html>\n'
    )
    assert len(html_faults([page], tmp_path / "report.json")) >= 2


def test_words_are_spelt_right():
    places = ("book", "infolib", "booktools", "benchmarks", "tests", "README.md", "CONTRIBUTING.md")
    assert misspelt(*(ROOT / place for place in places)) == []


def test_a_misspelt_word_is_found(tmp_path):
    shutil.copy(ROOT / "README.md", tmp_path)
    with (tmp_path / "README.md").open("a") as file:
        file.write("The " + "recie" + "ved message.\n")  # in parts, or it would be found here
    (fault,) = misspelt(tmp_path / "README.md")
    assert "received" in fault
