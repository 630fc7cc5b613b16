"""Samples beside real pieces: excerpts of the right bars, and copies found where there are some."""

import numpy as np
import pytest

from melody import edit, theory
from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.evaluation.beside import beside, excerpt
from melody.score import Score

CODEC = CodecConfig(styles=("pop909", "waltz"))


def test_an_excerpt_begins_with_the_first_note(corpus):
    score = Corpus(corpus).score(0)
    bar = int(theory.bar_start(score, [1])[0])
    late = excerpt(edit.shift(score, 3 * bar), 4)
    assert late.note_count == excerpt(score, 4).note_count == 4 * bar // 480 + 12 and theory.bar_count(late) == 4
    assert excerpt(score, 99).note_count == score.note_count
    assert excerpt(score, 2, by_seconds=True).duration_seconds <= 4.5 and excerpt(Score(), 4).note_count == 0


@pytest.mark.slow
@pytest.mark.parametrize("split", ["train", "valid"])
def test_a_thief_is_caught(corpus, split):
    """Samples that are the training pieces themselves; human pieces of the training split are not looked for in themselves."""
    music = Corpus(corpus)
    stolen = {s: [edit.transpose(music.score(i), 2) for i in music.split("train") if music.pieces[i].style == s] for s in music.styles}
    statistics, copies = beside(music, CODEC, stolen, music.split(split), 12)
    assert list(copies)[0] == "all" and {"pop909", "waltz"} < set(copies)  # noqa: RUF015  # order is what is looked at
    for style in music.styles:
        assert copies[style]["model"]["share"] == 1
    assert copies["all"]["model"]["longest"] == 12 * 7 and copies["all"]["human"]["share"] < 0.5
    for facts in statistics.values():
        assert facts["samples"] and len(facts["features"]) == 10


def test_no_samples_of_a_style(corpus):
    music = Corpus(corpus)
    statistics, copies = beside(music, CODEC, {"waltz": []}, music.split("train"), 4)
    assert statistics["waltz"]["features"]["density"]["oa"] is None and list(copies) == ["waltz"]
    assert np.isfinite(copies["waltz"]["human"]["share"])
