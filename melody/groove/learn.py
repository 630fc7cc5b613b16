"""How people play, counted: performances -> a Profile.

Means by tempo, family and place lean on those that stand over them where there are few notes. What is left is taken apart from the
largest group to the smallest, performance by performance; from the variance of each group's means what chance alone gives is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from numpy.typing import NDArray

from melody.groove.places import BANDS, FAMILIES, PARTS, PLACES, Placed, placed
from melody.groove.profile import CEILINGS, EFFECTS, KIND_OF, KINDS, MEMORY, QUANTILES, Profile, shipped
from melody.score import Score

LEAN_ON = 25.0  # notes that a mean takes from what stands over it
FEWEST = 4  # notes of a group whose mean says something
ENOUGH = 30  # notes of a performance whose deviation does
WILDEST = ((0.7, 2.0), (0.3, 0.5))  # by kind, of the last two of STEADINESS: songs have faults in their labels of beats
SMALLEST = 0.05  # of what is usual: less is no playing
MAX_NOTES = 600  # notes of a performance

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def learned(performances: Sequence[Score]) -> Profile:
    """The table of some performances, each with a beat."""
    read = [_beginning(placed(score)) for score in performances]
    piece = np.repeat(np.arange(len(read)), [len(p.onset) for p in read])
    time = np.concatenate([p.grid / s.ticks_per_quarter for p, s in zip(read, performances, strict=True)])
    offset, velocity, family, place, band = (
        np.concatenate([getattr(p, name) for p in read]) for name in ("offset", "velocity", "family", "place", "band")
    )
    kind = KIND_OF[family]
    loud = velocity - _means(piece * len(KINDS) + kind, velocity.astype(np.float64))
    tables = [_cells(band, family, place, values) for values in (offset, loud)]
    cell = (band, family, place)
    late, louder = offset - tables[0][cell], loud - tables[1][cell]
    found = [_taken_apart(piece, kind, family, place, time, values) for values in (late, louder)]
    rests = [rest for rest, _, _ in found]
    size = (len(BANDS) + 1, len(FAMILIES))
    flat = band * len(FAMILIES) + family
    hits = [np.sqrt(_shrunk(flat, rest**2, size[0] * size[1], float((rest**2).mean()))).reshape(size) for rest in rests]
    evenness = [_steadiness(piece, family, rest / np.maximum(hit[band, family], 1e-9)) for rest, hit in zip(rests, hits, strict=True)]
    lean = np.zeros(len(FAMILIES))
    for f in range(len(FAMILIES)):
        mine = family == f
        if mine.sum() > 100:
            lean[f] = (rests[0][mine] * rests[1][mine]).sum() / max(float((rests[1][mine] ** 2).sum()), 1e-9)
    shape = np.stack([_shape(piece[kind == k], velocity[kind == k].astype(np.float64)) for k in range(len(KINDS))])
    pairs = [*zip(tables, hits, strict=True), (found[0][1], found[0][2]), (found[1][1], found[1][2])]
    (late_table, late_hit), (loud_table, loud_hit), (late_piece, late_memory), (loud_piece, loud_memory) = pairs
    return Profile(
        notes=len(offset),
        offset=late_table,
        velocity=loud_table,
        hit_offset=late_hit,
        hit_velocity=loud_hit,
        lean=lean,
        piece_offset=late_piece,
        piece_velocity=loud_piece,
        memory_offset=late_memory,
        memory_velocity=loud_memory,
        steadiness_offset=evenness[0],
        steadiness_velocity=evenness[1],
        shape=shape,
        ceiling=np.stack([_ceiling(piece[kind == k], velocity[kind == k]) for k in range(len(KINDS))]),
    )


def _beginning(at: Placed) -> Placed:
    """The first notes of a performance, in time: some last for half an hour, and are one drummer's."""
    first = np.argsort(at.onset, kind="stable")[:MAX_NOTES]
    columns = {f.name: getattr(at, f.name)[first] for f in fields(at) if f.name != "steps"}
    return replace(at, **columns)


