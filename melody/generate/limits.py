"""Limits: what keeps new notes to their surroundings, as values of a plan. Where they come from: ``compose/fitting.py``.

Each is a rule of its own, and a plan may have any of them:

    low, high      the pitches of each part
    voices         how many notes of a part may sound together; a line does not run into itself
    quiet, loud    the levels of velocity of each part
    weights        what is added to the logits of a part's pitches: a scale, the strokes of a beat
    onsets, first  what is added to the logits of a note's place: the grid of the tune; where a piece may begin
    harmony        chords that were asked for (``harmony.py``)
    pace, paces    how many notes there are, of all parts or of some

They are preferences: where the grammar leaves nothing else they give way, so that something is always legal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import STRENGTHS
from melody.codec.table import DRUMS, MAX_PARTS
from melody.generate.harmony import Harmony
from melody.theory.ranges import PLAIN_KIT, instrument_range

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
MAX_VOICES_COUNTED = 8  # more notes at once are not counted
NEVER = np.float32(-60.0)  # weight of what should not be drawn
UNUSUAL = np.float32(-7.0)  # weight of strokes that do not belong at a place, but to the kit


@dataclass(frozen=True, eq=False)
class Limits:
    """Limits of one plan, by part: (16,) each, None for a rule that there is not."""

    low: Ints | None = None  # MIDI pitches
    high: Ints | None = None
    voices: Ints | None = None  # 0: any number
    quiet: Ints | None = None  # bins of velocity
    loud: Ints | None = None
    weights: Floats | None = None  # (16, 128)
    onsets: Floats | None = None  # (period,): by step modulo the period
    every: int = 0  # steps: notes start at multiples of this only; 0: anywhere
    first: Floats | None = None  # (period,): the same for the first note that is sampled, in place of ``onsets``
    strokes: Floats | None = None  # (8, 128) by metrical strength: for parts of ``unlearned``, in place of the model's logits
    unlearned: NDArray[np.bool_] | None = None  # (16,): drums that the model has not learned
    instruments: bool = False  # parts that the model declares keep to the range of their instrument, and to its voices
    span: tuple[int, int] = (0, 127)  # inside of which they do
    at_most: int = 0  # voices of them; 0: as the instrument has
    harmony: Harmony | None = None
    pace: float = 0.0  # notes a step that are asked for; 0: any
    paces: Floats | None = None  # (16,): the same of each part
    since: int = 0  # step from which notes are counted

    def of_parts(self, numbers: Sequence[int] | Ints, programs: Sequence[int] | Ints) -> Limits:
        """The same, with the ranges and voices of instruments (128: drums) for some parts."""
        low, high, voices = limit(self.low, 0), limit(self.high, 127), limit(self.voices, 0)
        for number, program in zip(numbers, programs, strict=True):
            found = instrument_range(int(program), int(program) == DRUMS)
            low[number], high[number], voices[number] = found.low, found.high, found.voices
        return replace(self, low=low, high=high, voices=voices)


def narrower(low: int, high: int, span: tuple[int, int]) -> tuple[int, int]:
    """An interval of pitches inside of ``span``; all of ``span`` where nothing is left."""
    first, last = max(low, span[0]), min(high, span[1])
    return (first, last) if first <= last else span


def limit(values: Any, default: int) -> Ints:
    """The values of a rule by part, or those that limit nothing."""
    out: Ints = np.full(MAX_PARTS, default) if values is None else np.array(values, np.int64)
    return out


def tiled(weights: Floats, length: int) -> Floats:
    """Weights by step modulo their period, laid end to end, so that ``length`` of them can be cut out from any step of the period on."""
    return np.resize(weights, len(weights) + length).astype(np.float32)


def span_of(weights: Floats, low: int, high: int) -> tuple[int, int]:
    """The interval from ``low`` to ``high``, narrowed to the pitches that some weights (128,) let through."""
    open_ = np.flatnonzero(weights > NEVER / 2)
    return (max(low, int(open_[0])), min(high, int(open_[-1]))) if len(open_) else (low, high)


def plain_beat() -> Floats:
    """(8, 128) by metrical strength: a rock beat, for drums that a model has not learned.

    Bass drum on the bar line and in its middle, snare on the beats between, hi-hat on all of these and between them; a crash now and then.
    """
    weights = np.full((STRENGTHS, 128), NEVER, np.float32)
    weights[:, PLAIN_KIT] = UNUSUAL
    shares = {
        0: {36: 0.35, 38: 0.25, 42: 0.4},  # no meter
        1: {36: 0.55, 42: 0.4, 49: 0.05},  # bar line
        2: {36: 0.5, 42: 0.45, 38: 0.05},  # middle of the bar
        3: {38: 0.5, 42: 0.4, 36: 0.1},  # beat
        4: {42: 0.75, 36: 0.15, 46: 0.1},  # half a beat
        5: {42: 0.6, 38: 0.25, 36: 0.15},
        6: {42: 0.6, 38: 0.25, 36: 0.15},
        7: {42: 0.8, 38: 0.2},
    }
    for strength, row in shares.items():
        for stroke, share in row.items():
            weights[strength, stroke] = np.log(share)
    return weights
