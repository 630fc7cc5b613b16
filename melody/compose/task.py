"""A task: a plan on the grid, and the way back from its events to a Score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from melody.compose.steering.scene import Asked
from melody.generate.plan import NO_STOP, Plan
from melody.score import Score

Rows = NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Task:
    """A plan, and how its events (n, 6) become a Score. ``tempo``: quarter notes a minute where the new music begins.

    ``then``: makes the task that goes on from the events of this one (n, 6), which are then no music yet (``compose/passes.py``), or
    have still others to follow (``compose/rewriting.py``); None where nothing follows.
    ``asked``: what a person wrote of the outline.
    """

    plan: Plan
    finish: Callable[[Rows], Score]
    tempo: float
    then: Callable[[Rows], Task | None] | None = None
    may_be_empty: bool = False  # whether it has come to something without a note
    asked: Asked | None = None

    def endless(self) -> Plan:
        """The same plan without an end, for streaming."""
        return replace(self.plan, stop=NO_STOP, ending=NO_STOP, bars_left_known=False, max_notes=NO_STOP)

    def finished_by(self, last: Callable[[Score], Score]) -> Task:
        """The same task, whose Score (whichever pass it comes of) goes through ``last``."""
        finish, then = self.finish, self.then

        def goes_on(rows: Rows) -> Task | None:
            following = then(rows) if then is not None else None
            return None if following is None else following.finished_by(last)

        return replace(self, finish=lambda rows: last(finish(rows)), then=None if then is None else goes_on)
