"""Features of pieces whose values are known, and overlap areas of sets whose likeness is known."""

import numpy as np
import pytest

from melody.evaluation.features import FEATURES, features_of
from melody.evaluation.overlap import compared, oa, shared_area
from melody.score import Score, Track, meter_table, note_table, tempo_table

Q = 480


def piece(onsets, pitches, length=Q, velocity=80, **track):
    count = len(onsets)
    return Score((Track(notes=note_table(onsets, [length] * count, pitches, [velocity] * count), **track),))


def steady(bars=8, transpose=0):
    """The same bar again and again: C E G E."""
    return piece(np.arange(4 * bars) * Q, [60 + transpose + p for p in (0, 4, 7, 4)] * bars)


def test_a_piece_that_repeats_itself():
    f = features_of(steady())
    assert f["repetition"].tolist() == [1, 1, 1, pytest.approx(np.nan, nan_ok=True)] and f["groove"] == pytest.approx(1)
    assert f["harmony"][:3] == pytest.approx(1) and f["density"] == 4 and f["polyphony"] == 1
    assert f["pitch class"][[0, 4, 7]] == pytest.approx([0.25, 0.5, 0.25])
    assert f["onset in bar"][[0, 12, 24, 36]] == pytest.approx(0.25)
    assert f["velocity"][10] == 1 and f["duration"][8] == 1
    assert f["interval"][[12 + 4, 12 + 3, 12 - 3, 12 - 4]] == pytest.approx(np.array([8, 8, 8, 7]) / 31)


def test_what_differs_bar_by_bar():
    up = features_of(piece(np.arange(32) * Q, 40 + np.arange(32)))
    assert up["repetition"][:3].tolist() == [0, 0, 0] and up["groove"] == pytest.approx(1)
    syncopated = features_of(piece([0, Q, 2 * Q, 3 * Q, 4 * Q + 240, 5 * Q + 240], [60] * 6))
    assert syncopated["groove"] == pytest.approx(1 - 6 / 48)


def test_a_triad_is_three_notes_at_once():
    f = features_of(piece([0, 0, 0, 2 * Q, 2 * Q, 2 * Q], [60, 64, 67] * 2))
    assert f["polyphony"] == pytest.approx(3)


def test_key_and_resolution_do_not_matter():
    a, b = features_of(steady()), features_of(steady(transpose=5))
    fine = features_of(piece(np.arange(32) * 960, [60, 64, 67, 64] * 8, 960))
    for name in a:
        np.testing.assert_allclose(a[name], b[name])
    assert fine["density"] == 2  # half notes at 480 to the quarter


@pytest.mark.parametrize("count", [1, 2, 3])
def test_hardly_any_notes(count):
    for score in (piece([0, Q, 2 * Q][:count], [60, 62, 64][:count]), piece([0, Q, 2 * Q][:count], [38] * count, is_drum=True)):
        f = features_of(score)
        assert set(f) == {x.name for x in FEATURES} and all(len(f[x.name]) == len(x.labels) for x in FEATURES)
    assert features_of(Score()) == {}


def test_by_seconds_bars_last_two_seconds():
    slow = Score(steady().tracks, 480, tempo_table([0], [1_000_000]), meter_table([0], [3], [4]))
    assert features_of(slow, by_seconds=True)["density"] == 2


@pytest.mark.slow
def test_alike_and_not_alike():
    rng = np.random.default_rng(0)
    humans = [features_of(piece(np.arange(32) * Q, rng.integers(60, 72, 32))) for _ in range(12)]
    other = [features_of(piece(np.arange(32) * Q, rng.integers(60, 72, 32))) for _ in range(12)]
    far = [features_of(piece(np.arange(32) * 120, rng.integers(30, 90, 32), 60, 20)) for _ in range(12)]
    alike, unlike = compared(humans, other, humans), compared(humans, far, [])
    for name in ("interval", "onset in bar", "density", "velocity", "duration"):
        assert alike[name]["overlap"] > 0.85 and unlike[name]["overlap"] < 0.7
    assert alike["interval"]["oa"] > 0.7 > unlike["interval"]["oa"]
    assert alike["pitch class"]["overlap_human"] == pytest.approx(1) and unlike["pitch class"]["overlap_human"] is None


def test_areas():
    rng = np.random.default_rng(1)
    a = rng.normal(size=4000)
    assert shared_area(a, a) == pytest.approx(1, abs=1e-3)
    assert shared_area(a, a + 100) == pytest.approx(0, abs=1e-3)
    assert shared_area(a, rng.normal(1, 1, 4000)) == pytest.approx(0.617, abs=0.03)  # 2 * Phi(-1/2)
    assert shared_area(np.ones(5), np.ones(9)) == 1 and shared_area(np.zeros(0), a) is None


def test_too_few_to_say():
    rows = np.random.default_rng(2).random((3, 4))
    assert oa(rows[:1], rows) is None and oa(rows, rows[:0]) is None
    assert oa(np.full((3, 4), np.nan), rows) is None
    nothing = compared([], [], [])
    assert all(f["overlap"] is None and f["oa"] is None for f in nothing.values())
