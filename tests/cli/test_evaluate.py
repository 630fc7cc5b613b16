"""evaluate: a page and figures of a model on a corpus, a roll of surprise, and everything that can be wrong with a call."""

import json
import shutil
from pathlib import Path

import pytest

FEW = ("--split", "train", "--notes", 100, "--samples", 2, "--bars", 2)


def split_as(corpus, here, name="mixed", **splits):
    """A copy of the corpus with pieces moved to other splits, by index."""
    shutil.copytree(corpus, here / name)
    index = here / name / "index.json"
    facts = json.loads(index.read_text())
    del facts["sha256"]
    for number, split in splits.items():
        facts["pieces"][int(number[1:])]["split"] = split
    index.write_text(json.dumps(facts))
    return Path(name)


def test_a_page_and_its_figures(melody, model, corpus, here):
    mixed = split_as(corpus, here, p0="test", p5="test")
    said = melody("evaluate", model, mixed, "--samples", 2, "--bars", 2, "--json", "-o", "page.html")
    assert said.status == 0 and said.err == ""
    facts = json.loads(said.out)
    assert facts["files"] == ["page.html"] and facts["pieces"] == 2 and facts["notes"] > 100
    assert facts["nats_per_note"]["total"] == pytest.approx(sum(v for k, v in facts["nats_per_note"].items() if k != "total"))
    assert set(facts["styles"]) == {"pop909", "waltz"} == set(facts["statistics"])
    assert set(facts["copying"]) == {"all", "pop909", "waltz"} and facts["copying"]["all"]["model"]["pieces"] <= 4
    assert 0 <= facts["calibration"]["pitch"]["ece"] <= 1 and facts["remarks"] == []
    text = Path("page.html").read_text("utf-8")
    assert "Calibration" in text and "waltz, sample 1" in text and f"{facts['nats_per_note']['total']:.3f}" in text
    again = melody("evaluate", model, mixed, "--samples", 2, "--bars", 2, "--json", "-o", "page.html", "--force")
    assert json.loads(again.out) == facts


def test_lines_to_read(melody, model, corpus, here):
    said = melody("evaluate", model, corpus, *FEW)
    assert said.status == 0 and "nats a note" in said.out and "report.html" in said.out and "not those of unseen music" in said.out
    few = ("--split", "train", "--notes", 100, "--samples", 0)
    assert melody("evaluate", model, corpus, *few, "--quiet", "--force", "--style", "waltz") == (0, "", "")
    assert "No samples were asked for" in Path("report.html").read_text()


def test_styles_that_the_model_does_not_know(melody, model, corpus, here):
    shutil.copytree(corpus, here / "other")
    index = Path("other/index.json")
    facts = json.loads(index.read_text().replace('"waltz"', '"<i>tango"').replace('"digest": "', '"digest": "0'))
    del facts["sha256"]
    index.write_text(json.dumps(facts))
    said = melody("evaluate", model, "other", "--split", "train", "--samples", 1, "--bars", 1, "--json")
    facts = json.loads(said.out)
    assert "<i>tango" in facts["styles"] and any("does not know <i>tango" in r for r in facts["remarks"])
    assert any("another corpus" in r for r in facts["remarks"])
    assert "<i>tango" not in Path("report.html").read_text()


def test_a_style_of_three_notes_and_a_corpus_of_one_piece(melody, model, songs, here):
    from melody import midi
    from melody.score import Score, Track, note_table

    (here / "few" / "dots").mkdir(parents=True)
    midi.write(Score((Track(notes=note_table([0, 480, 960], [400] * 3, [60, 62, 64], [80] * 3)),)), here / "few" / "dots" / "a.mid")
    assert melody("prepare", "few", "-o", "corpus", "--quiet").status == 0
    said = melody("evaluate", model, "corpus", "--split", "train", "--samples", 2, "--bars", 2, "--json")
    assert said.status == 0 and json.loads(said.out)["notes"] == 3
    assert melody("evaluate", model, "corpus", "-o", "x.html").err.endswith("corpus: no pieces in its test split; try --split train\n")


