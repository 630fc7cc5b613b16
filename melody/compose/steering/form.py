"""``form`` and ``returns``: the sections of what is written, and how they come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from melody import edit, theory
from melody.compose.steering.scene import Asked, Control, Scene
from melody.errors import CallError
from melody.generate.plan import Plan
from melody.score import Score, Table
from melody.settings import setting
from melody.theory.sections import Section, parse_form


@dataclass(frozen=True, kw_only=True)
class FormSettings:
    """What can be said of a form."""

    form: str | None = setting(
        None,
        'Sections of what is written: AABA, or with their bars "intro:4 A:8 A:8 B:8 A\':8 outro:4"; those of one name come back.',
        kind=str,
    )
    returns: str = setting(
        "varied",
        "How sections come back: varied, or exact, note for note, but for those with a prime.",
        kind=str,
        choices=("varied", "exact"),
    )


def check(request: Any) -> None:
    """Errors: ``CallError``."""
    form = getattr(request, "form", None)
    if form is None:
        if getattr(request, "returns", "varied") != "varied":
            raise CallError("returns says how the sections of a form come back; give form too", argument=("returns", "form"))
        return
    if request.seconds is not None:
        raise CallError("form counts in bars and contradicts seconds; leave one of them out", argument=("form", "seconds"))
    parse_form(form, request.bars)


def form_bars(request: Any) -> int:
    """How many bars the form of a request has; 0 where there is none."""
    form = getattr(request, "form", None)
    return 0 if form is None else sum(s.bars for s in parse_form(form, request.bars))


def steer(request: Any, plan: Plan, asked: Asked, scene: Scene) -> tuple[Plan, Asked]:
    """The sections, as part of the outline."""
    form = getattr(request, "form", None)
    if form is None:
        return plan, asked
    if not scene.outlined and request.returns == "varied":
        raise CallError(
            "form: this model has learned no form, so its sections can only come back note for note: add returns exact", argument="form"
        )
    return plan, replace(asked, sections=parse_form(form, request.bars))


def exact(score: Score, sections: Sequence[Section], first: int) -> Score:
    """The Score whose sections, counted from bar ``first``, come back note for note, but for those that are varied."""
    for section in sections:
        if section.source < 0 or section.varied:
            continue
        ends = [section.start, section.start + section.bars, section.source, section.source + section.bars]
        low, high, source, until = (int(t) for t in theory.bar_start(score, first + np.array(ends)))
        tracks = [replace(t, notes=_copied(t.notes, low, high, source, until)) for t in score.tracks]
        score = edit.with_tracks(score, tracks)
    return score


def _copied(notes: Table, low: int, high: int, source: int, until: int) -> Table:
    """Notes whose passage from ``low`` to ``high`` is that from ``source`` to ``until``; what sounds into it ends there."""
    onset = notes["onset"]
    kept = notes[(onset < low) | (onset >= high)].copy()
    into = (kept["onset"] < low) & (kept["onset"] + kept["duration"] > low)
    kept["duration"][into] = np.maximum(1, low - kept["onset"][into])
    fresh = notes[(onset >= source) & (onset < min(until, source + high - low))].copy()
    fresh["onset"] += low - source
    fresh["duration"] = np.minimum(fresh["duration"], np.maximum(1, high - fresh["onset"]))
    both = np.concatenate([kept, fresh])
    out: Table = both[np.lexsort((both["pitch"], both["onset"]))]
    return out


CONTROL = Control("form", check, steer)
