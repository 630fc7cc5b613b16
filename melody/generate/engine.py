"""Engines: what turns events into logits. The loop talks to this interface alone.

Everything that changes is a value that goes in and comes out: a context (what stays the same while a piece goes on), a recurrent
state, and heads (how far the fields of one event are chosen). Arguments may be modified in place; use the returned value.
There are two engines: ``torch_engine.TorchEngine`` and ``runtime.engine.OnnxEngine``, and fakes in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.columns import StepInputs
from melody.codec.table import Field
from melody.corpus.batch import Batch

Ints = NDArray[np.integer[Any]]
Steps = StepInputs[Ints]
Context = TypeVar("Context")
State = TypeVar("State")
Heads = TypeVar("Heads")


class Engine(Protocol[Context, State, Heads]):
    """Shapes: B rows, T steps, G given notes, V values of a field. What a row gets does not depend on its neighbours."""

    codec: CodecConfig

    def context(self, parts: Ints, conditions: Ints, given: Ints, causal: NDArray[np.bool_]) -> Context:
        """The context of B pieces: parts (B, 16, 3), conditions (B, 5), given notes (G, B, 7), whether the future is unseen (B,)."""

    def update_parts(self, context: Context, rows: Ints, parts: Ints) -> Context:
        """Some rows (n,) have other parts (n, 16, 3) now."""

    def initial_state(self, conditions: Ints) -> State:
        """The state of pieces of these conditions (B, 5) before anything was read."""

    def advance(self, context: Context, state: State, steps: Steps) -> tuple[Heads, State]:
        """Read T events (T, B, ...): the heads after the last one, and the state."""

    def logits(
        self, context: Context, heads: Heads, field: Field, rows: int | None = None, values: int | None = None
    ) -> NDArray[np.float32]:
        """Logits (rows, V) of a field, given the fields chosen so far, for the first ``rows`` of the batch (None: for all).

        No more than the first ``values`` are needed (None: all); there may be more.
        """

    def embed_choice(self, context: Context, heads: Heads, field: Field, value: Ints, role: Ints) -> Heads:
        """The heads of the later fields know the value (B,) of ``field``; ``role`` (B,) is the event's."""

    def set_time(self, context: Context, heads: Heads, features: Ints, lookups: Ints) -> Heads:
        """The heads of part, pitch, duration and velocity know what stands at the new time: (B, 4), (B, 5)."""

    def nats(self, batch: Batch) -> NDArray[np.float64]:
        """(T, 6): nats of every field of every event of a batch of one row that starts a piece, the true earlier fields known."""

    def join(self, states: Sequence[State]) -> State:
        """States of some rows each -> the state of all."""

    def pick(self, context: Context, state: State, rows: Ints) -> tuple[Context, State]:
        """Context and state of some rows (n,) of the batch, in this order; a row may be named more than once."""

    def put(self, context: Context, state: State, rows: Ints, other: Context, other_state: State) -> tuple[Context, State]:
        """Other pieces (a context and a state of n rows) take the places of some rows (n,)."""


AnyEngine = Engine[Any, Any, Any]  # for those who hand an engine on without looking inside
