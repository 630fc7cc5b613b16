"""Engines: what turns events into logits. The loop talks to this interface alone.

Everything that changes is a value that goes in and comes out. ``TorchEngine`` runs the network itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.table import Field

if TYPE_CHECKING:
    from melody.model import EventLSTM

Ints = NDArray[np.integer[Any]]


class StepInputs(NamedTuple):
    """T events of B rows, and what stands at the time that each one reached."""

    rows: Ints  # (T, B, 6)
    features: Ints  # (T, B, 4)
    lookups: Ints  # (T, B, 5)
    told: Ints  # (T, B, 5, 6): what is recalled


class Engine(Protocol):
    """Shapes: B rows, T steps, G given notes, V values of a field. ``context``, ``state`` and ``heads`` are opaque values.

    A value that went in may have been written over: what comes out takes its place.
    """

    codec: CodecConfig

    def context(self, parts: Ints, conditions: Ints, given: Ints, causal: NDArray[np.bool_]) -> Any:
        """(B, 16, 3), (B, 5), (G, B, 7), (B,) -> what stays the same for a while."""

    def update_parts(self, context: Any, rows: Ints, parts: Ints) -> Any:
        """Some rows (n,) have other parts (n, 16, 3) now."""

    def initial_state(self, conditions: Ints) -> Any:
        """The state of pieces of these conditions (B, 5) before anything was read."""

    def advance(self, context: Any, state: Any, seen: StepInputs) -> tuple[Any, Any]:
        """Read T events with what stands at their times: the heads after the last one, and the state."""

    def logits(self, context: Any, heads: Any, field: Field, rows: int | None = None, values: int | None = None) -> NDArray[np.float32]:
        """Logits (rows, V) of a field, given what the heads were told, for the first ``rows`` of the batch (None: for all).

        No more than the first ``values`` are asked for (None: all); there may be more.
        """

    def embed_choice(self, context: Any, heads: Any, field: Field, value: Ints, role: Ints) -> Any:
        """Tell the later heads the value (B,) of a field."""

    def set_time(self, context: Any, heads: Any, features: Ints, lookups: Ints) -> Any:
        """Tell part, pitch, duration and velocity where the new time stands: (B, 4), (B, 5)."""

    def join(self, states: list[Any]) -> Any:
        """States of some rows each -> the state of all."""

    def pick(self, context: Any, state: Any, rows: Ints) -> tuple[Any, Any]:
        """Context and state of some rows of the batch."""

    def put(self, context: Any, state: Any, rows: Ints, others: Any, theirs: Any) -> tuple[Any, Any]:
        """Other pieces (a context and a state of n rows) take the places of some rows (n,)."""


class TorchContext(NamedTuple):
    """What the network made of it, and of what: so that it can be made again."""

    made: Any
    parts: Ints
    conditions: Ints
    given: Ints
    causal: NDArray[np.bool_]

    def pick(self, rows: Ints) -> list[Any]:
        """What some rows were made of."""
        return [self.parts[rows], self.conditions[rows], self.given[:, rows], self.causal[rows]]


class TorchEngine:
    """The network in torch, on the CPU or a GPU."""

    def __init__(self, model: EventLSTM) -> None:
        import torch

        self.torch, self.model, self.codec = torch, model.eval(), model.codec
        self.device = next(model.parameters()).device

    def _tensor(self, array: Any) -> Any:
        tensor = self.torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
        return tensor if tensor.dtype is self.torch.bool else tensor.long()

    def context(self, parts: Ints, conditions: Ints, given: Ints, causal: NDArray[np.bool_]) -> TorchContext:
        """See Engine."""
        with self.torch.inference_mode():
            made = self.model.context(*(self._tensor(a) for a in (parts, conditions, given, causal)))
            return TorchContext(made, parts, conditions, given, causal)

    def update_parts(self, context: TorchContext, rows: Ints, parts: Ints) -> TorchContext:
        """See Engine."""
        every = context.parts.copy()
        every[rows] = parts
        return self.context(every, context.conditions, context.given, context.causal)

    def initial_state(self, conditions: Ints) -> Any:
        """See Engine."""
        with self.torch.inference_mode():
            return self.model.initial_state(self._tensor(conditions))

    def advance(self, context: TorchContext, state: Any, seen: StepInputs) -> tuple[Any, Any]:
        """See Engine."""
        with self.torch.inference_mode():
            rows, features, lookups, told = (self._tensor(a) for a in seen)
            x = self.model.embed(context.made, rows, features, lookups, told)
            y, state = self.model.advance(x, state)
            return self.model.begin_heads(y[-1], told[-1]), state

    def logits(
        self, context: TorchContext, heads: Any, field: Field, rows: int | None = None, values: int | None = None
    ) -> NDArray[np.float32]:
        """See Engine."""
        with self.torch.inference_mode():
            logits: NDArray[np.float32] = self.model.score_field(context.made, heads, field)[:rows].float().cpu().numpy()
            return logits

    def embed_choice(self, context: TorchContext, heads: Any, field: Field, value: Ints, role: Ints) -> Any:
        """See Engine."""
        if field == Field.VELOCITY:
            return heads
        with self.torch.inference_mode():
            heads = self.model.choose_field(heads, field, self._tensor(value))
            if field == Field.PART:
                heads = self.model.choose_part(context.made, heads, self._tensor(value), self._tensor(role))
            return heads

    def set_time(self, context: TorchContext, heads: Any, features: Ints, lookups: Ints) -> Any:
        """See Engine."""
        with self.torch.inference_mode():
            return self.model.set_time(context.made, heads, self._tensor(features), self._tensor(lookups))

    def join(self, states: list[Any]) -> Any:
        """See Engine."""
        kind = type(states[0])
        return kind(*(self.torch.cat(list(parts), 1) for parts in zip(*states, strict=True)))

    def pick(self, context: TorchContext, state: Any, rows: Ints) -> tuple[TorchContext, Any]:
        """See Engine."""
        index = self._tensor(rows)
        state = type(state)(*(t.index_select(1, index) for t in state))
        second = ("given_body", "given_head")  # the batch is their second dimension
        made = context.made
        made = type(made)(*(t.index_select(1 if n in second else 0, index) for n, t in zip(made._fields, made, strict=True)))
        return TorchContext(made, *context.pick(rows)), state

    def put(self, context: TorchContext, state: Any, rows: Ints, others: TorchContext, theirs: Any) -> tuple[TorchContext, Any]:
        """See Engine."""
        index = self._tensor(rows)
        state = type(state)(*(mine.index_copy(1, index, new) for mine, new in zip(state, theirs, strict=True)))
        parts, conditions, causal = context.parts.copy(), context.conditions.copy(), context.causal.copy()
        parts[rows], conditions[rows], causal[rows] = others.parts, others.conditions, others.causal
        most = max(len(context.given), len(others.given))
        given, new = (np.pad(g, ((0, most - len(g)), (0, 0), (0, 0))) for g in (context.given, others.given))
        given[:, rows] = new
        return self.context(parts, conditions, given, causal), state
