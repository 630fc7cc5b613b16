"""The loop: plans in, events out, a batch of rows at a time.

Every row has its own random numbers and its own end; where a row has ended, the next plan takes its place. Forced events (a prime) are
read first, in one call over time; then each step chooses the six fields in order, under the grammar and the constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.encode import GRID_NOTE
from melody.codec.grammar import Plain
from melody.codec.incremental_recall import IncrementalRecall
from melody.codec.recall import NEVER
from melody.codec.table import DRUMS, MAX_PARTS, PROGRAM_BASE, UNDECLARED, Field
from melody.generate import constraints
from melody.generate.chain import Chain, Floats, Group
from melody.generate.constraints import ALLOWED, DEADLINE, DECLARED, END, LAST_PART, NOTE, NOTES, PART, TIME, View
from melody.generate.engine import Engine, StepInputs
from melody.generate.guidance import blinded, guided, in_key, wants_guidance, without_held
from melody.generate.plan import NO_STOP, Plan
from melody.generate.prime import context_of, primed
from melody.generate.repetition import QUIET_BARS, SHORTEST, Bars, echoes, rounds
from melody.generate.timeline import AFTER_NEXT, AGO, BAR, FEATURES, LOOKUPS, POSITION, Timelines, first_deadline, over

Ints = NDArray[np.int64]
ROWS = 64  # pieces that are written at once
RANDOM_BLOCK = 128  # events for which a row draws its random numbers at once
EVENT = slice(0, len(Field))  # columns of a View that are the event before


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a batch: the plans' indices (n,) that are running, their events (n, 6) and times (n,)."""

    index: NDArray[np.int64]
    rows: NDArray[np.int64]
    time: NDArray[np.int64]


