"""The best of several: pieces are scored by how far they lie from what is typical, and the nearest is kept.

Score    Each measure of a piece (evaluation/typical.py) that lies outside the quartiles of its style costs its distance to the nearer
         one, in widths between the quartiles, at most MAX_COST; between them it costs nothing. The mean over the measures
         is the score: 0 is a typical piece.

The likeliest piece is not the best one: models like dull repetition (Holtzman et al., The curious case of neural text
degeneration, 2020). So nats a note are a measure like the others, too few cost as much as too many. Of copying only too much costs.

For a new piece, "typical" is its style; a continuation is measured against the tune itself, what was rewritten against what stood
there; an accompaniment against all styles, unless one was asked for. Candidate 0 has the seed of the request, the others seeds drawn
from it: each kept piece says its own seed, with which it can be made again alone. Knows no torch.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from melody import edit
from melody.bundle import Bundle
from melody.compose.controls import default_conditions
from melody.compose.request import MAX_CANDIDATES, Request
from melody.compose.verbs import Continue, Generate, Infill, Vary
from melody.corpus import Corpus
from melody.errors import CallError, MelodyError
from melody.evaluation.copying import Runs, copied, training_runs
from melody.evaluation.typical import ALL, Measures, Typical, around, measures, read_typical
from melody.generate.engine import AnyEngine
from melody.score import Score

MAX_COST = 4.0  # widths between quartiles that a measure can cost
MIN_WIDTH = 0.02  # of a measure whose quartiles coincide
TOGETHER = 64  # candidates that are written at once

Write = Callable[[Sequence[Request]], Sequence[Score | MelodyError]]


@dataclass(frozen=True)
class Rating:
    """Why a piece was kept or not: its ``total`` (0 is typical), and by measure what it is, what that costs, and what is usual."""

    total: float
    measures: Mapping[str, float]
    costs: Mapping[str, float] = field(default_factory=dict)
    usual: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)

    def why(self) -> str:
        """In words: the measures that are not typical, those that cost most first.

        >>> Rating(0.5, {"density": 20.0, "key": 1.0}, {"density": 1.0, "key": 0.0}, {"density": (8.0, 10.0, 16.0)}).why()
        'density 20 is above 8 to 16; 1 of 2 measures are typical'
        """
        if not self.costs:
            return "no notes"
        out = []
        for name, cost in sorted(self.costs.items(), key=lambda item: -item[1]):
            if cost:
                low, _, high = self.usual[name]
                side = "above" if self.measures[name] > high else "below"
                out.append(f"{name} {self.measures[name]:.3g} is {side} {low:.3g} to {high:.3g}")
        count = len(self.costs)
        return "; ".join([*out, f"{count - len(out)} of {count} measures are typical"])


@dataclass(frozen=True, eq=False)
class Selected:
    """The best of some candidates: the piece, the request (and so the seed) that makes it alone, its rating, and those of all."""

    score: Score
    request: Request
    rating: Rating
    ratings: tuple[Rating, ...]


def score(found: Mapping[str, float], typical: Typical) -> Rating:
    """The rating of a piece with these measures. A piece without any (no notes) is worse than all others."""
    costs = {name: _cost(name, found[name], quartiles) for name, quartiles in typical.items() if name in found}
    return Rating(sum(costs.values()) / len(costs) if costs else float("inf"), dict(found), costs, dict(typical))


def _part(score: Score, span: tuple[int, int] | None) -> Score:
    """What is measured of a piece: all of it, or the ticks between which it was rewritten."""
    return score if span is None else edit.cut(score, *span)


def _off(rating: Rating) -> float:
    """How far a piece lies from the middle of what is typical, in widths between quartiles: tells pieces apart that cost the same."""
    usual = [(rating.measures[name], *rating.usual[name]) for name in rating.costs]
    return sum(abs(value - middle) / max(high - low, MIN_WIDTH) for value, low, middle, high in usual) / max(1, len(usual))


def _cost(name: str, value: float, quartiles: tuple[float, float, float]) -> float:
    low, _, high = quartiles
    width = max(high - low, MIN_WIDTH)
    below = 0.0 if name == "copied" else low - value
    return min(MAX_COST, max(0.0, below, value - high) / width)


def training_of(bundle: Bundle, corpus: str | os.PathLike[str] | None) -> Runs | None:
    """What a corpus says of copying, if one is given."""
    return None if corpus is None else training_runs(Corpus(Path(corpus)), bundle.codec)


def choose(ratings: Sequence[Rating]) -> int:
    """Index of the rating with the lowest total, the first of equals."""
    return min(range(len(ratings)), key=lambda i: ratings[i].total)


def candidates(request: Request, count: int) -> list[Request]:
    """The request itself, and the same with other seeds, which follow from its own."""
    if not 1 <= count <= MAX_CANDIDATES:
        raise CallError(f"best_of is {count}, must be 1 to {MAX_CANDIDATES}", argument="best_of")
    seeds = [int(np.random.SeedSequence([request.seed, k]).generate_state(1)[0]) for k in range(1, count)]
    return [request, *(replace(request, seed=seed) for seed in seeds)]


def best(
    write: Write,
    engine: AnyEngine,
    bundle: Bundle,
    requests: Sequence[Request],
    count: int,
    training: Runs | None = None,
) -> Iterator[Selected]:
    """For each request in turn the best of ``count`` candidates, written by ``write`` (``Composer.results``).

    ``training``: what is not to be copied (``copying.training_runs``). Raises MelodyError where the model has no table of its styles, or no
    candidate of a request came to anything.
    """
    table = read_typical(bundle)
    together = max(1, TOGETHER // max(1, count))
    for first in range(0, len(requests), together):
        groups = [candidates(request, count) for request in requests[first : first + together]]
        written = write([candidate for group in groups for candidate in group])
        for k, group in enumerate(groups):
            results = written[k * count : (k + 1) * count]
            mine = [(r, s) for r, s in zip(group, results, strict=True) if isinstance(s, Score)]
            if not mine:
                raise next(fault for fault in results if isinstance(fault, MelodyError))
            ratings = _ratings(engine, bundle, table, mine, training)
            at = choose(ratings)
            yield Selected(mine[at][1], mine[at][0], ratings[at], tuple(ratings))


def ranked(engine: AnyEngine, bundle: Bundle, written: Sequence[tuple[Request, Score]], training: Runs | None = None) -> list[Selected]:
    """Pieces of one kind of request, the most typical first, each with its rating; of those that cost the same the one nearest the middle.

    ``training``: what is not to be copied. Raises MelodyError where the model has no table of its styles.
    """
    table = read_typical(bundle)
    ratings = _ratings(engine, bundle, table, written, training) if written else []
    order = sorted(range(len(written)), key=lambda i: (ratings[i].total, _off(ratings[i])))
    return [Selected(written[i][1], written[i][0], ratings[i], tuple(ratings)) for i in order]


def _ratings(
    engine: AnyEngine, bundle: Bundle, table: Mapping[str, Typical], group: Sequence[tuple[Request, Score]], training: Runs | None
) -> list[Rating]:
    first, known, span = group[0][0], None, None
    if isinstance(first, Infill | Vary):
        span = first.holes[0].low, max(hole.high for hole in first.holes)
    if isinstance(first, Continue | Infill | Vary):
        known = around(table[ALL], measures(_part(first.source.score, span), engine, first.style))
    shares = [] if training is None else copied([piece for _, piece in group], training, bundle.codec)
    out = []
    for k, (request, piece) in enumerate(group):
        style = default_conditions(request, bundle)[0] if isinstance(request, Generate) else request.style
        found: Measures = measures(_part(piece, span), engine, style)
        if training is not None:
            found["copied"] = shares[k]
        out.append(score(found, known or table.get(style or ALL, table[ALL])))
    return out
