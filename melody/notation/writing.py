"""Score -> MusicXML 4.0 (score-partwise), a part for each track that has notes.

Times are on a grid of 24 steps a quarter note (32nd notes and triplets); what lies between is moved to the nearest step. Read back, the
notes are those on the grid, with their velocities, and the bars, tempi and instruments are the same; the sustain pedal is not written.
Source: W3C, MusicXML 4.0 (2021), whose order of elements this follows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody import theory
from melody.edit import without_overlaps
from melody.errors import MelodyError
from melody.files import claim, write_bytes
from melody.notation.parts import PartWriter, escaped
from melody.notation.rhythm import BEAT
from melody.programs import program_name
from melody.score import Score, Track, note_table

MAX_BARS = 100_000
HEAD = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "http://www.musicxml.org/dtds/partwise.dtd">
<score-partwise version="4.0">
"""


@dataclass(frozen=True)
class BarLine:
    """One bar of all parts, in steps from the start of the piece."""

    start: int
    end: int
    beats: int
    beat_type: int
    fifths: int
    minor: bool
    pickup: bool = False

    @property
    def irregular(self) -> bool:
        """Whether its length is not what its meter says."""
        return (self.end - self.start) * self.beat_type != 4 * BEAT * self.beats


def write(score: Score, path: str | os.PathLike[str], force: bool = True, title: str = "") -> None:
    """Write a MusicXML file, whole or not at all. Errors: ``MelodyError``; ``CallError`` if it exists and not ``force``.

    >>> import tempfile
    >>> from melody import notation
    >>> piece = Score((Track("tune", notes=note_table([0], [480], [60], [80])),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(piece, f"{folder}/tune.musicxml")
    ...     notation.read(f"{folder}/tune.musicxml").note_count
    1
    """
    write_bytes(claim(path, force), to_musicxml(score, title))


def to_musicxml(score: Score, title: str = "") -> bytes:
    """The MusicXML of a piece. Equal pieces give equal bytes. Errors: ``MelodyError`` for one without notes, or past 100,000 bars.

    >>> piece = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 66], [80, 80])),))
    >>> to_musicxml(piece).count(b"<pitch>")
    2
    """
    tracks = [on_grid(t, score.ticks_per_quarter) for t in score.tracks if len(t.notes)]
    if not tracks:
        raise MelodyError("no notes to write")
    bars = bar_lines(score, max(int((t.notes["onset"] + t.notes["duration"]).max()) for t in tracks))
    tempi = tempo_marks(score, bars)
    out = [HEAD]
    if title:
        out.append(f"<work><work-title>{escaped(title)}</work-title></work>\n")
    out.append("<identification><encoding><software>melody</software></encoding></identification>\n<part-list>\n")
    channels = [c for c in range(1, 17) if c != 10]
    writers = []
    for number, track in enumerate(tracks):
        name = track.name or program_name(track.program, track.is_drum)
        channel = 10 if track.is_drum else channels[number % len(channels)]
        writers.append(PartWriter(f"P{number + 1}", name, channel, track))
        out += writers[-1].head()
    out.append("</part-list>\n")
    for number, writer in enumerate(writers):
        out.append(f'<part id="{writer.id}">\n')
        for index, bar in enumerate(bars):
            out += _measure(writer, bars, index, tempi.get(index, []) if number == 0 else [], bar)
        out.append("</part>\n")
    out.append("</score-partwise>\n")
    return "".join(out).encode()


def on_grid(track: Track, ticks_per_quarter: int) -> Track:
    """The track with times in steps: notes of at least one, no two of a pitch at once."""
    notes = track.notes
    start = _steps(notes["onset"], ticks_per_quarter)
    end = np.maximum(_steps(notes["onset"] + notes["duration"], ticks_per_quarter), start + 1)
    rows = without_overlaps(note_table(start, end - start, notes["pitch"], notes["velocity"]))
    return Track(track.name, track.program, track.is_drum, rows)


def _steps(ticks: NDArray[np.int64], ticks_per_quarter: int) -> NDArray[np.int64]:
    """The nearest steps, halves upwards."""
    steps: NDArray[np.int64] = (2 * BEAT * ticks + ticks_per_quarter) // (2 * ticks_per_quarter)
    return steps


