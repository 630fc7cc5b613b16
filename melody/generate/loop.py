"""The loop: plans in, events out, a batch of rows at a time.

Every row has its own random numbers and its own end; where a row has ended, the next plan takes its place, and plans may be added while the
loop runs. Forced events (a prime) are read first, in one call over time; then each step chooses the six fields in order, under the grammar
and the constraints.

A guided row has a second row in the engine's batch, the unconditional one (``guidance.py``). The engine's rows are those of the plans,
then the unconditional ones in the same order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import Feature
from melody.codec.grammar import Plain
from melody.codec.table import Field, Role
from melody.generate import constraints
from melody.generate.chain import Chain, Floats
from melody.generate.constraints import ALLOWED, END, NOTES, TIME, View
from melody.generate.engine import Context, Engine, Heads, State, Steps
from melody.generate.guidance import guided, in_key, unconditional, unconditional_parts, wants_guidance
from melody.generate.original import copying
from melody.generate.pinned import Held
from melody.generate.plan import Plan
from melody.generate.prime import context_of, primed
from melody.generate.repetition import echoes
from melody.generate.rows import EVENT, Rows
from melody.generate.timeline import AFTER_NEXT, BAR, FEATURES, LOOKUPS, POSITION

Ints = NDArray[np.int64]
ROWS = 64  # pieces that are written at once
STRENGTH = FEATURES.start + int(Feature.STRENGTH)


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a batch: the numbers of the plans (n,) that are running, their events (n, 6) and times (n,)."""

    index: NDArray[np.int64]
    rows: NDArray[np.int64]
    time: NDArray[np.int64]


