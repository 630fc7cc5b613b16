"""Stop and resume: what happens between two files, while validating, and on another processor."""

import json

import pytest
import torch

from melody import bundle
from melody.training import checkpoint
from melody.training.folder import write_whole

from .conftest import Log, rewritten, tiny

pytestmark = pytest.mark.slow


def test_a_kill_between_two_files_leaves_the_older_state(start, stopped, monkeypatch):
    """The new tensors are there, the facts that name them are not: the older state is whole, and its successor goes on."""
    before = (stopped / "resume.json").read_bytes()
    later = start(recipe=tiny(steps=9))
    later.resume()

    def killed(path, data):
        if path.name == "resume.json":
            raise KeyboardInterrupt
        write_whole(path, data)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_whole", killed)
        with pytest.raises(KeyboardInterrupt):
            later.run(Log(last=2))
    assert (stopped / "resume.json").read_bytes() == before
    assert len(list(stopped.glob("resume-*.pt"))) == 2
    again = start(recipe=tiny(steps=9))
    again.resume()
    assert again.counters.step == 4
    again.run(Log())
    assert len(list(stopped.glob("resume-*.pt"))) == 1


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
    averaged = first.learner.averaged

    def begins():
        watcher.validating = True
        return averaged()

    first.learner.averaged = begins
    assert first.run(watcher).ending == "stopped" and first.counters.step == 3 and first.counters.due
    assert bundle.read(first.writer.path).training["valid_nats_per_note"] == {}
    second = start(recipe=recipe)
    second.resume()
    later = Log()
    assert second.run(later).ending == "done"
    assert [p.valid for p in later.seen if p.valid] == [p.valid for p in log.seen if p.valid]
    assert bundle.read(second.writer.path).sha256 == bundle.read(whole.writer.path).sha256
    rows = [json.loads(line)["step"] for line in (second.writer.path / "metrics.jsonl").read_text().splitlines()]
    assert rows == [3, 6]


def test_precision_is_that_of_the_first_part(start, stopped):
    rewritten(stopped, precision="bfloat16")
    again = start(recipe=tiny(steps=9))
    again.resume()
    assert again.learner.place.dtype is torch.bfloat16
