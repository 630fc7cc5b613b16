"""A file of the table, downloaded: resumed where it stopped, never longer than the table says, checked, then renamed."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPResponse
from pathlib import Path

from melody.data import https
from melody.data.catalogue import Collection
from melody.data.https import Rules, TransientError
from melody.data.partial import PartialDownload, is_validator
from melody.errors import CallError, MelodyError, Remedy
from melody.files import claim, shown

ATTEMPTS = 2
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")
_BUSY = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Fetched:
    """A file that is whole."""

    path: Path
    bytes: int
    sha256: str
    known: bool  # whether the digest is that of the table
    there: bool = False  # whether it lay there already, so that nothing was downloaded


def fetch(
    collection: Collection,
    folder: str | os.PathLike[str] = ".",
    force: bool = False,
    rules: Rules = Rules(),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Fetched:
    """Download the archive of a collection into ``folder``; it is neither unpacked nor run.

    An attempt that fails leaves NAME.part, which the next one resumes if the server still has the same content.
    ``progress``: called with the bytes so far, and those in all (at most).
    Errors: ``MelodyError``; ``CallError`` for a collection without a file, and for a file that exists and not ``force``.

    >>> from melody.data import fetch, find
    >>> fetch(find("giantmidi"))
    Traceback (most recent call last):
        ...
    melody.errors.CallError: giantmidi cannot be downloaded as one file; see its makers' page: ...
    """
    if not collection.url:
        raise CallError(f"{collection.name} cannot be downloaded as one file; see its makers' page: {collection.address}")
    target = Path(folder) / collection.archive
    if not force and _is_whole(target, collection):
        return Fetched(target, collection.bytes, collection.sha256, True, True)
    claim(target, force)
    if target.is_dir():
        raise CallError(f"{shown(target)} is a folder, and is not replaced", Remedy.OTHER_PATH)
    with PartialDownload(target, collection.url, bool(collection.sha256)) as partial:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                digest = _attempt(collection, partial, rules, progress)
                break
            except TransientError as fault:
                if attempt == ATTEMPTS:
                    kept = f"; run it again to resume after {partial.size:,} bytes" if partial.resumable else "; try again later"
                    raise MelodyError(f"{collection.name}: {fault}{kept}") from None
                time.sleep(rules.pause)
            except CallError:
                raise
            except MelodyError as fault:
                raise MelodyError(str(fault) if str(partial.path) in str(fault) else f"{collection.name}: {fault}") from None
        size = partial.size
        partial.finish()
    return Fetched(target, size, digest, bool(collection.sha256))


def _attempt(collection: Collection, partial: PartialDownload, rules: Rules, progress: Callable[[int, int], None]) -> str:
    """One request, or none where all is there; returns the digest of a file that may be kept."""
    resumed = partial.size > 0 and partial.size == collection.bytes or _receive(collection, partial, rules, progress)
    digest = partial.digest()
    if collection.sha256 and digest != collection.sha256:
        partial.restart()
        if resumed:  # the content may have changed between the parts
            raise TransientError("the parts do not fit together")
        raise MelodyError(f"its sha256 is {digest}, not {collection.sha256} as the table says; it was deleted")
    return digest


def _receive(collection: Collection, partial: PartialDownload, rules: Rules, progress: Callable[[int, int], None]) -> bool:
    """One request; returns whether the answer resumed what was there."""
    headers = {"Range": f"bytes={partial.size}-"} if partial.size else {}
    if partial.size and partial.validator:
        headers["If-Range"] = partial.validator  # if the content is another by now, all of it comes
    with https.get(collection.url, headers, rules) as answer:
        _check_status(answer, partial)
        if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise MelodyError("the server compresses what it sends, although it was asked not to")
        total = _rest_of(answer.headers, collection, partial) if answer.status == 206 else _whole(answer.headers, collection, partial)
        if collection.bytes and total not in (0, collection.bytes):
            partial.restart()
            raise MelodyError(f"the server offers {total:,} bytes, not {collection.bytes:,} as the table says")
        if total > collection.limit:
            partial.restart()
            raise MelodyError(f"the server offers {total:,} bytes, more than the limit of {collection.limit:,} in the table")
        total = total or collection.bytes
        for block in https.blocks(answer):
            if partial.size + len(block) > (total or collection.limit):
                partial.restart()
                raise MelodyError(f"the server sends more than {total or collection.limit:,} bytes")
            partial.append(block)
            progress(partial.size, total or collection.limit)
    if total and partial.size != total:
        raise TransientError(f"the connection ended after {partial.size:,} of {total:,} bytes")
    if not partial.size:
        raise TransientError("the server sent nothing")
    return answer.status == 206


def _check_status(answer: HTTPResponse, partial: PartialDownload) -> None:
    """Errors: ``MelodyError`` unless it is 200, or 206 where the rest was asked for."""
    if answer.status == 200 or answer.status == 206 and partial.size:
        return
    if answer.status in (206, 416):
        partial.restart()
        unasked = answer.status == 206
        raise TransientError("the server sent a part nobody asked for" if unasked else "the server has nothing more to send")
    text = f"the server says {answer.status}"
    raise TransientError(text) if answer.status in _BUSY else MelodyError(text)


def _whole(headers: Message, collection: Collection, partial: PartialDownload) -> int:
    """Begin anew; returns the length that the server states, 0 if it states none."""
    tag, date = headers.get("ETag", ""), headers.get("Last-Modified", "")
    # A date has a resolution of a second. It will do where the digest has the last word.
    validator = tag if tag.startswith('"') else date if collection.sha256 else ""
    partial.begin(validator if is_validator(validator) else "")
    length = headers.get("Content-Length", "")
    return int(length) if re.fullmatch(r"\d{1,15}", length) and "Transfer-Encoding" not in headers else 0


def _rest_of(headers: Message, collection: Collection, partial: PartialDownload) -> int:
    """Check that the answer resumes the same content at the same place; returns the length of the whole, 0 if not known."""
    match = _RANGE.fullmatch(headers.get("Content-Range", ""))
    tag = headers.get("ETag", "")
    same = tag == partial.validator or bool(collection.sha256) and not (tag and partial.validator.startswith('"'))
    if match is None or int(match[1]) != partial.size or not same:
        partial.restart()
        raise TransientError("the server sent another part than was asked for")
    return 0 if match[3] == "*" else int(match[3])


def _is_whole(target: Path, collection: Collection) -> bool:
    """Whether a file is what the table says of it."""
    if not collection.sha256 or not target.is_file() or target.stat().st_size != collection.bytes:
        return False
    with open(target, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == collection.sha256
