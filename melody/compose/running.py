"""What is being composed, and what came of it: also where something ends the work early."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import Field, Role
from melody.compose.task import Task
from melody.errors import MelodyError
from melody.generate.plan import Plan
from melody.score import Score

Result = Score | MelodyError  # what came of a request


@dataclass
class Running:
    """What is being composed: hand it to ``Composer.each`` to have the music so far where something ends the work early."""

    tasks: dict[int, tuple[int, Task]] = field(default_factory=dict)  # by number of the plan: place of its request, and its task
    events: dict[int, list[NDArray[np.int64]]] = field(default_factory=dict)  # by number of the plan

    def follow(self, number: int, rows: NDArray[np.int64]) -> Plan | None:
        """The plan of the next pass, where the events (n, 6) of a plan were not the last one."""
        place, task = self.tasks[number]
        if task.then is None:
            return None
        following = task.then(rows.astype(np.int16))
        if following is None:
            return None
        self.tasks[number] = place, following
        return following.plan

    def so_far(self) -> dict[int, Score]:
        """By the place of its request, each unfinished piece that has a note; the piece ends where the work did."""
        found = {}
        for number, (place, task) in self.tasks.items():
            score = finished(task, np.array(self.events.get(number) or np.zeros((0, len(Field)), np.int64)))
            if isinstance(score, Score):
                found[place] = score
        return found


def finished(task: Task, rows: NDArray[np.int64]) -> Result:
    """The Score of sampled events (n, 6), or why there is none."""
    if not task.may_be_empty and not (rows[:, Field.ROLE] == Role.NOTE).any():
        return MelodyError("the model wrote no note for this request; try another seed or a longer span")
    try:
        return task.finish(rows.astype(np.int16))
    except MelodyError as fault:
        return fault
