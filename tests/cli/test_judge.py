"""evaluate --judge: words, a page and figures; and everything that can be wrong with a call."""

import json
from pathlib import Path

import pytest

from melody import midi
from tests.conftest import song

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hasty_judge")]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A corpus of 48 songs in 4/4, and 4 of another style."""
    from melody.corpus.prepare import PrepareConfig, prepare

    folder = tmp_path_factory.mktemp("many")
    for style, count in (("<i>jig", 4), ("pop909", 48)):
        (folder / "songs" / style).mkdir(parents=True)
        for seed in range(count):
            midi.write(song(seed + 100 * count, 4, 34), folder / "songs" / style / f"{seed}.mid")
    prepare([folder / "songs"], folder / "corpus", PrepareConfig(workers=1, valid=0.02, test=0.02))
    return folder / "corpus"


def test_a_page_words_and_figures(melody, model, many, here):
    pytest.importorskip("sklearn")
    said = melody("evaluate", model, many, "--judge", "--split", "train", "--windows", 80, "--json", "-o", "page.html")
    assert said.status == 0 and said.err == ""
    facts = json.loads(said.out)
    assert facts["files"] == ["page.html"] and facts["verb"] == "generate" and list(facts["styles"]) == ["pop909"]
    mine = facts["styles"]["pop909"]
    assert mine["meter"] == "4/4" and 0.5 < mine["auc"] <= 1 and set(mine["groups"]) == {"form", "harmony", "time", "texture", "velocity"}
    assert mine["recognised"][0]["piece"].startswith("seed ") and mine["differences"][0]["sentence"]
    assert any("jig is left out: only" in remark for remark in facts["remarks"])
    text = Path("page.html").read_text("utf-8")
    assert "<i>jig" not in text and "times in 100" in text and text.count("<figure>") >= 6 and mine["recognised"][0]["piece"] in text
    said = melody("evaluate", model, many, "--judge", "--split", "train", "--style", "pop909", "--windows", 40, "--verb", "continue")
    assert said.status == 0 and "how it goes with what was given" in said.out and said.out.endswith("judge.html\n")


def test_calls_that_are_wrong(melody, model, many, corpus, here):
    (here / "taken.html").write_text("precious")
    for arguments, status, words in [
        (("--windows", 5), 2, "windows is 5, must be 40 to 10,000"),
        (("--verb", "sing"), 2, "must be one of: generate, continue, accompany"),
        (("--style", "pop90"), 2, "did you mean 'pop909'?"),
        (("-o", "taken.html"), 2, "taken.html exists; add --force"),
        (("--style", "<i>jig", "--split", "train"), 1, "the judge needs 40; give it a larger collection"),
    ]:
        said = melody("evaluate", model, many, "--judge", *arguments)
        assert said.status == status and said.out == "" and words in said.err and said.err.count("\n") == 1
    assert melody("evaluate", model, "--judge").err.count("\n") == 1
    assert melody("evaluate", model, corpus, "--judge").err.endswith("no pieces in its test split; try --split train\n")
    assert [p.name for p in here.iterdir()] == ["taken.html"]


def test_without_scikit_learn(melody, model, many, here, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    said = melody("evaluate", model, many, "--judge")
    line = "melody evaluate --judge needs sklearn, which is not installed; install it with: pip install 'melody-lstm[judge]'"
    assert said == (1, "", f"melody: {line}\n")
