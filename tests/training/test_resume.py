"""Stop and resume: as if nothing had happened, or not at all."""

import hashlib
import io
import json
import math
import pickle
from dataclasses import replace

import pytest
import torch

from melody.errors import MelodyError
from melody.training import checkpoint

from .conftest import Log, rewritten, tiny, weights

pytestmark = pytest.mark.slow


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(start, stopped):
    whole = start("whole", tiny(steps=9))
    log = Log()
    whole.run(log)
    resumed = start(recipe=tiny(steps=9))
    resumed.resume()
    assert resumed.counters.step == 4
    later = Log()
    assert resumed.run(later).step == 9
    assert [p.step for p in later.seen] == [5, 6, 7, 8, 9]
    assert [p.nats for p in later.seen] == [p.nats for p in log.seen[4:]]
    assert later.seen[-1].valid == log.seen[-1].valid
    one, other = weights(whole), weights(resumed)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_resuming_twice(start, stopped):
    for steps in (6, 9):
        trainer = start(recipe=tiny(steps=9))
        trainer.resume()
        trainer.run(Log(last=steps - trainer.counters.step))
        assert trainer.counters.step == steps
    whole = start("whole", tiny(steps=9))
    whole.run(Log())
    one, other = weights(whole), weights(trainer)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_finished_run_has_nothing_left_to_do(start):
    start(recipe=tiny(steps=2)).run(Log())
    again = start(recipe=tiny(steps=2))
    again.resume()
    log = Log()
    assert again.run(log).ending == "done" and log.seen == []


def refused(trainer, words):
    with pytest.raises(MelodyError, match=words) as fault:
        trainer.resume()
    assert "\n" not in str(fault.value)


def test_another_corpus(start, stopped):
    other = start(recipe=tiny(steps=9))
    other.corpus.digest = "another"
    refused(other, "corpus has changed")


@pytest.mark.parametrize("settings", [{"batch": 2}, {"batch": 1}])
def test_another_batch(start, stopped, settings):
    refused(start(recipe=tiny(steps=9, **settings)), "run")


def test_another_network(start, stopped):
    recipe = tiny(steps=9)
    refused(start(recipe=replace(recipe, model=replace(recipe.model, width=32))), "cannot be read")


def tensors(folder):
    """The one file of tensors."""
    [path] = folder.glob("resume-*.pt")
    return path


def forged(folder, **changes):
    """Change what was saved, and the facts so that they vouch for it."""
    saved = torch.load(tensors(folder), weights_only=True)
    buffer = io.BytesIO()
    torch.save(saved | changes, buffer)
    vouched(folder, buffer.getvalue())


def vouched(folder, blob):
    digest = hashlib.sha256(blob).hexdigest()
    (folder / f"resume-{digest[:16]}.pt").write_bytes(blob)
    rewritten(folder, sha256=digest)


@pytest.mark.parametrize("share", [0, 0.3, 0.999])
def test_a_truncated_state(start, stopped, share):
    path = tensors(stopped)
    blob = path.read_bytes()
    path.write_bytes(blob[: int(len(blob) * share)])
    refused(start(recipe=tiny(steps=9)), r"resume-\w+\.pt does not have the digest")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 3}', "null"])
def test_damaged_facts(start, stopped, text):
    (stopped / "resume.json").write_text(text)
    refused(start(recipe=tiny(steps=9)), "run")


@pytest.mark.parametrize("name", ["resume-*.pt", "resume.json"])
def test_missing_files(start, stopped, name):
    [path] = stopped.glob(name)
    path.unlink()
    refused(start(recipe=tiny(steps=9)), path.name)


@pytest.mark.parametrize("version", [1, 4, "x"])
def test_a_run_of_another_version(start, stopped, version):
    rewritten(stopped, format=version)
    refused(start(recipe=tiny(steps=9)), "another version")


def test_a_run_of_the_version_before_goes_on(start, stopped):
    """Format 2 had other names for the same values."""
    folder = stopped
    names = ("model", "average", "began", "optimiser", "state", "random")
    saved = torch.load(tensors(folder), weights_only=True)
    buffer = io.BytesIO()
    torch.save(dict(zip(names, (saved[n] for n in checkpoint.TENSORS), strict=True)), buffer)
    vouched(folder, buffer.getvalue())
    facts = json.loads((folder / "resume.json").read_text())
    now = facts.pop("stability")
    guard = {"level": now["loss"], "streak": now["streak"], "returns": now["rollbacks"], "lowered": now["lr_scale"]}
    (folder / "resume.json").write_text(json.dumps(facts | {"format": 2, "guard": guard}))
    whole, resumed = start("whole", tiny(steps=9)), start(recipe=tiny(steps=9))
    whole.run(Log())
    resumed.resume()
    assert resumed.stability.loss == float(now["loss"]) and resumed.counters.step == 4
    resumed.run(Log())
    one, other = weights(whole), weights(resumed)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert json.loads((folder / "resume.json").read_text())["format"] == 3


