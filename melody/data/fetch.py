"""A file of the table, from the net: taken up where it stopped, never longer than the table says, checked, then renamed."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path

from melody.data import https
from melody.data.catalogue import Collection
from melody.data.https import Rules, TransientError
from melody.data.partial import Part, is_validator
from melody.errors import CallError, MelodyError, Remedy
from melody.files import claim, shown

ATTEMPTS = 2
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")
_BUSY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Fetched:
    """A file that is whole. ``known``: the digest is that of the table; ``there``: it lay there already."""

    path: Path
    bytes: int
    sha256: str
    known: bool
    there: bool = False


def fetch(
    what: Collection,
    folder: str | os.PathLike[str] = ".",
    force: bool = False,
    rules: Rules = Rules(),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fetched:
    """Download the archive of a collection into ``folder`` and leave it as it is. Raises MelodyError of one line.

    An attempt that fails leaves NAME.part, and the next one goes on from there if the server still has the same content.
    """
    if not what.url:
        raise CallError(f"{what.name} is not offered as one file over https; its makers are at {what.address}; see: melody data list")
    target = Path(folder) / what.archive
    if not force and what.sha256 and target.is_file() and target.stat().st_size == what.bytes and _digest(target) == what.sha256:
        return Fetched(target, what.bytes, what.sha256, True, True)
    claim(target, force)
    if target.is_dir():
        raise CallError(f"{shown(target)} is a folder, and is not replaced", Remedy.OTHER_PATH)
    with Part(target, what.url, bool(what.sha256)) as part:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                digest = _attempt(what, part, rules, progress)
                break
            except TransientError as fault:
                if attempt == ATTEMPTS:
                    kept = f"; run it again, it goes on after {part.size:,} bytes" if part.lasting else "; try again later"
                    raise MelodyError(f"{what.name}: {fault}{kept}") from None
                time.sleep(rules.pause)
            except CallError:
                raise
            except MelodyError as fault:
                raise MelodyError(str(fault) if str(part.path) in str(fault) else f"{what.name}: {fault}") from None
        size = part.size
        part.finish()
    return Fetched(target, size, digest, bool(what.sha256))


def _attempt(what: Collection, part: Part, rules: Rules, progress: Callable[[int, int], None]) -> str:
    """One request, or none where all is there; returns the digest of a file that may be kept."""
    pieced = part.size > 0 and part.size == what.bytes or _receive(what, part, rules, progress)
    digest = part.digest()
    if what.sha256 and digest != what.sha256:
        part.restart()
        if pieced:  # the content may have changed between the parts
            raise TransientError("the parts do not fit together")
        raise MelodyError(f"its sha256 is {digest}, not {what.sha256} as the table says; it was thrown away")
    return digest


def _receive(what: Collection, part: Part, rules: Rules, progress: Callable[[int, int], None]) -> bool:
    """One request; returns whether the answer went on from a part that was there."""
    asked = {"Range": f"bytes={part.size}-"} if part.size else {}
    if part.size and part.validator:
        asked["If-Range"] = part.validator  # if the content is another by now, all of it comes
    with https.get(what.url, asked, rules) as answer:
        _check_status(answer, part)
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise MelodyError("the server compresses what it sends, although it was asked not to")
        total = _rest_of(answer.headers, what, part) if answer.status == 206 else _whole(answer.headers, what, part)
        if what.bytes and total not in (0, what.bytes):
            part.restart()
            raise MelodyError(f"the server offers {total:,} bytes, not {what.bytes:,} as the table says")
        if total > what.limit:
            part.restart()
            raise MelodyError(f"the server offers {total:,} bytes, more than the limit of {what.limit:,} in the table")
        total = total or what.bytes
        for piece in answer.pieces():
            if part.size + len(piece) > (total or what.limit):
                part.restart()
                raise MelodyError(f"the server sends more than {total or what.limit:,} bytes")
            part.append(piece)
            progress(part.size, total or what.limit)
    if total and part.size != total:
        raise TransientError(f"the connection ended after {part.size:,} of {total:,} bytes")
    if not part.size:
        raise TransientError("the server sent nothing")
    return answer.status == 206


def _check_status(answer: https.Answer, part: Part) -> None:
    """Go on with 200, and with 206 if a part was asked for."""
    if answer.status == 200 or answer.status == 206 and part.size:
        return
    if answer.status in (206, 416):
        part.restart()
        raise TransientError("the server sent a part nobody asked for" if answer.status == 206 else "the server has no more bytes of it")
    text = f"the server says {answer.status}"
    raise TransientError(text) if answer.status in _BUSY else MelodyError(text)


def _whole(headers: Message, what: Collection, part: Part) -> int:
    """Begin anew; returns the length that the server tells, 0 if it tells none."""
    tag, date = headers.get("ETag", ""), headers.get("Last-Modified", "")
    # A date has a resolution of a second. It will do where the digest has the last word.
    validator = tag if tag.startswith('"') else date if what.sha256 else ""
    part.begin(validator if is_validator(validator) else "")
    length = headers.get("Content-Length", "")
    return int(length) if re.fullmatch(r"\d{1,15}", length) and "Transfer-Encoding" not in headers else 0


def _rest_of(headers: Message, what: Collection, part: Part) -> int:
    """Check that the answer goes on where the part stops, in the same content; returns the length of the whole, 0 if not known."""
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    tag = headers.get("ETag", "")
    same = tag == part.validator or bool(what.sha256) and not (tag and part.validator.startswith('"'))
    if match is None or int(match[1]) != part.size or not same:
        part.restart()
        raise TransientError("the server sent another part than was asked for")
    return 0 if match[3] == "*" else int(match[3])


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
