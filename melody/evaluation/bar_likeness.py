"""How alike the bars of a piece are: the numbers that say whether music comes back.

    same      notes that two bars share (place in the bar on a grid of 1/12 quarter, and pitch) over all notes of the two, 0..1
    rhythm    the same of the places at which notes begin, on the grid of cells
    chroma    cosine between the sounding time of the pitch classes, 0..1

Each is a matrix (b, b) over the bars. Empty bars are like no other.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.evaluation.judge_windows import CELL, Window

FINE = 2  # steps: 1/12 quarter
PITCHES, CLASSES = 128, 12

Matrix = NDArray[np.float64]


def shared_notes(window: Window) -> Matrix:
    """Likeness ``same`` of every bar to every other (b, b)."""
    at, bar = window.onset % window.bar, window.onset // window.bar
    place = np.rint(at / FINE).astype(np.int64)
    return _jaccard(_presence(bar, place * PITCHES + window.pitch, window.bars))


def shared_onsets(count: Matrix) -> Matrix:
    """Likeness ``rhythm`` (b, b) of bars whose cells begin so many notes (b, c)."""
    return _jaccard(count > 0)


def onsets(window: Window) -> Matrix:
    """How many notes begin in each cell of each bar (b, cells of a bar)."""
    cells = window.bar // CELL
    count = np.bincount(window.onset // CELL, minlength=window.bars * cells)
    return count.reshape(window.bars, cells).astype(np.float64)


def sounding(window: Window) -> NDArray[np.bool_]:
    """Which pitch sounds in which cell (cells of the window, 128); a note sounds in one cell at least."""
    cells = window.steps // CELL
    first = window.onset // CELL
    last = np.maximum(first + 1, np.minimum(cells, np.rint((window.onset + window.length) / CELL).astype(np.int64)))
    change = np.zeros((cells + 1, PITCHES), np.int32)
    np.add.at(change, (first, window.pitch), 1)
    np.add.at(change, (last, window.pitch), -1)
    count: NDArray[np.int32] = change.cumsum(0, np.int32)[:-1]
    return np.greater(count, 0)


def sounding_classes(roll: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which pitch class sounds in which cell (cells, 12)."""
    octaves = -(-PITCHES // CLASSES)
    padded = np.zeros((len(roll), octaves * CLASSES), bool)
    padded[:, :PITCHES] = roll
    count: NDArray[np.int64] = padded.reshape(len(roll), octaves, CLASSES).sum(1)
    return np.greater(count, 0)


def cosines(rows: Matrix) -> Matrix:
    """Cosine between every two rows (b, b); 0 where one is empty."""
    long = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = rows / np.maximum(long, 1e-9)
    out: Matrix = unit @ unit.T
    return out


def at_lag(likeness: Matrix, lag: int) -> float:
    """Mean likeness of the bars to those ``lag`` bars before; 0 where there are none."""
    return float(np.diagonal(likeness, lag).mean()) if lag < len(likeness) else 0.0


def best_earlier(likeness: Matrix) -> Matrix:
    """Likeness of each bar but the first to the earlier bar that it is most like (b - 1,)."""
    best: Matrix = np.where(np.tri(len(likeness), k=-1, dtype=bool), likeness, 0).max(1)[1:]
    return best


def _presence(bar: NDArray[np.int64], what: NDArray[np.int64], bars: int) -> NDArray[np.bool_]:
    kinds, number = np.unique(what, return_inverse=True)
    there = np.zeros((bars, len(kinds)), bool)
    there[bar, number] = True
    return there


def _jaccard(there: NDArray[np.bool_]) -> Matrix:
    rows = there.astype(np.float64)
    both = rows @ rows.T
    count = rows.sum(1)
    out: Matrix = both / np.maximum(count[:, None] + count - both, 1)
    return out
