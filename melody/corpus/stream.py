"""Streams: pieces of a corpus as batches (time, batch, field), encoded fresh at each epoch.

Every row of a batch runs through whole pieces, chunk after chunk, so that the state of the network can be carried from
one batch to the next; a piece always starts at the beginning of a chunk (``reset``), what is left over is padding.
All choices (order, window, transposition, stretch, loudness, what is given, which conditions are dropped) come from
(seed, epoch, piece, how often it came before), so a stream is reproducible and can go on from ``Stream.position``. Knows numpy, not torch.

Rows do not wait for each other. Lay the orders of all epochs end to end: row b of B takes places b, b + B, b + 2 B, ... of
that line, whatever the other rows do. So any process can make any rows by itself, and N processes see together exactly what
one would see, padding included.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from melody.codec.given import GivenConfig
from melody.codec.table import CodecConfig
from melody.corpus.batch import Batch, Chunk, blank_batch
from melody.corpus.piece import AugmentConfig, EncodedPiece, training_piece
from melody.corpus.sampling import Sampler, SamplingConfig
from melody.corpus.tables import Corpus
from melody.corpus.truncated_bptt import next_chunk

GIVEN_ROUND = 32  # given notes are padded to a multiple: oneDNN keeps a compiled kernel for every shape that it meets


@dataclass
class _Row:
    """Where one row of the batch stands."""

    place: int  # of its piece, in the orders of all epochs laid end to end
    cursor: int = 0  # events of the piece that are done
    encoded: EncodedPiece | None = None  # None: between two pieces
    piece: int = -1


@dataclass
class Stream:
    """An endless iterator of batches over the pieces of one split (``epochs`` bounds it; in one each piece comes
    once, or as ``sampling`` says).

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
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def __post_init__(self) -> None:
        self.total = self.total or self.batch
        self._rows = [_Row(self.first + b) for b in range(self.batch)]
        self._sampler = Sampler(self.corpus, self.pieces, self.sampling, self.seed, self.shuffle)

    @property
    def epoch(self) -> int:
        """Epoch of the row that is furthest behind."""
        return min(row.place for row in self._rows) // max(1, self._sampler.places)

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
                row.encoded, row.piece = self._encoded(row.place)
                if row.cursor >= len(row.encoded):
                    raise ValueError("a place is behind the end of its piece")
            self._rows[b] = row

    def __iter__(self) -> Iterator[Batch]:
        while (batch := self._batch()) is not None:
            yield batch

    def _batch(self) -> Batch | None:
        chunks = [self._advance(row) for row in self._rows]
        pieces = [row.piece for row in self._rows]
        present = [c for c in chunks if c is not None]
        if not present:
            return None
        # A row that goes on carries its state through the padding: always up to the chunk's end, not to that of its neighbours.
        goes_on = any(row.encoded is not None for row in self._rows)
        longest = self.chunk if goes_on else max(c.count for c in present)
        most = -(-max(len(c.given) for c in present) // GIVEN_ROUND) * GIVEN_ROUND
        out = blank_batch(longest, self.batch, most)
        for b, chunk in enumerate(chunks):
            if chunk is not None:
                chunk.put_into(out, b, pieces[b])
        return out

    def _advance(self, row: _Row) -> Chunk | None:
        if row.encoded is None:
            if not self.pieces or (self.epochs is not None and row.place >= self.epochs * self._sampler.places):
                return None
            row.encoded, row.piece = self._encoded(row.place)
        chunk = next_chunk(row.encoded, row.cursor, self.chunk)
        row.cursor += chunk.count
        if row.cursor >= len(row.encoded):
            row.place, row.cursor, row.encoded = row.place + self.total, 0, None
        return chunk

    def _encoded(self, place: int) -> tuple[EncodedPiece, int]:
        epoch, within = divmod(place, self._sampler.places)
        pieces, before = self._sampler.order(epoch)
        index, again = int(pieces[within]), int(before[within])
        rng = np.random.default_rng([self.seed, epoch, index, again] if again else [self.seed, epoch, index])
        return training_piece(self.corpus, index, self.config, rng, self.augment, self.given, self.sampling.window), index
