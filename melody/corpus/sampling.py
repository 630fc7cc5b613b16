"""Which piece comes when: the order of an epoch, by style, and windows of long pieces.

An epoch is a fixed number of visits. Without weights each piece comes once, a piece longer than ``window`` as often as it
holds windows. With weights each style has its share of the notes, whatever the collection holds: its pieces are laid in an
endless line of shuffled passes and every epoch takes the same number of them, so that no piece of a style comes again before
all others have. All of it follows from (seed, epoch): a stream can go on anywhere. Knows no codec.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from melody.corpus.tables import Corpus
from melody.errors import CallError, unknown
from melody.settings import check_settings, setting, value_shown

ORDERS = 4  # epochs whose order is kept: rows drift apart by an epoch or two
MAX_WEIGHT = 1e6


@dataclass(frozen=True)
class SamplingConfig:
    """How often pieces come. Errors: ``CallError`` that names the setting.

    ``weights``: by style, a factor on its share of the notes; 0 leaves it out, styles that are not named have 1.
    """

    style_power: float = setting(
        1.0, "Share of a style: its notes to this power; 1: as the corpus has them, 0: all styles alike.", kind=float, low=0, high=1
    )
    window: int = setting(
        0, "Most notes of a visit to a longer piece, in a window that starts at a bar line, drawn anew; 0: whole pieces.", kind=int, low=0
    )
    weights: Mapping[str, float] = field(
        default_factory=dict, metadata=setting(help="Factors on the shares of styles, as { band = 2.0, choir = 0.5 }.").metadata
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if not isinstance(self.weights, Mapping):
            raise CallError(f"weights is {value_shown(self.weights)}, must be a table as {{ band = 2.0 }}", argument="weights")
        for style, weight in self.weights.items():
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= MAX_WEIGHT:
                raise CallError(f"the weight of {style} must be a number from 0 to {MAX_WEIGHT:,.0f}", argument="weights")


def windows_of(notes: int, window: int) -> int:
    """Visits that a piece of so many notes takes, at most ``window`` notes each (0: any).

    >>> windows_of(500, 0), windows_of(2000, 2000), windows_of(2001, 2000)
    (1, 1, 2)
    """
    return -(-notes // window) if window and notes > window else 1


class Sampler:
    """The order of every epoch over some pieces of a corpus.

    Raises CallError for a weight of a style that the corpus does not have, and where nothing is left to sample.
    """

    def __init__(self, corpus: Corpus, pieces: list[int], config: SamplingConfig, seed: int, shuffle: bool = True) -> None:
        self.seed, self.shuffle = seed, shuffle
        for style in config.weights:
            if style not in corpus.styles:
                raise unknown("style in weights", style, corpus.styles)
        visits = [windows_of(corpus.pieces[i].note_count, config.window) for i in pieces]
        self._line = np.repeat(np.array(pieces, np.int64), visits)
        self.places = len(self._line)  # visits of an epoch
        self._orders: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}  # by epoch
        self._styles: list[NDArray[np.int64]] = []
        self._counts: list[int] = []  # visits of an epoch, by style
        if self.places and (config.weights or config.style_power != 1):
            self._share_out(corpus, config)

    def order(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Of each place of an epoch: the piece, and how often it came before in this epoch; (places,) each."""
        if epoch not in self._orders:
            order = self._weighted(epoch) if self._styles else self._line.copy()
            if self.shuffle:
                np.random.default_rng([self.seed, epoch]).shuffle(order)
            if len(self._orders) >= ORDERS:
                del self._orders[min(self._orders)]
            self._orders[epoch] = order, _times_before(order)
        return self._orders[epoch]

    def _share_out(self, corpus: Corpus, config: SamplingConfig) -> None:
        """How many visits of an epoch each style gets: at least one, unless its weight is 0."""
        names = np.array([corpus.pieces[i].style for i in self._line])
        present = [s for s in corpus.styles if config.weights.get(s, 1.0) > 0 and (names == s).any()]
        if not present:
            raise CallError("weights leave no style to train on; give one of them a weight above 0", argument="weights")
        self._styles = [self._line[names == s] for s in present]
        notes = np.array([corpus.note_count(np.unique(line).tolist()) for line in self._styles], np.float64)
        share = notes**config.style_power * [config.weights.get(s, 1.0) for s in present]
        visits = share * [len(line) for line in self._styles] / notes  # a visit of a style has notes / len(line) notes on average
        wanted = visits / visits.sum() * self.places
        counts = np.maximum(1, np.floor(wanted).astype(np.int64))
        for k in np.argsort(counts - wanted, kind="stable"):  # those that lost most by rounding come first
            if counts.sum() < self.places:
                counts[k] += 1
        counts[counts.argmax()] = max(1, counts.max() - (counts.sum() - self.places))
        self._counts = counts.tolist()
        self.places = int(counts.sum())

    def _weighted(self, epoch: int) -> NDArray[np.int64]:
        """The visits of one epoch, style after style: each takes the next ones of its endless line of shuffled passes."""
        out = []
        for k, (line, count) in enumerate(zip(self._styles, self._counts, strict=True)):
            first, last = epoch * count, (epoch + 1) * count
            passes = []
            for number in range(first // len(line), -(-last // len(line))):
                one = line.copy()
                if self.shuffle:
                    np.random.default_rng([self.seed, k, number]).shuffle(one)
                passes.append(one)
            skip = first % len(line)
            out.append(np.concatenate(passes)[skip : skip + count])
        return np.concatenate(out)


def _times_before(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """For each entry how many equal ones stand before it.

    >>> _times_before(np.array([7, 3, 7, 7, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    by_piece = np.argsort(order, kind="stable")
    ordered = order[by_piece]
    starts = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])) if len(order) else np.zeros(0, np.int64)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    out = np.empty(len(order), np.int64)
    out[by_piece] = rank
    return out
