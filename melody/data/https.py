"""One GET over https, redirects to https followed, in bounded time. How large a body may be is for the caller to say.

Addresses come from the table that ships with the package, so nothing guards against those that lead into a private network.
Proxies of the environment are not used.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from melody.errors import MelodyError
from melody.files import reason, shown

REDIRECTS = (301, 302, 303, 307, 308)
_PRINTABLE = re.compile("[!-~]{1,8192}")


class TransientError(MelodyError):
    """A fault that may be gone at the next attempt: a dropped connection, a server that is busy."""


@dataclass(frozen=True)
class Rules:
    """What a server may cost. ``local`` also allows http to 127.0.0.1: for tests, whose server has no certificate."""

    timeout: float = 30.0  # seconds to connect, and seconds of waiting in which ``min_bytes`` have to come
    min_bytes: int = 4096
    redirects: int = 5
    pause: float = 3.0  # seconds before the one new attempt
    local: bool = False


@contextmanager
def get(url: str, headers: Mapping[str, str], rules: Rules) -> Iterator[http.client.HTTPResponse]:
    """Ask for ``url`` and yield the answer at the end of its redirects. Errors: ``MelodyError``, ``TransientError``."""
    headers = {"User-Agent": "melody", "Accept-Encoding": "identity", "Connection": "close", **headers}
    for _ in range(rules.redirects + 1):
        place = _checked(url, rules)
        kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
        with closing(kind(place.hostname or "", place.port, timeout=rules.timeout)) as connection:
            connection.response_class = partial(_paced_response, rules)  # type: ignore[assignment]  # it is called, and no more
            with _as_one_line():
                connection.request("GET", f"{place.path or '/'}{'?' * bool(place.query)}{place.query}", headers=headers)
                response = connection.getresponse()
            with response:
                target = response.headers.get("Location")
                if response.status not in REDIRECTS or not target:
                    yield response
                    return
        with suppress(ValueError):  # what cannot be joined is refused as it is
            target = urljoin(url, target)
        url = target
    raise MelodyError(f"more than {rules.redirects} redirects, the last one to {shown(url)[:80]}")


def blocks(response: http.client.HTTPResponse, size: int = 1 << 16) -> Iterator[bytes]:
    """The body of an answer, at most ``size`` bytes at a time. Errors: ``TransientError`` where it breaks off, or comes too slowly."""
    while True:
        with _as_one_line():
            block = response.read1(size)
        if not block:
            return
        yield block


def _checked(url: str, rules: Rules) -> SplitResult:
    """The parts of an address that may be asked: https, or http to this machine under ``Rules.local``."""
    try:
        place = urlsplit(url)
        host, port = place.hostname, place.port
    except ValueError:
        raise MelodyError(f"{shown(url)[:80]} is not a valid address") from None
    if place.scheme != "https" and not (rules.local and place.scheme == "http" and host == "127.0.0.1"):
        raise MelodyError(f"{shown(url)[:80]} is not an https address")
    if not host or port == 0 or place.username is not None or not _PRINTABLE.fullmatch(url):
        raise MelodyError(f"{shown(url)[:80]} is not a valid address")
    return place


class _Paced(io.RawIOBase):
    """A stream that gives up once ``timeout`` seconds of waiting have brought fewer than ``min_bytes``.

    A socket's own timeout begins anew with every byte: a server that sends one every 29 seconds would hold on for ever.
    """

    def __init__(self, raw: io.RawIOBase, rules: Rules) -> None:
        self._raw, self._rules, self._count, self._waited = raw, rules, 0, 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        begin = time.monotonic()
        count: int = self._raw.readinto(buffer) or 0
        self._waited += time.monotonic() - begin
        self._count += count
        if self._count >= self._rules.min_bytes:
            self._count, self._waited = 0, 0.0
        elif count and self._waited > self._rules.timeout:
            raise TimeoutError
        return count

    def close(self) -> None:
        super().close()
        self._raw.close()


def _paced_response(rules: Rules, sock: socket.socket, **facts: Any) -> http.client.HTTPResponse:
    """What http.client makes of an answer, read at the pace that ``rules`` demand."""
    response = http.client.HTTPResponse(sock, **facts)
    response.fp = io.BufferedReader(_Paced(response.fp.detach(), rules))
    return response


@contextmanager
def _as_one_line() -> Iterator[None]:
    """Every fault of a connection as an error of one line."""
    try:
        yield
    except ssl.SSLCertVerificationError as fault:
        raise MelodyError(f"the server's certificate is not valid ({fault.verify_message})") from None
    except socket.gaierror as fault:
        raise TransientError(f"the server cannot be found ({reason(fault)})") from None
    except TimeoutError:
        raise TransientError("the server is too slow") from None
    except http.client.IncompleteRead:
        raise TransientError("the connection ended too early") from None
    except (OSError, ValueError, http.client.HTTPException) as fault:
        raise TransientError(f"the connection failed ({shown(reason(fault))[:80]})") from None
