"""What is new fits its surroundings: limits for a plan (``generate/limits.py``), read off the notes around it.

Each rule is a function of its own, and a name in ``Fitting`` turns it off, which is how benchmarks/fits.py measures it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from melody import theory
from melody.codec import CodecConfig, Piece
from melody.codec.columns import STRENGTHS, Feature
from melody.codec.metre import Metre
from melody.codec.table import DRUMS, MAX_PARTS
from melody.generate.limits import MAX_VOICES_COUNTED, NEVER, Limits, plain_beat
from melody.score import Table
from melody.theory.ranges import PLAIN_KIT, instrument_range

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

MARGIN = 4  # semitones beyond what a part plays around
FOREIGN = -2.5  # logits of pitch classes that do not belong to a tune
RARE = 0.01  # share of the sounding time around below which a pitch class does not belong there
NEAR_BARS = 8  # of these on either side are the scale and the dynamics of a hole
RARELY = 0.08  # share of onsets at which more notes may sound than a part's number of voices
LEGATO = 4  # a quarter divided by this: overlaps up to it, and up to a quarter of the note, are legato and no second voice
OFF_GRID = -8.0  # logits of places that the grid around does not have
USED = 0.005  # share of onsets on a subdivision from which on it belongs to the grid
QUIETER = 16  # steps of velocity that an accompaniment may lie below its tune
TAILS = (0.05, 0.95)  # quantiles of velocity between which new notes are played
REACH = 12  # steps of velocity from the median around, at most
FEW = 48  # notes around from which on a scale is read off them alone


@dataclass(frozen=True)
class Fitting:
    """Which rules hold. For measurements: a musician has no reason to turn one off."""

    prime: bool = True  # of an infill: what stands before the hole is read as a tune is, not only given
    range: bool = True
    scale: bool = True
    voices: bool = True
    dynamics: bool = True
    rhythm: bool = True
    start: bool = True  # of a new piece: on the bar line, or with a real upbeat
    strokes: bool = True  # of drums that the model has not learned
    nearest: bool = True  # an instrument that the model has not learned is to it the nearest one that it has


ALL = Fitting()


def limits_around(piece: Piece, around: Mask, near: Mask, fitting: Fitting, drums_learned: bool = True) -> Limits:
    """Limits for the parts of a piece by their own notes.

    around  (n,): the notes that stay, or that are gone on from
    near    (n,): those of them next to what is written
    """
    limits, notes = Limits(), piece.notes[around]
    if fitting.range:
        low, high = part_ranges(piece, notes)
        limits = replace(limits, low=low, high=high)
    if fitting.voices:
        limits = replace(limits, voices=part_voices(piece, notes))
    if fitting.dynamics:
        quiet, loud = part_dynamics(piece, piece.notes[near] if near.any() else notes)
        limits = replace(limits, quiet=quiet, loud=loud)
    if fitting.rhythm:
        limits = replace(limits, onsets=grid_around(piece.config, notes["onset"]))
    if fitting.strokes and not drums_learned:
        limits = with_strokes(limits, piece, notes)
    return limits


def limits_of_new(piece: Piece, voices: tuple[tuple[int, bool], ...], first: int, fitting: Fitting, drums_learned: bool = True) -> Limits:
    """Limits for parts that are added to a tune, numbered from ``first`` on."""
    limits = limits_of_voices(voices, first, fitting, drums_learned)
    if fitting.dynamics:
        quiet, loud = dynamics_below(piece)
        limits = replace(limits, quiet=np.full(MAX_PARTS, quiet), loud=np.full(MAX_PARTS, loud))
    if fitting.rhythm:
        limits = replace(limits, onsets=grid_around(piece.config, piece.notes["onset"]))
    return limits


def limits_of_voices(voices: tuple[tuple[int, bool], ...], first: int, fitting: Fitting, drums_learned: bool = True) -> Limits:
    """Limits for instruments: those asked for, (program, is drums), numbered from ``first`` on, and those that the model chooses."""
    limits, numbers = Limits(), first + np.arange(len(voices))
    programs = np.array([DRUMS if drums else program for program, drums in voices], np.int64)
    if fitting.range:
        limits = replace(limits, instruments=True).of_parts(numbers, programs)
    if fitting.strokes and not drums_learned:
        unlearned = np.zeros(MAX_PARTS, bool)
        unlearned[numbers[programs == DRUMS]] = True
        limits = replace(limits, unlearned=unlearned, strokes=plain_beat())
        limits = replace(limits, weights=_only(unlearned, {int(n): np.array(PLAIN_KIT) for n in np.flatnonzero(unlearned)}))
    return limits


def part_ranges(piece: Piece, notes: Table) -> tuple[Ints, Ints]:
    """Lowest and highest pitch (16,) of each part: its own, with a margin inside what its instrument can play; else its instrument's."""
    low, high = np.zeros(MAX_PARTS, np.int64), np.full(MAX_PARTS, 127)
    for part, program in enumerate(piece.parts["program"].tolist()):
        found, mine = instrument_range(min(program, 127), program == DRUMS), notes["pitch"][notes["part"] == part]
        if not len(mine):
            low[part], high[part] = found.low, found.high
        elif program == DRUMS:
            low[part], high[part] = min(found.lowest, mine.min()), max(found.highest, mine.max())
        else:
            lowest, highest = int(mine.min()), int(mine.max())
            low[part] = min(lowest, max(lowest - MARGIN, found.lowest))
            high[part] = max(highest, min(highest + MARGIN, found.highest))
    return low, high


