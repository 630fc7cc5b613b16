"""Habits of each style: how many pieces, which tempi, which meters. A model that is asked for nothing starts from these."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from melody.corpus.tables import Corpus
from melody.score import Score

MAX_METERS = 6
MAX_PIECES = 2000  # of a style that are looked at: a Score takes half a millisecond, quartiles need no more


def style_priors(corpus: Corpus, split: str = "train") -> dict[str, dict[str, Any]]:
    """By style: ``pieces``; ``tempo``, the quartiles in quarters a minute; ``meters`` as [numerator, denominator, share]; ``keys``,
    the share of each (0..23).

    Every piece is counted; tempi and meters are those of at most MAX_PIECES of a style, spread evenly over it and always the same.
    """
    out: dict[str, dict[str, Any]] = {}
    members: dict[str, list[int]] = {}
    for i in corpus.split(split):
        members.setdefault(corpus.pieces[i].style, []).append(i)
    for style, pieces in sorted(members.items()):
        looked = min(len(pieces), MAX_PIECES)
        facts = tempo_and_meters(corpus.score(pieces[k * len(pieces) // looked]) for k in range(looked))
        keys = np.bincount([corpus.pieces[i].key for i in pieces], minlength=24) / len(pieces)
        out[style] = {"pieces": len(pieces), "keys": [round(float(share), 4) for share in keys]} | facts
    return out


def tempo_and_meters(scores: Iterable[Score]) -> dict[str, Any]:
    """Of some pieces (at least one): ``tempo`` and ``meters``."""
    tempi, meters = [], Counter[tuple[int, int]]()
    for score in scores:
        quarters = score.end_tick / score.ticks_per_quarter
        tempi.append(quarters * 60 / max(1e-3, score.duration_seconds))
        longest = int(np.argmax(np.diff(score.meters["tick"], append=max(score.end_tick, int(score.meters["tick"][-1]) + 1))))
        meters[int(score.meters["numerator"][longest]), int(score.meters["denominator"][longest])] += 1
    common = meters.most_common(MAX_METERS)
    total = sum(n for _, n in common)
    low, high = np.quantile(tempi, [0.25, 0.75])
    return {
        "tempo": [round(float(low), 1), round(float(high), 1)],
        "meters": [[a, b, round(n / total, 4)] for (a, b), n in common],
    }
