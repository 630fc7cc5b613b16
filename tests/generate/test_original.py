"""Pieces that must not copy: rows of a batch and rows alone, against an index of the very notes that they would write."""

import numpy as np
import pytest

from melody.codec.table import Field, Role
from melody.generate.loop import pieces
from melody.originality.grams import RUN, grams
from melody.originality.hashing import tokens_of
from melody.originality.index import built
from melody.originality.watch import Original

from .conftest import FakeEngine, plan


def places(events):
    notes = events[:, Field.ROLE] == Role.NOTE
    return np.unique(np.cumsum(events[:, Field.WAIT])[notes] * 128 + events[notes, Field.PITCH])


def written(original, seeds):
    plans = [plan(seed, stop=2000, ending=2000, original=original) for seed in seeds]
    return [places(events) for _, events in sorted(pieces(FakeEngine(), plans))]


@pytest.mark.parametrize("seeds", [[1], [1, 2, 3, 4]])
@pytest.mark.parametrize("notes", [12, 16])
def test_what_was_written_once_is_not_written_again(seeds, notes):
    free = written(None, seeds)
    index = built(np.concatenate([grams(tokens_of(p)) for p in free]), np.zeros(sum(max(len(p) - RUN + 1, 0) for p in free), int), ["x"], 4)
    assert all(index.has(grams(tokens_of(p))).all() and len(p) > 2 * notes for p in free)
    for mine in written(Original(index, notes), seeds):
        there = index.has(grams(tokens_of(mine))).tolist()
        row = longest = 0
        for known in there:
            row = row + 1 if known else 0
            longest = max(longest, row)
        assert longest + RUN - 1 <= notes or longest == 0


def test_an_index_that_knows_nothing_changes_nothing():
    nothing = Original(built(np.zeros(0, np.uint64), np.zeros(0, int), ["x"], 4), 12)
    for seeds in ([1], [1, 2, 3]):
        assert all((a == b).all() for a, b in zip(written(None, seeds), written(nothing, seeds), strict=True))
