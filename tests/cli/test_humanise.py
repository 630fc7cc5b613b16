"""humanise: a file out of a file, and one line for what cannot be."""

import json

import numpy as np
import pytest

from melody import midi
from melody.score import Score, Track, note_table


@pytest.fixture
def tune(here):
    onset = np.arange(32) * 240
    Score((Track("tune", notes=note_table(onset, np.full(32, 240), np.full(32, 60), np.full(32, 80))),)).save(here / "tune.mid")
    return here / "tune.mid"


def test_a_piece_is_played(melody, tune, here):
    facts = json.loads(melody("humanise", tune, "--swing", 0.5, "--json").out)
    assert facts["notes"] == 32 and facts["files"] == [str(here / "tune-humanised.mid")]
    assert midi.read(here / "tune-humanised.mid") != midi.read(tune)
    assert melody("humanise", "tune-humanised.mid", "--quantise", "-o", "grid.mid").status == 0
    assert midi.read("grid.mid").note_count == 32


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--swing", 1.5), "--swing is 1.5, must be 0 to 1"),
        (("--dynamics", -0.1), "--dynamics is -0.1, must be 0 to 1"),
        (("--quantise", "--timing", 0.5), "--quantise and --timing contradict each other"),
        (("--grid", "eighths"), "--grid is for quantise"),
        (("-o", "x.wav"), "does not end in .mid"),
    ],
)
def test_what_cannot_be(melody, tune, here, words, says):
    before = sorted(here.iterdir())
    said = melody("humanise", tune, *words)
    assert said.status == 2 and says in said.err and said.err.count("\n") == 1 and said.out == ""
    assert sorted(here.iterdir()) == before


def test_a_piece_in_seconds(melody, here):
    onset = np.sort(np.random.default_rng(1).integers(0, 200_000, 600))
    Score((Track("Piano", notes=note_table(onset, np.full(600, 100), np.full(600, 60), np.full(600, 80))),)).save(here / "free.mid")
    said = melody("humanise", "free.mid", "--swing", 0.5)
    assert said.status == 2 and "keeps to no beat" in said.err and said.err.count("\n") == 1
