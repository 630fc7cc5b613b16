"""A window as the judge's features look at it: what several of them need, worked out once; and what a block of features is.

Knows windows; ``judge_features.py`` and ``judge_given.py`` hold the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from melody.evaluation import bar_likeness as likeness
from melody.evaluation.judge_windows import CELL, Window

Vector = NDArray[np.float64]  # or a matrix

# C. L. Krumhansl and E. J. Kessler, Psychological Review 89(4), 1982. theory/keys.py has profiles that find more keys, by which people's
# music lies closer together and distances come out some 15 % larger: those that are to be reached were measured with these.
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)


def _profiles() -> Vector:
    rows = np.array([np.roll(profile, tonic) for profile in (MAJOR, MINOR) for tonic in range(12)])
    rows -= rows.mean(1, keepdims=True)
    unit: Vector = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


PROFILES = _profiles()  # (24, 12), each of mean 0 and length 1


@dataclass(frozen=True, eq=False)
class View:
    """A window with what several blocks need, worked out once."""

    window: Window
    given: Window | None = None  # what the window goes with, or follows

    @cached_property
    def classes(self) -> Vector:
        """Share (12,) of sounding time by pitch class."""
        time = np.bincount(self.window.pitch % 12, self.window.length, 12)
        share: Vector = time / max(float(time.sum()), 1e-9)
        return share

    @cached_property
    def key(self) -> int:
        """0..23, by the profiles of Krumhansl and Kessler."""
        centred = self.classes - self.classes.mean()
        return int((PROFILES @ centred).argmax())

    @cached_property
    def starts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Distinct onsets in order, and the index of the first note at each."""
        distinct, first = np.unique(self.window.onset, return_index=True)
        return distinct, first

    @cached_property
    def alike(self) -> Vector:
        """Notes that two bars share, over all notes of the two (bars, bars)."""
        return likeness.shared_notes(self.window)

    @cached_property
    def onsets(self) -> Vector:
        """How many notes begin in each cell of each bar (bars, cells of a bar)."""
        return likeness.onsets(self.window)

    @cached_property
    def roll(self) -> NDArray[np.bool_]:
        """What sounds in each cell (cells, 128)."""
        return likeness.sounding(self.window)

    @cached_property
    def chroma(self) -> Vector:
        """Cells in which each pitch class sounds, by half bar (2 * bars, 12); of an odd bar the second half is the longer."""
        cells = self.window.bar // CELL
        classes = likeness.sounding_classes(self.roll).reshape(self.window.bars, cells, 12).astype(np.float64)
        return np.stack([classes[:, : cells // 2].sum(1), classes[:, cells // 2 :].sum(1)], 1).reshape(-1, 12)

    @cached_property
    def bar_chroma(self) -> Vector:
        """The same by bar (bars, 12)."""
        by_bar: Vector = self.chroma.reshape(-1, 2, 12).sum(1)
        return by_bar


@dataclass(frozen=True)
class Block:
    """Numbers about one aspect: how to get them, their names, and what they are in a musician's words."""

    group: str
    of: Callable[[View], Vector | Sequence[float]]
    names: Sequence[str]
    words: Sequence[str]
    shares: int = field(default=0, kw_only=True)  # so many of the first are shares of a whole, to be read as per cent


def entropy(shares: Vector) -> float:
    """Of one distribution, in nats: 0 where all is in one class."""
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())


def histogram(values: NDArray[np.int64], edges: Sequence[int]) -> Vector:
    """Share of the values, none of which lies outside, from each edge up to the next; zeros where there are no values."""
    count = np.bincount(np.searchsorted(edges[1:-1], values, side="right"), minlength=len(edges) - 1)
    share: Vector = count / max(len(values), 1)
    return share
