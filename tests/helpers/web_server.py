"""A web server on this machine that does what real ones do wrong, for tests of downloads."""

import hashlib
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What a server has and does.

    `faults` holds for a path what becomes of the next requests for it: a status, or `cut N` (the connection ends after
    N bytes), `trickle` (a byte each ms), `endless` (no length and no end), `no ranges`, `other part` (what was not
    asked for), `none`. `asked` holds the path and the range of each request.
    """

    url: str
    content: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    with_etag: bool = True
    redirections: dict[str, str] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)  # whole answers, which may be none of HTTP


@contextmanager
def serving(content: dict[str, bytes]) -> Iterator[Site]:
    """A server with this content by path."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                answer(self, site)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        http.daemon_threads = True
        site = Site(f"http://127.0.0.1:{http.server_port}", dict(content))
        threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield site
        finally:
            http.shutdown()


def answer(request: BaseHTTPRequestHandler, site: Site) -> None:
    path = re.sub(r"^http://[^/]+", "", request.path).partition("?")[0]
    site.asked.append((request.path, request.headers.get("Range", "")))
    waiting = site.faults.get(path, [])
    fault = waiting.pop(0) if waiting else "none"
    body = site.content.get(path)
    if path in site.raw:
        request.wfile.write(site.raw[path])
    elif path in site.redirections:
        head(request, site, 302, {"Location": site.redirections[path], "Content-Length": "0"})
    elif fault.isdigit() or body is None:
        head(request, site, int(fault) if fault.isdigit() else 404, {"Content-Length": "0"})
    elif fault == "endless":
        head(request, site, 200, {})
        while True:
            request.wfile.write(bytes(100_000))
    else:
        send(request, site, body, fault)


def send(request: BaseHTTPRequestHandler, site: Site, body: bytes, fault: str) -> None:
    etag = f'"{hashlib.sha1(body).hexdigest()}"'
    wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
    start = int(wanted[1]) if wanted and request.headers.get("If-Range", etag) == etag and fault != "no ranges" else 0
    if start and start >= len(body):
        head(request, site, 416, {"Content-Length": "0"})
        return
    start = start - 1 if start and fault == "other part" else start
    headers = {"Content-Length": str(len(body) - start)} | ({"ETag": etag} if site.with_etag else {})
    if start:
        headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    head(request, site, 206 if start else 200, headers)
    if fault == "trickle":
        for position in range(start, len(body)):
            request.wfile.write(body[position : position + 1])
            request.wfile.flush()
            time.sleep(0.001)
    elif fault.startswith("cut "):
        request.wfile.write(body[start:][: int(fault.split()[1])])
    else:
        request.wfile.write(body[start:])


def head(request: BaseHTTPRequestHandler, site: Site, status: int, headers: dict[str, str]) -> None:
    request.send_response(status)
    for name, value in (site.headers | headers).items():
        request.send_header(name, value)
    request.end_headers()
