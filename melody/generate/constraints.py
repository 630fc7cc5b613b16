"""Constraints: what a plan allows beyond the grammar. Knows events and plans, no logits.

A rule works on the columns of a table of whole numbers, one row for each piece of a batch; for one piece alone these are plain numbers
(``Plain``), for which the same rules take a tenth of the time. Sets of roles and of parts are whole numbers too, a bit for each.

Rules come in two ranks: what SHOULD be gives way to what MUST be, and that to the grammar, so that something is always legal.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.codec.grammar import LAST_PROGRAM, Plain, interval
from melody.codec.table import MAX_PARTS, CodecConfig, Field, Role
from melody.generate.plan import Plan

PART, NOTE, REST, END = (int(r) for r in Role)  # plain numbers: a member of an IntEnum takes longer to look up than to compare
ROLE_FIELD, WAIT_FIELD, PART_FIELD, PITCH_FIELD = (Field(i) for i in range(4))
P, N, R, E = (1 << r for r in (PART, NOTE, REST, END))  # sets of roles, a bit for each
ALL = P | N | R | E
EVERY_PART = (1 << MAX_PARTS) - 1
Number = Any  # an array (B,), or a plain number
Kind = ModuleType | type[Plain]  # where the functions for such numbers are


class View(NamedTuple):
    """Where rows stand, and what their plans say."""

    role: Number  # of the event before
    wait: Number
    part: Number
    pitch: Number
    duration: Number
    velocity: Number
    time: Number  # step reached
    deadline: Number  # step before which the next note must start
    notes: Number  # sampled so far
    allowed: Number  # parts that may play, a bit for each
    last_part: Number  # the highest part that may play, 0 if there is none yet
    declared: Number  # parts declared so far by the model
    stop: Number  # from here on: as in Plan
    earliest: Number
    ending: Number
    max_notes: Number
    max_silence: Number
    min_parts: Number  # that the model declares
    max_parts: Number
    soonest: Number  # steps that have to pass before a part that may play has a voice free


TIME, DEADLINE, NOTES, ALLOWED, LAST_PART, DECLARED = range(6, 12)  # columns, after those of the event before
SOONEST = len(View._fields) - 1


def first_row(plan: Plan, before: NDArray[np.int64], time: int, deadline: int, allowed: NDArray[np.bool_]) -> list[int]:
    """The row of a View for a piece that has only read its forced events: the last one, and the step after it."""
    bits, last = bits_of(allowed)
    wanted = (plan.stop, plan.earliest, plan.ending, plan.max_notes, plan.max_silence, *plan.declare)
    return [*before.tolist(), time, deadline, 0, bits, last, 0, *wanted, 0]


def bits_of(allowed: NDArray[np.bool_]) -> tuple[int, int]:
    """(16,) -> the same as bits, and the highest part."""
    parts = np.flatnonzero(allowed).tolist()
    return sum(1 << p for p in parts), max(parts, default=0)


def roles(xp: Kind, config: CodecConfig, v: View) -> Number:
    """The roles that may come, as bits."""
    where, rest = xp.where, config.rest
    was = (v.role, v.part, v.pitch)
    low, high = interval(config, xp, ROLE_FIELD, was, (), v.last_part)
    grammar = (2 << high) - (1 << low)
    playable = v.allowed != 0
    # as many parts as the plan wants, and at least one that may play before anything else happens
    declaring = (v.role == PART) | (v.role == END)
    legal = grammar & where(declaring & (v.declared < v.max_parts), ALL, ALL - P)
    need = declaring & ((v.declared < v.min_parts) | (v.allowed == 0)) & ((legal & P) != 0)
    legal = where(need, P, legal)
    # Notes in [earliest, stop); a rest only where a note may follow it; no end too soon, none before the first note.
    # Where the piece may end, time may also pass beyond ``stop``: who waits for the bar after the last one has come to the end
    # (``ended``). Were that forbidden, the notes meant for the next bar would be squeezed in before the last bar line.
    full = v.notes >= v.max_notes
    may_end = _may_end(v)
    wait = xp.maximum(interval(config, xp, WAIT_FIELD, was, (NOTE,), v.last_part)[0], v.earliest - v.time)
    # A voice that is busy until shortly before the longest wait of a note is waited for by a rest: so there are places to choose from.
    wait = xp.maximum(wait, where(v.soonest > rest - rest // 4, rest, v.soonest))
    notes = (v.time + wait < v.stop) & (wait < rest) & playable
    rests = ((v.time + xp.maximum(rest, v.soonest) < v.stop) | may_end) & playable
    legal = legal & where(notes, ALL, ALL - N) & where(rests, ALL, ALL - R)
    legal = legal & where(may_end | ((legal & (ALL - E)) == 0), ALL, ALL - E)
    legal = where(full & ((legal & E) != 0), E, legal)
    legal = where(legal == 0, grammar, legal)
    return _preferred(xp, legal & where(v.time + rest < v.deadline, ALL, ALL - R), legal)  # no rest beyond the deadline


def waits(xp: Kind, config: CodecConfig, v: View, role: Number) -> tuple[Number, Number]:
    """Interval of waits: a note's leads into [earliest, stop), or to the end (see ``roles``), and should not pass the deadline."""
    where, note = xp.where, role == NOTE
    low, high = interval(config, xp, WAIT_FIELD, (v.role, v.part, v.pitch), (role,), v.last_part)
    first = where(note, xp.maximum(low, v.earliest - v.time), low)
    last = where(note & xp.logical_not(_may_end(v)), xp.minimum(high, v.stop - 1 - v.time), high)
    free = where(note, xp.maximum(first, v.soonest), first)
    first = where(free <= last, free, first)
    fits = first <= last
    low, high = where(fits, first, low), where(fits, last, high)
    # Where all voices are busy until shortly before the deadline a beat is left to choose from: not its last step, off the grid.
    held = where(v.soonest > 0, v.soonest + config.rest // 4, 0)
    soon = where(note, xp.minimum(high, xp.maximum(v.deadline - 1 - v.time, held)), high)
    return low, where(soon >= low, soon, high)


def ended(v: View, role: Number, wait: Number) -> Number:
    """Whether a role and a wait lead past ``stop``."""
    return ((role == NOTE) | (role == REST)) & (v.time + wait >= v.stop)


def parts(xp: Kind, config: CodecConfig, v: View, role: Number, wait: Number, forgotten: Number, free: Number = EVERY_PART) -> Number:
    """The parts that may come, as bits: for notes those that are declared and not given, or the one that is ``forgotten`` (0: none is).

    ``free``: the parts that have a voice free.
    """
    low, high = interval(config, xp, PART_FIELD, (v.role, v.part, v.pitch), (role, wait), v.last_part)
    grammar = (2 << high) - (1 << low)
    note = role == NOTE
    legal = _preferred(xp, grammar & xp.where(note, v.allowed, EVERY_PART), grammar)
    legal = _preferred(xp, legal & xp.where(note, free, EVERY_PART), legal)
    return _preferred(xp, legal & xp.where(note & (forgotten != 0), forgotten, EVERY_PART), legal)


def pitches(xp: Kind, config: CodecConfig, v: View, role: Number, wait: Number, part: Number, kind: Number) -> tuple[Number, Number]:
    """Interval of pitches (and programs); ``kind``: what the part plays. The parts of an outline are declared by plans alone."""
    low, high = interval(config, xp, PITCH_FIELD, (v.role, v.part, v.pitch), (role, wait, part), v.last_part, kind)
    return low, xp.where(role == PART, LAST_PROGRAM, high)


def others(xp: Kind, config: CodecConfig, v: View, field: Field, role: Number, kind: Number) -> tuple[Number, Number]:
    """Interval of durations and velocities."""
    return interval(config, xp, field, (v.role, v.part, v.pitch), (role,), v.last_part, kind)


def narrowed(xp: Kind, note: Number, span: tuple[Number, Number], low: Number, high: Number) -> tuple[Number, Number]:
    """An interval of a note's values between the limits of its part, where something is left of it then."""
    first, last = xp.maximum(span[0], low), xp.minimum(span[1], high)
    fits = note & (first <= last)
    return xp.where(fits, first, span[0]), xp.where(fits, last, span[1])


def forgotten_voices(v: View, last_onset: NDArray[np.int64], reached: NDArray[np.int64]) -> NDArray[np.int64]:
    """(B,): the voice that has been silent longest, as a bit, once that is longer than the plan allows; 0: none.

    last_onset (B, 16): step at which each part has last played.
    """
    allowed = (np.asarray(v.allowed).reshape(-1, 1) >> np.arange(MAX_PARTS)) & 1
    silent = (reached[:, None] - last_onset) * allowed
    forgotten: NDArray[np.int64] = np.where(silent.max(-1) >= v.max_silence, 1 << silent.argmax(-1), 0)
    return forgotten


def _may_end(v: View) -> Number:
    """Where an end is neither too soon nor against the grammar."""
    enough = ((v.time >= v.ending) & (v.notes > 0)) | (v.notes >= v.max_notes)
    return enough & ((v.role == NOTE) | (v.role == PART))


def _preferred(xp: Kind, narrower: Number, legal: Number) -> Number:
    """A narrower set where it is not empty."""
    return xp.where(narrower == 0, legal, narrower)
