"""A song as the page knows it: a Score as plain values, and back. What comes from the page is checked before it is a Score.

  {"ticks": 480, "tempi": [[tick, microseconds a quarter]], "meters": [[tick, 4, 4]], "keys": [[tick, fifths, minor]],
   "chords": [[tick, "Am"]],
   "tracks": [{"name", "program", "drums", "notes": [[onset, duration, pitch, velocity]], "pedal": [[tick, value]]}]}

Times are ticks. The chords are those that melody finds in the notes: they are sent and never read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody import theory
from melody.errors import CallError
from melody.files import clean_name
from melody.score import KEY, PEDAL, Score, Track, meter_table, note_table, table, tempo_table
from melody.studio import limits

Plain = dict[str, Any]
LOWER = (1, 2, 4, 8, 16, 32, 64)  # numbers of a meter


def to_page(score: Score) -> Plain:
    """A Score as plain values.

    >>> from melody.score import note_table
    >>> to_page(Score((Track("tune", notes=note_table([0], [480], [60], [80])),)))["tracks"][0]["notes"]
    [[0, 480, 60, 80]]
    """
    return {
        "ticks": score.ticks_per_quarter,
        "tempi": _rows(score.tempi),
        "meters": _rows(score.meters),
        "keys": _rows(score.keys),
        "chords": chords(score),
        "tracks": [
            {"name": t.name, "program": t.program, "drums": t.is_drum, "notes": _rows(t.notes), "pedal": _rows(t.pedal)}
            for t in score.tracks
        ],
    }


def chords(score: Score) -> list[list[Any]]:
    """The chords that melody finds in a Score, where they change: tick and label, "" for none.

    >>> from melody.score import note_table
    >>> chords(Score((Track("tune", notes=note_table([0] * 3, [1920] * 3, [57, 60, 64], [80] * 3)),)))
    [[0, 'Am']]
    """
    if not any(len(t.notes) for t in score.tracks if not t.is_drum):
        return []
    found = theory.estimate_chords(score, "half bar")
    out: list[list[Any]] = []
    for tick, name in zip(found.edges[:-1].tolist(), found.labels, strict=True):
        label = "" if name == "N" else name
        if not out or out[-1][1] != label:
            out.append([tick, label])
    return out


def from_page(song: Any) -> Score:
    """The Score of a song of the page. Errors: ``CallError``, "song: ...", for whatever is no song.

    >>> from_page({"ticks": 480, "tempi": [], "meters": [], "keys": [], "tracks": []}).note_count
    0
    """
    try:
        return _score(song)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as fault:
        raise CallError(f"song: cannot be read ({type(fault).__name__})", argument="song") from None


def _score(song: Mapping[str, Any]) -> Score:
    ticks = song["ticks"]
    if type(ticks) is not int or not 1 <= ticks <= 0x7FFF:
        raise CallError("song: its ticks to the quarter note must be a whole number, 1 to 32,767", argument="song")
    tracks = song["tracks"]
    if not isinstance(tracks, list) or len(tracks) > limits.TRACKS:
        raise CallError(f"song: it must have at most {limits.TRACKS} tracks", argument="song")
    if sum(len(t["notes"]) for t in tracks) > limits.NOTES:
        raise CallError(f"song: more than {limits.NOTES:,} notes", argument="song")
    tempi = _table(song["tempi"], "tempi", ((0, limits.TICK), (1, 0xFFFFFF)))
    meters = _table(song["meters"], "meters", ((0, limits.TICK), (1, 255), (1, 64)))
    if not np.isin(meters[:, 2], LOWER).all():
        raise CallError("song: the lower number of a meter must be 1, 2, 4, 8, 16, 32 or 64", argument="song")
    keys = _table([[int(value) for value in row] for row in song["keys"]], "keys", ((0, limits.TICK), (-7, 7), (0, 1)))
    return Score(
        tuple(_track(t) for t in tracks), ticks, tempo_table(*tempi.T), meter_table(*meters.T), table(KEY, *keys[np.argsort(keys[:, 0])].T)
    )


def _track(track: Mapping[str, Any]) -> Track:
    name, program, drums = track["name"], track["program"], track["drums"]
    if not isinstance(name, str) or type(program) is not int or not 0 <= program <= 127 or type(drums) is not bool:
        raise CallError("song: a track needs a name, a program of 0 to 127, and whether it is drums", argument="song")
    notes = _table(track["notes"], "notes", ((0, limits.TICK), (0, limits.TICK), (0, 127), (1, 127)))
    pedal = _table(track.get("pedal", []), "pedal", ((0, limits.TICK), (0, 127)))
    return Track(clean_name(name), program, drums, note_table(*notes.T), table(PEDAL, *pedal[np.argsort(pedal[:, 0], kind="stable")].T))


def _table(rows: Any, name: str, ranges: tuple[tuple[int, int], ...]) -> NDArray[np.int64]:
    """Rows (n, columns) of whole numbers within ``ranges``."""
    if not isinstance(rows, list) or len(rows) > max(limits.CHANGES, limits.NOTES):
        raise CallError(f"song: its {name} must be a list", argument="song")
    if not rows:
        return np.zeros((0, len(ranges)), np.int64)
    found = np.array(rows)
    if found.ndim != 2 or found.shape[1] != len(ranges) or found.dtype.kind != "i":
        raise CallError(f"song: its {name} must be rows of {len(ranges)} whole numbers", argument="song")
    low, high = np.array(ranges).T
    if ((found < low) | (found > high)).any():
        raise CallError(f"song: its {name} are out of range", argument="song")
    return found.astype(np.int64)


def _rows(rows: NDArray[np.void]) -> list[list[Any]]:
    return [list(row) for row in rows.tolist()]
