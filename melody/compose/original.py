"""A task that copies nothing: its plans, and those that go on from them, are watched by the model's index of what it learned."""

from __future__ import annotations

from dataclasses import replace

from melody.bundle import Bundle
from melody.compose.task import Rows, Task
from melody.evaluation.original import read_originality
from melody.originality.watch import Original


def without_copies(task: Task, bundle: Bundle, notes: int) -> Task:
    """The task, with no run of more than so many notes of the training set. Errors: ``MelodyError`` where the model has no index."""
    return _watched(task, Original(read_originality(bundle), notes))


def _watched(task: Task, original: Original) -> Task:
    then = task.then
    if then is None:
        return replace(task, plan=replace(task.plan, original=original))

    def watched(rows: Rows) -> Task | None:
        following = then(rows)
        return None if following is None else _watched(following, original)

    return replace(task, plan=replace(task.plan, original=original), then=watched)
