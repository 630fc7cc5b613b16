"""Columns that a reader found -> a checked Score. What makes no sense about time signatures, keys or tempi is left out;
what makes no sense about notes refuses the piece.

Knows no file format. Every refusal is a ``MelodyError`` that gives the reason only; the caller puts the name before it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.midi.limits import Limits
from melody.score import KEY, PEDAL, Score, Table, Track, meter_table, table, tempo_table

MAX_MSPQ = 16_777_215  # three bytes
MAX_METER = 64  # of numerator and denominator
MAX_NAME = 100  # characters
Column = NDArray[np.signedinteger]


class Columns(NamedTuple):
    """What a reader found, unchecked. Ticks may be anything that fits 64 bits; ``Track`` names are not cleaned yet."""

    ticks_per_quarter: int
    tracks: list[Track]
    tempi: tuple[Column, ...]  # tick, microseconds a quarter; rows at one tick in file order
    meters: tuple[Column, ...]  # tick, numerator, denominator
    keys: tuple[Column, ...]  # tick, fifths, minor (0 or 1)


def score(found: Columns, limits: Limits) -> Score:
    """The Score of ``found``: only tracks with notes, every value in its range, times within ``limits``."""
    if found.ticks_per_quarter <= 0:
        raise MelodyError("its ticks per quarter note are not above 0")
    tracks = [t for t in found.tracks if len(t.notes)]
    if not tracks:
        raise MelodyError("no notes")
    if len(tracks) > limits.max_tracks:
        raise MelodyError(f"{len(tracks):,} tracks, more than the limit of {limits.max_tracks:,}")
    count = sum(len(t.notes) for t in tracks)
    if count > limits.max_notes:
        raise MelodyError(f"{count:,} notes, more than the limit of {limits.max_notes:,}")
    tick, mspq = found.tempi
    good = (tick >= 0) & (mspq > 0) & (mspq <= MAX_MSPQ)
    tempi = tempo_table(tick[good], mspq[good])
    piece = Score((), found.ticks_per_quarter, tempi, _meters(*found.meters), _keys(*found.keys))
    tracks = _within(tracks, piece, limits)
    tracks = [Track(clean_name(t.name), t.program, t.is_drum, t.notes, t.pedal[t.pedal["tick"] >= 0]) for t in tracks]
    return Score(tuple(tracks), piece.ticks_per_quarter, piece.tempi, piece.meters, piece.keys)


def clean_name(name: str) -> str:
    """A track's name as it may be shown and kept: printable characters only, single spaces, at most 100 characters."""
    if len(name) <= MAX_NAME and name.isascii() and name.isprintable() and name == name.strip() and "  " not in name:
        return name
    text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in name[: 10 * MAX_NAME])
    return " ".join(text.split())[:MAX_NAME].strip()


def _within(tracks: list[Track], piece: Score, limits: Limits) -> list[Track]:
    """The tracks, once no time is negative and the last onset is within the limits; notes that sound past them are cut there."""
    onset = end = 0
    for track in tracks:
        onsets, durations = track.notes["onset"], track.notes["duration"]
        if onsets[0] < 0 or int(durations.min()) < 0:  # notes are in order of onset
            raise MelodyError("its times make no sense (negative or past 32 bits)")
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
    return Track(track.name, track.program, track.is_drum, notes, track.pedal)


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
