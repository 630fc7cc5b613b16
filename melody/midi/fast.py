"""The fast reader: symusic, over bytes only, with its measured gaps filled from the bytes (see ``chunks``).

symusic splits a MIDI track by channel and program, names every part by the last name of the MIDI track, and orders the
parts by channel, then program. It leaves out parts without notes.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from melody.midi import chunks
from melody.midi.assemble import Column, RawScore, pedal_table
from melody.score import NOTE, PEDAL, Table, Track, note_table

if TYPE_CHECKING:
    from symusic.core import TrackTick

_NAME = re.compile(rb"\xff\x03[\x01-\x7f]", re.DOTALL)  # a name of up to 127 bytes
_NO_PEDAL = np.zeros(0, PEDAL)
MAX_NAMES = 65_536


def read(data: bytes, clamp: bool = False) -> RawScore:
    """The content of a MIDI file. ``clamp``: data bytes above 127 are brought into range. Errors: ``RuntimeError``."""
    from symusic.core import ScoreTick  # 0.24 s to import

    piece = ScoreTick.from_midi(data, sanitize_data=clamp)
    tempo, meter, key = piece.tempos.numpy(), piece.time_signatures.numpy(), piece.key_signatures.numpy()
    tempi: tuple[Column, ...] = _wide(tempo, "time", "mspq")
    meters: tuple[Column, ...] = _wide(meter, "time", "numerator", "denominator")
    keys: tuple[Column, ...] = _wide(key, "time", "key", "tonality")
    if _tied(*tempi) or _tied(*meters) or _tied(*keys) or chunks.has_odd_tempo(data):
        tempi, meters, keys = conductor_columns(data)
    names = _latin_names(data) if any("\ufffd" in t.name for t in piece.tracks) else {}
    tracks = [_track(t, names) for t in piece.tracks]
    return RawScore(piece.ticks_per_quarter, tracks, tempi, meters, keys)


def read_clamped(data: bytes) -> RawScore:
    """``read`` with ``clamp``; a second try, since it takes long numbers for absurd times.

    Errors: also ``ValueError`` where more than data bytes is wrong: then whatever follows would be read out of step.
    """
    if not chunks.whole(data):
        raise ValueError("bytes that are no event")
    return read(data, clamp=True)


def conductor_columns(data: bytes) -> tuple[tuple[Column, ...], tuple[Column, ...], tuple[Column, ...]]:
    """Tempi, meters and keys in file order, read from the bytes."""
    found = chunks.conductor(data)
    tempi = np.array(found.tempi, np.int64).reshape(-1, 2)
    meters = np.array(found.meters, np.int64).reshape(-1, 3)
    keys = np.array(found.keys, np.int64).reshape(-1, 3)
    meters[:, 2] = 1 << meters[:, 2]
    return tuple(tempi.T), tuple(meters.T), tuple(keys.T)


def _track(track: TrackTick, names: dict[str, str]) -> Track:
    note = track.notes.numpy()
    notes: Table = note_table(note["time"], note["duration"], note["pitch"], note["velocity"]) if len(note["time"]) else np.zeros(0, NOTE)
    pedal = _NO_PEDAL
    if len(track.controls):
        control = track.controls.numpy()
        sustain = control["number"] == 64
        pedal = pedal_table(control["time"][sustain], control["value"][sustain])
    return Track(names.get(track.name, track.name), track.program, track.is_drum, notes, pedal)


def _latin_names(data: bytes) -> dict[str, str]:
    """Track names that are not UTF-8: as the fast reader gives them -> read as Latin-1. At most ``MAX_NAMES`` are looked at."""
    found: dict[str, str] = {}
    for match in islice(_NAME.finditer(data), MAX_NAMES):
        body = data[match.end() : match.end() + data[match.end() - 1]]
        broken = body.decode("utf-8", "replace")
        if "\ufffd" in broken:
            found.setdefault(broken, body.decode("latin-1"))
    return found


def _wide(fields: dict[str, NDArray[Any]], *names: str) -> tuple[NDArray[np.int64], ...]:
    return tuple(fields[name].astype(np.int64) for name in names)


def _tied(tick: Column, *values: Column) -> bool:
    """Whether two rows at one tick differ: their order is then not to be trusted."""
    if len(tick) < 2:
        return False
    together = tick[1:] == tick[:-1]
    return any(bool((together & (value[1:] != value[:-1])).any()) for value in values)
