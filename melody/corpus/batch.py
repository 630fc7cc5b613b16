"""Batches: rows of pieces side by side, as the model reads them. numpy only.

Shapes: T time, B rows, G given notes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import Condition, GivenColumn, PartColumn, StepInputs, blank_steps
from melody.codec.given import no_parts
from melody.codec.table import MAX_PARTS, Field, Role
from melody.corpus.piece import EncodedPiece


@dataclass(frozen=True, eq=False)
class Batch:
    """B rows of T events. Rows that end early are padded (``valid`` False)."""

    steps: StepInputs[NDArray[Any]]  # (T + 1, B, ...): inputs [:-1], targets [1:]; look-ups are indices into ``given`` + 1
    parts: NDArray[np.int16]  # (B, 16, 3) by ``PartColumn``
    conditions: NDArray[np.int16]  # (B, 5) by ``Condition``
    given: NDArray[np.int16]  # (G, B, 7) by ``GivenColumn``
    causal: NDArray[np.bool_]  # (B,): the row sees no given note of the future
    reset: NDArray[np.bool_]  # (B,): the row starts a new piece
    valid: NDArray[np.bool_]  # (T, B)
    piece: NDArray[np.int32]  # (B,): index of the piece in the corpus, -1 for none

    @property
    def notes(self) -> int:
        """Number of notes among the targets."""
        return int(((self.steps.events[1:, :, Field.ROLE] == Role.NOTE) & self.valid).sum())


def blank_batch(steps: int, rows: int, given: int) -> Batch:
    """Padding alone: T steps, B rows, room for G given notes."""
    out = Batch(
        steps=blank_steps(steps + 1, rows),
        parts=np.broadcast_to(no_parts(), (rows, MAX_PARTS, len(PartColumn))).copy(),
        conditions=np.zeros((rows, len(Condition)), np.int16),
        given=np.zeros((max(1, given), rows, len(GivenColumn)), np.int16),
        causal=np.zeros(rows, bool),
        reset=np.zeros(rows, bool),
        valid=np.zeros((steps, rows), bool),
        piece=np.full(rows, -1, np.int32),
    )
    out.steps.events[..., Field.ROLE] = Role.END
    return out


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some events of a piece, with the given notes that they need."""

    piece: EncodedPiece
    start: int
    count: int
    given: NDArray[np.int16]  # (g, 7)
    lookups: NDArray[np.int32]  # (count + 1, 5): indices into this ``given`` + 1

    def put_into(self, batch: Batch, row: int, index: int = -1) -> None:
        """Write these events into one row of a batch that is large enough; ``index``: of the piece in its corpus."""
        piece, span = self.piece, slice(self.start, self.start + self.count + 1)
        steps = piece.steps.at(span)._replace(lookups=self.lookups)
        for target, source in zip(batch.steps, steps, strict=True):
            target[: self.count + 1, row] = source
        batch.given[: len(self.given), row] = self.given
        batch.valid[: self.count, row] = True
        batch.parts[row], batch.conditions[row], batch.causal[row] = piece.parts, piece.conditions, piece.causal
        batch.reset[row], batch.piece[row] = self.start == 0, index


def as_batch(piece: EncodedPiece, first: int = 0, last: int | None = None) -> Batch:
    """Events ``first`` to ``last`` (to the end by default) of one piece as a batch of one row, with all that is given."""
    stop = len(piece) if last is None else min(last, len(piece))
    chunk = Chunk(piece, first, stop - first, piece.given.rows, piece.steps.lookups[first : stop + 1])
    batch = blank_batch(chunk.count, 1, len(chunk.given))
    chunk.put_into(batch, 0)
    return batch
