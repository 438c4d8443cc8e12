"""From the pages that Sphinx wrote to the site that is served: `python -m booktools.publish`.

Sphinx's theme loads a great deal, some of it twice, and leaves faults that a validator or a screen
reader trips over. Here the pages are mended (`booktools.mend`), their styles and their scripts
become one small file each, fonts keep the glyphs that are used, and every page gets a policy that
forbids it the rest of the web.
"""

import base64
import hashlib
import json
import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from fontTools import subset

from booktools import live, node
from booktools.mend import mend
from booktools.sphinx_site import site_address

ROOT = Path(__file__).parents[1]
HTML, SITE = ROOT / "_build" / "html", ROOT / "_build" / "site"

# What a page may load: files of its own site. KaTeX sets formulas with style attributes.
POLICY = {
    "default-src": "'self'",
    "script-src": "'self'",
    "style-src": "'self'",
    "style-src-attr": "'unsafe-inline'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
# The theme's scripts that nothing here needs: icons drawn by script (the font draws them), tabs,
# a service that runs code elsewhere.
NOT_NEEDED = ("fontawesome", "design-tabs", "thebe")
ONLY_FOR_SEARCH = ("searchtools", "language_data", "searchindex")
# The theme measures every block of code as soon as a page is there, to let the keyboard reach those
# that scroll, and lays the whole page out anew for each; `booktools.mend` marks them instead.
MEASURED = re.compile(r'\["pre",[^\]]*\]')
# It takes the focus from these buttons, so that a keyboard has to start anew after each.
BLURRED = re.compile(r'\["\.theme-switch-button",[^\]]*\]')
# PurgeCSS's settings; the safelist is of classes that only scripts write.
PURGE = """module.exports = {
  content: %s, keyframes: false, variables: false, fontFace: false,
  safelist: {
    standard: ["show", "fade", "active", "collapsing", "collapse"],
    greedy: [/^tooltip/, /^bs-/, /^pst-/, /data-theme/, /copybtn/, /^search/, /toggle/],
  },
};
"""


def publish(source: Path = HTML, target: Path = SITE, address: str | None = None) -> None:
    """Write the site anew. If this is interrupted, the one that was there stays whole."""
    if not (source / "search.html").exists():
        raise SystemExit(f"{source} holds no built pages: run `make book`")
    work = target.with_name(target.name + ".part")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(source, work, ignore=shutil.ignore_patterns(".buildinfo", "*.map"))
    soups = {}
    for page in sorted(work.rglob("*.html")):
        if "_static" not in page.parts and page != work / "index.html":
            soups[page] = BeautifulSoup(page.read_text("utf8"), "html.parser")
            mend(soups[page], page)
    scripts = _join_scripts(work, soups)
    for page, soup in soups.items():
        page.write_text(str(soup), "utf8")  # style rules are kept for what stands in the files
    styles = _join_styles(work, soups)
    live.add(work, soups)
    for page, soup in soups.items():
        _link(soup, page, styles, scripts)
        if page.name == "404.html":
            _set_base(soup, address)
        _set_policy(soup)
        page.write_text(str(soup), "utf8")
    _open_the_front_door(work)
    _drop_leftovers(work)
    _tell_crawlers(work, soups, address)
    shutil.rmtree(target, ignore_errors=True)
    work.rename(target)


# --- scripts ----------------------------------------------------------------------------------


def _join_scripts(work: Path, soups) -> Path:
    """One script of what all pages load and set, in the theme's order; pages lose their own.

    A page keeps the few lines that choose light or dark before anything is drawn.
    """
    parts = {}  # in order, each once
    for page, soup in soups.items():
        for tag in soup.find_all("script"):
            address, body = tag.get("src", ""), (tag.string or "").strip()
            if any(name in address or name in body for name in NOT_NEEDED) or tag.get("type"):
                tag.decompose()
            elif any(name in address for name in ONLY_FOR_SEARCH):
                if page.name == "search.html":
                    tag["defer"] = ""
                else:
                    tag.decompose()
            elif address:
                parts[(page.parent / address.split("?")[0]).resolve()] = None
                tag.decompose()
            elif "dataset.theme" not in body:
                if "pagename" not in body and "kernelName" not in body:
                    parts[body] = None
                tag.decompose()
    # A deferred script runs at once when the page is there: settings come before their readers.
    first, settings, rest = [], [], []
    for part in parts:
        if isinstance(part, str):
            settings.append(part)
        else:
            place = first if part.name == "documentation_options.js" else rest
            place.append(part.read_text("utf8"))
    texts = first + settings + rest
    text = "\n;\n".join(texts)
    for pattern, instead, what in (
        (MEASURED, "['.none']", "blocks of code"),
        (BLURRED, "[]", "buttons"),
    ):
        text, found = pattern.subn(instead, text)
        if found != 1:
            raise SystemExit(f"the theme's script names {what} {found} times, not once")
    for part in parts:
        if not isinstance(part, str):
            part.unlink()
    joined = work / "_static" / "page.js"
    joined.write_text(text, "utf8")
    return _small(joined, "--legal-comments=inline")


def _small(file: Path, *options) -> Path:
    """The file without what only people need, under a name that changes with its content."""
    out = file.parent / "small"
    node.run(
        "esbuild/bin/esbuild",
        file,
        "--minify",
        "--entry-names=[name]-[hash]",
        f"--outdir={out}",
        "--log-level=error",
        "--charset=utf8",
        *options,
    )
    file.unlink()
    (made,) = (f for f in out.iterdir() if f.suffix == file.suffix)
    for f in out.iterdir():
        f.replace(file.parent / f.name)
    out.rmdir()
    return file.parent / made.name


# --- styles -----------------------------------------------------------------------------------


def _join_styles(work: Path, soups) -> Path:
    """One style sheet with the rules that some page or script can use; pages lose their own."""
    sheets = {}
    for page, soup in soups.items():
        for link in soup.select("link[rel=stylesheet]"):
            sheets[(page.parent / link["href"].split("?")[0]).resolve()] = None
            link.decompose()
    static = work / "_static"
    config = static / "purge.cjs"
    config.write_text(PURGE % json.dumps([f"{work}/**/*.html", f"{static}/**/*.js"]), "utf8")
    purged = node.run("purgecss/bin/purgecss.js", "--config", config, "--css", *sheets)
    for sheet in json.loads(purged.stdout):
        # Old font formats and maps for debuggers are never asked for by a current browser.
        css = re.sub(r",\s*url\([^)]*\.(ttf|woff)[^)]*\)\s*format\([^)]*\)", "", sheet["css"])
        Path(sheet["file"]).write_text(re.sub(r"/\*# sourceMapping.*?\*/", "", css), "utf8")
    config.unlink()
    _keep_used_glyphs(static, sheets, soups)
    joined = static / "page.css"
    joined.write_text("".join(f'@import "./{s.relative_to(static)}";\n' for s in sheets), "utf8")
    small = _small(
        joined,
        "--bundle",
        "--asset-names=[name]-[hash]",
        *(f"--loader:.{kind}=file" for kind in ("woff2", "svg", "png")),
    )
    for sheet in sheets:
        sheet.unlink()
    return small


def _drop_leftovers(work: Path) -> None:
    """What no page or its style sheet names: parts of the theme, figures in their first format."""
    named = "".join(p.read_text("utf8") for p in work.rglob("*.html") if "_static" not in p.parts)
    sheets = [sheet for sheet in work.rglob("*.css") if sheet.name in named]
    named += "".join(sheet.read_text("utf8") for sheet in sheets)
    for folder in ("_static", "_images"):
        for file in sorted((work / folder).rglob("*"), reverse=True):  # what is in a folder first
            if file.is_dir() and not any(file.iterdir()):
                file.rmdir()
            elif file.is_file() and file.name not in named and not _is_needed_licence(file):
                file.unlink()


def _is_needed_licence(file: Path) -> bool:
    return "LICENSE" in file.name and not any(name in file.name for name in NOT_NEEDED)


def _keep_used_glyphs(static: Path, sheets, soups) -> None:
    """Icons that the rules name, of two thousand; letters and signs that formulas show."""
    rules = "".join(sheet.read_text("utf8") for sheet in sheets)
    named = re.findall(r'(?:--fa|content|--pst-icon-[a-z-]+):\s*"\\?([0-9a-f]{2,5}|.)\s?"', rules)
    icons = {int(n, 16) if len(n) > 1 else ord(n) for n in named}
    formulas = (tag.get_text() for soup in soups.values() for tag in soup.select(".katex-html"))
    signs = {ord(letter) for formula in formulas for letter in formula}
    for font in static.rglob("*.woff2"):
        options = subset.Options(flavor="woff2", layout_features=["*"])
        read = subset.load_font(str(font), options)
        maker = subset.Subsetter(options)
        maker.populate(unicodes=signs if "KaTeX" in font.name else icons)
        maker.subset(read)
        subset.save_font(read, str(font), options)
        read.close()


# --- pages ------------------------------------------------------------------------------------


def _link(soup, page: Path, styles: Path, scripts: Path) -> None:
    for preload in soup.select("link[rel=preload]"):
        preload.decompose()
    up = "../" * (len(page.relative_to(styles.parents[1]).parts) - 1)
    style = soup.new_tag("link", rel="stylesheet", href=f"{up}_static/{styles.name}")
    script = soup.new_tag("script", src=f"{up}_static/{scripts.name}", defer="")
    first = soup.head.find("script", src=True)  # the search's own scripts come after
    if first:
        first.insert_before(script)
    else:
        soup.head.append(script)
    soup.head.append(style)


def _set_policy(soup) -> None:
    """The policy, with the digests of the few lines of script and style in the page itself."""
    rules = dict(POLICY)
    if soup.select_one("[data-live]"):
        for rule, more in live.POLICY.items():
            rules[rule] = f"{rules.get(rule, '')} {more}".strip()
    for name, rule in (("script", "script-src"), ("style", "style-src")):
        for text in sorted({tag.string for tag in soup.find_all(name, src=False) if tag.string}):
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            rules[rule] += f" 'sha256-{digest}'"
    meta = soup.new_tag("meta", content="; ".join(f"{k} {v}" for k, v in rules.items()))
    meta["http-equiv"] = "Content-Security-Policy"
    charset = soup.head.find("meta", charset=True)
    charset.insert_after(meta)


def _set_base(soup, address: str | None) -> None:
    """For a page that is shown at whatever address was wrong: links start from the site's root."""
    base = soup.new_tag("base", href=urlsplit(address or "/").path)
    soup.head.find("meta", charset=True).insert_after(base)
    for link in soup.select("a[href^='#']"):
        link["href"] = "404.html" + link["href"]


def _open_the_front_door(work: Path) -> None:
    """The site's address leads to the landing page, also for who has switched scripts off."""
    start = re.search(r"url=([^\"]+)", (work / "index.html").read_text("utf8")).group(1)
    landing = BeautifulSoup((work / start).read_text("utf8"), "html.parser")
    language, title = landing.html["lang"], landing.title.string
    (work / "index.html").write_text(
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{title}</title>\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="refresh" content="0; url={start}">\n'
        f'<link rel="canonical" href="{start}">\n'
        '<link rel="icon" href="_static/favicon.svg">\n</head>\n'
        f'<body>\n<p><a href="{start}">{title}</a></p>\n</body>\n</html>\n',
        "utf8",
    )


def _tell_crawlers(work: Path, soups, address: str | None) -> None:
    """robots.txt, and a list of all pages where the site's address is known."""
    robots = "User-agent: *\nAllow: /\n"
    if address:
        space = "http://www.sitemaps.org/schemas/sitemap/0.9"
        ET.register_namespace("", space)
        listed = ET.Element(f"{{{space}}}urlset")
        for page in soups:
            if page.name not in ("search.html", "404.html"):
                entry = ET.SubElement(listed, f"{{{space}}}url")
                place = page.relative_to(work).as_posix()
                ET.SubElement(entry, f"{{{space}}}loc").text = address + place
        ET.indent(listed)
        with (work / "sitemap.xml").open("wb") as file:
            ET.ElementTree(listed).write(file, encoding="utf-8", xml_declaration=True)
        robots += f"Sitemap: {address}sitemap.xml\n"
    (work / "robots.txt").write_text(robots, "utf8")


if __name__ == "__main__":
    publish(address=site_address())
