"""What one update changes: the network, its optimiser, its averaged weights and the state that it carries from batch to batch.

Knows batches and precision; does not know schedules, validation or files. Shapes: T time, B batch, L layers, H width.
"""

from __future__ import annotations

import time
from typing import Any, NamedTuple

import torch

from melody.corpus.batch import Batch
from melody.model import EventLSTM, State, to_tensors
from melody.training.averaging import WeightAverage
from melody.training.config import TrainConfig
from melody.training.device import Placement
from melody.training.stability import Stability
from melody.training.state import RunState


class StepTotals(NamedTuple):
    """What the processes of a run add up at every step, each its own share."""

    nats: float = 0.0
    events: float = 0.0
    notes: float = 0.0
    seconds: float = 0.0  # of the first process only: its clock is that of the schedule
    stop: float = 0.0  # more than 0: a process was asked to stop
    save: float = 0.0  # likewise: it is time to save


class Update(NamedTuple):
    """How an update went."""

    norm: float  # of the gradient, before clipping
    totals: StepTotals
    skipped: bool  # it was not finite, or exploded, and changed nothing


class Learner:
    """A network that learns from batches. ``rows``: of each batch, in this process; ``tuned``: it has learned before."""

    def __init__(self, model: EventLSTM, config: TrainConfig, place: Placement, rows: int, tuned: bool = False) -> None:
        self.model, self.place, self.config = model, place, config
        self.averages = WeightAverage.of(model, config.interpolation, tuned)
        self.optimiser = torch.optim.AdamW(_groups(model, config.weight_decay), lr=config.rate, betas=(0.9, 0.98), fused=True)
        self.recurrent = model.blank_state(rows)

    def update(self, batch: Batch, rate: float, step: int, stability: Stability, asked: StepTotals, begin: float) -> Update:
        """Learn from one batch, together with the other processes. ``step``: updates before this one.

        ``asked``: what this process adds to ``stop`` and ``save``; ``begin``: when the run began by the clock of this process.
        """
        group, device, dtype = self.place
        self.model.train()
        for parameters in self.optimiser.param_groups:
            parameters["lr"] = rate
        mask, events = torch.from_numpy(batch.valid).to(device), int(batch.valid.sum())
        with torch.autocast(device.type, torch.bfloat16, enabled=dtype is torch.bfloat16):
            nats, recurrent = self.model(to_tensors(batch, device), self.recurrent.detach())
        # Padding holds rows that the grammar forbids (infinite nats): chosen away, not multiplied by zero.
        loss = torch.where(mask, nats.sum(-1), 0.0).sum() / max(1, events)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        seconds = time.monotonic() - begin if group.first else 0.0
        totals = StepTotals(float(loss.detach()) * events, events, batch.notes, seconds, asked.stop, asked.save if group.first else 0.0)
        trainable = [p for p in self.model.parameters() if p.requires_grad]
        if group.joined:
            totals = StepTotals(*group.sum_gradients(trainable, events, totals))
        norm = float(torch.nn.utils.clip_grad_norm_(trainable, self.config.clip))
        if stability.is_bad(totals.nats / max(1, totals.events), norm):
            self.forget()
            return Update(norm, totals, skipped=True)
        self.optimiser.step()
        self.recurrent = recurrent.detach()
        self.averages.update(self.model, step, self.config.average)
        return Update(norm, totals, skipped=False)

    def forget(self) -> None:
        """Carry nothing from the batches before into the next one."""
        self.recurrent = self.model.blank_state(self.recurrent.hidden.shape[1])

    def averaged(self) -> EventLSTM:
        """A copy of the network with the averaged weights: what is validated and kept."""
        return self.averages.model(self.model)

    def moments(self) -> dict[int, Any]:
        """The optimiser's running means, by number of the parameter."""
        moments: dict[int, Any] = self.optimiser.state_dict()["state"]
        return moments

    def parameters(self) -> list[torch.Tensor]:
        """In the optimiser's order: what the numbers of ``moments`` count."""
        return [p for group in self.optimiser.param_groups for p in group["params"]]

    @torch.no_grad()
    def put(self, state: RunState) -> None:
        """Take over the weights, their averages and the moments of a state; its tensors are copied. What is carried stays."""
        self.model.load_state_dict(state.weights)
        for name, average in self.averages.weights.items():
            average.copy_(state.averages[name])
        groups = self.optimiser.state_dict()["param_groups"]  # our own: rates and decays come from the recipe
        self.optimiser.load_state_dict({"state": state.copy().moments, "param_groups": groups})

    def carry(self, state: State) -> None:
        """Carry ``state`` (L, B, H) into the next batch."""
        self.recurrent = State(*(t.to(self.place.device) for t in state))


def _groups(model: EventLSTM, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices of the layers only: not for embeddings, norms and biases."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    mine = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in mine if p.dim() > 1 and id(p) not in embeddings]
    others = [p for p in mine if p.dim() <= 1 or id(p) in embeddings]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
