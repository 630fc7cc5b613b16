"""Passages: which notes of a piece end the same few notes as earlier ones, compared by intervals, waits and parts.

A passage is known by a hash of 64 bits; sums and products wrap, for arrays as for plain numbers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LAST_PITCH = 127  # what lies above is no pitch: it is compared as it is, and never transposed
ORDERS = (2, 4, 8, 16)  # lengths of the passages that are compared, in notes
NONE = -1
Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
PLAIN_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD, 0xBF58476D1CE4E5B9)  # odd, bits well spread
PLAIN_MIX_PASSAGE = 0x94D049BB133111EB
MIX, MIX_SHIFT, MIX_PASSAGE, MASK = np.array(PLAIN_MIX, np.uint64), np.uint64(29), np.uint64(PLAIN_MIX_PASSAGE), (1 << 64) - 1


def note_hashes(interval: Ints, wait: Ints, part: Ints) -> Hashes:
    """A number for each note that tells notes apart by interval, wait and part."""
    mixed = (interval.astype(np.uint64) * MIX[0] ^ wait.astype(np.uint64) * MIX[1]) * MIX[2]
    mixed ^= (part.astype(np.uint64) + np.uint64(1)) * MIX[3]
    mixed ^= mixed >> MIX_SHIFT
    hashes: Hashes = mixed * MIX[4]
    return hashes


def plain_hash(interval: int, wait: int, part: int) -> int:
    """``note_hashes`` of one note in plain numbers."""
    a, b, c, d, e = PLAIN_MIX
    mixed = ((interval * a & MASK ^ wait * b & MASK) * c & MASK) ^ ((part + 1) * d & MASK)
    return (mixed ^ mixed >> int(MIX_SHIFT)) * e & MASK


def intervals(pitch: Ints) -> tuple[Ints, Ints]:
    """What tells notes (n,) apart wherever they lie, and the pitch that each stands on: (n,), (n,).

    Of a melodic note its interval from the last melodic one (0 for the first), of any other its own value. A note stands on its own
    pitch, or on that of the last melodic note before it; NONE where there is none.
    """
    melodic = pitch <= LAST_PITCH
    latest = np.maximum.accumulate(np.where(melodic, np.arange(len(pitch)), NONE))
    stands = np.where(latest >= 0, pitch[np.maximum(latest, 0)], NONE)
    before = np.concatenate([np.full(min(1, len(pitch)), NONE), stands[:-1]])
    return np.where(melodic, np.where(before >= 0, pitch - before, 0), pitch), stands


def passage_hashes(onset: Ints, pitch: Ints, part: Ints) -> Hashes:
    """(n, 4): a number for the passages of ORDERS notes that end at each note; it means nothing before the first such passage.

    That of 2 n notes comes from those of n: m(2 n, i) = MIX_PASSAGE m(n, i) + m(n, i - n).
    """
    hashes = note_hashes(intervals(pitch)[0], np.diff(onset, prepend=onset[:1]), part)
    out = np.empty((len(onset), len(ORDERS)), np.uint64)
    for level, order in enumerate(ORDERS):
        longer = hashes.copy()
        longer[order // 2 :] = hashes[order // 2 :] * MIX_PASSAGE + hashes[: max(0, len(hashes) - order // 2)]
        out[:, level] = hashes = longer
    return out


def earlier_passages(onset: Ints, pitch: Ints, part: Ints) -> Ints:
    """For each note the latest earlier one that ends an equal passage, the longest of ORDERS first; -1 for none."""
    out = np.full(len(onset), -1, np.int64)
    for order, hashes in zip(ORDERS, passage_hashes(onset, pitch, part).T, strict=True):
        tail = hashes[order:]  # the first passage needs a note before it for its interval
        by_hash = np.argsort(tail, kind="stable")
        same = tail[by_hash[1:]] == tail[by_hash[:-1]]
        out[by_hash[1:][same] + order] = by_hash[:-1][same] + order
    return out


class Passages:
    """Where a passage that equals the last notes has ended before, in one piece. A passage is known by its hash."""

    __slots__ = ("base", "ends", "source")

    def __init__(self) -> None:
        self.ends: list[dict[int, int]] = [{} for _ in ORDERS]  # where a passage last ended, by its hash
        self.base = 0  # notes that are forgotten
        self.source = NONE  # end of the earlier passage, among the notes that are kept

    def add(self, at: int, hashes: list[int]) -> None:
        """Note ``at`` sounds, the last of passages of these hashes."""
        found, now, base = NONE, at + self.base, self.base
        for order, ends, hashed in zip(ORDERS, self.ends, hashes, strict=True):
            if at < order:  # the first passage needs a note before it for its interval
                break
            found = ends.get(hashed, found)
            ends[hashed] = now
        self.source = found - base if found >= base else NONE

    def forget(self, count: int) -> None:
        """The first notes of those that are kept."""
        self.base += count
        self.ends = [{hashed: at for hashed, at in ends.items() if at >= self.base} for ends in self.ends]
        self.source = self.source - count if self.source >= count else NONE
