"""melody.evaluate: figures of a model on a corpus from Python, the page, and wrong calls."""

import inspect
from dataclasses import fields

import pytest

import melody
from melody.corpus import Corpus
from melody.errors import CallError, MelodyError
from melody.workflows.settings import EvaluateSettings

FEW = {"split": "train", "notes": 100, "samples": 2, "bars": 2}


def test_keywords_are_the_settings():
    taken = {n: p.default for n, p in inspect.signature(melody.evaluate).parameters.items() if n not in ("model", "corpus", "progress")}
    assert taken == {f.name: f.default for f in fields(EvaluateSettings)}


@pytest.mark.slow
def test_figures_samples_and_a_page(model, corpus, tmp_path):
    seen = set()
    found = melody.evaluate(model, Corpus(corpus), **FEW, progress=lambda what, done, total: seen.add(what))
    assert seen == {"loading the model", "reading held-out notes", "writing samples", "looking for copies"}
    assert found.nats_per_note["total"] == pytest.approx(sum(v for n, v in found.nats_per_note.items() if n != "total"))
    assert set(found.samples) == set(found.statistics) and found.plain()["split"] == "train"
    page = found.save(tmp_path / "page.html")
    assert "Calibration" in page.read_text("utf-8")
    with pytest.raises(CallError, match="exists; pass force=True"):
        found.save(page)
    found.save(page, force=True)
    assert melody.evaluate(model, corpus, **FEW | {"samples": 0}).samples == {}


WRONG = [
    ({"split": "tests"}, "split is 'tests', must be one of: test, valid, train"),
    ({"notes": -1}, "notes is -1"),
    ({"samples": 2.5}, "samples is 2.5, must be a whole number"),
    ({"bars": 0}, "bars is 0, must be 1 to 256"),
    ({"style": 3}, "style is 3, must be text"),
    ({"seed": "1"}, "seed is '1'"),
    ({"style": "wals", "split": "train"}, "did you mean 'waltz'"),
]


@pytest.mark.parametrize(("settings", "words"), WRONG, ids=[str(w[0]) for w in WRONG])
def test_wrong_settings_are_named(model, corpus, settings, words):
    with pytest.raises(CallError, match=words):
        melody.evaluate(model, corpus, **settings)


def test_wrong_models_and_corpora(model, corpus, tmp_path):
    with pytest.raises(CallError, match="model is 3, must be the name of a model"):
        melody.evaluate(3, corpus)
    with pytest.raises(CallError, match="corpus is None, must be a path"):
        melody.evaluate(model, None)
    with pytest.raises(MelodyError, match="not a corpus"):
        melody.evaluate(model, tmp_path)
