"""The loop: plans in, events out, a batch of rows at a time.

Every row has its own random numbers and its own end. Forced events (a prime) are read first, in one call over time;
then each step samples the six fields in order, under the grammar and the constraints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec import FIELDS
from melody.codec.given import COLUMNS, FOREVER
from melody.codec.recall import Recollection
from melody.codec.table import DRUMS, MAX_PARTS, PROGRAM_BASE, UNDECLARED, Field, Role
from melody.generate.bars import Bars, echoes
from melody.generate.constraints import Settings, View, ended, legal
from melody.generate.engine import Engine, Seen
from melody.generate.plan import NO_STOP, Plan, nothing_given
from melody.generate.sampling import draw
from melody.generate.timeline import AFTER_NEXT, BAR, FEATURES, LOOKUPS, POSITION, Timelines, over, places

Ints = NDArray[np.int64]
RANDOM_BLOCK = 128  # events for which a row draws its random numbers at once
NOTE, PART = int(Role.NOTE), int(Role.PART)  # plain numbers: a member of an IntEnum takes longer to look up than to compare
ORDER = tuple(Field)


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a batch: the plans' indices (n,) that are still running, their events (n, 6) and times (n,)."""

    index: NDArray[np.int64]
    rows: NDArray[np.int64]
    time: NDArray[np.int64]


