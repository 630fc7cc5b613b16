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


class Seen(NamedTuple):
    """T events of B rows, and what stands at the time that each one reached."""

    rows: Ints  # (T, B, 6)
    features: Ints  # (T, B, 4)
    lookups: Ints  # (T, B, 5)
    told: Ints  # (T, B, 5, 6): what is recalled


class Engine(Protocol):
    """Shapes: B rows, T steps, G given notes, V values of a field. ``context``, ``state`` and ``heads`` are opaque values."""

    codec: CodecConfig

    def context(self, parts: Ints, conditions: Ints, given: Ints, live: NDArray[np.bool_]) -> Any:
        """(B, 16, 3), (B, 5), (G, B, 7), (B,) -> what stays the same for a while."""

    def start(self, conditions: Ints) -> Any:
        """The state of pieces of these conditions (B, 5) before anything was read."""

    def advance(self, context: Any, state: Any, seen: Seen) -> tuple[Any, Any]:
        """Read T events with what stands at their times: the heads after the last one, and the state."""

    def score(self, context: Any, heads: Any, field: Field) -> NDArray[np.float32]:
        """Logits (B, V) of a field, given what the heads were told."""

    def tell(self, context: Any, heads: Any, field: Field, value: Ints, role: Ints) -> Any:
        """Tell the later heads the value (B,) of a field."""

    def arrive(self, context: Any, heads: Any, features: Ints, lookups: Ints) -> Any:
        """Tell part, pitch, duration and velocity where the new time stands: (B, 4), (B, 5)."""

    def join(self, states: list[Any]) -> Any:
        """States of single rows -> the state of a batch."""

    def pick(self, context: Any, state: Any, rows: Ints) -> tuple[Any, Any]:
        """Context and state of some rows of the batch."""


class TorchEngine:
    """The network in torch, on the CPU or a GPU."""

    def __init__(self, model: EventLSTM) -> None:
        import torch

        self.torch, self.model, self.codec = torch, model.eval(), model.codec
        self.device = next(model.parameters()).device

    def _tensor(self, array: Any) -> Any:
        tensor = self.torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
        return tensor if tensor.dtype is self.torch.bool else tensor.long()

    def context(self, parts: Ints, conditions: Ints, given: Ints, live: NDArray[np.bool_]) -> Any:
        """See Engine."""
        with self.torch.inference_mode():
            return self.model.context(*(self._tensor(a) for a in (parts, conditions, given, live)))

    def start(self, conditions: Ints) -> Any:
        """See Engine."""
        with self.torch.inference_mode():
            return self.model.initial_state(self._tensor(conditions))

    def advance(self, context: Any, state: Any, seen: Seen) -> tuple[Any, Any]:
        """See Engine."""
        with self.torch.inference_mode():
            rows, features, lookups, told = (self._tensor(a) for a in seen)
            x = self.model.embed(context, rows, features, lookups, told)
            y, state = self.model.advance(x, state)
            return self.model.begin_heads(y[-1], told[-1]), state

    def score(self, context: Any, heads: Any, field: Field) -> NDArray[np.float32]:
        """See Engine."""
        with self.torch.inference_mode():
            logits: NDArray[np.float32] = self.model.score_field(context, heads, field).float().cpu().numpy()
            return logits

    def tell(self, context: Any, heads: Any, field: Field, value: Ints, role: Ints) -> Any:
        """See Engine."""
        if field == Field.VELOCITY:
            return heads
        with self.torch.inference_mode():
            heads = self.model.choose_field(heads, field, self._tensor(value))
            if field == Field.PART:
                heads = self.model.choose_part(context, heads, self._tensor(value), self._tensor(role))
            return heads

    def arrive(self, context: Any, heads: Any, features: Ints, lookups: Ints) -> Any:
        """See Engine."""
        with self.torch.inference_mode():
            return self.model.arrive(context, heads, self._tensor(features), self._tensor(lookups))

    def join(self, states: list[Any]) -> Any:
        """See Engine."""
        kind = type(states[0])
        return kind(*(self.torch.cat(list(parts), 1) for parts in zip(*states, strict=True)))

    def pick(self, context: Any, state: Any, rows: Ints) -> tuple[Any, Any]:
        """See Engine."""
        index = self._tensor(rows)
        state = type(state)(*(t.index_select(1, index) for t in state))
        batch_second = ("given_body", "given_head")
        context = type(context)(
            *(t.index_select(1 if n in batch_second else 0, index) for n, t in zip(context._fields, context, strict=True))
        )
        return context, state
