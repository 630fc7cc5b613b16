"""Who may ask, and how much: every request passes here before the page's own routes see it.

- The ``Host`` must be this computer's own name: a stranger's page whose name was pointed at 127.0.0.1 (DNS rebinding) has another one.
- A page of another origin is refused, whatever it asks; what answers with more than the page's own files needs the token of the address.
- A body has a largest size and a longest time.
- Every answer says what the page may do: its own scripts only, no frames, nothing guessed.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from melody.studio import limits

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN = b"x-studio-token"
CONTENT = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}


class RefusedError(Exception):
    """A request that goes no further. The app answers those that come up while a body is read."""

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


class Guard:
    """The app behind its checks. ``port``: of this server. ``token``: what the page's address brought along."""

    def __init__(self, app: App, port: int, token: str) -> None:
        self.app, self.token = app, token
        self.hosts = {f"{name}:{port}".encode() for name in ("127.0.0.1", "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            return  # nothing else is spoken here

        async def answered(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message.setdefault("headers", [])
                there = {name.lower() for name, _ in headers}
                headers += [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in there]
            await send(message)

        try:
            self._check(scope)
            bounded = _bounded(scope, receive)
        except RefusedError as fault:
            await _say(answered, fault.status, str(fault))
        else:
            await self.app(scope, bounded, answered)

    def _check(self, scope: Scope) -> None:
        headers = _unique(scope)
        host = headers.get(b"host", b"")
        if host not in self.hosts:
            raise RefusedError(421, "this is not the name of the studio")
        if headers.get(b"origin", b"http://" + host) != b"http://" + host:
            raise RefusedError(403, "another page may not ask the studio")
        if headers.get(b"sec-fetch-site", b"none") not in (b"none", b"same-origin"):
            raise RefusedError(403, "another page may not ask the studio")
        if scope["path"].startswith("/api/") and not hmac.compare_digest(headers.get(TOKEN, b""), self.token.encode()):
            raise RefusedError(403, "open the address that melody studio printed")


def _unique(scope: Scope) -> Mapping[bytes, bytes]:
    """The headers by name. Errors: ``RefusedError`` for a host, an origin or a token that stands there twice."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in found and name in (b"host", b"origin", TOKEN, b"content-length"):
            raise RefusedError(400, "a header stands there twice")
        found[name] = value
    return found


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """``receive`` that reads at most so many bytes of a body, in at most so many seconds."""
    said = dict(scope["headers"]).get(b"content-length", b"0")
    if not said.isdigit() or int(said[:20]) > limits.UPLOAD_BYTES:
        raise RefusedError(413, f"more than the limit of {limits.UPLOAD_BYTES >> 20} MiB")
    size, over = 0, False
    deadline = asyncio.get_running_loop().time() + limits.BODY_SECONDS

    async def next_part() -> Message:
        nonlocal size, over
        if over:
            return await receive()  # only a disconnect is still to come
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise RefusedError(408, "the body did not come in time") from None
        size += len(message.get("body", b""))
        if size > limits.UPLOAD_BYTES:
            raise RefusedError(413, f"more than the limit of {limits.UPLOAD_BYTES >> 20} MiB")
        over = not message.get("more_body", False)
        return message

    return next_part


async def _say(send: Send, status: int, line: str) -> None:
    body = line.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