@pytest.mark.parametrize("name", ["roll.html", "roll.svg", "roll.png"])
def test_surprise(melody, model, tune, name):
    said = melody("evaluate", model, "--surprise", tune.name, "-o", name, "--json", "--style", "waltz")
    facts = json.loads(said.out)
    assert said.status == 0 and facts["files"] == [name] and Path(name).stat().st_size > 1000
    assert len(facts["events"]) == facts["notes"] and facts["events"][0]["expected"]["pitch"]


def test_surprise_without_a_name_of_its_own(melody, model, tune):
    assert melody("evaluate", model, "--surprise", tune.name, "--quiet") == (0, "", "")
    assert "bar 1, beat 1" in Path("tune-surprise.html").read_text()


CALLS = [
    ((), "give a corpus"),
    (("corpus", "--surprise", "tune.mid"), "one of the two"),
    (("corpus", "--split", "tests"), "--split is 'tests'"),
    (("corpus", "--notes", -1), "--notes is -1"),
    (("corpus", "--samples", -1), "--samples is -1"),
    (("corpus", "--bars", 0), "--bars is 0"),
    (("corpus", "--seed", -1), "--seed is -1"),
    (("tune.mid",), "--surprise tune.mid"),
    (("corpus", "-o", "page.txt"), "does not end in .html"),
    (("corpus", "-o", "taken.html"), "taken.html exists; add --force"),
    (("corpus", "--split", "train", "--style", "wals"), "did you mean 'waltz'?"),
    (("--surprise", "tune.mid", "-o", "roll.mid"), ".html or .svg or .png"),
    (("--surprise", "tune.mid", "--style", "wals"), "did you mean 'waltz'?"),
]


@pytest.mark.parametrize(("arguments", "words"), CALLS, ids=[" ".join(map(str, c[0])) for c in CALLS])
def test_calls_that_are_wrong(melody, model, corpus, tune, here, arguments, words):
    (here / "corpus").symlink_to(corpus)
    (here / "taken.html").write_text("precious")
    said = melody("evaluate", model, *arguments)
    assert said.status == 2 and said.out == "" and words in said.err and said.err.count("\n") == 1
    assert (here / "taken.html").read_text() == "precious" and len(list(here.iterdir())) == 3


def test_work_that_cannot_be_done(melody, model, corpus, songs, tune, here):
    for arguments, words in [
        ((model, "nope"), "nope: not a corpus (no such folder)"),
        ((model, songs), "melody prepare"),
        (("no/model", corpus), "no/model: no such folder"),
        ((model, corpus, "--split", "train", "-o", "no/page.html"), "no: no such folder"),
        ((model, "--surprise", "nope.mid"), "nope.mid: no such file"),
    ]:
        said = melody("evaluate", *arguments)
        assert said.status == 1 and words in said.err and said.err.count("\n") == 1
    assert [p.name for p in here.iterdir()] == ["tune.mid"]


def test_a_model_that_counts_in_seconds(melody, corpus, tune, here):
    import torch

    from melody import bundle
    from melody.codec import CodecConfig
    from melody.model import EventLSTM, ModelConfig

    torch.manual_seed(0)
    small = ModelConfig(layers=1, width=16, head_width=8, given_width=8)
    bundle.save(here / "clock", EventLSTM(small, CodecConfig("seconds", 20, 8, ("waltz",))), {})
    facts = json.loads(melody("evaluate", "clock", corpus, *FEW, "--json").out)
    assert facts["notes"] > 100 and facts["statistics"]["waltz"]["human_pieces"] and len(facts["remarks"]) == 3
    assert melody("evaluate", "clock", "--surprise", tune.name, "--quiet").status == 0


def test_a_model_that_writes_nothing(melody, model, corpus, here, monkeypatch):
    """Samples that came to nothing are missing, the figures are not."""
    from melody.compose import Composer
    from melody.errors import MelodyError

    def results(self, requests, progress=None, processes=1):
        return [MelodyError("the model wrote no note") for _ in requests]

    monkeypatch.setattr(Composer, "results", results)
    facts = json.loads(melody("evaluate", model, corpus, *FEW, "--json").out)
    assert facts["statistics"]["waltz"]["samples"] == 0 and "model" not in facts["copying"]["waltz"]
    assert facts["nats_per_note"]["total"] > 0
