"""Edits of Scores: nothing is lost that need not be, and the argument stays as it was."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import edit
from melody.errors import CallError
from melody.score import KEY, PEDAL, Score, Table, Track, meter_table, note_table, table, tempo_table

NOTES = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 200), st.integers(0, 127), st.integers(1, 127)), max_size=30).map(
    lambda rows: note_table(*(np.array(rows, np.int64).reshape(-1, 4).T))
)


def piece(*notes: tuple[int, int, int, int], pedal: Table | None = None, is_drum: bool = False) -> Score:
    """One track of (onset, duration, pitch, velocity)."""
    columns = np.array(notes, np.int64).reshape(-1, 4).T
    return Score((Track("t", 0, is_drum, note_table(*columns), table(PEDAL, [], []) if pedal is None else pedal),), 480)


def rows(score: Score, track: int = 0) -> list[tuple[int, ...]]:
    return [tuple(int(x) for x in row) for row in score.tracks[track].notes.tolist()]


def test_transpose_moves_notes_and_keys_but_not_drums() -> None:
    score = replace(piece((0, 10, 60, 64)), keys=table(KEY, [0, 9], [0, -3], [False, True]))
    up = edit.transpose(score, 2)
    assert rows(up) == [(0, 10, 62, 64)]
    assert up.keys["fifths"].tolist() == [2, -1]  # C -> D major, C minor -> D minor
    assert rows(edit.transpose(piece((0, 10, 36, 64), is_drum=True), 5)) == [(0, 10, 36, 64)]
    assert edit.transpose(score, 12).keys["fifths"].tolist() == [0, -3]


def test_transpose_folds_by_octaves() -> None:
    assert rows(edit.transpose(piece((0, 1, 126, 64)), 5)) == [(0, 1, 119, 64)]
    assert rows(edit.transpose(piece((0, 1, 1, 64)), -3)) == [(0, 1, 10, 64)]


@given(NOTES, st.integers(-200, 200))
def test_transpose_keeps_pitch_classes_and_range(notes: Table, semitones: int) -> None:
    moved = edit.transpose(Score((Track(notes=notes),)), semitones).tracks[0].notes
    assert ((moved["pitch"] >= 0) & (moved["pitch"] <= 127)).all()
    assert sorted((moved["pitch"] - semitones) % 12) == sorted(notes["pitch"] % 12)


@given(NOTES)
def test_scale_ticks_there_and_back_is_the_same(notes: Table) -> None:
    score = Score((Track(notes=notes),), 96, tempo_table([0, 50], [500_000, 300_000]), meter_table([0, 96], [4, 3], [4, 4]))
    finer = edit.scale_ticks(score, 480)
    assert finer.ticks_per_quarter == 480
    assert finer.duration_seconds == pytest.approx(score.duration_seconds)
    assert edit.scale_ticks(finer, 96) == score


def test_scale_ticks_rounds_and_keeps_short_notes() -> None:
    coarse = edit.scale_ticks(piece((19, 2, 60, 64), (21, 0, 61, 64)), 24)  # 20 ticks a step
    assert rows(coarse) == [(1, 1, 60, 64), (1, 0, 61, 64)]


def test_stretch_and_tempo_change_seconds_not_ticks() -> None:
    score = piece((0, 960, 60, 64))
    assert edit.stretch(score, 1.5).duration_seconds == pytest.approx(1.5)
    assert edit.set_tempo(score, 60).duration_seconds == pytest.approx(2.0)
    assert rows(edit.stretch(score, 1.5)) == rows(score)


def test_cut_keeps_tempo_meter_key_and_pedal_of_its_start() -> None:
    score = replace(
        piece((0, 500, 60, 64), (100, 300, 62, 64), (250, 10, 64, 64), pedal=table(PEDAL, [50, 260], [127, 0])),
        tempi=tempo_table([0, 90, 150, 220], [500_000, 400_000, 300_000, 200_000]),
        meters=meter_table([0, 40], [4, 3], [4, 4]),
        keys=table(KEY, [0, 80, 300], [1, 2, 3], [False] * 3),
    )
    part = edit.cut(score, 100, 200)
    assert rows(part) == [(0, 100, 62, 64)]  # the note before is out, this one ends with the window
    assert part.tempi.tolist() == [(0, 400_000), (50, 300_000)]
    assert part.meters.tolist() == [(0, 3, 4)]
    assert part.keys.tolist() == [(0, 2, False)]
    assert part.tracks[0].pedal.tolist() == [(0, 127)]
    assert edit.cut(score, 90, 90).tempi.tolist() == [(0, 400_000)]
    assert edit.cut(score, 0) == score


@given(NOTES, st.integers(0, 500))
def test_two_cuts_concatenate_to_the_whole(notes: Table, at: int) -> None:
    score = Score((Track("a", 3, notes=notes), Track("b", 3)), 96, tempo_table([0, 50], [500_000, 300_000]))
    notes["duration"] = np.where(notes["onset"] < at, np.minimum(notes["duration"], at - notes["onset"]), notes["duration"])
    halves = [edit.cut(score, 0, at), edit.cut(score, at)]
    whole = edit.concatenate(halves, [at, 10_000])
    assert whole.tracks == score.tracks
    assert whole.duration_seconds == pytest.approx(score.duration_seconds)


def test_concatenate_takes_the_first_resolution_and_pairs_tracks() -> None:
    first = piece((0, 480, 60, 64))
    second = Score((Track("t", 0, notes=note_table([0], [96], [62], [64])), Track("new", 5, notes=note_table([0], [96], [64], [64]))), 96)
    both = edit.concatenate([first, second])
    assert [t.name for t in both.tracks] == ["t", "new"]
    assert rows(both) == [(0, 480, 60, 64), (480, 480, 62, 64)]
    assert rows(both, 1) == [(480, 480, 64, 64)]


def test_concatenate_keeps_a_last_note_of_no_length() -> None:
    score = replace(piece((0, 480, 60, 64), (480, 0, 72, 64)), tempi=tempo_table([0, 600], [500_000, 300_000]))
    both = edit.concatenate([score, score])
    assert rows(both) == [(0, 480, 60, 64), (480, 480, 60, 64), (480, 0, 72, 64), (960, 0, 72, 64)]  # in order of onset, then pitch
    assert both.tempi.tolist() == [(0, 500_000), (480, 500_000)]  # what a piece says after its end is not carried into the next
    assert rows(edit.concatenate([piece((0, 0, 60, 64))])) == [(0, 0, 60, 64)]
    assert rows(edit.concatenate([score], [480])) == [(0, 480, 60, 64)]  # past an end that was given


def test_overlay_and_selection() -> None:
    one = piece((0, 480, 60, 64))
    both = edit.overlay([one, edit.scale_ticks(one, 96)])
    assert rows(both, 0) == rows(both, 1)
    assert edit.select_tracks(both, [1]).tracks == one.tracks
    assert edit.overlay([]) == edit.concatenate([]) == Score()


def test_shift_later_and_earlier() -> None:
    score = replace(piece((10, 20, 60, 64)), tempi=tempo_table([0, 10], [400_000, 300_000]))
    later = edit.shift(score, 5)
    assert rows(later) == [(15, 20, 60, 64)]
    assert later.tempi.tolist() == [(0, 400_000), (15, 300_000)]
    assert edit.shift(later, -5) == score


def test_pedal_holds_to_its_release_or_the_next_onset() -> None:
    pedal = table(PEDAL, [5, 8, 100, 300], [127, 90, 0, 64])
    score = piece((0, 10, 60, 64), (0, 120, 62, 64), (20, 10, 60, 64), (200, 10, 60, 64), (295, 10, 65, 64), (400, 50, 66, 64), pedal=pedal)
    held = edit.apply_pedal(score)
    assert rows(held) == [
        (0, 20, 60, 64),  # to the next onset of its pitch
        (0, 120, 62, 64),  # was held longer than the pedal
        (20, 80, 60, 64),  # to the release
        (200, 10, 60, 64),  # the pedal is up
        (295, 155, 65, 64),  # never released: to the end of the piece
        (400, 50, 66, 64),
    ]
    assert len(held.tracks[0].pedal) == 0


@given(NOTES, st.lists(st.tuples(st.integers(0, 600), st.integers(0, 127)), max_size=8))
def test_pedal_against_a_plain_loop(notes: Table, marks: list[tuple[int, int]]) -> None:
    marks = sorted(marks, key=lambda m: m[0])
    score = Score((Track(notes=notes, pedal=table(PEDAL, *np.array(marks, np.int64).reshape(-1, 2).T)),))
    held = edit.apply_pedal(score).tracks[0].notes
    for onset, duration, pitch, _ in notes.tolist():
        before = [m for m in marks if m[0] < onset + duration]
        expected = onset + duration
        if before and before[-1][1] >= 64:
            releases = [m[0] for m in marks if m[0] >= onset + duration and m[1] < 64]
            nexts = [n[0] for n in notes.tolist() if n[2] == pitch and n[0] > onset]
            limit = max(min(nexts, default=10**6), expected)
            expected = min(releases[0] if releases else max(score.end_tick, expected), limit)
        assert (onset, expected - onset) in {(h[0], h[1]) for h in held.tolist() if h[2] == pitch}


@given(NOTES)
def test_without_overlaps_leaves_none_and_loses_no_onset(notes: Table) -> None:
    before = notes.copy()
    clean = edit.without_overlaps(notes)
    assert (notes == before).all()
    assert {(n[0], n[2]) for n in clean.tolist()} == {(n[0], n[2]) for n in notes.tolist()}
    for pitch in np.unique(clean["pitch"]):
        one = clean[clean["pitch"] == pitch]
        assert (one["onset"][:-1] + one["duration"][:-1] <= one["onset"][1:]).all()
        assert (np.diff(one["onset"]) > 0).all()


def test_without_overlaps_keeps_the_longest_of_doubled_notes() -> None:
    clean = edit.without_overlaps(note_table([0, 0, 30], [10, 50, 5], [60, 60, 60], [1, 2, 3]))
    assert clean.tolist() == [(0, 30, 60, 2), (30, 5, 60, 3)]


@pytest.mark.parametrize(
    "call",
    [
        lambda s: edit.stretch(s, 0.0),
        lambda s: edit.stretch(s, float("nan")),
        lambda s: edit.set_tempo(s, 0),
        lambda s: edit.scale_ticks(s, 0),
        lambda s: edit.cut(s, 5, 4),
        lambda s: edit.cut(s, -1),
        lambda s: edit.select_tracks(s, [7]),
    ],
)
def test_calls_without_sense_are_refused(call) -> None:  # type: ignore[no-untyped-def]  # seven lambdas of one shape
    with pytest.raises(CallError):
        call(piece((0, 1, 60, 64)))


@pytest.mark.parametrize("empty", [Score(), Score((Track(),))])
def test_empty_pieces_pass_through(empty: Score) -> None:
    for same in (edit.transpose(empty, 3), edit.apply_pedal(empty), edit.cut(empty, 0), edit.shift(empty, 0)):
        assert same == empty
