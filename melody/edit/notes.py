"""Edits of what sounds: which tracks, which pitches, how long under the pedal, no two notes of a pitch at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from melody.edit.timeline import scale_ticks
from melody.errors import CallError
from melody.score import KEY, Score, Table, Track, note_table, table

PEDAL_DOWN = 64  # controller values from here on hold the notes
NEVER = np.iinfo(np.int64).max


def with_tracks(score: Score, tracks: Iterable[Track]) -> Score:
    """The same tempi, meters and keys with other tracks.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> with_tracks(piece, []).note_count
    0
    """
    return replace(score, tracks=tuple(tracks))


def select_tracks(score: Score, indices: Iterable[int]) -> Score:
    """Only the tracks at ``indices``, in that order. An index that is not there raises ``CallError``.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> two = Score((*piece.tracks, Track("bass", 32, notes=note_table([0, 960], [960, 960], [36, 43], [80, 80]))))
    >>> [track.name for track in select_tracks(two, [1]).tracks]
    ['bass']
    """
    chosen = list(indices)
    for i in chosen:
        if not -len(score.tracks) <= i < len(score.tracks):
            raise CallError(f"no track {i}: the piece has {len(score.tracks)}, counted from 0")
    return with_tracks(score, [score.tracks[i] for i in chosen])


def busiest_tracks(score: Score, count: int) -> Score:
    """The ``count`` tracks with the most notes, in their old order; the first ones where numbers are equal.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> two = Score((*piece.tracks, Track("bass", 32, notes=note_table([0, 960], [960, 960], [36, 43], [80, 80]))))
    >>> [track.name for track in busiest_tracks(two, 1).tracks]
    ['tune']
    """
    ranked = sorted(range(len(score.tracks)), key=lambda i: -len(score.tracks[i].notes))
    return select_tracks(score, sorted(ranked[:count]))


def map_notes(score: Score, change: Callable[[Table], Table]) -> Score:
    """Each track with ``change(notes)`` for its notes.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> map_notes(piece, lambda notes: notes[:1]).note_count
    1
    """
    return with_tracks(score, [replace(t, notes=change(t.notes)) for t in score.tracks])


def overlay(scores: Sequence[Score]) -> Score:
    """The tracks of all ``scores`` at once, one after the other, under the tempi, meters and keys of the first.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> len(overlay([piece, piece]).tracks)
    2
    """
    if not scores:
        return Score()
    first = scores[0]
    same = [s if s.ticks_per_quarter == first.ticks_per_quarter else scale_ticks(s, first.ticks_per_quarter) for s in scores]
    return with_tracks(first, [t for s in same for t in s.tracks])


def transpose(score: Score, semitones: int) -> Score:
    """Every pitched note ``semitones`` higher; a note that would leave 0..127 moves by octaves back into it. Drums stay.

    Keys move along and are spelt with at most six sharps or flats (seven fifths up make a semitone).

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> transpose(piece, 2).tracks[0].notes["pitch"].tolist()
    [62, 66, 69]
    """

    def moved(notes: Table) -> Table:
        pitch = notes["pitch"].astype(np.int64) + semitones
        pitch += 12 * np.maximum(-(pitch // 12), 0)
        pitch -= 12 * np.maximum(-((127 - pitch) // 12), 0)
        return note_table(notes["onset"], notes["duration"], pitch, notes["velocity"])

    fifths = (score.keys["fifths"].astype(np.int64) + 7 * semitones + 5) % 12 - 5  # -5..6
    if semitones % 12 == 0:
        fifths = score.keys["fifths"].astype(np.int64)  # an octave keeps the spelling as it was
    keys = table(KEY, score.keys["tick"], fifths, score.keys["minor"])
    tracks = [t if t.is_drum else replace(t, notes=moved(t.notes)) for t in score.tracks]
    return replace(score, tracks=tuple(tracks), keys=keys)


def without_overlaps(notes: Table) -> Table:
    """No two notes of a pitch sound at once: the earlier is cut at the next onset, of doubled onsets the longest stays.

    >>> from melody.score import note_table
    >>> without_overlaps(note_table([0, 240], [480, 480], [60, 60], [80, 80]))["duration"].tolist()
    [240, 480]
    """
    if len(notes) < 2:
        return notes
    order = np.lexsort((-notes["duration"], notes["onset"], notes["pitch"]))
    rows = notes[order]
    same_pitch = rows["pitch"][1:] == rows["pitch"][:-1]
    doubled = np.append(False, same_pitch & (rows["onset"][1:] == rows["onset"][:-1]))
    rows = rows[~doubled]
    gap = np.where(rows["pitch"][1:] == rows["pitch"][:-1], np.diff(rows["onset"]), NEVER)
    rows["duration"][:-1] = np.minimum(rows["duration"][:-1], gap)
    return note_table(rows["onset"], rows["duration"], rows["pitch"], rows["velocity"])


def apply_pedal(score: Score) -> Score:
    """Durations as they sound: a note that ends under the sustain pedal goes on to its release.

    It ends earlier where the same pitch starts again in the track, and at the end of the piece if the pedal is never
    released. The pedal marks are used up: the result has none. Tracks without pedal stay as they are.

    >>> from melody.score import PEDAL, Score, Track, note_table, table
    >>> pedal = table(PEDAL, [0, 960], [127, 0])
    >>> piece = Score((Track("tune", notes=note_table([0], [240], [60], [80]), pedal=pedal),))
    >>> apply_pedal(piece).tracks[0].notes["duration"].tolist()
    [960]
    """
    end = score.end_tick

    def sustained(track: Track) -> Track:
        down, up = pedal_spans(track.pedal, end)
        if len(down) == 0:
            return replace(track, pedal=track.pedal[:0])
        notes = track.notes
        off = notes["onset"] + notes["duration"]
        index = np.searchsorted(down, off, side="left") - 1  # the last time the pedal went down before the note's end
        release = np.where(index >= 0, up[np.maximum(index, 0)], 0)
        held = np.maximum(release, off)
        limit = np.maximum(_next_onset(notes), off)  # keys that were held into the next onset stay as they were
        longer = np.minimum(held, limit) - notes["onset"]
        return replace(track, notes=note_table(notes["onset"], longer, notes["pitch"], notes["velocity"]), pedal=track.pedal[:0])

    return with_tracks(score, [sustained(t) for t in score.tracks])


def pedal_spans(pedal: Table, end_tick: int) -> tuple[Table, Table]:
    """Ticks at which the pedal goes down and up again (s,) each; a pedal never released is released at ``end_tick``.

    >>> from melody.score import PEDAL, table
    >>> down, up = pedal_spans(table(PEDAL, [0, 480, 960], [127, 0, 127]), 1920)
    >>> down.tolist(), up.tolist()
    ([0, 960], [480, 1920])
    """
    if len(pedal) == 0:
        return pedal["tick"], pedal["tick"]
    rows = pedal[np.argsort(pedal["tick"], kind="stable")]
    is_down = rows["value"] >= PEDAL_DOWN
    before = np.append(False, is_down[:-1])
    down, up = rows["tick"][is_down & ~before], rows["tick"][~is_down & before]
    if len(up) < len(down):
        up = np.append(up, max(end_tick, int(down[-1])))
    return down, up


def _next_onset(notes: Table) -> NDArray[np.int64]:
    """For each note the onset of the next note of its pitch that starts later; ``NEVER`` where there is none."""
    if len(notes) == 0:
        return np.zeros(0, np.int64)
    span = int(notes["onset"].max()) + 1
    rank = notes["pitch"].astype(np.int64) * span + notes["onset"]  # one integer in order of pitch, then onset
    ranks = np.append(np.sort(rank), 128 * span)
    following = ranks[np.searchsorted(ranks, rank, side="right")]
    return np.where(following // span == notes["pitch"], following % span, NEVER)
