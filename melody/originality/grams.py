"""Which twelve notes stand for a run of thirteen: the same ones wherever the run occurs, and of two neighbouring runs mostly the same.

So half of all grams need not be kept (mod-minimisers, Groot Koerkamp and Pibiri, 2024): the smallest hash of three tokens in the run says
whether the first twelve notes are taken or the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from melody.originality.hashing import BASE, WHOLE, Hashes, hashes, mixed, mixed_one

RUN = 13  # notes
WINDOW = RUN - 1  # tokens of a run
GRAM = WINDOW - 1  # tokens of what is kept
SEED = 3  # tokens of what decides
SEEDS = WINDOW - SEED + 1  # in a run


def grams(tokens: Hashes) -> Hashes:
    """For each window of 12 tokens (n - 11,) the hash of the gram that stands for it."""
    size = len(tokens) - WINDOW + 1
    if size < 1:
        return np.zeros(0, np.uint64)
    order = mixed(hashes(tokens, SEED))
    best, at = order[:size].copy(), np.zeros(size, np.int64)
    for offset in range(1, SEEDS):
        here = order[offset : offset + size]
        smaller = here < best
        best[smaller], at[smaller] = here[smaller], offset
    return mixed(hashes(tokens, GRAM)[np.arange(size) + at % (WINDOW - GRAM + 1)])


@lru_cache(1 << 16)
def _seed(a: int, b: int, c: int) -> int:
    return mixed_one((a * BASE * BASE + b * BASE + c) & WHOLE)


def grams_of_few(tokens: Sequence[int]) -> list[int]:
    """The same of a few tokens as plain numbers, a tenth of the time."""
    size = len(tokens) - WINDOW + 1
    if size < 1:
        return []
    order = [_seed(a, b, c) for a, b, c in zip(tokens, tokens[1:], tokens[2:], strict=False)]
    out = []
    for start in range(size):
        here = order[start : start + SEEDS]
        begin = start + here.index(min(here)) % (WINDOW - GRAM + 1)
        found = 0
        for token in tokens[begin : begin + GRAM]:
            found = (found * BASE + token) & WHOLE
        out.append(mixed_one(found))
    return out
