"""OnnxEngine: the Engine of ``generate`` on a runtime file, without torch. ONNX Runtime carries the body, numpy the heads.

A row's numbers do not depend on its neighbours, and a prime's not on whether it is read in one call or step by step.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.bundle import Bundle
from melody.codec.columns import DISTANCES, Lookup, PartColumn, blank_steps
from melody.codec.grammar import legal_values
from melody.codec.table import UNDECLARED, Field, Role, kind_of
from melody.corpus.batch import Batch
from melody.errors import MelodyError, Remedy
from melody.files import reason, shown
from melody.generate.engine import Ints, Steps
from melody.runtime import graph, protobuf
from melody.runtime.context import Context, Contexts
from melody.runtime.file import NAME, Tables, read
from melody.runtime.heads import HeadState, HeadTables
from melody.runtime.layout import ANCHORS, Layout, offsets

State = list[NDArray[np.float32]]  # hidden and cell of each layer in turn, each (1, B, H + ANCHORS)
NOTE = int(Role.NOTE)
SLOW_OPTIMIZERS = ["SkipLayerNormFusion"]  # what ONNX Runtime would do and takes longer: 0.2 ms a step of 64 rows
LOG_ERRORS = 3  # of ONNX Runtime's log: errors only
ANCHOR_CELL = 30.0  # cell of a range anchor: open gates only move it away from zero


class OnnxEngine:
    """See ``generate.engine.Engine``."""

    def __init__(self, bundle: Bundle, threads: int = 1) -> None:
        """Raises MelodyError where the runtime file is missing, damaged or of other weights; ImportError without onnxruntime."""
        tables = read(bundle)
        self.codec = bundle.codec
        self.layout = Layout.of(bundle.codec, bundle.model)
        try:
            self._prepare(tables)
            self.session = session(self.layout, tables, threads)
            self._warm_up()
        except (ValueError, KeyError, RuntimeError, TypeError) as fault:
            why = f"{shown(bundle.folder / NAME)}: cannot be run ({reason(fault)[:120]})"
            raise MelodyError(why, Remedy.EXPORT, folder=shown(bundle.folder)) from None

    def _prepare(self, tables: Tables) -> None:
        layout = self.layout
        self.contexts, self.heads = Contexts(tables, layout), HeadTables(tables, layout)
        self.initial = tables.get("initial")
        self.arrive_table = tables["arrive"]
        self.event_offsets = offsets(layout.events)
        self.arrive_offsets = offsets(layout.metre + layout.distances)
        self.recall_offsets = offsets(layout.recalled)
        self.states = [f"{kind}{i}" for i in range(layout.layers) for kind in "hc"]
        self.plays = np.array([int(role in (Role.NOTE, Role.PART)) for role in Role], np.int64)
        self.anchors = np.zeros((0, 0, 2), np.float32)
        self.outputs = ["heads", *(f"{name}.out" for name in self.states)]

    def _warm_up(self) -> None:
        """Where every piece begins, the range anchors as the operator itself leaves them (they must never change)."""
        layout = self.layout
        blank = np.zeros((1, 1, layout.width + ANCHORS), np.float32)
        blank[..., layout.width : layout.width + 2] = ANCHOR_CELL, -ANCHOR_CELL
        self.blank: State = [np.tanh(blank) if name[0] == "h" else blank for name in self.states]
        context = self.contexts.make(
            np.zeros((1, 16, 3), np.int64), np.zeros((1, 5), np.int64), np.zeros((1, 1, 7), np.int64), np.zeros(1, bool)
        )
        heads, after = self.advance(context, self.blank, blank_steps(1, 1))
        anchors = slice(layout.width, layout.width + ANCHORS)
        if heads.z.shape != (1, len(Field), layout.head) or not np.isfinite(heads.z).all():
            raise ValueError("its first step gives values that are not finite")
        for name, zero, new in zip(self.states, self.blank, after, strict=True):
            if name[0] == "h":
                zero[..., anchors] = new[..., anchors]
        if not all(0.99 < abs(zero[0, 0, layout.width + i]) <= 1 for zero in self.blank[::2] for i in range(2)):
            raise ValueError("its range anchors move")

    def context(self, parts: Ints, conditions: Ints, given: Ints, causal: NDArray[np.bool_]) -> Context:
        """See Engine."""
        return self.contexts.make(parts, conditions, given, causal)

    def initial_state(self, conditions: Ints) -> State:
        """See Engine."""
        count, width, layers = len(conditions), self.layout.width, self.layout.layers
        state = [np.repeat(zero, count, 1) for zero in self.blank]
        if self.initial is not None:
            begin = self.initial[np.asarray(conditions)[:, 0]].reshape(count, 2, layers, width)
            for i in range(layers):
                state[2 * i][0, :, :width] = begin[:, 0, i].clip(-1, 1)  # as every later one: beyond the anchors the steps would change
                state[2 * i + 1][0, :, :width] = begin[:, 1, i]
        return state

    def update_parts(self, context: Context, rows: Ints, parts: Ints) -> Context:
        """See Engine."""
        return self.contexts.update_parts(context, rows, parts)

    def advance(self, context: Context, state: State, steps: Steps) -> tuple[HeadState, State]:
        """See Engine."""
        z, recalled, state = self.read(context, state, steps)
        return HeadState(z[-1], recalled[-1]), state

    def read(self, context: Context, state: State, steps: Steps) -> tuple[NDArray[np.float32], NDArray[np.int64], State]:
        """Read T events: what the heads start from (T, B, 6, P), what is recalled (T, B, 5, 6), and the state after."""
        rows, features, lookups, _ = steps
        length, count = rows.shape[:2]
        recalled: NDArray[np.int64] = steps.recalled.astype(np.int64, copy=False)
        known = features[..., : len(self.layout.metre)]
        events = np.concatenate([rows, known, lookups[..., DISTANCES[0] :]], -1, dtype=np.int64)
        events += self.event_offsets
        base = context.body.take(context.first + 1 + (1 + rows[..., Field.PART]) * self.plays[rows[..., Field.ROLE]], 0)
        base += context.body.take(context.first, 0)
        base += context.given_body.take(context.last + lookups[..., Lookup.LAST], 0)
        base += context.given_body.take(context.following + lookups[..., Lookup.NEXT], 0)
        feeds = {"events": events, "base": base, "anchors": self._anchors(length, count)}
        if self.layout.recall:
            feeds["recalled"] = recalled + self.recall_offsets
        feeds |= zip(self.states, state, strict=True)
        heads, *after = self.session.run(self.outputs, feeds)
        return heads.reshape(length, count, len(Field), -1), recalled, after

    def _anchors(self, steps: int, count: int) -> NDArray[np.float32]:
        if self.anchors.shape[:2] != (steps, count):
            self.anchors = np.empty((steps, count, 2), np.float32)
            self.anchors[:] = 1, -1
        return self.anchors

    def logits(
        self, context: Context, heads: HeadState, field: Field, rows: int | None = None, values: int | None = None
    ) -> NDArray[np.float32]:
        """See Engine."""
        count = len(heads.z) if rows is None else rows
        if field == Field.PART:
            return self.heads.logits(heads, field, count, None, context.query[:count], context.query_bias[:count])
        return self.heads.logits(heads, field, count, values, None, None)

    def embed_choice(self, context: Context, heads: HeadState, field: Field, value: Ints, role: Ints) -> HeadState:
        """See Engine."""
        if field == Field.VELOCITY:
            return heads
        self.heads.embed_choice(heads, field, value)
        if field == Field.PART:
            at = context.first + np.where(role == NOTE, 2 + value, 1)
            heads.z[:, Field.PITCH :] += context.head.take(at, 0)[:, None]
        return heads

    def set_time(self, context: Context, heads: HeadState, features: Ints, lookups: Ints) -> HeadState:
        """See Engine."""
        at = np.concatenate([features[:, : len(self.layout.metre)], lookups[:, DISTANCES[0] :]], -1, dtype=np.int64)
        at += self.arrive_offsets
        time = self.arrive_table.take(at, 0).sum(1)
        time += context.given_head.take(context.last + lookups[:, Lookup.LAST], 0)
        time += context.given_head.take(context.following + lookups[:, Lookup.NEXT], 0)
        heads.z[:, Field.PART :] += time[:, None]
        return heads

    def nats(self, batch: Batch) -> NDArray[np.float64]:
        """See Engine. Made by the very calls that sampling makes: every step of the piece becomes a row of the heads."""
        before, after = batch.steps.at(slice(None, -1)), batch.steps.at(slice(1, None))
        context = self.context(batch.parts, batch.conditions, batch.given, batch.causal)
        z, recalled, _ = self.read(context, self.initial_state(batch.conditions), before)
        heads, context = HeadState(z[:, 0].copy(), recalled[:, 0]), context.shared(np.zeros(len(z), np.int64))
        events, target = before.events[:, 0].astype(np.int64), after.events[:, 0].astype(np.int64)
        part = batch.parts[0]
        allowed = (part[:, PartColumn.PROGRAM] != UNDECLARED) & (part[:, PartColumn.GIVEN] == 0)
        last_part = np.full(len(target), int(np.flatnonzero(allowed).max(initial=0)))
        kind = kind_of(self.codec, part[:, PartColumn.PROGRAM].astype(np.int64))[target[:, Field.PART]]
        out = np.zeros((len(target), len(Field)))
        for field in Field:
            if field == Field.PART:
                heads = self.set_time(context, heads, after.features[:, 0], after.lookups[:, 0])
            logits = self.logits(context, heads, field).astype(np.float64)
            values = np.arange(logits.shape[1])
            logits[~legal_values(self.codec, np, field, events, target, allowed, last_part, values, kind)] = -np.inf
            top = logits.max(-1)
            out[:, field] = top + np.log(np.exp(logits - top[:, None]).sum(-1)) - logits[np.arange(len(target)), target[:, field]]
            heads = self.embed_choice(context, heads, field, target[:, field], target[:, Field.ROLE])
        return out

    def join(self, states: Sequence[State]) -> State:
        """See Engine."""
        return [np.concatenate(parts, 1) for parts in zip(*states, strict=True)]

    def pick(self, context: Context, state: State, rows: Ints) -> tuple[Context, State]:
        """See Engine."""
        return context.pick(rows), [part.take(rows, 1) for part in state]

    def put(self, context: Context, state: State, rows: Ints, other: Context, other_state: State) -> tuple[Context, State]:
        """See Engine."""
        for mine, new in zip(state, other_state, strict=True):
            mine[:, rows] = new
        return context.put(rows, other), state


def session(layout: Layout, tables: Tables, threads: int) -> Any:
    """An ONNX Runtime session on the CPU, which spins on no thread."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read at its import: else it reports its use and leaves files in the home folder
    import onnxruntime  # type: ignore[import-untyped]  # it says nothing of its types

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = LOG_ERRORS
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    model = protobuf.model(graph.nodes(layout), graph.inputs(layout), graph.outputs(layout), graph.initializers(layout, tables))
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"], disabled_optimizers=SLOW_OPTIMIZERS)
    except Exception as fault:  # noqa: BLE001  # its errors are classes of a compiled module without a common base of their own
        raise ValueError(reason(fault)) from None
