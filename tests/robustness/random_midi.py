"""Bytes for the reader: MIDI files that are valid but for what is broken on purpose, and real ones with bytes changed.

Everything follows from ``random.Random``: the same seed and number give the same bytes.
"""

from __future__ import annotations

import io
import random
import re
import zipfile
from pathlib import Path

from melody import MelodyError, sources

ODD_BYTES = (0, 1, 0x7F, 0x80, 0x81, 0x90, 0xB0, 0xC0, 0xE0, 0xF0, 0xF7, 0xF8, 0xFF, 0x2F, 0x51, 0x58)
ODD_NUMBERS = (0, 1, 2, 5, 6, 7, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
CHUNK = re.compile(b"MT(rk|hd)....", re.DOTALL)
MAX_BASE = 3_000  # bytes of a file that is mutated: small files are read quickly, so that many are


class Maker:
    """One structured file. ``wild`` is how often a thing is broken, drawn anew for each file."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.wild = rng, rng.choice((0.0, 0.01, 0.03, 0.1, 0.4))
        self.running = 0  # the status that goes on

    def odd(self) -> bool:
        """Whether to break the next thing."""
        return self.rng.random() < self.wild

    def file(self) -> bytes:
        """A header and its tracks, now and then wrapped or with something behind."""
        rng = self.rng
        tracks = [self.track() for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 40)) if self.odd() else rng.choice((1, 2, 3)))]
        division = rng.choice((0, 1, 24, 96, 480, 960, 0x7FFF, 0xE728, 0x8000, 0xFFFF)) if self.odd() else rng.choice((24, 96, 480))
        form = rng.choice((0, 2, 3, 255, 0xFFFF)) if self.odd() else 1
        count = rng.choice((0, 1, 100, 0x7FFF, 0x8000, 0xFFFF)) if self.odd() else len(tracks)
        fields = b"".join(v.to_bytes(2, "big") for v in (form, count, division))
        fields += rng.randbytes(rng.randrange(20)) if self.odd() else b""
        data = self.chunk(rng.choice((b"mthd", b"MTrk", b"RIFF", b"\0\0\0\0")) if self.odd() else b"MThd", fields) + b"".join(tracks)
        if self.odd():
            data = b"RIFF" + self.length(len(data) + 12).to_bytes(4, "little") + b"RMIDdata" + len(data).to_bytes(4, "little") + data
        return data + (rng.randbytes(rng.randrange(40)) if self.odd() else b"")

    def chunk(self, name: bytes, body: bytes) -> bytes:
        """A chunk whose length may lie."""
        return name + self.length(len(body)).to_bytes(4, "big") + body

    def length(self, right: int) -> int:
        """A length of four bytes, right or not."""
        if not self.odd():
            return right
        return self.rng.choice((*ODD_NUMBERS, max(right - 1, 0), right + 1, right * 2, right // 2)) & 0xFFFFFFFF

    def track(self) -> bytes:
        """Events and an end; sometimes a chunk that is no track, sometimes no end."""
        rng = self.rng
        count, self.running = rng.choice((0, 1, 300)) if self.odd() else rng.randrange(2, 40), 0
        body = b"".join(self.delta() + self.event() for _ in range(count))
        body += b"" if self.odd() else b"\0\xff\x2f\0"
        return self.chunk(rng.choice((b"MTrK", b"XFIH", b"MThd", b"\xff\xff\xff\xff")) if self.odd() else b"MTrk", body)

    def delta(self) -> bytes:
        """A variable-length number, sometimes huge, of too many bytes, or without its last byte."""
        rng = self.rng
        if not self.odd():
            return number(rng.choice((0, 0, 60, 120, 240, 480, 1920)))
        return rng.choice(
            (number(rng.randrange(1 << 28)), b"\xff\xff\xff\x7f", b"\x80" * rng.randrange(1, 12) + b"\0", b"\xff" * 5, b"\x81")
        )

    def event(self) -> bytes:
        """A channel message, a meta event, a sysex, or what should not stand there."""
        rng, kind = self.rng, self.rng.random()
        data = bytes(rng.randrange(256) if self.odd() else rng.randrange(128) for _ in range(2))
        if kind < 0.7:
            channel = rng.randrange(16) if self.odd() else rng.randrange(2)
            status = bytes([(rng.choice((0x80, 0x90, 0x90)) if kind < 0.6 else rng.randrange(0xA0, 0xF0, 16)) | channel])
            data = bytes([60 + data[0] % 4]) + data[1:] if kind < 0.6 and not self.odd() else data  # few pitches, so that notes end
            data = data[:1] if status[0] & 0xE0 == 0xC0 else data
            goes_on = self.running == status[0] and rng.random() < 0.5 or self.odd()  # odd: where nothing, or another, could go on
            self.running = status[0]
            return (b"" if goes_on else status) + data
        self.running = 0
        if kind < 0.9:
            return self.meta()
        if not self.odd():
            body = rng.randbytes(rng.randrange(12)) if self.odd() else bytes(rng.randrange(128) for _ in range(5)) + b"\xf7"
            return rng.choice((b"\xf0", b"\xf7")) + number(len(body) if not self.odd() else rng.choice(ODD_NUMBERS) & 0xFFFFFFF) + body
        return bytes([rng.choice((0xF1, 0xF2, 0xF3, 0xF6, 0xF8, 0xFA, 0xFC, 0xFE, *data))])

    def meta(self) -> bytes:
        """Tempo, meter, key, texts and the others, with bodies of the wrong length or content now and then."""
        rng = self.rng
        kind = rng.choice((0x51, 0x51, 0x58, 0x59, 0x03, 0x01, 0x05, 0x20, 0x21, 0x54, 0x7F, rng.randrange(128)))
        kind = 0x06 if kind == 0x2F and not self.odd() else kind
        right = {0x51: 3, 0x58: 4, 0x59: 2, 0x20: 1, 0x21: 1, 0x54: 5, 0x2F: 0}.get(kind, rng.randrange(20))
        body = rng.randbytes(rng.choice((0, 1, 2, 3, 4, 200)) if self.odd() else right)
        body = {0x51: b"\7\xa1 ", 0x58: b"\4\2\x18\x08", 0x59: b"\0\0"}.get(kind, body) if not self.odd() else body
        return b"\xff" + bytes([kind]) + number(rng.choice(ODD_NUMBERS) & 0xFFFFFFF if self.odd() else len(body)) + body


def number(value: int) -> bytes:
    """A variable-length number."""
    out = bytes([value & 127])
    while value := value >> 7:
        out = bytes([value & 127 | 128]) + out
    return out


def mutated(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """``data`` with one to eight changes; ``other`` gives bytes to splice in."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(out) + 1)
        span = rng.choice((1, 1, 2, 4, 16, 200))
        match rng.randrange(9):
            case 0 if at < len(out):
                out[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(out):
                out[at] = rng.choice(ODD_BYTES)
            case 2:
                out[at:at] = bytes(rng.choice(ODD_BYTES) for _ in range(span))
            case 3:
                del out[at : at + span]
            case 4:
                out[at:at] = out[at : at + span] * rng.choice((1, 1, 50))
            case 5:
                del out[at:]
            case 6:
                begin = rng.randrange(len(other) + 1)
                out[at : at + span] = other[begin : begin + span]
            case 7:
                out[at : at + 4] = rng.choice(ODD_NUMBERS).to_bytes(4, "big")
            case _:
                names = [i for i in range(len(out) - 8) if out[i : i + 3] in (b"MTr", b"MTh")][:50]
                if names:  # the length of a chunk, off by a little
                    begin = rng.choice(names) + 4
                    length = int.from_bytes(out[begin : begin + 4], "big") + rng.choice((-8, -1, 1, 4, 1000))
                    out[begin : begin + 4] = (length & 0xFFFFFFFF).to_bytes(4, "big")
    return bytes(out)


def bases(data: Path, most: int) -> list[bytes]:
    """Files to mutate: of our own making, and small ones of the collections at ``data``, where there are any."""
    maker = Maker(random.Random("bases"))
    maker.wild = 0.0
    found = [maker.file() for _ in range(40)]
    limits = sources.Limits(max_bytes=MAX_BASE)
    for archive in sorted(data.glob("*.zip")):
        taken = 0
        for source in sources.find([archive]):
            try:
                found.append(source.read_bytes(limits))
            except (MelodyError, OSError):
                continue
            taken += 1
            if taken == most:
                break
    found.append(wrapped(found[0]))
    return found


def wrapped(data: bytes) -> bytes:
    """As .rmi files have it."""
    return b"RIFF" + (len(data) + 12).to_bytes(4, "little") + b"RMIDdata" + len(data).to_bytes(4, "little") + data


def zipped(data: bytes) -> bytes:
    """A file of another kind, to be splice material."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("x.mid", data)
    return out.getvalue()


def mutant(seed: int, index: int, found: list[bytes]) -> bytes:
    """The bytes number ``index`` of a seed: every other one from the generator."""
    rng = random.Random(f"{seed} {index}")
    made = Maker(rng).file() if index % 2 else rng.choice(found)
    if index % 2 and rng.random() < 0.5:
        return made
    return mutated(rng, made, rng.choice(found) if rng.random() < 0.9 else zipped(made))