class Writer:
    """Runs plans, some at a time. Iterate over it for Steps; every row's last event is its END."""

    def __init__(self, engine: Engine, plans: Iterable[Plan], rows: int = ROWS, guided: bool | None = None) -> None:
        """``guided``: whether any of the plans asks for guidance (None: look at those that come first)."""
        self.engine, self.config = engine, engine.codec
        self.waiting = iter(plans)
        first = list(islice(self.waiting, rows))
        count = self.started = len(first)
        self.guided = any(wants_guidance(p) for p in first) if guided is None else guided
        self.plans, self.index = first, np.arange(count)
        self.timelines = Timelines(first, self.config)
        self.memory = IncrementalRecall(self.config, count)
        self.random: list[Any] = [None] * count
        self.bars = [Bars(0)] * count
        self.uniform, self.used = np.zeros((count, RANDOM_BLOCK, len(Field))), RANDOM_BLOCK
        self.table = np.zeros((count, len(View._fields)), np.int64)
        self.parts = np.zeros((count, MAX_PARTS, 3), np.int64)
        self.heard = np.zeros((count, MAX_PARTS), np.int64)
        self.quiet = np.zeros(count, np.int64)  # step until which nothing is recalled
        if first:
            self.context, self.state = self._enter(np.arange(count), first)
            self._settle()

    def _enter(self, rows: Ints, plans: Sequence[Plan]) -> tuple[Any, Any]:
        """Plans take rows: their context and state after their forced events, but for the last one, which the next step reads."""
        if not self.guided and any(wants_guidance(p) for p in plans):
            raise ValueError("a plan that asks for guidance came later than the first ones; tell the Writer that it is guided")
        told: list[StepInputs] = []
        for b, plan in zip(rows.tolist(), plans, strict=True):
            events, at = plan.forced()
            self.parts[b] = plan.parts
            allowed = (plan.parts[:, 0] != UNDECLARED) & (plan.parts[:, 2] == 0)
            self.table[b] = constraints.standing(plan, events[-1], int(at[-1]), first_deadline(plan), allowed)
            self.quiet[b] = NEVER
            self.heard[b] = plan.start - 3 * plan.max_silence // 4
            self.timelines.put(b, plan)
            self.bars[b] = Bars(plan.sampling.repetition)
            self.random[b] = np.random.default_rng(plan.seed)
            self.uniform[b, self.used :] = self.random[b].random((RANDOM_BLOCK - self.used, len(Field)))
            told.append(StepInputs(events, *over(plan, self.config, at), self._remembered(b, plan, events, at)))
        every, parts = list(plans), self.parts[rows]
        if self.guided:
            every, parts, told = every + [blinded(p) for p in plans], np.concatenate([parts, without_held(parts)]), told + told
        return context_of(self.engine, every, parts), self.engine.join(primed(self.engine, every, parts, told))

    def _remembered(self, b: int, plan: Plan, events: Ints, at: Ints) -> NDArray[np.int16]:
        """What is recalled after every forced event (n, 5, 6); the row's memory stands after the last one."""
        plays = events[:, Field.ROLE] == NOTE
        notes = np.zeros(len(plan.remembered) + int(plays.sum()), GRID_NOTE)
        columns = np.concatenate([np.array(plan.remembered, np.int64).reshape(-1, 5), np.column_stack([at, events[:, 2:]])[plays]])
        for name, column in zip(GRID_NOTE.names or (), columns.T, strict=True):
            notes[name] = column
        return self.memory.begin(b, plan.metre, notes, len(plan.remembered) + np.cumsum(plays), at, plays)

    def _settle(self) -> None:
        """What the plans say, as arrays: once, and again where rows have changed."""
        plans = self.plans
        self.here = self.timelines.at(self.table[:, TIME])
        self.every_bar = np.array([p.every_bar for p in plans])
        self.patient = any(p.max_silence < NO_STOP for p in plans)
        self.watched = any(p.sampling.repetition for p in plans)
        weights = [p.sampling.guidance if len(p.given) else 1.0 for p in plans]
        self.guidance = np.array(weights, np.float32)[:, None]
        nothing = np.zeros(128, np.float32)
        scaled = any(p.scale is not None for p in plans)
        self.scale = np.stack([nothing if p.scale is None else p.scale for p in plans]) if scaled else None
        self.all = np.arange(len(plans))
        self.twins = np.concatenate([self.all, self.all]) if self.guided else None
        kinds: list[Any] = []
        for plan in plans:
            kinds += [plan.sampling] if plan.sampling not in kinds else []
        rows = [np.array([b for b, p in enumerate(plans) if p.sampling == kind]) for kind in kinds]
        self.groups: list[Group] = [(kinds[0], None)] if len(kinds) == 1 else list(zip(kinds, rows, strict=True))

    def __iter__(self) -> Iterator[Step]:
        while len(self.index):
            rows = self._step()
            yield Step(self.index, rows, self.table[:, TIME].copy())
            ended = np.flatnonzero(rows[:, Field.ROLE] == END)
            if len(ended):
                self._succeed(ended)

    def _step(self) -> Ints:
        """Choose one event for every row."""
        config, engine, here, alone = self.config, self.engine, self.here, len(self.index) == 1
        xp: constraints.Kind = Plain if alone else np
        view = View(*self.table[0].tolist()) if alone else View(*self.table.T)
        heads, self.state = engine.advance(self.context, self.state, self._seen())
        chain = Chain(engine, self.context, heads, self._uniform(), self.groups, self.twins)
        role = chain.among(Field.ROLE, constraints.roles(xp, config, view))
        wait = chain.between(Field.WAIT, *constraints.waits(xp, config, view, role))
        past = constraints.ended(view, role, wait)
        if np.any(past):
            chain.end(past)
            role, wait = (int(chain.chosen[0, i]) if alone else chain.chosen[:, i] for i in (Field.ROLE, Field.WAIT))
        if alone and role == END:  # the common case of a stream is one row: its end has no more fields
            return self._arrived(chain.chosen, here)
        here = self.timelines.at(self.table[:, TIME] + chain.chosen[:, Field.WAIT])
        chain.set_time(self._every(here[:, FEATURES]), self._lookups(here))
        forgotten: Any = 0
        if self.patient:
            silent = constraints.forgotten_voices(view, self.heard, self.table[:, TIME] + chain.chosen[:, Field.WAIT])
            forgotten = int(silent[0]) if alone else silent
        part = chain.among(Field.PART, constraints.parts(xp, config, view, role, wait, forgotten))
        echo = echoes(self.bars, here[:, BAR : POSITION + 1].tolist(), chain.chosen[:, : Field.PITCH].tolist()) if self.watched else ()
        bend = (lambda logits: self._bent(logits, chain.chosen)) if self.guided or self.scale is not None else None
        chain.between(Field.PITCH, *constraints.pitches(xp, config, view, role, wait, part), echo, bend)
        for field in (Field.DURATION, Field.VELOCITY):
            chain.between(field, *constraints.others(xp, config, view, field, role))
        return self._arrived(chain.chosen, here)

    def _seen(self) -> StepInputs:
        """The events before, and what stands at their times, for the engine's rows."""
        told, quiet = self.memory.told, self.table[:, TIME] < self.quiet
        if quiet.any():
            told = told * ~quiet[:, None, None]
        events, features, told = (self._every(a)[None] for a in (self.table[:, EVENT], self.here[:, FEATURES], told))
        return StepInputs(events, features, self._lookups(self.here)[None], told)

    def _every(self, rows: Ints) -> Ints:
        """The same for a twin as for its row."""
        return rows if self.twins is None else rows[self.twins]

    def _lookups(self, here: Ints) -> Ints:
        """Look-ups of given notes: a twin sees none."""
        lookups = here[:, LOOKUPS]
        return lookups if self.twins is None else np.concatenate([lookups, np.zeros_like(lookups)])

    def _uniform(self) -> NDArray[np.float64]:
        """The next (B, 6) random numbers, each row from its own generator."""
        if self.used >= RANDOM_BLOCK:
            self.uniform[:] = [r.random((RANDOM_BLOCK, len(Field))) for r in self.random]
            self.used = 0
        self.used += 1
        numbers: NDArray[np.float64] = self.uniform[:, self.used - 1]
        return numbers

    def _bent(self, logits: Floats, chosen: Ints) -> Floats:
        """Pitch logits of the rows, moved by guidance and by the key that is wished for."""
        if self.guided:
            logits = guided(logits, chosen, self.guidance)
        if self.scale is not None:
            drums = self.parts[self.all, chosen[:, Field.PART], 0] == DRUMS
            logits = in_key(logits, self.scale, drums)
        return logits

    def _arrived(self, chosen: Ints, here: Ints) -> Ints:
        """Move every row to where its new event leads, ``here``."""
        table = self.table
        note = chosen[:, Field.ROLE] == NOTE
        table[:, EVENT] = chosen
        table[:, TIME] += chosen[:, Field.WAIT]
        table[:, NOTES] += note
        rows = np.flatnonzero(note)
        moving = note & self.every_bar
        table[moving, DEADLINE] = here[moving, AFTER_NEXT]
        self.memory.after(rows, chosen, table[:, TIME].copy(), here[:, AGO])
        if self.watched:
            for b, pitch in zip(rows.tolist(), chosen[rows, Field.PITCH].tolist(), strict=True):
                self.bars[b].add(pitch)
            for b in np.flatnonzero(note & (table[:, NOTES] % SHORTEST == 0) & (self.memory.right.max(-1) >= SHORTEST)).tolist():
                if 0 < self.bars[b].most <= rounds(self.memory, b, here[b, AGO]):
                    self.quiet[b] = table[b, TIME] + QUIET_BARS * self.plans[b].metre.bar_length(0)
        if self.patient:
            self.heard[rows, chosen[rows, Field.PART]] = table[rows, TIME]
        if (chosen[:, Field.ROLE] == PART).any():
            self._declared(np.flatnonzero(chosen[:, Field.ROLE] == PART), chosen)
        self.here = here
        return chosen

    def _declared(self, rows: Ints, chosen: Ints) -> None:
        """Some rows have new parts."""
        number = chosen[rows, Field.PART]
        described = (chosen[rows, Field.PITCH] - PROGRAM_BASE, chosen[rows, Field.VELOCITY], np.zeros_like(rows))
        self.parts[rows, number] = np.stack(described, -1)
        self.table[rows, ALLOWED] |= 1 << number
        self.table[rows, LAST_PART] = np.maximum(self.table[rows, LAST_PART], number)
        self.table[rows, DECLARED] += 1
        parts = self.parts[rows]
        if self.guided:
            rows, parts = np.concatenate([rows, rows + len(self.index)]), np.concatenate([parts, without_held(parts)])
        self.context = self.engine.update_parts(self.context, rows, parts)

    def _succeed(self, ended: Ints) -> None:
        """Plans that wait take the places of rows that have ended; where none waits, the rows go."""
        fresh = list(islice(self.waiting, len(ended)))
        rows, count = ended[: len(fresh)], len(self.index)
        if len(rows):
            self.index = self.index.copy()  # the Step that was given away has the old one
            self.index[rows] = np.arange(self.started, self.started + len(rows))
            self.started += len(rows)
            for b, plan in zip(rows.tolist(), fresh, strict=True):
                self.plans[b] = plan
            context, state = self._enter(rows, fresh)
            every = np.concatenate([rows, rows + count]) if self.guided else rows
            self.context, self.state = self.engine.put(self.context, self.state, every, context, state)
        if len(rows) < len(ended):
            self._keep(np.setdiff1d(np.arange(count), ended[len(rows) :]))
        if len(self.index):
            self._settle()

    def _keep(self, keep: Ints) -> None:
        """Leave the other rows out."""
        every = np.concatenate([keep, keep + len(self.index)]) if self.guided else keep
        for name in ("index", "table", "parts", "heard", "quiet", "uniform"):
            setattr(self, name, getattr(self, name)[keep])
        for name in ("plans", "random", "bars"):
            setattr(self, name, [getattr(self, name)[b] for b in keep])
        self.timelines.keep(keep)
        self.memory.keep(keep)
        if len(keep):
            self.context, self.state = self.engine.pick(self.context, self.state, every)


def pieces(engine: Engine, plans: Iterable[Plan], rows: int = ROWS, guided: bool | None = None) -> Iterator[tuple[int, Ints]]:
    """Run plans to their ends: the index of each as it ends, and its sampled events (n, 6), the prime not among them, END the last."""
    written: dict[int, list[Ints]] = {}
    for step in Writer(engine, plans, rows, guided):
        for index, row in zip(step.index.tolist(), step.rows, strict=True):
            written.setdefault(index, []).append(row)
        for index in step.index[step.rows[:, Field.ROLE] == END].tolist():
            yield index, np.array(written.pop(index))


def write(engine: Engine, plans: Sequence[Plan], progress: Callable[[int, int], None] = lambda done, total: None) -> list[Ints]:
    """``pieces`` in the order of the plans."""
    written: list[Ints] = [np.zeros(0, np.int64)] * len(plans)
    done = pieces(engine, plans, guided=any(wants_guidance(p) for p in plans))
    for count, (index, events) in enumerate(done, 1):
        written[index] = events
        progress(count, len(plans))
    return written
