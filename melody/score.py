"""The Score: a piece of music as note columns, one set a track, on integer ticks.

Knows no file format and no model. A Score is a value: its arrays are never changed in place, an edit makes a new one.

Conventions
    tick        integer >= 0, ``ticks_per_quarter`` to the quarter note
    document    the file that a Score was read from; its tracks know their places there (``origin``). ``save`` edits that file, so that all
                of it that is no note stays as it was. Edits that move time drop it; Scores made by hand have none
    tempo       microseconds per quarter note; the last tempo at a tick wins, the tempi of all tracks count
    key         fifths: sharps (+) or flats (-), -7..7; minor: True or False
    notes       ordered by onset, then pitch; durations >= 0; a note sounds in [onset, onset + duration)
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pretty_midi  # type: ignore[import-untyped]  # ships no types

    from melody.midi.document import Document
    from melody.midi.voices import Voice

NOTE = np.dtype([("onset", "<i8"), ("duration", "<i8"), ("pitch", "<i2"), ("velocity", "<i2")])
PEDAL = np.dtype([("tick", "<i8"), ("value", "<i2")])
TEMPO = np.dtype([("tick", "<i8"), ("mspq", "<i4")])
METER = np.dtype([("tick", "<i8"), ("numerator", "<i2"), ("denominator", "<i2")])
KEY = np.dtype([("tick", "<i8"), ("fifths", "<i2"), ("minor", "?")])

Table = NDArray[np.void]
Marker = tuple[int, str]  # a tick, and the text that stands there


def table(dtype: np.dtype[Any], *columns: ArrayLike) -> Table:
    """A structured array from columns in the order of the fields: ``table(NOTE, onset, duration, pitch, velocity)``."""
    assert dtype.names is not None
    arrays = [np.asarray(c) for c in columns]
    out = np.zeros(arrays[0].shape if arrays else 0, dtype)
    for name, column in zip(dtype.names, arrays, strict=bool(arrays)):
        out[name] = column
    return out


def note_table(onset: ArrayLike, duration: ArrayLike, pitch: ArrayLike, velocity: ArrayLike) -> Table:
    """Notes (n,) in order of onset, then pitch. Ticks, ticks, 0..127, 1..127."""
    notes = table(NOTE, onset, duration, pitch, velocity)
    if len(notes) > 1:
        rank = notes["onset"] * 128 + notes["pitch"]
        if (rank[1:] < rank[:-1]).any():
            notes = notes[np.argsort(rank, kind="stable")]
    return notes


def tempo_table(tick: ArrayLike, mspq: ArrayLike) -> Table:
    """A tempo map that starts at tick 0 (120 a minute if nothing is said), one tempo a tick: the last given wins."""
    return _starting_at_zero(table(TEMPO, tick, mspq), (0, 500_000))


def meter_table(tick: ArrayLike, numerator: ArrayLike, denominator: ArrayLike) -> Table:
    """Meters that start at tick 0 (4/4 if nothing is said), one a tick: the last given wins."""
    return _starting_at_zero(table(METER, tick, numerator, denominator), (0, 4, 4))


def _starting_at_zero(rows: Table, default: tuple[int, ...]) -> Table:
    if len(rows) == 1 and rows["tick"][0] == 0:
        return rows
    rows = rows[np.argsort(rows["tick"], kind="stable")]
    last = np.append(rows["tick"][1:] != rows["tick"][:-1], True)[: len(rows)]
    rows = rows[last]
    if len(rows) == 0 or rows["tick"][0] > 0:
        rows = np.concatenate([np.array([default], rows.dtype), rows])
    return rows


@dataclass(frozen=True, eq=False)
class Track:
    """One voice or instrument: a name, a General MIDI program (0..127) or drums, its notes and its sustain pedal.

    >>> bass = Track("bass", 32, notes=note_table([0], [480], [36], [80]))
    >>> bass.program, bass.notes["pitch"].tolist()
    (32, [36])
    """

    name: str = ""
    program: int = 0
    is_drum: bool = False
    notes: Table = field(default_factory=lambda: np.zeros(0, NOTE))
    pedal: Table = field(default_factory=lambda: np.zeros(0, PEDAL))  # controller 64, value >= 64 is down
    origin: Voice | None = field(default=None, repr=False)  # its place in the document of its Score; not compared

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Track):
            return NotImplemented
        mine = (self.name, self.program, self.is_drum)
        return mine == (other.name, other.program, other.is_drum) and _same(self.notes, other.notes) and _same(self.pedal, other.pedal)

    __hash__ = None  # type: ignore[assignment]  # arrays do not hash; a Track is compared by value


@dataclass(frozen=True, eq=False)
class Score:
    """A piece. ``tempi`` and ``meters`` always start at tick 0 (build them with ``tempo_table`` and ``meter_table``).

    >>> piece = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))
    >>> piece.note_count, piece.duration_seconds, piece.end_tick / piece.ticks_per_quarter
    (2, 1.0, 2.0)
    """

    tracks: tuple[Track, ...] = ()
    ticks_per_quarter: int = 480
    tempi: Table = field(default_factory=lambda: tempo_table([], []))
    meters: Table = field(default_factory=lambda: meter_table([], [], []))
    keys: Table = field(default_factory=lambda: np.zeros(0, KEY))
    end_of_tracks: int = 0  # tick at which the last track of its file ends, 0 if there is no file; not compared
    document: Document | None = field(default=None, repr=False)  # not compared
    markers: tuple[Marker, ...] = ()  # texts at ticks, in order, such as chords and sections; not compared

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Score):
            return NotImplemented
        return (
            self.ticks_per_quarter == other.ticks_per_quarter
            and self.tracks == other.tracks
            and _same(self.tempi, other.tempi)
            and _same(self.meters, other.meters)
            and _same(self.keys, other.keys)
        )

    __hash__ = None  # type: ignore[assignment]  # see Track

    @property
    def note_count(self) -> int:
        """Number of notes in all tracks."""
        return sum(len(t.notes) for t in self.tracks)

    @property
    def end_tick(self) -> int:
        """Tick at which the last note ends; 0 for a Score without notes."""
        ends = [int((t.notes["onset"] + t.notes["duration"]).max()) for t in self.tracks if len(t.notes)]
        return max(ends, default=0)

    @property
    def duration_seconds(self) -> float:
        """Time at which the last note ends, by the tempo map."""
        return float(self.seconds([self.end_tick])[0])

    def seconds(self, ticks: ArrayLike) -> NDArray[np.float64]:
        """Times in seconds of ``ticks``, by the tempo map, in double precision."""
        at = np.asarray(ticks, np.int64)
        index = np.searchsorted(self.tempi["tick"], at, side="right") - 1
        per_tick = self.tempi["mspq"].astype(np.float64) / (1e6 * self.ticks_per_quarter)
        times: NDArray[np.float64] = self._tempo_starts()[index] + (at - self.tempi["tick"][index]) * per_tick[index]
        return times

    def ticks_at(self, seconds: ArrayLike) -> NDArray[np.int64]:
        """The nearest ticks to times in seconds: the inverse of ``seconds``."""
        at = np.asarray(seconds, np.float64)
        starts = self._tempo_starts()
        index = np.maximum(np.searchsorted(starts, at, side="right") - 1, 0)
        per_second = 1e6 * self.ticks_per_quarter / self.tempi["mspq"].astype(np.float64)
        return np.rint(self.tempi["tick"][index] + (at - starts[index]) * per_second[index]).astype(np.int64)

    def _tempo_starts(self) -> NDArray[np.float64]:
        ticks = self.tempi["tick"]
        # Whole microsecond-ticks are summed as integers, so that 50,000 tempi add no rounding.
        spans = np.cumsum(np.diff(ticks) * self.tempi["mspq"][:-1].astype(np.int64))
        return np.concatenate([[0.0], spans.astype(np.float64)]) / (1e6 * self.ticks_per_quarter)

    def save(self, path: str | os.PathLike[str], force: bool = True) -> None:
        """Write a standard MIDI file, whole or not at all: an edit of the file that the Score was read from, or a new one of format 1.

        Errors: ``MelodyError`` for what MIDI cannot hold, and a path that cannot be written; ``CallError`` if it exists and not ``force``.

        >>> import tempfile
        >>> from melody import midi
        >>> piece = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     piece.save(f"{folder}/tune.mid")
        ...     midi.read(f"{folder}/tune.mid") == piece
        True
        """
        from melody import midi

        midi.write(self, path, force=force)

    def to_pretty_midi(self) -> pretty_midi.PrettyMIDI:
        """This piece as a ``pretty_midi.PrettyMIDI``. Errors: ``MelodyError`` past 10,000,000 ticks, which pretty_midi does not take.

        >>> Score((Track("tune", notes=note_table([0], [480], [60], [80])),)).to_pretty_midi().instruments[0].notes
        [Note(start=0.000000, end=0.500000, pitch=60, velocity=80)]
        """
        from melody import midi

        return midi.to_pretty_midi(self)


def _same(a: Table, b: Table) -> bool:
    return len(a) == len(b) and bool((a == b).all())


def merged_notes(tracks: Sequence[Track]) -> tuple[NDArray[np.int64], Table]:
    """All notes of ``tracks`` in order of onset, track, pitch: the track's index for each, and the notes (n,)."""
    if not tracks:
        return np.zeros(0, np.int64), np.zeros(0, NOTE)
    which = np.repeat(np.arange(len(tracks)), [len(t.notes) for t in tracks])
    notes = np.concatenate([t.notes for t in tracks])
    order = np.lexsort((notes["pitch"], which, notes["onset"]))
    return which[order], notes[order]
