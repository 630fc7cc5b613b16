"""The training loop: it learns, validates, keeps the best, and survives what is not a number."""

import itertools
import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from melody import bundle, files
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.training import device, learner, loop
from melody.training.batches import prefetched
from melody.training.loop import autocast_dtype
from melody.training.validate import Scores, validate, validation_stream

from .conftest import Log, only, tiny


@pytest.mark.slow
def test_it_learns(start):
    log = Log()
    trainer = start(recipe=tiny(steps=25, warmup=3, validate_every=5))
    result = trainer.run(log)
    assert (result.ending, result.step, len(log.seen)) == ("done", 25, 25)
    totals = [p.valid["total"] for p in log.seen if p.valid]
    assert len(totals) == 5 and totals == sorted(totals, reverse=True) and totals[-1] < 0.8 * totals[0]
    assert result.best == log.seen[-1].valid["total"] == pytest.approx(sum(v for k, v in log.seen[-1].valid.items() if k != "total"))
    assert log.seen[-1].share == 1 and log.seen[-1].seconds_left == 0
    assert [p.notes for p in log.seen] == sorted(p.notes for p in log.seen)
    rates = [p.rate for p in log.seen]
    assert max(rates) <= 0.005 and rates[0] < rates[2] and rates[-1] < rates[5]


@pytest.mark.slow
def test_what_is_kept_is_the_averaged_model(start):
    trainer = start(recipe=tiny(steps=6))
    trainer.run(Log())
    kept = bundle.load_model(bundle.read(trainer.writer.path)).state_dict()
    assert all(torch.equal(kept[n], t) for n, t in trainer.learner.averages.weights.items())
    assert any(not torch.equal(kept[n], t) for n, t in trainer.learner.model.state_dict().items())
    facts = bundle.read(trainer.writer.path)
    assert facts.training["step"] == 6 and facts.training["corpus"] == trainer.corpus.digest
    assert {d["name"] for d in facts.data} == set(trainer.corpus.styles)


@pytest.mark.slow
def test_metrics(start):
    trainer = start(recipe=tiny(steps=25, validate_every=12))
    trainer.run(Log())
    rows = [json.loads(line) for line in (trainer.writer.path / "metrics.jsonl").read_text().splitlines()]
    assert [r["step"] for r in rows] == [10, 12, 20, 24, 25]
    assert [r["valid"] is not None for r in rows] == [False, True, False, True, True]


@pytest.mark.slow
def test_equal_seeds_give_equal_weights(start):
    def weights(name, seed):
        trainer = start(name, tiny(steps=3, seed=seed))
        trainer.run(Log())
        return trainer.learner.model.state_dict()

    first, again, other = weights("a", 1), weights("b", 1), weights("c", 2)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["to_heads.weight"], other["to_heads.weight"])


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_is_skipped(start, monkeypatch):
    trainer = start(recipe=tiny(steps=4))
    forward, calls = trainer.learner.model.forward, []

    def sometimes(inputs, state):
        nats, state = forward(inputs, state)
        calls.append(len(calls))
        return (nats * math.nan, state._replace(hidden=state.hidden * math.nan)) if calls[-1] == 1 else (nats, state)

    monkeypatch.setattr(trainer.learner.model, "forward", sometimes)
    log = Log()
    trainer.run(log)
    assert [p.skipped for p in log.seen] == [0, 1, 1, 1]
    assert math.isnan(log.seen[1].norm) and math.isfinite(log.seen[3].nats)
    assert all(torch.isfinite(t).all() for t in trainer.learner.model.state_dict().values())


@pytest.mark.slow
def test_a_validation_that_is_never_a_number_still_leaves_a_model(start, monkeypatch):
    monkeypatch.setattr(loop, "validate", lambda *_: Scores(np.full(6, math.nan), 1, 1))
    trainer = start(recipe=tiny(steps=2))
    trainer.run(Log())
    assert bundle.read(trainer.writer.path).training["step"] == 2


@pytest.mark.slow
def test_early_stop_keeps_the_best(start, monkeypatch):
    totals = iter([3.0, 2.0, 2.5, 2.1, 1.0])
    monkeypatch.setattr(loop, "validate", lambda *_: Scores(np.array([next(totals), 0, 0, 0, 0, 0]), 1, 1))
    trainer = start(recipe=tiny(steps=50, validate_every=2, patience=2))
    result = trainer.run(Log())
    assert (result.ending, result.step, result.best) == ("early", 8, 2.0)
    assert bundle.read(trainer.writer.path).training["step"] == 4


@pytest.mark.slow
def test_minutes_end_a_run(start, monkeypatch):
    """By a clock that goes on by a second whenever it is looked at."""
    seconds = itertools.count()
    clock = SimpleNamespace(monotonic=lambda: float(next(seconds)))
    for module in (loop, learner):
        monkeypatch.setattr(module, "time", clock)
    trainer = start(recipe=tiny(steps=0, minutes=0.5))
    log = Log()
    result = trainer.run(log)
    assert result.ending == "done" and 5 < result.step < 30 <= result.seconds
    assert result.seconds == log.seen[-1].seconds and all(p.seconds < 30 for p in log.seen[:-1])
    assert [p.share for p in log.seen] == [pytest.approx(min(1, p.seconds / 30)) for p in log.seen]


