"""What a page of notation says before it is a Score: parts, bars, times in quarter notes as fractions.

Knows no file format. A bar is as long as what is written in it; where that is not what its meter says (a pickup), the Score gets a
meter of that length. A bar that a repeat sign splits in two counts as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from melody.errors import MelodyError
from melody.score import KEY, Score, Track, meter_table, note_table, table, tempo_table

STEPS = 24  # ticks a quarter note at least: triplets and 32nd notes
MAX_TICKS = 15_360  # a quarter note; a file that needs more is rounded to it
DEFAULT_VELOCITY = 80
MAX_MSPQ = 16_777_215

Time = Fraction


@dataclass
class Part:
    """One part: its notes as (onset, duration, pitch, velocity), times from the start of the piece."""

    name: str = ""
    program: int = 0
    is_drum: bool = False
    notes: list[tuple[Time, Time, int, int]] = field(default_factory=list)


@dataclass
class Bar:
    """One bar: how long it is, the meter that was written last, and whether the page says that it is no full bar."""

    length: Time
    beats: int
    beat_type: int
    implicit: bool = False

    @property
    def nominal(self) -> Time:
        """What its meter says, in quarter notes."""
        return Fraction(4 * self.beats, self.beat_type)


@dataclass
class Sheet:
    """A piece as it is written."""

    parts: list[Part] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    keys: list[tuple[Time, int, bool]] = field(default_factory=list)  # time, fifths, minor
    tempi: list[tuple[Time, float]] = field(default_factory=list)  # time, quarter notes a minute
    markers: list[tuple[Time, str]] = field(default_factory=list)  # chord symbols


def to_score(sheet: Sheet) -> Score:
    """The Score of a sheet. Errors: ``MelodyError`` without notes."""
    if not any(part.notes for part in sheet.parts):
        raise MelodyError("no notes")
    unit = _ticks_per_quarter(sheet)
    tracks = []
    for part in sheet.parts:
        if part.notes:
            onset = [_ticks(n[0], unit) for n in part.notes]
            end = [_ticks(n[0] + n[1], unit) for n in part.notes]
            columns = np.array([onset, np.maximum(np.array(end) - onset, 0), [n[2] for n in part.notes], [n[3] for n in part.notes]])
            tracks.append(Track(part.name, part.program, part.is_drum, note_table(*columns)))
    tempi = [(_ticks(at, unit), round(60e6 / bpm)) for at, bpm in sheet.tempi if 60e6 / MAX_MSPQ <= bpm <= 60e6]
    keys = {_ticks(at, unit): (fifths, int(minor)) for at, fifths, minor in sheet.keys if abs(fifths) <= 7}
    rows: list[tuple[int, ...]] = sorted((tick, *key) for tick, key in keys.items())
    return Score(
        tuple(tracks),
        unit,
        tempo_table([t[0] for t in tempi], [t[1] for t in tempi]),
        meter_table(*_columns(_meters(sheet, unit), 3)),
        table(KEY, *_columns(rows, 3)),
        markers=tuple((_ticks(at, unit), text) for at, text in sheet.markers),
    )


def _columns(rows: list[tuple[int, ...]], count: int) -> list[list[int]]:
    return [[row[i] for row in rows] for i in range(count)]


def _ticks(time: Time, unit: int) -> int:
    return round(time * unit)


def _ticks_per_quarter(sheet: Sheet) -> int:
    """The fewest that hold every time of the sheet exactly, a multiple of 24; MAX_TICKS if they would be more."""
    denominators = {t.denominator for part in sheet.parts for note in part.notes for t in note[:2]}
    denominators |= {bar.length.denominator for bar in sheet.bars}
    unit = STEPS
    for number in sorted(denominators):
        unit = math.lcm(unit, number)
        if unit > MAX_TICKS:
            return MAX_TICKS
    return unit


def _meters(sheet: Sheet, unit: int) -> list[tuple[int, ...]]:
    """(tick, numerator, denominator) wherever the meter changes."""
    found: list[tuple[int, ...]] = []
    at = Fraction(0)
    bars = _joined(sheet.bars)
    for number, bar in enumerate(bars):
        beats, beat_type = bar.beats, bar.beat_type
        last = number == len(bars) - 1  # that it is short says nothing: the piece is over
        if bar.length != bar.nominal and not (last and bar.length < bar.nominal):
            beats, beat_type = _as_meter(bar)
        if not found or found[-1][1:] != (beats, beat_type):
            found.append((_ticks(at, unit), beats, beat_type))
        at += bar.length
    return found


def _as_meter(bar: Bar) -> tuple[int, int]:
    """A meter of the length that the bar has; its own where that would be no meter."""
    for beat_type in (bar.beat_type, 8, 16, 32, 64):
        beats = bar.length * beat_type / 4
        if beat_type >= bar.beat_type and beats.denominator == 1 and 1 <= beats <= 64:
            return int(beats), beat_type
    return bar.beats, bar.beat_type


def _joined(bars: list[Bar]) -> list[Bar]:
    """The bars, two short ones that make a whole one together taken as one."""
    out: list[Bar] = []
    place = 0
    while place < len(bars):
        bar = bars[place]
        after = bars[place + 1] if place + 1 < len(bars) else None
        split = after is not None and place > 0 and after.length > 0 and bar.length + after.length == bar.nominal == after.nominal
        if split:
            out.append(Bar(bar.nominal, bar.beats, bar.beat_type))
        elif bar.length > 0:
            out.append(bar)
        place += 1 + split
    return out
