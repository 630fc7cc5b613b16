"""Constraints: small named functions that say which values a field may take, composed by ``legal``.

Each takes a View (where every row stands) and the fields chosen so far, and narrows a (B, V) mask in place. The first
one is the grammar; the others are what a user asked for. None of them knows the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.grammar import bounds
from melody.codec.table import MAX_PARTS
from melody.codec.table import Field as FieldNames
from melody.codec.table import Role as RoleNames
from melody.generate.plan import NO_STOP, Plan

Mask = NDArray[np.bool_]
Rows = NDArray[np.int64]


class Role:
    """Roles as plain numbers: looking up a member of an IntEnum takes longer than the comparison it is for."""

    PART, NOTE, REST, END = (int(r) for r in RoleNames)


class Field:
    """Fields as plain numbers."""

    ROLE, WAIT, PART, PITCH, DURATION, VELOCITY = (int(f) for f in FieldNames)


class Settings:
    """What the plans of a batch say, as arrays (B,)."""

    NAMES = ("stop", "earliest", "ending", "most_notes", "patience", "least", "most")

    def __init__(self, plans: Sequence[Plan]) -> None:
        values = [(p.stop, p.earliest, p.ending, p.most_notes, p.patience, *p.declare) for p in plans]
        columns = np.array(values, np.int64).reshape(-1, len(self.NAMES)).T
        self.stop, self.earliest, self.ending, self.most_notes, self.patience, self.least, self.most = columns


ARANGE = np.arange(1 << 15)  # longer than any field


@dataclass(eq=False)
class View:
    """Where the rows of a batch stand; arrays (B,) unless said."""

    config: CodecConfig
    plans: list[Plan]
    wanted: Settings
    before: Rows  # (B, 6): the last event of each row
    time: Rows  # step reached
    deadline: Rows  # step before which the next note must start
    notes: Rows  # notes sampled so far
    allowed: Mask  # (B, 16): parts that may play
    sampled_parts: Rows  # parts declared so far by the model
    heard: Rows  # (B, 16): step at which each part has last played
    echo: Rows  # pitch that would make this bar the same as the one before once more; -1: none
    last_part: Rows  # the highest part that may play, 0 if there is none yet
    playable: Mask  # whether any part may play

    def allow(self, allowed: Mask) -> None:
        """Other parts may play from now on."""
        self.allowed = allowed
        self.last_part = np.where(allowed, np.arange(MAX_PARTS), 0).max(-1)
        self.playable = np.asarray(allowed.any(-1))


def legal(view: View, field: FieldNames, chosen: Rows) -> Mask:
    """(B, V): the values that ``field`` may take. Never empty in a row: what SHOULD be gives way to what MUST, that to the grammar."""
    low, high = bounds(view.config, np, field, view.before, chosen, view.last_part)
    values = ARANGE[: view.config.sizes[field]]
    grammar: Mask = (values >= low[:, None]) & (values <= high[:, None])
    for rules in (MUST, SHOULD):
        narrowing = rules.get(field)
        if narrowing is None:
            continue
        mask = grammar.copy()
        for narrow in narrowing:
            narrow(view, chosen, mask)
        some = np.asarray(mask.any(-1))
        grammar = mask if some.all() else np.where(some[:, None], mask, grammar)
    return grammar


def declarations(view: View, chosen: Rows, mask: Mask) -> None:
    """As many parts as the plan wants, and at least one that may play before anything else happens."""
    least, most = view.wanted.least, view.wanted.most
    declaring = (view.before[:, Field.ROLE] == Role.PART) | (view.before[:, Field.ROLE] == Role.END)
    mask[:, Role.PART] &= declaring & (view.sampled_parts < most)
    need = declaring & ((view.sampled_parts < least) | ~view.playable) & mask[:, Role.PART]
    mask[need, Role.NOTE :] = False


def span(view: View, chosen: Rows, mask: Mask) -> None:
    """Notes in [earliest, stop); a rest only where a note may follow it; no end too soon, none before the first note.

    Where the piece may end, time may also pass beyond ``stop``: who waits for the bar after the last one has come to the end
    (``ended``). Were that forbidden, the notes meant for the next bar would be squeezed in before the last bar line.
    """
    rest, stop, earliest = view.config.rest, view.wanted.stop, view.wanted.earliest
    may_end, full = _may_end(view), _full(view)
    lowest_wait = np.maximum(_least_wait(view), earliest - view.time)
    mask[:, Role.NOTE] &= (view.time + lowest_wait < stop) & (lowest_wait < rest) & view.playable
    mask[:, Role.REST] &= ((view.time + rest < stop) | may_end) & view.playable
    can_go_on = mask[:, Role.NOTE] | mask[:, Role.REST] | mask[:, Role.PART]
    mask[:, Role.END] &= may_end | ~can_go_on
    mask[full & mask[:, Role.END], : Role.END] = False


def waits_in_span(view: View, chosen: Rows, mask: Mask) -> None:
    """The wait of a note leads into [earliest, stop), or to the end (see ``span``)."""
    note = chosen[:, Field.ROLE] == Role.NOTE
    reached = view.time[:, None] + ARANGE[: mask.shape[1]]
    inside = (reached >= view.wanted.earliest[:, None]) & ((reached < view.wanted.stop[:, None]) | _may_end(view)[:, None])
    mask &= inside | ~note[:, None]


def ended(view: View, chosen: Rows) -> Mask:
    """(B,): whether the role and wait that were chosen lead past ``stop``."""
    moves = (chosen[:, Field.ROLE] == Role.NOTE) | (chosen[:, Field.ROLE] == Role.REST)
    past: Mask = moves & (view.time + chosen[:, Field.WAIT] >= view.wanted.stop)
    return past


def _may_end(view: View) -> Mask:
    """Where an end is neither too soon nor against the grammar."""
    role = view.before[:, Field.ROLE]
    enough = (view.time >= view.wanted.ending) & (view.notes > 0) | _full(view)
    may: Mask = enough & ((role == Role.NOTE) | (role == Role.PART))
    return may


def _full(view: View) -> Mask:
    full: Mask = view.notes >= view.wanted.most_notes
    return full


def no_empty_bar(view: View, chosen: Rows, mask: Mask) -> None:
    """No rest and no wait past the step before which the next note must start."""
    if mask.shape[1] == len(RoleNames):
        mask[:, Role.REST] &= view.time + view.config.rest < view.deadline
        return
    note = chosen[:, Field.ROLE] == Role.NOTE
    mask &= (view.time[:, None] + ARANGE[: mask.shape[1]] < view.deadline[:, None]) | ~note[:, None]


def playing_parts(view: View, chosen: Rows, mask: Mask) -> None:
    """Notes only for parts that are declared and not given."""
    note = chosen[:, Field.ROLE] == Role.NOTE
    mask &= view.allowed | ~note[:, None]


def no_forgotten_voice(view: View, chosen: Rows, mask: Mask) -> None:
    """The voice that has been silent longest, once that is longer than the plan allows."""
    if not (view.wanted.patience < NO_STOP).any():
        return
    reached = view.time + chosen[:, Field.WAIT]
    silent = np.where(view.allowed, reached[:, None] - view.heard, 0)
    forgotten = (chosen[:, Field.ROLE] == Role.NOTE) & (silent.max(-1) >= view.wanted.patience)
    mask &= ~forgotten[:, None] | (np.arange(mask.shape[1]) == silent.argmax(-1)[:, None])


def no_echo(view: View, chosen: Rows, mask: Mask) -> None:
    """Not the pitch that would repeat a bar once too often."""
    if (view.echo < 0).all():
        return
    rows = np.flatnonzero((view.echo >= 0) & (chosen[:, Field.ROLE] == Role.NOTE))
    mask[rows, view.echo[rows]] = False


def _least_wait(view: View) -> Rows:
    """1 where no further note fits at this instant (grammar), else 0."""
    before = view.before
    full = (before[:, Field.ROLE] == Role.NOTE) & (before[:, Field.PITCH] == 127) & (before[:, Field.PART] >= view.last_part)
    least: Rows = full.astype(np.int64)
    return least


MUST = {Field.ROLE: (declarations, span), Field.WAIT: (waits_in_span,), Field.PART: (playing_parts,)}
SHOULD = {Field.ROLE: (no_empty_bar,), Field.WAIT: (no_empty_bar,), Field.PART: (no_forgotten_voice,), Field.PITCH: (no_echo,)}
