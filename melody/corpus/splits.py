"""Which pieces train, stop and test: each collection by the hash of its contents, near-copies in two collections on one side.

A collection's split depends on nothing but its own pieces, so a collection keeps its test pieces whatever is prepared with it.
Near-copies follow the collection that comes first: a piece that is a near-copy of pieces of earlier collections goes to the
split of those (test before valid before train).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from melody.corpus.likeness import Prints, near_copies
from melody.corpus.tables import PieceFacts

HELD = ("test", "valid", "train")  # what decides where near-copies lie in several


def split(
    pieces: Sequence[PieceFacts], prints: Sequence[tuple[Prints, Prints]], valid: float, test: float
) -> tuple[list[PieceFacts], dict[str, str]]:
    """The pieces with their splits, and a remark by source for those that went to the split of a near-copy."""
    out = by_content(pieces, valid, test)
    names = list(dict.fromkeys(p.collection for p in out))
    rank = [names.index(p.collection) for p in out]
    earlier: dict[int, list[int]] = {}
    for a, b in near_copies(prints) if len(names) > 1 else []:
        if rank[a] != rank[b]:
            first, second = (a, b) if rank[a] < rank[b] else (b, a)
            earlier.setdefault(second, []).append(first)
    moves = {}
    for i in sorted(earlier, key=lambda k: (rank[k], k)):
        model = min(earlier[i], key=lambda k: (HELD.index(out[k].split), k))
        if out[i].split != out[model].split:
            moves[out[i].source] = f"{out[model].split} as {out[model].source}, a near-copy"
            out[i] = replace(out[i], split=out[model].split)
    return out, moves


def by_content(pieces: Sequence[PieceFacts], valid: float, test: float) -> list[PieceFacts]:
    """Each collection split by the hash of its contents, so that adding files moves few of the others."""
    out = list(pieces)
    for name in sorted({p.collection for p in pieces}):
        mine = sorted((i for i, p in enumerate(pieces) if p.collection == name), key=lambda i: pieces[i].content)
        tests, valids = round(test * len(mine)), round(valid * len(mine))
        for rank, i in enumerate(mine):
            out[i] = replace(pieces[i], split="test" if rank < tests else "valid" if rank < tests + valids else "train")
    if len(out) >= 2 and not any(p.split == "valid" for p in out):  # a small collection still needs one piece to stop by
        first = min((i for i, p in enumerate(out) if p.split == "train"), key=lambda i: out[i].content)
        out[first] = replace(out[first], split="valid")
    return out
