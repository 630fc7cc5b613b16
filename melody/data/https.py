"""One GET over https: the address is checked before it is connected to, redirects are followed by the same rules.

Python's ``urllib`` resolves a name by itself, after anyone could have checked it, and follows redirects to http and ftp. Here
a name is resolved once, every address it has must be public, and the connection goes to the address that was looked at.
Goes straight to the server; proxies of the environment are not used.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import SplitResult, urljoin, urlsplit

from melody.errors import MelodyError
from melody.files import reason, shown

PIECE = 1 << 16  # bytes at a time
REDIRECTS = (301, 302, 303, 307, 308)
_PRINTABLE = re.compile("[!-~]{1,8192}")
_TRIED = 4  # addresses of a name
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class TransientError(MelodyError):
    """A fault that may be gone at the next attempt: a dropped connection, a server that is busy."""


@dataclass(frozen=True)
class Rules:
    """What a server may cost. ``local`` lets http through to 127.0.0.1: for tests, which cannot reach a server with a certificate."""

    timeout: float = 30.0  # seconds in which ``least`` bytes have to come; as long for the answer to begin
    least: int = 4096
    redirects: int = 5
    pause: float = 3.0  # seconds before the one new attempt
    local: bool = False


class Answer:
    """A server's answer: its status, its headers, and its body piece by piece."""

    def __init__(self, response: http.client.HTTPResponse, watch: _Watch, rules: Rules) -> None:
        self.status, self.headers = response.status, response.headers
        self._response, self._watch, self._rules = response, watch, rules

    def pieces(self) -> Iterator[bytes]:
        """The body, as long as it comes fast enough. Raises TransientError."""
        got = 0
        while True:
            with _told(self._watch):
                piece = self._response.read1(PIECE)
            if not piece:
                if self._watch.fired:
                    raise TransientError(self._watch.why)
                return
            got += len(piece)
            if got >= self._rules.least:
                got = 0
                self._watch.go_on()
            yield piece


@contextmanager
def get(url: str, headers: Mapping[str, str], rules: Rules) -> Iterator[Answer]:
    """Ask for ``url`` and yield the answer that stands at the end of its redirects. Raises MelodyError, TransientError."""
    for _ in range(rules.redirects + 1):
        place = _checked(url, rules)
        with _asked(place, headers, rules) as answer:
            target = answer.headers.get("Location")
            if answer.status not in REDIRECTS or not target:
                yield answer
                return
        with suppress(ValueError):  # what cannot be joined is refused as it is
            target = urljoin(url, target)
        url = target
    raise MelodyError(f"more than {rules.redirects} redirects, the last one to {shown(url)[:80]}")


def _checked(url: str, rules: Rules) -> SplitResult:
    """An address that may be asked: https, or http to this machine under ``Rules.local``."""
    try:
        place = urlsplit(url)
        host, port = place.hostname, place.port
    except ValueError:
        raise MelodyError(f"the server leads to {shown(url)[:80]}, which is no address") from None
    local = rules.local and place.scheme == "http" and host == "127.0.0.1"
    if place.scheme != "https" and not local:
        raise MelodyError(f"the server leads to {shown(url)[:80]}, which is not https")
    if not host or port == 0 or place.username is not None or not _PRINTABLE.fullmatch(url):
        raise MelodyError(f"the server leads to {shown(url)[:80]}, which is no address")
    return place


@contextmanager
def _asked(place: SplitResult, headers: Mapping[str, str], rules: Rules) -> Iterator[Answer]:
    """Connect to a checked address, ask, and close when the answer has been used."""
    assert place.hostname is not None  # checked
    plain = place.scheme == "http"
    sock = _connected(place.hostname, place.port or (80 if plain else 443), plain, rules)
    watch = _Watch(sock, rules.timeout)
    watch.start()
    line = http.client.HTTPConnection(place.hostname, place.port)
    try:
        with _told(watch):
            if not plain:
                context = ssl.create_default_context()
                sock = watch.sock = context.wrap_socket(sock, server_hostname=place.hostname, do_handshake_on_connect=False)
                sock.do_handshake()
            line.sock = sock
            path = (place.path or "/") + (f"?{place.query}" if place.query else "")
            fields = {"Host": place.netloc, "User-Agent": "melody", "Accept-Encoding": "identity", "Connection": "close", **headers}
            line.request("GET", path, headers=fields)
            response = line.getresponse()
        with response:
            yield Answer(response, watch, rules)
    finally:
        watch.stop()
        line.close()
        sock.close()


def _connected(host: str, port: int, local: bool, rules: Rules) -> socket.socket:
    """A connection to the first address of ``host`` that answers, if all of them are public."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as fault:
        raise TransientError(f"{shown(host)[:80]} is not found ({reason(fault)})") from None
    for *_, address in found:
        if not local and not _is_public(str(address[0])):
            raise MelodyError(f"{shown(host)[:80]} is at {address[0]}, a private address")
    why = "no address"
    for family, kind, protocol, _, address in found[:_TRIED]:
        sock = socket.socket(family, kind, protocol)
        sock.settimeout(rules.timeout)
        try:
            sock.connect(address)
            return sock
        except OSError as fault:
            sock.close()
            why = reason(fault)
    raise TransientError(f"no connection to {shown(host)[:80]} ({why})")


def _is_public(text: str) -> bool:
    """Whether an address belongs to the open net: not to this machine, its network, or a cloud's inside."""
    address: _Address = ipaddress.ip_address(text.split("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:
            return _is_public(str(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)))
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is not None:
            return _is_public(str(inner))
    return address.is_global and not address.is_multicast and not address.is_reserved


class _Watch(threading.Thread):
    """Shuts a connection that has not brought enough within its time.

    The timeout of a socket is not enough for this: it begins anew with every byte, so that a byte every 29 s holds on for ever.
    """

    def __init__(self, sock: socket.socket, patience: float) -> None:
        super().__init__(daemon=True)
        self.sock, self.patience, self.fired = sock, patience, False
        self.why = f"the server is too slow, nothing useful came for {patience:g} s"
        self._over = threading.Event()
        self.go_on()

    def go_on(self) -> None:
        self._until = time.monotonic() + self.patience

    def stop(self) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        while not self._over.wait(max(self._until - time.monotonic(), 0)):
            if time.monotonic() >= self._until:
                self.fired = True
                with suppress(OSError):
                    socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
                return


@contextmanager
def _told(watch: _Watch) -> Iterator[None]:
    """Every fault of a connection as a TransientError of one line."""
    try:
        yield
    except ssl.SSLCertVerificationError as fault:
        raise MelodyError(f"the server's certificate is not valid ({fault.verify_message})") from None
    except http.client.IncompleteRead:
        raise TransientError(watch.why if watch.fired else "the connection ended in the middle") from None
    except (OSError, ValueError, http.client.HTTPException) as fault:
        slow = watch.fired or isinstance(fault, TimeoutError)
        raise TransientError(watch.why if slow else f"the connection broke ({shown(reason(fault))[:80]})") from None