def bar_lines(score: Score, end: int) -> list[BarLine]:
    """The bars from the start up to step ``end``, with the meter and key that hold in each."""
    unit = score.ticks_per_quarter
    count = int(theory.bar_of(score, [max(-(-end * unit // BEAT) - 1, 0)])[0]) + 1
    if count > MAX_BARS:
        raise MelodyError(f"{count:,} bars, more than the limit of {MAX_BARS:,}; its resolution or its meters must be wrong")
    ticks = theory.bar_start(score, np.arange(count + 1))
    edges = _steps(ticks, unit)
    edges[-1] = max(int(edges[-1]), end)
    meter = np.maximum(np.searchsorted(score.meters["tick"], ticks, side="right") - 1, 0)
    keys = _keys(score, ticks[:-1])
    out = []
    for i in range(count):
        if edges[i + 1] > edges[i]:
            row = score.meters[meter[i]]
            out.append(BarLine(int(edges[i]), int(edges[i + 1]), int(row["numerator"]), int(row["denominator"]), *keys[i]))
    if len(out) > 1 and (out[0].beats, out[0].beat_type) != (out[1].beats, out[1].beat_type):
        first, second = out[0], out[1]
        if first.end - first.start < second.end - second.start:  # a meter of one short bar is a pickup
            out[0] = BarLine(first.start, first.end, second.beats, second.beat_type, first.fifths, first.minor, pickup=True)
    return out


def _keys(score: Score, ticks: NDArray[np.int64]) -> list[tuple[int, bool]]:
    """Fifths and mode of each bar: what the piece says at the bar or just after its start, else what it sounds like."""
    if not len(score.keys):
        return [theory.key_signature(theory.key_of(score))] * len(ticks)
    place = np.maximum(np.searchsorted(score.keys["tick"], ticks, side="right") - 1, 0)
    rows = score.keys[place]
    return list(zip(rows["fifths"].tolist(), rows["minor"].tolist(), strict=True))


def tempo_marks(score: Score, bars: list[BarLine]) -> dict[int, list[tuple[int, float]]]:
    """(steps since the start of the bar, quarter notes a minute) by the bar's index."""
    starts = np.array([bar.start for bar in bars])
    out: dict[int, list[tuple[int, float]]] = {}
    steps = _steps(score.tempi["tick"], score.ticks_per_quarter)
    for step, mspq in zip(steps.tolist(), score.tempi["mspq"].tolist(), strict=True):
        if step < bars[-1].end:
            index = int(np.searchsorted(starts, step, side="right")) - 1
            out.setdefault(index, []).append((step - bars[index].start, 60e6 / mspq))
    return out


def _measure(writer: PartWriter, bars: list[BarLine], index: int, tempi: list[tuple[int, float]], bar: BarLine) -> Iterator[str]:
    """One bar of one part."""
    offset = 0 if bars[0].pickup else 1
    implicit = ' implicit="yes"' if bar.pickup or bar.irregular else ""
    yield f'<measure number="{index + offset}"{implicit}>\n'
    before: Any = bars[index - 1] if index else None
    parts = []
    if before is None:
        parts.append(f"<divisions>{BEAT}</divisions>")
    if before is None or (before.fifths, before.minor) != (bar.fifths, bar.minor):
        mode = "minor" if bar.minor else "major"
        parts.append(f"<key><fifths>{bar.fifths}</fifths><mode>{mode}</mode></key>")
    if before is None or (before.beats, before.beat_type) != (bar.beats, bar.beat_type):
        parts.append(f"<time><beats>{bar.beats}</beats><beat-type>{bar.beat_type}</beat-type></time>")
    if before is None:
        parts += writer.clefs()
    if parts:
        yield f"<attributes>{''.join(parts)}</attributes>\n"
    for at, speed in tempi:
        yield (
            '<direction placement="above"><direction-type><metronome><beat-unit>quarter</beat-unit>'
            f"<per-minute>{speed:.6g}</per-minute></metronome></direction-type>"
            f'<offset sound="yes">{at}</offset><sound tempo="{speed:.6f}"/></direction>\n'
        )
    yield from writer.bar(bar.start, bar.end, bar.fifths)
    yield "</measure>\n"
