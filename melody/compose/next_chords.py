"""Which chord comes next, by the model's own plan of chords: of all chords their shares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from melody.bundle import Bundle
from melody.codec.columns import Condition
from melody.codec.encode import blank_piece
from melody.codec.outline import nothing_known
from melody.codec.table import CHORD_BASE, CHORD_CODES, Field, Role
from melody.compose.drawing import Drawing
from melody.compose.verbs.generate import Generate
from melody.errors import MelodyError
from melody.generate.engine import AnyEngine
from melody.generate.loop import Writer
from melody.generate.passes import chord_plan
from melody.score import METER, table
from melody.theory.chord_symbols import flat_key, from_code

AHEAD = 8  # bars that are planned after the chords that there are
MAX_EVENTS = 64


class _Listening:
    """An engine whose logits of pitches are kept."""

    def __init__(self, engine: AnyEngine) -> None:
        self.engine = engine
        self.pitches: np.ndarray[Any, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def logits(self, context: Any, heads: Any, field: Field, *sizes: Any) -> Any:
        """See ``Engine.logits``."""
        found = self.engine.logits(context, heads, field) if field is Field.PITCH else self.engine.logits(context, heads, field, *sizes)
        if field is Field.PITCH:
            self.pitches = found
        return found


def next_chords(engine: AnyEngine, bundle: Bundle, request: Generate, count: int) -> list[tuple[str, float]]:
    """The likeliest chords after those of a request, with their shares of 1. Errors: ``MelodyError`` for a model that plans no chords."""
    if not bundle.codec.outlined:
        raise MelodyError(f"{bundle.name} has learned no chords of their own; use a model of vocabulary 2")
    task = request.task(bundle)
    assert task.asked is not None
    metre, codec = task.plan.metre, bundle.codec
    bars = int(metre.bar(np.array([task.plan.stop - 1]))[0][0]) + 1
    known = nothing_known(bars).with_chords(task.asked.onset, task.asked.chord, task.asked.bass)
    line = metre.bar_start(bars)
    notes = replace(task.plan, earliest=line, stop=metre.bar_start(bars + AHEAD), ending=line, limits=None)
    piece = blank_piece(codec, table(METER, [0], *([n] for n in request.parsed_meter() or (4, 4))))
    plan = chord_plan(notes, piece, known, nothing_known(bars + AHEAD), Drawing(bundle, request.style, request.sampling).of("chords"))
    assert plan is not None
    listening = _Listening(engine)
    for event, step in enumerate(Writer(listening, [plan], 1)):
        if int(step.rows[0, Field.ROLE]) != Role.REST or event > MAX_EVENTS:
            break
    assert listening.pitches is not None
    logits = listening.pitches[0, CHORD_BASE : CHORD_BASE + CHORD_CODES].astype(np.float64)
    shares = np.exp(logits - logits.max())
    shares /= shares.sum()
    flats = flat_key(int(task.plan.conditions[Condition.KEY]) - 1)
    return [(from_code(code).label(flats), float(shares[code])) for code in np.argsort(-shares, kind="stable")[:count].tolist()]
