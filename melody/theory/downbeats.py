"""Bar lines where people hear them: by how much those of a file lie beside the strong beats.

An upbeat that a program wrote as a bar of its own, or a recording that was put on a grid from its first note on, leaves every
bar line of a file on a weak beat. What tells a downbeat: more and longer notes start there, louder ones, the bass moves,
the harmony changes and then stays, a kick and no snare. Each is summed by its place in the bar, in sixteenths, over the
first bars of a piece; a conditional logit over the places weighs them (``WEIGHTS``), at the place itself, at the other beats
of a bar that begins there, at its middle, and a sixteenth beside it.

The weights were fitted on 15 collections with the places of the files as labels, of which most are right (a quarter of the
likelihood was left to any other place), on a quarter of the chord labels of pop909 and on accents of ceol-rince. Nothing
in them prefers the file's own place; ``MARGIN`` does. How often it agrees with labels: datasets/README.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.score import NOTE, Score, Table
from melody.theory.bars import real_meters

LOOKED_AT = 48  # bars
MIN_BARS, MIN_NOTES = 4, 24
PLACES = (4, 48)  # sixteenths of the bars that are looked at
ON_GRID = 0.5  # share of onsets on a 24th of a quarter below which the beat of a file means nothing (a performance in seconds)
MARGIN = 0.5  # nats by which another place must be likelier than the file's
FULL_TRUST = 16  # bars from which on the evidence counts in full
WEIGHTS = {  # at the place, at the other beats, half a bar later, a sixteenth beside it
    "count": (4.23, -1.61, -2.7, -2.18),
    "length": (2.49, 1.93, -0.65, -1.32),
    "velocity": (11.44, -0.77, 0.67, 0.19),
    "bass": (0.5, -1.12, 1.04, 0.38),
    "top": (-1.97, 1.39, 0.97, 1.77),
    "change of a beat": (-1.3, -2.54, 2.72, 1.04),
    "change of half a bar": (-1.41, -0.96, -2.66, 2.87),
    "one harmony": (5.2, -1.72, -2.1, -3.47),
    "kick": (2.27, -0.6, 0.15, -0.16),
    "snare": (-0.72, 1.76, 0.14, 0.2),
}
_WEIGHTS = np.array(list(WEIGHTS.values()))
_KICK, _SNARE = (35, 36), (38, 39, 40)

Histogram = NDArray[np.float64]  # (places,)


def downbeat_shift(score: Score) -> int:
    """Ticks, 0 up to a bar, from the file's bar lines to those that listeners find; 0 where they agree or nothing can be said.

    Only the bars before the first change of meter are looked at: a change starts a bar by itself. Performances whose ticks do
    not follow the beat are left as they are.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> downbeat_shift(piece)
    0
    """
    meters = real_meters(score)
    numerator, denominator = int(meters["numerator"][0]), int(meters["denominator"][0])
    places = 16 * numerator // denominator
    stop = min(int(meters["tick"][1]) if len(meters) > 1 else score.end_tick, score.ticks_per_quarter * places * LOOKED_AT // 4)
    pitched = _until([t.notes for t in score.tracks if not t.is_drum], stop)
    if (16 * numerator) % denominator or not PLACES[0] <= places <= PLACES[1] or len(pitched) < MIN_NOTES:
        return 0
    if stop * 4 < score.ticks_per_quarter * places * MIN_BARS or not _on_grid(pitched["onset"], score.ticks_per_quarter):
        return 0
    drums = _until([t.notes for t in score.tracks if t.is_drum], stop)
    beat = 3 * 16 // denominator if denominator >= 8 and numerator > 3 and numerator % 3 == 0 else 16 // denominator
    rank = logits(evidence(pitched, drums, score.ticks_per_quarter, places, beat), beat)
    rank *= min(1.0, stop * 4 / (score.ticks_per_quarter * places * FULL_TRUST)) ** 0.5
    best = int(rank.argmax())
    return best * score.ticks_per_quarter // 4 if rank[best] > rank[0] + MARGIN else 0


def evidence(pitched: Table, drums: Table, ticks_per_quarter: int, places: int, beat: int) -> NDArray[np.float64]:
    """What is found at each sixteenth of a bar: (features, places). ``beat`` in sixteenths; ``pitched`` has a note at least."""
    at = _sixteenths(pitched["onset"], ticks_per_quarter)
    order = np.argsort(at * 128 + pitched["pitch"])
    at, notes = at[order], pitched[order]
    pitch = notes["pitch"].astype(np.int64)
    length = np.minimum(np.maximum(notes["duration"] * (4 / ticks_per_quarter), 0.25), places)
    place = at % places

    def summed(where: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> Histogram:
        return np.bincount(where, weights, places).astype(np.float64)

    count = summed(place)
    velocity = summed(place, notes["velocity"].astype(np.float64)) / np.maximum(count, 1)
    edge = at[1:] != at[:-1]
    lowest, highest = np.flatnonzero(np.append(True, edge)), np.flatnonzero(np.append(edge, True))
    low = lowest[pitch[lowest] <= np.median(pitch)]
    until_next = np.minimum(np.diff(at[highest], append=at[-1] + places), places).astype(np.float64)
    changes = _changes(at, pitch % 12, np.minimum(length, 2 * beat), places, beat)
    struck = _sixteenths(drums["onset"], ticks_per_quarter) % places
    kit = [summed(struck[np.isin(drums["pitch"], kind)]) for kind in (_KICK, _SNARE)]
    return np.array(
        [count, summed(place, length), velocity, summed(place[low], length[low]), summed(place[highest], until_next), *changes, *kit]
    )


def logits(found: NDArray[np.float64], beat: int) -> Histogram:
    """How likely each place is to be the bar line, (places,), up to a constant: ``found`` by ``evidence``."""
    views = relative(found, beat)
    rank: Histogram = _WEIGHTS.reshape(-1) @ views.reshape(_WEIGHTS.size, -1)
    return rank


def relative(found: NDArray[np.float64], beat: int) -> NDArray[np.float64]:
    """(features, 4, places): the log of each feature against its mean, seen from each place as ``WEIGHTS`` says."""
    places = found.shape[1]
    mean = found.mean(1, keepdims=True)
    x = np.log1p(np.minimum(found / np.maximum(mean, 1e-12), 8.0)) * (mean > 0)
    x -= x.mean(1, keepdims=True)
    twice = np.concatenate([x, x], axis=1)
    beats = max(1, places // beat)
    others = sum(twice[:, i * beat : i * beat + places] for i in range(1, beats)) if beats > 1 else x
    half = twice[:, places // 2 : places // 2 + places] if places % 2 == 0 and beats % 2 == 0 else np.zeros_like(x)
    beside = twice[:, 1 : places + 1] + twice[:, places - 1 : 2 * places - 1]
    return np.stack([x, others / max(1, beats - 1), half, beside], axis=1)


def _changes(at: NDArray[np.int64], pitch_class: NDArray[np.int64], weight: Histogram, places: int, beat: int) -> list[Histogram]:
    """By place: how much the harmony changes there, of a beat and of half a bar, and how much the half bar from there is one harmony."""
    steps = -(-(int(at.max()) + 1) // places) * places
    chroma = np.bincount(at * 12 + pitch_class, weight, steps * 12).reshape(steps, 12)
    half = max(beat, places // 2)
    sums = np.zeros((steps + 2 * half + 1, 12), np.float32)  # of all steps before: half a bar of silence on both sides
    np.cumsum(chroma, axis=0, out=sums[half + 1 : half + 1 + steps])
    sums[half + 1 + steps :] = sums[half + steps]

    def window(width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        here = sums[half : half + steps]
        return here - sums[half - width : half - width + steps], sums[half + width : half + width + steps] - here

    out = []
    for width in (beat, half):
        before, after = window(width)
        own = np.einsum("ij,ij->i", after, after)
        squares = np.einsum("ij,ij->i", before, before) * own
        likeness = np.einsum("ij,ij->i", before, after) / np.sqrt(np.maximum(squares, 1e-12))
        out.append(_by_place(np.where(squares > 0, 1 - likeness, 0.0), places))
    return [*out, _by_place(own / np.maximum(after.sum(1), 1e-6) ** 2, places)]


def _by_place(values: NDArray[np.float64] | NDArray[np.float32], places: int) -> Histogram:
    summed: Histogram = values.reshape(-1, places).sum(0, dtype=np.float64)
    return summed


def _until(tables: list[Table], stop: int) -> Table:
    notes = np.concatenate(tables) if tables else np.zeros(0, NOTE)
    return notes[notes["onset"] < stop]


def _sixteenths(ticks: NDArray[np.int64], ticks_per_quarter: int) -> NDArray[np.int64]:
    """Ticks to the nearest sixteenth."""
    rounded: NDArray[np.int64] = (ticks * 8 + ticks_per_quarter) // (2 * ticks_per_quarter)
    return rounded


def _on_grid(onset: NDArray[np.int64], ticks_per_quarter: int) -> bool:
    """Whether onsets follow the beat: half of them at least lie on a 24th of a quarter."""
    on = np.count_nonzero(onset * 24 % ticks_per_quarter == 0)
    return bool(on >= ON_GRID * len(onset))
