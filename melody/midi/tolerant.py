"""The tolerant reader: mido, for files that the fast one turns down. Slow (about 16 microseconds an event), so small files only.

The same conventions as the fast reader: a MIDI track is split by channel and program, one pitch pairs first on, first off,
notes that never end are left out.
"""

from __future__ import annotations

import io
from collections import defaultdict, deque
from typing import Any

import numpy as np

from melody.midi import chunks
from melody.midi.assemble import RawScore, pedal_table
from melody.midi.fast import conductor_columns
from melody.score import Track, note_table

MAX_BYTES = 512 * 1024  # 4 s at the worst


def read(data: bytes) -> RawScore:
    """The content of a MIDI file as mido reads it with ``clip=True``. Errors: of any kind."""
    import mido  # type: ignore[import-untyped]  # has no stubs

    if len(data) > MAX_BYTES or not chunks.tracks(data):
        raise ValueError("too large, or without tracks")
    file = mido.MidiFile(file=io.BytesIO(data), clip=True, charset="latin-1")
    tempi, meters, keys = conductor_columns(data)
    tracks = [track for events in file.tracks for track in _tracks(events)]
    return RawScore(int(file.ticks_per_beat), tracks, tempi, meters, keys)


class _Part:
    """One channel and program of a MIDI track while it is read."""

    def __init__(self) -> None:
        self.notes: list[tuple[int, int, int, int]] = []  # onset, duration, pitch, velocity
        self.pedal: list[tuple[int, int]] = []


def _tracks(events: list[Any]) -> list[Track]:
    name, tick = "", 0
    programs: dict[int, int] = defaultdict(int)
    sounding: dict[tuple[int, int], deque[tuple[int, int, _Part]]] = defaultdict(deque)
    parts: dict[tuple[int, int], _Part] = defaultdict(_Part)
    for event in events:
        tick += event.time
        if event.type == "track_name":
            name = _utf8(event.name)
        elif event.type == "program_change":
            programs[event.channel] = event.program
        elif event.type == "control_change" and event.control == 64:
            parts[event.channel, programs[event.channel]].pedal.append((tick, event.value))
        elif event.type == "note_on" and event.velocity:
            part = parts[event.channel, programs[event.channel]]
            sounding[event.channel, event.note].append((tick, event.velocity, part))
        elif event.type in ("note_on", "note_off") and sounding[event.channel, event.note]:
            onset, velocity, part = sounding[event.channel, event.note].popleft()
            part.notes.append((onset, tick - onset, event.note, velocity))
    return [
        _finished(name, channel, program, part)
        for (channel, program), part in sorted(parts.items(), key=lambda item: item[0])
        if part.notes
    ]


def _finished(name: str, channel: int, program: int, part: _Part) -> Track:
    notes = note_table(*np.array(part.notes, np.int64).T)
    pedal = np.array(part.pedal, np.int64).reshape(-1, 2)
    return Track(name, program, channel == 9, notes, pedal_table(pedal[:, 0], pedal[:, 1]))


def _utf8(latin: str) -> str:
    try:
        return latin.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return latin
