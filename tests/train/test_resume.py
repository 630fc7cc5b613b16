"""Stop and resume: as if nothing had happened, or not at all."""

import json
from dataclasses import replace

import pytest
import torch

from melody.errors import MelodyError
from melody.train import resume

from .conftest import Log, tiny


def weights(trainer):
    return {**trainer.model.state_dict(), **{f"average {n}": t for n, t in trainer.average.items()}}


@pytest.fixture
def stopped(start):
    trainer = start(recipe=tiny(steps=9))
    assert trainer.run(Log(last=4)).ending == "stopped"
    return trainer


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(start, stopped):
    whole = start("whole", tiny(steps=9))
    log = Log()
    whole.run(log)
    resumed = start(recipe=tiny(steps=9))
    resume.load(resumed)
    assert resumed.step == 4
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
        resume.load(trainer)
        trainer.run(Log(last=steps - trainer.step))
        assert trainer.step == steps
    whole = start("whole", tiny(steps=9))
    whole.run(Log())
    one, other = weights(whole), weights(trainer)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_finished_run_has_nothing_left_to_do(start):
    start(recipe=tiny(steps=2)).run(Log())
    again = start(recipe=tiny(steps=2))
    resume.load(again)
    log = Log()
    assert again.run(log).ending == "done" and log.seen == []


def refused(trainer, words):
    with pytest.raises(MelodyError, match=words) as fault:
        resume.load(trainer)
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


@pytest.mark.parametrize("share", [0, 0.3, 0.999])
def test_a_truncated_state(start, stopped, share):
    path = stopped.folder / "resume.pt"
    blob = path.read_bytes()
    path.write_bytes(blob[: int(len(blob) * share)])
    refused(start(recipe=tiny(steps=9)), r"resume\.pt")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 3}', "null"])
def test_damaged_facts(start, stopped, text):
    (stopped.folder / "resume.json").write_text(text)
    refused(start(recipe=tiny(steps=9)), "run")


@pytest.mark.parametrize("name", ["resume.pt", "resume.json"])
def test_missing_files(start, stopped, name):
    (stopped.folder / name).unlink()
    refused(start(recipe=tiny(steps=9)), name)


def test_facts_that_name_places_that_are_not_there(start, stopped):
    path = stopped.folder / "resume.json"
    facts = json.loads(path.read_text())
    facts["position"]["rows"][0] = [0, 10**6, 0, True]
    path.write_text(json.dumps(facts))
    refused(start(recipe=tiny(steps=9)), "cannot be read")


def test_a_pickle_that_would_run_code_is_not_run(start, stopped, tmp_path):
    import hashlib
    import io
    import pickle

    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "trapped"), "w"))

    buffer = io.BytesIO()
    torch.save({"model": Trap()}, buffer, pickle_module=pickle)
    (stopped.folder / "resume.pt").write_bytes(buffer.getvalue())
    path = stopped.folder / "resume.json"
    facts = json.loads(path.read_text()) | {"sha256": hashlib.sha256(buffer.getvalue()).hexdigest()}
    path.write_text(json.dumps(facts))
    refused(start(recipe=tiny(steps=9)), "cannot be read")
    assert not (tmp_path / "trapped").exists()
