"""The judge's numbers: known values on music that one can count, and none that is not a number."""

import numpy as np
import pytest

from melody.evaluation.bar_likeness import at_lag, best_earlier, cosines, onsets, shared_notes, shared_onsets, sounding
from melody.evaluation.judge_features import BLOCKS, GROUPS, values
from melody.evaluation.judge_given import AFTER, GIVEN, WITH
from melody.evaluation.judge_view import View, entropy, histogram
from melody.evaluation.judge_windows import cut_window
from melody.score import Score, Track, meter_table, note_table
from tests.conftest import song

NAMES = [name for block in BLOCKS for name in block.names]
BAR = 4 * 480


def window(onsets_, pitches, lengths=None, velocities=None, bars=16, meter=(4, 4)):
    count = len(onsets_)
    notes = note_table(onsets_, lengths or [480] * count, pitches, velocities or [80] * count)
    return cut_window(Score((Track(notes=notes),), meters=meter_table([0], [meter[0]], [meter[1]])), meter, 0, bars)


def numbers(of, blocks=BLOCKS, given=None):
    names = [name for block in blocks for name in block.names]
    return dict(zip(names, values(View(of, given), blocks).tolist(), strict=True))


SCALE = [60, 62, 64, 65, 67, 69, 71, 72]


@pytest.fixture
def scales():
    """16 bars of C major in eighths, up in every odd bar, down in every even one; a held C below."""
    high = [(bar * BAR + 240 * i, p) for bar in range(16) for i, p in enumerate(SCALE if bar % 2 == 0 else SCALE[::-1])]
    low = [(bar * BAR, 48) for bar in range(16)]
    onset, pitch = zip(*high, *low, strict=True)
    return window(onset, pitch, [240] * len(high) + [BAR] * len(low))


def test_every_number_has_a_name_a_group_and_words():
    for blocks in (BLOCKS, AFTER, WITH):
        view = View(cut_window(song(0, 4, 16), (4, 4), 0), cut_window(song(1, 4, 16), (4, 4), 0))
        for block in blocks:
            assert len(block.names) == len(block.words) == len(block.of(view)) and block.group in (*GROUPS, GIVEN)
    assert len(set(NAMES)) == len(NAMES) > 140 and {b.group for b in BLOCKS} == set(GROUPS)


def test_form(scales):
    found = numbers(scales)
    assert found["same_lag_2"] == found["same_lag_8"] == found["rhythm_lag_1"] == 1 and found["chroma_lag_1"] == pytest.approx(1)
    # up and down have the held note in common and nothing else: 1 of 17
    assert found["same_lag_1"] == pytest.approx(1 / 17)
    assert found["same_best"] == pytest.approx((1 / 17 + 14) / 15) and found["same_best_max"] == 1
    assert found["rhythm_kinds"] == 1 / 16 and found["half_density"] == 0 and found["half_chroma"] == pytest.approx(1)


def test_harmony(scales):
    found = numbers(scales)
    assert found["in_scale"] == pytest.approx(1) and found["minor"] == 0
    assert found["class_0"] == pytest.approx((4 + 1) / 8) and found["class_1"] == 0  # of 8 quarters a bar: a held one of 4, two eighths
    assert found["root_held"] == 1 and sum(found[f"root_{i}"] for i in range(11)) == 0 and found["triad_change"] > 0


def test_time(scales):
    found = numbers(scales)
    assert found["place_0"] == pytest.approx(5 / 9) and found["place_6"] == pytest.approx(4 / 9)
    assert found["beat_0"] == pytest.approx(3 / 9) and found["length_4"] == pytest.approx(8 / 9)
    assert found["length_10"] == pytest.approx(1 / 9)
    assert found["wait_4"] == 1 and found["wait_entropy"] == 0


def test_texture_and_velocity(scales):
    found = numbers(scales)
    assert found["density"] == 9 / 4 and found["bar_sd"] == 0 and found["bar_empty"] == 0 and found["silent"] == 0
    assert (found["low"], found["high"], found["sounding"]) == (48, 72, 2)
    assert found["together_0"] == 7 / 8 and found["together_1"] == 1 / 8
    assert found["top_0"] == pytest.approx(15 / 127) and found["top_sd"] > 0  # the turning notes at bar lines are repeated
    assert (found["velocity_mean"], found["velocity_sd"], found["velocity_kinds"]) == (84, 0, 1 / 144)


@pytest.mark.parametrize(
    "of",
    [
        window([0] * 32, list(range(40, 72))),
        window([16 * BAR - 20] * 32, [60] * 32, [1] * 32),
        window([i * 60 for i in range(40)], [60] * 40, bars=16, meter=(7, 8)),
        window([i * 480 for i in range(48)], [0, 127] * 24, bars=16, meter=(3, 4)),
    ],
    ids=["one chord", "all at the end", "7/8", "3/4, extremes"],
)
def test_odd_windows_give_numbers(of):
    assert np.isfinite(values(View(of))).all()
    for blocks in (AFTER, WITH):
        assert np.isfinite(values(View(of, of), blocks)).all()


def test_small_tools():
    assert entropy(np.array([0.5, 0.5, 0])) == pytest.approx(np.log(2)) and entropy(np.array([1.0])) == 0
    assert histogram(np.array([0, 1, 1, 7]), (0, 1, 5, 9)).tolist() == [0.25, 0.5, 0.25]
    assert histogram(np.array([], np.int64), (0, 1, 5)).tolist() == [0, 0]


def test_likeness_of_bars():
    of = window([0, 480, BAR, BAR + 480, 2 * BAR], [60, 62, 60, 64, 50], bars=4)
    same = shared_notes(of)
    assert same[0, 1] == pytest.approx(1 / 3) and same[0, 2] == 0 and same[3, 3] == 0  # an empty bar is like none
    assert best_earlier(same).tolist() == pytest.approx([1 / 3, 0, 0]) and at_lag(same, 1) == pytest.approx(1 / 9) and at_lag(same, 9) == 0
    assert shared_onsets(onsets(of))[0, 1] == 1 and shared_onsets(onsets(of))[0, 2] == 0.5
    assert cosines(np.array([[1.0, 0], [0, 2], [0, 0]])).tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert sounding(of).sum() == 5 * 6  # five quarters of six cells


def test_what_follows_is_laid_beside_what_was_given(scales):
    same = numbers(scales, AFTER, scales)
    assert same["after_density"] == same["after_pitch"] == 0 and same["after_key"] == same["after_same"] == same["after_rhythm"] == 1
    moved = window([i * 240 for i in range(128)], [61, 63, 66, 68] * 32, [240] * 128, [40] * 128)
    other = numbers(moved, AFTER, scales)
    assert other["after_in_scale"] == 0 and other["after_velocity"] == -40 and other["after_same"] == 0


def test_what_goes_along_is_laid_beside_what_is_given(scales):
    same = numbers(scales, WITH, scales)
    assert same["with_hit"] == 1 and same["with_cosine"] == pytest.approx(1) and same["with_joined"] == same["with_own"] == 1
    low = numbers(window([i * BAR for i in range(16)], [36] * 16, [BAR] * 16), WITH, scales)
    assert low["with_above"] == 0 and low["with_pitch"] < -12 and low["with_joined"] == pytest.approx(2 / 9) and low["with_own"] == 1
