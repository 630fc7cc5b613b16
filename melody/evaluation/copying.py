"""How much is copied from the training set: runs of notes, whatever their key, that occur in it.

A run of n notes is what lies between them: n - 1 pairs of (interval to the note before, wait in steps of the codec's grid),
over all pitched notes of a piece in order of onset and pitch, doubled ones once. Loudness, lengths and instruments do not
count. Runs are compared by 64-bit hashes: of 3 million training notes and 100,000 asked for, the chance that any two that
differ collide is below one in ten million. Memory: some 16 bytes a training note, and arrays for a moment.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.originality.hashing import Hashes, hashes, places, tokens_of
from melody.score import Score

RUN = 12  # notes: a run of at least so many counts as copied
BLOCK = 1 << 19  # windows that are hashed at once
FILTER_BITS = 22

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Runs:
    """Pieces as tokens, end to end: token i lies between a note and the next. ``edges`` (p + 1,): where the pieces start."""

    tokens: Hashes
    edges: Counts

    @cached_property
    def left(self) -> NDArray[np.int32]:
        """Tokens from each one on to the end of its piece."""
        ends = np.repeat(self.edges[1:], np.diff(self.edges))
        return (ends - np.arange(len(self.tokens))).astype(np.int32)

    @property
    def pieces(self) -> int:
        """Number of pieces."""
        return len(self.edges) - 1


def runs_of(scores: Iterable[Score], codec: CodecConfig) -> Runs:
    """The tokens of some pieces, on the grid of a codec; drums are left out."""
    tables = [_tokens(score, codec) for score in scores]
    edges = np.concatenate([[0], np.cumsum([len(t) for t in tables])]).astype(np.int64)
    return Runs(np.concatenate([np.zeros(0, np.uint64), *tables]), edges)


def training_runs(corpus: Corpus, codec: CodecConfig) -> Runs:
    """The tokens of the training split of a corpus, which a piece should not copy."""
    return runs_of((corpus.score(i, codec.clock == "seconds") for i in corpus.split("train")), codec)


def _tokens(score: Score, codec: CodecConfig) -> Hashes:
    return tokens_of(places(score, codec.grid, codec.clock == "seconds"))


class Matcher:
    """Looks the windows of some pieces up in the training set, each length once."""

    def __init__(self, training: Runs, asked: Runs) -> None:
        self.training, self.asked = training, asked
        self._known: dict[int, NDArray[np.bool_]] = {}

    def found(self, notes: int) -> NDArray[np.bool_]:
        """For every token of the asked pieces: whether the run of ``notes`` notes that starts there occurs in training."""
        if notes not in self._known:
            self._known[notes] = self._look(notes - 1)
        return self._known[notes]

    def _look(self, length: int) -> NDArray[np.bool_]:
        out = np.zeros(len(self.asked.tokens), bool)
        at = np.flatnonzero(self.asked.left >= length)
        if not len(at):
            return out
        wanted = hashes(self.asked.tokens, length)[at]
        distinct = np.unique(wanted)
        shift = np.uint64(64 - FILTER_BITS)
        maybe = np.zeros(1 << FILTER_BITS, bool)  # few training windows pass it, so that few are looked up exactly
        maybe[distinct >> shift] = True
        hit = np.zeros(len(distinct), bool)
        tokens, left = self.training.tokens, self.training.left
        for first in range(0, len(tokens), BLOCK):
            seen = hashes(tokens[first : first + BLOCK + length - 1], length)
            passed = np.flatnonzero(maybe[seen >> shift])
            seen = seen[passed[left[first + passed] >= length]]
            place = np.minimum(np.searchsorted(distinct, seen), len(distinct) - 1)
            hit[place[distinct[place] == seen]] = True
        out[at] = hit[np.searchsorted(distinct, wanted)]
        return out

    def copied(self, notes: int = RUN) -> NDArray[np.float64]:
        """Share (p,) of each asked piece's notes that lie in runs of ``notes`` notes that occur in training."""
        found = self.found(notes).astype(np.int64)
        covered = np.zeros(len(found) + self.asked.pieces + notes, np.int64)  # by note: a piece has one more than tokens
        start = np.flatnonzero(found)
        start += np.searchsorted(self.asked.edges, start, side="right") - 1
        np.add.at(covered, start, 1)
        np.add.at(covered, start + notes, -1)
        inside = np.cumsum(covered) > 0
        edges = self.asked.edges + np.arange(self.asked.pieces + 1)
        return np.array([inside[a:b].mean() for a, b in itertools.pairwise(edges.tolist())])

    def longest(self) -> Counts:
        """Notes (p,) of the longest run of each asked piece that occurs in training: by halving, all pieces at once."""
        size = np.diff(self.asked.edges) + 1
        out = np.ones(self.asked.pieces, np.int64)
        spans = [(1, int(size.max(initial=1)), np.arange(self.asked.pieces))]  # a run of ``low`` notes is known to occur
        while spans:
            low, high, mine = spans.pop()
            out[mine] = low
            if low >= high or not len(mine):
                continue
            middle = (low + high + 1) // 2 if high < 4 * low else 2 * low
            hits = np.flatnonzero(self.found(middle))
            with_hit = np.unique(np.searchsorted(self.asked.edges, hits, side="right") - 1)
            yes = np.isin(mine, with_hit)
            spans += [(low, middle - 1, mine[~yes]), (middle, high, mine[yes])]
        return out


def copied(pieces: Sequence[Score], training: Runs, codec: CodecConfig) -> list[float]:
    """Share of each piece's notes in runs of 12 that occur in ``training``; all are looked up together. A piece of one note has none."""
    asked = runs_of(pieces, codec)
    out = np.zeros(len(pieces))
    long = np.diff(asked.edges) > 0
    if long.any():
        out[long] = Matcher(training, _without_empty(asked)).copied()
    return [float(share) for share in out]


def copying(training: Runs, sets: Mapping[str, Sequence[Score]], codec: CodecConfig) -> dict[str, Any]:
    """By set of pieces: share of notes copied in runs of 12, longest runs (the longest, their median), pieces and notes.

    Pieces with fewer than two pitched notes have no runs and are left out; so is a set that holds nothing else.
    """
    kept = {name: runs_of((s for s in scores if s.note_count > 1), codec) for name, scores in sets.items()}
    kept = {name: _without_empty(runs) for name, runs in kept.items()}
    sizes = np.concatenate([np.zeros(0, np.int64), *(np.diff(runs.edges) for runs in kept.values())])
    asked = Runs(np.concatenate([np.zeros(0, np.uint64), *(r.tokens for r in kept.values())]), np.concatenate([[0], np.cumsum(sizes)]))
    matcher = Matcher(training, asked)  # one for all sets: each length of run is looked up once
    shares, longest, weight = matcher.copied(), matcher.longest(), sizes + 1
    out, first = {}, 0
    for name, runs in kept.items():
        mine = slice(first, first := first + runs.pieces)
        if runs.pieces:
            out[name] = {
                "pieces": runs.pieces,
                "notes": int(weight[mine].sum()),
                "share": round(float((shares[mine] * weight[mine]).sum() / weight[mine].sum()), 4),
                "longest": int(longest[mine].max()),
                "longest_median": float(np.median(longest[mine])),
            }
    return out


def _without_empty(runs: Runs) -> Runs:
    sizes = np.diff(runs.edges)
    return Runs(runs.tokens, np.concatenate([[0], np.cumsum(sizes[sizes > 0])]).astype(np.int64))
