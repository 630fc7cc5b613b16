"""The bytes of MIDI tracks -> their events as columns, all tracks of a file at once.

Nearly all events of a file have two data bytes (notes, controllers, bends), and runs of them are taken apart by numpy: such an event
has three bytes below 128, the last of its delta and its data, whatever running status leaves out. So a byte that may be another status
is one if the number of low bytes before it in its run is 1 modulo 3, and there the run ends. Runs of events with one data byte
have two low bytes each. What lies between (metas, sysex) is read one by one. Four thousand events take 0.4 ms.

Conventions
    status     0x80..0xEF with its channel, also where running status leaves it out; 0xF0, 0xF7 (sysex), 0xFF (meta)
    running    goes on after a meta or sysex: illegal, seen, and read so by others
    strict     bytes that are no event refuse the file; ``tolerant.py`` makes the best of them
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError

MAX_METAS = 1_000_000  # metas and sysex of a file: two seconds
END_OF_TRACK = 0x2F

_ONE = re.compile(rb"(?:[\x80-\xff]{0,3}[\x00-\x7f][\xc0-\xdf]?[\x00-\x7f])*+", re.DOTALL)
_STARTS = re.compile(rb"[\x80-\xff]{0,3}[\x00-\x7f](?:([\x80-\xbf\xe0-\xef])|([\xc0-\xdf])|(\xff[\x00-\x7f]|[\xf0\xf7]))", re.DOTALL)

Bounds = Sequence[tuple[int, int]]


class Events(NamedTuple):
    """Events of all tracks of a file, one of each column (n,) an event, in the order of the file."""

    tick: NDArray[np.int64]  # from the start of its track
    status: NDArray[np.uint8]
    first: NDArray[np.uint8]  # first data byte; of a meta its kind
    second: NDArray[np.uint8]  # second data byte, or 0
    explicit: NDArray[np.bool_]  # whether the status byte is there
    start: NDArray[np.int32]  # place of its delta in the file
    at: NDArray[np.int32]  # of what comes after the delta
    end: NDArray[np.int32]  # behind it
    track: NDArray[np.int32]  # which of the tracks

    def __len__(self) -> int:  # of events, not of columns
        return len(self.tick)


class Damaged(ValueError):  # noqa: N818  # it says what the bytes are
    """Bytes that are no event where one should be."""


class Scan(NamedTuple):
    """Where the events of the tracks lie: runs of two kinds (start, end) each, and single ones (start, at, end)."""

    two: array[int]
    one: array[int]
    single: array[int]
    ends: list[int]  # of each track: the place behind its last event


def scan(data: bytes, tracks: Bounds) -> Scan:
    """Find the runs and the single events of all tracks. Errors: ``Damaged``; ``MelodyError`` for a flood of metas.

    What runs of two data bytes hold is checked when they are taken apart.
    """
    ends = _Ends(data)
    found = Scan(array("i"), array("i"), array("i"), [])
    singles = 0
    for start, end in tracks:
        at, running = start, 0  # data bytes of the status that may run on, 0: none
        while at < end:
            begins = _STARTS.match(data, at, end)
            kind = begins.lastindex if begins else running and 3 - running  # 1: two data bytes, 2: one, 3: none
            if kind == 3:
                assert begins is not None
                singles += 1
                if singles > MAX_METAS:
                    raise MelodyError(f"more than {MAX_METAS:,} texts, tempi and other meta events")
                place = begins.start(3)
                size, body = length(data, begins.end(), end)
                if body + size > end:
                    raise Damaged("an event that ends after its track")
                found.single.extend((at, place, body + size))
                at = body + size
                if data[place] == 0xFF and data[place + 1] == END_OF_TRACK:
                    break
            elif kind == 1:
                stop = ends.of(at, end)
                if stop == at:
                    raise Damaged("bytes that are no event")
                found.two.extend((at, stop))
                at, running = stop, 2
            elif kind == 2:
                match = _ONE.match(data, at, end)
                assert match is not None
                if match.end() == at:
                    raise Damaged("bytes that are no event")
                found.one.extend((at, match.end()))
                at, running = match.end(), 1
            else:
                raise Damaged("bytes that are no event")
        found.ends.append(at)
    return found


class _Ends:
    """Where runs of events with two data bytes end."""

    def __init__(self, data: bytes) -> None:
        raw = np.frombuffer(data, np.uint8)
        low = raw < 128
        self.places = np.flatnonzero(low)  # of bytes below 128
        self.before = np.cumsum(low, dtype=np.int32)  # how many up to each byte
        self.others = np.flatnonzero((raw >= 0xC0) & ((raw & 0xF0) != 0xE0)).tolist()  # bytes that may be another status

    def of(self, at: int, end: int) -> int:
        """The end of a run that starts at ``at``: the start of the event whose status is another one, or ``end``."""
        first = int(self.before[at - 1])
        for k in range(bisect_left(self.others, at), len(self.others)):
            place = self.others[k]
            if place >= end:
                break
            count = int(self.before[place - 1]) - first
            if count % 3 == 1:
                return at if count == 1 else int(self.places[first + count - 2]) + 1
        return end


def length(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A variable-length number of up to 4 bytes, and the place after it. Errors: ``Damaged``."""
    number = 0
    for place in range(at, min(at + 4, end)):
        number = number << 7 | data[place] & 127
        if data[place] < 128:
            return number, place + 1
    raise Damaged("a length of more than 4 bytes")


