"""A window of a long piece: some bars of it, at their own place in time."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from melody.codec.encode import Piece


@dataclass(frozen=True, eq=False)
class Window:
    """What one visit sees of a piece. Notes keep their steps, so bars are counted from the piece's beginning."""

    piece: Piece
    start: int  # step of its first bar line
    stop: int  # step of the bar line where the whole piece ends
    ends: bool  # whether the window reaches the end of the piece


def draw_window(piece: Piece, most: int, rng: np.random.Generator) -> Window:
    """At most ``most`` notes of ``piece`` from a bar line on; a bar that holds more is cut short, one bar is there at least.

    Of the n windows that a piece holds the first is drawn 1 time in n, and the last, so beginnings and endings come as often
    as they would in whole pieces; between them any bar line. Nothing is drawn where the piece fits. ``most`` 0: it fits.
    """
    total, end = len(piece.notes), piece.end
    if not most or total <= most:
        return Window(piece, 0, end, True)
    count = -(-total // most)
    which, place = int(rng.integers(count)), float(rng.random())
    onset = piece.notes["onset"].astype(np.int64)
    metre = piece.metre
    bars = metre.bar(onset)[0]
    first = {0: 0, count - 1: total - most}.get(which, int(place * (total - most)))
    if which == count - 1:  # the first bar that is whole in what is left, so that the end is reached
        bar = int(bars[first]) + (first > 0 and bars[first - 1] == bars[first])
        bar = min(bar, int(bars[-1]))
    else:
        bar = int(bars[first])
    start = metre.bar_start(bar) if bar > 0 else 0
    low = int(np.searchsorted(onset, start))
    high = min(low + most, total)
    if high < total:  # back to a bar line, if that leaves anything
        line = int(np.searchsorted(bars, bars[high]))
        high = line if line > low else high
    return Window(replace(piece, notes=piece.notes[low:high]), start, end, high == total)
