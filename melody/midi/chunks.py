"""The bytes of a standard MIDI file, one floor above the notes: chunks, and a walk over the events of a track.

The fast reader does the work for nearly every file. This module finds the few bytes it would get wrong (measured, each
has a test), and walks them: two tempi at one tick, a tempo of a wrong length, sysex packets, ticks past 32 bits. A walk ends
where the bytes stop making sense; only a flood of metas is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from melody.errors import MelodyError

SIZES = {0x8: 3, 0x9: 3, 0xA: 3, 0xB: 3, 0xC: 2, 0xD: 2, 0xE: 3}  # bytes of a channel event by the upper half of its status
TEMPO, METER, KEY = 0x51, 0x58, 0x59
MAX_METAS = 1_000_000  # metas and sysex of a file that is walked: two seconds
MAX_F7 = 100_000  # bytes F7 beyond which nobody looks which of them are harmless
_CLOSED_SYSEX = re.compile(rb"\xf0[\x00-\x7f]*\xf7")
_AS_DELTA = re.compile(rb"\xf7[\x00-\x7f](?:[\x80-\xbf\xe0-\xef][\x00-\x7f]{2}|[\xc0-\xdf][\x00-\x7f]|\xff[\x00-\x7f])")
_DELTA_STATUS = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f][\x80-\xff]")
_ODD_TEMPO = re.compile(rb"\xff\x51[^\x03]")


class Event(NamedTuple):
    """``tick`` from the track's start, place of the status byte, status (0xFF: a meta), kind of meta or 0, bounds of the body."""

    tick: int
    at: int
    status: int
    kind: int
    start: int
    end: int


def unwrapped(data: bytes) -> bytes:
    """The MIDI inside a RIFF wrapper (.rmi), or ``data`` as it is. Sizes that lie are cut to what is there."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    at = 12
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return data


def tracks(data: bytes) -> list[tuple[int, int]]:
    """Bounds of the bodies of all MTrk chunks, in file order, after a header of any length; a cut one ends with the file."""
    found = []
    at = 8 + int.from_bytes(data[4:8], "big")
    while at + 8 <= len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            found.append((at + 8, min(at + 8 + size, len(data))))
        at += 8 + size
    return found


def regular(data: bytes) -> bytes:
    """The same piece with a header of 6 bytes that counts all tracks; ``data`` itself where that is so, or tracks are missing."""
    bodies = tracks(data)
    count = int.from_bytes(data[10:12], "big")
    if len(bodies) < count or data[4:8] == b"\0\0\0\6" and len(bodies) == count:
        return data
    whole = [data[start - 8 : end] for start, end in bodies[:65_535]]
    return b"MThd\0\0\0\6" + data[8:10] + len(whole).to_bytes(2, "big") + data[12:14] + b"".join(whole)


def metas(data: bytes, start: int, end: int) -> Iterator[Event]:
    """The metas and sysex of one track, up to its end or the first bytes that are no event; last, status 0 where that is."""
    at, tick, running = start, 0, 0
    try:
        while at < end:
            delta = data[at]
            at += 1
            if delta >= 0x80:
                delta, at = _length(data, at - 1)
            tick += delta
            status = data[at]
            if status >= 0xF0:
                place, kind = at, 0
                if status == 0xFF:
                    at += 1
                    kind = data[at]
                elif status not in (0xF0, 0xF7):
                    break
                size, at = _length(data, at + 1)
                if at + size > end:
                    break
                yield Event(tick, place, status, kind, at, at + size)
                at += size
                if kind == 0x2F:
                    break
            elif status >= 0x80:
                running = SIZES[status >> 4]  # of a whole event; it outlives metas and sysex: illegal, seen, and read so by others
                at += running
            elif running:
                at += running - 1
            else:
                break
    except IndexError:  # the file ends inside an event
        pass
    yield Event(tick, at, 0, 0, at, at)


def whole(data: bytes) -> bool:
    """Whether every track can be walked to its end: all of its bytes are events, or come after an end of track."""
    _check_flood(data)
    for start, end in tracks(data):
        kind = -1
        for event in metas(data, start, end):
            if event.status:
                kind = event.kind
        if kind != 0x2F and event.at != end:
            return False
    return True


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A variable-length number of up to 4 bytes, and the place after it."""
    number = 0
    for place in range(at, at + 4):
        number = number << 7 | data[place] & 127
        if data[place] < 128:
            return number, place + 1
    raise IndexError("more than 4 bytes")