def part_voices(piece: Piece, notes: Table) -> Ints:
    """How many notes of each part (16,) sound together, but for ``RARELY``; 0: many, drums, or not known."""
    voices = np.zeros(MAX_PARTS, np.int64)
    for part, program in enumerate(piece.parts["program"].tolist()):
        if program == DRUMS:
            continue
        mine = notes[notes["part"] == part]
        if not len(mine):
            voices[part] = instrument_range(program).voices
            continue
        together = np.sort(sounding_together(mine, piece.config.grid))
        most = int(together[len(together) - 1 - int(RARELY * len(together))])
        voices[part] = most if most < MAX_VOICES_COUNTED else 0
    return voices


def sounding_together(notes: Table, grid: int) -> Ints:
    """How many notes of one part (n,) sound when each of them starts, itself counted; legato is no overlap."""
    onset = np.sort(notes["onset"].astype(np.int64))
    duration = notes["duration"].astype(np.int64)
    end = np.sort(notes["onset"] + np.maximum(1, duration - np.minimum(grid // LEGATO, duration // 4)))
    counts: Ints = np.searchsorted(onset, onset, side="right") - np.searchsorted(end, onset, side="right")
    return counts


def part_dynamics(piece: Piece, notes: Table) -> tuple[Ints, Ints]:
    """Softest and loudest bin of velocity (16,) of each part, near its median; of a part that is silent here, those of all."""
    quiet, loud = np.zeros(MAX_PARTS, np.int64), np.full(MAX_PARTS, piece.config.velocity_bins - 1)
    for part in range(len(piece.parts)):
        mine = notes["velocity"][notes["part"] == part]
        mine = mine if len(mine) else notes["velocity"]
        if len(mine):
            reach, middle = REACH * piece.config.velocity_bins // 128, int(np.median(mine))
            low, high = (int(q) for q in np.quantile(mine, TAILS, method="nearest"))
            quiet[part], loud[part] = max(low, middle - reach), min(high, middle + reach)
    return quiet, loud


def dynamics_below(piece: Piece) -> tuple[int, int]:
    """Softest and loudest bin of what accompanies a tune: no louder than its median, and not much softer."""
    bins = piece.config.velocity_bins
    loud = int(np.median(piece.notes["velocity"]))
    return max(0, loud - QUIETER * bins // 128), loud


def grid_around(config: CodecConfig, onsets: NDArray[np.int32]) -> Floats | None:
    """(grid,) by step of a quarter note: what is added to the logits of a note that starts there; None where there is no beat.

    The subdivisions that the onsets use, their divisors, eighths, and sixteenths where there are eighths.
    """
    if config.clock != "beats" or not len(onsets):
        return None
    steps = np.arange(config.grid)
    level = config.grid // np.gcd(steps, config.grid)  # 1: quarters, 2: eighths, 3: triplets, ...
    share = np.bincount(level[np.unique(onsets) % config.grid], minlength=config.grid + 1) / len(np.unique(onsets))
    used = {1, 2, *np.flatnonzero(share >= USED).tolist()} | ({4} if share[2] >= 10 * USED else set())
    inside = [any(u % at == 0 for u in used) for at in level.tolist()]
    return None if all(inside) else np.where(inside, 0, OFF_GRID).astype(np.float32)


def starts(metre: Metre, config: CodecConfig) -> Floats | None:
    """By step of the first bar: where a new piece may begin, on the bar line or with an upbeat of eighths in the second half."""
    if config.clock != "beats":
        return None
    length, eighth = metre.bar_length(0), max(1, config.grid // 2)
    steps = np.arange(length)
    upbeat = (2 * steps >= length) & ((length - steps) % eighth == 0)
    return np.where((steps == 0) | upbeat, 0, NEVER).astype(np.float32)


def scale_around(piece: Piece, notes: Table, key: int) -> Floats:
    """(128,): pitch classes that the notes around hardly touch stay unlikely; of few notes, the scale of their key counts too."""
    pitched = notes[piece.parts["program"][notes["part"]] != DRUMS]
    share = np.bincount(pitched["pitch"] % 12, pitched["duration"], 12) / max(1, int(pitched["duration"].sum()))
    inside = share >= RARE
    if len(pitched) < FEW:
        inside |= np.isin(np.arange(12), theory.scale_of(key))
    return np.tile(np.where(inside, 0, FOREIGN), 11)[:128].astype(np.float32)


def with_strokes(limits: Limits, piece: Piece, notes: Table) -> Limits:
    """Drums that a model has not learned go on with their own strokes, each as often as at places of this metrical strength."""
    unlearned = np.zeros(MAX_PARTS, bool)
    unlearned[: len(piece.parts)] = piece.parts["program"] == DRUMS
    if not unlearned.any():
        return limits
    mine = notes[unlearned[notes["part"]]]
    if not len(mine):
        return replace(limits, unlearned=unlearned, strokes=plain_beat())
    strength = piece.metre.features(mine["onset"].astype(np.int64), None)[:, Feature.STRENGTH].astype(np.int64)
    counts = np.zeros((STRENGTHS, 128))
    np.add.at(counts, (strength, mine["pitch"]), 1)
    shares = counts + 0.5 * counts.sum(0) / max(1, counts.sum())  # a place of a strength that was never played: as anywhere
    strokes = np.where(counts.sum(0) > 0, np.log(np.maximum(shares, 1e-9) / np.maximum(1e-9, shares.sum(-1, keepdims=True))), NEVER)
    own = {p: np.unique(mine["pitch"][mine["part"] == p]) for p in np.unique(mine["part"]).tolist()}
    return replace(limits, unlearned=unlearned, strokes=strokes.astype(np.float32), weights=_only(unlearned, own))


def _only(parts: Mask, pitches: dict[int, Ints]) -> Floats:
    """(16, 128): of some parts (16,) only these pitches."""
    weights = np.zeros((MAX_PARTS, 128), np.float32)
    for part in np.flatnonzero(parts).tolist():
        if part in pitches:
            weights[part] = NEVER
            weights[part, pitches[part]] = 0
    return weights
