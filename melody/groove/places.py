"""Where the notes of a Score stand: on which place of the bar, how far off it, played by what kind of instrument.

Conventions
    unit     what the grid divides: a quarter, a dotted quarter in 6/8 and the like
    steps    places of the grid in a unit
    offset   in quarter notes; positive is late
    place    of PLACES: the beat in its bar (first, second, third, fourth) times what part of the beat it is (PARTS)
    family   of FAMILIES: kinds of drums; of other instruments those that play one note at a time, and those that play several
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.score import Score, Track
from melody.theory.bars import bar_of, bar_start, meter_map

DRUM_FAMILIES = ("kick", "snare", "closed hat", "open hat", "ride", "crash", "tom", "percussion")
FAMILIES = (*DRUM_FAMILIES, "line", "chords")
KEYS = {  # of General MIDI percussion
    "kick": (35, 36),
    "snare": (37, 38, 39, 40),
    "closed hat": (42, 44),
    "open hat": (46,),
    "ride": (51, 53, 59),
    "crash": (49, 52, 55, 57),
    "tom": (41, 43, 45, 47, 48, 50),
}
FAMILY_OF_KEY = np.full(128, DRUM_FAMILIES.index("percussion"))
for _family, _keys in KEYS.items():
    FAMILY_OF_KEY[list(_keys)] = DRUM_FAMILIES.index(_family)
BEATS = 4
TWELFTHS = {0: 0, 3: 1, 6: 2, 9: 3, 4: 4, 8: 5}  # twelfths of a unit: part of the beat
PARTS = len(TWELFTHS) + 1  # the last one: any other
PART_OF = np.full(13, PARTS - 1)
for _twelfth, _part in TWELFTHS.items():
    PART_OF[_twelfth] = _part
PLACES = BEATS * PARTS
BANDS = (95, 125)  # quarters a minute between slow, middle and fast
GRIDS = (4, 3, 8, 6, 12)  # steps that are tried, in this order
EXACT = 0.05  # a grid that fits so well is taken, though a finer one fits better
CHORDAL = 0.1  # share of notes that start with another one: a track with more plays chords
BEATLESS = 0.1  # where no division of the beat attracts onsets more than this, there is no beat
DIVISIONS = (1, 2, 3, 4, 6, 8, 12)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Placed:
    """The notes of a Score (n,), track by track in the order of their rows."""

    track: Ints
    onset: Ints  # ticks
    velocity: Ints
    grid: Ints  # ticks: the place of the grid that is nearest
    offset: Floats  # quarters
    family: Ints
    place: Ints
    band: Ints
    steps: int


def placed(score: Score, steps: int | None = None) -> Placed:
    """The places of all notes; on the grid that fits them best, or one of ``steps`` a unit."""
    track = np.repeat(np.arange(len(score.tracks)), [len(t.notes) for t in score.tracks])
    notes = (
        np.concatenate([t.notes for t in score.tracks])
        if len(track)
        else np.zeros(0, score.tracks[0].notes.dtype if score.tracks else None)
    )
    if not len(notes):
        raise MelodyError("the piece has no notes")
    onset = notes["onset"].astype(np.int64)
    unit, bar, position, start = _in_bars(score, onset)
    steps = best_grid(position / unit) if steps is None else steps
    at = np.minimum(np.rint(position / unit * steps) / steps * unit, bar)
    over = at > bar - unit / 48  # as good as the next bar line
    grid = np.where(over, start + bar, start + np.rint(at)).astype(np.int64)
    at = np.where(over, 0, at)
    beat = np.floor(at / unit + 1 / 48).astype(np.int64)
    twelfth = np.clip(np.rint((at / unit - beat) * 12), 0, 12).astype(np.int64)
    fourfold = np.rint(bar / unit).astype(np.int64) % BEATS == 0
    in_bar = np.where(beat == 0, 0, np.where(fourfold, beat % BEATS, 1 + 2 * ((beat - 1) % 2)))
    family = np.concatenate([families(t) for t in score.tracks])
    tempo = 60e6 / score.tempi["mspq"][np.maximum(np.searchsorted(score.tempi["tick"], onset, side="right") - 1, 0)]
    return Placed(
        track=track,
        onset=onset,
        velocity=notes["velocity"].astype(np.int64),
        grid=grid,
        offset=(onset - grid) / score.ticks_per_quarter,
        family=family,
        place=in_bar * PARTS + PART_OF[twelfth],
        band=np.searchsorted(BANDS, tempo, side="right"),
        steps=steps,
    )


def _in_bars(score: Score, onset: Ints) -> tuple[Floats, Ints, Floats, Ints]:
    """For each onset: the unit and the bar that hold there, ticks since the bar line, and the bar line."""
    meters = meter_map(score)
    segment = meters.segment(onset)
    beat = meters.beat[segment].astype(np.float64)
    quarter = score.ticks_per_quarter
    compound = np.abs(np.log2(beat / quarter) % 1 - np.log2(1.5)) < 0.02
    start = bar_start(score, bar_of(score, onset))
    return np.where(compound, beat, quarter), meters.bar[segment], (onset - start).astype(np.float64), start


def units(score: Score, ticks: Ints) -> tuple[Ints, Floats, NDArray[np.bool_]]:
    """For each tick the one at which its unit begins, how long that unit is in ticks, and whether it is a whole quarter."""
    unit, bar, position, start = _in_bars(score, ticks)
    begin = np.floor(position / unit + 1e-9) * unit
    length = np.minimum(unit, bar - begin)
    return (start + np.rint(begin)).astype(np.int64), length, length == score.ticks_per_quarter


def best_grid(units_in: Floats) -> int:
    """The division of the beat on which onsets (in units) stand: the coarsest that fits well, or the one that fits best."""
    found = {steps: misfit(units_in, steps) for steps in GRIDS}
    good = [steps for steps in GRIDS if found[steps] < EXACT]
    return good[0] if good else min(GRIDS, key=lambda steps: found[steps])


def misfit(units_in: Floats, steps: int) -> float:
    """Mean distance from the nearest place of a grid: 0 on it, 0.5 by chance, 1 between its places."""
    at = units_in * steps
    return float(np.abs(at - np.rint(at)).mean() * 2)


def has_beat(score: Score) -> bool:
    """Whether the onsets keep to any division of the beat that the file has; pieces of a few notes are given the benefit of the doubt.

    >>> from melody.score import note_table
    >>> has_beat(Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),)))
    True
    """
    onset = np.unique(np.concatenate([t.notes["onset"] for t in score.tracks] or [np.zeros(0, np.int64)])).astype(np.int64)
    if len(onset) < 64:
        return True
    unit, _, position, _ = _in_bars(score, onset)
    attraction = max(float(np.abs(np.exp(2j * np.pi * n * position / unit).mean())) for n in DIVISIONS)
    return bool(attraction > max(BEATLESS, 3 / np.sqrt(len(onset))))


def families(track: Track) -> Ints:
    """The family (n,) of each note of a track."""
    if track.is_drum:
        of_keys: Ints = FAMILY_OF_KEY[np.clip(track.notes["pitch"], 0, 127)].astype(np.int64)
        return of_keys
    onset = track.notes["onset"]
    together = len(onset) - len(np.unique(onset))
    name = "chords" if together > CHORDAL * len(onset) else "line"
    return np.full(len(onset), FAMILIES.index(name), np.int64)
