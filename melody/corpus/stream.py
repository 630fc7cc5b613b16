"""Streams: pieces of a corpus as batches (time, batch, field), encoded fresh at each epoch.

Every row of a batch runs through whole pieces, chunk after chunk, so that the state of the network can be carried from
one batch to the next; a piece always starts at the beginning of a chunk (``reset``), what is left over is padding.
All choices (order, transposition, stretch, loudness, what is given, which conditions are dropped) come from
(seed, epoch, piece), so a stream is reproducible and can go on from ``Stream.position``. Knows numpy, not torch.

Rows do not wait for each other. Lay the orders of all epochs end to end: row b of B takes places b, b + B, b + 2 B, ... of
that line, whatever the other rows do. So any process can make any rows by itself, and N processes see together exactly what
one would see, padding included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.given import COLUMNS, LOOKUPS, GivenConfig
from melody.codec.metre import FEATURES
from melody.codec.recall import COLUMNS as RECALLED
from melody.codec.recall import POINTERS
from melody.codec.table import MAX_PARTS, UNDECLARED, CodecConfig, Field, Role
from melody.corpus.piece import AugmentConfig, EncodedPiece, training_piece
from melody.corpus.tables import Corpus

GIVEN_ROUND = 32  # given notes are padded to a multiple: oneDNN keeps a compiled kernel for every shape that it meets
GIVEN_BEFORE, GIVEN_AFTER, MAX_GIVEN = 16, 24, 256  # given notes that a chunk brings along
ORDERS = 4  # epochs whose order is kept: rows drift apart by an epoch or two


@dataclass(frozen=True, eq=False)
class Batch:
    """B rows of T events. Rows that end early are padded (``valid`` False)."""

    rows: NDArray[np.int16]  # (T + 1, B, 6): inputs [:-1], targets [1:]
    features: NDArray[np.int16]  # (T + 1, B, 4)
    lookups: NDArray[np.int32]  # (T + 1, B, 5): indices into ``given`` + 1
    recall: NDArray[np.int16]  # (T + 1, B, 5, 6)
    parts: NDArray[np.int16]  # (B, 16, 3)
    conditions: NDArray[np.int16]  # (B, 5)
    given: NDArray[np.int16]  # (G, B, 7)
    causal: NDArray[np.bool_]  # (B,)
    reset: NDArray[np.bool_]  # (B,): the row starts a new piece
    valid: NDArray[np.bool_]  # (T, B)
    piece: NDArray[np.int32]  # (B,): index of the piece in the corpus

    @property
    def notes(self) -> int:
        """Number of notes among the targets."""
        return int(((self.rows[1:, :, Field.ROLE] == Role.NOTE) & self.valid).sum())


@dataclass
class _Row:
    """Where one row of the batch stands."""

    place: int  # of its piece, in the orders of all epochs laid end to end
    cursor: int = 0  # events of the piece that are done
    sequence: EncodedPiece | None = None  # None: between two pieces
    piece: int = -1


@dataclass
class Stream:
    """An endless iterator of batches over the pieces of one split (``epochs`` bounds it: each piece comes so many times).

    Rows ``first`` to ``first + batch`` of the ``total`` rows of all processes. Of a bounded stream, rows that have run dry are padding.
    """

    corpus: Corpus
    config: CodecConfig
    pieces: list[int]
    batch: int = 32
    chunk: int = 128
    seed: int = 0
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    given: GivenConfig = field(default_factory=GivenConfig)
    epochs: int | None = None
    shuffle: bool = True
    first: int = 0
    total: int = 0  # 0: as many as ``batch``

    def __post_init__(self) -> None:
        self.total = self.total or self.batch
        self._rows = [_Row(self.first + b) for b in range(self.batch)]
        self._orders: dict[int, NDArray[np.int64]] = {}  # by epoch

    @property
    def epoch(self) -> int:
        """Epoch of the row that is furthest behind."""
        return min(row.place for row in self._rows) // max(1, len(self.pieces))

    @property
    def position(self) -> dict[str, Any]:
        """All that is needed to go on from here, as plain numbers; by row, so that rows can be shared out in another way."""
        return {"rows": [[row.place, row.cursor] for row in self._rows]}

    @position.setter
    def position(self, saved: dict[str, Any]) -> None:
        """Go on from there. Raises ValueError where no stream over these pieces could stand there."""
        if len(saved["rows"]) != self.batch:
            raise ValueError("a place in the corpus for each row")
        for b, (place, cursor) in enumerate(saved["rows"]):
            row = _Row(int(place), int(cursor))
            if row.place % self.total != (self.first + b) % self.total or min(row.place, row.cursor) < 0:
                raise ValueError("a place in the corpus is not one of its row")
            if row.cursor:
                row.sequence, row.piece = self._sequence(row.place)
                if row.cursor >= len(row.sequence):
                    raise ValueError("a place is behind the end of its piece")
            self._rows[b] = row

    def __iter__(self) -> Iterator[Batch]:
        while (batch := self._batch()) is not None:
            yield batch

    def _batch(self) -> Batch | None:
        cuts = [self._advance(row) for row in self._rows]
        present = [c for c in cuts if c is not None]
        if not present:
            return None
        # A row that goes on carries its state through the padding: always up to the chunk's end, not to that of its neighbours.
        goes_on = any(row.sequence is not None for row in self._rows)
        longest = self.chunk if goes_on else max(c.count for c in present)
        most = -(-max(len(c.given) for c in present) // GIVEN_ROUND) * GIVEN_ROUND
        size = self.batch
        out = Batch(
            rows=np.zeros((longest + 1, size, len(Field)), np.int16),
            features=np.zeros((longest + 1, size, len(FEATURES)), np.int16),
            lookups=np.zeros((longest + 1, size, len(LOOKUPS)), np.int32),
            recall=np.zeros((longest + 1, size, POINTERS, len(RECALLED)), np.int16),
            parts=np.full((size, MAX_PARTS, 3), (UNDECLARED, 0, 0), np.int16),
            conditions=np.zeros((size, 5), np.int16),
            given=np.zeros((max(1, most), size, len(COLUMNS)), np.int16),
            causal=np.zeros(size, bool),
            reset=np.zeros(size, bool),
            valid=np.zeros((longest, size), bool),
            piece=np.full(size, -1, np.int32),
        )
        out.rows[:, :, Field.ROLE] = Role.END
        for b, cut in enumerate(cuts):
            if cut is None:
                continue
            s, stop = cut.sequence, cut.start + cut.count + 1
            out.rows[: cut.count + 1, b] = s.rows[cut.start : stop]
            out.features[: cut.count + 1, b] = s.features[cut.start : stop]
            out.lookups[: cut.count + 1, b] = cut.lookups
            out.recall[: cut.count + 1, b] = s.recall[cut.start : stop]
            out.given[: len(cut.given), b] = cut.given
            out.valid[: cut.count, b] = True
            out.parts[b], out.conditions[b], out.causal[b], out.reset[b] = s.parts, s.conditions, s.causal, cut.start == 0
            out.piece[b] = cut.piece
        return out

    def _advance(self, row: _Row) -> _Cut | None:
        if row.sequence is None:
            if not self.pieces or (self.epochs is not None and row.place >= self.epochs * len(self.pieces)):
                return None
            row.sequence, row.piece = self._sequence(row.place)
        cut = _cut(row.sequence, row.cursor, self.chunk, row.piece)
        row.cursor += cut.count
        if row.cursor >= len(row.sequence):
            row.place, row.cursor, row.sequence = row.place + self.total, 0, None
        return cut

    def _sequence(self, place: int) -> tuple[EncodedPiece, int]:
        epoch, within = divmod(place, len(self.pieces))
        index = int(self._order(epoch)[within])
        rng = np.random.default_rng([self.seed, epoch, index])
        return training_piece(self.corpus, index, self.config, rng, self.augment, self.given), index

    def _order(self, epoch: int) -> NDArray[np.int64]:
        if epoch not in self._orders:
            order = np.array(self.pieces, np.int64)
            if self.shuffle:
                np.random.default_rng([self.seed, epoch]).shuffle(order)
            if len(self._orders) >= ORDERS:
                del self._orders[min(self._orders)]
            self._orders[epoch] = order
        return self._orders[epoch]


@dataclass(frozen=True, eq=False)
class _Cut:
    sequence: EncodedPiece
    start: int
    count: int
    given: NDArray[np.int16]  # (g, 7): the given notes that this chunk needs
    lookups: NDArray[np.int32]  # (count + 1, 5): re-indexed into ``given``
    piece: int


def _cut(s: EncodedPiece, start: int, chunk: int, piece: int) -> _Cut:
    """The next chunk of a sequence, with the given notes around it; shorter where the given notes are many."""
    count = min(chunk, len(s) - start)
    lookups = s.lookups[start : start + count + 1]
    if not len(s.given):
        return _Cut(s, start, count, s.given.rows, lookups, piece)
    low = max(0, int(lookups[0, 0]) - 1 - GIVEN_BEFORE)
    fits = int(np.searchsorted(lookups[:, 0], low + MAX_GIVEN, side="right")) - 1
    count = max(1, min(count, fits))
    lookups = lookups[: count + 1].copy()
    high = min(len(s.given), int(lookups[-1, 0]) + (0 if s.causal else GIVEN_AFTER) + 1)
    if high - low > MAX_GIVEN + GIVEN_AFTER + 1:  # one wait that leaps over hundreds of given notes: keep the near end
        low = high - MAX_GIVEN - GIVEN_AFTER - 1
    lookups[:, :2] = np.where(lookups[:, :2] > low, lookups[:, :2] - low, 0)
    return _Cut(s, start, count, s.given.rows[low:high], lookups, piece)
