"""What a reader found -> a checked Score. What makes no sense about time signatures, keys or tempi is left out;
what makes no sense about notes refuses the piece.

Knows no file format. Every refusal is a ``MelodyError`` that gives the reason only; the caller puts the name before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.files import clean_name
from melody.midi.limits import Limits
from melody.score import KEY, NOTE, PEDAL, Score, Table, Track, meter_table, note_table, table, tempo_table

MAX_MSPQ = 16_777_215  # three bytes
MAX_METER = 64  # of numerator and denominator
MAX_TICK = 2**48  # of a Score made by hand: its ends still fit 64 bits
Column = NDArray[np.signedinteger]


class RawScore(NamedTuple):
    """What a reader found, unchecked. Ticks may be anything that fits 64 bits; names of tracks are not cleaned yet."""

    ticks_per_quarter: int
    tracks: list[Track]
    tempi: tuple[Column, ...]  # tick, microseconds a quarter; rows at one tick in file order
    meters: tuple[Column, ...]  # tick, numerator, denominator
    keys: tuple[Column, ...]  # tick, fifths, minor (0 or 1)
    end: int = 0  # tick at which the last track ends


def checked(raw: RawScore, limits: Limits) -> Score:
    """The Score of ``raw``: only tracks with notes, every value in its range, times within ``limits``."""
    if raw.ticks_per_quarter <= 0:
        raise MelodyError("its ticks per quarter note must be above 0")
    tracks = [t for t in raw.tracks if len(t.notes)]
    if not tracks:
        raise MelodyError("no notes")
    _check_counts(tracks, limits)
    tick, mspq = raw.tempi
    good = (tick >= 0) & (mspq > 0) & (mspq <= MAX_MSPQ)
    tempi = tempo_table(tick[good], mspq[good])
    piece = Score((), raw.ticks_per_quarter, tempi, _meters(*raw.meters), _keys(*raw.keys))
    tracks = _within(tracks, piece, limits)
    tracks = [replace(t, name=clean_name(t.name)) for t in tracks]
    return replace(piece, tracks=tuple(tracks), end_of_tracks=raw.end)


def bounded(score: Score, limits: Limits) -> Score:
    """A Score that somebody else made, its notes in order: all tracks stay, and a Score without notes passes.

    Errors: ``MelodyError`` for values out of their ranges (see ``melody.score``), and past ``limits``.
    """
    if not 1 <= score.ticks_per_quarter <= 2**31:
        raise MelodyError(f"{score.ticks_per_quarter} ticks per quarter note, must be 1 or more")
    for what, ticks in (("tempi", score.tempi["tick"]), ("meters", score.meters["tick"])):
        if not len(ticks) or ticks[0] != 0 or (np.diff(ticks) <= 0).any():
            raise MelodyError(f"its {what} do not start at tick 0 and rise from there; make them with score.tempo_table and meter_table")
    if score.tempi["mspq"].min() < 1 or score.meters["numerator"].min() < 1 or score.meters["denominator"].min() < 1:
        raise MelodyError("a tempo or meter of 0 or less")
    sounding = [t for t in score.tracks if len(t.notes)]
    _check_counts(sounding, limits)
    for track in score.tracks:
        if not 0 <= track.program <= 127:
            raise MelodyError(f"program {track.program}, must be 0 to 127")
    for track in sounding:
        _check_notes(track.notes)
    ordered = [replace(t, notes=note_table(*(t.notes[name] for name in NOTE.names or ()))) for t in sounding]
    kept = iter(_within(ordered, score, limits) if ordered else [])
    return replace(score, tracks=tuple(next(kept) if len(t.notes) else t for t in score.tracks))


def _check_notes(notes: Table) -> None:
    """Errors: ``MelodyError`` for a pitch or velocity that MIDI does not know, and for times that cannot be added up."""
    for field, low, high in (("pitch", 0, 127), ("velocity", 1, 127)):
        values = notes[field]
        if not low <= values.min() <= values.max() <= high:
            raise MelodyError(f"{field} {values.min()} to {values.max()}, must be {low} to {high}")
    if max(int(notes["onset"].max()), int(notes["duration"].max())) > MAX_TICK:
        raise MelodyError(f"times past tick {MAX_TICK:,}")


def _check_counts(tracks: Sequence[Track], limits: Limits) -> None:
    """Errors: ``MelodyError`` for more tracks (those with notes) or more notes than ``limits`` allow."""
    if len(tracks) > limits.max_tracks:
        raise MelodyError(f"{len(tracks):,} tracks, more than the limit of {limits.max_tracks:,}")
    count = sum(len(t.notes) for t in tracks)
    if count > limits.max_notes:
        raise MelodyError(f"{count:,} notes, more than the limit of {limits.max_notes:,}")


def _within(tracks: list[Track], piece: Score, limits: Limits) -> list[Track]:
    """The tracks, once no time is negative and the last onset is within the limits; notes that sound past them are cut there."""
    onset = end = 0
    for track in tracks:
        onsets, durations = track.notes["onset"], track.notes["duration"]
        if onsets[0] < 0 or int(durations.min()) < 0:  # notes are in order of onset
            raise MelodyError("its times are out of range (negative, or beyond 32 bits)")
        onset = max(onset, int(onsets[-1]))
        end = max(end, int((onsets + durations).max()))
    last, close = piece.seconds([onset, end]).tolist()
    if last > limits.max_seconds:
        raise MelodyError(f"lasts {last / 3600:,.1f} hours, more than the limit of {limits.max_seconds / 3600:g}")
    quarters = limits.max_quarters * piece.ticks_per_quarter
    if onset > quarters:
        raise MelodyError(f"lasts {onset // piece.ticks_per_quarter:,} quarter notes, more than the limit of {limits.max_quarters:,}")
    if close > limits.max_seconds:
        end = int(piece.ticks_at([limits.max_seconds])[0])
        return [_cut(t, min(end, quarters)) for t in tracks]
    return [_cut(t, quarters) for t in tracks] if end > quarters else tracks


def _cut(track: Track, tick: int) -> Track:
    """The track with notes that end at ``tick`` at the latest."""
    notes = track.notes.copy()
    notes["duration"] = np.minimum(notes["duration"], np.maximum(tick - notes["onset"], 0))
    return replace(track, notes=notes)


def _meters(tick: Column, numerator: Column, denominator: Column) -> Table:
    good = (tick >= 0) & (numerator >= 1) & (numerator <= MAX_METER) & (denominator >= 1) & (denominator <= MAX_METER)
    good &= denominator & (denominator - 1) == 0
    return meter_table(tick[good], numerator[good], denominator[good])


def _keys(tick: Column, fifths: Column, minor: Column) -> Table:
    good = (tick >= 0) & (abs(fifths) <= 7) & (minor >= 0) & (minor <= 1)
    rows = table(KEY, tick[good], fifths[good], minor[good])
    if len(rows) < 2:
        return rows
    rows = rows[np.argsort(rows["tick"], kind="stable")]
    last: Table = rows[np.append(rows["tick"][1:] != rows["tick"][:-1], True)]
    return last


def pedal_table(tick: Column, value: Column) -> Table:
    """Events of controller 64 (n,) in the order given, which is that of their ticks."""
    return table(PEDAL, tick, value)
