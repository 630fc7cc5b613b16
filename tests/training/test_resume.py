"""Stop and resume: as if nothing had happened, or not at all."""

import hashlib
import io
import json
import math
import pickle
from dataclasses import replace

import pytest
import torch

from melody import bundle
from melody.errors import MelodyError
from melody.training import resume
from melody.training.folder import write_whole

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
    told(folder, sha256=digest)


def told(folder, **changes):
    path = folder / "resume.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("share", [0, 0.3, 0.999])
def test_a_truncated_state(start, stopped, share):
    path = tensors(stopped.folder)
    blob = path.read_bytes()
    path.write_bytes(blob[: int(len(blob) * share)])
    refused(start(recipe=tiny(steps=9)), r"resume-\w+\.pt is not the file")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"sha256": 3}', "null"])
def test_damaged_facts(start, stopped, text):
    (stopped.folder / "resume.json").write_text(text)
    refused(start(recipe=tiny(steps=9)), "run")


@pytest.mark.parametrize("name", ["resume-*.pt", "resume.json"])
def test_missing_files(start, stopped, name):
    [path] = stopped.folder.glob(name)
    path.unlink()
    refused(start(recipe=tiny(steps=9)), path.name)


def test_a_run_of_another_version(start, stopped):
    told(stopped.folder, format=1)
    refused(start(recipe=tiny(steps=9)), "another version")


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
        {"guard": {"level": "1", "streak": "0", "returns": "0", "lowered": "1e9"}},
        {"guard": {"level": "1", "streak": "-1", "returns": "0", "lowered": "1"}},
    ],
)
def test_facts_that_make_no_sense(start, stopped, changes):
    told(stopped.folder, **changes)
    refused(start(recipe=tiny(steps=9)), "run")


@pytest.mark.parametrize("what", ["model", "average", "optimiser", "state", "random"])
@pytest.mark.parametrize("how", ["nothing", "shape", "nan"])
def test_tensors_that_do_not_fit(start, stopped, what, how):
    if what in ("state", "random") and how != "nothing":
        how = "shape"
    saved = torch.load(tensors(stopped.folder), weights_only=True)
    value = {"nothing": {}, "shape": torch.zeros(2, 2), "nan": torch.full((2,), math.nan)}[how]
    if what in ("model", "average"):
        name, own = "to_heads.weight", saved[what]
        value = {} if how == "nothing" else own | {name: value if how == "shape" else own[name] * math.nan}
    elif what == "optimiser":
        value = {0: value if how == "nothing" else {"step": torch.zeros(()), "exp_avg": value, "exp_avg_sq": value}}
    elif what == "random":
        value = [value]
    forged(stopped.folder, **{what: value})
    refused(start(recipe=tiny(steps=9)), "run|state")


def test_a_pickle_that_would_run_code_is_not_run(start, stopped, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "trapped"), "w"))

    buffer = io.BytesIO()
    torch.save({"model": Trap()}, buffer, pickle_module=pickle)
    vouched(stopped.folder, buffer.getvalue())
    refused(start(recipe=tiny(steps=9)), "cannot be read")
    assert not (tmp_path / "trapped").exists()


def test_a_kill_between_two_files_leaves_the_older_state(start, stopped, monkeypatch):
    """The new tensors are there, the facts that name them are not: the older state is whole, and its successor goes on."""
    before = (stopped.folder / "resume.json").read_bytes()
    later = start(recipe=tiny(steps=9))
    resume.load(later)

    def killed(path, data):
        if path.name == "resume.json":
            raise KeyboardInterrupt
        write_whole(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(resume, "write_whole", killed)
        with pytest.raises(KeyboardInterrupt):
            later.run(Log(last=2))
    assert (stopped.folder / "resume.json").read_bytes() == before
    assert len(list(stopped.folder.glob("resume-*.pt"))) == 2
    again = start(recipe=tiny(steps=9))
    resume.load(again)
    assert again.step == 4
    again.run(Log())
    assert len(list(stopped.folder.glob("resume-*.pt"))) == 1


def test_a_signal_while_validating_comes_back_to_it(start):
    """The validation is left at once, made up for by the resumed run, and the result is that of an undisturbed one."""

    class Impatient(Log):
        def stop(self):
            return self.validating

    recipe = tiny(steps=6, validate_every=3)
    whole = start("whole", recipe)
    log = Log()
    whole.run(log)
    first = start(recipe=recipe)
    watcher = Impatient()
    watcher.validating = False
    averaged = first.averaged

    def begins():
        watcher.validating = True
        return averaged()

    first.averaged = begins
    assert first.run(watcher).ending == "stopped" and first.step == 3 and first.due
    assert bundle.read(first.folder).training["valid_nats_per_note"] == {}
    second = start(recipe=recipe)
    resume.load(second)
    later = Log()
    assert second.run(later).ending == "done"
    assert [p.valid for p in later.seen if p.valid] == [p.valid for p in log.seen if p.valid]
    assert bundle.read(second.folder).sha256 == bundle.read(whole.folder).sha256
    rows = [json.loads(line)["step"] for line in (second.folder / "metrics.jsonl").read_text().splitlines()]
    assert rows == [3, 6]


def test_precision_is_that_of_the_first_part(start, stopped):
    told(stopped.folder, precision="bfloat16")
    again = start(recipe=tiny(steps=9))
    resume.load(again)
    assert again.dtype is torch.bfloat16
