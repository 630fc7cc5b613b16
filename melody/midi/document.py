"""A MIDI file as it came: every byte of it, its events as columns, and the tracks that are a view on them.

What a reader makes of a file (``Score``) is a view; what is written back is an edit (``edits``). Nothing of the file is lost between.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody.midi.container import Container, exchanged
from melody.midi.events import Events
from melody.midi.state import State
from melody.midi.voices import Voice
from melody.score import Table, Track


@dataclass(frozen=True, eq=False)
class Document:
    """A file, its events, the state of its channels, and the view on it: tracks (each with its ``Voice`` as origin) and time.

    >>> from melody import midi
    >>> from melody.score import Score, note_table
    >>> data = midi.to_bytes(Score((Track("tune", notes=note_table([0], [480], [60], [80])),)))
    >>> midi.parse(data).document.to_bytes() == data
    True
    """

    file: Container
    events: Events
    state: State
    tracks: tuple[Track, ...]
    tempi: Table
    meters: Table
    keys: Table
    form: int  # 0 or 1: how the tracks were found; a sequence of format 2 is read as 0
    sequence: int | None = None  # of format 2: index of the track that is the piece

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return self.file.data

    def voice(self, track: Track) -> Voice | None:
        """Where the notes of a track stand here; None for a track of another file, or of none."""
        return track.origin if any(track.origin is own.origin for own in self.tracks) else None

    def note_channels(self, voice: Voice) -> NDArray[np.int64]:
        """The channel (n,) of each note of a track."""
        return (self.events.status[voice.on] & 15).astype(np.int64) + voice.channels[0] // 16 * 16

    def bounds(self, mtrk: int) -> tuple[int, int]:
        """Indices of the first event of an MTrk and of the one behind its last."""
        low, high = np.searchsorted(self.events.track, [mtrk, mtrk + 1]).tolist()
        return low, high

    def channels(self) -> NDArray[np.int64]:
        """The channel (n,) of each event, -1 for metas and sysex."""
        port = 16 * np.array(self.state.ports, np.int64)[self.events.track]
        return np.where(self.events.status < 0xF0, (self.events.status & 15) + port, -1)

    def to_bytes(self) -> bytes:
        """The file put together again from its chunks: byte for byte what it was."""
        data = self.data
        return exchanged(self.file, {i: data[a:b] for i, (a, b) in enumerate(self.file.tracks) if _honest(data, a, b)})


def _honest(data: bytes, start: int, end: int) -> bool:
    """Whether a track has the size that it says."""
    return int.from_bytes(data[start - 4 : start], "big") == end - start
