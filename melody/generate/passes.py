"""Passes: a plan whose form and chords are written before its notes, each by a run of the same network.

The plan of a pass is made of the plan of the notes: the same bars, the same conditions, and one part of its own to write. What was written
comes back as an ``Outline``, which the next pass reads as features. Knows events and plans; who runs them one after the other is
``compose/passes.py``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import PartColumn
from melody.codec.decode import decode_piece
from melody.codec.encode import PART, Piece, encode
from melody.codec.given import no_given, no_parts
from melody.codec.metre import Metre
from melody.codec.outline import Outline, chord_piece, form_piece, read_chords, read_form
from melody.codec.table import CHORDS, FORM, MAX_PARTS, UNDECLARED, Field, Role
from melody.generate.limits import NEVER, Limits
from melody.generate.plan import Plan
from melody.generate.sampling import Sampling
from melody.score import table

Rows = NDArray[np.int16]
FORM_SEED, CHORD_SEED = 11, 12


def bars_of(plan: Plan) -> int:
    """Bars from the beginning of a piece to the end of its plan."""
    return int(plan.metre.bar(np.array([max(0, plan.stop - 1)]))[0][0]) + 1


def known_bars(plan: Plan, known: Outline) -> int:
    """Bars of an outline that stand before the first bar that is written from its beginning on."""
    bar, position, _ = (int(a[0]) for a in plan.metre.bar(np.array([plan.earliest])))
    return min(bar + (position > 0), len(known.form))


def form_plan(plan: Plan, piece: Piece, known: Outline, sampling: Sampling) -> Plan:
    """The plan of the form. ``piece``: what there is so far, ``known`` its outline."""
    bars = known_bars(plan, known)
    some = Outline(*known.before(plan.metre.bar_start(bars)), known.form[:bars], known.texture[:bars], known.loudness[:bars])
    prime = encode(form_piece(piece, some)).rows[:-1]
    made = _plan(plan, no_parts(), FORM, prime, plan.metre.bar_start(bars), 1, sampling, FORM_SEED)
    return replace(made, max_notes=max(1, bars_of(plan) - bars))


def form_written(plan: Plan, rows: Rows) -> Outline:
    """What a run of ``form_plan`` has written, with the bars before."""
    config = plan.metre.config
    return read_form(plan.metre, decode_piece(np.concatenate([plan.prime, rows]), config).notes, bars_of(plan))


def chord_plan(plan: Plan, piece: Piece, known: Outline, outline: Outline, sampling: Sampling) -> Plan | None:
    """The plan of the chords of an outline, given what the notes are given. None where there is no part left for them."""
    held = plan.parts[(plan.parts[:, PartColumn.PROGRAM] != UNDECLARED) & (plan.parts[:, PartColumn.GIVEN] == 1)]
    if len(held) == MAX_PARTS:
        return None
    parts = no_parts()
    parts[: len(held)] = held
    line = plan.metre.bar_start(known_bars(plan, known))
    some = outline.with_chords(*known.before(line))
    mine = replace(piece, notes=piece.notes[:0], parts=table(PART, held[:, PartColumn.PROGRAM], held[:, PartColumn.LEAD]))
    prime = encode(chord_piece(mine, some, len(held))[0]).rows[:-1]
    halves = 2 if _halves(plan.metre) else 1
    given = plan.given if len(held) else no_given()
    made = _plan(replace(plan, given=given), parts, CHORDS, prime, line, halves, sampling, CHORD_SEED)
    return replace(made, outline=outline)


def chords_written(plan: Plan, rows: Rows, outline: Outline) -> Outline:
    """``outline`` with what a run of ``chord_plan`` has written."""
    return read_chords(decode_piece(np.concatenate([plan.prime, rows]), plan.metre.config), outline)


def _plan(plan: Plan, parts: Rows, program: int, prime: Rows, earliest: int, per_bar: int, sampling: Sampling, seed: int) -> Plan:
    """A plan for one part of an outline, declared last in ``prime``."""
    number = int(prime[prime[:, Field.ROLE] == Role.PART, Field.PART].max())
    parts = parts.copy()
    parts[number] = (program, 0, 0)
    seeds = plan.seed if isinstance(plan.seed, tuple) else (plan.seed,)
    return replace(
        plan,
        parts=parts,
        prime=prime,
        outline=None,
        start=0,
        given=plan.given if number else no_given(),
        earliest=earliest,
        declare=(0, 0),
        every_bar=True,
        every_line=True,
        max_silence=Plan.max_silence,
        scale=None,
        limits=_on_lines(plan.metre, per_bar),
        seed=(*seeds, seed),
        sampling=sampling,
    )


def _on_lines(metre: Metre, per_bar: int) -> Limits | None:
    """Limits that keep notes to bar lines, or to the middles of bars too; none where the meter changes, so that places shift."""
    if len(metre.start) > 1:
        return None
    length = metre.bar_length(0)
    weights = np.full(length, NEVER, np.float32)
    weights[:: length // per_bar] = 0
    return Limits(onsets=weights, every=length // per_bar)


def _halves(metre: Metre) -> bool:
    """Whether a bar has a middle beat."""
    return int(metre.length[0]) % (2 * int(metre.beat[0])) == 0
