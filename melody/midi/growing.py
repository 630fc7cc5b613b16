"""A MIDI file that grows while music is written: format 0, one track, a channel for each instrument.

What was flushed is a whole file: the track's end is written with it, and then its new length into the head. The first bytes
after the old end are kept back until the others are there, so that only two writes of four bytes lie between one whole file and the next.
A file that is to be replaced stays until the new one has come to its end. What ends early goes beside it then, under a name of its own;
where the disk is full, it goes away.
"""

from __future__ import annotations

import heapq
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from melody.errors import MelodyError
from melody.files import reason, shown
from melody.midi.channels import DRUMS, MELODIC
from melody.midi.write import conductor
from melody.score import Score

END = bytes((0, 0xFF, 0x2F, 0))
LENGTH_AT = 18  # where the length of the track stands
FLUSH = 1 << 11  # bytes: some seconds of music
LONGEST = 0xFFFFFFF0  # bytes of a track
ON, OFF, PROGRAM = 0x90, 0x80, 0xC0


class Growing:
    """Notes come in the order of their onsets, in ticks. Leaving the context ends what still sounds."""

    def __init__(self, path: Path, empty: Score) -> None:
        """``empty``: what the file is but for its notes: ticks a quarter, tempo, meter, key."""
        self.path, self.empty = path, empty
        self.notes = 0
        self.kept: Path | None = path  # where the music is in the end
        self.whole = 0  # tick up to which it is in the file
        self.tick = 0  # where the track stands
        self.channels: dict[int, int] = {}  # by part
        self.sounding: dict[tuple[int, int], tuple[int, int]] = {}  # onset and end, by channel and pitch
        self.ends: list[tuple[int, int, int]] = []  # a heap: end, channel, pitch
        self.waiting = bytearray()
        self.length = 0  # bytes of the track in the file, without its end

    @property
    def seconds(self) -> float:
        """How long the music in the file is."""
        return float(self.empty.seconds(self.whole))

    def __enter__(self) -> Self:
        division = self.empty.ticks_per_quarter.to_bytes(2)
        head = b"MThd" + (6).to_bytes(4) + bytes((0, 0, 0, 1)) + division + b"MTrk" + len(END).to_bytes(4)
        self.place = self.path
        if self.path.exists():  # it stays until the new one is whole
            self.place = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        try:
            self.file = open(self.place, "wb", buffering=0)
            self._put(head + END, 0)
        except OSError as fault:
            self.place.unlink(missing_ok=True)
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)})") from None
        for tick, message in conductor(self.empty):
            self._event(tick, bytes(message.bytes()))
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        full = isinstance(fault, MelodyError)  # no more can be written
        try:
            if not full:
                self._end_until(max((end for end, _, _ in self.ends), default=self.tick))
                self._flush()
        except MelodyError:
            full = True
            raise
        finally:
            self.file.close()
            if self.place != self.path:
                self._replace(full, fault is not None)

    def _replace(self, full: bool, early: bool) -> None:
        """The old file makes room for a new one that has come to its end, and for no other."""
        if full or not self.notes:
            self.kept = None
            self.place.unlink(missing_ok=True)
            return
        if early:
            self.kept = self.path.with_name(f"{self.path.stem}.interrupted{self.path.suffix}")
        os.replace(self.place, self.kept or self.path)

    def instrument(self, part: int, program: int, drums: bool) -> None:
        """A part and what plays it. Raises MelodyError where MIDI has no channel left."""
        if drums:
            self.channels[part] = DRUMS
            return
        if part not in self.channels or self.channels[part] == DRUMS:
            free = [c for c in MELODIC if c not in self.channels.values()]
            if not free:
                raise MelodyError(f"{shown(self.path)}: MIDI has channels for {len(MELODIC)} instruments and drums only")
            self.channels[part] = free[0]
        self._event(self.tick, bytes((PROGRAM | self.channels[part], program)))

    def note(self, part: int, onset: int, duration: int, pitch: int, velocity: int) -> None:
        """A note of at least one tick. It ends one of its pitch that still sounds; of two that begin together the first counts."""
        self._end_until(onset)
        key = (self.channels.setdefault(part, 0), pitch)
        if key in self.sounding:
            if self.sounding[key][0] == onset:
                return
            self._end(onset, *key)
        self.sounding[key] = onset, onset + max(1, duration)
        heapq.heappush(self.ends, (onset + max(1, duration), *key))
        self._event(onset, bytes((ON | key[0], pitch, velocity)))
        self.notes += 1
        if len(self.waiting) > FLUSH:
            self._flush()

    def _end_until(self, tick: int) -> None:
        while self.ends and self.ends[0][0] <= tick:
            end, channel, pitch = heapq.heappop(self.ends)
            if self.sounding.get((channel, pitch), (0, -1))[1] == end:
                self._end(end, channel, pitch)

    def _end(self, tick: int, channel: int, pitch: int) -> None:
        del self.sounding[channel, pitch]
        self._event(tick, bytes((OFF | channel, pitch, 0)))

    def _event(self, tick: int, event: bytes) -> None:
        self.waiting += quantity(tick - self.tick) + event
        self.tick = tick

    def _flush(self) -> None:
        """What waits, and the end behind it."""
        if not self.waiting:
            return
        data, at = bytes(self.waiting) + END, LENGTH_AT + 4 + self.length
        try:
            if self.length + len(data) > LONGEST:
                raise OSError("longer than a MIDI file can be")
            self._put(data[len(END) :], at + len(END))
            self._put(data[: len(END)], at)
            self._put((self.length + len(data)).to_bytes(4), LENGTH_AT)
        except OSError as fault:
            self._put(END, LENGTH_AT + 4 + self.length)  # these bytes there have a place already
            self.file.truncate(LENGTH_AT + 4 + self.length + len(END))
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)})") from None
        self.length += len(self.waiting)
        self.waiting.clear()
        self.whole = self.tick

    def _put(self, data: bytes, at: int) -> None:
        self.file.seek(at)
        while data:
            data = data[self.file.write(data) or 0 :]


def quantity(value: int) -> bytes:
    """A number as MIDI writes times: seven bits a byte, the last one below 128 (Standard MIDI Files 1.0)."""
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))
