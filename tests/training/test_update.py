"""One update beside plain formulas: the rate, the clipped gradient, the average of the weights, the nats that are shown."""

import copy
import math

import pytest
import torch

from melody.model import to_tensors
from melody.training.recipe import changed

from .conftest import Log, tiny


class Kept(Log):
    """Keeps the weights after every update."""

    def __init__(self, trainer):
        super().__init__()
        self.trainer, self.weights = trainer, []

    def update(self, progress):
        super().update(progress)
        self.weights.append({n: t.clone() for n, t in self.trainer.learner.model.state_dict().items()})


def test_the_rate_rises_and_falls_as_the_recipe_says(start):
    recipe = tiny(steps=12, warmup=4, rate=0.01, final_rate=0.1)
    trainer, used = start(recipe=recipe), []
    step = trainer.learner.optimiser.step
    trainer.learner.optimiser.step = lambda: used.append([g["lr"] for g in trainer.learner.optimiser.param_groups]) or step()
    trainer.run(Log())
    for done, rates in enumerate(used):
        cosine = 0.5 * (1 + math.cos(math.pi * done / 12))
        assert rates == pytest.approx([0.01 * min(1, (done + 1) / 4) * (0.1 + 0.9 * cosine)] * len(rates))
    assert len(used) == 12


def test_the_gradient_is_clipped(start):
    trainer = start(recipe=tiny(steps=2, clip=0.01))
    log = Log()
    trainer.run(log)
    norms = torch.stack([p.grad.norm() for p in trainer.learner.model.parameters() if p.grad is not None])
    assert float(norms.norm()) == pytest.approx(0.01, rel=1e-3) and log.seen[-1].norm > 0.1


@pytest.mark.parametrize("share", [0.05, 0.9])
def test_the_average_forgets_quickly_at_first_and_then_as_the_recipe_says(start, share):
    trainer = start(recipe=tiny(steps=6, average=share))
    kept = Kept(trainer)
    average = {n: t.clone() for n, t in trainer.learner.averages.weights.items()}
    trainer.run(kept)
    for step, weights in enumerate(kept.weights):
        decay = min(share, (1 + step) / (10 + step))
        average = {n: decay * t + (1 - decay) * weights[n] for n, t in average.items()}
    for name, tensor in trainer.learner.averages.weights.items():
        torch.testing.assert_close(tensor, average[name])


def test_nats_are_those_of_a_note_and_smooth(start):
    recipe = changed(tiny(steps=3), {"model": {"dropout": 0.0}})
    trainer = start(recipe=recipe)
    model, batches = copy.deepcopy(trainer.learner.model), iter(start("other", recipe).stream)
    kept = Kept(trainer)
    trainer.run(kept)
    shown, state = None, model.blank_state(3)
    for progress, weights in zip(kept.seen, kept.weights, strict=True):
        batch = next(batches)
        with torch.no_grad():
            nats, state = model(to_tensors(batch, torch.device("cpu")), state)
        mine = float(nats.sum(-1)[torch.from_numpy(batch.valid)].sum()) / batch.notes
        shown = mine if shown is None else 0.98 * shown + 0.02 * mine
        assert progress.nats == pytest.approx(shown, rel=1e-4)
        model.load_state_dict(weights)
