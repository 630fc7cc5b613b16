"""Does a piece bring back what it had? Likeness of its bars, beside that of human pieces of the same length.

    best      mean over the bars of the likeness to the earlier bar that each is most like, 0..1
    lag_4     mean likeness to the bar 4 bars before; ``lag_8``, ``lag_16`` likewise

Likeness is ``shared_notes`` of ``bar_likeness.py``. Knows Scores.

>>> from melody.score import Score, Track, note_table
>>> piece = Score((Track(notes=note_table([0, 1920, 3840], [480] * 3, [60, 60, 62], [80] * 3)),))
>>> returns(piece)["best"]
0.5
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from melody.evaluation.bar_likeness import at_lag, best_earlier, shared_notes
from melody.evaluation.continuation import Comparison, compare
from melody.evaluation.judge_windows import bar_count, cut_window, meter_of
from melody.score import Score

LAGS = (4, 8, 16)  # bars
RETURNS = ("best", *(f"lag_{lag}" for lag in LAGS))


def returns(score: Score, bars: int | None = None) -> dict[str, float] | None:
    """The statistics of a piece's first ``bars`` bars (all, if None); None for a piece of several meters or of a single bar.

    A lag that the piece is too short for is left out.
    """
    meter = meter_of(score)
    length = 0 if meter is None else min(bars or 1 << 30, bar_count(score, meter))
    if meter is None or length < 2:
        return None
    alike = shared_notes(cut_window(score, meter, 0, length))
    return {"best": float(best_earlier(alike).mean())} | {f"lag_{lag}": at_lag(alike, lag) for lag in LAGS if lag < length}


def returns_beside(human: Sequence[Score], made: Sequence[Score], bars: int) -> dict[str, Comparison]:
    """By statistic: quartiles of the human pieces and the mean of the others, over ``bars`` bars of each.

    Pieces that are shorter are left out; so is a statistic that no piece of one side has.
    """
    sides = [[r for s in scores if _long(s, bars) and (r := returns(s, bars))] for scores in (human, made)]
    known = [name for name in RETURNS if all(any(name in row for row in side) for side in sides)]
    return {name: compare(*(np.array([row[name] for row in side if name in row]) for side in sides)) for name in known}


def _long(score: Score, bars: int) -> bool:
    meter = meter_of(score)
    return meter is not None and bar_count(score, meter) >= bars
