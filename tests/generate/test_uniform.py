"""Random legal pieces: by the grammar (tests/codec/test_grammar.py asks more of them), whole, and the same for the same seed."""

import numpy as np
import pytest

from melody.codec import CodecConfig
from melody.codec.grammar import bounds
from melody.codec.table import Field, Role
from melody.generate.uniform import END_ROW, random_pieces

CONFIG = CodecConfig(grid=4)


def drawn(seed, count=8, steps=50, **more):
    return random_pieces(CONFIG, np.random.default_rng(seed), count, steps, **more)


def test_pieces_are_whole_and_legal():
    found = drawn(1)
    assert len(found) > 8 and sum(map(len, found)) >= 300
    for rows in found:
        assert (rows[:, Field.ROLE] == Role.END).tolist() == [False] * (len(rows) - 1) + [True]
        before = np.concatenate([END_ROW[None], rows[:-1]])
        last_part = np.maximum.accumulate(np.where(rows[:, Field.ROLE] == Role.PART, rows[:, Field.PART], 0))
        for field in Field:
            low, high = bounds(CONFIG, np, field, before, rows, last_part)
            assert ((rows[:, field] >= low) & (rows[:, field] <= high)).all(), field.name


def test_the_seed_says_all():
    first, again, other = drawn(1), drawn(1), drawn(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=False))


@pytest.mark.parametrize("place", [0.0, 1.0])
def test_the_edges_of_the_intervals_are_legal(place):
    found = drawn(1, places=lambda rng, field, before: np.full(len(before), place))
    assert found and all(rows[-1, Field.ROLE] == Role.END for rows in found)
    wait = np.concatenate(found)[:, Field.WAIT]
    assert (wait == 0).all() or place
