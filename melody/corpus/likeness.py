"""Near-copies: the same music in another edition, key, arrangement or length, told by its outer lines.

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

from melody.score import Score, Table

RUN = 9  # intervals
KINDS = 4  # different intervals in a run, at least
PRINTS = 48  # of a line
ALIKE = 0.25  # share of the smallest prints of two lines together that both have
LEAST = 8  # prints of a line, and prints that two lines share: less says nothing
COMMON = 24  # pieces with one print: more, and it is a formula

Prints = NDArray[np.uint32]
_FACTORS = np.array([pow(0x9E3779B1, k + 1, 1 << 64) for k in range(RUN)], np.uint64)


def outer_prints(score: Score) -> tuple[Prints, Prints]:
    """The prints of the top line and of the bass line, rising, at most PRINTS each; few or none for a short piece."""
    tables = [t.notes for t in score.tracks if not t.is_drum and len(t.notes)]
    if not tables:
        return np.zeros(0, np.uint32), np.zeros(0, np.uint32)
    notes = np.concatenate(tables)
    return prints(_line(notes, highest=True)), prints(_line(notes, highest=False))


def _line(notes: Table, highest: bool) -> NDArray[np.int64]:
    """The highest or the lowest pitch at each onset."""
    order = np.argsort(notes["onset"] * 128 + notes["pitch"], kind="stable")
    onset = notes["onset"][order]
    edge = onset[1:] != onset[:-1]
    ends = np.append(edge, True) if highest else np.append(True, edge)
    line: NDArray[np.int64] = notes["pitch"][order[ends]].astype(np.int64)
    return line


def prints(pitches: NDArray[np.int64]) -> Prints:
    """The smallest hashes of the runs of intervals of one line. Repeated pitches count once.

    >>> line = np.array([60, 64, 62, 67, 65, 71, 69, 60, 62, 59, 64, 61, 70, 66, 68, 60, 72, 67, 61])
    >>> len(prints(line)), bool((prints(line) == prints(line + 5)).all())
    (10, True)
    """
    steps = np.diff(pitches)
    steps = steps[steps != 0]
    if len(steps) < RUN:
        return np.zeros(0, np.uint32)
    runs = np.lib.stride_tricks.sliding_window_view(steps, RUN)
    ordered = np.sort(runs, axis=1)
    telling = (ordered[:, 1:] != ordered[:, :-1]).sum(1) + 1 >= KINDS
    mixed = ((runs[telling] + 128).astype(np.uint64) * _FACTORS).sum(1, dtype=np.uint64)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    hashes = np.unique((mixed >> np.uint64(32)).astype(np.uint32))
    return hashes[:PRINTS]


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
    return {pair for pair, count in shared.items() if count >= LEAST and _resemble(lines[pair[0]], lines[pair[1]])}


def _resemble(one: Prints, other: Prints) -> bool:
    """Whether enough of the smallest prints of both together are prints of both."""
    both = np.union1d(one, other)[: max(min(len(one), len(other)), LEAST)]
    common = np.isin(both, one) & np.isin(both, other)
    return bool(common.mean() >= ALIKE)
