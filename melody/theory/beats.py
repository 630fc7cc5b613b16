"""The beat of free playing: whether a piece follows the beat of its file at all, and where its beats are if it does not.

A recording made without a click has ticks that mean nothing but time. ``follows_file`` looks whether onsets gather at any
fraction of the file's quarters. ``track_beats`` finds a beat by dynamic programming: every beat is rewarded for the onsets
at its place and punished for lying at another distance from the beat before than the tempo says.

Sources
    Ellis: Beat tracking by dynamic programming, Journal of New Music Research 36 (2007)
    Mardia, Jupp: Directional statistics (2000), the mean resultant length and its distribution where directions are even
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.score import Score

FRACTIONS = (1, 2, 3, 4, 6, 8, 12)  # of a quarter, at which onsets may gather
MIN_ONSETS = 12  # of fewer nothing is said
BY_CHANCE = 2.2  # of even directions, the greatest of all lengths exceeds this over the root of their number once in twenty times
GATHERED = 0.12  # mean resultant length from which on onsets gather (maestro: at most 0.08; pop909: at least 0.48)
ON_GRID = 0.5  # share of onsets on a 24th of a quarter from which on the grid is the file's
FRAME = 0.01  # seconds
USUAL_BPM, SPREAD = 100.0, 0.9  # what tempi are likely before anything was played: a bell in octaves
TIGHTNESS = 60.0  # how much a beat that comes early or late is punished
SMEAR = 0.025  # seconds, standard deviation: how near to a beat an onset has to be
MIN_BPM, MAX_BPM = 40.0, 220.0
LOCAL = 8.0  # seconds on each side within which the tempo is asked for anew
LOW_PITCH = 48  # notes below it are felt as beats

Floats = NDArray[np.float64]


def follows_file(score: Score) -> bool:
    """Whether onsets gather at fractions of the file's quarter notes; True where there are too few notes to say.

    >>> from melody.score import Track, note_table
    >>> played = np.cumsum([0, 653, 638, 662, 640, 325, 322, 660, 651, 639, 665, 643, 657, 651, 634, 661])
    >>> follows_file(Score((Track(notes=note_table(played, played * 0 + 400, played * 0 + 60, played * 0 + 80)),)))
    False
    """
    onsets = _onsets(score)
    if len(onsets) < MIN_ONSETS:
        return True
    twentyfourths = onsets * 24 / score.ticks_per_quarter
    if np.mean(np.abs(twentyfourths - np.rint(twentyfourths)) * score.ticks_per_quarter / 24 <= 1) >= ON_GRID:
        return True
    turns = np.outer(FRACTIONS, onsets / score.ticks_per_quarter)
    lengths = np.abs(np.exp(2j * np.pi * turns).mean(1))
    return bool(lengths.max() >= max(GATHERED, BY_CHANCE / np.sqrt(len(onsets))))


def track_beats(score: Score) -> Floats:
    """Beats in seconds, from at or before the first onset to behind the last one; at least two.

    >>> from melody.score import Track, note_table
    >>> onset = np.arange(16) * 594  # 97 quarters a minute in a file that says 120
    >>> piece = Score((Track(notes=note_table(onset, onset * 0 + 500, onset * 0 + 60, onset * 0 + 80)),))
    >>> float(np.diff(track_beats(piece)).mean().round(2))
    0.62
    """
    strength, begin = _strength(score)
    periods = _periods(strength)
    return _covering(np.asarray(_best_path(strength, periods) * FRAME + begin, np.float64), score)


def _onsets(score: Score) -> Floats:
    return np.unique(np.concatenate([np.zeros(0), *(t.notes["onset"] for t in score.tracks)]))


def _strength(score: Score) -> tuple[Floats, float]:
    """How strongly notes begin in each frame, smeared; and the second of the first frame. Low, loud and long notes count for more."""
    notes = np.concatenate([t.notes for t in score.tracks])
    at, end = score.seconds(notes["onset"]), score.seconds(notes["onset"] + notes["duration"])
    weight = notes["velocity"] / 64 * (1 + (notes["pitch"] < LOW_PITCH)) * (0.5 + np.minimum(1.0, end - at))
    begin = max(0.0, float(at.min()) - 0.1)
    frame = np.rint((at - begin) / FRAME).astype(np.int64)
    sums = np.bincount(frame, weight, int(frame.max()) + round(0.5 / FRAME))
    sums = np.sqrt(sums)  # a chord of ten notes is one beat
    reach = round(3 * SMEAR / FRAME)
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) * FRAME / SMEAR) ** 2)
    smooth = np.convolve(sums, bell, "same")
    return smooth / max(1e-9, float(smooth.std())), begin


def _periods(strength: Floats) -> Floats:
    """Frames from beat to beat at each frame: the likeliest tempo of the piece, and near it that of its surroundings."""
    lags = np.arange(round(60 / MAX_BPM / FRAME), round(60 / MIN_BPM / FRAME) + 1)
    likely = np.exp(-0.5 * (np.log2(60 / (lags * FRAME) / USUAL_BPM) / SPREAD) ** 2)
    whole = _autocorrelation(strength, lags) * likely
    period = int(lags[np.argmax(whole)])
    near = np.arange(max(lags[0], round(period * 0.75)), min(lags[-1], round(period * 1.33)) + 1)
    hop, reach = round(1 / FRAME), round(LOCAL / FRAME)
    centres = np.arange(0, len(strength), hop)
    local = np.full(len(centres), float(period))
    for i, centre in enumerate(centres):
        part = strength[max(0, centre - reach) : centre + reach]
        if len(part) > 4 * period and part.any():
            # Towards the tempo of the whole: a syncopated bar is no new tempo.
            local[i] = near[np.argmax(_autocorrelation(part, near) * np.exp(-0.5 * (np.log2(near / period) / 0.2) ** 2))]
    periods: Floats = np.interp(np.arange(len(strength)), centres, local)
    return periods


def _autocorrelation(strength: Floats, lags: NDArray[np.int64]) -> Floats:
    """Mean products of the strength with itself ``lags`` frames later (and twice as much later, where bars repeat)."""
    size = 1 << int(len(strength) + 2 * lags[-1]).bit_length()
    spectrum = np.fft.rfft(strength, size)
    products = np.fft.irfft(spectrum * np.conj(spectrum), size)
    once = products[lags]
    twice = products[2 * lags]
    return np.asarray(np.maximum(0.0, once + 0.5 * twice), np.float64)


def _best_path(strength: Floats, periods: Floats) -> NDArray[np.int64]:
    """Frames of the beats: the path with the most strength on it and the fewest leaps of tempo."""
    total, before = strength.copy(), np.full(len(strength), -1)
    for frame in range(len(strength)):
        period = periods[frame]
        low, high = max(0, frame - round(2 * period)), frame - round(period / 2)
        if high <= 0:
            continue
        earlier = np.arange(low, high)
        scores = total[low:high] - TIGHTNESS * np.log((frame - earlier) / period) ** 2
        best = int(np.argmax(scores))
        if scores[best] > 0:
            total[frame] += scores[best]
            before[frame] = earlier[best]
    last = round(float(periods[-1]))
    path = [len(strength) - last + int(np.argmax(total[-last:])) if last < len(strength) else int(np.argmax(total))]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])


def _covering(beats: Floats, score: Score) -> Floats:
    """The beats from that of the first note, which is where this note is if it lies before it, to one behind the last note."""
    notes = np.concatenate([t.notes for t in score.tracks])
    first = float(score.seconds([notes["onset"].min()])[0])
    last = float(score.seconds([(notes["onset"] + notes["duration"]).max()])[0])
    if len(beats) < 2:
        beats = first + np.arange(2) * 60 / USUAL_BPM
    head, tail = beats[1] - beats[0], beats[-1] - beats[-2]
    front = max(0, round((beats[0] - first) / head))
    back = max(1, int(np.ceil((last - beats[-1]) / tail)) + 1)
    beats = np.concatenate([beats[0] - head * np.arange(front, 0, -1), beats, beats[-1] + tail * np.arange(1, back + 1)])
    beats = beats[max(0, int(np.abs(beats - first).argmin())) :]
    beats[0] = min(first, beats[0])
    return beats
