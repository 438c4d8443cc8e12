"""Serve the built site as a good host does: `python -m booktools.serve [port]`.

Text is compressed and a wrong address gets the site's own page; the tests and the audit read the
site from here too.
"""

import contextlib
import functools
import gzip
import http.server
import re
import sys
import threading
from pathlib import Path

from booktools.publish import SITE

COMPRESSED = (".html", ".css", ".js", ".svg", ".json", ".ipynb", ".txt", ".xml", ".wasm")


@functools.lru_cache(maxsize=64)
def _compressed(body: bytes) -> bytes:
    return gzip.compress(body, 6, mtime=0)


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps a connection open for the next file
    extensions_map = http.server.SimpleHTTPRequestHandler.extensions_map | {
        ".ipynb": "application/x-ipynb+json",
        ".wasm": "application/wasm",
    }

    def do_GET(self):
        self._answer(with_body=True)

    def do_HEAD(self):
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        file, status = Path(self.translate_path(self.path)), 200
        if file.is_dir():
            file /= "index.html"
        if not file.is_file():
            file, status = Path(self.directory) / "404.html", 404
        body = file.read_bytes() if file.is_file() else b"not found"
        self.send_response(status)
        self.send_header("Content-Type", self.guess_type(str(file)))
        if file.suffix in COMPRESSED and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = _compressed(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        # A file named after its content, or its version, may be kept; others are asked for again.
        kept = status == 200 and re.search(r"-[A-Z0-9]{8}\.\w+$|/live/", self.path)
        self.send_header("Cache-Control", "public, max-age=31536000" if kept else "no-cache")
        self.end_headers()
        if with_body:
            self.send_body(body)

    def send_body(self, body: bytes) -> None:
        self.wfile.write(body)

    def log_message(self, *arguments):
        """Nothing: the terminal shows the address alone."""


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Nothing: a browser that leaves a page drops its connections."""


@contextlib.contextmanager
def serving(folder: Path = SITE, port: int = 0, handler=Handler):
    """The address of the site in `folder`, served in the background."""
    with Server(("127.0.0.1", port), functools.partial(handler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


if __name__ == "__main__":
    with serving(port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000) as address:
        print(f"Reading at {address} (Ctrl+C stops; PORT=… chooses another port)", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
