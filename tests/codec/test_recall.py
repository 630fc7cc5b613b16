"""What a piece recalls of itself: by whole arrays in training, note by note in sampling, never from the future."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melody.codec import CodecConfig
from melody.codec.encode import encode, quantise
from melody.codec.metre import Metre
from melody.codec.recall import LAGS, MOST, POINTERS, Recollection, recall, sizes
from melody.codec.table import Field, Role
from melody.score import METER, Score, Track, note_table, table

CODEC = CodecConfig(grid=4, velocity_bins=8)  # a bar of 4/4 has 16 steps
BAR = 16


def piece_of(notes, parts=1, meters=((0, 4, 4),)):
    """A piece from (onset, part, pitch, duration) on the grid."""
    tracks = []
    for part in range(parts):
        mine = [n for n in notes if n[1] == part]
        tracks.append(Track("", 0, False, note_table([n[0] for n in mine], [n[3] for n in mine], [n[2] for n in mine], [64] * len(mine))))
    return quantise(Score(tuple(tracks), 4, meters=table(METER, *zip(*meters, strict=True))), CODEC)


def told(piece):
    """The events of a piece, their times, and what is recalled after each."""
    events = encode(piece)
    plays = events.rows[:, Field.ROLE] == Role.NOTE
    time = events.time.astype(np.int64)
    return events.rows, time, recall(CODEC, piece.metre, piece.notes, np.cumsum(plays), time, plays)


def one_by_one(piece):
    memory, time, out = Recollection(CODEC, piece.metre), 0, []
    for row in encode(piece).rows.tolist():
        time += row[Field.WAIT]
        if row[Field.ROLE] == Role.NOTE:
            memory.remember((time, row[Field.PART], row[Field.PITCH], row[Field.DURATION], row[Field.VELOCITY]))
        out.append(memory.after(row[Field.ROLE], time))
    return np.array(out)


NOTES = st.lists(
    st.tuples(st.integers(0, 150), st.integers(0, 1), st.sampled_from([0, 58, 59, 60, 62, 127]), st.integers(1, 9)), min_size=1, max_size=60
)


@given(NOTES, st.sampled_from([((0, 4, 4),), ((0, 3, 4),), ((0, 4, 4), (32, 3, 4), (70, 2, 4))]))
@settings(deadline=None, max_examples=150)
def test_note_by_note_is_the_same_as_all_at_once(notes, meters):
    piece = piece_of(notes, 2, meters)
    assert np.array_equal(one_by_one(piece), told(piece)[2])


@given(NOTES, st.integers(1, 59))
@settings(deadline=None)
def test_the_future_is_not_looked_at(notes, cut):
    piece = piece_of(notes, 2)
    rows, _, whole = told(piece)
    cut = min(cut, len(piece.notes))
    last = np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)[cut - 1]
    begun = piece_of([(int(n["onset"]), int(n["part"]), int(n["pitch"]), int(n["duration"])) for n in piece.notes[:cut]], 2)
    assert np.array_equal(told(begun)[2][: last + 1], whole[: last + 1])


@given(NOTES)
@settings(deadline=None)
def test_every_column_is_in_range(notes):
    _, _, out = told(piece_of(notes, 2))
    assert out.shape[1:] == (POINTERS, 6)
    assert (out >= 0).all() and all(int(out[..., c].max()) < size for c, size in enumerate(sizes(CODEC)))


FIGURE = [(0, 60, 4), (4, 64, 4), (8, 67, 2), (10, 65, 6)]  # onset in the bar, pitch, duration


def test_a_bar_that_comes_back_is_foretold_note_by_note():
    piece = piece_of([(bar * BAR + t, 0, p, d) for bar in range(3) for t, p, d in FIGURE])
    rows, _, out = told(piece)
    notes = np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)
    for before, now in pairwise(notes[4:]):  # from the first note of the second bar on
        wait, part, pitch, duration, _, _ = out[before, 0]
        assert (wait - 1, part - 1, pitch - 1, duration) == tuple(rows[now, [Field.WAIT, Field.PART, Field.PITCH, Field.DURATION]])
    assert out[notes[-1], 0, 5] > out[notes[6], 0, 5] > 0  # right again and again
    assert not out[: notes[4], 0].any()  # there is no bar before the first one


def test_the_distances_are_bars():
    notes = [(bar * BAR, 0, 40 + bar, 4) for bar in range(9)]
    rows, _, out = told(piece_of(notes))
    last = np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)[-1]
    assert [int(p) - 1 for p in out[last, :-1, 2]] == [40 + 8 - lag + 1 for lag in LAGS]


def test_a_passage_that_returns_higher_is_foretold_higher():
    tune = [(0, 60), (2, 62), (4, 64), (8, 60), (10, 67)]
    again = [(37 + t, p + 5) for t, p in tune]  # at another place in the bar
    rows, _, out = told(piece_of([(t, 0, p, 2) for t, p in tune + again]))
    notes = np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)
    assert out[notes[7], -1, :4].tolist() == [1 + 4, 1, 1 + 65, 2]
    assert out[notes[8], -1, :4].tolist() == [1 + 2, 1, 1 + 72, 2]


def test_shifted_pitches_stay_on_the_keyboard():
    tune = [(0, 100), (2, 102), (4, 104), (6, 120), (40, 109), (42, 111), (44, 113)]
    rows, _, out = told(piece_of([(t, 0, p, 2) for t, p in tune]))
    assert not out[np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE)[-1], -1, :5].any()


@pytest.mark.parametrize("length", [2 * MOST + 50])
def test_a_piece_without_end_is_remembered_in_bounded_memory(length):
    memory = Recollection(CODEC, Metre(CODEC, table(METER, [0], [4], [4])))
    rng = np.random.default_rng(0)
    for step, pitch in enumerate(rng.integers(40, 90, length).tolist()):
        memory.remember((step, 0, pitch, 1, 0))
        told = memory.after(Role.NOTE, step)
    assert len(memory._notes) <= 2 * MOST
    assert told[0][2] == 1 + memory._notes[-BAR][2]  # a bar ago, one further
