"""Unpacks gzip, bzip2 and xz a piece at a time, and stops as soon as more comes out than ``Limits`` allow."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import BinaryIO, Protocol

from melody.errors import MelodyError
from melody.files import reason
from melody.sources.limits import Limits

BLOCK = 1 << 16  # bytes read, and bytes unpacked, at a time
FREE_BYTES = 1 << 20  # that any archive may unpack to, whatever its size: a few small files end in 10 KiB of zeros that pack to nothing
MAX_MEMBERS = 100_000  # packed files one after the other in one: some packers write one for every 64 KiB
MAX_XZ_MEMORY = 128 << 20  # bytes; xz -9 asks for 65 MiB; a header may ask for 4 GiB


class _Decoder(Protocol):
    """What bz2 and lzma offer, and zlib does not."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """zlib with the interface of bz2; it checks length and checksum at the end of a member."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        return self._zlib.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._zlib.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


class _Plain:
    """A tar archive that is not packed."""

    eof, unused_data, needs_input = False, b"", True

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return data


class Stream:
    """The unpacked bytes of a file, forwards only. Keeps no file open: ``file`` is handed in, placed at ``taken``.

    Every method raises ``MelodyError`` with the reason only.
    """

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path, self.limits, self.identity = path, limits, _identity(path)
        self.taken = 0  # packed bytes read so far
        self.at = 0  # unpacked bytes handed out so far
        self._made = 0  # unpacked bytes so far
        self._members = 0
        self._ready = b""
        self._decoder: _Decoder | None = None
        self._unread = b""  # packed bytes after the end of a member

    def leads_to(self, path: Path, offset: int, limits: Limits) -> bool:
        """Whether ``offset`` of the file that lies at ``path`` by now can be reached from here."""
        return (self.path, self.limits) == (path, limits) and self.at <= offset and self.identity == _identity(path)

    def read(self, file: BinaryIO, count: int) -> bytes:
        """The next ``count`` bytes; fewer at the end."""
        parts: list[bytes] = []
        while count and (self._ready or self._fill(file)):
            part, self._ready = self._ready[:count], self._ready[count:]
            count -= len(part)
            self.at += len(part)
            parts.append(part)
        return b"".join(parts)

    def checksum(self, file: BinaryIO, count: int) -> int:
        """Pass over ``count`` bytes and return zlib's checksum of them."""
        crc = 0
        while count:
            part = self.read(file, min(count, BLOCK))
            if not part:
                raise MelodyError("the archive is cut short")
            crc = zlib.crc32(part, crc)
            count -= len(part)
        return crc

    def finish(self, file: BinaryIO) -> None:
        """Pass over the rest, so that the checksums at its end are looked at."""
        while self.read(file, BLOCK):
            pass

    def _fill(self, file: BinaryIO) -> bool:
        """Unpack a block into ``_ready``; False at the end of the file."""
        try:
            while not self._ready:
                packed = self._unread
                self._unread = b""
                if not packed and (self._decoder is None or self._decoder.needs_input):
                    packed = file.read(BLOCK)
                    self.taken += len(packed)
                    ended = not packed
                else:
                    ended = False
                if self._decoder is None:
                    packed = packed.lstrip(b"\0") if self._members else packed  # padding after the last member
                    if ended:
                        return False
                    if not packed:
                        continue
                    self._decoder = _decoder(packed)
                    self._members += 1
                    if self._members > 1 and isinstance(self._decoder, _Plain) or self._members > MAX_MEMBERS:
                        raise MelodyError("the archive is damaged (there is more after its end)")
                self._ready = self._decoder.decompress(packed, BLOCK)
                self._made += len(self._ready)
                if self._decoder.eof:
                    self._unread, self._decoder = self._decoder.unused_data, None
                elif ended and not self._ready:
                    if isinstance(self._decoder, _Plain):
                        return False
                    raise MelodyError("the archive is cut short")
                self._check()
        except (OSError, EOFError, ValueError, zlib.error) as fault:
            raise MelodyError(f"the archive is damaged ({reason(fault)})") from None
        except MelodyError:
            raise
        except Exception as fault:  # noqa: BLE001  # lzma's own error, without importing lzma where no one asks for it
            raise MelodyError(f"the archive is damaged ({reason(fault)})") from None
        return True

    def _check(self) -> None:
        if self._made > self.limits.max_unpacked:
            raise MelodyError(f"unpacks to more than the limit of {self.limits.max_unpacked:,} bytes")
        if self._made > FREE_BYTES + self.limits.max_ratio * self.taken:
            raise MelodyError(f"unpacks to more than {self.limits.max_ratio} times its size")


def _identity(path: Path) -> tuple[int, ...]:
    """Changes when another file takes the place of the one at ``path``, or this one is written to."""
    facts = os.stat(path)
    return facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns


def _decoder(start: bytes) -> _Decoder:
    """How a file is packed says its first bytes, not its name."""
    try:
        if start.startswith(b"\x1f\x8b"):
            return _Gzip()
        if start.startswith(b"BZh"):
            import bz2

            return bz2.BZ2Decompressor()
        if start.startswith(b"\xfd7zXZ\0"):
            import lzma

            return lzma.LZMADecompressor(lzma.FORMAT_XZ, MAX_XZ_MEMORY)
    except ImportError:  # some builds of Python come without
        raise MelodyError("is packed in a way that this Python cannot read; unpack it first") from None
    return _Plain()
