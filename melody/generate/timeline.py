"""What stands at a step (metre, given notes, bar lines, the same place bars ago), from blocks that are computed when they are reached.

So a stream without end needs constant memory, and a step of a batch is one look-up for all rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.columns import LAGS, Feature, Lookup
from melody.codec.given import look_up
from melody.codec.incremental_recall import picked
from melody.codec.recall import bars_ago
from melody.generate.plan import NO_STOP, Plan

BLOCK = 1024  # steps
# Columns of a block
FEATURES = slice(0, len(Feature))
LOOKUPS = slice(FEATURES.stop, FEATURES.stop + len(Lookup))
BAR = LOOKUPS.stop  # from 0
POSITION = BAR + 1  # in the bar, in steps
AFTER_NEXT = BAR + 2  # step at which the bar after the next one begins: before it the next note must start
AGO = slice(AFTER_NEXT + 1, AFTER_NEXT + 1 + len(LAGS))  # see ``bars_ago``
WIDTH = AGO.stop


def over(plan: Plan, config: CodecConfig, steps: NDArray[np.int64]) -> tuple[NDArray[np.int16], NDArray[np.int32]]:
    """Features (n, 11) and look-ups (n, 5) of a plan at many steps."""
    stop = plan.stop if plan.bars_left_known and plan.stop < NO_STOP else None
    features = plan.metre.features(steps, stop)
    if plan.outline is not None:
        plan.outline.features(config, plan.metre, steps, features)
    return features, look_up(config, plan.given, steps.astype(np.int32), plan.horizon)


def places(plan: Plan, steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 3): bar, position in it, and the step at which the bar after the next one begins (the one after a bar line if that is wanted)."""
    bars, positions, _ = plan.metre.bar(steps)
    deadline = plan.metre.starts(bars + 1) + 1 if plan.every_line else plan.metre.starts(bars + 2)
    return np.stack([bars, positions, deadline], -1)


def first_deadline(plan: Plan) -> int:
    """The step before which the first note must start, if one must in every bar: the end of the first whole bar."""
    if not plan.every_bar:
        return NO_STOP
    if plan.every_line:
        return plan.earliest + 1
    bar, position, after_next = places(plan, np.array([plan.earliest]))[0].tolist()
    return int(after_next) if position else plan.metre.bar_start(bar + 1)


class Timelines:
    """Blocks of several plans; there are none at first."""

    def __init__(self, config: CodecConfig) -> None:
        self.config = config
        self.plans: list[Plan] = []
        self.table = np.zeros((0, BLOCK, WIDTH), np.int64)
        self._base = np.zeros(0, np.int64)
        self._rows = np.arange(0)

    def at(self, time: NDArray[np.int64]) -> NDArray[np.int64]:
        """What stands at the time (B,) of every row: (B, WIDTH), see FEATURES, LOOKUPS, BAR, POSITION, AFTER_NEXT, AGO."""
        offset = time - self._base
        if offset.min() < 0 or offset.max() >= BLOCK:
            for b in np.flatnonzero((offset < 0) | (offset >= BLOCK)).tolist():
                self._fill(b, int(time[b]))
            offset = time - self._base
        found: NDArray[np.int64] = self.table[self._rows, offset]
        return found

    def pick(self, origin: NDArray[np.int64]) -> None:
        """Row i is what row ``origin[i]`` was; -1: to be set by ``put``."""
        self.plans = [self.plans[at] if at >= 0 else None for at in origin.tolist()]  # type: ignore[misc]  # None until ``put``
        self.table, self._base = picked(self.table, origin), np.where(origin >= 0, picked(self._base, origin), -BLOCK)
        self._rows = np.arange(len(origin))

    def put(self, b: int, plan: Plan) -> None:
        """Another plan takes a row."""
        self.plans[b], self._base[b] = plan, -BLOCK

    def _fill(self, b: int, step: int) -> None:
        steps = np.arange(step, step + BLOCK, dtype=np.int64)
        plan, table = self.plans[b], self.table[b]
        self._base[b] = step
        table[:, FEATURES], table[:, LOOKUPS] = over(plan, self.config, steps)
        table[:, BAR : AFTER_NEXT + 1] = places(plan, steps)
        table[:, AGO] = bars_ago(plan.metre, steps, table[:, Feature.FORM])
