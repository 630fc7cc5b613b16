"""Reading music with a model: the probability of every value of every field, the true earlier fields known.

Shapes: T time, B batch, V values of a field.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from melody.codec import CodecConfig
from melody.codec.given import NOTHING
from melody.codec.grammar import legal_values
from melody.codec.table import Field
from melody.corpus import Corpus
from melody.corpus.batch import Batch
from melody.corpus.piece import AugmentConfig
from melody.corpus.stream import Stream
from melody.model import Context, EventLSTM, Inputs, State, to_tensors


@dataclass(frozen=True, eq=False)
class Reading:
    """What the model said of a batch: ``nats`` (T, B, 6), and by field the ``logs`` (T, B, V), -inf where the grammar forbids."""

    batch: Batch
    nats: Tensor
    logs: tuple[Tensor, ...]


class Reader(EventLSTM):
    """A model, its weights shared and not copied, that keeps what it says of each field while it scores."""

    logs: list[Tensor]

    @classmethod
    def of(cls, model: EventLSTM) -> Reader:
        """A reader on the weights of ``model``, in ``eval`` mode."""
        reader = cls.__new__(cls)  # not cls(...): that would make a second network
        reader.__dict__.update(model.eval().__dict__)
        return reader

    def _nats(self, context: Context, logits: Tensor, field: Field, before: Tensor, target: Tensor) -> Tensor:
        values = torch.arange(logits.shape[-1], device=logits.device)
        legal = legal_values(self.codec, torch, field, before, target, context.allowed, context.last_part, values)
        logs = logits.masked_fill(~legal, -math.inf).log_softmax(-1)
        self.logs.append(logs)
        return -logs.gather(-1, target[..., field, None])[..., 0]

    @torch.no_grad()
    def read(self, inputs: Inputs, state: State | None) -> tuple[Tensor, tuple[Tensor, ...], State]:
        """Nats (T, B, 6), log probabilities by field (T, B, V), and the state after."""
        self.logs = []
        nats, state = self(inputs, state)
        logs, self.logs = tuple(self.logs), []
        return nats, logs, state


def stream_of(corpus: Corpus, codec: CodecConfig, pieces: list[int], batch: int = 16, chunk: int = 256) -> Stream:
    """One pass over ``pieces`` as they are, nothing given, all conditions known."""
    return Stream(corpus, codec, pieces, min(batch, len(pieces)), chunk, 1, AugmentConfig.none(), NOTHING, epochs=1)


def readings(model: EventLSTM, batches: Iterable[Batch]) -> Iterator[Reading]:
    """Read batches of one stream (or of one piece) to their end, the state carried from batch to batch."""
    reader = Reader.of(model)
    device = next(model.parameters()).device
    state = None
    for batch in batches:
        nats, logs, state = reader.read(to_tensors(batch, device), state)
        yield Reading(batch, nats, logs)