def test_neither_steps_nor_minutes(start):
    with pytest.raises(MelodyError, match="neither steps nor minutes"):
        start(recipe=tiny(steps=0)).run(Log())


def test_stopped_at_once_saves_nothing(start):
    trainer = start()
    assert trainer.run(Log(last=0)).step == 0
    assert list(trainer.writer.path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2])
def test_a_corpus_smaller_than_a_batch(start, corpus, count):
    few = only(Corpus(corpus), range(count))
    trainer = start(recipe=tiny(steps=3, batch=32), corpus=few)
    log = Log()
    assert trainer.run(log).ending == "done" and trainer.stream.batch == count
    assert log.seen[-1].valid is None and bundle.read(trainer.writer.path).training["step"] == 3


def test_a_corpus_without_pieces_to_train_on(start, corpus):
    with pytest.raises(MelodyError, match="no pieces to train on"):
        start(corpus=only(Corpus(corpus), []))


def test_fine_tuning_begins_with_the_weights_of_the_model(start, model):
    base = bundle.load_model(bundle.read(model))
    before = {n: t.clone() for n, t in base.state_dict().items()}
    trainer = start(base=base)
    assert all(torch.equal(before[n], t) for n, t in trainer.learner.averages.weights.items())
    trainer.run(Log(last=1))
    assert trainer.learner.model.codec == base.codec


def test_a_full_disk_is_one_line(start, monkeypatch):
    trainer = start(recipe=tiny(steps=2))

    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.Path, "write_bytes", full)
    with pytest.raises(MelodyError, match="No space left on device") as fault:
        trainer.run(Log())
    assert "\n" not in str(fault.value)
    assert not [p for p in trainer.writer.path.iterdir() if p.suffix == ".part"]


def test_metrics_that_cannot_be_written(start):
    trainer = start(recipe=tiny(steps=10))
    (trainer.writer.path / "metrics.jsonl").mkdir()
    with pytest.raises(MelodyError, match=r"metrics\.jsonl"):
        trainer.run(Log())


def test_a_fault_of_the_loader_reaches_the_caller_and_its_thread_ends(start, monkeypatch):
    import threading

    def broken(*_, **__):
        raise IndexError("no such piece")

    trainer = start()
    monkeypatch.setattr("melody.corpus.stream.training_piece", broken)
    with pytest.raises(IndexError):
        list(prefetched(trainer.stream))
    assert not [t for t in threading.enumerate() if t.name == "melody-loader"]


def test_validation_is_the_same_every_time_and_batches_do_not_matter(start):
    trainer = start()
    model, pieces = trainer.learner.averaged(), trainer.corpus.split("valid")

    def scores(batch, chunk):
        stream = validation_stream(trainer.corpus, trainer.learner.model.codec, pieces, trainer.recipe.given, batch, chunk)
        return validate(model, stream, 10**9, torch.float32, torch.device("cpu"))

    first, again, other = scores(32, 256), scores(32, 256), scores(1, 33)
    assert first.per_note() == again.per_note()
    assert other.per_note()["total"] == pytest.approx(first.per_note()["total"], rel=1e-3)
    assert (first.notes, first.events) == (other.notes, other.events)


class Probe(torch.nn.Module):
    """In the place of the network that is timed; of a processor without bf16, unless ``able``."""

    able = True

    def __init__(self, *_):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, x):
        if not self.able and torch.is_autocast_enabled("cpu"):
            raise RuntimeError("could not create a primitive descriptor")
        return (x * self.weight,)


@pytest.mark.parametrize(("clock", "quicker"), [((0, 3, 3, 4), torch.bfloat16), ((0, 1, 1, 4), torch.float32)])
def test_the_quicker_precision_is_taken_unless_one_is_asked_for(monkeypatch, clock, quicker):
    monkeypatch.setattr(torch.nn, "LSTM", Probe)
    for asked, dtype in (("auto", quicker), ("fp32", torch.float32), ("bf16", torch.bfloat16)):
        monkeypatch.setattr(device, "time", SimpleNamespace(perf_counter=iter(clock).__next__))
        assert autocast_dtype(asked, torch.device("cpu")) is dtype


def test_a_processor_without_bf16(monkeypatch):
    monkeypatch.setattr(torch.nn, "LSTM", Probe)
    monkeypatch.setattr(Probe, "able", False)
    assert autocast_dtype("auto", torch.device("cpu")) is torch.float32
    with pytest.raises(MelodyError, match="bf16 does not work on this processor"):
        autocast_dtype("bf16", torch.device("cpu"))