def like(example: Score) -> Profile:
    """The shipped table, moved to how one piece is played: where it has many notes at a place, they count; it has no whims of its own."""
    base, mine = shipped(), placed(example)
    loud = mine.velocity - _means(mine.track, mine.velocity.astype(np.float64))
    tables = []
    for table, values in ((base.offset, mine.offset), (base.velocity, loud)):
        flat = mine.family * PLACES + mine.place
        count = np.bincount(flat, minlength=len(FAMILIES) * PLACES)
        total = np.bincount(flat, values, minlength=len(FAMILIES) * PLACES)
        there = (count > 0).reshape(len(FAMILIES), PLACES)
        mean = (total / np.maximum(count, 1)).reshape(len(FAMILIES), PLACES)
        weight = (count / (count + 2.0)).reshape(len(FAMILIES), PLACES)
        tables.append(np.where(there, weight * mean + (1 - weight) * table, table))
    spreads = []
    for spread, values, table in ((base.hit_offset, mine.offset, tables[0]), (base.hit_velocity, loud, tables[1])):
        rest = values - table[mine.band, mine.family, mine.place]
        count = np.bincount(mine.family, minlength=len(FAMILIES))
        square = np.bincount(mine.family, rest**2, minlength=len(FAMILIES))
        spreads.append(np.sqrt((square + LEAN_ON * spread**2) / (count + LEAN_ON)))
    calm = np.array([0.0, 0.0, 0.0, 1.0])  # of EFFECTS only the drift
    return replace(
        base,
        notes=len(loud),
        offset=tables[0],
        velocity=tables[1],
        hit_offset=spreads[0],
        hit_velocity=spreads[1],
        piece_offset=base.piece_offset * calm,
        piece_velocity=base.piece_velocity * calm,
    )


def _means(group: Ints, values: Floats) -> Floats:
    """The mean of its group, for each value."""
    return (np.bincount(group, values) / np.maximum(np.bincount(group), 1))[group]


def _shrunk(group: Ints, values: Floats, size: int, towards: float | Floats) -> Floats:
    """Means of groups (size,) that lean on ``towards``."""
    count, total = np.bincount(group, minlength=size), np.bincount(group, values, minlength=size)
    out: Floats = (total + LEAN_ON * towards) / (count + LEAN_ON)
    return out


