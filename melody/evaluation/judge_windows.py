"""Windows of a piece, as the judge looks at them: some bars of one meter on a common grid, whoever wrote them.

Conventions
    step      1/24 of a quarter: onsets and lengths are rounded to it, so that the grid of a codec gives nothing away
    velocity  in 16 levels, for the same reason
    meter     that of the piece, which must have one only; the bar is a whole number of cells of CELL steps
    drums     are left out: what is judged has pitches

Knows Scores; who wrote them is for the caller to say.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from melody.score import Score, merged_notes
from melody.theory.bars import real_meters

QUARTER = 24  # steps
CELL = 4  # steps of the coarser grid on which what sounds is looked at: 1/6 quarter
LEVEL = 8  # velocities that count as one
BARS = 16
MIN_NOTES = 32
LATEST = 16  # bars: a piece's first window begins at most so late

Meter = tuple[int, int]
Steps = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Window:
    """Some bars of a piece: notes (n,) in order of onset and pitch, in steps from the window's start; what sounds on is cut at its end."""

    onset: Steps
    length: Steps
    pitch: Steps
    velocity: Steps
    bar: int  # steps
    bars: int
    piece: int  # which one of its set it is from
    start: int  # its first bar in that piece, from 0

    @property
    def steps(self) -> int:
        """Length of the window."""
        return self.bar * self.bars


def bar_steps(meter: Meter) -> int | None:
    """Steps of a bar; None where the bar does not consist of whole cells (5/16), or is shorter than a quarter.

    >>> bar_steps((4, 4)), bar_steps((7, 8)), bar_steps((5, 16))
    (96, 84, None)
    """
    steps, rest = divmod(4 * QUARTER * meter[0], meter[1])
    return steps if not rest and steps % CELL == 0 and steps >= QUARTER else None


def meter_of(score: Score) -> Meter | None:
    """The only meter of a piece that can be judged; None where it changes, or has a bar of odd length."""
    meters = real_meters(score)
    meter = int(meters["numerator"][0]), int(meters["denominator"][0])
    return meter if len(meters) == 1 and bar_steps(meter) else None


def usual_meter(scores: Iterable[Score]) -> Meter | None:
    """The meter that most pieces are in, of those that can be judged; None where there is none."""
    count = Counter(meter for score in scores if (meter := meter_of(score)))
    return min(count, key=lambda meter: (-count[meter], meter)) if count else None


def cut_window(score: Score, meter: Meter, start: int, bars: int = BARS, piece: int = 0) -> Window:
    """``bars`` bars of a piece from bar ``start`` (from 0) on, whatever is in them."""
    _, notes = merged_notes([t for t in score.tracks if not t.is_drum])
    bar = bar_steps(meter)
    assert bar is not None
    onset = _steps(notes["onset"], score.ticks_per_quarter) - start * bar
    inside = (onset >= 0) & (onset < bars * bar)
    notes, onset = notes[inside], onset[inside]
    length = np.maximum(_steps(notes["duration"], score.ticks_per_quarter), 1)
    pitch, velocity = notes["pitch"].astype(np.int64), notes["velocity"].astype(np.int64) // LEVEL * LEVEL + LEVEL // 2
    order = np.lexsort((pitch, onset))
    length = np.minimum(length, bars * bar - onset)
    return Window(onset[order], length[order], pitch[order], velocity[order], bar, bars, piece, start)


def _steps(ticks: Steps, per_quarter: int) -> Steps:
    """Ticks in steps, the nearest ones."""
    steps: Steps = (2 * QUARTER * ticks.astype(np.int64) + per_quarter) // (2 * per_quarter)
    return steps


def bar_count(score: Score, meter: Meter) -> int:
    """Bars up to the one in which the last pitched note begins."""
    onsets = [_steps(t.notes["onset"][-1:], score.ticks_per_quarter) for t in score.tracks if len(t.notes) and not t.is_drum]
    bar = bar_steps(meter)
    assert bar is not None
    return int(np.concatenate(onsets).max()) // bar + 1 if onsets else 0


def windows_of(
    scores: Iterable[Score],
    meter: Meter,
    count: int,
    seed: int = 0,
    *,
    each: int = 1 << 20,
    before: int = 0,
    fits: Callable[[Window], bool] | None = None,
) -> list[Window]:
    """At most ``count`` windows of pieces in ``meter``: first one of every piece, in an order of chance, then a second one, and so on.

    A piece's first window begins in a bar of chance, one of 17 from bar ``before`` on, the next where the one before ends. ``each``: most
    windows of a piece. Left out: pieces of another meter or that are too short by two bars, windows of fewer than 32 notes, and those that
    ``fits`` refuses.
    """
    rng = np.random.default_rng(seed)
    rounds: list[list[Window]] = []
    for number, score in enumerate(scores):
        draw = rng.random()  # of every piece, so that one which is left out moves no other
        if meter_of(score) != meter or (bars := bar_count(score, meter)) < before + BARS - 1:
            continue
        first = before + int(draw * (max(0, min(LATEST, bars - BARS - before)) + 1))
        starts = range(first, max(first + 1, bars - BARS + 1), BARS)
        cut = (cut_window(score, meter, start, piece=number) for start in starts)
        kept = itertools.islice((w for w in cut if len(w.onset) >= MIN_NOTES and (fits is None or fits(w))), each)
        for nth, window in enumerate(kept):
            if nth == len(rounds):
                rounds.append([])
            rounds[nth].append(window)
    mixed = [mine[i] for mine in rounds for i in rng.permutation(len(mine))]
    return mixed[:count]


def shuffled(window: Window, seed: int) -> Window:
    """The same bars in an order of chance: music that has lost its form, to show what the judge makes of that."""
    order = np.random.default_rng([seed, window.piece, window.start]).permutation(window.bars)
    onset = window.onset + (order - np.arange(window.bars))[window.onset // window.bar] * window.bar
    place = np.lexsort((window.pitch, onset))
    length = np.minimum(window.length, window.steps - onset)
    return replace(window, onset=onset[place], length=length[place], pitch=window.pitch[place], velocity=window.velocity[place])


def halves(windows: Sequence[Window], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of two halves of equal size that share no piece: pieces in an order of chance, each to the smaller half so far."""
    by_piece: dict[int, list[int]] = {}
    for i, window in enumerate(windows):
        by_piece.setdefault(window.piece, []).append(i)
    sides: tuple[list[int], list[int]] = ([], [])
    for piece in rng.permutation(list(by_piece)).tolist():
        min(sides, key=len).extend(by_piece[piece])
    size = min(map(len, sides))
    return np.array(sides[0][:size], np.int64), np.array(sides[1][:size], np.int64)
