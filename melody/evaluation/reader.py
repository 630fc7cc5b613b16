"""Reading music with a model: the probability of every value of every field, the true earlier fields known.

Shapes: T time, B batch, V values of a field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from melody.codec import CodecConfig
from melody.codec.given import NOTHING
from melody.codec.table import Field
from melody.corpus import Corpus
from melody.corpus.batch import Batch
from melody.corpus.piece import AugmentConfig
from melody.corpus.stream import Stream
from melody.model import EventLSTM, State, to_tensors


@dataclass(frozen=True, eq=False)
class Reading:
    """What the model says of a batch."""

    batch: Batch
    nats: Tensor  # (T, B, 6): of the true values
    log_probs: tuple[Tensor, ...]  # by field (T, B, V): of all values, -inf where the grammar forbids


def stream_of(corpus: Corpus, codec: CodecConfig, pieces: list[int], batch: int = 16, chunk: int = 256) -> Stream:
    """One pass over ``pieces`` as they are, nothing given, all conditions known."""
    return Stream(corpus, codec, pieces, min(batch, len(pieces)), chunk, 1, AugmentConfig.none(), NOTHING, epochs=1)


@torch.no_grad()
def read(model: EventLSTM, batch: Batch, state: State | None = None) -> tuple[Reading, State]:
    """One batch, and the state (L, B, H) after it. The model should be in ``eval`` mode."""
    inputs = to_tensors(batch, next(model.parameters()).device)
    log_probs, state = model.log_probs(inputs, state)
    target = inputs.steps.events[1:]
    nats = [-logs.gather(-1, target[..., field, None])[..., 0] for field, logs in zip(Field, log_probs, strict=True)]
    return Reading(batch, torch.stack(nats, -1), log_probs), state


def readings(model: EventLSTM, batches: Iterable[Batch]) -> Iterator[Reading]:
    """Read batches of one stream (or of one piece) to their end, the state carried from batch to batch."""
    model.eval()
    state = None
    for batch in batches:
        reading, state = read(model, batch, state)
        yield reading