def _cells(band: Ints, family: Ints, place: Ints, values: Floats) -> Floats:
    """Means (bands, families, places): each leans on that of all tempi, this on the part of any beat, and that on the family."""
    families, bands = len(FAMILIES), len(BANDS) + 1
    of_family = _shrunk(family, values, families, 0.0)
    of_part = _shrunk(family * PARTS + place % PARTS, values, families * PARTS, np.repeat(of_family, PARTS))
    at = np.arange(families * PLACES)
    of_place = _shrunk(family * PLACES + place, values, families * PLACES, of_part[at // PLACES * PARTS + at % PLACES % PARTS])
    whole = _shrunk((band * families + family) * PLACES + place, values, bands * families * PLACES, np.tile(of_place, bands))
    return whole.reshape(bands, families, PLACES)


def _taken_apart(piece: Ints, kind: Ints, family: Ints, place: Ints, time: Floats, values: Floats) -> tuple[Floats, Floats, Floats]:
    """What is left of single hits, and by kind of instrument the deviations of ``EFFECTS`` and the ``MEMORY``."""
    effects, memory = np.zeros((len(KINDS), len(EFFECTS))), np.zeros((len(KINDS), len(MEMORY)))
    groups = [piece * len(FAMILIES) + family, (piece * len(KINDS) + kind) * PARTS + place % PARTS]
    groups.append(groups[0] * PLACES + place)
    rest = values
    for effect, found in enumerate(groups):
        _, group = np.unique(found, return_inverse=True)
        count, mean = np.bincount(group), _means(group, rest)
        inside = rest - mean
        mine = np.zeros(len(count), np.int64)
        mine[group] = kind
        means = np.zeros(len(count))
        means[group] = mean
        within = np.bincount(group, inside**2) / np.maximum(count - 1, 1)
        for k in range(len(KINDS)):
            good = (mine == k) & (count >= FEWEST)
            if good.any():
                weight = count[good].astype(np.float64)
                chance = np.average(within[good] / count[good], weights=weight)
                effects[k, effect] = np.sqrt(max(0.0, float(np.average(means[good] ** 2, weights=weight) - chance)))
        rest = np.where(count[group] >= FEWEST, inside, rest)
    for k in range(len(KINDS)):
        mine = np.flatnonzero(kind == k)
        if len(mine):
            effects[k, 3], memory[k] = _drift(piece[mine], family[mine], time[mine], rest[mine])
    return rest, effects, memory


def _steadiness(piece: Ints, family: Ints, rest: Floats) -> Floats:
    """By family, of single hits in their own deviations: mean and deviation of a performance's logarithm, and how far its tails reach."""
    out = np.zeros((len(FAMILIES), 3))
    for f in range(len(FAMILIES)):
        mine, of = rest[family == f], piece[family == f]
        count = np.bincount(of)
        deviation = np.sqrt(np.bincount(of, mine**2) / np.maximum(count, 1))
        some = (count >= ENOUGH) & (deviation > SMALLEST)
        if some.sum() >= FEWEST:
            log = np.log(deviation[some])
            alike = some[of]
            kurtosis = float(((mine[alike] / deviation[of[alike]]) ** 4).mean())
            widest, longest = WILDEST[KIND_OF[f]]
            out[f] = log.mean(), min(float(log.std()), widest), np.clip(kurtosis / 3 - 1, 0.0, longest)
    return out


def _shape(piece: Ints, velocity: Floats) -> Floats:
    """How velocities are distributed in a performance, in its own deviations: quantiles."""
    count = np.bincount(piece)
    mean = np.bincount(piece, velocity) / np.maximum(count, 1)
    deviation = np.sqrt(np.maximum(np.bincount(piece, velocity**2) / np.maximum(count, 1) - mean**2, 0))
    mine = deviation[piece] > 1
    at = np.linspace(0.005, 0.995, QUANTILES)
    return np.quantile((velocity[mine] - mean[piece[mine]]) / deviation[piece[mine]], at) if mine.any() else np.linspace(-2, 2, QUANTILES)


def _ceiling(piece: Ints, velocity: Ints) -> Floats:
    """Share of a performance's notes that are all as loud as can be: quantiles over performances."""
    if not len(piece):
        return np.zeros(CEILINGS)
    loudest = np.zeros(int(piece.max()) + 1, np.int64)
    np.maximum.at(loudest, piece, velocity)
    count = np.bincount(piece)
    share = np.bincount(piece, velocity == loudest[piece])[count > 0] / count[count > 0]
    return np.quantile(share, np.linspace(0.05, 0.95, CEILINGS))


def _drift(piece: Ints, family: Ints, time: Floats, rest: Floats) -> tuple[float, Floats]:
    """Deviation of what hits near each other share, how much of it is left a quarter later, and the likeness of neighbours beyond that."""
    order = np.lexsort((time, piece))
    piece, family, time, rest = piece[order], family[order], time[order], rest[order]
    gaps, products, own = [], [], []
    for lag in range(1, 9):
        if len(rest) <= lag:
            break
        same = piece[lag:] == piece[:-lag]
        gap, product, alike = (time[lag:] - time[:-lag])[same], (rest[lag:] * rest[:-lag])[same], (family[lag:] == family[:-lag])[same]
        gaps.append(gap)
        products.append(product)
        own.append(alike)
    gap, product, alike = (np.concatenate(x) if x else np.zeros(0) for x in (gaps, products, own))
    others = alike == 0
    other = others if others.sum() > 100 else np.ones(len(gap), bool)

    def shared(low: float, high: float, which: NDArray[np.bool_]) -> float:
        chosen = which & (gap >= low) & (gap < high)
        return float(product[chosen].mean()) if chosen.any() else 0.0

    near, far = shared(0, 0.6, other), shared(1.75, 2.25, other)
    variance = max(near, far, 0.0)
    left = float(np.clip(far / variance, 0.0, 0.96)) ** (1 / 2) if variance > 0 else 0.0
    beyond = float((rest**2).mean()) - variance
    neighbours = shared(0.05, 0.6, alike == 1) - shared(0.05, 0.6, other) if others.sum() > 100 else 0.0
    return float(np.sqrt(variance)), np.array([left, float(np.clip(neighbours / max(beyond, 1e-9), -0.5, 0.9))])
