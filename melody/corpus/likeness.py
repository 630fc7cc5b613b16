"""Near-copies: the same music in another edition, key, arrangement or length, recognised by its outer lines.

A piece's prints are hashes of runs of intervals of its top line and of its bass line, the smallest ones of each line (bottom-k
sketches: A. Broder, On the resemblance and containment of documents, 1997). Two pieces are near-copies if the prints of one
line overlap: transposition, tempo, note lengths, repeats and inner voices do not matter. Runs of one interval or of a scale
alone say nothing and are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from melody.score import Score

RUN = 9  # intervals
KINDS = 4  # different intervals in a run, at least
PRINTS = 48  # of a line
LOOKED_AT = 2 * PRINTS  # hashes of a line of which those are taken that say something
ALIKE = 0.25  # share of the smallest prints of two lines together that both have
MIN_PRINTS = 8  # prints of a line, and prints that two lines share: less says nothing
COMMON = 24  # pieces with one print: more, and it is a formula

Prints = NDArray[np.uint32]
NOTHING = np.zeros(0, np.int64)
_FACTORS = np.array([pow(0x9E3779B1, k + 1, 1 << 64) for k in range(RUN)], np.uint64)


def outer_prints(score: Score) -> tuple[Prints, Prints]:
    """The prints of the top line and of the bass line, rising, at most PRINTS each; few or none for a short piece."""
    ranks = np.sort(np.concatenate([t.notes["onset"] * 128 + t.notes["pitch"] for t in score.tracks if not t.is_drum] or [NOTHING]))
    if not len(ranks):
        return np.zeros(0, np.uint32), np.zeros(0, np.uint32)
    onset, pitch = ranks >> 7, ranks & 127
    edge = onset[1:] != onset[:-1]
    return prints(pitch[np.append(edge, True)]), prints(pitch[np.append(True, edge)])


def prints(pitches: NDArray[np.int64]) -> Prints:
    """The smallest hashes of the runs of intervals of one line. Repeated pitches count once.

    >>> line = np.array([60, 64, 62, 67, 65, 71, 69, 60, 62, 59, 64, 61, 70, 66, 68, 60, 72, 67, 61])
    >>> len(prints(line)), bool((prints(line) == prints(line + 5)).all())
    (10, True)
    """
    steps = np.diff(pitches)
    steps = steps[steps != 0]
    count = len(steps) - RUN + 1
    if count < 1:
        return np.zeros(0, np.uint32)
    code = (steps + 128).astype(np.uint64)
    mixed = np.zeros(count, np.uint64)
    for k, factor in enumerate(_FACTORS):
        mixed += code[k : k + count] * factor
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    marked = (mixed & ~np.uint64(0xFFFFFFFF)) | np.arange(count, dtype=np.uint64)  # the hash, and where its run starts
    if count > 4 * LOOKED_AT:
        marked.partition(4 * LOOKED_AT)
        marked = marked[: 4 * LOOKED_AT]
    marked.sort()
    hashes = (marked >> np.uint64(32)).astype(np.uint32)
    first = np.flatnonzero(np.append(True, hashes[1:] != hashes[:-1]))[:LOOKED_AT]
    hashes, where = hashes[first], (marked[first] & np.uint64(0xFFFFFFFF)).astype(np.int64)
    runs = np.sort(steps[where[:, None] + np.arange(RUN)], axis=1)
    telling = np.count_nonzero(runs[:, 1:] != runs[:, :-1], axis=1) + 1 >= KINDS
    smallest: Prints = hashes[telling][:PRINTS]
    return smallest


def near_copies(found: Sequence[tuple[Prints, Prints]]) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of pieces whose top or bass lines are near-copies, rising."""
    pairs: set[tuple[int, int]] = set()
    for line in (0, 1):
        pairs |= _alike([p[line] for p in found])
    return sorted(pairs)


def _alike(lines: Sequence[Prints]) -> set[tuple[int, int]]:
    owner = np.repeat(np.arange(len(lines)), [len(p) for p in lines])
    if not len(owner):
        return set()
    everything = np.concatenate(lines)
    order = np.argsort(everything, kind="stable")
    owner, everything = owner[order], everything[order]
    starts = np.flatnonzero(np.append(True, everything[1:] != everything[:-1]))
    sizes = np.diff(np.append(starts, len(everything)))
    shared: Counter[tuple[int, int]] = Counter()
    for start, size in zip(starts[(sizes > 1) & (sizes <= COMMON)].tolist(), sizes[(sizes > 1) & (sizes <= COMMON)].tolist(), strict=True):
        group = owner[start : start + size].tolist()
        shared.update((a, b) for k, a in enumerate(group) for b in group[k + 1 :])
    return {pair for pair, count in shared.items() if count >= MIN_PRINTS and _resemble(lines[pair[0]], lines[pair[1]])}


def _resemble(one: Prints, other: Prints) -> bool:
    """Whether enough of the smallest prints of both together are prints of both."""
    both = np.union1d(one, other)[: max(min(len(one), len(other)), MIN_PRINTS)]
    common = np.isin(both, one) & np.isin(both, other)
    return bool(common.mean() >= ALIKE)
