"""A Score as people would play it: notes a little early or late, louder or softer, as the table says; their order stays.

    timing     onsets move by what the table says of their place, instrument and tempo; two that were not together keep their order
    dynamics   velocities likewise; of two notes of a track the louder one stays the louder (or they become alike), and its mean stays
    what is there counts: a piece that is played already gets only what it lacks

Not white noise: what a performance has of its own is drawn once, what drifts is shared by all instruments, and hits remember those before.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from melody.groove.moves import in_order, replayed
from melody.groove.places import FAMILIES, PARTS, PLACES, Placed, placed
from melody.groove.profile import CEILINGS, KIND_OF, KINDS, Profile
from melody.score import Score

FARTHEST = 3.0  # standard deviations: nobody is so far off on purpose
CEILING_AT = 8  # of the share of hits that are all as loud as the loudest: where in it their loudness lies
SOFTEST, LOUDEST = 1, 127

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def humanised(score: Score, profile: Profile, timing: float, dynamics: float, seed: int = 0) -> Score:
    """The piece with so much (0..1) of people's timing and dynamics. The same seed gives the same performance."""
    at = placed(score)
    rng = np.random.default_rng(seed)
    time = at.grid / score.ticks_per_quarter
    loud_mean, loud = _performed(rng, at, time, profile, "velocity")
    late_mean, late = _performed(rng, at, time, profile, "offset")
    late = late + profile.lean[at.family] * loud
    onset, velocity = at.onset, at.velocity
    if timing > 0:
        lacking = _share(float((at.offset**2).mean()), float((late**2).mean() + late_mean.var()))
        offset = timing * lacking * (late_mean + late)
        onset = in_order(onset, np.rint(offset * score.ticks_per_quarter).astype(np.int64))
    if dynamics > 0:
        velocity = _with_dynamics(rng, at, profile, loud_mean, loud, dynamics)
    return replayed(score, onset, velocity)


def _performed(rng: np.random.Generator, at: Placed, time: Floats, profile: Profile, what: str) -> tuple[Floats, Floats]:
    """For every hit what the table expects, and what chance adds in this performance."""
    table, hits = getattr(profile, what), getattr(profile, f"hit_{what}")
    effects, memory, steadiness = (getattr(profile, f"{name}_{what}") for name in ("piece", "memory", "steadiness"))
    kind = KIND_OF[at.family]
    own, of_part = rng.standard_normal(len(FAMILIES)), rng.standard_normal((len(KINDS), PARTS))
    of_cell = rng.standard_normal((len(FAMILIES), PLACES))
    share = effects[kind]
    chance = share[:, 0] * own[at.family] + share[:, 1] * of_part[kind, at.place % PARTS] + share[:, 2] * of_cell[at.family, at.place]
    chance = chance + share[:, 3] * _drift(rng, time, float(memory[kind, 0].mean()))
    single = np.sqrt(np.maximum(hits[at.band, at.family] ** 2 - share[:, 3] ** 2, 0))
    even = np.exp(steadiness[:, 0] + steadiness[:, 1] * rng.standard_normal(len(FAMILIES)))
    reach = np.sqrt(_mixture(rng, steadiness[at.family, 2]))
    alone = reach * _remembering(rng, at.track * len(FAMILIES) + at.family, time, memory[kind, 1])
    chance = chance + single * even[at.family] * np.clip(alone, -FARTHEST, FARTHEST)
    return table[at.band, at.family, at.place], chance


def _drift(rng: np.random.Generator, time: Floats, left: float) -> Floats:
    """What all hits at a time share (n,): of variance 1, ``left`` of it a quarter later."""
    moments, which = np.unique(time, return_inverse=True)
    noise = rng.standard_normal(len(moments)).tolist()
    kept = np.append(0.0, left ** np.maximum(np.diff(moments), 1e-9) if left > 0 else np.zeros(max(len(moments) - 1, 0))).tolist()
    values = list(
        itertools.accumulate(zip(kept, noise, strict=True), lambda x, step: step[0] * x + (1 - step[0] ** 2) ** 0.5 * step[1], initial=0.0)
    )
    shared: Floats = np.clip(np.array(values[1:]), -FARTHEST, FARTHEST)[which]
    return shared


def _remembering(rng: np.random.Generator, line: Ints, time: Floats, likeness: Floats) -> Floats:
    """Noise of variance 1 (n,), in which a hit is like the one before it of its ``line``."""
    noise = rng.standard_normal(len(line))
    order = np.lexsort((time, line))
    follows = np.append(False, line[order][1:] == line[order][:-1])
    kept = np.where(follows, likeness[order], 0.0)
    fresh = np.sqrt(1 - kept**2) * noise[order]
    values = list(itertools.accumulate(zip(kept.tolist(), fresh.tolist(), strict=True), lambda x, step: step[0] * x + step[1], initial=0.0))
    out = np.empty(len(line))
    out[order] = values[1:]
    return np.clip(out, -FARTHEST, FARTHEST)


def _mixture(rng: np.random.Generator, variance: Floats) -> Floats:
    """Variances of single hits (n,): their mean is 1, their own ``variance`` makes long tails."""
    shape = 1 / np.maximum(variance, 0.01)
    return rng.gamma(shape) / shape


def _share(there: float, expected: float) -> float:
    """How much of what people do is missing where some of its variance is there already."""
    return float(np.sqrt(max(0.0, 1 - there / expected))) if expected > 0 else 0.0


def _with_dynamics(rng: np.random.Generator, at: Placed, profile: Profile, mean: Floats, chance: Floats, amount: float) -> Ints:
    """New velocities (n,): of each track the accents and the unevenness that it lacks, in the order that it has."""
    out = at.velocity.copy()
    for track in np.unique(at.track).tolist():
        mine = np.flatnonzero(at.track == track)
        own = at.velocity[mine].astype(np.float64)
        _, cell = np.unique(at.family[mine] * PLACES + at.place[mine], return_inverse=True)
        count = np.bincount(cell)
        accents = (np.bincount(cell, own) / count)[cell]
        free = len(mine) - len(count)
        uneven = float(((own - accents) ** 2).sum() / free) if free > 0 else 0.0
        expected = mean[mine] - mean[mine].mean()
        more = _share(float(accents.var()), float(expected.var())) * expected
        more = more + _share(uneven, float((chance[mine] ** 2).mean())) * chance[mine]
        kind = KIND_OF[at.family[mine[0]]]
        top = float(np.interp(rng.random(), np.linspace(0, 1, CEILINGS), profile.ceiling[kind]))
        more = _shaped(more - more.mean(), profile.shape[kind], top)
        new = own + amount * more
        ranked = np.lexsort((new, own))
        out[mine[ranked]] = np.clip(np.rint(np.sort(new)), SOFTEST, LOUDEST).astype(np.int64)
    return out


def _shaped(values: Floats, quantiles: Floats, top: float) -> Floats:
    """Values of mean 0 in the same order, distributed as the quantiles say; the ``top`` share of them are alike."""
    if len(values) < 2 or values.std() < 1e-9:
        return values
    rank = np.empty(len(values))
    rank[np.argsort(values, kind="stable")] = np.linspace(0, 1, len(values))
    rank[rank > 1 - top] = 1 - top / CEILING_AT
    shaped: Floats = values.std() * np.interp(rank, np.linspace(0, 1, len(quantiles)), quantiles)
    centred: Floats = shaped - shaped.mean()
    return centred
