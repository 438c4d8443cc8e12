"""Sphinx extension: what a page says of itself, and a page for wrong addresses.

A description for search engines and shared links, how long the page takes to read, how to cite it.
"""

import re
from html import escape

from docutils import nodes

# What is read in a minute: words, or characters where words are not spaced; and lines of code.
WORDS, CHARACTERS, LINES = 200, 350, 20
DESCRIPTION = 160  # letters, about as many as search engines show
WORDING = {
    "en": {
        "time": "About {minutes} minutes to read",
        "cite": "Cite this page",
        "of": "In",
        "lost": "Page not found",
        "why": "Nothing stands at this address. The page may have moved, or a letter is wrong.",
        "start": "Start from the first page",
        "search": "search the course",
        "or": "or",
    },
}


def _words(config) -> dict[str, str]:
    return WORDING[(config.language or "en").split("_")[0]]


def minutes_to_read(doctree: nodes.document) -> int:
    """Minutes for the text and the code of a page, without folded code and solutions."""
    text, lines = [], 0
    for node in doctree.findall(nodes.Text):
        parents = _classes_around(node)
        if any({"dropdown", "tag_hide-input", "cell_output"} & classes for classes in parents):
            continue
        if isinstance(node.parent, nodes.literal_block):
            lines += node.count("\n") + 1
        elif not isinstance(node.parent, (nodes.math, nodes.math_block, nodes.raw)):
            text.append(node)
    words, characters = _count(" ".join(text))
    return max(1, round(words / WORDS + characters / CHARACTERS + lines / LINES))


def description(doctree: nodes.document | None, otherwise: str) -> str:
    """The first sentences of a page, about a hundred letters; `otherwise` where there are none."""
    for paragraph in doctree.findall(nodes.paragraph) if doctree else ():
        if any(isinstance(p, (nodes.table, nodes.figure)) for p in _parents(paragraph)):
            continue
        # A formula would be shown as its source.
        if any(paragraph.findall(nodes.math)):
            continue
        said = ""
        text = re.sub(r"<!--.*?-->", "", paragraph.astext())  # where its numbers come from
        for sentence in re.split(r"(?<=[.?!])\s|(?<=[。？！])", text):
            if said and len(said) + len(sentence) > DESCRIPTION:
                break
            said = f"{said} {sentence}".strip()
        if len(said) > 30:
            return said
    return otherwise


def _describe(app, pagename, templatename, context, doctree) -> None:
    title = re.sub(r"<[^>]+>", "", context.get("title", ""))
    text = description(doctree, f"{title}: {app.config.project}")
    context["meta"] = (context.get("meta") or {}) | {"og:description": text}
    tag = f'<meta name="description" content="{escape(text)}" />'
    context["metatags"] = context.get("metatags", "") + tag


def _parents(node):
    while node.parent is not None:
        node = node.parent
        yield node


def _classes_around(node):
    return (set(p.get("classes", ())) for p in _parents(node) if isinstance(p, nodes.Element))


def _count(text: str) -> tuple[int, int]:
    han = len(re.findall(r"[\u4e00-\u9fff]", text))
    return len(re.sub(r"[\u4e00-\u9fff]", " ", text).split()), han


def _citation(config, title: str, pagename: str, words) -> str:
    """The reference in words, and as an entry for BibTeX, folded at the foot of a page."""
    year, author, book = config.copyright.split()[0], config.author, config.project
    address = f"{config.html_baseurl}{pagename}.html" if config.html_baseurl else ""
    key = re.sub(r"\W+", "-", pagename.rsplit("/", 1)[-1])
    fields = {"author": f"{{{author}}}", "title": title, "booktitle": book, "year": year}
    if address:
        fields["url"] = address
    entry = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
    plain = f"{author} ({year}). <i>{escape(title)}</i>. {words['of']}: {escape(book)}."
    if address:
        plain += f" {escape(address)}"
    return (
        f'<details class="cite-page d-print-none"><summary>{words["cite"]}</summary>\n'
        f"<p>{plain}</p>\n"
        '<div class="highlight"><pre tabindex="0">'
        f"@incollection{{{escape(key)},\n{escape(entry)}\n}}</pre></div>\n</details>"
    )


def _add(app, pagename, templatename, context, doctree) -> None:
    if doctree is None or "body" not in context:
        return
    words = _words(app.config)
    body = context["body"]
    if any(doctree.findall(nodes.section)) and re.search(r"/\d\d_", pagename):
        time = words["time"].format(minutes=minutes_to_read(doctree))
        body = body.replace("</h1>", f'</h1>\n<p class="reading-time">{time}</p>', 1)
    title = re.sub(r"^[\d.]+ ", "", re.sub(r"<[^>]+>", "", context.get("title", "")))
    context["body"] = body + _citation(app.config, title, pagename, words)


def _page_for_wrong_addresses(app):
    """A host shows it at any depth, so `booktools.publish` gives it a base address."""
    words = _words(app.config)
    start, search = (app.builder.get_target_uri(d) for d in (app.config.root_doc, "search"))
    body = (
        f"<h1>{words['lost']}</h1>\n<p>{words['why']}</p>\n"
        f'<p><a href="{start}">{words["start"]}</a>, {words["or"]} '
        f'<a href="{search}">{words["search"]}</a>.</p>'
    )
    yield "404", {"title": words["lost"], "body": body}, "page.html"


def setup(app):
    app.connect("html-collect-pages", _page_for_wrong_addresses)
    app.connect("html-page-context", _describe, priority=400)  # before the tags are written
    app.connect("html-page-context", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
