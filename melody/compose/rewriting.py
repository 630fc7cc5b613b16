"""Holes written anew, one after the other, each given everything else: what infill and vary have in common.

A hole is a plan of the one loop, and the next one goes on from the Score that came of it. Holes that are still to be written are
nothing that a plan is given. What is kept inside a hole is pinned (``keeping.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from melody.codec import encode
from melody.codec.columns import PartColumn
from melody.codec.given import given_notes
from melody.codec.table import Field
from melody.compose.controls import key_in, scale_for, tune_conditions
from melody.compose.drawing import Drawing
from melody.compose.fitting import limits_around
from melody.compose.hole import near_bars
from melody.compose.holes import Hole
from melody.compose.keeping import SLOTS, exact, shut_before, slots
from melody.compose.known import drums_learned
from melody.compose.passes import around_hole
from melody.compose.place import Place, Rewriting, pinned_piece
from melody.compose.rewritten import rewritten
from melody.compose.steering.steered import names_of_tracks, steered
from melody.compose.task import Rows, Task
from melody.generate.limits import Limits
from melody.generate.pins import Pins, no_pins, place
from melody.generate.plan import Plan
from melody.score import Score

ALL_PARTS, ONE_PART = 1.0, 1.5  # guidance where nothing else sounds in the hole, and where other parts do


def in_turn(
    job: Rewriting, score: Score | None = None, finish: Callable[[Score], Task | None] = lambda score: None, penalty: float = 0.0
) -> Task | None:
    """The task of all holes, of the piece as it was or of what has become of it. None where there is nothing to write.

    ``finish``: of the Score that came of them, the task that goes on, if one does.
    """

    def following(score: Score, left: tuple[Hole, ...], number: int) -> Task | None:
        if not left:
            return finish(score)
        seed = (job.request.seed, number) if number else job.request.seed
        task = hole_task(job, score, left[0], left[1:], seed, penalty)
        empty = job.whole or len(job.holes) > 1
        return replace(task, then=lambda rows: following(task.finish(rows), left[1:], number + 1), may_be_empty=empty)

    return following(job.tune.score if score is None else score, job.holes, 0)


def unchanged(job: Rewriting) -> Task:
    """The task that writes nothing."""
    task = hole_task(replace(job, keep=None), job.tune.score, Hole(0, 1))
    return Task(replace(task.plan, pins=Pins(no_pins(), closed=True)), lambda rows: job.tune.score, task.tempo, may_be_empty=True)


def hole_task(
    job: Rewriting, score: Score, hole: Hole, later: Sequence[Hole] = (), seed: int | tuple[int, ...] = 0, penalty: float = 0.0
) -> Task:
    """The task of one hole of what has become of the piece so far; ``later``: those that are still to be written.

    ``penalty``: logits that notes lose which stood in the hole at first.
    """
    request, bundle = job.request, job.bundle
    at = Place.of(job, score, hole, later)
    piece, parts, every = at.tune.piece, at.tune.part_table, bool(at.free.all())
    if not every:
        parts[: len(piece.parts), PartColumn.GIVEN] = ~at.free
    given = (at.after | ~at.written) & ~at.unknown
    if not request.fitting.prime:
        given |= at.before
    # What stands before the hole is read as a tune is: from given notes alone a model hardly knows where it is (docs/log.md).
    known = encode(piece, at.before & at.written & request.fitting.prime).rows[:-1]
    reached = int(known[:, Field.WAIT].sum(dtype=np.int64))
    around = (at.before | at.after) & ~at.unknown
    near = around & near_bars(piece, at.start, at.stop)
    limits = job.usual if job.whole else limits_around(piece, around, near, request.fitting, drums_learned(bundle))
    pins = pins_of(job, at, reached, limits, penalty)
    made = Plan(
        parts=parts,
        conditions=tune_conditions(request, job.original if job.whole else at.tune, bundle.codec, dense=every),
        metre=piece.metre,
        prime=known,
        given=given_notes(piece, given),
        earliest=at.start,
        stop=at.stop,
        ending=at.ending,
        declare=(0, 0),
        every_bar=every and at.tune.plays_in_every_bar(),
        scale=scale_for(request, at.tune, near) if not job.whole else job.scale,
        limits=limits,
        pins=pins,
        seed=seed,
        sampling=Drawing(bundle, request.style, request.sampling).of("notes").guided(ALL_PARTS if every else ONE_PART),
    )

    def finish(rows: Rows) -> Score:
        return rewritten(job, at, rows, reached)

    task = Task(made, finish, 60e6 / float(score.tempi["mspq"][0]))
    names = names_of_tracks(made, [at.tune.score.tracks[i].name for i in at.tune.tracks])
    task = steered(request, task, piece, key_in(request, at.tune), at.tune.ticks, names, whole=every)
    chords = job.original.piece if job.whole or job.keep == "roots" else None
    return around_hole(task, piece, (around | ~at.written) & ~at.unknown, chords) if request.passes else task


def pins_of(job: Rewriting, at: Place, reached: int, limits: Limits, penalty: float) -> Pins | None:
    """What is kept inside a hole; None where nothing is, and nothing is avoided."""
    if job.keep is None and not penalty:
        return None
    avoided: dict[int, tuple[int, ...]] = {}
    if penalty:
        first = job.original.piece
        mine = first.notes[(first.notes["onset"] >= at.start) & (first.notes["onset"] < at.stop)]
        values = first.tokens[(first.notes["onset"] >= at.start) & (first.notes["onset"] < at.stop)]
        for onset, part, value in zip(mine["onset"].tolist(), mine["part"].tolist(), values.tolist(), strict=True):
            avoided[place(onset, part)] = (*avoided.get(place(onset, part), ()), value)
    piece, which = pinned_piece(job, at, reached)
    if job.keep in SLOTS:
        around = ~at.inside
        pins, held = slots(piece, which, around, limits, job.keep == "contour")
        return Pins(pins, closed=True, held=held, avoided=avoided, penalty=penalty)
    notes = exact(piece, which)
    shut = shut_before(at.tune, exact(at.tune.piece, np.flatnonzero(at.pinned))) if job.keep == "first-notes" else Pins(notes).shut
    lone = frozenset() if limits.voices is None else frozenset(np.flatnonzero(limits.voices == 1).tolist())
    return Pins(notes, shut=shut, lone=lone, floors=floors(at) if job.keep == "roots" else {}, avoided=avoided, penalty=penalty)


def floors(at: Place) -> dict[int, int]:
    """By step, the pitch of the root there, above which everything else stays."""
    notes = at.tune.piece.notes
    mine = at.pinned & ~at.before & ~at.after
    return dict(zip(notes["onset"][mine].tolist(), notes["pitch"][mine].tolist(), strict=True))
