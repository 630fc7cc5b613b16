"""The server of the studio: a socket on this computer alone, a token that only the printed address holds, and the browser."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melody.compose.composer import load
from melody.errors import CallError, MelodyError
from melody.extras import require
from melody.files import claim, reason
from melody.settings import value_shown
from melody.studio import limits

if TYPE_CHECKING:
    import asyncio

ADDRESS = "127.0.0.1"
PORT = 8337
TRIED = 20  # ports from the wished one on, where nothing was said


def serve(
    model: str | os.PathLike[str] | None = None,
    *,
    engine: str | None = None,
    port: int | None = None,
    song: str | os.PathLike[str] | None = None,
    browser: bool = True,
    ready: Callable[[str], None] = lambda address: None,
) -> None:
    """Serve the studio until it is interrupted.

    ``port``: 1 to 65,535, or 0 for any that is free; by default 8337, or the next free one.
    ``song``: a MIDI file that the page opens if it exists, and writes as the song changes; nothing else is ever written.
    ``browser``: whether the page is opened. ``ready``: called with its address once the server listens.
    Errors: ``MelodyError`` without the extra ``studio``, for a model that cannot be read, a port that is taken.

    >>> serve(port=99999)
    Traceback (most recent call last):
        ...
    melody.errors.CallError: port is 99999, must be 0 to 65,535
    """
    if port is not None and (type(port) is not int or not 0 <= port <= 65_535):
        raise CallError(f"port is {value_shown(port)}, must be 0 to 65,535", argument="port")
    require("studio", "the studio")
    if song is not None:
        claim(song, force=True)
    import uvicorn

    from melody.studio.app import studio

    composer = load(model, engine=engine)
    listening = _listen(port)
    with listening:
        actual, token = int(listening.getsockname()[1]), secrets.token_urlsafe(24)
        app: Any = studio(composer, actual, token, None if song is None else Path(song))
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            http=_patient(),
            ws="none",
            limit_concurrency=limits.CONNECTIONS,
            h11_max_incomplete_event_size=16_384,
            timeout_graceful_shutdown=1,
        )
        address = f"http://{ADDRESS}:{actual}/#{token}"
        listening.listen(limits.CONNECTIONS)
        ready(address)
        if browser:
            webbrowser.open(address)
        uvicorn.Server(config).run(sockets=[listening])


def _listen(port: int | None) -> socket.socket:
    """A socket on the port, or on the first free one where nothing was said. Errors: ``MelodyError``."""
    wanted = range(PORT, PORT + TRIED) if port is None else (port,)
    for number in wanted:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if os.name == "posix":  # elsewhere it would allow two servers on one port
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((ADDRESS, number))
        except OSError as fault:
            found.close()
            if fault.errno != errno.EADDRINUSE or number == wanted[-1]:
                raise MelodyError(f"port {number} cannot be used ({reason(fault)}); choose another one") from None
        else:
            return found
    raise AssertionError("unreachable")


def _patient() -> type[asyncio.Protocol]:
    """uvicorn's own protocol, which gives up on a connection that says nothing, or only half of a request."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Patient(H11Protocol):
        timer: Any = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._wait()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.timer is None:
                self._wait()

        def connection_lost(self, exc: Exception | None) -> None:
            if self.timer is not None:
                self.timer.cancel()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self.timer = self.loop.call_later(limits.HEADER_SECONDS, self._look)

        def _look(self) -> None:
            """A request that is complete is answered in its own time; its body has a limit of its own (``guard.py``)."""
            self.timer = None
            if self.cycle is None or self.cycle.response_complete:
                self.transport.close()
            else:
                self._wait()

    return Patient
