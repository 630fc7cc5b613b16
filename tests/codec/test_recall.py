"""What a piece recalls of itself: by whole arrays in training, note by note in sampling, never from the future."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.codec import CodecConfig
from melody.codec.columns import LAGS, POINTERS, Recalled, recalled_sizes
from melody.codec.encode import encode, quantise
from melody.codec.incremental_recall import MAX_KEPT, IncrementalRecall
from melody.codec.metre import Metre
from melody.codec.recall import bars_ago, recall
from melody.codec.table import Field, Role
from melody.score import METER, Score, Track, note_table, table

from ..conftest import examples

CODEC = CodecConfig(grid=4, velocity_bins=8)  # a bar of 4/4 has 16 steps
BAR = 16


def piece_of(notes, parts=1, meters=((0, 4, 4),)):
    """A piece from (onset, part, pitch, duration) on the grid."""
    tracks = []
    for part in range(parts):
        mine = [n for n in notes if n[1] == part]
        tracks.append(Track("", 0, False, note_table([n[0] for n in mine], [n[3] for n in mine], [n[2] for n in mine], [64] * len(mine))))
    return quantise(Score(tuple(tracks), 4, meters=table(METER, *zip(*meters, strict=True))), CODEC)


def recalled_by(piece):
    """The events of a piece, their times, and what is recalled after each."""
    events = encode(piece)
    plays = events.rows[:, Field.ROLE] == Role.NOTE
    time = events.time.astype(np.int64)
    return events.rows, time, recall(CODEC, piece.metre, piece.notes, np.cumsum(plays), time, plays)


def one_by_one(*pieces):
    """What is predicted in each of some pieces that are read event by event, side by side, all as long as the shortest."""
    state = IncrementalRecall(CODEC, len(pieces))
    rows = [encode(piece).rows.astype(np.int64) for piece in pieces]
    out = []
    for each in zip(*rows, strict=False):
        events = np.stack(each)
        time = state.time + events[:, Field.WAIT]
        ago = np.concatenate([bars_ago(p.metre, time[b : b + 1]) for b, p in enumerate(pieces)])
        out.append(state.after(np.flatnonzero(events[:, Field.ROLE] == Role.NOTE), events, time, ago))
    return np.stack(out, 1)


NOTES = st.lists(
    st.tuples(st.integers(0, 150), st.integers(0, 1), st.sampled_from([0, 58, 59, 60, 62, 127]), st.integers(1, 9)), min_size=1, max_size=60
)


@given(NOTES, st.sampled_from([((0, 4, 4),), ((0, 3, 4),), ((0, 4, 4), (32, 3, 4), (70, 2, 4))]))
@examples(150)
def test_note_by_note_is_the_same_as_all_at_once(notes, meters):
    piece = piece_of(notes, 2, meters)
    assert np.array_equal(one_by_one(piece)[0], recalled_by(piece)[2])


@given(st.lists(NOTES, min_size=2, max_size=4))
@examples(50)
def test_pieces_side_by_side_do_not_meet(pieces):
    pieces = [piece_of(notes, 2) for notes in pieces]
    for piece, found in zip(pieces, one_by_one(*pieces), strict=True):
        assert np.array_equal(found, recalled_by(piece)[2][: len(found)])


@given(NOTES, st.integers(1, 59))
def test_a_piece_can_be_read_all_at_once_and_gone_on_with(notes, cut):
    """The first events in one call, the others one by one."""
    piece = piece_of(notes, 2)
    rows, time, expected = recalled_by(piece)
    plays = rows[:, Field.ROLE] == Role.NOTE
    cut = min(cut, len(rows) - 1)
    notes_so_far = np.cumsum(plays)
    state = IncrementalRecall(CODEC, 2)
    state.pick(np.array([-1]))
    read = state.begin(0, piece.metre, piece.notes[: notes_so_far[cut - 1]], notes_so_far[:cut], time[:cut], plays[:cut])
    assert np.array_equal(read, expected[:cut])
    for event, now, plain in zip(rows[cut:].astype(np.int64), time[cut:, None], expected[cut:], strict=True):
        assert np.array_equal(state.after(np.flatnonzero([event[0] == Role.NOTE]), event[None], now, bars_ago(piece.metre, now))[0], plain)


@given(NOTES, st.integers(1, 59))
def test_the_future_is_not_looked_at(notes, cut):
    piece = piece_of(notes, 2)
    rows, _, whole = recalled_by(piece)
    cut = min(cut, len(piece.notes))
    last = np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)[cut - 1]
    begun = piece_of([(int(n["onset"]), int(n["part"]), int(n["pitch"]), int(n["duration"])) for n in piece.notes[:cut]], 2)
    assert np.array_equal(recalled_by(begun)[2][: last + 1], whole[: last + 1])


@given(NOTES)
def test_every_column_is_in_range(notes):
    _, _, out = recalled_by(piece_of(notes, 2))
    assert out.shape[1:] == (POINTERS, 6)
    assert (out >= 0).all() and all(int(out[..., c].max()) < size for c, size in enumerate(recalled_sizes(CODEC)))


FIGURE = [(0, 60, 4), (4, 64, 4), (8, 67, 2), (10, 65, 6)]  # onset in the bar, pitch, duration


def test_a_bar_that_comes_back_is_predicted_note_by_note():
    piece = piece_of([(bar * BAR + t, 0, p, d) for bar in range(3) for t, p, d in FIGURE])
    rows, _, out = recalled_by(piece)
    notes = np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)
    for before, now in pairwise(notes[4:]):  # from the first note of the second bar on
        wait, part, pitch, duration, _, _ = out[before, 0]
        assert (wait - 1, part - 1, pitch - 1, duration) == tuple(rows[now, [Field.WAIT, Field.PART, Field.PITCH, Field.DURATION]])
    assert out[notes[-1], 0, Recalled.STREAK] > out[notes[6], 0, Recalled.STREAK] > 0  # right again and again
    assert not out[: notes[4], 0].any()  # there is no bar before the first one


def test_the_distances_are_bars():
    notes = [(bar * BAR, 0, 40 + bar, 4) for bar in range(9)]
    rows, _, out = recalled_by(piece_of(notes))
    last = np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)[-1]
    assert [int(p) - 1 for p in out[last, :-1, Recalled.PITCH]] == [40 + 8 - lag + 1 for lag in LAGS]


def test_a_passage_that_returns_higher_is_predicted_higher():
    tune = [(0, 60), (2, 62), (4, 64), (8, 60), (10, 67)]
    again = [(37 + t, p + 5) for t, p in tune]  # at another place in the bar
    rows, _, out = recalled_by(piece_of([(t, 0, p, 2) for t, p in tune + again]))
    notes = np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)
    assert out[notes[7], -1, :4].tolist() == [1 + 4, 1, 1 + 65, 2]
    assert out[notes[8], -1, :4].tolist() == [1 + 2, 1, 1 + 72, 2]


def test_shifted_pitches_stay_on_the_keyboard():
    tune = [(0, 100), (2, 102), (4, 104), (6, 120), (40, 109), (42, 111), (44, 113)]
    rows, _, out = recalled_by(piece_of([(t, 0, p, 2) for t, p in tune]))
    assert not out[np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)[-1], -1, :5].any()


@pytest.mark.slow
@pytest.mark.parametrize("length", [2 * MAX_KEPT + 50])
def test_a_piece_without_end_is_remembered_in_bounded_memory(length):
    state, metre = IncrementalRecall(CODEC, 1), Metre(CODEC, table(METER, [0], [4], [4]))
    rng = np.random.default_rng(0)
    first = np.array([0])
    for step, pitch in enumerate(rng.integers(40, 90, length).tolist()):
        time = np.array([step])
        predicted = state.after(first, np.array([[Role.NOTE, 1, 0, pitch, 1, 0]]), time, bars_ago(metre, time))
    assert state.notes.shape[1] == 2 * MAX_KEPT and state.count[0] <= 2 * MAX_KEPT
    assert sum(len(ends) for ends in state.passages[0].ends) <= 4 * 2 * MAX_KEPT
    assert predicted[0, 0, Recalled.PITCH] == state.notes[0, state.count[0] - BAR, 2]  # a bar ago, one further
