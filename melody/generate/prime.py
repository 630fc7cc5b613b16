"""What an engine knows of plans before anything is sampled: what stays the same, and the state after their forced events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.given import COLUMNS, NO_HORIZON
from melody.generate.engine import Engine, StepInputs
from melody.generate.plan import Plan

Ints = NDArray[np.int64]


def context_of(engine: Engine, plans: Sequence[Plan], parts: Ints) -> Any:
    """The engine's context for plans whose parts (B, 16, 3) are known."""
    most = max([1, *(len(p.given) for p in plans)])
    given = np.zeros((most, len(plans), len(COLUMNS)), np.int64)
    for b, plan in enumerate(plans):
        given[: len(plan.given), b] = plan.given.rows
    causal = np.array([p.horizon < NO_HORIZON for p in plans])
    return engine.context(parts, np.stack([p.conditions for p in plans]).astype(np.int64), given, causal)


def primed(engine: Engine, plans: Sequence[Plan], parts: Ints, read: Sequence[StepInputs]) -> list[Any]:
    """The state of each plan after its forced events (``read``, not batched), but for the last one. Equal primes are read once."""
    known: dict[object, Any] = {}
    states = []
    for b, (plan, seen) in enumerate(zip(plans, read, strict=True)):
        if not len(plan.given):
            seen = seen._replace(lookups=np.zeros_like(seen.lookups))  # noqa: PLW2901  # a twin reads what its row reads, blind
        marks = (*seen, plan.given.rows, plan.conditions, parts[b], plan.horizon < NO_HORIZON)
        mark = tuple(np.asarray(a).tobytes() for a in marks)
        if mark not in known:
            state = engine.initial_state(plan.conditions[None].astype(np.int64))
            if len(seen.rows) > 1:
                context = context_of(engine, [plan], parts[b : b + 1])
                state = engine.advance(context, state, StepInputs(*(a[:-1, None] for a in seen)))[1]
            known[mark] = state
        states.append(known[mark])
    return states
