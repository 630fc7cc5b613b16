"""Edits of time: resolution, tempo, moving, cutting and joining along the time line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.errors import CallError
from melody.score import KEY, PEDAL, Score, Table, Track, meter_table, note_table, table, tempo_table

Ticks = NDArray[Any]  # integers of the width that the column has

LARGEST_MSPQ = 2**24 - 1  # a MIDI tempo has three bytes: slower than 3.6 beats a minute cannot be written


def stretch(score: Score, factor: float) -> Score:
    """The same notes ``factor`` times as long in seconds (2.0 = half as fast): the tempi change, the ticks do not.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> stretch(piece, 2).duration_seconds
    4.0
    """
    if not 0 < factor < float("inf"):
        raise CallError(f"a piece cannot be stretched by {factor}: give a factor above 0")
    mspq = np.clip(np.rint(score.tempi["mspq"] * factor), 1, LARGEST_MSPQ)
    return replace(score, tempi=tempo_table(score.tempi["tick"], mspq))


def set_tempo(score: Score, bpm: float) -> Score:
    """One tempo, in quarter notes a minute (3.6 to 60,000,000), for the whole piece.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> piece.duration_seconds, set_tempo(piece, 60).duration_seconds
    (2.0, 4.0)
    """
    if not 60e6 / LARGEST_MSPQ <= bpm <= 60e6:
        raise CallError(f"a tempo of {bpm} a minute cannot be written: give 4 or more quarter notes a minute")
    return replace(score, tempi=tempo_table([0], [round(60e6 / bpm)]))


def scale_ticks(score: Score, ticks_per_quarter: int) -> Score:
    """The same music at another resolution, onsets and ends rounded to the nearest tick; a note keeps at least one tick.

    Notes that were instants (duration 0) stay so.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> scale_ticks(piece, 24).tracks[0].notes["onset"].tolist()
    [0, 24, 48]
    """
    if ticks_per_quarter < 1:
        raise CallError(f"ticks per quarter must be at least 1, not {ticks_per_quarter}")
    old = score.ticks_per_quarter

    def scaled(ticks: Ticks) -> Ticks:
        return (2 * ticks.astype(np.int64) * ticks_per_quarter + old) // (2 * old)  # whole numbers: no float loses a tick

    def notes(rows: Table) -> Table:
        onset = scaled(rows["onset"])
        duration = np.maximum(scaled(rows["onset"] + rows["duration"]) - onset, np.minimum(rows["duration"], 1))
        return note_table(onset, duration, rows["pitch"], rows["velocity"])

    tracks = [replace(t, notes=notes(t.notes), pedal=table(PEDAL, scaled(t.pedal["tick"]), t.pedal["value"])) for t in score.tracks]
    return Score(
        tracks=tuple(tracks),
        ticks_per_quarter=ticks_per_quarter,
        tempi=tempo_table(scaled(score.tempi["tick"]), score.tempi["mspq"]),
        meters=meter_table(scaled(score.meters["tick"]), score.meters["numerator"], score.meters["denominator"]),
        keys=table(KEY, scaled(score.keys["tick"]), score.keys["fifths"], score.keys["minor"]),
    )


def shift(score: Score, ticks: int) -> Score:
    """All notes and marks ``ticks`` later; tempo and meter at the start reach back to tick 0.

    Earlier (``ticks`` < 0) cuts what comes to stand before 0, as ``cut`` does.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> shift(piece, 480).tracks[0].notes["onset"].tolist()
    [480, 960, 1440]
    """
    if ticks < 0:
        return cut(score, -ticks, None)

    tempi, meters = _at(score.tempi, ticks), _at(score.meters, ticks)
    tempi["tick"][:1] = meters["tick"][:1] = 0
    return replace(
        score,
        tracks=tuple(_later(t, ticks) for t in score.tracks),
        tempi=tempi,
        meters=meters,
        keys=_at(score.keys, ticks),
        document=None,  # its events stay where they are
        markers=tuple((tick + ticks, text) for tick, text in score.markers),
        end_of_tracks=0,
    )


def bars_later(score: Score, ticks: int) -> Score:
    """The notes moved against the bar lines before the first change of meter, so that those stand ``ticks`` later in the music.

    ``ticks`` > 0, less than a bar. What sounds before the first of the new bar lines becomes an upbeat at the end of a full
    bar; silence of that length is taken away instead. Changes of meter stay where they are in the music.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> bars_later(piece, 480).tracks[0].notes["onset"].tolist()
    [1440, 1920, 2400]
    """
    first = score.meters[0]
    bar = round(4 * score.ticks_per_quarter * int(first["numerator"]) / int(first["denominator"]))
    if not 0 < ticks < bar:
        raise CallError(f"bar lines cannot be moved by {ticks} ticks: give more than 0 and less than a bar, {bar}")
    onsets = [int(t.notes["onset"][0]) for t in score.tracks if len(t.notes)]
    silent = min(onsets, default=0) >= ticks and not (score.meters["tick"][1:] < ticks).any()
    return shift(score, -ticks if silent else bar - ticks)


def cut(score: Score, start_tick: int, end_tick: int | None = None) -> Score:
    """The music in [start, end), start moved to tick 0, with the tempo, meter, key and pedal that hold at the start.

    A note is in when its onset is; it is cut off at ``end_tick`` (None: the end of the piece). A note that began before
    the start is left out, not cut to a stump: its attack is not in the window.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> cut(piece, 480, 1440).tracks[0].notes[["onset", "duration"]].tolist()
    [(0, 480), (480, 480)]
    """
    if start_tick < 0 or (end_tick is not None and end_tick < start_tick):
        raise CallError(f"cannot cut from tick {start_tick} to {end_tick}: give 0 <= start <= end")
    end = np.iinfo(np.int64).max if end_tick is None else end_tick

    def held(rows: Table) -> Table:
        """Rows inside the window, and the last one before it as if it stood at its start."""
        first = max(int(np.searchsorted(rows["tick"], start_tick, side="right")) - 1, 0)
        rows = rows[first:]
        rows = rows[(rows["tick"] < end) | (rows["tick"] <= start_tick)].copy()
        rows["tick"] = np.maximum(rows["tick"] - start_tick, 0)
        return rows

    def notes(rows: Table) -> Table:
        rows = rows[(rows["onset"] >= start_tick) & (rows["onset"] < end)].copy()
        rows["duration"] = np.minimum(rows["duration"], end - rows["onset"])
        rows["onset"] -= start_tick
        return rows

    tempi, meters = held(score.tempi), held(score.meters)
    tracks = [replace(t, notes=notes(t.notes), pedal=held(t.pedal)) for t in score.tracks]
    return replace(
        score,
        tracks=tuple(tracks),
        tempi=tempo_table(tempi["tick"], tempi["mspq"]),
        meters=meter_table(meters["tick"], meters["numerator"], meters["denominator"]),
        keys=held(score.keys),
        document=None,
        markers=tuple((max(0, t - start_tick), text) for t, text in score.markers if start_tick <= t < end),
        end_of_tracks=0,
    )


def concatenate(scores: Sequence[Score], ends: Sequence[int] | None = None) -> Score:
    """One piece after the other, each with its own tempi, meters and keys, in the resolution of the first.

    ``ends`` gives the length of each piece in its own ticks (default: where its last note ends; give bar lines to keep the
    beat). Music past a piece's end is cut off. Tracks with the same name, program and drum flag, the first with the first
    and the second with the second, become one.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> concatenate([piece, piece]).tracks[0].notes["onset"].tolist()
    [0, 480, 960, 1920, 2400, 2880]
    """
    if not scores:
        return Score()
    resolution = scores[0].ticks_per_quarter
    lengths = [s.end_tick for s in scores] if ends is None else list(ends)
    tracks: dict[tuple[str, int, bool, int], list[Track]] = {}
    marks: list[tuple[Table, Table, Table]] = []
    at = 0
    for score, length in zip(scores, lengths, strict=True):
        piece = cut(score, 0, length)
        if ends is None:  # all notes are inside, even one of no length that starts where its piece ends
            piece = replace(piece, tracks=tuple(replace(c, notes=t.notes) for c, t in zip(piece.tracks, score.tracks, strict=True)))
        piece = scale_ticks(piece, resolution)
        seen: dict[tuple[str, int, bool], int] = {}
        for track in piece.tracks:
            same = (track.name, track.program, track.is_drum)
            seen[same] = seen.get(same, 0) + 1
            tracks.setdefault((*same, seen[same]), []).append(_later(track, at))
        marks.append((_at(piece.tempi, at), _at(piece.meters, at), _at(piece.keys, at)))
        at += (2 * length * resolution + score.ticks_per_quarter) // (2 * score.ticks_per_quarter)
    tempi, meters, keys = (np.concatenate(rows) for rows in zip(*marks, strict=True))
    return Score(
        tracks=tuple(_joined(parts) for parts in tracks.values()),
        ticks_per_quarter=resolution,
        tempi=tempo_table(tempi["tick"], tempi["mspq"]),
        meters=meter_table(meters["tick"], meters["numerator"], meters["denominator"]),
        keys=keys,
    )


def _at(rows: Table, ticks: int, name: str = "tick") -> Table:
    rows = rows.copy()
    rows[name] += ticks
    return rows


def _later(track: Track, ticks: int) -> Track:
    return replace(track, notes=_at(track.notes, ticks, "onset"), pedal=_at(track.pedal, ticks))


def _joined(parts: list[Track]) -> Track:
    notes = np.concatenate([p.notes for p in parts])
    return replace(
        parts[0],
        notes=note_table(*(notes[name] for name in ("onset", "duration", "pitch", "velocity"))),
        pedal=np.concatenate([p.pedal for p in parts]),
    )
