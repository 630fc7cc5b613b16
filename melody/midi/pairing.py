"""Note-ons and note-offs -> notes.

Conventions
    a pair     of one track, channel and pitch: the first on that waits and the first off (or on of velocity 0) after it
    no off     the note ends at the next event of its pitch and channel in its track; where there is none, where its channel is
               silenced (controllers 120 and 123), and if it never is, at the end of its track
    no on      an off that ends nothing is passed over
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.midi.events import Events

SILENCE = (120, 123)  # controllers: all sound off, all notes off
Ints = NDArray[np.int64]


class Notes(NamedTuple):
    """Notes (n,), by track, channel, pitch and time: the events that start and end them (-1 where none does), and their ticks."""

    on: Ints
    off: Ints
    onset: Ints
    end: Ints


def paired(events: Events, track_ends: Ints) -> Notes:
    """All notes of a file. ``track_ends``: the last tick of each track."""
    kind = events.status & 0xF0
    index = np.flatnonzero((kind == 0x80) | (kind == 0x90))
    starts = (kind[index] == 0x90) & (events.second[index] > 0)
    key = _key(events, index)
    order = np.argsort(key, kind="stable")
    index, starts, key = index[order], starts[order], key[order]
    ons, offs = np.flatnonzero(starts), np.flatnonzero(~starts)
    if len(ons) == len(offs) and (ons < offs).all() and (key[ons] == key[offs]).all():  # as nearly always
        on, off = index[ons], index[offs]
        return Notes(on, off, events.tick[on], events.tick[off])
    return _matched(events, index, starts, key, track_ends)


def _key(events: Events, index: Ints) -> NDArray[np.integer]:
    """Track, channel and pitch of events as one number, of 16 bits where they will do: it is sorted much faster."""
    tracks = int(events.track[-1]) + 1 if len(events) else 0
    wide: type[Any] = np.uint16 if tracks <= 32 else np.int64
    key: NDArray[Any] = (events.status[index] & 15).astype(wide) << 7 | events.first[index]
    key |= events.track[index].astype(wide) << 11
    return key


def _matched(events: Events, index: Ints, starts: NDArray[np.bool_], key: NDArray[np.integer], track_ends: Ints) -> Notes:
    """Pairs where some on or off has no partner. All arrays in order of key, then time."""
    count = len(index)
    if not starts.any():
        none = np.zeros(0, np.int64)
        return Notes(none, none, none, none)
    opens = np.append(True, key[1:] != key[:-1])
    group = np.cumsum(opens) - 1
    firsts = np.flatnonzero(opens)
    level = np.cumsum(np.where(starts, 1, -1))
    level -= (np.append(0, level)[firsts])[group]  # notes that wait, if nothing were passed over
    floor = group * -(2 * count + 2)  # each group lies lower than the one before, so that a minimum starts anew in it
    lowest = np.minimum.accumulate(np.minimum(level, 0) + floor)
    before = np.where(opens, floor, np.append(0, lowest[:-1]))
    kept = starts | (level + floor >= before)  # an off that would make the number of waiting notes fall below 0 ends nothing
    ons, offs = np.flatnonzero(starts), np.flatnonzero(~starts & kept)
    rank = _rank(group[ons])
    off_count = np.bincount(group[offs], minlength=len(firsts))
    off_first = np.cumsum(off_count) - off_count
    ended = rank < off_count[group[ons]]
    partner = np.where(ended, offs[np.minimum(off_first[group[ons]] + rank, max(len(offs) - 1, 0))] if len(offs) else 0, -1)
    on, off = index[ons], np.where(ended, index[partner], -1)
    end = np.where(ended, events.tick[off], 0)
    follows = np.append(key[1:] == key[:-1], False)[ons] & ~ended
    end[follows] = events.tick[index[ons[follows] + 1]]
    for note in np.flatnonzero(~ended & ~follows).tolist():
        end[note] = _silenced(events, int(on[note]), track_ends)
    return Notes(on, off, events.tick[on], end)


def _rank(groups: Ints) -> Ints:
    """For rising numbers, how many equal ones stand before each."""
    opens = np.append(True, groups[1:] != groups[:-1])
    at = np.arange(len(groups))
    return at - np.maximum.accumulate(np.where(opens, at, 0))


def _silenced(events: Events, on: int, track_ends: Ints) -> int:
    """The tick at which a note ends that nothing of its pitch ends."""
    tick, track = events.tick[on], events.track[on]
    control = 0xB0 | events.status[on] & 15
    quiet = (events.status[on:] == control) & (events.track[on:] == track) & np.isin(events.first[on:], SILENCE)
    found = np.flatnonzero(quiet)
    return int(events.tick[on + found[0]]) if len(found) else max(int(tick), int(track_ends[track]))
