"""Random legal pieces, drawn from the grammar's own intervals, many at once: no engine, no plan.

For tests, and where two engines are compared on music that neither of them would write.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.grammar import bounds
from melody.codec.table import MAX_PARTS, Field, Role, declared_program, kind_of

Rows = NDArray[np.int16]
Places = Callable[[np.random.Generator, Field, Rows], NDArray[np.float64]]
END_ROW = np.array([Role.END, 0, 0, 0, 0, 0], np.int16)
END_SHARE = 0.03  # of the events that end a piece


def mostly_notes(rng: np.random.Generator, field: Field, before: Rows) -> NDArray[np.float64]:
    """Places anywhere, low ones somewhat more often; an END only now and then."""
    places = rng.random(len(before)) ** rng.choice((1, 1, 4), len(before))
    return np.where(rng.random(len(before)) < END_SHARE, 1.0, places * 0.6) if field is Field.ROLE else places


def random_pieces(config: CodecConfig, rng: np.random.Generator, count: int, steps: int, places: Places = mostly_notes) -> list[Rows]:
    """Legal pieces, each (n, 6) from its first declaration to its END.

    count    how many are written side by side; each begins another piece where it has ended one
    steps    events of each; what is unfinished after them is given an END
    places   of (rng, field, the events before (count, 6)): where in its legal interval each value is taken, (count,) from 0, the
             lowest, to 1, the highest
    """
    before, last_part = np.tile(END_ROW, (count, 1)), np.zeros(count, np.int64)
    kinds, every = np.zeros((count, MAX_PARTS), np.int64), np.arange(count)
    written = np.zeros((steps, count, len(Field)), np.int16)
    for step in range(steps):
        event = np.zeros((count, len(Field)), np.int16)
        for field in Field:
            kind = kinds[every, event[:, Field.PART]]
            low, high = (np.broadcast_to(b, count) for b in bounds(config, np, field, before, event, last_part, kind))
            assert (low <= high).all(), f"nothing is legal for {field.name} after {before[low > high][0]}"
            event[:, field] = low + np.floor(places(rng, field, before) * (high - low + 1)).clip(0, high - low)
        role = event[:, Field.ROLE]
        declares = np.flatnonzero(role == Role.PART)
        kinds[declares, event[declares, Field.PART]] = kind_of(config, declared_program(event[declares, Field.PITCH].astype(np.int64)))
        last_part = np.where(role == Role.PART, event[:, Field.PART], np.where(role == Role.END, 0, last_part))
        before = written[step] = event
    return [piece for column in range(count) for piece in _pieces(written[:, column])]


def _pieces(rows: Rows) -> list[Rows]:
    """Cut behind every END; the last piece is closed, without rests at its end, which no END may follow."""
    *whole, rest = np.split(rows, np.flatnonzero(rows[:, Field.ROLE] == Role.END) + 1)
    while len(rest) and rest[-1, Field.ROLE] == Role.REST:
        rest = rest[:-1]
    return [*whole, np.concatenate([rest, END_ROW[None]])] if len(rest) else whole
