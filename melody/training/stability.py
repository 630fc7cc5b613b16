"""Stability of a run: updates that are not finite or explode are skipped; after several in a row the run rolls back.

Four numbers and their rules, part of the saved run. What the run rolls back to is a copy of its ``RunState`` in memory
(training/loop.py makes one every ``COPY_EVERY`` updates): no file is needed, and the processes of one run roll back together
without a message, since all of them see the same loss and norm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

COPY_EVERY = 200  # updates between copies: a copy costs less than a tenth of an update
EXPLODED = 4.0  # times the smoothed loss per event: a loss beyond it counts as exploded
LOSS_FLOOR = 2.0  # nats per event: a network that is nearly sure may err by EXPLODED times this without alarm
MAX_ROLLBACKS = 3  # after which a run gives up
ROLLBACK_LR_SCALE = 0.5  # what a rollback does to the learning rate


@dataclass
class Stability:
    """Counts bad updates. A value: copied, saved and compared like any other.

    >>> stability = Stability()
    >>> [stability.is_bad(loss, norm=1.0) for loss in (3.0, 3.1, 50.0, float("nan"), 3.0)]
    [False, False, True, True, False]
    """

    loss: float = math.nan  # smoothed, nats per event; nan before the first update
    streak: int = 0  # bad updates in a row
    rollbacks: int = 0
    lr_scale: float = 1.0  # factor of the learning rate, 0..1; each rollback lowers it

    def is_bad(self, loss: float, norm: float) -> bool:
        """Whether an update with this loss (nats per event) and this gradient norm should be skipped. Counts it."""
        exploded = loss > EXPLODED * max(self.loss, LOSS_FLOOR)  # False while there is no smoothed loss
        if exploded or not (math.isfinite(loss) and math.isfinite(norm)):
            self.streak += 1
            return True
        self.loss = loss if math.isnan(self.loss) else 0.98 * self.loss + 0.02 * loss
        self.streak = 0
        return False

    @property
    def exhausted(self) -> bool:
        """Whether the run has rolled back so often that it should give up."""
        return self.rollbacks >= MAX_ROLLBACKS

    def rollback(self, loss: float) -> None:
        """Count a rollback to a state whose smoothed loss was ``loss``; the run goes on at a lower rate."""
        self.loss, self.streak = loss, 0
        self.rollbacks += 1
        self.lr_scale *= ROLLBACK_LR_SCALE

    def check(self) -> None:
        """Raises ValueError for numbers that no run can have (they may come from a file)."""
        if min(self.streak, self.rollbacks) < 0 or not 0 < self.lr_scale <= 1:
            raise ValueError("a learning rate or counts of bad updates that make no sense")
