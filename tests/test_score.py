"""The tempo map against exact fractions, and there and back."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from melody.score import Score, tempo_table

TEMPI = st.lists(st.tuples(st.integers(0, 2**26), st.integers(1, 0xFFFFFF)), max_size=30)
TICKS = st.lists(st.integers(0, 2**28), min_size=1, max_size=20)
QUARTERS = st.integers(1, 0x7FFF)


def exact(tempi: list[tuple[int, int]], quarter: int, tick: int) -> Fraction:
    """Microseconds up to ``tick``, tempo by tempo; of several at one tick the last given counts."""
    known = {0: 500_000} | dict(tempi)
    steps = [step for step in sorted(known) if step < tick]
    total = sum((following - here) * known[here] for here, following in pairwise([*steps, tick]))
    return Fraction(total, quarter)


@given(TEMPI, QUARTERS, TICKS)
def test_seconds_are_exact_to_a_microsecond(tempi: list[tuple[int, int]], quarter: int, ticks: list[int]) -> None:
    score = Score((), quarter, tempo_table([t for t, _ in tempi], [m for _, m in tempi]))
    found = score.seconds(ticks)
    for tick, seconds in zip(ticks, found.tolist(), strict=True):
        right = exact(tempi, quarter, tick) / 1_000_000
        assert abs(Fraction(seconds) - right) <= max(right * Fraction(1, 10**14), Fraction(1, 10**9))


@given(TEMPI, QUARTERS, TICKS)
def test_there_and_back(tempi: list[tuple[int, int]], quarter: int, ticks: list[int]) -> None:
    """The tick that comes back sounds at the same time: where a tick lasts less than a rounding of its seconds, it may be another one."""
    score = Score((), quarter, tempo_table([t for t, _ in tempi], [m for _, m in tempi]))
    seconds = score.seconds(sorted(ticks))
    assert (np.diff(seconds) >= 0).all()
    again = score.seconds(score.ticks_at(seconds))
    assert (abs(again - seconds) <= 1e-9 + seconds * 1e-12).all()
