"""Durations as they are written: note values, dots, ties and triplets at 24 steps a quarter note; notes into voices.

A beat is a quarter note. One whose inner times are all multiples of 3 steps is plain (32nd notes at the least); any other is written
as one group of triplets, in which every whole number of steps has a value.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

BEAT = 24  # steps
MAX_VOICES = 4  # of a staff: what programs of notation take
TYPES = {96: "whole", 48: "half", 24: "quarter", 12: "eighth", 6: "16th", 3: "32nd"}
DOTTED = {144: 96, 72: 48, 36: 24, 18: 12, 9: 6}
TRIPLET_TYPES = {16: "quarter", 8: "eighth", 4: "16th", 2: "32nd", 1: "64th"}
TRIPLET_DOTTED = {24: 16, 12: 8, 6: 4, 3: 2}

Notes = tuple[int, ...]  # indices of the notes that sound together


class Chord(NamedTuple):
    """Notes that start and end together, or go on from one chord to the next; a rest has none. Steps since the start of the bar."""

    start: int
    end: int
    notes: Notes


class Value(NamedTuple):
    """One symbol: a note value, its dot, and its place in a group of triplets."""

    start: int
    length: int
    notes: Notes
    type: str
    dotted: bool
    triplet: bool
    opens: bool = False
    closes: bool = False


def voices(spans: Sequence[tuple[int, int]]) -> list[list[Chord]]:
    """Notes (start, end), in order of start, as voices of chords that do not overlap; gaps are left.

    Three voices take what fits; what is left goes into a fourth, cut into chords wherever one of its notes starts or ends.
    """
    together: dict[tuple[int, int], list[int]] = {}
    for index, span in enumerate(spans):
        together.setdefault(span, []).append(index)
    found: list[list[Chord]] = []
    left: list[tuple[int, int, Notes]] = []
    for (start, end), notes in together.items():
        voice = next((v for v in found if v[-1].end <= start), None)
        if voice is None and len(found) < MAX_VOICES - 1:
            voice = []
            found.append(voice)
        if voice is None:
            left.append((start, end, tuple(notes)))
        else:
            voice.append(Chord(start, end, tuple(notes)))
    return [*found, _flattened(left)] if left else found


def _flattened(spans: list[tuple[int, int, Notes]]) -> list[Chord]:
    edges = sorted({edge for start, end, _ in spans for edge in (start, end)})
    out, sounding, at = [], list[tuple[int, int, Notes]](), 0
    for start, end in pairwise(edges):
        sounding = [span for span in sounding if span[1] > start]
        while at < len(spans) and spans[at][0] <= start:
            sounding.append(spans[at])
            at += 1
        if sounding:
            out.append(Chord(start, end, tuple(n for span in sounding for n in span[2])))
    return out


def written(chords: Sequence[Chord], length: int) -> list[Value]:
    """The symbols of one voice in a bar of ``length`` steps, rests included. ``chords`` lie in the bar and do not overlap."""
    full = _with_rests(chords, length)
    edges = {edge for chord in full for edge in (chord.start, chord.end)}
    triplets = []
    for start in range(0, length, BEAT):
        end = min(start + BEAT, length)
        if any(edge % 3 for edge in edges if start < edge < end) or end % 3:
            triplets.append((start, end))
    out: list[Value] = []
    for chord in full:
        at = chord.start
        while at < chord.end:
            group = next((g for g in triplets if g[0] <= at < g[1]), None)
            if group:
                stop = min(chord.end, group[1])
                out += _triplet_values(at, stop, chord.notes, group)
            else:
                stop = min([chord.end, *(g[0] for g in triplets if g[0] > at)])
                out += _plain_values(at, stop, chord.notes, length)
            at = stop
    return out


def _with_rests(chords: Sequence[Chord], length: int) -> list[Chord]:
    out, at = [], 0
    for chord in chords:
        if chord.start > at:
            out.append(Chord(at, chord.start, ()))
        out.append(chord)
        at = chord.end
    if at < length:
        out.append(Chord(at, length, ()))
    return out


def _plain_values(start: int, end: int, notes: Notes, length: int) -> list[Value]:
    out = []
    while start < end:
        left = end - start
        value = next(v for v in sorted((*TYPES, *DOTTED), reverse=True) if v <= left and _fits(start, v, bool(notes), length))
        out.append(Value(start, value, notes, TYPES[DOTTED.get(value, value)], value in DOTTED, triplet=False))
        start += value
    return out


def _fits(start: int, value: int, sounds: bool, length: int) -> bool:
    """Whether a value may start there: half of it must be a place that one counts, all of it for a rest."""
    if start == 0 and value == length:
        return True
    unit = DOTTED.get(value, value)
    if value in DOTTED:
        return start % (unit // 2) == 0 and (sounds or start % unit == 0 and value < BEAT * 2)
    return start % (unit if not sounds else max(unit // 2, 3)) == 0


def _triplet_values(start: int, end: int, notes: Notes, group: tuple[int, int]) -> list[Value]:
    out = []
    while start < end:
        value = next(v for v in sorted((*TRIPLET_TYPES, *TRIPLET_DOTTED), reverse=True) if v <= end - start)
        kind = TRIPLET_TYPES[TRIPLET_DOTTED.get(value, value)]
        opens, closes = start == group[0], start + value == group[1]
        out.append(Value(start, value, notes, kind, value in TRIPLET_DOTTED, True, opens, closes))
        start += value
    return out