def test_a_state_is_saved_and_loaded_without_a_loop(start, tmp_path):
    trainer = start(recipe=tiny(steps=4))
    trainer.run(Log())
    state = trainer.state()
    (tmp_path / "values").mkdir()
    checkpoint.save(tmp_path / "values", state, trainer.recipe, "digest")
    back = checkpoint.load(tmp_path / "values", "digest")
    assert repr((back.counters, back.stability)) == repr((state.counters, state.stability))  # nan equals nan here
    assert (back.position, back.precision) == (state.position, "float32")
    assert all(torch.equal(back.weights[n], t) for n, t in state.weights.items())
    assert torch.equal(back.recurrent.hidden, state.recurrent.hidden)
    assert checkpoint.saved_recipe(tmp_path / "values") == trainer.recipe
    with pytest.raises(MelodyError, match="corpus has changed"):
        checkpoint.load(tmp_path / "values", "another")


def test_a_copy_of_a_state_stays_as_it_was(start):
    trainer = start(recipe=tiny(steps=3))
    state = trainer.state()
    copy, before = state.copy(), {n: t.clone() for n, t in state.weights.items()}
    trainer.run(Log())
    assert copy.counters.step == 0 and all(torch.equal(copy.weights[n], t) for n, t in before.items())
    assert any(not torch.equal(state.weights[n], t) for n, t in before.items())  # a state itself is the run's own


@pytest.mark.parametrize(
    "changes",
    [
        {"sha256": "../" * 30},
        {"precision": "float8"},
        {"position": {"rows": [[0, 10**6], [1, 0], [2, 0]]}},
        {"position": {"rows": [[-3, 0], [1, 0], [2, 0]]}},
        {"position": {"rows": [[0, -1], [1, 0], [2, 0]]}},
        {"position": {"rows": [[1, 0], [0, 0], [2, 0]]}},
        {"position": {"rows": [[0, 0], [1, 0]]}},
        {"position": {"rows": [[0, 0, 0], [1, 0, 0], [2, 0, 0]]}},
        {"position": 3},
        {"counters": {}},
        {"stability": {"loss": "1", "streak": "0", "rollbacks": "0", "lr_scale": "1e9"}},
        {"stability": {"loss": "1", "streak": "-1", "rollbacks": "0", "lr_scale": "1"}},
    ],
)
def test_facts_that_make_no_sense(start, stopped, changes):
    rewritten(stopped, **changes)
    refused(start(recipe=tiny(steps=9)), "run")


@pytest.mark.parametrize("what", ["weights", "averages", "moments", "recurrent", "random"])
@pytest.mark.parametrize("how", ["nothing", "shape", "nan"])
def test_tensors_that_do_not_fit(start, stopped, what, how):
    if what in ("recurrent", "random") and how != "nothing":
        how = "shape"
    saved = torch.load(tensors(stopped), weights_only=True)
    value = {"nothing": {}, "shape": torch.zeros(2, 2), "nan": torch.full((2,), math.nan)}[how]
    if what in ("weights", "averages"):
        name, own = "to_heads.weight", saved[what]
        value = {} if how == "nothing" else own | {name: value if how == "shape" else own[name] * math.nan}
    elif what == "moments":
        value = {0: value if how == "nothing" else {"step": torch.zeros(()), "exp_avg": value, "exp_avg_sq": value}}
    elif what == "random":
        value = [value]
    forged(stopped, **{what: value})
    refused(start(recipe=tiny(steps=9)), "run|state")


def test_a_pickle_that_would_run_code_is_not_run(start, stopped, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "trapped"), "w"))

    buffer = io.BytesIO()
    torch.save({"weights": Trap()}, buffer, pickle_module=pickle)
    vouched(stopped, buffer.getvalue())
    refused(start(recipe=tiny(steps=9)), "cannot be read")
    assert not (tmp_path / "trapped").exists()
