"""What stands at a step (metre, given notes, bar lines, the same place bars ago), from blocks that are computed when they are reached.

So a stream without end needs constant memory, and a step of a batch is one look-up for all rows.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.given import look_up
from melody.codec.recall import LAGS, bars_ago
from melody.generate.plan import NO_STOP, Plan

BLOCK = 1024  # steps
FEATURES, LOOKUPS = slice(0, 4), slice(4, 9)
BAR, POSITION, AFTER_NEXT = 9, 10, 11  # bar (from 0), position in it in steps, step at which the bar after the next one begins
AGO = slice(12, 12 + len(LAGS))  # see ``bars_ago``
WIDTH = AGO.stop


def over(plan: Plan, config: CodecConfig, steps: NDArray[np.int64]) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """Features (n, 4) and look-ups (n, 5) of a plan at many steps."""
    stop = plan.stop if plan.bars_left_known and plan.stop < NO_STOP else None
    return plan.metre.features(steps, stop), look_up(config, plan.given, steps.astype(np.int32), plan.horizon)


def places(plan: Plan, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 3): bar, position in it, and the step at which the bar after the next one begins."""
    bars, positions, _ = plan.metre.bar(steps)
    return np.stack([bars, positions, plan.metre.starts(bars + 2)], -1)


def first_deadline(plan: Plan) -> int:
    """The step before which the first note must start, if one must in every bar: the end of the first whole bar."""
    if not plan.every_bar:
        return NO_STOP
    bar, position, after_next = places(plan, np.array([plan.earliest]))[0].tolist()
    return int(after_next) if position else plan.metre.bar_start(bar + 1)


class Timelines:
    """Blocks of several plans."""

    def __init__(self, plans: Sequence[Plan], config: CodecConfig) -> None:
        self.plans, self.config = list(plans), config
        self.table = np.zeros((len(self.plans), BLOCK, WIDTH), np.int64)
        self._base = np.full(len(self.plans), -BLOCK, np.int64)
        self._rows = np.arange(len(self.plans))

    def at(self, time: NDArray[np.int64]) -> NDArray[np.int64]:
        """What stands at the time (B,) of every row: (B, WIDTH), see FEATURES, LOOKUPS, BAR, POSITION, AFTER_NEXT, AGO."""
        offset = time - self._base
        if offset.min() < 0 or offset.max() >= BLOCK:
            for b in np.flatnonzero((offset < 0) | (offset >= BLOCK)).tolist():
                self._fill(b, int(time[b]))
            offset = time - self._base
        found: NDArray[np.int64] = self.table[self._rows, offset]
        return found

    def keep(self, rows: NDArray[np.int64]) -> None:
        """Leave the other rows out."""
        self.plans = [self.plans[b] for b in rows]
        self.table, self._base = self.table[rows], self._base[rows]
        self._rows = np.arange(len(rows))

    def put(self, b: int, plan: Plan) -> None:
        """Another plan takes a row."""
        self.plans[b], self._base[b] = plan, -BLOCK

    def _fill(self, b: int, step: int) -> None:
        steps = np.arange(step, step + BLOCK, dtype=np.int64)
        plan, table = self.plans[b], self.table[b]
        self._base[b] = step
        table[:, FEATURES], table[:, LOOKUPS] = over(plan, self.config, steps)
        table[:, BAR : AFTER_NEXT + 1] = places(plan, steps)
        table[:, AGO] = bars_ago(plan.metre, steps)
