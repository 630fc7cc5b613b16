"""The limits of the pieces of a batch (``limits.py``) and what they come to at each step: arrays with a row for each piece, no logits.

For one row alone the same is done in plain numbers (``Alone``): calls are what costs there (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.columns import PartColumn
from melody.codec.grammar import Plain
from melody.codec.incremental_recall import picked
from melody.codec.table import BASES, DRUMS, MAX_PARTS, Field, Role, kind_of
from melody.generate.constraints import narrowed
from melody.generate.limits import MAX_VOICES_COUNTED, Floats, Ints, Limits, limit, narrower, span_of, tiled
from melody.theory.ranges import instrument_range

NOTE = int(Role.NOTE)
LONG_AGO, NEVER_FREE = -(1 << 40), 1 << 40  # steps
BITS = 1 << np.arange(MAX_PARTS)
PARTS = np.arange(MAX_PARTS)
UNBOUNDED = 1 << 16  # more than any value
EVERY_PART = (1 << MAX_PARTS) - 1
ARRAYS = ("low", "high", "quiet", "loud", "every", "ends", "free_at", "counts")
MAX_URGE = 8  # notes too many or too few beyond which it does not grow
URGE = 0.8  # logits of a wait of a quarter, for each note that there are too many or too few


class Alone:
    """What ``Bounded`` holds, for the one row of a batch of one, in plain numbers; both come to the same (tests)."""

    def __init__(self, low: list[int], high: list[int], quiet: list[int], loud: list[int], ends: list[list[int]], every: int = 1) -> None:
        """By part; ``ends``: the ends of a part's last notes, as many as may sound together, none where any number may.

        ``every``: steps from one place at which notes may start to the next.
        """
        self.low, self.high, self.quiet, self.loud, self.ends, self.every = low, high, quiet, loud, ends, every
        self.free_at = [min(own, default=LONG_AGO) for own in ends]

    def played(self, part: int, end: int) -> None:
        """See ``Bounded.played``."""
        own = self.ends[part]
        if own:
            own[own.index(self.free_at[part])] = end
            self.free_at[part] = min(own)

    def free(self, time: int, before: Sequence[int], wait: int) -> int:
        """See ``Bounded.free_bits``: the event before as a list."""
        role, _, part, pitch, _, _ = before
        first = 0
        if role == NOTE and wait == 0:
            first = part + (self.high[part] <= pitch)
        return sum(1 << p for p in range(first, MAX_PARTS) if self.free_at[p] <= time)

    def soonest(self, time: int, before: Sequence[int], allowed: int) -> int:
        """See ``Bounded.soonest``."""
        waits = 0
        if allowed and not self.free(time, before, 0) & allowed:
            waits = max(1, min(at for p, at in enumerate(self.free_at) if allowed >> p & 1) - time)
        if self.every == 1:
            return waits
        place = -time % self.every  # steps to the next place at which a note may start
        return max(waits, self.every if place == 0 and before[0] == NOTE else place)


class Bounded:
    """``pick`` says which rows there are, ``enter`` sets one, ``played`` and ``add_parts`` follow what is written."""

    def __init__(self, config: CodecConfig) -> None:
        self.config = config
        self.limits: list[Limits | None] = []
        self.low = np.zeros((0, MAX_PARTS), np.int64)
        self.high, self.quiet, self.loud = (np.zeros((0, MAX_PARTS), np.int64) for _ in range(3))
        self.every = np.zeros(0, np.int64)  # steps; 1: notes may start anywhere
        # when the last notes of each part end, as many as may sound together; the others stand at NEVER_FREE
        self.ends = np.zeros((0, MAX_PARTS, MAX_VOICES_COUNTED), np.int64)
        self.free_at = np.zeros((0, MAX_PARTS), np.int64)  # from here on another note of the part may start
        self.counts = np.zeros((0, MAX_PARTS), np.int64)  # notes written of each part
        self.onsets: list[Floats | None] = []  # laid end to end (``tiled``)
        self.first: list[Floats | None] = []
        self.alone: Alone | None = None
        self.refresh()

    def refresh(self) -> None:
        """What is known of all rows together; to be called once rows have changed."""
        found = [w for w in self.limits if w is not None]
        self.any = bool(found)
        self.weighs = any(w.weights is not None or w.strokes is not None or w.harmony is not None for w in found)
        self.harmonies = [None if w is None else w.harmony for w in self.limits]
        self.harmonic = any(h is not None for h in self.harmonies)
        self.paced = any(w.pace for w in found)
        self.shares = any(w.paces is not None for w in found)
        self.places = any(w.onsets is not None or w.pace for w in found)
        self.begins = any(w.first is not None for w in found)
        self.all = np.arange(len(self.limits))
        if len(found) == len(self.limits) == 1:
            ends = [[end for end in own if end != NEVER_FREE] for own in self.ends[0].tolist()]
            counted = [own if len(own) < MAX_VOICES_COUNTED else [] for own in ends]
            low, high, quiet, loud = (array[0].tolist() for array in (self.low, self.high, self.quiet, self.loud))
            self.alone = Alone(low, high, quiet, loud, counted, int(self.every[0]))

    def pick(self, origin: Ints) -> None:
        """Row i is what row ``origin[i]`` was; -1: blank, to be set by ``enter``."""
        if self.alone is not None:
            self._leave_alone(self.alone)
        for name in ARRAYS:
            setattr(self, name, picked(getattr(self, name), origin))
        for name in ("limits", "onsets", "first"):
            old: list[Any] = getattr(self, name)
            setattr(self, name, [None if at < 0 else old[at] for at in origin.tolist()])

    def _leave_alone(self, alone: Alone) -> None:
        """The arrays know again what became of the row."""
        self.low[0], self.high[0] = alone.low, alone.high
        for part, own in enumerate(alone.ends):
            self.ends[0, part, : len(own)] = own
        self.free_at[0] = self.ends[0].min(-1)
        self.alone = None

    def enter(self, b: int, limits: Limits | None, parts: Ints, events: Ints, time: Ints) -> None:
        """A plan with some parts (16, 3) takes a row, whose forced events (n, 6) reached these times (n,)."""
        self.limits[b] = limits
        found = limits or Limits()
        low, high = limit(found.low, 0), limit(found.high, UNBOUNDED)
        for part in PARTS.tolist():
            weights = None if found.weights is None else found.weights[part]
            if found.strokes is not None and found.unlearned is not None and found.unlearned[part]:
                weights = found.strokes.max(0) + (0 if weights is None else weights)
            if weights is not None:  # so that nothing is left to a chord above the highest of them
                low[part], high[part] = span_of(weights, int(low[part]), min(127, int(high[part])))
        self.counts[b] = 0
        base = self._base(parts[:, PartColumn.PROGRAM])
        self.low[b], self.high[b] = base + low, base + high
        self.quiet[b], self.loud[b] = limit(found.quiet, 0), limit(found.loud, UNBOUNDED)
        self.every[b] = max(1, found.every)
        span = self.config.rest + 1
        self.onsets[b] = None if found.onsets is None else tiled(found.onsets, span)
        self.first[b] = self.onsets[b] if found.first is None else tiled(found.first, span)
        self._set_voices(b, PARTS, limit(found.voices, 0))
        plays = events[:, Field.ROLE] == NOTE
        part, end = events[plays, Field.PART], time[plays] + events[plays, Field.DURATION]
        for p in np.unique(part).tolist():
            count = int((self.ends[b, p] < NEVER_FREE).sum())
            if self.free_at[b, p] != LONG_AGO or count < MAX_VOICES_COUNTED:
                latest = np.sort(end[part == p])[-count:]
                self.ends[b, p, : len(latest)] = latest
        self.free_at[b] = self.ends[b].min(-1)

    def _base(self, programs: Ints) -> Ints:
        """Where the pitches of parts begin in the pitch field."""
        base: Ints = np.array(BASES)[kind_of(self.config, programs.astype(np.int64))]
        return base

    def _set_voices(self, b: int, parts: Ints, voices: Ints) -> None:
        """Nothing sounds yet in some parts (n,), and so many notes (n,) may sound together; 0: any number."""
        counted = (voices > 0) & (voices < MAX_VOICES_COUNTED)
        slots = np.where(counted, voices, MAX_VOICES_COUNTED)
        self.ends[b, parts] = np.where(np.arange(MAX_VOICES_COUNTED) < slots[:, None], LONG_AGO, NEVER_FREE)
        self.free_at[b, parts] = LONG_AGO

    def add_parts(self, rows: Ints, parts: Ints, programs: Ints) -> None:
        """The model has declared a part in some rows (n,): it keeps to its instrument where the plan says so."""
        for b, part, program in zip(rows.tolist(), parts.tolist(), programs.tolist(), strict=True):
            limits = self.limits[b]
            if limits is not None and limits.instruments:
                found = instrument_range(min(program, DRUMS - 1), program == DRUMS)
                base, drums = int(self._base(np.array(program))), program == DRUMS
                low, high = (found.low, found.high) if drums else narrower(found.low, found.high, limits.span)
                voices = found.voices if drums or not limits.at_most else min(found.voices or limits.at_most, limits.at_most)
                self.low[b, part], self.high[b, part] = base + low, base + high
                self._set_voices(b, np.array([part]), np.array([voices]))
                if self.alone is not None:
                    self.alone.low[part], self.alone.high[part] = base + low, base + high
                    self.alone.ends[part] = [LONG_AGO] * (voices if voices < MAX_VOICES_COUNTED else 0)
                    self.alone.free_at[part] = LONG_AGO

    def played(self, rows: Ints, parts: Ints, ends: Ints) -> None:
        """A note was written in some rows (n,): the end (n,) of it takes the place of the one that is over first."""
        slots = self.ends[rows, parts]
        counted = np.flatnonzero(slots[:, -1] == NEVER_FREE)
        if len(counted):
            rows, parts, ends, slots = rows[counted], parts[counted], ends[counted], slots[counted]
            slots[np.arange(len(rows)), slots.argmin(-1)] = ends
            self.ends[rows, parts] = slots
            self.free_at[rows, parts] = slots.min(-1)

    def free(self, time: Ints, before: Ints, wait: Ints) -> NDArray[np.bool_]:
        """(B, 16): the parts that have a voice free at a time (B,), ``wait`` (B,) steps after an event (B, 6).

        In a chord a part must also have a pitch left above the note before.
        """
        free: NDArray[np.bool_] = self.free_at <= time[:, None]
        chord = (before[:, Field.ROLE] == NOTE) & (wait == 0)
        if chord.any():
            part = before[:, Field.PART]
            room = self.high[self.all, part] > before[:, Field.PITCH]
            later = (part[:, None] < PARTS) | ((part[:, None] == PARTS) & room[:, None])
            free &= later | ~chord[:, None]
        return free

    def soonest(self, time: Ints, before: Ints, allowed: Ints) -> Ints:
        """(B,): steps that have to pass before a part of ``allowed`` (B,), a bit for each, has a voice free; the event before (B, 6)."""
        may = (allowed[:, None] & BITS) != 0
        now = (self.free(time, before, np.zeros_like(time)) & may).any(-1)
        waits: Ints = np.where(may, self.free_at, NEVER_FREE).min(-1) - time
        waits = np.where(now | ~may.any(-1), 0, np.maximum(1, waits))
        place = -time % self.every  # steps to the next place at which a note may start
        there = (place == 0) & (before[:, Field.ROLE] == NOTE) & (self.every > 1)
        return np.maximum(waits, np.where(there, self.every, place))

    def free_bits(self, time: Ints, before: Ints, wait: Ints) -> Ints:
        """``free`` as a set of parts, a bit for each, (B,)."""
        bits: Ints = self.free(time, before, wait) @ BITS
        return bits

    def within(self, field: Field, span: tuple[Any, Any], note: Any, part: Any) -> tuple[Any, Any]:
        """An interval of pitches or velocities, for notes kept to the limits of their parts."""
        if not self.any:
            return span
        if (alone := self.alone) is not None:
            own_low, own_high = (alone.low, alone.high) if field == Field.PITCH else (alone.quiet, alone.loud)
            return narrowed(Plain, note, span, own_low[part], own_high[part])
        low, high = (self.low, self.high) if field == Field.PITCH else (self.quiet, self.loud)
        return narrowed(np, note, span, low[self.all, part], high[self.all, part])

    def in_time(self, span: tuple[Any, Any], note: Any, part: Any, left: Ints, every_bar: NDArray[np.bool_]) -> tuple[Any, Any]:
        """An interval of durations. Where every bar has to have a note, a part of few voices has one free in time: ``left`` steps (B,)."""
        if not self.any or not every_bar.any():
            return span
        if (alone := self.alone) is not None:
            return narrowed(Plain, note and bool(alone.ends[part]), span, 1, max(1, int(left[0])))
        counted = self.ends[self.all, part, -1] == NEVER_FREE
        return narrowed(np, note & counted & every_bar, span, 1, np.maximum(1, left))

    def weighted(self, logits: Floats, part: Ints, strength: Ints) -> Floats:
        """Pitch logits (B, V) of notes of some parts (B,) at places of some metrical strength (B,), with the weights of the plans."""
        logits = logits.copy()
        for b, (limits, p, s) in enumerate(zip(self.limits, part.tolist(), strength.tolist(), strict=True)):
            if limits is None:
                continue
            if limits.strokes is not None and limits.unlearned is not None and limits.unlearned[p]:
                logits[b, :128] = limits.strokes[s]
            if limits.weights is not None:
                logits[b, :128] += limits.weights[p]
        return logits

    def placed(self, logits: Floats, time: Ints, notes: Ints) -> Floats:
        """Logits of waits (B, V) with the weights of the places that they lead to, from a time (B,); ``notes`` (B,): sampled so far."""
        logits = logits[: len(time)].copy()
        width = self.config.rest + 1
        for b, (at, count) in enumerate(zip(time.tolist(), notes.tolist(), strict=True)):
            weights = self.onsets[b] if count else self.first[b]
            if weights is not None:
                begin = at % (len(weights) - width)
                logits[b, :width] += weights[begin : begin + width]
            if count and (urge := self._urge(b, at, count)):
                logits[b, :width] += urge / self.config.grid * np.minimum(np.arange(width), self.config.grid)
        return logits

    def rested(self, logits: Floats, time: Ints, notes: Ints) -> Floats:
        """Logits of roles (B, V): a rest is likelier where there are too many notes for the pace."""
        logits = logits[: len(time)].copy()
        for b, (at, count) in enumerate(zip(time.tolist(), notes.tolist(), strict=True)):
            logits[b, int(Role.REST)] += self._urge(b, at, count)
        return logits

    def _urge(self, b: int, time: int, count: int) -> float:
        """How much a row should wait: above 0 where it has too many notes for its pace, below where too few."""
        limits = self.limits[b]
        if limits is None or not limits.pace:
            return 0.0
        return URGE * float(np.clip(count - limits.pace * (time - limits.since), -MAX_URGE, MAX_URGE))

    def shared(self, logits: Floats, time: Ints) -> Floats:
        """Logits of parts (B, V) at a time (B,): a part that has too few notes for its pace becomes likelier."""
        logits = logits[: len(time)].copy()
        for b, limits in enumerate(self.limits):
            if limits is not None and limits.paces is not None:
                due = limits.paces * (int(time[b]) - limits.since)
                logits[b, :MAX_PARTS] += np.where(limits.paces > 0, np.clip(due - self.counts[b], -MAX_URGE, MAX_URGE), 0)
        return logits
