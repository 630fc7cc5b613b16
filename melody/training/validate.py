"""Nats per note on held-out pieces: total and by field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from melody.codec import FIELDS, CodecConfig
from melody.codec.given import NOTHING, GivenConfig
from melody.codec.table import Field, Role
from melody.corpus import Corpus
from melody.corpus.batch import Batch
from melody.corpus.piece import AugmentConfig
from melody.corpus.sampling import SamplingConfig
from melody.corpus.stream import Stream
from melody.model import EventLSTM, to_tensors


@dataclass
class Scores:
    """Sums over what was scored: ``nats`` (6,) by field over all events, and the number of notes among them."""

    nats: NDArray[np.float64]
    notes: int = 0
    events: int = 0

    @staticmethod
    def none() -> Scores:
        """Nothing scored yet."""
        return Scores(np.zeros(len(Field)))

    def per_note(self) -> dict[str, float]:
        """Nats per note: "total" and one entry a field. Declarations, rests and ends are counted in, notes are the unit."""
        each = self.nats / max(1, self.notes)
        return {"total": float(each.sum()), **{name: float(v) for name, v in zip(FIELDS, each, strict=True)}}

    def add(self, nats: NDArray[np.float32], batch: Batch, rows: slice | NDArray[np.bool_] = slice(None)) -> None:
        """Add the rows (of the batch) of ``nats`` (T, B, 6)."""
        valid = batch.valid[:, rows]
        self.nats += np.where(valid[..., None], nats[:, rows], 0).sum((0, 1), dtype=np.float64)
        self.notes += int(((batch.steps.events[1:, rows, Field.ROLE] == Role.NOTE) & valid).sum())
        self.events += int(valid.sum())


def validation_stream(
    corpus: Corpus,
    codec: CodecConfig,
    pieces: list[int],
    given: GivenConfig,
    batch: int = 32,
    chunk: int = 256,
    sampling: SamplingConfig = SamplingConfig(),
) -> Stream:
    """One epoch of ``pieces``, not varied; the choice of what is given is fixed by a seed. Styles come as often as in training."""
    rows = min(batch, len(pieces))
    return Stream(corpus, codec, pieces, rows, chunk, 1, AugmentConfig.none(), given, epochs=1, shuffle=True, sampling=sampling)


def held_out(corpus: Corpus, model: EventLSTM, notes: int = 20_000) -> float:
    """Nats per note on pieces that were kept out of training (of a corpus without any: on all), nothing given."""
    pieces = corpus.split("test") or corpus.split("valid") or list(range(len(corpus)))
    device = next(model.parameters()).device
    return validate(model, validation_stream(corpus, model.codec, pieces, NOTHING), notes, torch.float32, device).per_note()["total"]


@torch.no_grad()
def validate(model: EventLSTM, stream: Stream, max_notes: int, dtype: torch.dtype, device: torch.device) -> Scores:
    """Score a stream until it ends or ``max_notes`` are seen."""
    model.eval()
    scores = Scores.none()
    state = None
    for batch in stream:
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype is torch.bfloat16):
            nats, state = model(to_tensors(batch, device), state)
        scores.add(nats.float().cpu().numpy(), batch)
        if scores.notes >= max_notes:
            break
    return scores
