"""The training stream, row by row: every row of a batch deals its pieces to itself.

Row b of B takes places b, b + B, b + 2 B, ... of each epoch's order, whatever the other rows do. So any process can make
any rows by itself and N processes see together exactly what one would see; where a stream stands is known row by row,
so that a run may go on with another number of processes. A row is also padded by itself: what the network carries on does
not depend on the rows beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import Field, Role
from melody.corpus.stream import Batch, Stream

TIMED = ("rows", "features", "lookups", "recall", "valid")  # arrays of a Batch whose first axis is time
ORDERS = 4  # epochs whose order is kept: rows drift apart by an epoch or two


@dataclass
class RowStream(Stream):
    """``batch`` rows from number ``first`` on, of ``total`` rows of all processes."""

    first: int = 0
    total: int = 0  # 0: as many as ``batch``

    def __post_init__(self) -> None:
        super().__post_init__()
        self._number = {id(row): b for b, row in enumerate(self._rows)}
        self._places = [(0, self.first + b) for b in range(self.batch)]  # by row: epoch, place in its order
        self._orders: dict[int, NDArray[np.int64]] = {}

    @property
    def epoch(self) -> int:
        """Epoch of the row that is furthest behind."""
        return min(epoch for epoch, _ in self._places)

    @property
    def position(self) -> dict[str, Any]:
        """By row: the place from which it takes its next piece, and where it stands in which piece. Plain numbers."""
        rows = zip(self._places, self._rows, strict=True)
        return {"rows": [[*place, *row.ticket, row.cursor, int(row.sequence is not None)] for place, row in rows]}

    @position.setter
    def position(self, saved: dict[str, Any]) -> None:
        for b, (row, values) in enumerate(zip(self._rows, saved["rows"], strict=True)):
            epoch, place, *ticket, cursor, busy = (int(v) for v in values)
            if min(epoch, place, *ticket, cursor) < 0:
                raise ValueError("a place in the corpus is negative")
            self._places[b], row.ticket, row.cursor = (epoch, place), (ticket[0], ticket[1]), cursor
            row.sequence = self._sequence(*row.ticket)[0] if busy else None
            if row.sequence is not None and cursor >= len(row.sequence):
                raise ValueError("a place is behind the end of its piece")

    def _advance(self, row: Any) -> Any:
        b = self._number[id(row)]
        self._next, self.shard = self._places[b], (self.first + b, self.total or self.batch)
        cut = super()._advance(row)
        self._places[b] = self._next
        return cut

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            if len(self._orders) >= ORDERS:
                del self._orders[min(self._orders)]
            self._orders[epoch] = super()._order_of(epoch)
        return self._orders[epoch]

    def _batch(self) -> Batch | None:
        batch = super()._batch()
        # A row that was cut short and goes on reads padding: always up to the chunk's end, not to that of its neighbours.
        if batch is None or len(batch.valid) >= self.chunk or all(row.sequence is None for row in self._rows):
            return batch
        return padded(batch, self.chunk)


def padded(batch: Batch, length: int) -> Batch:
    """The same batch with padding up to ``length`` events."""

    def longer(array: NDArray[Any]) -> NDArray[Any]:
        return np.pad(array, [(0, length - len(batch.valid)), *[(0, 0)] * (array.ndim - 1)])

    out = replace(batch, **{name: longer(getattr(batch, name)) for name in TIMED})
    out.rows[len(batch.rows) :, :, Field.ROLE] = Role.END
    return out
