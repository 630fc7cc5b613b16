"""What is known of each piece that is being written, apart from what the engine knows: arrays with a row for each. No logits here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.columns import Feature, PartColumn, StepInputs
from melody.codec.encode import GRID_NOTE
from melody.codec.grammar import Plain
from melody.codec.incremental_recall import IncrementalRecall, picked
from melody.codec.recall import NEVER
from melody.codec.table import DRUMS, MAX_PARTS, UNDECLARED, Field, declared_program, kind_of
from melody.generate import constraints
from melody.generate.bounded import Bounded
from melody.generate.chain import Floats, Group
from melody.generate.constraints import ALLOWED, DEADLINE, DECLARED, LAST_PART, NOTE, NOTES, PART, SOONEST, TIME, View
from melody.generate.engine import Steps
from melody.generate.harmony import Harmony, weighted
from melody.generate.original import follow, watch_of
from melody.generate.pinned import Held, PinnedRow
from melody.generate.plan import NO_STOP, Plan
from melody.generate.repetition import MIN_NOTES, MUTED_BARS, BarRepeats, rounds
from melody.generate.timeline import AFTER_NEXT, AGO, FEATURES, LOOKUPS, Timelines, first_deadline, over
from melody.originality.watch import Watch

Ints = NDArray[np.int64]
RANDOM_BLOCK = 128  # events for which a row draws its random numbers at once
EVENT = slice(0, len(Field))  # columns of ``table`` that are the event before
ANY_LENGTH = 1 << 16  # steps, more than a note lasts
PART_AT, DURATION_AT = int(Field.PART), int(Field.DURATION)
ARRAYS = ("numbers", "table", "parts", "last_onset", "recall_muted_until", "uniform", "until")


class Rows:
    """The pieces of a batch. ``pick`` says which there are, ``enter`` sets one, ``arrived`` moves all by one event."""

    def __init__(self, config: CodecConfig) -> None:
        self.config = config
        self.plans: list[Plan] = []
        self.numbers = np.zeros(0, np.int64)  # of the plans
        self.table = np.zeros((0, len(View._fields)), np.int64)  # the columns of a View
        self.parts = np.zeros((0, MAX_PARTS, len(PartColumn)), np.int64)
        self.last_onset = np.zeros((0, MAX_PARTS), np.int64)  # step at which each part has last played
        self.recall_muted_until = np.zeros(0, np.int64)  # step
        self.until = np.zeros((0, 12), np.int64)  # step at which the last note of each pitch class ends, where there are chords to follow
        self.uniform, self.used = np.zeros((0, RANDOM_BLOCK, len(Field))), RANDOM_BLOCK
        self.random: list[np.random.Generator] = []
        self.repeats: list[BarRepeats] = []
        self.watches: list[Watch | None] = []
        self.pinned: list[PinnedRow | None] = []
        self.timelines = Timelines(config)
        self.recall = IncrementalRecall(config, 0)
        self.bounded = Bounded(config)
        self.here = np.zeros((0, 0), np.int64)  # what stands at each row's time (``Timelines.at``)

    def __len__(self) -> int:
        return len(self.numbers)

    def pick(self, origin: Ints) -> None:
        """Row i is what row ``origin[i]`` was; -1: blank, to be set by ``enter``. ``refresh`` has to follow."""
        for name in ARRAYS:
            setattr(self, name, picked(getattr(self, name), origin))
        for name in ("plans", "random", "repeats", "watches", "pinned"):
            old: list[Any] = getattr(self, name)
            setattr(self, name, [None if at < 0 else old[at] for at in origin.tolist()])
        self.timelines.pick(origin)
        self.recall.pick(origin)
        self.bounded.pick(origin)

    def enter(self, b: int, number: int, plan: Plan) -> Steps:
        """A plan takes a row: its forced events, with what stands at their times (n, ...)."""
        events, time = plan.forced()
        self.plans[b], self.numbers[b], self.parts[b] = plan, number, plan.parts
        allowed = (plan.parts[:, PartColumn.PROGRAM] != UNDECLARED) & (plan.parts[:, PartColumn.GIVEN] == 0)
        self.table[b] = constraints.first_row(plan, events[-1], int(time[-1]), first_deadline(plan), allowed)
        self.recall_muted_until[b] = NEVER
        self.until[b] = 0
        self.last_onset[b] = plan.start - 3 * plan.max_silence // 4  # a voice that has not played yet waits a quarter as long
        self.timelines.put(b, plan)
        self.bounded.enter(b, plan.limits, self.parts[b], events, time)
        self.repeats[b] = BarRepeats(plan.sampling.repetition)
        self.watches[b] = watch_of(plan, self.parts[b], events, time)
        self.pinned[b] = None if plan.pins is None else PinnedRow(plan.pins)
        self.random[b] = np.random.default_rng(plan.seed)
        self.uniform[b, self.used :] = self.random[b].random((RANDOM_BLOCK - self.used, len(Field)))
        features, lookups = over(plan, self.config, time)
        recalled = self._begin_recall(b, plan, events, time, features[:, Feature.FORM])
        return StepInputs(events, features, lookups, recalled)

    def _begin_recall(self, b: int, plan: Plan, events: Ints, time: Ints, form: NDArray[np.int16]) -> NDArray[np.int16]:
        """What is recalled after every forced event (n, 5, 6); the row's recall stands after the last one."""
        plays = events[:, Field.ROLE] == NOTE
        notes = np.zeros(int(plays.sum()), GRID_NOTE)
        for name, column in zip(GRID_NOTE.names or (), np.column_stack([time, events[:, Field.PART :]])[plays].T, strict=True):
            notes[name] = column
        return self.recall.begin(b, plan.metre, notes, np.cumsum(plays), time, plays, form)

    def refresh(self) -> None:
        """What the plans say, as arrays: to be called once rows have changed."""
        plans = self.plans
        self.here = self.timelines.at(self.table[:, TIME])
        self.every_bar = np.array([p.every_bar for p in plans])
        self.watches_silence = any(p.max_silence < NO_STOP for p in plans)
        self.watches_repeats = any(p.sampling.repetition for p in plans)
        self.watches_copies = any(p.original is not None for p in plans)
        self.guidance = np.array([p.guidance for p in plans], np.float32)
        nothing = np.zeros(128, np.float32)
        scaled = any(p.scale is not None for p in plans)
        self.scale = np.stack([nothing if p.scale is None else p.scale for p in plans]) if scaled else None
        self.groups = _groups(plans)
        self.has_pins = any(row is not None for row in self.pinned)
        self.bounded.refresh()
        if self.bounded.any:
            self._look_ahead()

    def inputs(self) -> Steps:
        """What the network reads next, (B, ...): the event before, and what stands at its time."""
        recalled, muted = self.recall.recalled, self.table[:, TIME] < self.recall_muted_until
        if muted.any():
            recalled = recalled * ~muted[:, None, None]
        return StepInputs(self.table[:, EVENT], self.here[:, FEATURES], self.here[:, LOOKUPS], recalled)

    def held(self) -> Held | None:
        """What pins make of the next step; None where no row has any."""
        return Held(self.pinned, self.table[:, TIME], self.config) if self.has_pins else None

    def draws(self) -> NDArray[np.float64]:
        """The next (B, 6) random numbers, each row from its own generator."""
        if self.used >= RANDOM_BLOCK:
            self.uniform[:] = [r.random((RANDOM_BLOCK, len(Field))) for r in self.random]
            self.used = 0
        self.used += 1
        numbers: NDArray[np.float64] = self.uniform[:, self.used - 1]
        return numbers

    def drums(self, part: Ints) -> NDArray[np.bool_]:
        """(B,): whether the part (B,) of each row is drums."""
        drums: NDArray[np.bool_] = self.parts[np.arange(len(self)), part, PartColumn.PROGRAM] == DRUMS
        return drums

    def kinds(self, part: Ints) -> Ints:
        """(B,): the ``Kind`` of the part (B,) of each row."""
        kinds: Ints = kind_of(self.config, self.parts[np.arange(len(self)), part, PartColumn.PROGRAM])
        return kinds

    def weighted(self, logits: Floats, chosen: Ints, strength: Ints) -> Floats:
        """Pitch logits (B, V) of the events so far (B, 6) at places of some strength (B,), with the weights of limits and chords."""
        part = chosen[:, Field.PART]
        logits = self.bounded.weighted(logits, part, strength)
        if self.bounded.harmonic:
            lead = self.parts[np.arange(len(self)), part, PartColumn.LEAD] != 0
            logits = weighted(logits, self._harmonies(chosen), self.table[:, TIME] + chosen[:, Field.WAIT], lead, self.until)
        return logits

    def ending(self, span: tuple[Any, Any], chosen: Ints, role: Any) -> tuple[Any, Any]:
        """An interval of durations of the events so far (B, 6), so that no note is held into a chord that it clashes with."""
        if not self.bounded.harmonic:
            return span
        time, pitch = (self.table[:, TIME] + chosen[:, Field.WAIT]).tolist(), chosen[:, Field.PITCH].tolist()
        room = [ANY_LENGTH if h is None else h.room(t, p) for h, t, p in zip(self._harmonies(chosen), time, pitch, strict=True)]
        if len(room) == 1:
            return constraints.narrowed(Plain, role == NOTE, span, 1, room[0])
        return constraints.narrowed(np, role == NOTE, span, 1, np.array(room))

    def _harmonies(self, chosen: Ints) -> list[Harmony | None]:
        """The chords that the events so far (B, 6) keep to: those of notes that have a pitch."""
        pitched = self.parts[np.arange(len(self)), chosen[:, Field.PART], PartColumn.PROGRAM] < DRUMS
        keeps = (pitched & (chosen[:, Field.ROLE] == NOTE)).tolist()
        return [h if keep else None for h, keep in zip(self.bounded.harmonies, keeps, strict=True)]

    def arrived(self, chosen: Ints, here: Ints) -> Ints:
        """Every row moves to where its new event (B, 6) leads, ``here``. The rows (n,) in which a part was declared."""
        table = self.table
        note = chosen[:, Field.ROLE] == NOTE
        table[:, EVENT] = chosen
        table[:, TIME] += chosen[:, Field.WAIT]
        table[:, NOTES] += note
        rows = np.flatnonzero(note)
        moving = note & self.every_bar
        table[moving, DEADLINE] = here[moving, AFTER_NEXT]
        self.recall.after(rows, chosen, table[:, TIME].copy(), here[:, AGO])
        if self.watches_repeats:
            self._watch_repeats(rows, chosen, here)
        if self.watches_copies:
            follow(self.watches, self.parts, chosen, table[:, TIME])
        if self.watches_silence:
            self.last_onset[rows, chosen[rows, Field.PART]] = table[rows, TIME]
        self.here = here
        declared = np.flatnonzero(chosen[:, Field.ROLE] == PART)
        if len(declared):
            self._declare(declared, chosen)
        if self.bounded.any:
            self._follow(rows, chosen)
        return declared

    def _follow(self, rows: Ints, chosen: Ints) -> None:
        """The limits follow the notes of some rows."""
        table, alone = self.table, self.bounded.alone
        self.bounded.counts[rows, chosen[rows, Field.PART]] += 1
        if self.bounded.harmonic:
            pitched = rows[self.parts[rows, chosen[rows, Field.PART], PartColumn.PROGRAM] < DRUMS]
            place = pitched, chosen[pitched, Field.PITCH] % 12
            self.until[place] = np.maximum(self.until[place], table[pitched, TIME] + chosen[pitched, Field.DURATION])
        if alone is None:
            self.bounded.played(rows, chosen[rows, Field.PART], table[rows, TIME] + chosen[rows, Field.DURATION])
            self._look_ahead()
            return
        event, time = chosen[0].tolist(), int(table[0, TIME])
        if len(rows):
            alone.played(event[PART_AT], time + event[DURATION_AT])
        table[0, SOONEST] = alone.soonest(time, event, int(table[0, ALLOWED]))

    def _look_ahead(self) -> None:
        """How long every row has to wait for a free voice."""
        self.table[:, SOONEST] = self.bounded.soonest(self.table[:, TIME], self.table[:, EVENT], self.table[:, ALLOWED])

    def _watch_repeats(self, rows: Ints, chosen: Ints, here: Ints) -> None:
        """A row that goes round in circles recalls nothing for some bars; looked at every MIN_NOTES notes."""
        for b, pitch in zip(rows.tolist(), chosen[rows, Field.PITCH].tolist(), strict=True):
            self.repeats[b].add(pitch)
        due = (chosen[:, Field.ROLE] == NOTE) & (self.table[:, NOTES] % MIN_NOTES == 0) & (self.recall.streaks.max(-1) >= MIN_NOTES)
        for b in np.flatnonzero(due).tolist():
            if 0 < self.repeats[b].limit <= rounds(self.recall, b, here[b, AGO]):
                self.recall_muted_until[b] = self.table[b, TIME] + MUTED_BARS * self.plans[b].metre.bar_length(0)

    def _declare(self, rows: Ints, chosen: Ints) -> None:
        """Some rows have a new part each."""
        number = chosen[rows, Field.PART]
        described = (declared_program(chosen[rows, Field.PITCH]), chosen[rows, Field.VELOCITY], np.zeros_like(rows))
        self.parts[rows, number] = np.stack(described, -1)
        self.bounded.add_parts(rows, number, described[0])
        self.table[rows, ALLOWED] |= 1 << number
        self.table[rows, LAST_PART] = np.maximum(self.table[rows, LAST_PART], number)
        self.table[rows, DECLARED] += 1


def _groups(plans: Sequence[Plan]) -> list[Group]:
    """Rows by how they are drawn."""
    kinds: list[Any] = []
    for plan in plans:
        kinds += [plan.sampling] if plan.sampling not in kinds else []
    if len(kinds) == 1:
        return [(kinds[0], None)]
    return [(kind, np.array([b for b, p in enumerate(plans) if p.sampling == kind])) for kind in kinds]
