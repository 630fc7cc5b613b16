"""Free playing counted by its own beats, and back into its own ticks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from melody import edit
from melody.score import PEDAL, Score, Track, meter_table, note_table, table, tempo_table


def played(quarters, bpm, resolution=480, late=11):
    """Notes at some quarters of a player at ``bpm``, in a file that says 120."""
    ticks = np.rint(np.asarray(quarters) * resolution * 120 / bpm).astype(int) + late
    return Score((Track("tune", notes=note_table(ticks, ticks * 0 + resolution // 2, ticks * 0 + 60, ticks * 0 + 80)),), resolution)


@given(st.integers(1, 32_767), st.lists(st.integers(1, 3000), min_size=1, max_size=30), st.lists(st.integers(0, 50_000), max_size=50))
def test_ticks_come_back_as_they_were(resolution, gaps, ticks):
    beats = edit.BeatMap(np.cumsum([-40, *gaps]), max(480, 2 * max(gaps)))
    assert beats.back(beats.there(ticks)).tolist() == ticks
    steps = np.sort(np.array(ticks, np.int64))
    assert (np.diff(beats.there(steps)) >= np.diff(steps)).all(), "finer than the file"


def test_a_piece_on_its_beats_sounds_as_before():
    score = played([0, 1, 2, 2.5, 3, 5], 97)
    score = Score((*score.tracks,), 480, tempo_table([0, 700], [500_000, 400_000]), meter_table([0], [3], [4]))
    beats = edit.BeatMap.of(score, np.arange(-1, 8) * 0.6)
    moved = beats.on_beats(score)
    start = float(moved.seconds([int(beats.there([0])[0])])[0])
    heard, before = moved.seconds(moved.tracks[0].notes["onset"]) - start, score.seconds(score.tracks[0].notes["onset"])
    assert np.abs(heard - before).max() < 0.01
    assert moved.meters["numerator"].tolist() == [3]


def test_what_is_new_is_an_edit_of_the_file():
    score = played([0, 1, 2, 3], 97)
    pedal = table(PEDAL, [3, 700], [127, 0])
    score = Score((Track("tune", 5, notes=score.tracks[0].notes, pedal=pedal),), 480)
    beats = edit.BeatMap.of(score, 11 / 960 + np.arange(6) * 60 / 97)
    moved = beats.on_beats(score)
    new = Track("bass", 33, notes=note_table(beats.there([score.tracks[0].notes["onset"][2]]), [beats.quarter], [36], [70]))
    made = beats.in_file(score, edit.with_tracks(moved, [*moved.tracks, new]))
    assert made.tracks[0] == score.tracks[0] and made.ticks_per_quarter == 480 and made.tempi.tolist() == score.tempi.tolist()
    assert abs(int(made.tracks[1].notes["onset"][0]) - int(score.tracks[0].notes["onset"][2])) <= 1


def test_beats_before_the_first_make_a_bar_line():
    score = played([0, 1, 2, 3], 120)
    beats = edit.BeatMap.of(score, [0.0, 0.5, 1.0])
    assert beats.later(0, score).beats.tolist() == beats.beats.tolist()
    assert beats.later(1, score).beats.tolist() == [-1440, -960, -480, 0, 480, 960]
