"""Form: which earlier bar each bar of a piece brings back.

Two bars are alike by the notes that they share: the Jaccard index of their sets of (place in the bar, pitch), places in eighths. A bar
brings back an earlier one from MIN_LIKENESS on. Of several that are alike enough, one as far back as the bars before and after find
theirs is preferred, for what returns is a phrase and not a bar; then one that is 4, 8, ... bars back; then the nearest.

Places are rounded to eighths because played music is never on the grid; a chord that is held over a bar line belongs to the bar in which
it begins. An empty bar brings nothing back and is not brought back.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
FARTHEST = 64  # bars
MIN_LIKENESS = 0.6  # likeness from which on a bar brings another one back
NEIGHBOUR, PHRASE, FAR = 0.1, 0.02, 0.0005  # for each neighbour with the same distance; for whole phrases; against each bar of distance
BLOCK = 64  # bars that are compared at once


def bar_likeness(bar: Ints, place: Ints, pitch: Ints, bars: int, farthest: int = FARTHEST) -> Floats:
    """How much each bar is like those before it: (bars, farthest + 1), at [b, k] bar b with bar b - k; 0 where there is none.

    ``bar``, ``place`` and ``pitch`` (n,) of the notes; places are whole numbers that are compared as they are. Column 0 is not used.

    >>> bar_likeness(np.array([0, 0, 1]), np.array([0, 4, 0]), np.array([60, 64, 60]), 2, farthest=1)[1].tolist()
    [0.0, 0.5]
    """
    out = np.zeros((bars, farthest + 1), np.float32)
    if not len(bar):
        return out
    pairs, token = np.unique(place.astype(np.int64) * 1024 + pitch, return_inverse=True)
    has = np.zeros((bars, len(pairs)), np.float32)
    has[bar, token] = 1
    size = has.sum(1)
    for first in range(0, bars, BLOCK):
        last, low = min(first + BLOCK, bars), max(0, first - farthest)
        shared = has[first:last] @ has[low:last].T
        jaccard = shared / np.maximum(size[first:last, None] + size[low:last] - shared, 1)
        back = np.arange(first, last)[:, None] - np.arange(low, last)
        rows, columns = np.nonzero((back > 0) & (back <= farthest))
        out[first + rows, back[rows, columns]] = jaccard[rows, columns]
    return out


def returns(likeness: Floats, least: float = MIN_LIKENESS) -> Ints:
    """How many bars back the bar lies that each bar brings back, (bars,); 0: it is new. ``likeness`` as ``bar_likeness`` gives it.

    >>> returns(np.array([[0, 0, 0], [0, 0.7, 0], [0, 0.1, 0.3]], np.float32)).tolist()
    [0, 1, 0]
    """
    alike = likeness >= least
    alike[:, 0] = False
    count, back = alike.shape[0], np.arange(alike.shape[1])
    score = np.where(alike, likeness - FAR * back + PHRASE * (back % 4 == 0) + PHRASE * (back % 8 == 0), -1)
    score[1:] += NEIGHBOUR * (alike[1:] & alike[: count - 1])
    score[: count - 1] += NEIGHBOUR * (alike[: count - 1] & alike[1:])
    best: Ints = np.where(alike.any(1), score.argmax(1), 0) if count else np.zeros(0, np.int64)
    return best
