"""Whether notes follow the beat of their file, and where the beat of free playing is."""

import numpy as np
import pytest

from melody import theory
from melody.score import Score, Track, note_table, tempo_table

from .test_edit_beats import played

TUNE = [0, 1, 2, 3, 4, 4.5, 5, 6, 7, 8, 8.5, 9, 10, 10.5, 11, 12, 13, 14, 15]


def human(bpm, bars=12, drift=0.01, jitter=0.01, seed=3):
    """A melody over a bass, by a player whose tempo wanders: the piece, and its beats in seconds."""
    rng = np.random.default_rng(seed)
    beats = np.cumsum(60 / bpm * np.exp(np.cumsum(rng.normal(0, drift, 4 * bars + 1))))
    at = np.concatenate([np.array(TUNE) + 16 * k for k in range(bars // 4)])

    def ticks(quarters):
        return np.rint(960 * (np.interp(quarters, np.arange(len(beats)), beats) + rng.normal(0, jitter, len(quarters)))).astype(int)

    tune, bass = ticks(at), ticks(np.arange(0, 4 * bars, 2))
    tracks = (
        Track("tune", notes=note_table(tune, tune * 0 + 300, 60 + tune % 12, tune * 0 + 80)),
        Track("bass", notes=note_table(bass, bass * 0 + 900, bass * 0 + 40, bass * 0 + 80)),
    )
    return Score(tracks), beats


@pytest.mark.parametrize("bpm", [70, 97, 131])
def test_free_playing_does_not_follow_the_file(bpm):
    assert not theory.follows_file(human(bpm)[0])


def test_what_is_on_a_grid_or_near_it_follows():
    assert theory.follows_file(played(TUNE, 120, late=0)) and theory.follows_file(played(TUNE, 240, late=0))
    rng = np.random.default_rng(1)
    onset = np.array(TUNE * 3) * 480 + np.repeat([0, 7680, 15360], len(TUNE)) + rng.normal(0, 20, 3 * len(TUNE))
    human_on_a_click = Score((Track(notes=note_table(np.maximum(0, onset), onset * 0 + 100, onset * 0 + 60, onset * 0 + 80)),))
    assert theory.follows_file(human_on_a_click)
    assert theory.follows_file(played([0, 1.3, 2.7], 97)) and theory.follows_file(Score()), "three notes say nothing"


@pytest.mark.parametrize(("bpm", "seed"), [(70, 1), (97, 2), (131, 3)])
def test_the_beat_of_a_player(bpm, seed):
    score, beats = human(bpm, seed=seed)
    found = theory.track_beats(score)
    true = beats[:-1]
    every = [float(np.abs(found - t).min()) < 0.07 for t in true]
    half = [float(np.abs(found - t).min()) < 0.07 for t in true[::2]]
    assert np.mean(every) > 0.9 or np.mean(half) > 0.9, "the beat, or half of it"
    assert (np.diff(found) > 0).all() and found[0] <= score.seconds([score.tracks[0].notes["onset"][0]])[0] + 0.07
    assert found[-1] > score.duration_seconds


def test_beats_of_hardly_any_music():
    for onsets in ([0], [5000], [0, 1]):
        found = theory.track_beats(Score((Track(notes=note_table(onsets, [480] * len(onsets), [60] * len(onsets), [80] * len(onsets))),)))
        assert len(found) >= 2 and np.isfinite(found).all() and (np.diff(found) > 0).all()


def test_a_tempo_of_the_file_is_taken_into_account():
    slow = played(TUNE, 97)
    fast = Score(slow.tracks, 480, tempo_table([0], [400_000]))
    assert float(np.median(np.diff(theory.track_beats(slow)))) == pytest.approx(60 / 97, rel=0.03)
    assert float(np.median(np.diff(theory.track_beats(fast)))) == pytest.approx(48 / 97, rel=0.03)
