"""One event of every row of a batch: its fields are chosen in order, and each choice is embedded for the heads of those after it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic

import numpy as np
from numpy.typing import NDArray

from melody.codec import FIELDS
from melody.codec.table import Field, Role
from melody.generate.constraints import Number
from melody.generate.engine import Context, Engine, Heads, State
from melody.generate.sampling import Sampling, draw, draw_one

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
ENDING = int(Role.END)
VALUES = np.arange(1 << 12)  # more than any field has
Veto = Callable[[Ints], NDArray[np.bool_]]
Group = tuple[Sampling, Ints | None]  # how some rows are drawn (None: all of them)


class Chain(Generic[Context, State, Heads]):
    """Chooses field after field. Numbers that come and go are arrays (B,), or plain ones if there is one row."""

    def __init__(
        self,
        engine: Engine[Context, State, Heads],
        context: Context,
        heads: Heads,
        uniform: NDArray[np.float64],
        groups: Sequence[Group],
        engine_rows: Ints | None,
    ) -> None:
        """``uniform`` (B, 6): a number in [0, 1) for every field. ``engine_rows``: the row here of each row of the engine; None: alike."""
        self.engine, self.context, self.heads = engine, context, heads
        self.uniform, self.groups, self.engine_rows = uniform, groups, engine_rows
        self.rows = len(uniform)
        self.chosen = np.zeros((self.rows, len(Field)), np.int64)

    def among(self, field: Field, bits: Number, process: Callable[[Floats], Floats] | None = None) -> Number:
        """A value of a set (a bit for each member) for every row. ``process``: as for ``between``."""
        if self.rows == 1:
            low, high = (bits & -bits).bit_length() - 1, bits.bit_length() - 1
            if bits == (2 << high) - (1 << low):
                return self.between(field, low, high, process=process)
        legal = (np.asarray(bits).reshape(-1, 1) >> VALUES[: self.engine.codec.sizes[field]] & 1) == 1
        if np.count_nonzero(legal) == self.rows:  # nothing to choose
            return self._commit(field, legal.argmax(-1))
        logits = process(self.engine.logits(self.context, self.heads, field)) if process else self._logits(field)
        return self._commit(field, self._draw(field, logits, legal))

    def between(
        self,
        field: Field,
        low: Number,
        high: Number,
        ban: Sequence[int] = (),
        process: Callable[[Floats], Floats] | None = None,
        veto: Veto | None = None,
    ) -> Number:
        """A value from low..high for every row.

        ``ban``      for every row a value that it should not be, or -1; it gives way where nothing else is legal
        ``process``  makes the logits of the rows here out of those of all rows of the engine
        ``veto``     of values (B,) that were drawn: those that must be drawn anew; it gives way where nothing else is legal
        """
        legal = None
        if self.rows == 1:
            first, last = low, high
        else:
            first, last = int(low.min()), int(high.max())
            if (low != first).any() or (high != last).any():
                values = VALUES[first : last + 1]
                legal = (values >= low[:, None]) & (values <= high[:, None])
        if first == last:
            return self._commit(field, first)
        for row, value in enumerate(ban):
            if first <= value <= last:
                legal = np.ones((self.rows, last + 1 - first), bool) if legal is None else legal
                legal[row, value - first] = False
                legal[row, value - first] = not legal[row].any()
        if legal is not None and np.count_nonzero(legal) == self.rows:
            return self._commit(field, legal.argmax(-1) + first)
        logits = process(self.engine.logits(self.context, self.heads, field)) if process else self._logits(field, last + 1)
        if veto is not None:
            return self._commit(field, self._drawn_until(field, logits[:, first : last + 1], legal, first, veto))
        if legal is None and self.rows == 1:
            value = draw_one(logits[0, first : last + 1], float(self.uniform[0, field]), self.groups[0][0], FIELDS[field])
            return self._commit(field, value + first)
        return self._commit(field, self._draw(field, logits[:, first : last + 1], legal) + first)

    def _drawn_until(self, field: Field, logits: Floats, legal: NDArray[np.bool_] | None, first: int, veto: Veto) -> Ints:
        """Values (B,) that nobody objects to; what was drawn and refused is not legal any more."""
        legal = np.ones(logits.shape, bool) if legal is None else legal.copy()
        while True:
            values = self._draw(field, logits, legal)
            refused = np.flatnonzero(veto(values + first))
            refused = refused[np.count_nonzero(legal[refused], axis=1) > 1]
            if not len(refused):
                return values + first
            legal[refused, values[refused]] = False

    def end(self, which: Number) -> None:
        """These rows end here, whatever was chosen."""
        self.chosen[np.flatnonzero(which)] = (ENDING, 0, 0, 0, 0, 0)

    def set_time(self, features: Ints, lookups: Ints) -> None:
        """The wait is chosen: what stands at the new time, for every row of the engine."""
        self.heads = self.engine.set_time(self.context, self.heads, features, lookups)

    def _logits(self, field: Field, values: int | None = None) -> Floats:
        return self.engine.logits(self.context, self.heads, field, self.rows, values)

    def _draw(self, field: Field, logits: Floats, legal: NDArray[np.bool_] | None) -> Ints:
        uniform, name = self.uniform[:, field], FIELDS[field]
        if self.groups[0][1] is None:
            return draw(logits, legal, uniform, self.groups[0][0], name)
        out = np.zeros(self.rows, np.int64)
        for sampling, rows in self.groups:
            out[rows] = draw(logits[rows], None if legal is None else legal[rows], uniform[rows], sampling, name)
        return out

    def _commit(self, field: Field, values: Ints | int) -> Number:
        self.chosen[:, field] = values
        if field != Field.VELOCITY:
            every = self.chosen if self.engine_rows is None else self.chosen[self.engine_rows]
            self.heads = self.engine.embed_choice(self.context, self.heads, field, every[:, field], every[:, Field.ROLE])
        return int(self.chosen[0, field]) if self.rows == 1 else self.chosen[:, field].copy()
