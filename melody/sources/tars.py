"""Tar archives, packed or not, read from start to end. Only what collections of files need; nothing is ever written.

Python's own ``tarfile`` reads long names and extended headers of any length into memory and has looped on odd sizes. This
reader has a bound on each. Formats: old, ustar, GNU (long names), pax (path and size). No sparse files.
"""

from __future__ import annotations

import re
import threading
import zlib
from pathlib import Path
from typing import BinaryIO

from melody.errors import MelodyError
from melody.files import reason
from melody.sources.entry import LINK, Entry, opened
from melody.sources.limits import Limits
from melody.sources.unpacking import Stream

_BLOCK = 512
MAX_NAME_BYTES = 1 << 16  # bytes of a long name, or of an extended header
_HEADERS_PER_ENTRY = 4  # blocks of description for each entry that Limits allow: folders, long names, extended headers
_LINKS = {b"1", b"2"}
_NO_FILES = {b"3": "is a device, and is not read", b"4": "is a device, and is not read", b"6": "is a pipe, and is not read"}
_OCTAL = re.compile(rb"[0-7]{0,12}")
_RECORD = re.compile(rb"(\d{1,6}) ([^=\n]{1,200})=")

_last = threading.local()  # .stream: where this thread left an archive, so that a list of entries is unpacked once, not once an entry


def entries(path: Path, limits: Limits) -> list[Entry]:
    """All entries but folders, in the order of the archive. Errors: ``MelodyError`` with the reason only."""
    try:
        with opened(path) as file:
            return _Reader(Stream(path, limits), file, limits).entries()
    except OSError as fault:
        raise MelodyError(f"cannot be read ({reason(fault)})") from None


def unpack(path: Path, entry: Entry, limits: Limits) -> bytes:
    """The bytes of one entry; quick where entries are asked for in their order. Errors: ``MelodyError`` with the reason only."""
    try:
        with opened(path) as file:
            stream: Stream | None = getattr(_last, "stream", None)
            if stream is None or not stream.leads_to(path, entry.offset, limits):
                stream = Stream(path, limits)
            _last.stream = None  # none is left if what follows fails
            file.seek(stream.taken)
            stream.checksum(file, entry.offset - stream.at)
            data = stream.read(file, entry.size)
    except OSError as fault:
        raise MelodyError(f"cannot be read ({reason(fault)})") from None
    if len(data) != entry.size or zlib.crc32(data) != entry.checksum:
        raise MelodyError("the archive has changed since it was listed")
    _last.stream = stream
    return data


class _Reader:
    """One pass over an archive."""

    def __init__(self, stream: Stream, file: BinaryIO, limits: Limits) -> None:
        self.stream, self.file, self.limits = stream, file, limits
        self.found: list[Entry] = []
        self.headers = 0
        self.name = ""  # of the next entry, where a header before it says so
        self.size: int | None = None
        self.fault = ""

    def entries(self) -> list[Entry]:
        while (block := self.stream.read(self.file, _BLOCK)).strip(b"\0") or len(block) < _BLOCK:
            self._take(block)
            self.headers += 1
            if len(self.found) > self.limits.max_entries or self.headers > _HEADERS_PER_ENTRY * self.limits.max_entries:
                raise MelodyError(f"more entries than the limit of {self.limits.max_entries:,}; unpack it first")
        self.stream.finish(self.file)
        return self.found

    def _take(self, block: bytes) -> None:
        """One header and what belongs to it."""
        kind, size = block[156:157], self._checked(block)
        if kind == b"L":
            self.name = _text(self._described(size))
        elif kind == b"x":
            self._extend(self._described(size))
        elif kind in (b"K", b"g"):
            self._pass(size)
        elif kind == b"S":
            raise MelodyError("holds sparse files; unpack it first")
        else:
            self._add(kind, size if self.size is None else self.size, self.name or _name(block))
            self.name, self.size, self.fault = "", None, ""

    def _add(self, kind: bytes, size: int, name: str) -> None:
        limits = self.limits
        if kind in _LINKS or kind in _NO_FILES:  # they have no bytes of their own, whatever their size says
            fault = LINK if kind in _LINKS else _NO_FILES[kind]
            self.found.append(Entry(name, self.stream.at, 0, 0, False, 0, fault, True))
        elif kind != b"5" and not (kind == b"\0" and name.endswith("/")):
            fault = self.fault or ("" if kind in b"07\0" else "is of a kind that is not known")
            if size > limits.max_bytes:
                fault = f"{size:,} bytes, more than the limit of {limits.max_bytes:,}"
            offset = self.stream.at
            self.found.append(Entry(name, offset, size, size, False, self._pass(size), fault))

    def _checked(self, block: bytes) -> int:
        """The size in a header. Errors: ``MelodyError`` if it is no header."""
        if len(block) < _BLOCK:
            raise MelodyError("the archive is cut short")
        total = sum(block[:148]) + sum(block[156:]) + 8 * 32
        if _number(block[148:156]) != total:
            raise MelodyError(f"the archive is damaged after {len(self.found):,} entries" if self.headers else "not a readable tar archive")
        return _number(block[124:136])

    def _pass(self, size: int) -> int:
        """Pass over the bytes of an entry and the padding after them; returns their checksum."""
        crc = self.stream.checksum(self.file, size)
        self.stream.checksum(self.file, -size % _BLOCK)
        return crc

    def _described(self, size: int) -> bytes:
        """The bytes of an entry that describes the next one."""
        if size > MAX_NAME_BYTES:
            raise MelodyError(f"a name in the archive is longer than {MAX_NAME_BYTES:,} bytes")
        data = self.stream.read(self.file, size)
        self.stream.checksum(self.file, -size % _BLOCK)
        return data

    def _extend(self, data: bytes) -> None:
        """The records "length key=value" of an extended header."""
        at = 0
        while match := _RECORD.match(data, at):
            end = at + int(match[1])
            value = data[match.end() : end - 1]
            if end <= match.end():
                break
            if match[2] == b"path":
                self.name = _text(value)
            elif match[2] == b"size":
                self.size = int(value) if value.isdigit() and len(value) < 16 else 0
            elif match[2].startswith(b"GNU.sparse"):
                self.fault = "is a sparse file; unpack the archive first"
            at = end


def _number(field: bytes) -> int:
    """A number in octal digits, or in binary after a byte of 128."""
    if field[0] == 128:
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b"\0 ")
    if not _OCTAL.fullmatch(digits):
        raise MelodyError("not a readable tar archive")
    return int(digits or b"0", 8)


def _name(block: bytes) -> str:
    prefix = block[345:500] if block[257:263] == b"ustar\0" else b""
    return "/".join(filter(None, (_text(prefix), _text(block[:100]))))


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