class Writer(Generic[Context, State, Heads]):
    """Runs plans, some at a time. Iterate over it for Steps; every row's last event is its END.

    Plans are numbered from 0 as they come. ``add`` takes more of them at any time between two Steps; the iteration ends where no plan runs
    or waits, and may be begun again after another ``add``. Not for several threads: who shares a Writer hands it plans through a queue.
    """

    def __init__(self, engine: Engine[Context, State, Heads], plans: Iterable[Plan] = (), capacity: int = ROWS) -> None:
        """``plans`` are taken from their iterator as rows become free, ``capacity`` of them at once."""
        self.engine, self.config, self.capacity = engine, engine.codec, capacity
        self.source = iter(plans)
        self.added, self.dropped = deque[tuple[int, Plan]](), list[int]()
        self.numbered = 0
        self.rows = Rows(self.config)
        self.partners = np.zeros(0, np.int64)  # the rows that have an unconditional row too, in the order of those
        self.values: tuple[Context, State] | None = None  # of all rows of the engine; None: there are none

    def add(self, plan: Plan, number: int | None = None) -> int:
        """One more plan; its number. It begins before the next step that finds a row free.

        ``number``: that of a plan that has ended, in whose place this one goes on.
        """
        if number is None:
            number, self.numbered = self.numbered, self.numbered + 1
        self.added.append((number, plan))
        return number

    def drop(self, number: int) -> None:
        """A plan that nobody waits for any more ends before the next step, without an END."""
        self.added = deque(numbered for numbered in self.added if numbered[0] != number)
        self.dropped.append(number)

    def __iter__(self) -> Iterator[Step]:
        self._change_rows(np.zeros(0, np.int64))
        while len(self.rows):
            chosen = self._step()
            yield Step(self.rows.numbers, chosen, self.rows.table[:, TIME].copy())
            ended = np.flatnonzero(chosen[:, Field.ROLE] == END)
            if self.dropped:
                ended, self.dropped = np.union1d(ended, np.flatnonzero(np.isin(self.rows.numbers, self.dropped))), []
            if len(ended) or self.added:
                self._change_rows(ended)

    def _change_rows(self, ended: Ints) -> None:
        """Waiting plans take the places of rows that have ended, and further ones; where none waits, the ended rows go."""
        before = len(self.rows)
        fresh = self._waiting(self.capacity - before + len(ended))
        if not fresh and not len(ended):
            return
        origin = np.arange(before)  # which row each will have been; -1: a fresh one
        origin[ended] = -1
        origin = np.delete(origin, ended[len(fresh) :])
        origin = np.concatenate([origin, np.full(max(0, len(fresh) - len(ended)), -1)])
        self.rows.pick(origin)
        places = np.flatnonzero(origin < 0)
        forced = [self.rows.enter(b, *numbered) for b, numbered in zip(places.tolist(), fresh, strict=True)]
        alone = {b: before + u for u, b in enumerate(self.partners.tolist())}  # where the unconditional rows were in the engine
        size, self.partners = before + len(self.partners), np.flatnonzero([wants_guidance(p) for p in self.rows.plans])
        engine_origin = np.array([*origin, *(alone.get(int(origin[b]), -1) for b in self.partners)], np.int64)
        self._change_engine_rows(engine_origin, size, places, forced)
        if len(self.rows):
            self.rows.refresh()

    def _change_engine_rows(self, origin: Ints, size: int, places: Ints, forced: Sequence[Steps]) -> None:
        """The engine's ``size`` rows follow. ``places``: the new rows of the plans, which have read ``forced``."""
        new, kept = np.flatnonzero(origin < 0), np.flatnonzero(origin >= 0)
        if self.values is None or not len(kept):
            self.values = self._entered(places, forced) if len(new) else None
            return
        if len(origin) != size or (origin[kept] != kept).any():
            self.values = self.engine.pick(*self.values, np.maximum(origin, 0))  # what stands in the new rows is put over below
        if len(new):
            self.values = self.engine.put(*self.values, new, *self._entered(places, forced))

    def _entered(self, places: Ints, forced: Sequence[Steps]) -> tuple[Context, State]:
        """Context and state of new rows after their forced events, but for the last one, which the next step reads."""
        plans, parts = [self.rows.plans[b] for b in places], self.rows.parts[places]
        also = [i for i, plan in enumerate(plans) if wants_guidance(plan)]
        every = plans + [unconditional(plans[i]) for i in also]
        parts = np.concatenate([parts, unconditional_parts(parts[also])])
        states = primed(self.engine, every, parts, [*forced, *(forced[i] for i in also)])
        return context_of(self.engine, every, parts), self.engine.join(states)

    def _waiting(self, most: int) -> list[tuple[int, Plan]]:
        """The next plans and their numbers, those that were added first."""
        out: list[tuple[int, Plan]] = []
        while len(out) < most:
            if self.added:
                out.append(self.added.popleft())
            elif (plan := next(self.source, None)) is not None:
                out.append((self.numbered, plan))
                self.numbered += 1
            else:
                break
        return out

    def _step(self) -> Ints:
        """Choose one event for every row."""
        assert self.values is not None
        (context, state), rows, config, alone = self.values, self.rows, self.config, len(self.rows) == 1
        xp: constraints.Kind = Plain if alone else np
        view = View(*rows.table[0].tolist()) if alone else View(*rows.table.T)
        every = np.concatenate([np.arange(len(rows)), self.partners]) if len(self.partners) else None  # the row of each engine row
        heads, state = self.engine.advance(context, state, self._inputs(every))
        chain = Chain(self.engine, context, heads, rows.draws(), rows.groups, every)
        held = rows.held()
        rested = (lambda logits: rows.bounded.rested(logits, rows.table[:, TIME], rows.table[:, NOTES])) if rows.bounded.paced else None
        legal = constraints.roles(xp, config, view)
        role = chain.among(Field.ROLE, held.bits(Field.ROLE, legal) if held else legal, rested)
        placed = self._placed if rows.bounded.places or (rows.bounded.begins and not np.all(view.notes)) else None
        waits = constraints.waits(xp, config, view, role)
        wait = chain.between(Field.WAIT, *(held.span(Field.WAIT, waits) if held else waits), process=placed)
        if held:
            held.after_wait(chain.chosen, rows.table[:, ALLOWED])
            role, wait = (int(chain.chosen[0, i]) if alone else chain.chosen[:, i].copy() for i in (Field.ROLE, Field.WAIT))
        past = constraints.ended(view, role, wait)
        if np.any(past):
            chain.end(past)
            role, wait = (int(chain.chosen[0, i]) if alone else chain.chosen[:, i] for i in (Field.ROLE, Field.WAIT))
        here = rows.here
        if not (alone and role == END):  # the end of a single row has no more fields
            here = rows.timelines.at(rows.table[:, TIME] + chain.chosen[:, Field.WAIT])
            self._choose_note(chain, here, view, (role, wait), held)
        declared = rows.arrived(chain.chosen, here)
        if held:
            held.arrived(chain.chosen)
        self.values = context, state
        if len(declared):
            self._update_parts(declared)
        return chain.chosen

    def _choose_note(self, chain: Chain[Context, State, Heads], here: Ints, view: View, so_far: tuple[Any, Any], held: Held | None) -> None:
        """The fields after the wait, at the new time."""
        rows, config, (role, wait), every = self.rows, self.config, so_far, chain.engine_rows
        xp: constraints.Kind = Plain if chain.rows == 1 else np
        features = here[:, FEATURES]
        chain.set_time(features if every is None else features[every], self._lookups(here, every))
        forgotten: Any = 0
        if rows.watches_silence:
            silent = constraints.forgotten_voices(view, rows.last_onset, rows.table[:, TIME] + chain.chosen[:, Field.WAIT])
            forgotten = int(silent[0]) if chain.rows == 1 else silent
        free: Any = constraints.EVERY_PART
        if rows.bounded.alone is not None:
            free = rows.bounded.alone.free(view.time + wait, view[:6], wait)
        elif rows.bounded.any:
            waited = chain.chosen[:, Field.WAIT]
            free = rows.bounded.free_bits(rows.table[:, TIME] + waited, rows.table[:, EVENT], waited)
        shared = (lambda logits: rows.bounded.shared(logits, rows.table[:, TIME])) if rows.bounded.shares else None
        legal = constraints.parts(xp, config, view, role, wait, forgotten, free)
        part = chain.among(Field.PART, held.parts(legal, chain.chosen) if held else legal, shared)
        if held:
            held.after(Field.PART, chain.chosen)
            part = int(chain.chosen[0, Field.PART]) if chain.rows == 1 else chain.chosen[:, Field.PART].copy()
        ban: Sequence[int] = ()
        if rows.watches_repeats:
            ban = echoes(rows.repeats, here[:, BAR : POSITION + 1].tolist(), chain.chosen[:, : Field.PITCH].tolist())
        kind: Any = rows.kinds(chain.chosen[:, Field.PART])
        kind = int(kind[0]) if chain.rows == 1 else kind
        reached = rows.table[:, TIME] + chain.chosen[:, Field.WAIT]
        moved = every is not None or rows.scale is not None or rows.bounded.weighs or held is not None
        process = (lambda logits: self._processed(logits, chain.chosen, here, held)) if moved else None
        veto = (lambda pitch: copying(rows.watches, rows.parts, chain.chosen, reached, pitch)) if rows.watches_copies else None
        bounded, note = rows.bounded, role == Role.NOTE
        pitches = bounded.within(Field.PITCH, constraints.pitches(xp, config, view, role, wait, part, kind), note, part)
        chain.between(Field.PITCH, *(held.pitches(pitches, chain.chosen) if held else pitches), ban, process, veto)
        if held:
            held.after(Field.PITCH, chain.chosen)
        left = here[:, AFTER_NEXT] - config.grid - rows.table[:, TIME] - chain.chosen[:, Field.WAIT]
        lengths = bounded.in_time(constraints.others(xp, config, view, Field.DURATION, role, kind), note, part, left, rows.every_bar)
        lengths = rows.ending(lengths, chain.chosen, role)
        chain.between(Field.DURATION, *(held.span(Field.DURATION, lengths) if held else lengths))
        loudness = bounded.within(Field.VELOCITY, constraints.others(xp, config, view, Field.VELOCITY, role, kind), note, part)
        chain.between(Field.VELOCITY, *(held.span(Field.VELOCITY, loudness) if held else loudness))

    def _inputs(self, every: Ints | None) -> Steps:
        """What the engine's rows read, (1, B, ...)."""
        steps = self.rows.inputs()
        if every is not None:
            steps = steps.at(every)._replace(lookups=self._lookups(self.rows.here, every))
        return steps.at(None)

    def _lookups(self, here: Ints, every: Ints | None) -> Ints:
        """Look-ups of given notes for the engine's rows: an unconditional row sees none."""
        lookups = here[:, LOOKUPS]
        alone = np.zeros((len(self.partners), lookups.shape[1]), lookups.dtype)
        return lookups if every is None else np.concatenate([lookups, alone])

    def _placed(self, logits: Floats) -> Floats:
        """Logits of waits of the plans' rows, with the weights of the places that they lead to."""
        return self.rows.bounded.placed(logits, self.rows.table[:, TIME], self.rows.table[:, NOTES])

    def _processed(self, logits: Floats, chosen: Ints, here: Ints, held: Held | None) -> Floats:
        """Pitch logits of the plans' rows, moved by guidance, by a scale, by the weights of limits and by pins."""
        rows = self.rows
        if len(self.partners):
            logits = guided(logits, self.partners, chosen, rows.guidance)
        if rows.scale is not None:
            logits = in_key(logits, rows.scale, rows.drums(chosen[:, Field.PART]))
        if rows.bounded.weighs:
            logits = rows.weighted(logits[: len(rows)], chosen, here[:, STRENGTH])
        return held.weighted(logits, chosen) if held else logits

    def _update_parts(self, declared: Ints) -> None:
        """The engine learns of new parts in some rows."""
        assert self.values is not None
        context, state = self.values
        also = np.flatnonzero(np.isin(self.partners, declared))
        engine_rows = np.concatenate([declared, len(self.rows) + also])
        parts = np.concatenate([self.rows.parts[declared], unconditional_parts(self.rows.parts[self.partners[also]])])
        self.values = self.engine.update_parts(context, engine_rows, parts), state


