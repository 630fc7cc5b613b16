"""Pieces that must not copy: which pitches would go on with a training piece for too long. Knows events, no logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import GivenColumn, PartColumn
from melody.codec.table import DRUMS, Field, Role
from melody.generate.plan import Plan
from melody.originality.watch import Watch

Ints = NDArray[np.int64]
NOTE = int(Role.NOTE)
ROLE, WAIT, PART, PITCH = (int(f) for f in (Field.ROLE, Field.WAIT, Field.PART, Field.PITCH))


def watch_of(plan: Plan, parts: Ints, events: Ints, time: Ints) -> Watch | None:
    """The watch of a row that begins: its prime and what is given are there already. None where nothing is asked."""
    if plan.original is None:
        return None
    program = parts[:, PartColumn.PROGRAM]
    mine = (events[:, ROLE] == NOTE) & (program[events[:, PART]] < DRUMS)
    notes = [*zip(time[mine].tolist(), events[mine, PITCH].tolist(), strict=True)]
    given = plan.given
    pitched = program[given.rows[:, GivenColumn.PART]] < DRUMS
    notes += zip(given.onset[pitched].tolist(), given.rows[pitched, GivenColumn.PITCH].tolist(), strict=True)
    return Watch(plan.original, notes)


def copying(watches: Sequence[Watch | None], parts: Ints, chosen: Ints, reached: Ints, pitch: Ints) -> NDArray[np.bool_]:
    """(B,): where a pitch (B,), at the step ``reached`` (B,), would make a run too long. Events (B, 6) are chosen up to their part."""
    out = np.zeros(len(watches), bool)
    for b, (step, value) in _pitched(watches, parts, chosen, reached, pitch):
        watch = watches[b]
        out[b] = watch is not None and watch.copies(step, value)
    return out


def follow(watches: Sequence[Watch | None], parts: Ints, chosen: Ints, time: Ints) -> None:
    """The events (B, 6) were chosen; ``time`` (B,) is where they stand."""
    for b, (step, value) in _pitched(watches, parts, chosen, time, chosen[:, PITCH]):
        watch = watches[b]
        if watch is not None:
            watch.add(step, value)


def _pitched(
    watches: Sequence[Watch | None], parts: Ints, chosen: Ints, reached: Ints, pitch: Ints
) -> Iterator[tuple[int, tuple[int, int]]]:
    """The rows whose event is a note of a part that is no drums, no chords and no form: step and pitch of each."""
    program = parts[np.arange(len(watches)), chosen[:, PART], PartColumn.PROGRAM]
    rows = np.flatnonzero((chosen[:, ROLE] == NOTE) & (program < DRUMS))
    return zip(rows.tolist(), zip(reached[rows].tolist(), pitch[rows].tolist(), strict=True), strict=True)
