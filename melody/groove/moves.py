"""Notes at other ticks: on a grid, swung, and whatever else moves onsets without changing their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from melody.groove.places import placed, units
from melody.score import Score, Track, note_table

SWING = {"eighths": 2, "sixteenths": 4}  # of which every second one is late: how many there are in a unit
TRIPLET = 2 / 3  # of a pair: where the second one of the fullest swing stands
FAR = 1 << 40  # ticks

Ints = NDArray[np.int64]


def quantised(score: Score, strength: float = 1.0, steps: int | None = None) -> Score:
    """Onsets moved to the nearest place of a grid, or part of the way (``strength`` 0..1); notes keep their lengths.

    ``steps``: places of the grid in a quarter (a dotted one in 6/8); by default what fits the piece best. Where two notes of one pitch
    would become one, the second stays.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([5, 470, 975], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> quantised(piece).tracks[0].notes["onset"].tolist()
    [0, 480, 960]
    """
    at = placed(score, steps)
    onset = at.onset + np.rint(strength * (at.grid - at.onset)).astype(np.int64)
    pitch = np.concatenate([t.notes["pitch"] for t in score.tracks]).astype(np.int64)
    order = np.lexsort((at.onset, onset, pitch, at.track))
    same = (np.diff(onset[order]) == 0) & (np.diff(pitch[order]) == 0) & (np.diff(at.track[order]) == 0)
    second = order[1:][same & (np.diff(at.onset[order]) > 0)]
    onset[second] = at.onset[second]
    return replayed(score, onset)


def swung(score: Score, amount: float, of: str = "eighths") -> Score:
    """Every second eighth (or sixteenth) later: 0 straight, 1 triplets.

    All of the time between is stretched likewise, so nothing changes order. 6/8 and the like stay: their eighths come in threes.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 240, 480], [240, 240, 480], [60, 64, 67], [80, 80, 80])),))
    >>> swung(piece, 1.0).tracks[0].notes["onset"].tolist()
    [0, 320, 480]
    """
    second = 0.5 + amount * (TRIPLET - 0.5)

    def warped(ticks: Ints) -> Ints:
        start, length, quarter = units(score, ticks)
        late = np.where(quarter, second, 0.5)
        pairs = length / (SWING[of] / 2)
        inside = (ticks - start) / pairs
        phase = inside - np.floor(inside)
        bent = np.where(phase < 0.5, phase * 2 * late, late + (phase - 0.5) * 2 * (1 - late))
        return start + np.rint((np.floor(inside) + bent) * pairs).astype(np.int64)

    def warped_track(track: Track) -> Track:
        notes, pedal = track.notes, track.pedal.copy()
        onset = warped(notes["onset"].astype(np.int64))
        end = warped((notes["onset"] + notes["duration"]).astype(np.int64))
        pedal["tick"] = warped(pedal["tick"].astype(np.int64))
        length = np.maximum(end - onset, np.minimum(notes["duration"], 1))
        return replace(track, notes=note_table(onset, length, notes["pitch"], notes["velocity"]), pedal=pedal)

    return replace(score, tracks=tuple(warped_track(t) for t in score.tracks))


def in_order(onset: Ints, by: Ints) -> Ints:
    """Onsets (n,) moved ``by`` so many ticks, as far as those that were not at one tick keep their order, and stay after tick 0."""
    moments, which = np.unique(onset, return_inverse=True)
    gap = (np.diff(moments) - 1) // 2
    earliest, latest = -np.append(moments[:1], gap), np.append(gap, FAR)
    return onset + np.clip(by, earliest[which], latest[which])


def replayed(score: Score, onset: Ints, velocity: Ints | None = None) -> Score:
    """The notes, track by track in the order of their rows, at other onsets (n,), with other velocities.

    They keep their lengths; only where a note would now sound into the next one of its pitch it is cut.
    """
    tracks, first = [], 0
    for track in score.tracks:
        notes = track.notes
        mine = slice(first, first := first + len(notes))
        start, length = onset[mine], notes["duration"].astype(np.int64)
        order = np.lexsort((start, notes["pitch"]))
        before, after = order[:-1], order[1:]
        apart = (notes["pitch"][before] == notes["pitch"][after]) & (
            notes["onset"][before] + notes["duration"][before] <= notes["onset"][after]
        )
        before, after = before[apart], after[apart]
        length[before] = np.minimum(length[before], np.maximum(start[after] - start[before], 1))
        loud = notes["velocity"] if velocity is None else velocity[mine]
        tracks.append(replace(track, notes=note_table(start, length, notes["pitch"], loud)))
    return replace(score, tracks=tuple(tracks))
