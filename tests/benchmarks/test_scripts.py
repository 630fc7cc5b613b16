"""Every benchmark runs, in the smallest sizes, on a small corpus and model of the tests: figures of all columns, no meaning."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from melody import bundle, midi
from melody.corpus import Corpus
from melody.corpus.prepare import PrepareConfig, prepare
from melody.evaluation.original import write_originality
from melody.export import export
from melody.originality.find import index_of
from melody.training import adapt
from melody.training.loop import Trainer
from melody.training.recipe import changed, load_recipe
from melody.workflows.typical import measure_typical
from tests.conftest import song

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SCRIPTS = {p.stem for p in BENCHMARKS.glob("*.py") if "    finish(" in p.read_text("utf-8")}
SONGS, BARS = 30, 20
WORDS = {  # what each script needs beside --quick
    "accompany": ["corpus", "--model", "model"],
    "adapt": ["corpus", "other=other", "--model", "model"],
    "best": ["corpus", "--model", "model"],
    "blues": [],
    "continue": ["corpus", "--model", "model"],
    "control": ["corpus", "--model", "model"],
    "encode": ["--data", "songs", "--no-prepare"],
    "fits": ["corpus", "--model", "model"],
    "generate": ["--model", "model"],
    "humanise": ["corpus", "--collection", ""],
    "judge": ["corpus", "--model", "model", "--split", "all", "--kinds", "pop909"],
    "likelihood": ["corpus", "--model", "model"],
    "original": ["corpus", "--model", "model"],
    "polyphonic": ["rolls.mat"],
    "programs": ["corpus", "--model", "model"],
    "roundtrip": ["songs"],
    "scale": [],
    "speed": ["--model", "model"],
    "train": ["corpus", "--precision", "fp32"],
    "transformer": ["--model", "model"],
    "vary": ["songs", "--model", "model"],
    "write": ["--data", "songs"],
}
NEEDS = {"encode": "miditok", "transformer": "transformers", "polyphonic": "scipy", "judge": "sklearn", "humanise": "sklearn"}
FAILS = {"roundtrip"}  # leaves with a status


class Nobody:
    """Looks on at a training run and says nothing."""

    def update(self, progress: object) -> None: ...

    def stop(self) -> bool:
        return False


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Songs of two styles, a corpus of them and one of others, a model with its runtime file and what is typical, piano rolls."""
    folder = tmp_path_factory.mktemp("place")
    for name, first in (("songs", 0), ("others", 1000)):
        for seed in range(SONGS):
            style, beats = (("pop909", 4), ("waltz", 3))[seed % 2]
            (folder / name / style).mkdir(parents=True, exist_ok=True)
            midi.write(song(first + seed, beats, BARS), folder / name / style / f"{seed}.mid")
    prepare([folder / "songs"], folder / "corpus", PrepareConfig(workers=1, valid=0.15, test=0.4))
    prepare([folder / "others"], folder / "other", PrepareConfig(workers=1, valid=0.15, test=0.4))
    recipe = changed(load_recipe("tiny"), {"train": {"steps": 20, "threads": 1, "precision": "fp32", "validate_every": 20}})
    (folder / "model").mkdir()
    Trainer(Corpus(folder / "corpus"), folder / "model", recipe).run(Nobody())
    export(bundle.read(folder / "model"))
    return folder


@pytest.fixture
def ready(place, script, monkeypatch):
    """The place, as the folder that the script runs in; every script leaves the process as it was."""
    monkeypatch.chdir(place)
    monkeypatch.setattr(adapt, "MAX_SECONDS", adapt.MAX_SECONDS)  # the script takes it away
    return place


def rolls(path):
    scipy_io = pytest.importorskip("scipy.io")
    rng, content = np.random.default_rng(5), {}
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        pieces = np.empty((1, count), object)
        for i in range(count):
            pieces[0, i] = (rng.random((10 + 3 * i, 88)) < 0.04).astype(np.uint8)
        content[f"{split}data"] = pieces
    scipy_io.savemat(path, content)


def test_every_script_is_tried():
    assert set(WORDS) == SCRIPTS - {"studio"}  # in a browser: tests/studio walks with the same


@pytest.mark.slow
@pytest.mark.parametrize("name", WORDS)
def test_it_runs(ready, script, name, monkeypatch, capsys):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    module = script(name)
    if name == "best":
        measure_typical("model", "corpus")
    if name == "original":
        found = bundle.read("model")
        write_originality(found, index_of(Corpus("corpus"), found.codec.grid))
    if name == "polyphonic":
        rolls("rolls.mat")
    if name == "speed":  # its figures come from processes of their own, each of which takes seconds to start
        monkeypatch.setattr(module, "asked", in_this_process(module))
        monkeypatch.setattr(module, "spent", lambda command: {"wall": 1.0, "cpu": 0.5, "mb": 100.0})
    capsys.readouterr()
    try:
        module.main([*WORDS[name], "--quick", "--json"])
    except SystemExit as left:
        assert name in FAILS and not left.code
    found = script("bench").read_result(capsys.readouterr().out)
    assert found.benchmark == name and found.tables and all(table.rows for table in found.tables)
    known = [value for table in found.tables for row in table.rows for value in row if value is not None]
    assert sum(isinstance(value, int | float) for value in known) > 3
    assert json.loads(found.json())["machine"] and found.answer


def in_this_process(module):
    def asked(options, figure):
        name, *rest = figure.split(":")
        return module.ONE[name](options, *rest)

    return asked


@pytest.mark.slow
def test_streams(ready, script, capsys):
    script("generate").main(["--model", "model", "--stream", "60", "--json"])
    (table,) = script("bench").read_result(capsys.readouterr().out).tables
    assert list(table.columns) == ["streams of", "sampling", "pop909", "waltz"] and len(table.rows) == 2


@pytest.mark.slow
def test_what_a_command_costs(script):
    found = script("speed").spent(["-c", "sum(range(10 ** 6)); bytearray(50_000_000)"])
    assert found["cpu"] > 0 and found["wall"] > 0 and 50 < found["mb"] < 500


def test_one_figure_is_one_line_of_json(script, capsys, monkeypatch):
    module = script("speed")
    monkeypatch.setitem(module.ONE, "x", lambda options, one, two: {"ms": float(one) + float(two), "model": options.model})
    module.main(["--one", "x:1:2", "--model", "model"])
    assert json.loads(capsys.readouterr().out) == {"ms": 3.0, "model": "model"}


def test_medians_are_of_rounds_in_turns(script, monkeypatch):
    module, rounds = script("speed"), iter([3.0, 30.0, 1.0, 10.0, 2.0, 20.0])
    monkeypatch.setattr(module, "asked", lambda options, figure: {"ms": next(rounds)})
    assert module.in_turns(argparse.Namespace(rounds=3), {"a": "x", "b": "y"}) == {"a": {"ms": 2.0}, "b": {"ms": 20.0}}
