"""Bar lines where they are heard: an accompaniment that was written an upbeat too early is put right, and nothing else is touched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from melody import edit
from melody.errors import CallError
from melody.score import Score, Track, meter_table, note_table
from melody.theory import bar_start, downbeat_shift

QUARTER = 480


def song(beats: int = 4, bars: int = 24, drums: bool = False) -> Score:
    """Chords that change at bar lines over a bass, a melody in quarters and eighths; a kick on the first beat, a snare on the others."""
    roots, rows = [0, 5, 7, 9], {"Melody": [], "Piano": [], "Drums": []}
    for bar in range(bars):
        at, root = bar * beats, roots[bar % 4]
        rows["Piano"].append((at, beats, 36 + root, 80))
        rows["Piano"] += [(at, beats, 60 + root + k, 70) for k in (0, 4, 7)]
        rows["Melody"] += [(at, 1.5, 72 + root, 90), (at + 1.5, 0.5, 74 + root, 75)]
        rows["Melody"] += [(at + k, 1, 72 + root + (0, 2, 4, 7)[(bar + k) % 4], 75) for k in range(2, beats)]
        rows["Drums"] += [(at + k, 0.25, 38 if k else 36, 90) for k in range(beats)]
    tracks = []
    for name in ("Melody", "Piano", "Drums")[: 3 if drums else 2]:
        onset, length, pitch, velocity = np.array(rows[name]).T
        tracks.append(Track(name, 0, name == "Drums", note_table(onset * QUARTER, length * QUARTER, pitch, velocity)))
    return Score(tuple(tracks), QUARTER, meters=meter_table([0], [beats], [4]))


@pytest.mark.parametrize("beats", [3, 4])
def test_true_bar_lines_stay(beats: int) -> None:
    assert downbeat_shift(song(beats)) == 0
    assert downbeat_shift(song(beats, drums=True)) == 0


@pytest.mark.parametrize("upbeat", [1, 2, 3])
def test_an_upbeat_that_was_written_as_a_bar_is_found(upbeat: int) -> None:
    early = edit.cut(song(), (4 - upbeat) * QUARTER)  # the music begins so many quarters before a bar line
    assert downbeat_shift(early) == upbeat * QUARTER
    right = edit.bars_later(early, upbeat * QUARTER)
    assert downbeat_shift(right) == 0
    first, before = (min(t.notes["onset"][0] for t in s.tracks) for s in (right, early))
    assert first - before == (4 - upbeat) * QUARTER  # a full bar, silent before the upbeat


def test_silence_is_taken_away_rather_than_added() -> None:
    late = edit.shift(song(), QUARTER)
    assert downbeat_shift(late) == QUARTER
    assert edit.bars_later(late, QUARTER) == song()


def test_later_meters_stay_where_they_are_in_the_music() -> None:
    early = edit.cut(song(), 3 * QUARTER)
    early = replace(early, meters=meter_table([0, 49 * QUARTER], [4, 3], [4, 4]))  # twelve bars and the upbeat, then waltz
    right = edit.bars_later(early, downbeat_shift(early))
    assert right.meters["tick"].tolist() == [0, 52 * QUARTER]
    assert bar_start(right, [12, 13, 14]).tolist() == [48 * QUARTER, 52 * QUARTER, 55 * QUARTER]


def test_what_does_not_follow_the_beat_is_left_alone() -> None:
    rng = np.random.default_rng(0)
    played = edit.map_notes(
        edit.cut(song(), 3 * QUARTER),
        lambda n: note_table(np.maximum(n["onset"] + rng.integers(-40, 41, len(n)), 0), n["duration"], n["pitch"], n["velocity"]),
    )
    assert downbeat_shift(played) == 0


@pytest.mark.parametrize(
    "score",
    [
        Score(),
        song(bars=2),
        replace(song(), meters=meter_table([0], [255], [1])),
        replace(song(), meters=meter_table([0], [7], [64])),
        edit.select_tracks(song(drums=True), [2]),
        replace(song(), meters=meter_table([0], [7], [8])),
    ],
    ids=["nothing", "two bars", "no bar lines", "a tiny bar", "drums only", "seven eighths"],
)
def test_odd_pieces_give_no_fault(score: Score) -> None:
    assert 0 <= downbeat_shift(score) < 4 * QUARTER


def test_seven_eighths_are_found_too() -> None:
    notes, at = [], 0.0
    for bar in range(24):
        root = (0, 5, 7, 9)[bar % 4]
        notes += [(at, 3.5, 36 + root, 90), (at, 1, 60 + root, 80), (at, 1, 64 + root, 80)]
        notes += [(at + k, 0.5, 67 + root, 60) for k in (1, 1.5, 2, 2.5, 3)]
        at += 3.5
    onset, length, pitch, velocity = np.array(notes).T
    table = note_table(onset * QUARTER, length * QUARTER, pitch, velocity)
    score = Score((Track("Piano", notes=table),), QUARTER, meters=meter_table([0], [7], [8]))
    assert downbeat_shift(score) == 0
    assert downbeat_shift(edit.cut(score, 5 * QUARTER // 2)) == QUARTER


def test_bars_move_by_less_than_a_bar() -> None:
    for ticks in (0, -1, 4 * QUARTER):
        with pytest.raises(CallError, match="less than a bar"):
            edit.bars_later(song(), ticks)
