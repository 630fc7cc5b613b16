"""A model before the judge: what is written for each verb, what it is laid beside, and what cannot be judged."""

import pytest

from melody import compose, midi
from melody.compose.judged import JudgeSettings, judged, material
from melody.corpus import Corpus
from melody.corpus.prepare import PrepareConfig, prepare
from melody.errors import CallError, MelodyError
from melody.evaluation.judge_given import AFTER, GIVEN, WITH
from tests.conftest import song

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("hasty_judge")]


LEAST, WINDOWS = 10, 40


@pytest.fixture(scope="module")
def music(tmp_path_factory):
    """24 songs of 40 bars in a style that the model knows, and some in 3/4."""
    folder = tmp_path_factory.mktemp("music")
    (folder / "pop909").mkdir()
    for seed in range(24):
        midi.write(song(seed, 4, 40), folder / "pop909" / f"{seed}.mid")
    for seed in range(3):
        midi.write(song(seed, 3, 40), folder / "pop909" / f"waltz-{seed}.mid")
    prepare([folder], folder / "corpus", PrepareConfig(workers=1))
    return Corpus(folder / "corpus")


@pytest.fixture(scope="module")
def composer(model):
    return compose.load(model, engine="torch")


def every(corpus):
    return range(len(corpus))


def test_new_pieces(composer, music):
    asked = []
    settings = JudgeSettings(windows=WINDOWS, seed=5)
    found = material(composer, music, every(music), settings, least=LEAST, change=lambda request: asked.append(request) or request)
    assert found.meter == (4, 4) and len(found.written) == len(found.names) == WINDOWS and found.names[0] == "seed 5"
    assert len({v.window.piece for v in found.people}) == 24 and len(found.model) == len(found.of) <= WINDOWS and not found.given
    for view, number in zip(found.model, found.of, strict=True):
        assert view.window.piece == number and view.window.start <= 16 and view.window.bars == 16
    assert {r.style for r in asked} == {"pop909"} and [r.seed for r in asked] == list(range(5, 45)) and asked[0].meter == (4, 4)


@pytest.mark.parametrize(("verb", "blocks"), [("continue", AFTER), ("accompany", WITH)])
def test_what_goes_with_given_music(composer, music, verb, blocks):
    found = material(composer, music, every(music), JudgeSettings(verb=verb, windows=WINDOWS), least=LEAST)
    assert found.given is blocks and found.model
    by_place = {(v.window.piece, v.window.start): v for v in found.people}
    for view, number in zip(found.model, found.of, strict=True):
        other = by_place[view.window.piece, view.window.start]
        assert view.given is other.given and view.window is not other.window and "bars" in found.names[number]
        if verb == "continue":
            assert view.window.start >= 16  # what follows what was given; people wrote 16 bars there too
    if verb == "accompany":
        assert all(len(score.tracks) > 1 for score in (found.written[i] for i in found.of))


def test_a_verdict_with_its_music(composer, music):
    pytest.importorskip("sklearn")
    steps = []
    settings = JudgeSettings(verb="continue", windows=WINDOWS)
    found = judged(composer, music, every(music), settings, least=LEAST, progress=lambda done, of: steps.append((done, of)))
    assert len(found.pieces) == len(found.names) == len(found.verdict.recognised) and found.verdict.groups[GIVEN] >= 0
    assert steps[-1] == (9, 9) and all(score.note_count for score in found.pieces)


def test_what_cannot_be_judged(composer, music):
    few = list(every(music))[:3]
    for verb, words in (("generate", "in 4/4|in 3/4"), ("continue", "after 16"), ("accompany", "beside a named melody")):
        with pytest.raises(MelodyError, match=f"only .* windows of 16 bars ({words}) .* needs 40; give it a larger collection"):
            material(composer, music, few, JudgeSettings(verb=verb))
    with pytest.raises(CallError, match="verb is 'sing', must be one of: generate, continue, accompany"):
        JudgeSettings(verb="sing")
    with pytest.raises(CallError, match="windows is 5, must be 40 to 10,000"):
        JudgeSettings(windows=5)


def test_a_model_without_bars(composer, music, monkeypatch):
    from dataclasses import replace

    seconds = replace(composer.bundle, codec=replace(composer.bundle.codec, clock="seconds"))
    with pytest.raises(MelodyError, match="counts in seconds and knows no bars"):
        material(compose.Composer(seconds, composer.engine), music, every(music), JudgeSettings())
