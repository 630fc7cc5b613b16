"""Runs of a few steps on the CPU, in full precision, without threads: the same every time."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from melody.corpus import Corpus
from melody.training.loop import Progress, Trainer
from melody.training.recipe import Recipe, changed, load_recipe

STEADY = {"threads": 1, "precision": "fp32", "batch": 3, "chunk": 40, "steps": 20, "validate_every": 100}


class Log:
    """Looks on, and asks to stop before step ``last``."""

    def __init__(self, last: int | None = None) -> None:
        self.seen: list[Progress] = []
        self.last = last

    def update(self, progress: Progress) -> None:
        self.seen.append(progress)

    def stop(self) -> bool:
        return self.last is not None and len(self.seen) >= self.last


def tiny(**train: object) -> Recipe:
    return changed(load_recipe("tiny"), {"train": STEADY | train})


def only(corpus: Corpus, train: Sequence[int], valid: Sequence[int] = ()) -> Corpus:
    """The corpus with other pieces in its splits; what is in none is for the test."""
    split = {**dict.fromkeys(train, "train"), **dict.fromkeys(valid, "valid")}
    corpus.pieces = [replace(p, split=split.get(i, "test")) for i, p in enumerate(corpus.pieces)]
    return corpus


@pytest.fixture
def pieces(corpus):
    return only(Corpus(corpus), range(6), [6, 7])


@pytest.fixture
def start(pieces, tmp_path):
    """Make a Trainer in a folder of the test."""

    def make(name: str = "run", recipe: Recipe | None = None, corpus: Corpus | None = None, **settings: object) -> Trainer:
        (tmp_path / name).mkdir(exist_ok=True)
        return Trainer(corpus or pieces, tmp_path / name, recipe or tiny(), device="cpu", **settings)

    return make


def weights(trainer):
    return {**trainer.learner.model.state_dict(), **{f"average {n}": t for n, t in trainer.learner.averages.weights.items()}}


def rewritten(folder, **changes):
    path = folder / "resume.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture(scope="module")
def half_way(corpus, tmp_path_factory):
    """A run of nine steps that was stopped after four."""
    folder = tmp_path_factory.mktemp("half_way")
    trainer = Trainer(only(Corpus(corpus), range(6), [6, 7]), folder, tiny(steps=9), device="cpu")
    assert trainer.run(Log(last=4)).ending == "stopped"
    return folder


@pytest.fixture
def stopped(half_way, tmp_path):
    """The folder of that run, to be spoilt."""
    return Path(shutil.copytree(half_way, tmp_path / "run"))
