"""What an engine knows of plans before anything is sampled: the context, and the state after their forced events."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import GivenColumn
from melody.codec.given import NO_HORIZON
from melody.generate.engine import Context, Engine, Heads, State, Steps
from melody.generate.plan import Plan

Ints = NDArray[np.int64]


def context_of(engine: Engine[Context, State, Heads], plans: Sequence[Plan], parts: Ints) -> Context:
    """The engine's context for plans whose parts (B, 16, 3) are known."""
    longest = max([1, *(len(p.given) for p in plans)])
    given = np.zeros((longest, len(plans), len(GivenColumn)), np.int64)
    for b, plan in enumerate(plans):
        given[: len(plan.given), b] = plan.given.rows
    causal = np.array([p.horizon < NO_HORIZON for p in plans])
    return engine.context(parts, np.stack([p.conditions for p in plans]).astype(np.int64), given, causal)


def primed(engine: Engine[Context, State, Heads], plans: Sequence[Plan], parts: Ints, forced: Sequence[Steps]) -> list[State]:
    """The state of each plan after its forced events (T, ...), but for the last one, which the first step reads.

    Equal primes are read once.
    """
    known: dict[object, State] = {}
    states = []
    for b, (plan, steps) in enumerate(zip(plans, forced, strict=True)):
        if not len(plan.given):
            steps = steps._replace(lookups=np.zeros_like(steps.lookups))  # noqa: PLW2901  # the unconditional row reads the same, without them
        facts = (*steps, plan.given.rows, plan.conditions, parts[b], plan.horizon < NO_HORIZON)
        key = tuple(np.asarray(a).tobytes() for a in facts)
        if key not in known:
            state = engine.initial_state(plan.conditions[None].astype(np.int64))
            if len(steps.events) > 1:
                context = context_of(engine, [plan], parts[b : b + 1])
                state = engine.advance(context, state, steps.at((slice(None, -1), None)))[1]
            known[key] = state
        states.append(known[key])
    return states
