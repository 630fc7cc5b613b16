"""Which notes go to which MIDI channel, so that one pitch never sounds twice on one channel.

A note-off names a pitch and a channel only: of two overlapping notes of one pitch it ends the wrong one in many players.
So the notes of a track are laid out in lanes, in each of which no pitch overlaps; lanes beyond the first take channels
that no track needs. Only where none is left is a note cut short.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.score import Table, Track

DRUMS = 9  # the tenth channel
MELODIC = [c for c in range(16) if c != DRUMS]
MAX_LANES = 16  # no more channels than that; what would need more shares the last lane
_NEVER = np.iinfo(np.int64).max


class Part(NamedTuple):
    """One MTrk to write: notes that do not overlap on one pitch, on one channel."""

    channel: int
    track: Track
    notes: Table


def layout(tracks: Sequence[Track]) -> list[Part]:
    """The MTrks of a piece, in the order of its tracks; a track without notes gets none. Notes of no length get one tick.

    Drum tracks share one channel: there a note ends at the next stroke of its pitch in any drum track, and strokes at
    one tick of one track come in further MTrks. Errors: ``MelodyError`` past 15 melodic tracks.
    """
    tracks = [t for t in tracks if len(t.notes)]
    count = sum(not t.is_drum for t in tracks)
    if count > len(MELODIC):
        raise MelodyError(f"{count} tracks with notes, but MIDI has channels for {len(MELODIC)} and drums; merge some tracks")
    own, free = iter(MELODIC), MELODIC[count:]
    strokes = iter(_drum_notes([t for t in tracks if t.is_drum]))
    parts = []
    for track in tracks:
        notes = next(strokes) if track.is_drum else audible(track.notes)
        lanes = lanes_of(notes)
        channels = [DRUMS] * (int(lanes.max()) + 1) if track.is_drum else [next(own)]
        while len(channels) <= lanes.max() and free:
            channels.append(free.pop(0))
        lanes = np.minimum(lanes, len(channels) - 1)
        parts += [Part(channel, track, merged(notes[lanes == lane])) for lane, channel in enumerate(channels)]
    return parts


def audible(notes: Table) -> Table:
    """Notes of at least one tick."""
    if len(notes) and notes["duration"].min() < 1:
        notes = notes.copy()
        notes["duration"] = np.maximum(notes["duration"], 1)
    return notes


def lanes_of(notes: Table) -> NDArray[np.int64]:
    """The lane (n,) of each note, 0..15: the first in which its pitch is free at its onset."""
    lanes = np.zeros(len(notes), np.int64)
    if not overlaps(notes):
        return lanes
    ends: dict[int, list[int]] = {}  # of each lane, by pitch
    columns = zip(notes["onset"].tolist(), notes["duration"].tolist(), notes["pitch"].tolist(), strict=True)
    for index, (onset, duration, pitch) in enumerate(columns):
        busy = ends.setdefault(pitch, [])
        lane = next((k for k, end in enumerate(busy) if end <= onset), min(len(busy), MAX_LANES - 1))
        busy[lane : lane + 1] = [onset + duration]
        lanes[index] = lane
    return lanes


def overlaps(notes: Table) -> bool:
    """Whether two notes of one pitch overlap or start together."""
    later, doubled = _later_onsets(notes)
    return doubled or bool((later < notes["onset"] + notes["duration"]).any())


def cut(notes: Table) -> Table:
    """Each note ended at the next later onset of its pitch; notes that start together stay."""
    later, _ = _later_onsets(notes)
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


def _later_onsets(notes: Table) -> tuple[NDArray[np.int64], bool]:
    """For each note (n,) the next later onset of its pitch, or a tick past all; and whether two start together."""
    onset, pitch = notes["onset"], notes["pitch"].astype(np.int64)
    ranks, place = np.unique(pitch << 48 | onset, return_inverse=True)
    following = np.append(ranks[1:], _NEVER)
    following = np.where(following >> 48 == ranks >> 48, following & (1 << 48) - 1, _NEVER)
    return following[place], len(ranks) < len(notes)
