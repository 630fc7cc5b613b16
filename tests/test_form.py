"""Form: which bars come back, against a slow loop and on shapes whose answer is plain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.theory import bar_likeness, returns

BARS = st.lists(st.lists(st.tuples(st.integers(0, 7), st.integers(60, 63)), max_size=5), min_size=1, max_size=90)


def likeness(bars, farthest=64):
    notes = np.array([(b, p, q) for b, bar in enumerate(bars) for p, q in bar], np.int64).reshape(-1, 3)
    return bar_likeness(*notes.T, len(bars), farthest)


@given(BARS, st.sampled_from([1, 3, 64]))
def test_likeness_is_the_jaccard_index(bars, farthest):
    found = likeness(bars, farthest)
    assert found.shape == (len(bars), farthest + 1)
    for b in range(len(bars)):
        for back in range(farthest + 1):
            mine, theirs = set(bars[b]), set(bars[b - back]) if 0 < back <= b else set()
            assert found[b, back] == pytest.approx(len(mine & theirs) / max(1, len(mine | theirs)))


A, B, C = [(0, 60), (4, 62)], [(0, 64), (2, 65), (4, 67)], [(1, 71)]


@pytest.mark.parametrize(
    ("bars", "form"),
    [
        ([A, B, A, C], [0, 0, 2, 0]),
        ([A, A, A], [0, 1, 1]),  # the nearest
        ([A, B, C, A, A, B, C, A], [0, 0, 0, 3, 4, 4, 4, 4]),  # a phrase as a whole
        ([A, [], B, []], [0, 0, 0, 0]),  # silence brings nothing back
        ([B, [(0, 64), (2, 65), (4, 68)]], [0, 0]),  # half of it is not enough
    ],
)
def test_what_comes_back(bars, form):
    assert returns(likeness(bars)).tolist() == form


def test_a_piece_without_bars_has_no_form():
    assert returns(np.zeros((0, 65), np.float32)).tolist() == []
