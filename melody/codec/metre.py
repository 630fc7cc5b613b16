"""Metrical features: where a step stands in its bar. Derived from the meters, never predicted.

On the seconds clock a "bar" is two seconds and has no positions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import Feature
from melody.codec.table import BAR_CLASSES, LEFT_CLASSES, CodecConfig
from melody.score import Table


class Metre:
    """The bars of one piece on the grid. Meters that change inside a bar start a new bar, as in notation."""

    def __init__(self, config: CodecConfig, meters: Table) -> None:
        """``meters``: the Score's meter table with ticks already in steps (ignored on the seconds clock)."""
        self.config = config
        if config.clock == "seconds":
            self.start = np.zeros(1, np.int64)
            self.length = np.array([2 * config.grid])
            self.beat = np.array([2 * config.grid])
            self.compound = np.zeros(1, bool)
        else:
            meters = meters[np.append(np.diff(meters["tick"]) > 0, True)]  # two meters can fall on one step
            same = (np.diff(meters["numerator"]) == 0) & (np.diff(meters["denominator"]) == 0)
            meters = meters[np.insert(~same, 0, True)]  # a meter that is said again starts no new bar
            self.start = meters["tick"].astype(np.int64)
            whole = 4 * config.grid
            numerator, denominator = meters["numerator"].astype(np.int64), meters["denominator"].astype(np.int64)
            self.length = np.maximum(1, numerator * whole // denominator)
            self.compound = (numerator % 3 == 0) & (numerator > 3) & (denominator >= 8)
            self.beat = np.maximum(1, np.where(self.compound, 3, 1) * whole // denominator)
        spans = np.diff(self.start)
        self.first_bar = np.concatenate([[0], np.cumsum(-(-spans // self.length[:-1]))])

    def bar(self, steps: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Bar number (from 0), position in the bar in steps, and index of the meter, for each step."""
        index = np.searchsorted(self.start, steps, side="right") - 1
        offset = steps - self.start[index]
        length = self.length[index]
        return self.first_bar[index] + offset // length, offset % length, index

    def bar_start(self, bar: int) -> int:
        """Step at which bar ``bar`` (from 0) starts."""
        index = int(np.searchsorted(self.first_bar, bar, side="right")) - 1
        return int(self.start[index] + (bar - self.first_bar[index]) * self.length[index])

    def starts(self, bars: NDArray[np.int64]) -> NDArray[np.int64]:
        """``bar_start`` of many bars."""
        index = np.searchsorted(self.first_bar, bars, side="right") - 1
        starts: NDArray[np.int64] = self.start[index] + (bars - self.first_bar[index]) * self.length[index]
        return starts

    def bar_length(self, bar: int) -> int:
        """Steps of bar ``bar`` (from 0)."""
        return self.bar_start(bar + 1) - self.bar_start(bar)

    def features(self, steps: NDArray[np.int64], stop: int | None) -> NDArray[np.int16]:
        """Classes (n, 4) in the order of ``Feature``.

        position  1 + steps from the bar line (0 on the seconds clock)
        strength  0 none, 1 bar line, 2 middle of the bar if it is a beat, 3 beat, 4 half beat, 5 quarter beat, 6 third of a beat, 7 other
        bar       bars since the start: exact below 16, then modulo 16
        bars_left 1 + bars left before ``stop``, counting the one that sounds; 0 if ``stop`` is None (not known)
        """
        bar, position, index = self.bar(steps)
        out = np.zeros((len(steps), len(Feature)), np.int16)
        if self.config.clock == "beats":
            out[:, Feature.POSITION] = 1 + np.minimum(position, self.config.positions - 2)
            out[:, Feature.STRENGTH] = self._strength(position, index)
        half = BAR_CLASSES // 2
        out[:, Feature.BAR] = np.where(bar < half, bar, half + bar % half)
        if stop is not None:
            last = self.bar(np.array([max(0, stop - 1)]))[0][0]
            out[:, Feature.BARS_LEFT] = 1 + np.clip(last - bar + 1, 0, LEFT_CLASSES - 2)
        return out

    def _strength(self, position: NDArray[np.int64], index: NDArray[np.int64]) -> NDArray[np.int64]:
        beat, length = self.beat[index], self.length[index]
        third = np.where(self.compound[index], beat // 3, beat // 2)  # the usual division of a beat
        divides = [
            (position == 0, 1),
            ((position * 2 == length) & (position % beat == 0), 2),
            (position % beat == 0, 3),
            (position % np.maximum(1, third) == 0, 4),
            (position % np.maximum(1, third // 2) == 0, 5),
            (position % np.maximum(1, beat // 3) == 0, 6),
        ]
        return np.select([d for d, _ in divides], [c for _, c in divides], 7)
