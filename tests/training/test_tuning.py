"""Fine-tuning: which weights move, that a run is never worse than what it began with, and what is told of it."""

import math

import pytest
import torch

from melody import bundle
from melody.errors import CallError
from melody.training.recipe import changed, load_recipe
from melody.training.tuning import HEADS, STYLE

from .conftest import Log, tiny

pytestmark = pytest.mark.slow


@pytest.fixture
def began(model):
    origin = bundle.read(model)
    return origin, bundle.load_model(origin)


def moved(trainer, network):
    """Names of the weights that differ from those of ``network``."""
    old = network.state_dict()
    new = {n: t for n, t in trainer.learner.model.state_dict().items() if n in old}
    return {n for n, t in new.items() if not torch.equal(t[: len(old[n])] if t.dim() else t, old[n])}


def tune(start, began, how, **settings):
    origin, network = began
    trainer = start(recipe=tiny(steps=6, tune=how, **settings), base=network, origin=origin)
    return trainer, trainer.run(Log())


def test_all_weights_move(start, began):
    trainer, _ = tune(start, began, "all")
    assert {"cells.0.weight_hh_l0", "to_heads.weight", "fields.3.weight"} <= moved(trainer, bundle.load_model(began[0]))


def test_heads_leave_the_body_alone(start, began):
    trainer, _ = tune(start, began, "heads")
    names = moved(trainer, bundle.load_model(began[0]))
    assert "to_heads.weight" in names and all(n.startswith(HEADS) or n in STYLE for n in names)


def test_state_changes_the_rows_of_its_styles_only(start, began):
    trainer, _ = tune(start, began, "state")
    assert moved(trainer, bundle.load_model(began[0])) <= set(STYLE)
    rows = [1 + trainer.learner.model.codec.styles.index(s) for s in trainer.corpus.styles]
    others = [i for i in range(1 + len(trainer.learner.model.codec.styles)) if i not in rows]
    old, new = bundle.load_model(began[0]).state_dict(), trainer.learner.model.state_dict()
    assert torch.equal(new[STYLE[0]][others], old[STYLE[0]][others]) and not new[STYLE[1]][others].any()
    assert all(new[STYLE[1]][row].any() for row in rows)


def test_what_it_began_with_is_validated_first_and_stays_if_it_is_better(start, began):
    origin, _ = began
    trainer, result = tune(start, began, "all", rate=1.0, validate_every=3)
    assert math.isfinite(result.before) and result.best <= result.before
    kept = bundle.read(trainer.writer.path)
    if result.best == result.before:
        assert kept.training["step"] == 0
    assert kept.training["began_as"] == origin.sha256


def test_old_styles_stay_known_but_the_new_one_is_played(start, began):
    origin, _ = began
    trainer, _ = tune(start, began, "all")
    priors = bundle.read(trainer.writer.path).training["habits"]
    assert set(priors) >= set(origin.training["habits"]) | set(trainer.corpus.styles)
    assert all(h["pieces"] == 0 for s, h in priors.items() if s not in trainer.corpus.styles)


def test_a_resumed_tuning_is_the_tuning(start, began):
    origin, network = began
    whole = start("whole", tiny(steps=6, tune="heads", interpolation=0.5), base=network, origin=origin)
    whole.run(Log())
    half = start("half", tiny(steps=6, tune="heads", interpolation=0.5), base=bundle.load_model(origin), origin=origin)
    half.run(Log(last=4))
    base = bundle.load_model(bundle.read(half.writer.path))
    again = start("half", tiny(steps=6, tune="heads", interpolation=0.5), base=base, origin=origin)
    again.resume()
    result = again.run(Log())
    for read in (lambda t: t.learner.averaged().state_dict(), lambda t: t.learner.averages.weights):
        one, other = read(whole), read(again)
        assert all(torch.equal(one[name], other[name]) for name in one)
    assert result.before == pytest.approx(whole.counters.before)


def test_a_tuned_model_stops_on_the_way(start, began):
    origin, _ = began
    trainer, _ = tune(start, began, "all", interpolation=0.25)
    first, kept = bundle.load_model(origin).state_dict(), trainer.learner.averaged().state_dict()
    for name, learned in trainer.learner.averages.weights.items():
        if name not in STYLE and learned.shape == first[name].shape:
            assert torch.allclose(kept[name], first[name] + 0.25 * (learned - first[name]), atol=1e-6)


def test_unknown_ways_are_named():
    with pytest.raises(CallError, match="tune is 'none', must be one of: all, heads, state"):
        changed(load_recipe("tiny"), {"train": {"tune": "none"}})
