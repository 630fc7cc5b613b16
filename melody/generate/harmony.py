"""Chords that a plan asks for, as weights of pitches: what a model that reads no chords follows too.

A pitch that is no tone of the chord becomes less likely, most of all where the beat is strong; the melody is freer than what
accompanies it. Where a chord begins, low notes are its bass. No note that clashes with the next chord is held into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody.codec.outline import IN_CHORD

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
LOW = 52  # MIDI pitch: a note below where a chord begins is its bass
STRONG, BEAT, WEAK = 0, 1, 2  # kinds of places: every other beat of a chord from its begin on, the beats between, all else
EARLY = 6  # a quarter divided by this: played notes come so much before or after the beat that they belong to


@dataclass(frozen=True)
class Pull:
    """How much less likely a pitch is, in units of a logit, that is no tone of its chord."""

    others: tuple[float, float, float] = (-5.0, -3.5, -1.5)  # at strong places, on other beats, between
    lead: tuple[float, float, float] = (-2.0, -1.0, -0.3)
    bass: float = -5.0  # of a low pitch that is not the bass, where its chord begins
    root: float = 0.7  # for the root, so that a chord is known by it
    held: bool = True  # whether notes end before a chord that they clash with


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

    def at(self, time: int) -> int:
        """Index of the chord at a step; -1 where none is asked for."""
        if time >= self.stop:
            return -1
        index = int(np.searchsorted(self.onset, time + self.beat // EARLY, side="right")) - 1
        return index if index >= 0 and self.chord[index] > 0 else -1

    def weights(self, time: int, lead: bool) -> Floats | None:
        """(128,): what is added to the logits of pitches at a step; None: nothing."""
        index = self.at(time)
        if index < 0:
            return None
        pull, code = self.pull, int(self.chord[index])
        beats, beside = divmod(time - int(self.onset[index]) + self.beat // EARLY, self.beat)
        kind = WEAK if beside > 2 * (self.beat // EARLY) else STRONG if beats % 2 == 0 else BEAT
        above = (np.arange(128) - (code - 1)) % 12
        inside = 0 if self.scale is None else -self.scale
        out = np.where(IN_CHORD[code, above], inside, (pull.lead if lead else pull.others)[kind])
        if not lead:
            out = out + np.where(above == 0, pull.root, 0)
            if beats == 0 and kind == STRONG:
                low = (np.arange(128) < LOW) & (np.arange(128) % 12 != self.bass[index])
                out = np.where(low, pull.bass, out)
        return out.astype(np.float32)

    def room(self, time: int, pitch: int) -> int:
        """Steps for which a note of some pitch may sound before it meets a chord that it is no tone of."""
        index = self.at(time)
        if index < 0 or not self.pull.held:
            return 1 << 16
        later = np.arange(index + 1, len(self.onset))
        clash = later[(self.chord[later] > 0) & ~IN_CHORD[self.chord[later], (pitch - (self.chord[later] - 1)) % 12]]
        return max(1, int(self.onset[clash[0]]) - time) if len(clash) else 1 << 16


def weighted(logits: Floats, harmonies: Sequence[Harmony | None], time: Ints, lead: NDArray[np.bool_]) -> Floats:
    """Pitch logits (B, V) with the weights of each row's chord at its time (B,); ``lead`` (B,): whether it is the melody that plays."""
    out = logits.copy()
    for b, harmony in enumerate(harmonies):
        if harmony is not None and (weights := harmony.weights(int(time[b]), bool(lead[b]))) is not None:
            out[b, : len(weights)] += weights
    return out
