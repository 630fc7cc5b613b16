"""TorchEngine: the network itself as an ``Engine``, on the CPU or a GPU. Slower than the runtime on a CPU, and needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from melody.codec.columns import StepInputs
from melody.codec.table import Field
from melody.corpus.batch import Batch
from melody.generate.engine import Ints, Steps
from melody.model import Context, EventLSTM, Inputs, State
from melody.model.values import Heads

BATCH_SECOND = ("given_body", "given_head")  # fields of a Context whose second axis is the batch


class TorchContext(NamedTuple):
    """The network's context, and what it was made of, so that it can be made again with other parts."""

    made: Context
    parts: Ints
    conditions: Ints
    given: Ints
    causal: NDArray[np.bool_]


class TorchEngine:
    """See ``generate.engine.Engine``."""

    def __init__(self, model: EventLSTM) -> None:
        self.model, self.codec = model.eval(), model.codec
        self.device = next(model.parameters()).device

    def _tensor(self, array: Any) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(array)).to(self.device)
        return tensor if tensor.dtype is torch.bool else tensor.long()

    def _tensors(self, steps: Steps) -> StepInputs[Tensor]:
        return StepInputs(*(self._tensor(a) for a in steps))

    @torch.inference_mode()
    def context(self, parts: Ints, conditions: Ints, given: Ints, causal: NDArray[np.bool_]) -> TorchContext:
        """See Engine."""
        made = self.model.context(*(self._tensor(a) for a in (parts, conditions, given, causal)))
        return TorchContext(made, parts, conditions, given, causal)

    def update_parts(self, context: TorchContext, rows: Ints, parts: Ints) -> TorchContext:
        """See Engine."""
        every = context.parts.copy()
        every[rows] = parts
        return self.context(every, context.conditions, context.given, context.causal)

    @torch.inference_mode()
    def initial_state(self, conditions: Ints) -> State:
        """See Engine."""
        return self.model.initial_state(self._tensor(conditions))

    @torch.inference_mode()
    def advance(self, context: TorchContext, state: State, steps: Steps) -> tuple[Heads, State]:
        """See Engine."""
        tensors = self._tensors(steps)
        y, state = self.model.advance(self.model.embed(context.made, tensors), state)
        return self.model.begin_heads(y[-1], tensors.recalled[-1]), state

    @torch.inference_mode()
    def logits(
        self, context: TorchContext, heads: Heads, field: Field, rows: int | None = None, values: int | None = None
    ) -> NDArray[np.float32]:
        """See Engine."""
        logits: NDArray[np.float32] = self.model.field_logits(context.made, heads, field)[:rows].float().cpu().numpy()
        return logits

    @torch.inference_mode()
    def embed_choice(self, context: TorchContext, heads: Heads, field: Field, value: Ints, role: Ints) -> Heads:
        """See Engine."""
        if field == Field.VELOCITY:
            return heads
        heads = self.model.choose_field(heads, field, self._tensor(value))
        if field == Field.PART:
            heads = self.model.choose_part(context.made, heads, self._tensor(value), self._tensor(role))
        return heads

    @torch.inference_mode()
    def set_time(self, context: TorchContext, heads: Heads, features: Ints, lookups: Ints) -> Heads:
        """See Engine."""
        return self.model.set_time(context.made, heads, self._tensor(features), self._tensor(lookups))

    @torch.inference_mode()
    def nats(self, batch: Batch) -> NDArray[np.float64]:
        """See Engine."""
        inputs = Inputs(self._tensors(batch.steps), *(self._tensor(getattr(batch, name)) for name in Inputs._fields if name != "steps"))
        nats, _ = self.model(inputs)
        out: NDArray[np.float64] = nats[:, 0].double().cpu().numpy()
        return out

    def join(self, states: Sequence[State]) -> State:
        """See Engine."""
        return State(*(torch.cat(list(parts), 1) for parts in zip(*states, strict=True)))

    def pick(self, context: TorchContext, state: State, rows: Ints) -> tuple[TorchContext, State]:
        """See Engine."""
        index = self._tensor(rows)
        state = State(*(t.index_select(1, index) for t in state))
        made = context.made
        axes = [int(name in BATCH_SECOND) for name in made._fields]
        made = Context(*(t.index_select(axis, index) for axis, t in zip(axes, made, strict=True)))
        return TorchContext(made, context.parts[rows], context.conditions[rows], context.given[:, rows], context.causal[rows]), state

    def put(self, context: TorchContext, state: State, rows: Ints, other: TorchContext, other_state: State) -> tuple[TorchContext, State]:
        """See Engine."""
        index = self._tensor(rows)
        state = State(*(mine.index_copy(1, index, new) for mine, new in zip(state, other_state, strict=True)))
        parts, conditions, causal = context.parts.copy(), context.conditions.copy(), context.causal.copy()
        parts[rows], conditions[rows], causal[rows] = other.parts, other.conditions, other.causal
        longest = max(len(context.given), len(other.given))
        given, new = (np.pad(g, ((0, longest - len(g)), (0, 0), (0, 0))) for g in (context.given, other.given))
        given[:, rows] = new
        return self.context(parts, conditions, given, causal), state
