"""What of the old notes is kept where bars are written anew: ``KEEPS`` is the table, one rule each.

    rhythm       onsets, durations and velocities stay, and how many notes there are; pitches are drawn
    contour      the same, and the highest note of each part at each onset lies above, at or below the one before as it did
    roots        the lowest note of the piece at each strong beat (bar lines, middles of bars) stays, and stays the lowest that starts there
    first-notes  what each part plays first in each bar stays, and stays the first

Rules of notes that stay choose notes; rules of rhythm fix slots. What comes of them are pins (``generate/pins.py``). Played notes count
as simultaneous within a 16th of a quarter, and as on the beat within an 8th.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from melody import theory
from melody.codec import Piece
from melody.codec.table import BASES, MAX_PARTS, kind_of
from melody.compose.alignment import AlignedTune
from melody.generate.limits import Limits, limit
from melody.generate.pins import PIN, SPAN, no_pins, possible
from melody.score import Score, Table, table
from melody.theory.bars import real_meters

Mask = NDArray[np.bool_]
Ints = NDArray[np.int64]
KEEP_HELP = "What of the old notes is kept there: rhythm, contour, roots or first-notes."


def strong_beats(score: Score) -> Ints:
    """Ticks of the bar lines, and of the middles of bars that have a middle beat; where a file's bar lines lie beside them, as listeners
    find them, up to the first change of meter.

    >>> from melody.score import Track, note_table
    >>> strong_beats(Score((Track("tune", notes=note_table([0], [1920], [60], [80])),))).tolist()
    [0, 960]
    """
    lines, beats = theory.bar_start(score, np.arange(theory.bar_count(score) + 1)), theory.beat_ticks(score)
    middles = (lines[:-1] + lines[1:]) // 2
    found: Ints = np.unique(np.concatenate([lines[:-1], np.intersect1d(middles, beats)]))
    meters = real_meters(score)
    before = found < (int(meters["tick"][1]) if len(meters) > 1 else score.end_tick)
    return found + np.where(before, theory.downbeat_shift(score), 0)


def on_the_beat(score: Score) -> int:
    """Ticks from a beat below which a note counts as on it."""
    return max(1, score.ticks_per_quarter // 8)


def roots(score: Score) -> list[Mask]:
    """By track, the notes that are the lowest of the piece at a strong beat."""
    beats, reach = strong_beats(score), on_the_beat(score)
    out = [np.zeros(len(t.notes), bool) for t in score.tracks]
    rows = [(int(p), i, k, int(o)) for i, t in enumerate(score.tracks) if not t.is_drum for k, (o, p) in enumerate(_places(t.notes))]
    lowest: dict[int, tuple[int, int, int, int]] = {}
    for row in rows:
        at = int(np.searchsorted(beats, row[3]))
        for beat in beats[max(0, at - 1) : at + 1].tolist():
            if abs(beat - row[3]) < reach:
                lowest[beat] = min(lowest.get(beat, row), row)
    for _, track, index, _ in lowest.values():
        out[track][index] = True
    return out


def first_notes(score: Score) -> list[Mask]:
    """By track, the notes with which it begins in each bar."""
    out, reach = [], score.ticks_per_quarter // 16
    for track in score.tracks:
        onset = track.notes["onset"].astype(np.int64)
        bars = theory.bar_of(score, onset) if len(onset) else onset
        first = np.searchsorted(bars, bars, side="left")
        out.append(onset <= onset[first] + reach if len(onset) else np.zeros(0, bool))
    return out


def nothing(score: Score) -> list[Mask]:
    """By track, no note."""
    return [np.zeros(len(t.notes), bool) for t in score.tracks]


KEEPS: dict[str, Callable[[Score], list[Mask]]] = {"rhythm": nothing, "contour": nothing, "roots": roots, "first-notes": first_notes}
SLOTS = ("rhythm", "contour")  # of these every note is a pin with a pitch to draw


def kept_notes(score: Score, keep: str | None) -> tuple[Table, ...]:
    """By track, the notes that stay wherever a hole may be."""
    masks = KEEPS.get(keep or "", nothing)(score)
    return tuple(t.notes[mask] for t, mask in zip(score.tracks, masks, strict=True))


def among(notes: Table, kept: Table) -> Mask:
    """Which notes (n,) are among those that are kept, by onset and pitch."""
    found: Mask = np.isin(_key(notes), _key(kept))
    return found


def exact(piece: Piece, which: Ints) -> Table:
    """Pins (n,) of some notes of a piece, by index in order of their places: notes as they are."""
    notes, values = piece.notes[which], piece.tokens[which]
    same = np.zeros(len(which), np.int64)
    return table(PIN, notes["onset"], notes["part"], values, values, same, notes["duration"], notes["velocity"], same - 1, same)


def slots(piece: Piece, which: Ints, around: Mask, limits: Limits, contour: bool) -> tuple[Table, dict[int, tuple[int, ...]]]:
    """Pins of some notes of a piece, their pitches to be drawn, and for each the values that the notes ``around`` (n,) hold meanwhile."""
    pins = exact(piece, which)
    pitch = pins["low"].astype(np.int64)
    low, high = limit(limits.low, 0), limit(limits.high, 127)
    kinds = kind_of(piece.config, piece.parts["program"].astype(np.int64))
    for part in np.unique(pins["part"]).tolist():
        mine = np.flatnonzero(pins["part"] == part)
        base = BASES[kinds[part]]
        lowest, highest = min(base + int(low[part]), int(pitch[mine].min())), max(base + int(high[part]), int(pitch[mine].max()))
        onset = pins["onset"][mine]
        first, last = np.searchsorted(onset, onset, side="left"), np.searchsorted(onset, onset, side="right")
        place = np.arange(len(mine))
        pins["low"][mine] = lowest + place - first
        pins["high"][mine], pins["room"][mine] = highest, last - 1 - place
        if contour:
            _tie(pins, pitch, mine, last - 1, _beside(piece, around, part, int(onset[0]), int(onset[-1])))
    return possible(pins), _held(piece, pins, around)


def _tie(pins: Table, pitch: Ints, mine: Ints, top: Ints, beside: tuple[int | None, int | None]) -> None:
    """The highest note of each instant of a part is compared with that of the instant before. ``top``: its place among ``mine``."""
    tops = np.unique(top)
    at = np.searchsorted(tops, top)  # the instant of each note
    for i, number in zip(mine.tolist(), at.tolist(), strict=True):
        if number:
            other = int(mine[tops[number - 1]])
            pins["tied"][i], pins["direction"][i] = other, np.sign(pitch[mine[tops[number]]] - pitch[other])
    before, after = beside
    head, tail = mine[at == 0], mine[at == len(tops) - 1]
    if before is not None:
        _bound(pins, head, int(mine[tops[0]]), before, int(np.sign(pitch[mine[tops[0]]] - before)))
    if after is not None:
        _bound(pins, tail, int(mine[tops[-1]]), after, int(np.sign(pitch[mine[tops[-1]]] - after)))


def _bound(pins: Table, chord: Ints, top: int, other: int, direction: int) -> None:
    """A chord whose highest note lies below, at or above a note that stays."""
    if direction >= 0:
        pins["low"][top] = max(int(pins["low"][top]), other + direction)
    if direction <= 0:
        pins["high"][chord] = np.minimum(pins["high"][chord], other + direction)


def _beside(piece: Piece, around: Mask, part: int, first: int, last: int) -> tuple[int | None, int | None]:
    """Value of the highest note of a part at its last onset before a hole, and at its first one after it."""
    mine = around & (piece.notes["part"] == part)
    onset, values = piece.notes["onset"][mine], piece.tokens[mine]
    before, after = onset[onset <= first], onset[onset >= last]
    return (
        int(values[onset == before[-1]].max()) if len(before) else None,
        int(values[onset == after[0]].max()) if len(after) else None,
    )


def _held(piece: Piece, pins: Table, around: Mask) -> dict[int, tuple[int, ...]]:
    """By number of a pin, the values that notes of its part which stay hold while it sounds."""
    out: dict[int, tuple[int, ...]] = {}
    others, values = piece.notes[around], piece.tokens[around]
    end = others["onset"] + others["duration"]
    for i, pin in enumerate(pins):
        near = (others["part"] == pin["part"]) & (others["onset"] < pin["onset"] + pin["duration"]) & (end > pin["onset"])
        if near.any():
            out[i] = tuple(values[near].tolist())
    return out


def shut_before(tune: AlignedTune, pins: Table) -> Table:
    """Spans in which no other note of a part may start: from each bar line to the first pin of the part in the bar."""
    if not len(pins):
        return no_pins(SPAN)
    metre = tune.piece.metre
    bars = metre.bar(pins["onset"].astype(np.int64))[0]
    _, first = np.unique(bars * MAX_PARTS + pins["part"], return_index=True)
    return table(SPAN, pins["part"][first], metre.starts(bars[first]), pins["onset"][first])


def before_the_first(score: Score, onset: Ints, kept: Ints) -> Mask:
    """Which onsets (n,) lie before the first of some rising ones in their bar."""
    if not len(kept) or not len(onset):
        return np.zeros(len(onset), bool)
    bars, index = np.unique(theory.bar_of(score, kept), return_index=True)
    mine = theory.bar_of(score, onset)
    at = np.minimum(np.searchsorted(bars, mine), len(bars) - 1)
    found: Mask = (bars[at] == mine) & (onset < kept[index[at]])
    return found


def _places(notes: Table) -> list[tuple[int, int]]:
    return list(zip(notes["onset"].tolist(), notes["pitch"].tolist(), strict=True))


def _key(notes: Table) -> Ints:
    key: Ints = notes["onset"].astype(np.int64) * 128 + notes["pitch"]
    return key
