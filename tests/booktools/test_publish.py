"""Publishing: what is missing is named, what was there stays, and what was broken is mended."""

import urllib.error
import urllib.request

import pytest
from bs4 import BeautifulSoup
from docutils.core import publish_doctree
from PIL import Image

from booktools import publish, sphinx_page
from booktools.mend import mend
from booktools.serve import serving

HEAD = '<head><meta charset="utf-8"><title>t</title></head>'


def mended(body, folder):
    soup = BeautifulSoup(
        f"<html>{HEAD}<body><article>{body}</article></body></html>", "html.parser"
    )
    mend(soup, folder / "page.html")
    return soup


def test_without_pages_it_says_what_to_do(tmp_path):
    with pytest.raises(SystemExit, match="make book"):
        publish.publish(tmp_path, tmp_path / "site")


def test_a_site_survives_a_publishing_that_fails(tmp_path):
    source, site = tmp_path / "html", tmp_path / "site"
    (source / "_static").mkdir(parents=True)
    (source / "search.html").write_text(f"<html>{HEAD}<body></body></html>")
    site.mkdir()
    (site / "index.html").write_text("the old one")
    with pytest.raises(SystemExit, match="names blocks of code 0 times"):
        publish.publish(source, site)  # its theme is not the one that is known
    assert (site / "index.html").read_text() == "the old one"


def test_the_policy_names_the_lines_that_stand_in_the_page():
    soup = BeautifulSoup(f"<html>{HEAD}<script>run()</script></html>", "html.parser")
    publish._set_policy(soup)
    policy = soup.find("meta", attrs={"http-equiv": True})["content"]
    # printf 'run()' | openssl dgst -sha256 -binary | base64
    assert "script-src 'self' 'sha256-AvyuiL0SD1mVY3NNxR+V2uo+lhk6RMFrytWmRt6CrJQ=';" in policy


def test_figures_get_room_wait_and_shrink(tmp_path):
    for name in "ab":
        Image.new("RGB", (800, 500)).save(tmp_path / f"{name}.png")
    soup = mended('<img src="a.png" style="height: 9px"><img src="b.png">', tmp_path)
    first, second = soup.select("img")
    assert (first["width"], first["height"]) == (400, 250)
    assert first["src"] == "a.webp" and (tmp_path / "a.webp").exists()
    assert "style" not in first.attrs and "loading" not in first.attrs
    assert second["loading"] == "lazy"
    with Image.open(tmp_path / "a.webp") as picture:
        assert picture.size == (800, 500)


def test_what_a_screen_reader_trips_over_is_mended(tmp_path):
    soup = mended(
        '<p id="x">a</p><p id="x">b</p><summary aria-label="Toggle"><p>Show</p></summary>'
        '<button onclick="window.print()" title="Print"><i class="fas" title="t"></i></button>'
        "<table border=1><thead><tr><th></th><th>n</th></tr></thead></table>"
        f"<pre>{'x' * 60}</pre><pre>short</pre><!--= secret -->",
        tmp_path,
    )
    assert [p.get("id") for p in soup.select("article > p")] == ["x", None]
    assert "aria-label" not in soup.summary.attrs and soup.summary.p is None
    button = soup.button
    assert button["data-action"] == "print" and button["aria-label"] == "Print"
    assert "onclick" not in button.attrs and button.i["aria-hidden"] == "true"
    assert len(soup.select("th")) == 1 and soup.th["scope"] == "col"
    assert soup.table.parent["tabindex"] == "0"
    assert [pre.get("tabindex") for pre in soup.select("pre")] == ["0", None]
    assert "secret" not in str(soup)


def test_punctuation_is_tied_to_its_formula(tmp_path):
    formula = '<span class="math">P</span>'
    soup = mended(
        f"<p>a ({formula}<!--= p -->), {formula}th. {formula} alone，{formula}，的{formula}的</p>",
        tmp_path,
    )
    assert [tied.get_text() for tied in soup.select(".tied")] == ["(P),", "Pth.", "P，"]
    assert soup.p.get_text() == "a (P), Pth. P alone，P，的P的"
    assert len(soup.select(".math")) == 5


def test_minutes_count_words_and_code_but_nothing_folded():
    words = "word " * 400
    assert sphinx_page.minutes_to_read(publish_doctree(words)) == 2
    code = "::\n\n" + "".join(f"   line {i}\n" for i in range(60))
    assert sphinx_page.minutes_to_read(publish_doctree(f"{words}\n\n{code}")) == 5
    folded = f".. container:: dropdown\n\n   {words}"
    assert sphinx_page.minutes_to_read(publish_doctree(folded)) == 1
    assert sphinx_page.minutes_to_read(publish_doctree("熵" * 700)) == 2


def test_a_description_is_whole_sentences():
    tree = publish_doctree("One sentence of some length stands here. " * 20)
    text = sphinx_page.description(tree, "otherwise")
    assert text.endswith("here.") and 100 < len(text) <= 160
    assert sphinx_page.description(publish_doctree("Short."), "otherwise") == "otherwise"
    assert sphinx_page.description(None, "otherwise") == "otherwise"


def test_the_server_compresses_text_and_answers_wrong_addresses(tmp_path):
    (tmp_path / "index.html").write_text("x" * 10_000)
    (tmp_path / "404.html").write_text("lost")
    with serving(tmp_path) as address:
        request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request) as answer:
            assert answer.headers["Content-Encoding"] == "gzip"
            assert len(answer.read()) < 200
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(address + "nowhere/at/all")
        assert error.value.code == 404 and error.value.read() == b"lost"
        error.value.close()
        with pytest.raises(urllib.error.HTTPError) as error:
            urllib.request.urlopen(address + "../../etc/passwd")
        error.value.close()
