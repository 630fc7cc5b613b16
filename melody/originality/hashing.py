"""Notes -> tokens -> hashes of runs. Compared by 64-bit hashes, so that key, length and loudness do not count."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.score import Score, merged_notes

MAX_WAIT = (1 << 20) - 1  # steps
BASE = 0x9E3779B97F4A7C15  # odd
WHOLE = (1 << 64) - 1

Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]


def places(score: Score, grid: int, seconds: bool = False) -> Ints:
    """The pitched notes of a piece as ``step * 128 + pitch``, rising, doubled ones once. ``grid``: steps a quarter, or a second."""
    _, notes = merged_notes([t for t in score.tracks if not t.is_drum])
    if seconds:
        onset = np.floor(score.seconds(notes["onset"]) * grid + 0.5).astype(np.int64)
    else:
        onset = (notes["onset"] * 2 * grid + score.ticks_per_quarter) // (2 * score.ticks_per_quarter)
    return np.unique(onset * 128 + notes["pitch"])


def tokens_of(place: Ints) -> Hashes:
    """The tokens (n - 1,) between notes (n,) as ``places`` gives them."""
    step = np.diff(place % 128) + 128
    wait = np.minimum(np.diff(place // 128), MAX_WAIT)
    return mixed((wait * 256 + step).astype(np.uint64))


def mixed(x: Hashes) -> Hashes:
    """The finaliser of splitmix64: neighbours come to lie far apart."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def hashes(tokens: Hashes, length: int) -> Hashes:
    """Hashes (n - length + 1,) of all windows of ``length`` tokens, whatever pieces they lie in.

    A window is put together from windows of 1, 2, 4, ... tokens: as many steps as ``length`` has binary digits.
    """
    size = len(tokens) - length + 1
    if size < 1:
        return np.zeros(0, np.uint64)
    out, done, span, power = np.zeros(size, np.uint64), 0, 1, BASE
    while True:
        if length & span:
            out = out * np.uint64(power) + tokens[done : done + size]
            done += span
        if done == length:
            return out
        tokens = tokens[:-span] * np.uint64(power) + tokens[span:]
        span, power = 2 * span, power * power & WHOLE


def mixed_one(x: int) -> int:
    """``mixed`` of a plain number, which is quicker for one."""
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & WHOLE
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB & WHOLE
    return x ^ (x >> 31)
