"""Returns: a piece that brings everything back, one that brings back nothing, and pieces side by side."""

import pytest

from melody.evaluation.returns import returns, returns_beside
from melody.score import Score, Track, meter_table, note_table
from tests.conftest import song

BAR = 4 * 480


def piece(pitch_of_bar, meter=(4, 4)):
    onsets = [bar * BAR + 480 * beat for bar in range(len(pitch_of_bar)) for beat in range(4)]
    pitches = [p + beat for p in pitch_of_bar for beat in range(4)]
    notes = note_table(onsets, [480] * len(onsets), pitches, [80] * len(onsets))
    return Score((Track(notes=notes),), meters=meter_table([0], meter[:1], meter[1:]))


def test_all_or_nothing():
    again = returns(piece([60, 64, 67, 72] * 6))
    assert again["lag_4"] == again["lag_8"] == again["lag_16"] == 1 and again["best"] == pytest.approx(20 / 23)
    assert set(returns(piece(range(0, 120, 5))).values()) == {0}


def test_what_a_piece_is_too_short_for_is_left_out():
    assert list(returns(piece([60] * 24), bars=12)) == ["best", "lag_4", "lag_8"]
    assert list(returns(piece([60] * 2))) == ["best"] and returns(piece([60])) is None and returns(Score()) is None
    changing = Score(piece([60] * 8).tracks, meters=meter_table([0, BAR], [4, 3], [4, 4]))
    assert returns(changing) is None


def test_beside_people():
    human = [song(seed, 4, 24) for seed in range(5)]
    found = returns_beside(human, [*human, piece([60] * 4)], 24)  # the short one is left out
    assert set(found) == {"best", "lag_4", "lag_8", "lag_16"} and all(c.mean == c.human_mean for c in found.values())
    assert not returns_beside(human, [piece(range(0, 120, 5))], 24)["best"].within
    assert returns_beside(human, [], 24) == {}
