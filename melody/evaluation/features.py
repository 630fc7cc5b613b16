"""What a piece of music is like, in numbers: distributions and single values that can be compared between sets of pieces.

After L.-C. Yang and A. Lerch, On the evaluation of generative models in music, Neural Computing and Applications 32, 2020
(pitch class, interval, duration, density), S.-L. Wu and Y.-H. Yang, The Jazz Transformer on the front line, ISMIR 2020
(groove consistency) and H.-W. Dong et al., MusPy, ISMIR 2020 (polyphony). Drums count for onset, velocity, density and groove.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody import theory
from melody.score import METER, Score, Table, Track, merged_notes, note_table, table, tempo_table

GRID = 12  # steps per quarter note: holds sixteenths and triplets of eighths
POSITIONS = 48  # steps of a bar that are kept apart; later ones share the last
LAGS = (1, 2, 4, 8)  # bars
WIDEST = 12  # semitones: wider intervals share the last class
SLOWEST, FASTEST = 4, -4  # durations are kept apart from 16 quarters to a 16th of a quarter, in half powers of two
VELOCITIES = 16  # classes of velocity
SECONDS_TICKS, SECONDS_MSPQ = 480, 500_000  # a piece without bars is measured as if it stood at 120 a minute in 4/4

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measured:
    """Notes of a piece in order of onset: ticks, the bar of each, its position in it in steps; and the bar lines in ticks."""

    score: Score
    notes: Table
    pitched: Table
    bar: NDArray[np.int64]
    position: NDArray[np.int64]
    lines: NDArray[np.int64]


@dataclass(frozen=True)
class Feature:
    """One way to look at a piece. ``kind``: "histogram" (adds up to 1) or "values" (each stands for itself, nan: not known)."""

    name: str
    kind: str
    of: Callable[[Measured], Vector]
    labels: tuple[str, ...]


def measured(score: Score, by_seconds: bool = False) -> Measured:
    """A piece with its bars looked up. ``by_seconds``: bars of two seconds, whatever the meters say. It must hold a note."""
    score = _timed(score) if by_seconds else score
    _, notes = merged_notes(score.tracks)
    _, pitched = merged_notes([t for t in score.tracks if not t.is_drum])
    bar = theory.bar_of(score, notes["onset"])
    lines = theory.bar_start(score, np.arange(int(bar.max()) + 2))
    step = ((notes["onset"] - lines[bar]) * 2 * GRID + score.ticks_per_quarter) // (2 * score.ticks_per_quarter)
    return Measured(score, notes, pitched, bar, step, lines)


def features_of(score: Score, by_seconds: bool = False) -> dict[str, Vector]:
    """Every feature of a piece by name; a piece without notes has none ({})."""
    if not score.note_count:
        return {}
    piece = measured(score, by_seconds)
    return {feature.name: feature.of(piece) for feature in FEATURES}


def _timed(score: Score) -> Score:
    """The same sound on even ticks at 120 a minute."""
    per_second = SECONDS_TICKS * 1e6 / SECONDS_MSPQ

    def notes(rows: Table) -> Table:
        start = np.rint(score.seconds(rows["onset"]) * per_second).astype(np.int64)
        end = np.rint(score.seconds(rows["onset"] + rows["duration"]) * per_second).astype(np.int64)
        return note_table(start, np.maximum(end - start, 1), rows["pitch"], rows["velocity"])

    tracks = tuple(Track(t.name, t.program, t.is_drum, notes(t.notes)) for t in score.tracks)
    return Score(tracks, SECONDS_TICKS, tempo_table([0], [SECONDS_MSPQ]), table(METER, [0], [4], [4]))


def _shares(classes: NDArray[np.int64], size: int) -> Vector:
    """Histogram (size,) that adds up to 1; nan where there is nothing to count."""
    count = np.bincount(classes, minlength=size)[:size].astype(np.float64)
    return count / count.sum() if count.sum() else np.full(size, np.nan)


def _pitch_class(piece: Measured) -> Vector:
    """Relative to the tonic of the estimated key, so that pieces in other keys compare."""
    tonic = theory.estimate_key(piece.pitched) % 12
    return _shares((piece.pitched["pitch"].astype(np.int64) - tonic) % 12, 12)


def _interval(piece: Measured) -> Vector:
    """Between the highest notes of successive onsets of a track."""
    steps = []
    for track in piece.score.tracks:
        if track.is_drum or len(track.notes) < 2:
            continue
        onset, pitch = track.notes["onset"], track.notes["pitch"].astype(np.int64)
        steps.append(np.diff(pitch[np.append(onset[1:] != onset[:-1], True)]))
    joined = np.concatenate(steps) if steps else np.zeros(0, np.int64)
    return _shares(np.clip(joined, -WIDEST, WIDEST) + WIDEST, 2 * WIDEST + 1)


def _onset(piece: Measured) -> Vector:
    return _shares(np.minimum(piece.position, POSITIONS - 1), POSITIONS)


def _duration(piece: Measured) -> Vector:
    quarters = np.maximum(piece.pitched["duration"], 1) / piece.score.ticks_per_quarter
    half = np.rint(2 * np.clip(np.log2(quarters), FASTEST, SLOWEST)).astype(np.int64)
    return _shares(half - 2 * FASTEST, 2 * (SLOWEST - FASTEST) + 1)


def _velocity(piece: Measured) -> Vector:
    return _shares(piece.notes["velocity"].astype(np.int64) * VELOCITIES // 128, VELOCITIES)


def _density(piece: Measured) -> Vector:
    return np.array([len(piece.notes) / (int(piece.bar.max()) - int(piece.bar.min()) + 1)])


def _polyphony(piece: Measured) -> Vector:
    """Mean number of notes that sound, over the time in which any does."""
    onset, end = piece.pitched["onset"], piece.pitched["onset"] + piece.pitched["duration"]
    if not len(onset) or not (end > onset).any():
        return np.array([np.nan])
    reached = np.maximum.accumulate(np.concatenate([onset[:1], end[:-1]]))
    union = np.maximum(0, end - np.maximum(onset, reached)).sum()
    return np.array([float((end - onset).sum()) / float(union)])


def _repetition(piece: Measured) -> Vector:
    """Share of notes that stand at the same position and pitch in the bar so many bars before."""
    place = piece.position * 128 + piece.notes["pitch"]
    width = int(place.max()) + 1
    content = piece.bar * width + place
    first = int(piece.bar.min())
    late = [piece.bar >= first + lag for lag in LAGS]
    shares = [np.isin(content[at] - lag * width, content).mean() if at.any() else np.nan for lag, at in zip(LAGS, late, strict=True)]
    return np.array(shares)


def _harmony(piece: Measured) -> Vector:
    """Mean cosine between the sounding time by pitch class of a bar and of the bar so many bars before."""
    chroma = theory.chroma(piece.pitched, piece.lines)
    length = np.linalg.norm(chroma, axis=1)
    out = []
    for lag in LAGS:
        a, b = chroma[lag:], chroma[:-lag]
        norm = length[lag:] * length[:-lag]
        out.append(float(((a * b).sum(1)[norm > 0] / norm[norm > 0]).mean()) if (norm > 0).any() else np.nan)
    return np.array(out)


def _groove(piece: Measured) -> Vector:
    """1 - mean share of positions at which two bars differ in whether a note starts, over all pairs of bars that hold notes."""
    bars, row = np.unique(piece.bar, return_inverse=True)
    size = int(piece.position.max()) + 1
    size = max(size, int(np.ceil(np.diff(piece.lines).max() * GRID / piece.score.ticks_per_quarter)))
    if len(bars) < 2:
        return np.array([np.nan])
    starts = np.zeros((len(bars), size))
    starts[row, piece.position] = 1
    both = starts @ starts.T
    each = starts.sum(1)
    differ = each[:, None] + each[None] - 2 * both
    return np.array([1 - float(differ[np.triu_indices(len(bars), 1)].mean()) / size])


PITCH_CLASSES = ("1", "b2", "2", "b3", "3", "4", "#4", "5", "b6", "6", "b7", "7")
LAG_NAMES = tuple(f"{lag} bar{'s' * (lag > 1)}" for lag in LAGS)
FEATURES = (
    Feature("pitch class", "histogram", _pitch_class, PITCH_CLASSES),
    Feature("interval", "histogram", _interval, tuple(f"{i:+d}" for i in range(-WIDEST, WIDEST + 1))),
    Feature("onset in bar", "histogram", _onset, tuple(f"{1 + p / GRID:.2f}" for p in range(POSITIONS))),
    Feature("duration", "histogram", _duration, tuple(f"{2 ** (h / 2):.3g}" for h in range(2 * FASTEST, 2 * SLOWEST + 1))),
    Feature("velocity", "histogram", _velocity, tuple(str(128 * v // VELOCITIES) for v in range(VELOCITIES))),
    Feature("density", "values", _density, ("notes a bar",)),
    Feature("polyphony", "values", _polyphony, ("notes at once",)),
    Feature("repetition", "values", _repetition, LAG_NAMES),
    Feature("harmony", "values", _harmony, LAG_NAMES),
    Feature("groove", "values", _groove, ("consistency",)),
)
