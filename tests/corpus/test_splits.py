"""Near-copies are known and never straddle a split, but in collections whose split is older than the search."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from melody import edit
from melody.corpus.likeness import near_copies, outer_prints
from melody.corpus.splits import by_content, split
from melody.corpus.tables import PieceFacts
from melody.score import Score, Track, note_table


def tune(seed: int, notes: int = 80, inner: int = 0) -> Score:
    rng, other = np.random.default_rng(seed), np.random.default_rng(inner)
    onset = np.arange(notes) * 240
    lines = [(rng.integers(67, 84, notes), 90), (other.integers(58, 64, notes), 70), (rng.integers(36, 50, notes), 80)]
    return Score(tuple(Track(str(k), notes=note_table(onset, [240] * notes, p, [v] * notes)) for k, (p, v) in enumerate(lines)), 480)


def facts(name: str, collection: str, content: str) -> PieceFacts:
    return PieceFacts(name, "", content, collection, "train", 480, (), None, "none", 0, 1.0, collection=collection)


def test_another_key_tempo_harmony_or_edition_is_a_near_copy() -> None:
    one = tune(1)
    others = [
        edit.transpose(one, 5),
        edit.scale_ticks(one, 96),
        tune(1, inner=9),
        edit.select_tracks(one, [0]),  # the tune alone
        edit.cut(one, 0, 60 * 240),
        edit.concatenate([one, one]),
    ]
    prints = [outer_prints(s) for s in [one, *others, tune(2), tune(3)]]
    found = near_copies(prints)
    assert {b for a, b in found if a == 0} == {1, 2, 3, 4, 5, 6}
    assert not any(b >= 7 for _, b in found)


def test_scales_and_short_pieces_are_no_copies_of_each_other() -> None:
    up = [note_table(np.arange(60) * 240, [240] * 60, 40 + np.arange(60) % 30, [80] * 60) for _ in range(2)]
    prints = [outer_prints(Score((Track(notes=n),))) for n in up] + [outer_prints(tune(4, notes=8))] * 2 + [outer_prints(Score())] * 2
    assert near_copies(prints) == []


def collections() -> tuple[list[PieceFacts], list[tuple[np.ndarray, np.ndarray]]]:
    """Two collections of fifty; five pieces of the second are near-copies of the first, one near-copy lies inside each."""
    pieces, prints = [], []
    for k, name in enumerate(("old", "new")):
        for i in range(50):
            pieces.append(facts(f"{name}/{i}", name, f"{(i * 37 + k * 11) % 101:03}"))
            seed = {("new", j): j for j in range(5)}.get((name, i), 1000 * k + i)
            seed = {("old", 49): 48, ("new", 49): 1048}.get((name, i), seed)
            prints.append(outer_prints(edit.transpose(tune(seed), i % 5)))
    return pieces, prints


def test_near_copies_never_straddle() -> None:
    pieces, prints = collections()
    out, moves = split(pieces, prints, (), 0.1, 0.2)
    pairs = near_copies(prints)
    assert {(i, 50 + i) for i in range(5)} | {(48, 49), (98, 99)} == set(pairs)
    assert all(out[a].split == out[b].split for a, b in pairs)
    before = by_content(pieces, 0.1, 0.2)
    assert len(moves) == sum(a.split != b.split for a, b in zip(before, out, strict=True)) > 0
    assert all("near-copy" in why for why in moves.values())


def test_an_old_split_stays_and_the_others_follow_it() -> None:
    pieces, prints = collections()
    before = by_content(pieces, 0.1, 0.2)
    out, _ = split(pieces, prints, ("old",), 0.1, 0.2)
    assert [p.split for p in out[:50]] == [p.split for p in before[:50]]
    assert all(out[50 + i].split == out[i].split for i in range(5))
    alone = by_content([replace(p) for p in pieces[:50]], 0.1, 0.2)
    assert [p.split for p in alone] == [p.split for p in before[:50]]  # whatever else is prepared
