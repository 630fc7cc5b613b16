"""Which pieces train, stop and test: each collection by the hash of its contents, near-copies on one side.

A collection that is split by piece (field ``split`` of the catalogue) keeps its split whatever is prepared with it: its figures
stay comparable. Of all others, near-copies (likeness.py) go together, within a collection and across collections: to where
those in a collection split by piece lie (test before valid before train), else to train if one of them lies there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from melody.corpus.likeness import Prints, near_copies
from melody.corpus.tables import PieceFacts

HELD = ("test", "valid", "train")  # what decides where near-copies lie in several


def split(
    pieces: Sequence[PieceFacts], prints: Sequence[tuple[Prints, Prints]], by_piece: Collection[str], valid: float, test: float
) -> tuple[list[PieceFacts], dict[str, str]]:
    """The pieces with their splits, and a remark by source for those that went to the split of a near-copy.

    ``by_piece``: names of the collections whose split is not touched.
    """
    out = by_content(pieces, valid, test)
    moves = {}
    for group in _groups(near_copies(prints), len(out)):
        fixed = [i for i in group if out[i].collection in by_piece]
        model = min(fixed, key=lambda i: HELD.index(out[i].split)) if fixed else max(group, key=lambda i: HELD.index(out[i].split))
        for i in group:
            if i not in fixed and out[i].split != out[model].split:
                moves[out[i].source] = f"{out[model].split} as {out[model].source}, a near-copy"
                out[i] = replace(out[i], split=out[model].split)
    return out, moves


def _groups(pairs: Sequence[tuple[int, int]], count: int) -> list[list[int]]:
    """Those that are connected by pairs, two or more together."""
    leader = list(range(count))

    def leader_of(i: int) -> int:
        while leader[i] != i:
            leader[i] = leader[leader[i]]
            i = leader[i]
        return i

    for a, b in pairs:
        leader[leader_of(b)] = leader_of(a)
    groups: dict[int, list[int]] = {}
    for i in sorted({i for pair in pairs for i in pair}):
        groups.setdefault(leader_of(i), []).append(i)
    return list(groups.values())


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