def columns(data: bytes, tracks: Bounds) -> Events:
    """The events of all tracks. Errors: ``Damaged``, ``MelodyError``."""
    found = scan(data, tracks)
    raw = np.frombuffer(data, np.uint8)
    parts = [_run_events(raw, runs, lows) for runs, lows in ((found.two, 3), (found.one, 2)) if runs]
    if found.single:
        parts.append(_single_events(raw, found.single))
    if not parts:
        return empty()
    rows = parts[0]
    if len(parts) > 1:
        rows = np.concatenate(parts, axis=1)
        rows = rows.take(rows[START].argsort(), axis=1)  # no two start at one place
    return with_ticks(rows, np.searchsorted(rows[START], np.array([start for start, _ in tracks], np.int32)))


def empty() -> Events:
    """No events."""
    wide, small, place = np.zeros(0, np.int64), np.zeros(0, np.uint8), np.zeros(0, np.int32)
    return Events(wide, small, small, small, small.astype(bool), place, place, place, place)


def with_ticks(rows: NDArray[np.int32], firsts: NDArray[np.int64]) -> Events:
    """Rows (8, n): the columns but for ``track``, the first still a delta -> Events. ``firsts``: index of the first event of each track."""
    tick = rows[0].cumsum(dtype=np.int64)
    track = np.zeros(len(tick), np.int32)
    if len(firsts) > 1:
        counts = np.diff(firsts, append=len(tick))
        before = np.append(tick, 0)[firsts - 1] * (firsts > 0)
        track = np.repeat(np.arange(len(firsts), dtype=np.int32), counts)
        tick -= np.repeat(before, counts)
    status, first, second = rows[1:4].astype(np.uint8)
    return Events(tick, status, first, second, rows[4] > 0, *rows[START:], track)  # type: ignore[call-arg]  # one by one


START = 5  # row of where events start


def _run_events(raw: NDArray[np.uint8], runs: array[int], lows: int) -> NDArray[np.int32]:
    """The rows (8, n) of all runs of one kind; ``lows``: bytes below 128 of an event."""
    bounds = np.frombuffer(runs, np.int32).reshape(-1, 2)
    shift: Any = bounds[0, 0]
    if len(bounds) == 1:
        some, starts = raw[bounds[0, 0] : bounds[0, 1]], None
    else:
        some = np.concatenate([raw[a:b] for a, b in bounds.tolist()])
        sizes = bounds[:, 1] - bounds[:, 0]
        starts = np.cumsum(sizes, dtype=np.int32) - sizes
    lower = np.flatnonzero(some < 128).astype(np.int32)
    if len(lower) % lows:
        raise Damaged("an event that ends after its track")
    low = lower.reshape(-1, lows)
    last, data1, behind = low[:, 0].copy(), low[:, 1].copy(), low[:, -1] + np.int32(1)
    begins = np.empty_like(behind)
    begins[0], begins[1:] = 0, behind[:-1]
    step = data1 - last
    explicit = step == 2
    if lows == 3:  # the others were found by a regular expression
        fits = (step <= 2) & (low[:, 2] - data1 == 1) & (last - begins <= 3)
        if not fits.all() or behind[-1] != len(some):
            raise Damaged("bytes that are no event")
    where = np.maximum.accumulate(np.where(explicit, last + np.int32(1), np.int32(0)))  # of the status that holds
    if starts is not None:
        shift = (bounds[:, 0] - starts)[np.searchsorted(starts, begins, side="right") - 1]
    rows = np.empty((8, len(low)), np.int32)
    rows[0], rows[1], rows[2], rows[4] = _deltas(some, begins, last), some[where], some[data1], explicit
    rows[3] = some[low[:, 2]] if lows == 3 else 0
    rows[5:] = begins, last + np.int32(1), behind
    rows[5:] += shift
    return rows


def _single_events(raw: NDArray[np.uint8], single: array[int]) -> NDArray[np.int32]:
    """The rows (8, n) of metas and sysex."""
    rows = np.frombuffer(single, np.int32).reshape(-1, 3)
    start, at, end = rows[:, 0], rows[:, 1], rows[:, 2]
    status = raw[at]
    kind = np.where(status == 0xFF, raw[at + 1], 0)
    none = np.zeros(len(rows), np.int32)
    return np.array([_deltas(raw, start, at - 1), status, kind, none, none + 1, start, at, end], np.int32)


def _deltas(raw: NDArray[np.uint8], start: NDArray[np.int32], last: NDArray[np.int32]) -> NDArray[np.int32]:
    """The numbers whose bytes of seven bits stand from ``start`` to ``last``."""
    value = raw[last].astype(np.int32)
    more = last - start
    for byte in range(1, int(more.max(initial=0)) + 1):
        longer = np.flatnonzero(more >= byte)
        value[longer] |= (raw[last[longer] - byte] & 127).astype(np.int32) << (7 * byte)
    return value
