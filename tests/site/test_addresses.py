"""The site, built anew where its address and its repository are known, and under a sub-path."""

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from booktools.browser import pages
from booktools.publish import ROOT, publish
from booktools.serve import serving

ADDRESS = "https://example.org/course/"
REPOSITORY = "https://github.com/school/course"


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    """The site's folder, within the folder of a host."""
    folder = tmp_path_factory.mktemp("known")
    jupyter_book = Path(sys.executable).parent / "jupyter-book"
    environ = os.environ | {"BOOK_ADDRESS": ADDRESS, "BOOK_REPOSITORY": REPOSITORY}
    command = [jupyter_book, "build", ROOT, "--builder=html", "-W", "-n", "-q"]
    subprocess.run(
        [*command, f"--path-output={folder}"], env=environ, check=True, capture_output=True
    )
    site = folder / "host" / "course"
    site.parent.mkdir()
    publish(folder / "_build" / "html", site, ADDRESS)
    shutil.copy(site / "404.html", site.parent)  # a host shows the site's page for what is missing
    return site


def parsed(site, page="book/02_entropy.html"):
    return BeautifulSoup((site / page).read_text("utf8"), "html.parser")


def test_crawlers_get_every_page(known):
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    listed = ET.parse(known / "sitemap.xml").findall(".//s:loc", space)
    places = {loc.text.removeprefix(ADDRESS) for loc in listed}
    assert places == set(pages(known)) - {"index.html", "search.html", "404.html"}
    assert f"Sitemap: {ADDRESS}sitemap.xml" in (known / "robots.txt").read_text()


def test_a_shared_link_brings_title_text_and_picture(known):
    head = parsed(known).head
    tag = {m["property"]: m["content"] for m in head.select("meta[property]")}
    assert tag["og:url"] == f"{ADDRESS}book/02_entropy.html"
    assert tag["og:title"] == "2. Entropy"
    assert tag["og:site_name"] == "Entropy, cross-entropy and KL divergence"
    picture = tag["og:image"].removeprefix(ADDRESS)
    assert (known / picture).exists()
    assert head.select_one("link[rel=canonical]")["href"] == f"{ADDRESS}book/02_entropy.html"


def test_descriptions_are_sentences_and_differ(known):
    found = {}
    for page in pages(known):
        if page != "index.html":
            found[page] = parsed(known, page).select_one("meta[name=description]")["content"]
    assert len(set(found.values())) == len(found)
    for page, text in found.items():
        assert 25 < len(text) < 320, page
        assert "\\" not in text and "<" not in text


def test_a_page_can_be_edited_reported_and_run(known):
    links = {a["href"] for a in parsed(known).select(".article-header-buttons a[href]")}
    assert f"{REPOSITORY}/edit/" in "".join(links)
    for part in ("/issues/new", "mybinder.org", "colab.research.google.com"):
        assert any(part in link for link in links), part


def test_no_script_or_style_sheet_is_published_that_no_page_loads(known):
    loaded = {"searchindex.js", "offline.js"}  # by a script, both
    for page in pages(known):
        for tag in parsed(known, page).select("script[src], link[rel=stylesheet]"):
            loaded.add(Path(tag.get("src") or tag.get("href")).name.split("?")[0])
    published = [*known.glob("*.*"), *(known / "_static").rglob("*")]
    scripts = {file.name for file in published if file.suffix in (".js", ".css")}
    assert scripts - loaded == set()


def test_code_runs_under_a_sub_path(known, browser):
    with serving(known.parent) as host:
        page = browser.new_page()
        page.goto(host + "course/book/index.html")
        cell = page.locator(".cell[data-live]").nth(1)
        cell.get_by_role("button", name="Run").click()
        cell.locator("pre.live-stdout", has_text="q = 0.90: 2.53 = 0.81 + 1.72").wait_for(
            timeout=60_000
        )
        scope = "navigator.serviceWorker.getRegistration().then(found => found.scope)"
        assert page.evaluate(scope) == host + "course/"
        page.get_by_role("link", name="Open as notebook").click()
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
        page.close()


def test_a_page_that_cannot_run_offers_binder_and_colab(known):
    note = parsed(known, "book/appendix_beyond_memory.html").select_one(".live-note")
    links = {link.get_text(): link["href"] for link in note.select("a")}
    assert "mybinder.org" in links["Binder"] and "colab" in links["Colab"]
    assert links["download"].endswith("appendix_beyond_memory.ipynb")


def test_it_works_under_a_sub_path(known, browser):
    with serving(known.parent) as host:
        page = browser.new_page()
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("response", lambda r: faults.append(r.url) if r.status > 399 else None)
        page.goto(host + "course/")
        page.wait_for_url("**/course/book/index.html")
        page.goto(host + "course/search.html?q=KL")
        page.locator("#search-results li a", has_text="6. KL divergence").first.click()
        page.wait_for_url("**/course/book/06_kl_divergence.html*")
        assert faults == []
        page.goto(host + "course/book/none/at/all.html")
        assert page.locator("h1").inner_text() == "Page not found"
        page.get_by_role("link", name="Start from the first page").click()
        page.wait_for_url("**/course/book/index.html")
        page.close()
