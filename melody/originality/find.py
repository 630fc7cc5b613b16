"""What of a piece is copied, and where; and the index of a corpus."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.files import shown
from melody.originality.grams import RUN, grams
from melody.originality.hashing import Hashes, Ints, places, tokens_of
from melody.originality.index import MAX_COLLECTIONS, Index, built
from melody.score import Score
from melody.theory import bar_of

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Run:
    """Notes in a row that occur in the training set: how many, between which bars (from 1), mostly in which part, and from where.

    ``certain``: two grams of it are known; one alone is there by chance once in 1,500 times. ``collection``: None where no gram says so.
    """

    notes: int
    first_bar: int
    last_bar: int
    part: str
    collection: str | None
    certain: bool


def index_of(corpus: Corpus, grid: int, seconds: bool = False, progress: Progress = lambda done, total: None) -> Index:
    """The index of a corpus' training split, on the grid of a codec. Errors: ``MelodyError`` for no pieces, or too many notes."""
    train = corpus.split("train")
    if not train:
        raise MelodyError(f"{shown(corpus.folder)}: no pieces in its training split")
    names = [corpus.pieces[i].collection or corpus.pieces[i].style for i in train]
    sizes: dict[str, int] = {}
    for i, name in zip(train, names, strict=True):
        sizes[name] = sizes.get(name, 0) + corpus.pieces[i].note_count
    known = sorted(sizes, key=lambda name: (-sizes[name], name))
    if len(known) > MAX_COLLECTIONS:
        known = [*known[: MAX_COLLECTIONS - 1], "other"]
    number = {name: i for i, name in enumerate(known)}
    found, of = [np.zeros(0, np.uint64)], [np.zeros(0, np.uint8)]
    for done, (i, name) in enumerate(zip(train, names, strict=True)):
        mine = np.unique(grams(tokens_of(places(corpus.score(i), grid, seconds))))
        found.append(mine)
        of.append(np.full(len(mine), number.get(name, MAX_COLLECTIONS - 1), np.uint8))
        progress(done + 1, len(train))
    return built(np.concatenate(found), np.concatenate(of), known, grid, seconds)


def copied_runs(score: Score, index: Index) -> tuple[list[Run], float]:
    """All runs of 13 notes or more that occur in training, the longest first, and the share of the pitched notes that lie in them."""
    place = places(score, index.grid, index.seconds)
    found = grams(tokens_of(place))
    there = index.has(found)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], there, [False]]).astype(np.int8)))
    spans = sorted(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True), key=lambda span: (span[0] - span[1], span[0]))
    parts = {track.name: places(Score((track,), score.ticks_per_quarter, score.tempi), index.grid, index.seconds) for track in score.tracks}
    runs = [_run(score, index, place, found, parts, first, end) for first, end in spans]
    inside = np.zeros(len(place) + 1, np.int64)
    np.add.at(inside, np.flatnonzero(there), 1)
    np.add.at(inside, np.flatnonzero(there) + RUN, -1)
    return runs, float((np.cumsum(inside)[:-1] > 0).mean()) if len(place) else 0.0


def _run(score: Score, index: Index, place: Ints, found: Hashes, parts: dict[str, Ints], first: int, end: int) -> Run:
    """The run whose windows are ``first`` to ``end``."""
    mine = place[first : end + RUN - 1]
    steps = mine[[0, -1]] // 128
    ticks = score.ticks_at(steps / index.grid) if index.seconds else steps * score.ticks_per_quarter // index.grid
    bars = bar_of(score, ticks) + 1
    part = max(parts, key=lambda name: int(np.isin(mine, parts[name]).sum()), default="")
    several = len(np.unique(found[first:end])) > 1
    return Run(len(mine), int(bars[0]), int(bars[1]), part, index.collection(found[first:end]), several)
