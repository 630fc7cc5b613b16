"""Bars and beats from the meters of a Score, for ticks in any number at once.

Conventions
    bar     a whole number of ticks (rounded where the resolution cannot hold the meter exactly), at least one
    beat    a quarter in 4/4, a half in 2/2, a dotted quarter in 6/8, 9/8 and 12/8
    meters  a change of meter starts a bar. A repeat of the meter that already holds is not a change: programs write it at
            loops and region starts, where no bar begins. A meter without beats is passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from melody.errors import MelodyError
from melody.score import Score, Table, meter_table

MAX_SILENCE = 8  # bars behind the last note that still belong to a shorter piece
MAX_BARS = 1_000_000  # twenty days at 120 a minute: more comes only from a broken file, and would fill the memory

Ticks = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MeterMap:
    """The meters of a piece as whole ticks, (m,) each: where a meter starts, its bar and beat, its first bar's number.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> meter_map(piece).beat.tolist()  # ticks
    [480]
    """

    tick: Ticks
    bar: Ticks
    beat: Ticks
    first: Ticks

    def segment(self, ticks: ArrayLike) -> Ticks:
        """Index of the meter that holds at each of ``ticks``."""
        return np.maximum(np.searchsorted(self.tick, np.asarray(ticks, np.int64), side="right") - 1, 0)


def real_meters(score: Score) -> Table:
    """The meters of ``score`` without repeats and without meters that have no beats; starts at tick 0."""
    rows = score.meters[(score.meters["numerator"] > 0) & (score.meters["denominator"] > 0)]
    rows = meter_table(rows["tick"], rows["numerator"], rows["denominator"])
    ratio = rows[["numerator", "denominator"]]
    changes: Table = rows[np.append(True, ratio[1:] != ratio[:-1])]
    return changes


def meter_map(score: Score) -> MeterMap:
    """The meters of ``score`` in ticks, ready to look bars up.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> meter_map(piece).bar.tolist()  # ticks
    [1920]
    """
    rows = real_meters(score)
    numerator, denominator = rows["numerator"].astype(np.int64), rows["denominator"].astype(np.int64)
    unit = 4 * score.ticks_per_quarter / denominator  # ticks of the lower number's note, may be broken
    compound = (denominator >= 8) & (numerator > 3) & (numerator % 3 == 0)
    beat = np.maximum(np.rint(unit * np.where(compound, 3, 1)), 1).astype(np.int64)
    bar = np.maximum(np.rint(unit * numerator), 1).astype(np.int64)
    tick = rows["tick"].astype(np.int64)
    counts = -(-np.diff(tick) // bar[:-1])  # a bar cut short by the next meter counts as one
    return MeterMap(tick, bar, beat, np.append(0, np.cumsum(counts)))


def bar_of(score: Score, ticks: ArrayLike) -> Ticks:
    """Number of the bar, from 0, in which each of ``ticks`` lies; goes on past the end of the piece.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> bar_of(piece, [0, 1919, 1920]).tolist()
    [0, 0, 1]
    """
    at, meters = np.asarray(ticks, np.int64), meter_map(score)
    index = meters.segment(at)
    return meters.first[index] + (at - meters.tick[index]) // meters.bar[index]


def bar_start(score: Score, bars: ArrayLike) -> Ticks:
    """First tick of each of ``bars`` (numbers from 0): the inverse of ``bar_of`` on bar lines.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> bar_start(piece, [0, 1, 2]).tolist()
    [0, 1920, 3840]
    """
    number, meters = np.asarray(bars, np.int64), meter_map(score)
    index = np.maximum(np.searchsorted(meters.first, number, side="right") - 1, 0)
    return meters.tick[index] + (number - meters.first[index]) * meters.bar[index]


def position_in_bar(score: Score, ticks: ArrayLike) -> Ticks:
    """Ticks since the start of the bar, for each of ``ticks``.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> position_in_bar(piece, [0, 1919, 1920]).tolist()
    [0, 1919, 0]
    """
    at = np.asarray(ticks, np.int64)
    return at - bar_start(score, bar_of(score, at))


def piece_end(score: Score) -> int:
    """Tick at which a piece is over: where the tracks of its file end, if that is a bar line, else where its last note ends.

    So a loop of four bars whose last one is silent has four bars. Silence longer than the music, and than 8 bars, is none of it.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> piece_end(piece)
    1920
    """
    end, close = score.end_tick, score.end_of_tracks
    if close <= end or end == 0:
        return end
    bar = int(bar_of(score, close))
    silent = bar - int(bar_of(score, end - 1)) - 1
    on_line = int(bar_start(score, bar)) == close
    return close if on_line and silent <= max(MAX_SILENCE, bar - silent) else end


def bar_count(score: Score) -> int:
    """Number of bars from tick 0 up to the end of the piece; 0 for a piece without notes.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> bar_count(piece)
    1
    """
    end = piece_end(score)
    return int(bar_of(score, [end - 1])[0]) + 1 if end > 0 else 0


def bar_ticks(score: Score) -> Ticks:
    """First ticks of all bars (bar_count,) of the piece, rising. More than a million bars raise ``MelodyError``.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> bar_ticks(piece).tolist()
    [0]
    """
    count = bar_count(score)
    _check(count, "bars")
    return bar_start(score, np.arange(count))


def beat_ticks(score: Score) -> Ticks:
    """Ticks of all beats from 0 up to the end of the last note, rising; every bar line is a beat.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> beat_ticks(piece).tolist()
    [0, 480, 960, 1440]
    """
    meters, end = meter_map(score), piece_end(score)
    starts = bar_ticks(score)
    if len(starts) == 0:
        return starts
    index = meters.segment(starts)
    length = np.diff(np.append(starts, end))  # the last bar only as far as the music goes
    counts = -(-np.minimum(length, meters.bar[index]) // meters.beat[index])
    _check(int(counts.sum()), "beats")
    before = np.repeat(np.cumsum(counts) - counts, counts)
    nth = np.arange(counts.sum()) - before
    beats: Ticks = np.repeat(starts, counts) + nth * np.repeat(meters.beat[index], counts)
    return beats


def _check(count: int, what: str) -> None:
    if count > MAX_BARS:
        raise MelodyError(f"the piece has {count:,} {what}, more than {MAX_BARS:,}; its resolution or its meters must be wrong")
