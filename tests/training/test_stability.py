"""Runs that go wrong: numbers that are none, losses that explode, memory that is not enough, clocks that are set."""

import math

import pytest
import torch

from melody import bundle
from melody.errors import MelodyError
from melody.training import loop
from melody.training.device import enough_memory
from melody.training.stability import MAX_ROLLBACKS, Stability

from .conftest import Log, tiny

pytestmark = pytest.mark.slow


def worse(trainer, monkeypatch, when, factor=math.nan):
    """Multiply the nats of some updates."""
    forward = trainer.learner.model.forward

    def now(inputs, state):
        nats, state = forward(inputs, state)
        return (nats * factor, state) if torch.is_grad_enabled() and when(trainer.counters.step + 1) else (nats, state)

    monkeypatch.setattr(trainer.learner.model, "forward", now)


def test_the_run_rolls_back_and_slows_down(start, monkeypatch):
    trainer = start(recipe=tiny(steps=12, rollback=3))
    monkeypatch.setattr(loop, "COPY_EVERY", 4)
    before = {}
    worse(trainer, monkeypatch, lambda step: step in (7, 8, 9))

    class Look(Log):
        def update(self, progress):
            super().update(progress)
            if progress.step in (4, 9):
                before[progress.step] = {n: t.clone() for n, t in trainer.learner.model.state_dict().items()}

    log = Look()
    trainer.run(log)
    assert [p.skipped for p in log.seen] == [0] * 6 + [1, 2, 3, 3, 3, 3]
    assert "rolled back to the weights of step 4" in log.seen[8].notice and "\n" not in log.seen[8].notice
    assert all(torch.equal(before[4][n], t) for n, t in before[9].items())
    assert log.seen[8].rate < 0.6 * log.seen[7].rate
    assert all(torch.isfinite(t).all() for t in trainer.learner.averages.weights.values())


def test_an_exploding_loss_is_skipped(start, monkeypatch):
    trainer = start(recipe=tiny(steps=6))
    worse(trainer, monkeypatch, lambda step: step == 4, 100.0)
    log = Log()
    trainer.run(log)
    assert [p.skipped for p in log.seen] == [0, 0, 0, 1, 1, 1]
    assert log.seen[3].nats == log.seen[2].nats


def test_a_run_that_does_not_hold_gives_up_and_leaves_no_broken_bundle(start, monkeypatch):
    trainer = start(recipe=tiny(steps=60, rollback=2, validate_every=4))
    worse(trainer, monkeypatch, lambda step: step > 5)
    with pytest.raises(MelodyError, match=f"after {MAX_ROLLBACKS} rollbacks; lower rate") as fault:
        trainer.run(Log())
    assert "\n" not in str(fault.value) and trainer.counters.step == 5 + 2 * (MAX_ROLLBACKS + 1)
    assert bundle.load_model(bundle.read(trainer.writer.path))


def test_averages_that_are_no_numbers_are_not_kept(start):
    trainer = start(recipe=tiny(steps=3, average=0.0))
    trainer.learner.averages.weights["to_heads.weight"].fill_(math.nan)
    trainer.learner.averages.update = lambda *_: None
    with pytest.raises(MelodyError, match="not finite and were not saved"):
        trainer.run(Log())
    assert not (trainer.writer.path / "bundle.json").exists()


def test_without_rollback_bad_updates_are_only_skipped(start, monkeypatch):
    trainer = start(recipe=tiny(steps=6, rollback=0))
    worse(trainer, monkeypatch, lambda step: step > 2)
    log = Log()
    trainer.run(log)
    assert log.seen[-1].skipped == 4


def test_a_sure_network_may_err():
    stability = Stability()
    assert not any(stability.is_bad(0.01, 1.0) for _ in range(5))
    assert not stability.is_bad(1.0, 1.0) and stability.is_bad(9.0, 1.0) and stability.is_bad(0.01, math.inf)
    assert stability.streak == 2 and not stability.is_bad(0.01, 1.0) and stability.streak == 0


@pytest.mark.parametrize(
    "fault",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_out_of_memory_says_what_to_lower(start, monkeypatch, fault):
    trainer = start()

    def full(*_):
        raise fault

    monkeypatch.setattr(trainer.learner.model, "forward", full)
    with pytest.raises(MelodyError, match=r"lower batch \(now 3\), then chunk \(now 40\) or .* width \(now 64\)") as said:
        trainer.run(Log())
    assert "\n" not in str(said.value)


def test_other_faults_are_not_taken_for_a_lack_of_memory():
    with pytest.raises(RuntimeError, match="shape"), enough_memory(tiny()):
        raise RuntimeError("shape mismatch")


def test_a_clock_that_is_set_back_changes_nothing(start, monkeypatch):
    now = iter(range(10**9, 0, -3600))
    monkeypatch.setattr("time.time", lambda: float(next(now)))
    log = Log()
    assert start(recipe=tiny(steps=5)).run(log).ending == "done"
    seconds = [p.seconds for p in log.seen]
    assert seconds == sorted(seconds) and 0 < seconds[-1] < 3600  # a look at the other clock takes an hour
