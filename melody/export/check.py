"""Does a runtime say what its model says? Nats per note of both on the same events, by field, nothing drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from melody.codec import FIELDS, CodecConfig
from melody.codec.conditions import conditions
from melody.codec.decode import decode_piece
from melody.codec.given import GivenConfig, choose
from melody.codec.metre import Metre
from melody.codec.table import DRUMS, MAX_PARTS, METERS, UNDECLARED, Field
from melody.corpus import Corpus
from melody.corpus.batch import Batch, as_batch
from melody.corpus.piece import AugmentConfig, EncodedPiece, encode_piece, training_piece
from melody.generate.engine import Engine
from melody.generate.loop import write
from melody.generate.plan import Plan
from melody.generate.torch_engine import TorchEngine
from melody.model import EventLSTM
from melody.runtime.engine import OnnxEngine
from melody.score import METER, table

MAX_EVENTS = 2000  # of a piece that are looked at
OWN_BARS, OWN_PIECES, RANDOM_PIECES, RANDOM_NOTES = 12, 6, 2, 60


@dataclass(frozen=True, eq=False)
class Agreement:
    """Nats per note by field (6,), of the model and of the runtime, over so many notes."""

    model: NDArray[np.float64]
    runtime: NDArray[np.float64]
    notes: int

    @property
    def difference(self) -> float:
        """Of the totals, as a share of the model's."""
        return float(abs(self.runtime.sum() - self.model.sum()) / max(self.model.sum(), 1e-9))

    def rows(self) -> list[tuple[str, float, float]]:
        """(field, model, runtime), the total last."""
        each = [(name, float(a), float(b)) for name, a, b in zip(FIELDS, self.model, self.runtime, strict=True)]
        return [*each, ("total", float(self.model.sum()), float(self.runtime.sum()))]


def agreement(model: EventLSTM, engine: OnnxEngine, sequences: Sequence[EncodedPiece]) -> Agreement:
    """Score the same music with both."""
    sums, notes = np.zeros((2, len(Field))), 0
    for s in sequences:
        read = as_batch(s, last=MAX_EVENTS)
        notes += read.notes
        sums[0] += TorchEngine(model).nats(read).sum(0)
        sums[1] += engine.nats(read).sum(0)
    return Agreement(sums[0] / max(1, notes), sums[1] / max(1, notes), notes)


def reaches(model: EventLSTM, sequences: Sequence[EncodedPiece]) -> dict[str, float]:
    """The largest number that comes to each map that will be quantised, by the names of ``graph.build``."""
    out: dict[str, float] = {}

    def watch(module: torch.nn.Module, name: str, after: bool) -> Any:
        def look(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            out[name] = max(out.get(name, 1e-3), float((output if after else inputs[0]).abs().max()))

        return module.register_forward_hook(look)

    last = len(model.norms) - 1
    hooks = [watch(norm, "heads" if i == last else str(i), True) for i, norm in enumerate(model.norms)]
    if model.config.recall_width:
        hooks.append(watch(model.recall.to_body, "recall", False))
    try:
        for s in sequences:
            TorchEngine(model).nats(as_batch(s, last=MAX_EVENTS))
    finally:
        for hook in hooks:
            hook.remove()
    return out


def from_corpus(corpus: Corpus, codec: CodecConfig, notes: int) -> list[EncodedPiece]:
    """Held-out pieces of a corpus until they hold ``notes`` notes, what is given chosen as in training."""
    pieces = next((found for split in ("valid", "test", "train") if (found := corpus.split(split))), [])
    order = np.random.default_rng(1).permutation(pieces).tolist()
    out, held = [], 0
    for index in order:
        if held >= notes:
            break
        out.append(training_piece(corpus, index, codec, np.random.default_rng([1, index]), AugmentConfig.none(), GivenConfig()))
        held += min(MAX_EVENTS, corpus.pieces[index].note_count)
    return out


def from_model(model: EventLSTM) -> list[EncodedPiece]:
    """Music that the model writes, and a little that only the grammar makes; what is given chosen as in training."""
    codec = model.codec
    meters = table(METER, [0], [METERS[0][0]], [METERS[0][1]])
    metre = Metre(codec, meters)
    stop = metre.bar_start(OWN_BARS)
    parts = np.zeros((MAX_PARTS, 3), np.int16)
    parts[:, 0] = UNDECLARED
    rng = np.random.default_rng(1)
    styles = (None, *codec.styles)
    classes = [conditions(codec, styles[i % len(styles)], 100, None, METERS[0]) for i in range(OWN_PIECES + RANDOM_PIECES)]
    plans = [
        Plan(
            parts,
            c,
            metre,
            stop=stop,
            ending=stop // 2,
            declare=(1, 4),
            every_bar=True,
            seed=i,
            max_notes=1000 if i < OWN_PIECES else RANDOM_NOTES,
        )
        for i, c in enumerate(classes)
    ]
    written = write(TorchEngine(model), plans[:OWN_PIECES]) + write(Chance(codec), plans[OWN_PIECES:])
    out = []
    for rows, c in zip(written, classes, strict=True):
        piece = decode_piece(rows.astype(np.int16), codec, meters)
        out.append(encode_piece(piece, choose(piece, rng, GivenConfig()), c, True))
    return out


class Chance(Engine[Any, Any, Any]):
    """An engine that likes everything alike (programs of drums aside, of which two would be one)."""

    def __init__(self, codec: CodecConfig) -> None:
        self.codec = codec

    def nats(self, batch: Batch) -> NDArray[np.float64]:
        """Not asked for."""
        raise NotImplementedError

    def context(self, parts: Any, conditions: Any, given: Any, causal: Any) -> Any:
        """See Engine."""
        return len(parts)

    def initial_state(self, conditions: Any) -> Any:
        """See Engine."""
        return len(conditions)

    def advance(self, context: Any, state: Any, steps: Any) -> tuple[Any, Any]:
        """See Engine."""
        return None, state

    def logits(self, context: Any, heads: Any, field: Field, rows: int | None = None, values: int | None = None) -> NDArray[np.float32]:
        """See Engine."""
        out = np.zeros((context if rows is None else rows, self.codec.sizes[field]), np.float32)
        if field == Field.PITCH:
            out[:, 128 + DRUMS :] = -30
        return out

    def embed_choice(self, context: Any, heads: Any, field: Field, value: Any, role: Any) -> Any:
        """See Engine."""

    def set_time(self, context: Any, heads: Any, features: Any, lookups: Any) -> Any:
        """See Engine."""

    def update_parts(self, context: Any, rows: Any, parts: Any) -> Any:
        """See Engine."""
        return context

    def put(self, context: Any, state: Any, rows: Any, other: Any, other_state: Any) -> Any:
        """See Engine."""
        return context, state

    def join(self, states: Sequence[Any]) -> Any:
        """See Engine."""
        return len(states)

    def pick(self, context: Any, state: Any, rows: Any) -> tuple[Any, Any]:
        """See Engine."""
        return len(rows), len(rows)
