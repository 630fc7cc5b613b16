"""A piece in passes: the task of the notes becomes the task of its form, after which come the chords, then the notes themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from melody.codec import Piece
from melody.codec.outline import Outline, nothing_known, outline_of
from melody.compose.drawing import Drawing
from melody.compose.task import Rows, Task
from melody.errors import MelodyError
from melody.generate.passes import chord_plan, chords_written, form_plan, form_written
from melody.score import Score


def in_passes(task: Task, drawing: Drawing, piece: Piece) -> Task:
    """The task that writes form and chords first, and then the notes. As it is where the model knows no outlines.

    ``piece``: what there is before anything is written, a tune or nothing but meters; its outline is gone on with.
    """
    if not drawing.bundle.codec.outlined:
        return task
    known = outline_of(piece)
    form = form_plan(task.plan, piece, known, drawing.of("form"))

    def after_form(rows: Rows) -> Task:
        outline = form_written(form, rows)
        if task.asked is not None:
            outline = task.asked.with_form(outline, task.plan.metre)
        return _with_chords(task, drawing, piece, known, outline)

    return Task(form, _unfinished, task.tempo, after_form)


def in_passes_over(task: Task, drawing: Drawing, piece: Piece) -> Task:
    """The task that writes chords to a tune, and then what goes with both. How full the bars will be is not known."""
    if not drawing.bundle.codec.outlined:
        return task
    outline = outline_of(piece).without(chords=True, texture=True)
    return _with_chords(task, drawing, piece, nothing_known(), outline)


def around_hole(task: Task, piece: Piece, kept: NDArray[np.bool_], whole: Piece | None = None) -> Task:
    """The task of a hole with the outline of what stays, (n,) of the notes of the piece; inside it nothing is known.

    ``whole``: a piece whose form and chords are to come back: its outline is known all over.
    """
    if not piece.config.outlined or not (kept.any() or whole is not None):
        return task
    plan = task.plan
    if whole is not None:
        return replace(task, plan=replace(plan, outline=outline_of(whole)))
    lines = plan.metre.bar(np.array([plan.earliest, max(plan.earliest, plan.stop - 1)]))[0]
    start, stop = plan.metre.starts(lines + np.array([0, 1])).tolist()
    outline = outline_of(replace(piece, notes=piece.notes[kept])).without_between(plan.metre, start, stop)
    outline = outline if task.asked is None else task.asked.with_chords(outline)
    return replace(task, plan=replace(plan, outline=outline))


def _with_chords(task: Task, drawing: Drawing, piece: Piece, known: Outline, outline: Outline) -> Task:
    """The task that writes chords for a form that is there, and then the notes. Chords that a person wrote are taken as they are."""
    if task.asked is not None and len(task.asked.onset):
        before = outline.with_chords(*known.before(task.asked.start))
        return replace(task, plan=replace(task.plan, outline=task.asked.with_chords(before)))
    chords = chord_plan(task.plan, piece, known, outline, drawing.of("chords"))
    if chords is None:
        return replace(task, plan=replace(task.plan, outline=outline))

    def after_chords(rows: Rows) -> Task:
        return replace(task, plan=replace(task.plan, outline=chords_written(chords, rows, outline)))

    return Task(chords, _unfinished, task.tempo, after_chords)


def _unfinished(rows: Rows) -> Score:
    """What stands for a piece that is interrupted before its first note."""
    raise MelodyError("ended before the first note was written; there is nothing to keep")