class Writer:
    """Runs a batch of plans. Iterate over it for Steps; every row's last event is its END."""

    def __init__(self, engine: Engine, plans: Sequence[Plan]) -> None:
        self.engine, self.config = engine, engine.codec
        self.timelines = Timelines(plans, self.config)
        self.random = [np.random.default_rng(p.seed) for p in plans]
        self.bars = [Bars(p.sampling.repetition) for p in plans]
        self.uniform, self.used = np.zeros((len(plans), 0, len(Field))), 0
        self.index = np.arange(len(plans))
        self.parts = np.stack([p.parts for p in plans]).astype(np.int64)
        self.memories = [Recollection(self.config, p.metre) for p in plans]
        self.forced_told = self._remembered(list(plans))
        self.told = np.stack([t[-1] for t in self.forced_told])
        self.state, self.view = self._primed(list(plans), self.parts), self._view(list(plans))
        self._settle(self.view.plans)
        self.context = self._context(self.view.plans, self.parts)
        self.twin = self._unguided() if any(p.sampling.guidance != 1 and len(p.given) for p in plans) else None

    def _settle(self, plans: list[Plan]) -> None:
        """What the plans say, as arrays: once, and again where rows have left."""
        self.view.wanted = Settings(plans)
        self.samplings = [p.sampling for p in plans]
        self.alike = all(s == self.samplings[0] for s in self.samplings)
        self.guidance = np.array([[p.sampling.guidance if len(p.given) else 1.0] for p in plans], np.float32)
        nothing = np.zeros(128, np.float32)
        scaled = any(p.scale is not None for p in plans)
        self.scale = np.stack([nothing if p.scale is None else p.scale for p in plans]) if scaled else None
        self.every_bar = np.array([p.every_bar for p in plans])
        self.rows = np.arange(len(plans))

    def _unguided(self) -> tuple[Any, Any]:
        """Context and state of the same rows without the given notes: what guidance measures the model against."""
        plans, parts = self._blind()
        return self._context(plans, parts), self._primed(plans, parts)

    def _blind(self) -> tuple[list[Plan], Ints]:
        """The plans and parts as if nothing were given and no part held."""
        return [replace(p, given=nothing_given()) for p in self.view.plans], self.parts * np.array([1, 1, 0])

    def _context(self, plans: list[Plan], parts: Ints) -> Any:
        most = max([1, *(len(p.given) for p in plans)])
        given = np.zeros((most, len(plans), len(COLUMNS)), np.int64)
        for b, plan in enumerate(plans):
            given[: len(plan.given), b] = plan.given.rows
        live = np.array([p.horizon < FOREVER for p in plans])
        return self.engine.context(parts, np.stack([p.conditions for p in plans]), given, live)

    def _remembered(self, plans: list[Plan]) -> list[Ints]:
        """What is recalled after every forced event (n, 5, 6) of each row; the rows' memories stand after the last one."""
        out = []
        for plan, memory in zip(plans, self.memories, strict=True):
            for note in plan.remembered:
                memory.remember(note)
            rows, at = plan.forced()
            out.append(np.array([recollect(memory, row, time) for row, time in zip(rows.tolist(), at.tolist(), strict=True)]))
        return out

    def _primed(self, plans: list[Plan], parts: Ints) -> Any:
        """The state after each row's forced events, but for the last one, which the first step reads. Equal primes are read once."""
        known: dict[object, Any] = {}
        states = []
        for b, plan in enumerate(plans):
            rows, at = plan.forced()
            features, lookups = over(plan, self.config, at)
            told = (rows, features, lookups, self.forced_told[b], plan.given.rows, plan.conditions, parts[b], plan.horizon < FOREVER)
            mark = tuple(np.asarray(part).tobytes() for part in told)
            if mark not in known:
                known[mark] = self.engine.start(plan.conditions[None])
                if len(rows) > 1:
                    seen = Seen(*(a[:-1, None] for a in told[:4]))
                    known[mark] = self.engine.advance(self._context([plan], parts[b : b + 1]), known[mark], seen)[1]
            states.append(known[mark])
        return self.engine.join(states)

    def _view(self, plans: list[Plan]) -> View:
        """Where every row stands after its forced events."""
        forced = [p.forced() for p in plans]
        program = self.parts[..., 0]
        count = len(plans)
        view = View(
            config=self.config,
            plans=plans,
            wanted=Settings(plans),
            before=np.stack([rows[-1] for rows, _ in forced]),
            time=np.array([int(at[-1]) for _, at in forced]),
            deadline=np.array([self._first_deadline(p) for p in plans]),
            notes=np.zeros(count, np.int64),
            allowed=np.zeros(0, bool),
            sampled_parts=np.zeros(count, np.int64),
            heard=np.array([[p.start - 3 * p.patience // 4] * MAX_PARTS for p in plans]),
            echo=np.full(count, -1),
            last_part=np.zeros(0, np.int64),
            playable=np.zeros(0, bool),
        )
        view.allow((program != UNDECLARED) & (self.parts[..., 2] == 0))
        return view

    def _first_deadline(self, plan: Plan) -> int:
        """The end of the first whole bar."""
        if not plan.every_bar:
            return NO_STOP
        bar, position, after_next = places(plan, np.array([plan.earliest]))[0].tolist()
        return int(after_next) if position else plan.metre.bar_start(bar + 1)

    def __iter__(self) -> Iterator[Step]:
        while len(self.index):
            rows = self._step()
            yield Step(self.index, rows, self.view.time.copy())
            self._drop_ended(rows[:, Field.ROLE] != Role.END)

    def _step(self) -> Ints:
        """Choose one event for every row."""
        view, engine = self.view, self.engine
        here = self.timelines.at(view.time)
        seen = Seen(view.before[None], here[None, :, FEATURES], here[None, :, LOOKUPS], self.told[None])
        heads, self.state = engine.advance(self.context, self.state, seen)
        twin = self._advance_twin(seen)
        chosen = np.zeros_like(view.before)
        uniform = self._uniform()
        role = chosen[:, Field.ROLE]  # a view: filled by the first round
        for field in ORDER:
            if field is Field.PART:
                chosen[ended(view, chosen)] = (Role.END, 0, 0, 0, 0, 0)
                here = self.timelines.at(view.time + chosen[:, 1])
                heads = engine.arrive(self.context, heads, here[:, FEATURES], here[:, LOOKUPS])
            elif field is Field.PITCH:
                view.echo = np.array(echoes(self.bars, here[:, BAR : POSITION + 1].tolist(), chosen[:, : Field.PITCH].tolist()))
            mask = legal(view, field, chosen)
            if mask.sum() == len(mask):  # none is ever empty: one value in each row
                chosen[:, field] = mask.argmax(-1)
            else:
                logits = engine.score(self.context, heads, field)
                if field is Field.PITCH:
                    if self.twin:
                        logits = self._guided(logits, twin, chosen, here)
                    logits = self._in_key(logits, chosen)
                chosen[:, field] = self._draw(logits, mask, uniform[:, field], field)
            heads = engine.tell(self.context, heads, field, chosen[:, field], role)
        self._arrived(chosen, here)
        return chosen

    def _advance_twin(self, seen: Seen) -> Any:
        if self.twin is None:
            return None
        context, state = self.twin
        heads, state = self.engine.advance(context, state, seen._replace(lookups=np.zeros_like(seen.lookups)))
        self.twin = (context, state)
        return heads

    def _guided(self, logits: NDArray[np.float32], heads: Any, chosen: Ints, here: NDArray[np.int32]) -> NDArray[np.float32]:
        """Pitch logits of notes moved away from what would be played without the given notes; an instrument is chosen unguided."""
        assert self.twin is not None
        context = self.twin[0]
        for field in (Field.ROLE, Field.WAIT):
            heads = self.engine.tell(context, heads, field, chosen[:, field], chosen[:, Field.ROLE])
        heads = self.engine.arrive(context, heads, here[:, FEATURES], np.zeros_like(here[:, LOOKUPS]))
        heads = self.engine.tell(context, heads, Field.PART, chosen[:, Field.PART], chosen[:, Field.ROLE])
        weight = np.where(chosen[:, Field.ROLE, None] == Role.NOTE, self.guidance, np.float32(1))
        blind = self.engine.score(context, heads, Field.PITCH)
        return np.where(weight == 1, logits, blind + weight * (logits - blind)).astype(np.float32)

    def _in_key(self, logits: NDArray[np.float32], chosen: Ints) -> NDArray[np.float32]:
        """Pitch logits with what the plans add to them; the pitch of a drum is an instrument and belongs to no key."""
        if self.scale is None:
            return logits
        drums = self.parts[self.rows, chosen[:, Field.PART], 0] == DRUMS
        logits = logits.copy()
        logits[:, : self.scale.shape[1]] += np.where(drums[:, None], np.float32(0), self.scale)
        return logits

    def _draw(self, logits: NDArray[np.float32], mask: NDArray[np.bool_], uniform: NDArray[np.float64], field: Field) -> Ints:
        if self.alike:
            return draw(logits, mask, uniform, self.samplings[0], FIELDS[field])
        rows = [draw(logits[b : b + 1], mask[b : b + 1], uniform[b : b + 1], s, FIELDS[field]) for b, s in enumerate(self.samplings)]
        return np.concatenate(rows)

    def _uniform(self) -> NDArray[np.float64]:
        """The next (B, 6) random numbers, each row from its own generator."""
        if self.used >= self.uniform.shape[1]:
            self.uniform = np.stack([r.random((RANDOM_BLOCK, len(Field))) for r in self.random])
            self.used = 0
        self.used += 1
        numbers: NDArray[np.float64] = self.uniform[:, self.used - 1]
        return numbers

    def _arrived(self, chosen: Ints, here: NDArray[np.int32]) -> None:
        """Move every row to where its new event leads, ``here``."""
        view = self.view
        role = chosen[:, Field.ROLE]
        note, part = role == NOTE, role == PART
        view.time = view.time + chosen[:, Field.WAIT]
        view.before = chosen
        view.notes = view.notes + note
        told = [recollect(m, row, time) for m, row, time in zip(self.memories, chosen.tolist(), view.time.tolist(), strict=True)]
        self.told = np.array(told)
        rows = np.flatnonzero(note)
        for b, pitch in zip(rows.tolist(), chosen[rows, Field.PITCH].tolist(), strict=True):
            self.bars[b].add(pitch)
        view.heard[rows, chosen[rows, Field.PART]] = view.time[rows]
        view.deadline = np.where(note & self.every_bar, here[:, AFTER_NEXT], view.deadline)
        if part.any():
            rows = np.flatnonzero(part)
            number = chosen[rows, Field.PART]
            self.parts[rows, number] = np.stack(
                [chosen[rows, Field.PITCH] - PROGRAM_BASE, chosen[rows, Field.VELOCITY], np.zeros_like(rows)], -1
            )
            view.allowed[rows, number] = True
            view.allow(view.allowed)
            view.sampled_parts[rows] += 1
            self.context = self._context(view.plans, self.parts)
            if self.twin:
                self.twin = (self._context(*self._blind()), self.twin[1])

    def _drop_ended(self, going: NDArray[np.bool_]) -> None:
        """Leave the rows out that have ended."""
        if going.all():
            return
        keep = np.flatnonzero(going)
        self.index, self.parts, self.uniform, self.told = self.index[keep], self.parts[keep], self.uniform[keep], self.told[keep]
        for name in ("random", "bars", "memories"):
            setattr(self, name, [getattr(self, name)[b] for b in keep])
        self.timelines.keep(keep)
        view = self.view
        for name in ("before", "time", "deadline", "notes", "sampled_parts", "heard", "echo"):
            setattr(view, name, getattr(view, name)[keep])
        view.allow(view.allowed[keep])
        view.plans = [view.plans[b] for b in keep]
        if len(keep):
            self._settle(view.plans)
            self.context, self.state = self.engine.pick(self.context, self.state, keep)
            if self.twin:
                self.twin = self.engine.pick(*self.twin, keep)


def recollect(memory: Recollection, row: list[int], time: int) -> list[list[int]]:
    """Tell a memory of an event; what it foretells then."""
    role, _, part, pitch, duration, velocity = row
    if role == NOTE:
        memory.remember((time, part, pitch, duration, velocity))
    return memory.after(role, time)


def write(engine: Engine, plans: Sequence[Plan], progress: Callable[[int, int], None] = lambda done, total: None) -> list[Ints]:
    """Run plans to their ends: for each the sampled events (n, 6), the prime not among them, END the last."""
    written: list[list[Ints]] = [[] for _ in plans]
    done = 0
    for step in Writer(engine, plans):
        for index, row in zip(step.index, step.rows, strict=True):
            written[index].append(row)
        done += int((step.rows[:, Field.ROLE] == Role.END).sum())
        progress(done, len(plans))
    return [np.stack(rows) for rows in written]