def pieces(
    engine: Engine[Context, State, Heads],
    plans: Iterable[Plan],
    capacity: int = ROWS,
    running: dict[int, list[Ints]] | None = None,
    follow: Callable[[int, Ints], Plan | None] = lambda index, events: None,
) -> Iterator[tuple[int, Ints]]:
    """Run plans to their ends: the number of each as it ends, and its sampled events (n, 6), the prime not among them, END the last.

    running  a dictionary that holds the events so far of the plans that have not ended, for who may have to stop early
    follow   of a plan's number and its events: the plan that goes on under its number, or None where it is done
    """
    written = {} if running is None else running
    writer = Writer(engine, plans, capacity)
    for step in writer:
        for index, row in zip(step.index.tolist(), step.rows, strict=True):
            written.setdefault(index, []).append(row)
        for index in step.index[step.rows[:, Field.ROLE] == END].tolist():
            events = np.array(written.pop(index))
            following = follow(index, events)
            if following is None:
                yield index, events
            else:
                writer.add(following, index)


def write(
    engine: Engine[Context, State, Heads], plans: Sequence[Plan], progress: Callable[[int, int], None] = lambda done, total: None
) -> list[Ints]:
    """``pieces`` in the order of the plans."""
    written: list[Ints] = [np.zeros(0, np.int64)] * len(plans)
    for count, (index, events) in enumerate(pieces(engine, plans), 1):
        written[index] = events
        progress(count, len(plans))
    return written
