"""A run that starts processes by itself: they train as one, end as one, and leave nothing behind."""

import json
import os
import signal
import subprocess
import sys

import pytest
import torch

from melody import bundle
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.training import processes
from melody.training.loop import Trainer
from melody.training.processes import MIN_ROWS, Workers, processes_for
from melody.training.recipe import changed, load_recipe

from .conftest import Log, weights

CPU = torch.device("cpu")


def recipe(threads, **train):
    plain = {"threads": threads, "precision": "fp32", "batch": 5, "chunk": 40, "steps": 8, "validate_every": 4}
    return changed(load_recipe("tiny"), {"model": {"dropout": 0.0}, "train": plain | train})


@pytest.fixture
def run(corpus, tmp_path):
    """Make a Trainer on the corpus as it lies on the disk, where other processes find it."""

    def make(name, threads, **train):
        (tmp_path / name).mkdir(exist_ok=True)
        return Trainer(Corpus(corpus), tmp_path / name, recipe(threads, **train), device="cpu")

    return make


class Killer(Log):
    """Kills one of the other processes after a step."""

    def __init__(self, step, monkeypatch):
        super().__init__()
        self.step, self.started = step, []
        make = subprocess.Popen

        def remembered(*words, **options):
            self.started.append(make(*words, **options))
            return self.started[-1]

        monkeypatch.setattr(processes.subprocess, "Popen", remembered)

    def update(self, progress):
        super().update(progress)
        if progress.step == self.step:
            os.kill(self.started[-1].pid, signal.SIGKILL)
            self.started[-1].wait()


def test_a_process_a_core(monkeypatch):
    monkeypatch.setattr(processes, "usable_cores", lambda: 6)
    assert processes_for(0, 6 * MIN_ROWS, CPU) == 6 and processes_for(0, 3 * MIN_ROWS, CPU) == 3 and processes_for(0, 1, CPU) == 1
    assert processes_for(3, 100, CPU) == 3 and processes_for(8, 5, CPU) == 5
    assert processes_for(0, 100, torch.device("cuda")) == 1


def test_cores_are_counted():
    assert 1 <= processes.usable_cores() <= os.cpu_count()


@pytest.mark.slow
def test_processes_that_are_started_train_as_one(run):
    """Three share five rows: the same losses and weights as one, and either number goes on where the other has stopped."""
    one, three = run("one", 1), run("three", 3)
    seen, others = Log(), Log()
    one.run(seen)
    assert three.run(others).ending == "done"
    assert [p.step for p in others.seen] == list(range(1, 9))
    assert max(abs(a.nats - b.nats) for a, b in zip(seen.seen, others.seen, strict=True)) < 1e-4
    assert [a.notes for a in seen.seen] == [b.notes for b in others.seen]
    mine, theirs = weights(one), weights(three)
    assert all(torch.allclose(mine[n], theirs[n], atol=1e-4) for n in mine)
    assert one.known.position == three.known.position
    again = run("three", 1, steps=10)
    again.resume()
    assert again.run(Log()).step == 10


@pytest.mark.slow
def test_a_resumed_run_of_several_processes_is_the_uninterrupted_one(run):
    whole = run("whole", 2)
    whole.run(Log())
    run("parts", 2).run(Log(last=3))
    rest = run("parts", 2)
    rest.resume()
    assert rest.counters.step == 3 or rest.counters.step == 4  # the others learn with the next step that it is to stop
    rest.run(Log())
    one, other = weights(whole), weights(rest)
    assert all(torch.equal(one[n], other[n]) for n in one)


@pytest.mark.slow
def test_a_process_that_dies_ends_the_run_with_one_line_and_it_is_saved(run, monkeypatch):
    trainer = run("run", 2, steps=50, save_every=3)
    with pytest.raises(MelodyError, match=r"a process of this run has ended \(ended by SIGKILL.*saved at step 5; resume") as fault:
        trainer.run(Killer(5, monkeypatch))
    assert "\n" not in str(fault.value)
    assert bundle.read(trainer.writer.path / "last" / "00000005").training["step"] == 5
    alone = run("alone", 1, steps=5)
    alone.run(Log())
    assert trainer.known.position == alone.known.position  # also of the rows of the one that died
    rest = run("run", 1, steps=7)
    rest.resume()
    assert rest.run(Log()).step == 7


@pytest.mark.slow
def test_a_fine_tuning_by_two(corpus, model, tmp_path):
    base = bundle.read(model)
    (tmp_path / "tuned").mkdir()
    own = changed(recipe(2, steps=3, interpolation=0.5), {"model": dict(base.model)})
    trainer = Trainer(Corpus(corpus), tmp_path / "tuned", own, base=bundle.load_model(base), origin=base, device="cpu")
    result = trainer.run(Log())
    assert result.step == 3 and result.before > 0


def test_where_no_process_can_be_started_one_goes_on(run, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    log = Log()
    assert run("run", 2, steps=2).run(log).ending == "done"
    assert log.seen[0].notice.startswith("training on one core only: a process of this run could not be started")


@pytest.mark.slow
def test_the_others_leave_when_the_first_is_gone(run):
    trainer = run("run", 2)
    with Workers(1) as workers:
        workers.start(trainer.state(), trainer.recipe, trainer.corpus, trainer.learner.model)
        (worker,) = workers.running
        assert json.loads((workers.folder / "facts.json").read_text())["codec"]["grid"] == 24
        worker.stdin.close()
        assert worker.wait(60) != 0
    assert not workers.folder.exists()
