"""Events put into a track of a file, and taken out of it: what is not touched keeps its bytes.

Only the event behind a change is written anew, with its new delta, and the first one after it that relied on running status gets its
status byte. The end of the track moves where something new lies behind it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np

from melody.errors import MelodyError
from melody.midi.events import END_OF_TRACK, Events
from melody.midi.writing import MAX_GAP, quantity

FIRST, BEFORE, AFTER = -2, -1, 1  # ranks: what a channel needs; what ends; what starts


class Insertion(NamedTuple):
    """A new event. At one tick, ranks below 0 come before the events of the source, those above 0 after them, in order of rank."""

    tick: int
    rank: int
    event: bytes  # without its delta


def spliced(
    data: bytes, events: Events, bounds: tuple[int, int], rest: bytes, dropped: Collection[int], inserted: Sequence[Insertion]
) -> bytes:
    """The body of a track with changes.

    bounds    indices of its first event and of the one behind its last
    rest      what follows its last event
    dropped   indices of events that go
    Errors: ``MelodyError`` for a gap that MIDI cannot hold.
    """
    low, high = bounds
    closed = high > low and events.status[high - 1] == 0xFF and events.first[high - 1] == END_OF_TRACK
    last = high - 1 if closed else high
    added = sorted(inserted, key=lambda one: one[:2])
    ticks = events.tick[low:last]
    times = np.array([one.tick for one in added], np.int64)
    early = np.array([one.rank < 0 for one in added], bool)
    places = low + np.where(early, np.searchsorted(ticks, times, side="left"), np.searchsorted(ticks, times, side="right"))
    out = _Output(data, events)
    at = low
    stops = sorted([(place, 0, k) for k, place in enumerate(places.tolist())] + [(index, 1, 0) for index in dropped])
    for place, drops, k in stops:
        out.copy(at, place)
        at = place
        if drops:
            out.touched, at = True, place + 1
        else:
            out.put(added[k].tick, added[k].event)
    out.copy(at, last)
    end = max(out.tick, int(events.tick[high - 1]) if closed else 0)
    if closed and not out.touched:
        out.copy(last, high)
    else:
        out.put(end, b"\xff\x2f\x00")
    return b"".join(out.parts) + rest


class _Output:
    """A track while it is put together."""

    def __init__(self, data: bytes, events: Events) -> None:
        self.data, self.events = data, events
        self.parts: list[bytes] = []
        self.tick = 0
        self.touched = False  # whether the next event of the source has another one before it than it had: its delta is not right
        self.bare = False  # whether the next channel event of the source may not leave out its status

    def put(self, tick: int, event: bytes) -> None:
        """A new event."""
        gap = tick - self.tick
        if not 0 <= gap <= MAX_GAP:
            raise MelodyError(f"tick {tick:,} cannot be written to MIDI; times from 0 and gaps of up to {MAX_GAP:,} ticks can")
        self.parts += [quantity(gap), event]
        self.tick, self.touched, self.bare = tick, True, True

    def copy(self, low: int, high: int) -> None:
        """Events of the source, those behind a change written anew."""
        if high <= low:
            return
        events, data = self.events, self.data
        if self.touched:
            self.bare = True
        at = low
        while at < high and (self.touched or self.bare):
            status, start, end = int(events.status[at]), int(events.at[at]), int(events.end[at])
            event = data[start:end]
            if status < 0xF0:
                if not events.explicit[at]:
                    event = bytes((status,)) + event
                self.bare = False
            if self.touched:
                bare, tick = self.bare, int(events.tick[at])
                self.put(tick, event)
                self.touched, self.bare = False, bare
            elif status < 0xF0:
                self.parts += [data[int(events.start[at]) : start], event]
            else:
                self.parts.append(data[int(events.start[at]) : end])
            at += 1
        if at < high:
            self.parts.append(data[int(events.start[at]) : int(events.end[high - 1])])
        self.tick = int(events.tick[high - 1])
