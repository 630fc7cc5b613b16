"""The pins of the pieces of a batch (``pins.py``), and what they make of a step: the next pin comes where nothing may come before it.

Rows without pins cost nothing. For a single row numbers are plain, as everywhere in the loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.table import DRUM_BASE, MAX_PARTS, Field, Role
from melody.generate.limits import NEVER, Floats
from melody.generate.pins import Pins, place

Ints = NDArray[np.int64]
NOTE, REST, END = int(Role.NOTE), int(Role.REST), int(Role.END)
BITS = 1 << np.arange(MAX_PARTS)


class PinnedRow:
    """Where one row stands among its pins."""

    def __init__(self, pins: Pins) -> None:
        self.pins = pins
        self.notes = pins.notes.tolist()
        self.at = 0  # of the next pin
        self.values: list[int] = []  # that the pins before have got
        self.sounding: list[tuple[int, int, int]] = []  # (end, part, value) of pins that may still sound

    @property
    def over(self) -> bool:
        """Whether no pin is left."""
        return self.at == len(self.notes)

    @property
    def onset(self) -> int:
        """Step of the next pin."""
        return int(self.notes[self.at][0])

    def event(self, time: int, rest: int) -> list[int]:
        """The event that leads to the next pin from a time, its lowest pitch in it: a rest if it is far; the end where none is left."""
        if self.over:
            return [END, 0, 0, 0, 0, 0]
        onset, part, _, _, _, duration, velocity, _, _ = self.notes[self.at]
        wait = max(0, onset - time)
        return [REST, rest, 0, 0, 0, 0] if wait >= rest else [NOTE, wait, part, self.span()[0], duration, velocity]

    def span(self) -> tuple[int, int]:
        """Interval of pitches of the next pin, where its contour has led so far."""
        onset, part, low, high, room, _, _, tied, direction = self.notes[self.at]
        if self.at and self.notes[self.at - 1][:2] == (onset, part):
            low = max(low, self.values[-1] + 1)
        if tied >= 0:
            other = self.values[tied]
            high = min(high, other - 1 if direction < 0 else other if direction == 0 else high)
            if room == 0:
                low = max(low, other + 1 if direction > 0 else other if direction == 0 else low)
        high -= room
        return min(low, high), high

    def banned(self) -> set[int]:
        """Values that the next pin should not have: they sound in its part, or will before it is over."""
        onset, part = self.notes[self.at][:2]
        self.sounding = [s for s in self.sounding if s[0] > onset]
        return {value for _, p, value in self.sounding if p == part} | set(self.pins.held.get(self.at, ()))

    def written(self, value: int) -> None:
        """The next pin stands."""
        onset, part, *_, duration, _, _, _ = self.notes[self.at]
        self.values.append(value)
        self.sounding.append((onset + duration, part, value))
        self.at += 1

    def shut(self, time: int) -> int:
        """The parts of which no other note may start at a time, a bit for each."""
        spans = self.pins.shut
        inside = spans["part"][(spans["start"] <= time) & (time < spans["stop"])]
        return int(np.bitwise_or.reduce(BITS[inside])) if len(inside) else 0


class Held:
    """What pins make of one step of a batch: ``taken`` says in which rows a pin (or the way to it) is what happens."""

    def __init__(self, rows: Sequence[PinnedRow | None], time: Ints, config: CodecConfig) -> None:
        self.rows, self.time, self.alone = rows, time.tolist(), len(rows) == 1
        self.config = config
        self.event = np.zeros((len(rows), len(Field)), np.int64)
        self.taken = np.zeros(len(rows), bool)
        for b, row in enumerate(rows):
            if row is not None:
                self.event[b] = row.event(self.time[b], config.rest)
                self.taken[b] = row.pins.closed

    def bits(self, field: Field, bits: Any) -> Any:
        """A set of roles or parts, without what pins rule out."""
        if self.alone:
            return 1 << int(self.event[0, field]) if self.taken[0] else bits
        return np.where(self.taken, 1 << self.event[:, field], bits)

    def span(self, field: Field, span: tuple[Any, Any]) -> tuple[Any, Any]:
        """An interval of waits, durations or velocities, where a pin is taken its own value."""
        if not self.taken.any():
            return span
        own = self.event[:, field]
        if self.alone:
            return int(own[0]), int(own[0])
        return np.where(self.taken, own, span[0]), np.where(self.taken, own, span[1])

    def pitches(self, span: tuple[Any, Any], chosen: Ints) -> tuple[Any, Any]:
        """An interval of pitches: that of the pin, or above the floor of the place."""
        low, high = (np.array(np.broadcast_to(end, len(self.rows)), np.int64) for end in span)
        for b, row in enumerate(self.rows):
            if row is None:
                continue
            if self.taken[b]:
                low[b], high[b] = row.span() if self.event[b, Field.ROLE] == NOTE else (0, 0)
                continue
            floor = row.pins.floors.get(self.time[b] + int(chosen[b, Field.WAIT]))
            if floor is not None and chosen[b, Field.ROLE] == NOTE and high[b] < DRUM_BASE:
                low[b] = min(max(low[b], floor + 1), high[b])
        return (int(low[0]), int(high[0])) if self.alone else (low, high)

    def after_wait(self, chosen: Ints, allowed: Ints) -> None:
        """Who would pass by a pin takes it instead, and who may not play where it comes to ends, if no pin is left.

        ``allowed`` (B,): the parts that may play, a bit for each.
        """
        for b, row in enumerate(self.rows):
            if row is None or self.taken[b]:
                continue
            reached = self.time[b] + int(chosen[b, Field.WAIT])
            nobody = chosen[b, Field.ROLE] == NOTE and not int(allowed[b]) & ~row.shut(reached)
            if nobody or (not row.over and (chosen[b, Field.ROLE] == END or reached > row.onset)):
                self._take(b, chosen, Field.PART)

    def parts(self, bits: Any, chosen: Ints) -> Any:
        """A set of parts, without those that are shut where the wait led to."""
        for b, row in enumerate(self.rows):
            if row is not None and not self.taken[b] and chosen[b, Field.ROLE] == NOTE:
                left = int(bits if self.alone else bits[b]) & ~row.shut(self.time[b] + int(chosen[b, Field.WAIT]))
                if left and self.alone:
                    bits = left
                elif left:
                    bits[b] = left
        return self.bits(Field.PART, bits)

    def after(self, field: Field, chosen: Ints) -> None:
        """Once the part or the pitch is chosen: who would stand behind a pin at its own onset takes it instead."""
        for b, row in enumerate(self.rows):
            if row is None or self.taken[b] or row.over or chosen[b, Field.ROLE] != NOTE:
                continue
            if self.time[b] + int(chosen[b, Field.WAIT]) != row.onset:
                continue
            part, (pinned, low) = int(chosen[b, Field.PART]), row.notes[row.at][1:3]
            same = part == pinned and (pinned in row.pins.lone or (field == Field.PITCH and chosen[b, Field.PITCH] >= low))
            if part > pinned or same:
                self._take(b, chosen, Field(field + 1))

    def _take(self, b: int, chosen: Ints, until: Field) -> None:
        self.taken[b] = True
        chosen[b, :until] = self.event[b, :until]

    def weighted(self, logits: Floats, chosen: Ints) -> Floats:
        """Pitch logits (B, V) with less for what is avoided, and nothing for what sounds already."""
        logits = logits.copy()
        for b, row in enumerate(self.rows):
            if row is None or chosen[b, Field.ROLE] != NOTE:
                continue
            if row.pins.penalty:
                key = place(self.time[b] + int(chosen[b, Field.WAIT]), int(chosen[b, Field.PART]))
                logits[b, list(row.pins.avoided.get(key, ()))] -= row.pins.penalty
            if self.taken[b]:
                logits[b, list(row.banned())] += NEVER
        return logits

    def arrived(self, chosen: Ints) -> None:
        """The step is done."""
        for b, row in enumerate(self.rows):
            if row is not None and self.taken[b] and chosen[b, Field.ROLE] == NOTE:
                row.written(int(chosen[b, Field.PITCH]))
