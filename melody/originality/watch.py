"""A piece that is being written, watched for copies: which note would make a run of training notes longer than is allowed."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from melody.originality.grams import RUN, grams_of_few
from melody.originality.hashing import MAX_WAIT, mixed_one
from melody.originality.index import Index


@dataclass(frozen=True, eq=False)
class Original:
    """What a plan asks for: no run of more than ``notes`` (12 or more) notes that the index knows."""

    index: Index
    notes: int


def _token(a: int, b: int) -> int:
    """What lies between two places."""
    return _mixed_token(b // 128 - a // 128, b % 128 - a % 128)


@lru_cache(1 << 14)
def _mixed_token(wait: int, step: int) -> int:
    return mixed_one(min(wait, MAX_WAIT) * 256 + step + 128)


class Watch:
    """The notes of one piece so far, in order of step and pitch; those that are given stand there from the beginning.

    What is added never makes a run too long at the moment when it is added; since notes come and never go, the last note of any
    run has been looked at together with all of its others.
    """

    def __init__(self, original: Original, notes: Iterable[tuple[int, int]] = ()) -> None:
        """``notes``: (step, pitch) each."""
        self.index, self.longest = original.index, original.notes
        self.places = sorted({step * 128 + pitch for step, pitch in notes})
        self.tokens = [_token(a, b) for a, b in itertools.pairwise(self.places)]

    def copies(self, step: int, pitch: int) -> bool:
        """Whether a note would be part of a run that is too long."""
        place, longest = step * 128 + pitch, self.longest
        at = bisect_left(self.places, place)
        if self.places[at : at + 1] == [place]:
            return False  # sounds already
        tokens = self.tokens[max(0, at - longest) : max(0, at - 1)]
        if at > 0:
            tokens.append(_token(self.places[at - 1], place))
        if at < len(self.places):
            tokens.append(_token(place, self.places[at]))
            tokens += self.tokens[at : at + longest - 1]
        wanted = longest + 2 - RUN  # windows in a row
        row = 0
        for gram in grams_of_few(tokens):
            row = row + 1 if self.index.has_one(gram) else 0
            if row >= wanted:
                return True
        return False

    def add(self, step: int, pitch: int) -> None:
        """The note was chosen."""
        place = step * 128 + pitch
        at = bisect_left(self.places, place)
        if self.places[at : at + 1] == [place]:
            return
        self.places.insert(at, place)
        self.tokens[max(0, at - 1) : at] = [_token(a, b) for a, b in itertools.pairwise(self.places[max(0, at - 1) : at + 2])]
