"""Keeping a run steady: updates that are not numbers or explode are skipped; after some in a row the run goes back.

"Back" is a copy of weights, averages and moments in memory, some hundred updates old at most: no file is needed for it,
and the processes of one run go back together without a word.
"""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any

import torch

from melody.errors import MelodyError
from melody.files import shown

if TYPE_CHECKING:
    from melody.training.loop import Trainer

EVERY = 200  # updates between copies: a copy costs less than a tenth of an update
EXPLODED = 4.0  # so many times the smoothed loss an event
FLOOR = 2.0  # nats an event: a network that is nearly sure may err by this much without alarm
MOST = 3  # times that a run goes back before it gives up
SLOWER = 0.5  # what going back does to the learning rate


class Guard:
    """Counts bad updates; the four numbers are part of the saved run."""

    def __init__(self) -> None:
        self.level = math.nan  # smoothed loss, nats an event
        self.streak = 0  # bad updates in a row
        self.returns = 0  # times that the run went back
        self.lowered = 1.0  # factor of the learning rate
        self._copy: dict[str, Any] = {}

    def bad(self, loss: float, norm: float) -> bool:
        """Whether an update with this loss (nats an event) and this gradient norm should be skipped. Counts it."""
        exploded = loss > EXPLODED * max(self.level, FLOOR)  # False while there is no level
        if exploded or not (math.isfinite(loss) and math.isfinite(norm)):
            self.streak += 1
            return True
        self.level = loss if math.isnan(self.level) else 0.98 * self.level + 0.02 * loss
        self.streak = 0
        return False

    def remember(self, run: Trainer) -> None:
        """Copy what ``back`` returns to."""
        own = {"model": run.model.state_dict(), "average": run.average, "optimiser": run.optimiser.state_dict()["state"]}
        self._copy = {**copy.deepcopy(own), "step": run.step, "level": self.level}

    def back(self, run: Trainer) -> str:
        """Put the run back to the last copy, at a lower rate, and say so; the data go on. Raises MelodyError after some times."""
        if self.returns >= MOST:
            t = run.recipe.train
            raise MelodyError(
                f"{shown(run.folder)}: stopped at step {run.step}: {self.streak} updates in a row were not numbers or exploded, "
                f"after going back {MOST} times; lower rate (now {t.rate:g}) or clip (now {t.clip:g}) in the recipe, or try precision fp32"
            )
        told = f"{self.streak} bad updates in a row: back to the weights of step {self._copy['step']}, at {SLOWER:g} of the learning rate"
        with torch.no_grad():
            run.model.load_state_dict(self._copy["model"])
            for name, value in self._copy["average"].items():
                run.average[name].copy_(value)
        groups = run.optimiser.state_dict()["param_groups"]
        run.optimiser.load_state_dict({"state": copy.deepcopy(self._copy["optimiser"]), "param_groups": groups})
        run.state = run.model.blank_state(run.stream.batch)
        self.level, self.streak = self._copy["level"], 0
        self.returns += 1
        self.lowered *= SLOWER
        return told
