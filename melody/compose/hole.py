"""Where a hole begins and ends: decided once, by the ticks of the file, for what is kept and for what the model reads."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec import Piece
from melody.codec.table import MAX_PARTS
from melody.compose.alignment import AlignedTune
from melody.compose.fitting import NEAR_BARS

Mask = NDArray[np.bool_]


def sides(tune: AlignedTune, ticks: tuple[int, int], steps: tuple[int, int]) -> tuple[Mask, Mask]:
    """Which notes of the piece on the grid (n,) stand before a hole, and which after it.

    A note belongs where its tick is, also where the grid rounds it over the edge. ``ticks``, ``steps``: begin and end of the hole.
    """
    (low, high), (start, stop), notes = ticks, steps, tune.piece.notes
    key = _key(notes["onset"], notes["part"], notes["pitch"])
    early: list[NDArray[np.int64]] = []
    late: list[NDArray[np.int64]] = []
    for part, index in enumerate(tune.tracks):
        raw = tune.score.tracks[index].notes
        step = tune.steps(raw["onset"])
        for found, inside in ((early, (raw["onset"] < low) & (step >= start)), (late, (raw["onset"] < high) & (step >= stop))):
            found.append(_key(step[inside], np.full(int(inside.sum()), part), raw["pitch"][inside]))
    before = (notes["onset"] < start) | np.isin(key, np.concatenate(early))
    after = (notes["onset"] >= stop) & ~np.isin(key, np.concatenate(late))
    return before, after & ~before


def _key(onset: NDArray[Any], part: NDArray[Any], pitch: NDArray[Any]) -> NDArray[np.int64]:
    key: NDArray[np.int64] = (onset.astype(np.int64) * MAX_PARTS + part) * 128 + pitch
    return key


def near_bars(piece: Piece, start: int, stop: int) -> Mask:
    """The notes (n,) that start in one of the few bars before step ``start`` or after step ``stop``."""
    bars = piece.metre.bar(np.array([start, max(start, stop - 1)]))[0]
    low, high = piece.metre.starts(np.array([max(0, int(bars[0]) - NEAR_BARS), int(bars[1]) + 1 + NEAR_BARS])).tolist()
    near: Mask = (piece.notes["onset"] >= low) & (piece.notes["onset"] < high)
    return near
