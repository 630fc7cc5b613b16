"""Do continuations stay with their piece? New bars beside the bars that the human wrote there.

Statistics of the new bars of one piece:

    key        share of sounding time in the scale of the prime's key (all forms of minor counted in), 0..1
    density    notes a bar, divided by the prime's notes a bar
    repeated   share of bars whose notes (position, pitch) stood in an earlier bar of the piece, prime or new, 0..1
    empty      share of bars in which no note starts, 0..1
    range      semitones from the 5th to the 95th percentile of pitch

Knows Scores; who wrote the new bars is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody import edit, theory
from melody.corpus import Corpus
from melody.score import Score, merged_notes

STATISTICS = ("key", "density", "repeated", "empty", "range")
MIN_PRIME, MIN_NEW = 32, 16  # notes
ROUNDING = 1e-9


@dataclass(frozen=True)
class Comparison:
    """One statistic: the human's quartiles over pieces, and the mean of the pieces that are compared with them."""

    lower: float
    median: float
    upper: float
    human_mean: float
    mean: float

    @property
    def within(self) -> bool:
        """Whether the mean lies between the human's quartiles."""
        return self.lower - ROUNDING <= self.mean <= self.upper + ROUNDING


def primes(corpus: Corpus, style: str, prime: int, bars: int, count: int | None = None, split: str = "test") -> list[tuple[Score, Score]]:
    """The first ``prime`` bars, and those with ``bars`` more, of the first ``count`` pieces of a split and style that are long enough."""
    pairs: list[tuple[Score, Score]] = []
    for index in corpus.split(split):
        if corpus.pieces[index].style != style:
            continue
        score = corpus.score(index)
        lines = theory.bar_ticks(score)
        if len(lines) > prime + bars:
            first, whole = edit.cut(score, 0, int(lines[prime])), edit.cut(score, 0, int(lines[prime + bars]))
            pairs += [(first, whole)] if first.note_count >= MIN_PRIME and whole.note_count - first.note_count >= MIN_NEW else []
        if len(pairs) == count:
            break
    return pairs


def statistics(piece: Score, prime: int, bars: int) -> dict[str, float]:
    """The statistics of bars ``prime`` to ``prime + bars`` (from 0) of a piece whose first ``prime`` bars hold a note."""
    lines = theory.bar_start(piece, np.arange(prime + bars + 1))
    _, notes = merged_notes(piece.tracks)
    bar = np.searchsorted(lines, notes["onset"], side="right") - 1
    new, old = notes[(bar >= prime) & (bar < prime + bars)], notes[bar < prime]
    inside = np.isin(new["pitch"] % 12, theory.scale_of(theory.estimate_key(old)))
    contents = []
    for b in range(prime + bars):
        mine = notes[bar == b]
        contents.append(np.stack([mine["onset"] - lines[b], mine["pitch"]]).astype("<i8").tobytes())
    written = contents[prime:]
    repeated = sum(bool(content) and content in contents[: prime + i] for i, content in enumerate(written))
    low, high = np.quantile(new["pitch"], [0.05, 0.95]) if len(new) else (0.0, 0.0)
    return {
        "key": float((inside * new["duration"]).sum() / max(1, new["duration"].sum())),
        "density": len(new) / bars / max(ROUNDING, len(old) / prime),
        "repeated": repeated / bars,
        "empty": sum(not content for content in written) / bars,
        "range": float(high - low),
    }


def beside_human(human: Sequence[dict[str, float]], new: Sequence[dict[str, float]]) -> dict[str, Comparison]:
    """By statistic: the quartiles of ``human`` pieces and the mean of ``new`` ones, at least one of each."""
    return {name: compare(np.array([row[name] for row in human]), np.array([row[name] for row in new])) for name in STATISTICS}


def compare(human: NDArray[np.float64], new: NDArray[np.float64]) -> Comparison:
    """One statistic of at least one ``human`` piece (n,) and of at least one other piece (m,)."""
    lower, median, upper = (float(q) for q in np.quantile(human, [0.25, 0.5, 0.75]))
    return Comparison(lower, median, upper, float(human.mean()), float(new.mean()))
