"""A server on this machine that does what it is told, one behaviour a request, and then behaves itself."""

import hashlib
import http.server
import random
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from melody.data import Collection, Rules

Behaviour = Callable[[http.server.BaseHTTPRequestHandler], None]
CONTENT = random.Random(0).randbytes(300_000)
QUICK = Rules(timeout=300, least=1000, pause=0.01, local=True)  # for servers that are slow only where the machine is
HASTY = Rules(timeout=0.6, least=1000, pause=0.01, local=True)  # for servers that are slow on purpose


@dataclass
class Server:
    """``next``: what the next requests get, in order; then honest answers. ``asked``: the headers of every request."""

    url: str = ""
    content: bytes = CONTENT
    tag: str = '"one"'
    next: list[Behaviour] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    def collection(self, **changed: object) -> Collection:
        """A row of the table that leads here."""
        facts = dict.fromkeys(("title", "what", "spdx", "share", "reason", "clock", "prepare", "credit", "licence"), "x")
        facts |= {"name": "songs", "address": "https://example.org/", "files": 1, "notes": 1, "hours": 1.0, "archive": "songs.zip"}
        facts |= {"url": self.url + "/songs.zip", "bytes": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest()}
        return Collection(**(facts | changed))

    def honest(self, h: http.server.BaseHTTPRequestHandler) -> None:
        self.answer(h)

    def answer(self, h, ranges=True, length=True, tag=None, cut=None, moved=0, content=None) -> None:
        """The content as a server should send it, or with one thing wrong."""
        content = self.content if content is None else content
        tag = self.tag if tag is None else tag
        begin, asked = 0, h.headers.get("Range")
        if asked and ranges and h.headers.get("If-Range", tag) == tag:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            h.send_response(206)
            h.send_header("Content-Range", f"bytes {begin + moved}-{len(content) - 1}/{len(content)}")
        else:
            h.send_response(200)
        if tag:
            h.send_header("ETag", tag)
        if length:
            h.send_header("Content-Length", str(len(content) - begin + (length if length is not True else 0)))
        h.end_headers()
        h.wfile.write(content[begin:][:cut])

    def redirect(self, to: str) -> Behaviour:
        def behave(h):
            h.send_response(302)
            h.send_header("Location", to)
            h.send_header("Content-Length", "0")
            h.end_headers()

        return behave

    def cut(self, after: int, **changed) -> Behaviour:
        """The connection ends after some bytes of the body."""
        return lambda h: self.answer(h, cut=after, **changed)

    def status(self, number: int) -> Behaviour:
        return lambda h: h.send_error(number)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(dict(self.headers))
            try:
                (made.next.pop(0) if made.next else made.honest)(self)
            except OSError:  # the client had enough
                self.close_connection = True

        def log_message(self, *args: object) -> None: ...

    class Quiet(http.server.ThreadingHTTPServer):
        def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]  # a socket, as TCPServer has it
            super().shutdown_request(request)

    web = Quiet(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    web.block_on_close = False
    made.url = f"http://127.0.0.1:{web.server_port}"
    thread = threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    web.shutdown()
    web.server_close()
    thread.join()
