"""Chords that a plan asks for, as weights of pitches: what a model that reads no chords follows too.

A pitch that is no tone of the chord becomes less likely, most of all where the beat is strong; the melody is freer than what
accompanies it. Where a chord begins, low notes are its bass. No note that clashes with the next chord is held into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from melody.codec.outline import IN_CHORD
from melody.codec.table import CHORD_QUALITIES
from melody.theory.chords import SHAPES

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
LOW, MIDDLE = 52, 64  # MIDI pitches: a note below the first where a chord begins is its bass, one below the other mostly
STRONG, BEAT, WEAK = 0, 1, 2  # kinds of places: every other beat of a chord from its begin on, the beats between, all else
BITS = 1 << np.arange(12)
EVERY_CLASS = (1 << 12) - 1
MAX_AHEAD = 64  # chords that a note is compared with
EARLY = 6  # a quarter divided by this: played notes come so much before or after the beat that they belong to


@dataclass(frozen=True)
class Pull:
    """How much less likely a pitch is, in units of a logit, that is no tone of its chord."""

    others: tuple[float, float, float] = (-8.0, -6.0, -3.0)  # at strong places, on other beats, between
    lead: tuple[float, float, float] = (-1.2, -0.6, -0.2)
    bass: float = -12.0  # of a low pitch that is not the bass, where its chord begins
    middle: float = -4.0  # of one a little higher, while the bass does not sound
    later: float = 0.7  # of both, at the strong places after the first
    missing: tuple[float, float, float] = (3.0, 4.0, 0.6)  # for the root, the third and the other tones while they do not sound
    held: bool = True  # whether notes end before a chord that they clash with

    def times(self, factor: float) -> Pull:
        """The same, stronger: beside logits that guidance has moved apart."""
        (a, b, c), (d, e, f), (g, h, i) = self.others, self.lead, self.missing
        x = factor
        made = replace(self, others=(x * a, x * b, x * c), lead=(x * d, x * e, x * f), missing=(x * g, x * h, x * i))
        return replace(made, bass=x * self.bass, middle=x * self.middle)


@dataclass(frozen=True, eq=False)
class Harmony:
    """Chords (c,) from step ``onset`` on each, as codes of the outline with their basses (pitch classes); after ``stop`` there are none."""

    onset: Ints
    chord: Ints
    bass: Ints
    stop: int
    beat: int  # steps
    pull: Pull = Pull()
    scale: Floats | None = None  # (128,): weights of a key, which do not hold for tones of a chord
    known: dict[tuple[int, int, int, bool, bool, int], Floats] = field(default_factory=dict, repr=False)  # weights that were wanted already

    def at(self, time: int) -> int:
        """Index of the chord at a step; -1 where none is asked for."""
        if time >= self.stop:
            return -1
        index = int(np.searchsorted(self.onset, time + self.beat // EARLY, side="right")) - 1
        return index if index >= 0 and self.chord[index] > 0 else -1

    def weights(self, time: int, lead: bool, until: Ints | None = None) -> Floats | None:
        """(128,): what is added to the logits of pitches at a step; None: nothing. ``until`` (12,): steps at which pitch classes end."""
        index = self.at(time)
        if index < 0:
            return None
        beats, beside = divmod(time - int(self.onset[index]) + self.beat // EARLY, self.beat)
        kind = WEAK if beside > 2 * (self.beat // EARLY) else STRONG if beats % 2 == 0 else BEAT
        since = int(self.onset[index]) + beats // 2 * 2 * self.beat
        silent = EVERY_CLASS if until is None else int(BITS[until <= since].sum())
        key = (int(self.chord[index]), int(self.bass[index]), kind, beats == 0, lead, 0 if lead else silent)
        found = self.known.get(key)
        if found is None:
            found = self.known[key] = self._weights(*key)
        return found

    def _weights(self, code: int, bass: int, kind: int, begins: bool, lead: bool, silent: int) -> Floats:
        """``weights`` by what they hang on. ``silent``: the pitch classes that have not sounded from the last strong place on, as bits."""
        pull, pitch = self.pull, np.arange(128)
        above = (pitch - (code - 1)) % 12
        inside = 0 if self.scale is None else -self.scale
        out = np.where(IN_CHORD[code, above], inside, (pull.lead if lead else pull.others)[kind])
        if lead:
            return out.astype(np.float32)
        for place, step in enumerate(SHAPES[CHORD_QUALITIES[(code - 1) // 12]][0]):
            if silent >> (step + code - 1) % 12 & 1:
                out = out + np.where(above == step, pull.missing[min(place, 2)], 0)
        if silent >> bass & 1:
            share, other = 1.0 if begins else pull.later, pitch % 12 != bass
            out = np.where(other & (pitch < LOW), np.minimum(out, share * pull.bass), out)
            out = np.where(other & (pitch >= LOW) & (pitch < MIDDLE), out + share * pull.middle, out)
        return out.astype(np.float32)

    def room(self, time: int, pitch: int) -> int:
        """Steps for which a note of some pitch may sound before it meets a chord that it is no tone of."""
        index = self.at(time)
        if index < 0 or not self.pull.held:
            return 1 << 16
        later = np.arange(index + 1, min(len(self.onset), index + 1 + MAX_AHEAD))
        outside = ~IN_CHORD[self.chord[later], (pitch - (self.chord[later] - 1)) % 12]
        if pitch < LOW:
            outside |= pitch % 12 != self.bass[later]
        clash = later[(self.chord[later] > 0) & outside]
        return max(1, int(self.onset[clash[0]]) - time) if len(clash) else 1 << 16


def weighted(logits: Floats, harmonies: Sequence[Harmony | None], time: Ints, lead: NDArray[np.bool_], until: Ints) -> Floats:
    """Pitch logits (B, V) with the weights of each row's chord at its time (B,).

    lead   (B,): whether it is the melody that plays
    until  (B, 12): step at which the last note of each pitch class ends
    """
    out = logits.copy()
    for b, harmony in enumerate(harmonies):
        if harmony is not None and (weights := harmony.weights(int(time[b]), bool(lead[b]), until[b])) is not None:
            out[b, : len(weights)] += weights
    return out
