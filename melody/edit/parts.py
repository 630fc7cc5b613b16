"""Fewer tracks: what a full score doubles becomes one part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from melody.edit.notes import busiest_tracks, with_tracks
from melody.score import Score, Table, Track, note_table

DOUBLED = 0.8  # share of a track's notes that another one plays too, at the same time and pitch
STAGES = ("doubling others in unison", "joined with one of the same instrument", "left out")


def fewer_tracks(score: Score, most: int) -> tuple[Score, str]:
    """At most ``most`` tracks with notes, and what was done in words ("" for nothing): only as much of it as is needed.

    First tracks go that double another one in unison, those with the fewest notes first; what they play beside it goes over. Then
    tracks of one instrument are joined, the smallest two first. Of what is still too much the busiest stay.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> two = Score((*piece.tracks, Track("more", notes=note_table([1920], [480], [60], [80]))))
    >>> fewer_tracks(two, 1)[1]
    '2 tracks to 1: 1 joined with one of the same instrument'
    """
    if len(score.tracks) <= most:
        return score, ""
    sounding = with_tracks(score, [t for t in score.tracks if len(t.notes)])
    before = len(sounding.tracks)
    if before <= most:
        return sounding, ""
    doubled = _merge_unisons(list(sounding.tracks), most)
    joined = _join_instruments(doubled, most)
    kept = busiest_tracks(with_tracks(score, joined), most)
    counts = (before - len(doubled), len(doubled) - len(joined), len(joined) - len(kept.tracks))
    done = ", ".join(f"{n} {what}" for n, what in zip(counts, STAGES, strict=True) if n)
    return kept, f"{before} tracks to {len(kept.tracks)}: {done}"


def _merge_unisons(tracks: list[Track], most: int) -> list[Track]:
    keys = [_keys(t) for t in tracks]
    for i in sorted(range(len(tracks)), key=lambda k: len(keys[k])):
        if sum(len(k) > 0 for k in keys) <= most:
            break
        best, into = DOUBLED, -1
        for j, other in enumerate(keys):
            if j != i and len(other) and tracks[j].is_drum == tracks[i].is_drum:
                share = float(np.isin(keys[i], other).mean())
                if share >= best and (share > best or into < 0):
                    best, into = share, j
        if into >= 0:
            tracks[into] = _joined(tracks[into], tracks[i])
            keys[into], keys[i] = _keys(tracks[into]), np.zeros(0, np.int64)
    return [t for t, k in zip(tracks, keys, strict=True) if len(k)]


def _join_instruments(tracks: list[Track], most: int) -> list[Track]:
    tracks = list(tracks)
    while len(tracks) > most:
        pairs = [
            (len(a.notes) + len(b.notes), i, j)
            for i, a in enumerate(tracks)
            for j, b in enumerate(tracks[:i])
            if (a.is_drum, a.is_drum or a.program) == (b.is_drum, b.is_drum or b.program)
        ]
        if not pairs:
            break
        _, i, j = min(pairs)
        tracks[j] = _joined(tracks[j], tracks.pop(i))
    return tracks


def _joined(track: Track, other: Track) -> Track:
    """The notes of both, those that both play once; name and program of the first."""
    extra: Table = other.notes[~np.isin(_keys(other), _keys(track))]
    notes = np.concatenate([track.notes, extra])
    pedal = np.concatenate([track.pedal, other.pedal]) if not len(track.pedal) else track.pedal
    return replace(track, notes=note_table(*(notes[name] for name in ("onset", "duration", "pitch", "velocity"))), pedal=pedal)


def _keys(track: Track) -> NDArray[np.int64]:
    """A number for the onset and pitch of each note."""
    keys: NDArray[np.int64] = track.notes["onset"] * 128 + track.notes["pitch"]
    return keys