class Conductor(NamedTuple):
    """What stands in the bytes about time, in file order: (tick, mspq), (tick, numerator, power of two), (tick, fifths, minor)."""

    tempi: list[tuple[int, int]]
    meters: list[tuple[int, int, int]]
    keys: list[tuple[int, int, int]]


def _check_flood(data: bytes) -> None:
    """Errors: ``MelodyError`` for a file that would take long to walk, by the bytes that may open a meta or sysex."""
    if sum(data.count(status) for status in (b"\xf0", b"\xf7", b"\xff")) > MAX_METAS:
        raise MelodyError(f"more than {MAX_METAS:,} texts, tempi and other meta events")


def conductor(data: bytes) -> Conductor:
    """Tempi, meters and keys of all tracks in file order, values unchecked, metas of a wrong length left out."""
    _check_flood(data)
    found = Conductor([], [], [])
    for start, end in tracks(data):
        if all(data.find(bytes((0xFF, kind)), start, end) < 0 for kind in (TEMPO, METER, KEY)):
            continue  # spares the walk over the notes
        for event in metas(data, start, end):
            body = data[event.start : event.end]
            if event.kind == TEMPO and len(body) == 3:
                found.tempi.append((event.tick, int.from_bytes(body, "big")))
            elif event.kind == METER and len(body) >= 2:
                found.meters.append((event.tick, body[0], min(body[1], 30)))
            elif event.kind == KEY and len(body) >= 2:
                found.keys.append((event.tick, (body[0] ^ 128) - 128, body[1]))
    return found


def has_odd_tempo(data: bytes) -> bool:
    """Whether a tempo of a length other than 3 may be there: the fast reader takes 3 bytes all the same."""
    return _ODD_TEMPO.search(data) is not None


def has_packets(data: bytes) -> bool:
    """Whether an F7 packet or another sysex than the plain F0 ... F7 may be there: the fast reader takes its data for events.

    A byte F7 is nearly always the end of a sysex or the first byte of a long delta. It passes for a delta only if a
    whole event follows it, and none follows where it would end as a packet.
    """
    at = data.find(b"\xf7")
    if at < 0 or data.count(b"\xf7") > MAX_F7:
        return at >= 0
    closed = (match.span() for match in _CLOSED_SYSEX.finditer(data))
    ends = {end - 1 for start, end in closed if start + 2 + data[start + 1] == end}
    while at >= 0:
        if at not in ends and (not _AS_DELTA.match(data, at) or _DELTA_STATUS.match(data, at + 2 + data[at + 1])):
            return True
        at = data.find(b"\xf7", at + 1)
    return False


def without_sysex(data: bytes) -> bytes:
    """The same piece with each sysex turned into a text meta of the same content, which every reader skips by its length."""
    _check_flood(data)
    out = []
    for start, end in tracks(data):
        body, last = [], start
        for event in metas(data, start, end):
            if event.status in (0xF0, 0xF7):
                body += [data[last : event.at], b"\xff\x01"]
                last = event.at + 1
        body.append(data[last:end])
        track = b"".join(body)
        out.append(b"MTrk" + len(track).to_bytes(4, "big") + track)
    return data[: 8 + int.from_bytes(data[4:8], "big")] + b"".join(out)


def may_pass_32_bits(data: bytes) -> bool:
    """Whether the ticks may pass 2^32, where the fast reader starts again from 0: an upper bound from the runs of high bytes."""
    high = np.frombuffer(data, np.uint8) > 127
    two = high[1:] & high[:-1]
    three = two[1:] & high[:-2]
    counts = [int(np.count_nonzero(x)) for x in (three, two, high)]
    return counts[0] * 2**28 + counts[1] * 2**21 + counts[2] * 2**14 + len(data) >= 2**32


def last_tick(data: bytes) -> int:
    """The latest tick of any event of any track."""
    _check_flood(data)
    return max((event.tick for start, end in tracks(data) for event in metas(data, start, end)), default=0)
