"""A task steered: the controls of a request change its plan, and what was used is marked in what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from melody.codec import Piece
from melody.codec.columns import PartColumn
from melody.codec.outline import nothing_known
from melody.codec.table import DRUMS, UNDECLARED
from melody.compose.steering import CONTROLS
from melody.compose.steering.form import exact
from melody.compose.steering.scene import Asked, Scene, symbols_of
from melody.compose.task import Rows, Task
from melody.generate.plan import Plan
from melody.programs import program_name
from melody.score import Marker, Score
from melody.theory.chord_symbols import flat_key
from melody.theory.lead_sheet import marked_chords
from melody.theory.modes import Scale

SECTION = "section "  # how the marker of one begins: its bare name could be a chord
FIELDS = ("chords", "progression", "form", "density", "polyphony", "range", "part")


def is_steered(request: Any) -> bool:
    """Whether anything was asked for that is no condition."""
    return any(getattr(request, name, None) not in (None, ()) for name in FIELDS)


def steered(
    request: Any, task: Task, piece: Piece, key: Scale | None, ticks: Callable[[Any], Any], names: Mapping[str, int], whole: bool = True
) -> Task:
    """The task with all that was asked for. As it is where nothing was.

    piece   what there is before, on the grid
    key     that was asked for, or that a tune has
    ticks   steps -> ticks of what comes of the task
    names   of the parts that are written, by number
    whole   whether no other part sounds beside what is written
    """
    if not is_steered(request):
        return task
    plan = task.plan
    bar, position, _ = (int(a[0]) for a in plan.metre.bar(np.array([plan.earliest])))
    first = bar + (position > 0)
    start, stop = plan.metre.bar_start(first), plan.stop
    named = {name.casefold(): number for name, number in names.items() if name}
    outlined = piece.config.outlined
    scene = Scene(plan.metre, piece, first, start, max(stop, start + 1), key, named, outlined, whole)
    asked = Asked(first, start, plan.metre.bar_start(first + scene.bars))
    for control in CONTROLS:
        plan, asked = control.steer(request, plan, asked, scene)
    if outlined and not request.passes:
        plan = replace(plan, outline=asked.with_chords(asked.with_form(nothing_known(first + scene.bars), plan.metre)))
    flats = flat_key(key.key if key is not None else None)
    steps = [(step, symbol.label(flats)) for step, symbol in symbols_of(asked) if step < stop]
    steps = [one for i, one in enumerate(steps) if i == 0 or one[1] != steps[i - 1][1]]
    sections = [(plan.metre.bar_start(first + s.start), f"{SECTION}{s.name}") for s in asked.sections]
    markers: list[Marker] = [(int(ticks(np.int64(step))), text) for step, text in sorted((*sections, *steps), key=lambda one: one[0])]

    def finish(rows: Rows) -> Score:
        score = task.finish(rows)
        if asked.sections and request.returns == "exact":
            score = exact(score, asked.sections, first)
        return replace(score, markers=_merged(score.markers, markers, (int(ticks(np.int64(start))), int(ticks(np.int64(stop))))))

    return replace(task, plan=plan, finish=finish, asked=asked)


def _merged(old: Sequence[Marker], new: Sequence[Marker], span: tuple[int, int]) -> tuple[Marker, ...]:
    """Markers with new ones in a span of ticks, in place of the chords and sections that it had; what held at its end goes on behind it."""
    low, high = span
    kinds = [text for _, text in new]
    chords, sections = any(map(_is_chord, kinds)), any(text.startswith(SECTION) for text in kinds)

    def replaced(text: str) -> bool:
        return (chords and _is_chord(text)) or (sections and text.startswith(SECTION))

    kept = [one for one in old if not (low <= one[0] < high and replaced(one[1]))]
    before = [one for one in old if one[0] <= high and _is_chord(one[1])]
    if chords and before and before[-1][0] < high and any(one[0] > high for one in old):
        kept.append((high, before[-1][1]))
    return tuple(sorted((*kept, *new), key=lambda one: one[0]))


def _is_chord(text: str) -> bool:
    return bool(marked_chords([(0, text)]))


def names_of_voices(plan: Plan, voices: tuple[str, ...], first: int) -> dict[str, int]:
    """Names of voices that were asked for, declared from part ``first`` on."""
    out: dict[str, int] = {}
    for number, voice in enumerate(voices, start=first):
        program = int(plan.parts[number, PartColumn.PROGRAM])
        for name in (
            voice,
            program_name(min(program, 127), program == DRUMS),
            *(("melody",) if plan.parts[number, PartColumn.LEAD] else ()),
        ):
            out.setdefault(name.casefold(), number)
    return out


def names_of_tracks(plan: Plan, names: list[str]) -> dict[str, int]:
    """Names of the parts of a tune that are written, by number; one without a name has its instrument's."""
    out: dict[str, int] = {}
    for number, name in enumerate(names):
        program, _, given = (int(v) for v in plan.parts[number])
        if not given and program != UNDECLARED:
            out.setdefault((name or program_name(min(program, 127), program == DRUMS)).casefold(), number)
    return out
