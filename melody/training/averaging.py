"""The averaged weights of a run: what validation scores and bundles hold."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor

from melody.model import EventLSTM
from melody.training.tuning import STYLE

Tensors = dict[str, Tensor]


@dataclass(eq=False)
class WeightAverage:
    """Exponential moving average of a network's weights, and where it is read: all of it, or part of the way.

    ``weights``: the average, by name. ``initial``: the weights that a fine-tuning began with, where it stops part of the way
    (``interpolation`` below 1); otherwise empty.

    Weights between two models that one training connects are good at what either is good at (Wortsman et al., Robust
    fine-tuning of zero-shot models, CVPR 2022).
    """

    weights: Tensors
    interpolation: float = 1.0
    initial: Tensors = field(default_factory=dict)

    @staticmethod
    def of(model: EventLSTM, interpolation: float = 1.0, tuned: bool = False) -> WeightAverage:
        """The average before the first update: a copy of the weights. ``tuned``: they are those of a model that is taught more."""
        weights = {n: t.detach().clone() for n, t in model.state_dict().items()}
        initial = {n: t.clone() for n, t in weights.items()} if tuned and interpolation < 1 else {}
        return WeightAverage(weights, interpolation, initial)

    @torch.no_grad()
    def update(self, model: EventLSTM, step: int, decay: float) -> None:
        """Take in the weights after update number ``step`` (from 0); the memory is shorter than ``decay`` says at first."""
        decay = min(decay, (1 + step) / (10 + step))
        own = model.state_dict()
        torch._foreach_lerp_(list(self.weights.values()), [own[n] for n in self.weights], 1 - decay)

    def model(self, like: EventLSTM) -> EventLSTM:
        """A network as ``like``, with the averaged weights, ready to sample (``eval`` mode).

        With ``interpolation`` below 1 all weights but those of the styles lie that far between the initial and the averaged ones.
        """
        # A copy, because making a new network would draw random numbers: a run that saves would no longer be the run that does not.
        model = copy.deepcopy(like)
        weights = self.weights
        if self.initial:
            weights = {n: t if n in STYLE else torch.lerp(self.initial[n], t, self.interpolation) for n, t in weights.items()}
        model.load_state_dict(weights)
        return model.eval()
