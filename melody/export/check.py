"""Does a runtime say what its model says? Nats per note of both on the same events, by field, nothing drawn."""

from __future__ import annotations

from collections.abc import Iterable
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
from melody.codec.table import MAX_PARTS, METERS, UNDECLARED, Field, Role
from melody.corpus import Corpus
from melody.corpus.batch import as_batch
from melody.corpus.piece import AugmentConfig, EncodedPiece, encode_piece, training_piece
from melody.generate.loop import write
from melody.generate.plan import Plan
from melody.generate.torch_engine import TorchEngine
from melody.generate.uniform import random_pieces
from melody.model import EventLSTM
from melody.runtime.engine import OnnxEngine
from melody.score import METER, table

MAX_EVENTS = 2000  # of a piece that are looked at
OWN_PIECES, OWN_BARS, OWN_NOTES = 6, 12, 1000  # pieces that the model writes, at most so long
RANDOM_ROWS, RANDOM_EVENTS = 2, 40  # and random ones


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


def agreement(model: EventLSTM, engine: OnnxEngine, pieces: Iterable[EncodedPiece]) -> Agreement:
    """Score the same music with both."""
    sums, notes = np.zeros((2, len(Field))), 0
    for piece in pieces:
        read = as_batch(piece, last=MAX_EVENTS)
        notes += read.notes
        sums[0] += TorchEngine(model).nats(read).sum(0)
        sums[1] += engine.nats(read).sum(0)
    return Agreement(sums[0] / max(1, notes), sums[1] / max(1, notes), notes)


def activation_maxima(model: EventLSTM, pieces: Iterable[EncodedPiece]) -> dict[str, float]:
    """The largest number that comes to each map that will be quantised, by the names of ``quantise.graph_tables``."""
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
        for piece in pieces:
            TorchEngine(model).nats(as_batch(piece, last=MAX_EVENTS))
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
    codec, rng = model.codec, np.random.default_rng(1)
    meters = table(METER, [0], [METERS[0][0]], [METERS[0][1]])
    metre = Metre(codec, meters)
    stop = metre.bar_start(OWN_BARS)
    parts = np.zeros((MAX_PARTS, 3), np.int16)
    parts[:, 0] = UNDECLARED
    styles = (None, *codec.styles)
    classes = [conditions(codec, styles[i % len(styles)], 100, None, METERS[0]) for i in range(OWN_PIECES)]
    plans = [
        Plan(parts, c, metre, stop=stop, ending=stop // 2, declare=(1, 4), every_bar=True, seed=i, max_notes=OWN_NOTES)
        for i, c in enumerate(classes)
    ]
    written = [rows.astype(np.int16) for rows in write(TorchEngine(model), plans)]
    written += [rows for rows in random_pieces(codec, rng, RANDOM_ROWS, RANDOM_EVENTS) if (rows[:, Field.ROLE] == Role.NOTE).any()]
    out = []
    for i, rows in enumerate(written):
        piece = decode_piece(rows, codec, meters)
        out.append(encode_piece(piece, choose(piece, rng, GivenConfig()), classes[i % len(classes)], True))
    return out
