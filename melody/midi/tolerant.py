"""The tolerant walk, for tracks that ``events`` turns down: event by event, so for small files only.

It goes on where the length of an event is clear: data bytes above 127 are clamped to 127, system messages that belong on a wire and
not into a file are events too, and the last event of the file may end behind its track.
"""

from __future__ import annotations

import numpy as np

from melody.errors import MelodyError
from melody.midi.events import END_OF_TRACK, MAX_METAS, START, Bounds, Damaged, Events, empty, length, with_ticks

MAX_BYTES = 2**21  # two seconds at the worst
SIZES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}  # data bytes by the upper half of the status
SYSTEM = {0xF1: 1, 0xF2: 2, 0xF3: 1, 0xF6: 0, 0xF8: 0, 0xFA: 0, 0xFB: 0, 0xFC: 0, 0xFE: 0}


def columns(data: bytes, tracks: Bounds) -> Events:
    """The events of all tracks. Errors: ``Damaged``, ``MelodyError``."""
    if sum(end - start for start, end in tracks) > MAX_BYTES:
        raise Damaged("bytes that are no event")
    rows: list[tuple[int, ...]] = []
    firsts = []
    for number, (start, end) in enumerate(tracks):
        firsts.append(len(rows))
        _walk(data, start, end, len(data) if number + 1 == len(tracks) else end, rows)
    if not rows:
        return empty()
    made = np.array(rows, np.int32).T
    if (np.diff(made[START]) <= 0).any():
        raise Damaged("tracks that overlap")
    return with_ticks(made, np.array(firsts, np.int64))


def _walk(data: bytes, at: int, end: int, whole: int, rows: list[tuple[int, ...]]) -> None:
    """The events of one track as rows of the columns. They start before ``end`` and end by ``whole``."""
    running = 0
    while at < end:
        start = at
        delta, at = length(data, at, whole)
        place = at
        if at >= whole:
            raise Damaged("an event that ends after its track")
        status = data[at]
        explicit = status > 127
        at += explicit
        if status in (0xFF, 0xF0, 0xF7):
            kind = 0
            if status == 0xFF:
                kind, at = data[at] if at < whole else 0, at + 1
            size, at = length(data, at, whole)
            at += size
            if at > whole:
                raise Damaged("an event that ends after its track")
            rows.append((delta, status, kind, 0, True, start, place, at))
        elif status > 0xEF:
            if status not in SYSTEM:
                raise Damaged(f"status {status:X}")
            at, kind = at + SYSTEM[status], 0
            rows.append((delta, status, 0, 0, True, start, place, at))
        else:
            running = status if explicit else running
            if not running:
                raise Damaged("bytes that are no event")
            size, kind = SIZES[running >> 4], 0
            values = data[at : at + size] + b"\0\0"
            at += size
            rows.append((delta, running, min(values[0], 127), min(values[1], 127) * (size - 1), explicit, start, place, at))
        if at > whole:
            raise Damaged("an event that ends after its track")
        if len(rows) > MAX_METAS * 4:
            raise MelodyError("too many events for a damaged file")
        if status == 0xFF and kind == END_OF_TRACK:
            return
