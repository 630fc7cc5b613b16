"""Which notes of a new file go to which MIDI channel, so that one pitch never sounds twice on one channel where there are enough of them.

A note-off names a pitch and a channel only: of two overlapping notes of one pitch it ends the wrong one in many players.
So the notes of a track are laid out in lanes, in each of which no pitch overlaps; lanes beyond the first take channels
that no track needs, in the same MTrk. Only where none is left is a note cut short. Past 15 tracks those of one program share channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.programs import program_name
from melody.score import Table, Track

DRUMS = 9  # the tenth channel
MELODIC = [c for c in range(16) if c != DRUMS]
MAX_LANES = 16  # no more channels than that; what would need more shares the last lane
NAMED = 5  # tracks that an error names
_NEVER = np.iinfo(np.int64).max
_TICK_BITS = 48  # of a number that holds a tick below a pitch


class OutputTrack(NamedTuple):
    """One MTrk to write: the notes of ``source`` by channel (0..15)."""

    source: Track
    lanes: tuple[tuple[int, Table], ...]


def layout(tracks: Sequence[Track]) -> list[OutputTrack]:
    """The MTrks of a piece, in the order of its tracks; a track without notes gets none. Notes of no length get one tick.

    Drum tracks share one channel: there a note ends at the next stroke of its pitch in any drum track. Errors: ``MelodyError`` for
    more than 15 tracks of more than 15 programs.
    """
    tracks = [t for t in tracks if len(t.notes)]
    channels = shared([t for t in tracks if not t.is_drum])
    own, free = iter(channels), [c for c in MELODIC if c not in channels]
    strokes = iter(_drum_notes([t for t in tracks if t.is_drum]))
    out = []
    for track in tracks:
        if track.is_drum:
            notes = next(strokes)
            out.append(OutputTrack(track, ((DRUMS, notes[np.lexsort((notes["duration"], notes["pitch"], notes["onset"]))]),)))
            continue
        notes = audible(track.notes)
        lanes = lanes_of(notes)
        last = int(lanes.max())
        mine = [next(own)]
        while len(mine) <= last and free:
            mine.append(free.pop(0))
        parts = [(channel, notes[lanes == lane]) for lane, channel in enumerate(mine[:-1])]
        rest = notes[lanes >= len(mine) - 1]  # all lanes for which no channel was left
        out.append(OutputTrack(track, (*parts, (mine[-1], merged(rest) if last else rest))))
    return out


def shared(tracks: Sequence[Track]) -> list[int]:
    """A channel for each melodic track: its own while there are enough, else shared with others of its program, as evenly as it goes.

    Errors: ``MelodyError`` that names the tracks for which there is none.
    """
    if len(tracks) <= len(MELODIC):
        return MELODIC[: len(tracks)]
    programs = list(dict.fromkeys(t.program for t in tracks))
    if len(programs) > len(MELODIC):
        raise too_many([t for t in tracks if t.program not in programs[: len(MELODIC)]], len(programs))
    count = {p: sum(t.program == p for t in tracks) for p in programs}
    given = dict.fromkeys(programs, 1)
    for _ in range(len(MELODIC) - len(programs)):
        given[max(programs, key=lambda p: count[p] / given[p])] += 1
    free = iter(MELODIC)
    channels = {p: [next(free) for _ in range(given[p])] for p in programs}
    seen = dict.fromkeys(programs, 0)
    out = []
    for track in tracks:
        mine = channels[track.program]
        out.append(mine[seen[track.program] % len(mine)])
        seen[track.program] += 1
    return out


def too_many(left: Sequence[Track], programs: int) -> MelodyError:
    """The error for tracks that no channel is left for."""
    names = [f"{t.name or 'a track'} ({program_name(t.program, t.is_drum)})" for t in left[:NAMED]]
    more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
    return MelodyError(f"{programs} instruments, but MIDI has channels for {len(MELODIC)} and drums; no room for {', '.join(names)}{more}")


def audible(notes: Table) -> Table:
    """Notes of at least one tick."""
    if len(notes) and notes["duration"].min() < 1:
        notes = notes.copy()
        notes["duration"] = np.maximum(notes["duration"], 1)
    return notes


def lanes_of(notes: Table) -> NDArray[np.int64]:
    """The lane (n,) of each note, 0..15: the first in which its pitch is free at its onset. Notes of at least one tick, by onset."""
    lanes = np.zeros(len(notes), np.int64)
    meeting = _meeting(notes)
    rows = notes[meeting]
    ends: dict[int, list[int]] = {}  # of each lane, by pitch
    columns = zip(meeting.tolist(), rows["onset"].tolist(), rows["duration"].tolist(), rows["pitch"].tolist(), strict=True)
    for index, onset, duration, pitch in columns:
        busy = ends.setdefault(pitch, [])
        lane = next((k for k, end in enumerate(busy) if end <= onset), min(len(busy), MAX_LANES - 1))
        busy[lane : lane + 1] = [onset + duration]
        lanes[index] = lane
    return lanes


def _meeting(notes: Table) -> NDArray[np.int64]:
    """Indices, rising, of the notes that belong to a run of overlaps of one pitch; for all others the first lane is free."""
    pitch = notes["pitch"].astype(np.int64) << _TICK_BITS
    start = pitch + notes["onset"]
    order = np.argsort(start, kind="stable")
    start = start[order]
    sounds_until = np.maximum.accumulate((pitch + notes["onset"] + notes["duration"])[order])
    opens = np.append(True, start[1:] >= sounds_until[:-1])[: len(notes)]  # no note of its pitch sounds any more
    alone = opens & np.append(opens[1:], True)[: len(notes)]
    return np.sort(order[~alone])


def overlaps(notes: Table) -> bool:
    """Whether two notes of one pitch overlap or start together."""
    return len(_meeting(notes)) > 0


def cut(notes: Table) -> Table:
    """Each note ended at the next later onset of its pitch; notes that start together stay."""
    later = _later_onsets(notes)
    out = notes.copy()
    out["duration"] = np.minimum(out["duration"], later - out["onset"])
    return out


def merged(notes: Table) -> Table:
    """Notes without overlaps: cut, and of those that start together on one pitch the longest, as loud as the loudest."""
    if not overlaps(notes):
        return notes
    notes = cut(notes)
    notes = notes[np.lexsort((notes["duration"], notes["pitch"], notes["onset"]))]
    last = np.append((notes["onset"][1:] != notes["onset"][:-1]) | (notes["pitch"][1:] != notes["pitch"][:-1]), True)
    firsts = np.flatnonzero(np.append(True, last[:-1]))
    out: Table = notes[last]
    out["velocity"] = np.maximum.reduceat(notes["velocity"], firsts)
    return out


def _drum_notes(tracks: Sequence[Track]) -> list[Table]:
    """The notes of all drum tracks, cut as those of one channel."""
    if not tracks:
        return []
    together = cut(np.concatenate([audible(t.notes) for t in tracks]))
    return np.split(together, np.cumsum([len(t.notes) for t in tracks])[:-1])


def _later_onsets(notes: Table) -> NDArray[np.int64]:
    """For each note (n,) the next later onset of its pitch, or a tick past all."""
    onset, pitch = notes["onset"], notes["pitch"].astype(np.int64)
    ranks, place = np.unique(pitch << _TICK_BITS | onset, return_inverse=True)
    following = np.append(ranks[1:], _NEVER)
    following = np.where(following >> _TICK_BITS == ranks >> _TICK_BITS, following & (1 << _TICK_BITS) - 1, _NEVER)
    return following[place]
