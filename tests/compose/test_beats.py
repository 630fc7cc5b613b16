"""Free playing: what is new follows the player if that is asked for, and the player's notes stay on their ticks."""

import warnings

import numpy as np
import pytest

from melody import midi
from melody.compose import Accompany, Tune
from melody.errors import CallError

from ..test_edit_beats import played
from .test_documents import events


@pytest.fixture(scope="module")
def file():
    return midi.to_bytes(played(np.arange(32), 97))


def test_it_is_said_once(file, composer):
    doubts = Tune.of(file).doubts()
    assert [(d.setting, d.value) for d in doubts] == [("beats", "estimate")]
    assert not Tune.of(file, beats="estimate").doubts() and not Tune.of(midi.to_bytes(played(np.arange(32), 120, late=0))).doubts()
    with pytest.warns(UserWarning, match="do not follow the beat.*beats='estimate'"):
        composer.accompany(file, seed=1)


@pytest.mark.parametrize("beats", ["estimate", "seconds"])
def test_everything_of_the_file_stays(file, composer, beats):
    for result in (
        composer.accompany(file, voices="violin", beats=beats, seed=1),
        composer.continue_(file, bars=3, beats=beats, seed=1),
        composer.infill(file, 3, 4, beats=beats, seed=1),
    ):
        lost = events(file) - events(midi.to_bytes(result))
        ticks = sorted(tick for _, tick, _ in lost)
        assert not ticks or ticks[-1] - ticks[0] < 8 * 700, "at most the notes of the hole"


def test_what_is_new_is_on_the_beats_of_the_player(file, composer):
    def beside(beats):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = composer.accompany(file, voices="violin", beats=beats, seed=3)
        quarters = (made.tracks[-1].notes["onset"] - 11) / (480 * 120 / 97)
        return np.abs(quarters * 24 - np.rint(quarters * 24)).mean()

    assert beside("estimate") < 0.1 < 0.15 < beside("file")


def test_another_way_to_count():
    with pytest.raises(CallError, match="beats"):
        Accompany(tune=played(np.arange(4), 120), beats="bars")
