"""Nats of every field of a piece, read back by the runtime in one call over time. Knows no torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.grammar import bounds
from melody.codec.table import UNDECLARED, Field, Role
from melody.corpus.piece import EncodedPiece
from melody.generate.engine import StepInputs
from melody.runtime.engine import OnnxEngine
from melody.runtime.heads import HeadState

Arrays = dict[str, NDArray[Any]]


def batch(s: EncodedPiece, most: int) -> Arrays:
    """The first ``most`` events of a piece as a batch of one row, by the names of ``model.Inputs``."""
    cut = slice(0, most + 1)
    over: Arrays = {"rows": s.rows[cut], "features": s.features[cut], "lookups": s.lookups[cut], "recall": s.recall[cut]}
    given: NDArray[Any] = s.given.rows if len(s.given) else np.zeros((1, 7), np.int16)
    return {name: a[:, None].astype(np.int64) for name, a in over.items()} | {
        "parts": s.parts[None].astype(np.int64),
        "conditions": s.conditions[None].astype(np.int64),
        "given": given[:, None].astype(np.int64),
        "causal": np.array([s.causal]),
        "reset": np.array([True]),
    }


def runtime_nats(engine: OnnxEngine, batch: Arrays) -> NDArray[np.float64]:
    """(T, 6) by the runtime, with the very calls that sampling makes: every step of the piece is a row."""
    rows, target = batch["rows"][:-1, 0], batch["rows"][1:, 0]
    context = engine.context(batch["parts"], batch["conditions"], batch["given"], batch["causal"])
    seen = StepInputs(*(batch[name][:-1] for name in ("rows", "features", "lookups", "recall")))
    z, told, _ = engine.read(context, engine.initial_state(batch["conditions"]), seen)
    heads, context = HeadState(z[:, 0].copy(), told[:, 0]), context.pick(np.zeros(len(rows), np.int64))
    program, _, held = batch["parts"][0].T
    allowed = (program != UNDECLARED) & (held == 0)
    last_part = np.full(len(rows), int(np.flatnonzero(allowed).max(initial=0)))
    out = np.zeros((len(rows), len(Field)))
    for field in Field:
        if field == Field.PART:
            heads = engine.set_time(context, heads, batch["features"][1:, 0], batch["lookups"][1:, 0])
        logits = engine.logits(context, heads, field).astype(np.float64)
        low, high = bounds(engine.codec, np, field, rows, target, last_part)
        values = np.arange(logits.shape[1])
        legal = (values >= low[:, None]) & (values <= high[:, None])
        if field == Field.PART:
            legal &= allowed | (target[:, Field.ROLE] != Role.NOTE)[:, None]
        logits[~legal] = -np.inf
        most = logits.max(-1)
        out[:, field] = most + np.log(np.exp(logits - most[:, None]).sum(-1)) - logits[np.arange(len(rows)), target[:, field]]
        heads = engine.embed_choice(context, heads, field, target[:, field], target[:, Field.ROLE])
    return out
