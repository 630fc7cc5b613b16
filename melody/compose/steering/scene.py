"""What a control knows of the piece that it steers, and what a person wrote of its outline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.codec import Piece
from melody.codec.columns import PartColumn
from melody.codec.conditions import DENSEST, SPARSEST
from melody.codec.metre import Metre
from melody.codec.outline import UNKNOWN, Outline
from melody.codec.table import DENSITY_LEVELS, DRUMS, MAX_RETURN, POLYPHONY_LEVELS, UNDECLARED
from melody.generate.plan import Plan
from melody.theory.chord_symbols import Symbol
from melody.theory.modes import Scale
from melody.theory.sections import Section, bars_back

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Asked:
    """What a person wrote of an outline: chords (c,) from step ``onset`` on, between two bar lines; sections from bar ``first`` on."""

    first: int  # bar
    start: int  # step of its line
    stop: int  # step at which it is over
    onset: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    chord: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    bass: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    sections: tuple[Section, ...] = ()
    density: float = 0.0  # notes a quarter, 0: any
    own: frozenset[tuple[int, str]] = frozenset()  # parts that have a setting of their own, and which

    def with_form(self, outline: Outline, metre: Metre) -> Outline:
        """An outline whose form, and how full its bars are, is what was asked for; the rest as it was planned."""
        if self.sections:
            outline = self._with_sections(outline)
        elif len(self.onset) and len(outline.form):
            outline = replace(outline, form=np.where(self._moves(outline, metre), 0, outline.form))
        if self.density:
            level = np.log(self.density / SPARSEST) / np.log(DENSEST / SPARSEST) * (DENSITY_LEVELS - 1)
            shown = 1 + int(np.clip(level, 0, DENSITY_LEVELS - 2))
            mine = (np.arange(len(outline.form)) >= self.first) & (outline.texture > POLYPHONY_LEVELS)
            texture = 1 + shown * POLYPHONY_LEVELS + (outline.texture - 1) % POLYPHONY_LEVELS
            outline = replace(outline, texture=np.where(mine, texture, outline.texture))
        return outline

    def _with_sections(self, outline: Outline) -> Outline:
        form, texture, loudness = outline.form.copy(), outline.texture.copy(), outline.loudness.copy()
        back = bars_back(self.sections, MAX_RETURN)
        for section in self.sections:
            for bar in range(section.start, section.start + section.bars):
                at = self.first + bar
                if at >= len(form):
                    break
                if back[bar]:
                    form[at] = back[bar]
                    texture[at], loudness[at] = texture[at - back[bar]], loudness[at - back[bar]]
                elif form[at] > 0 and at - form[at] < self.first + section.start:  # what is new brings nothing back but itself
                    form[at] = 0
        return replace(outline, form=form, texture=texture, loudness=loudness)

    def _moves(self, outline: Outline, metre: Metre) -> NDArray[np.bool_]:
        """(b,): whether a bar brings back one that has other chords."""
        bars = np.arange(len(outline.form))
        lines = metre.starts(np.arange(len(bars) + 1))
        low = np.searchsorted(self.onset, lines, side="left")
        out = np.zeros(len(bars), bool)
        for bar in np.flatnonzero((outline.form > 0) & (lines[:-1] >= self.start) & (lines[:-1] < self.stop)).tolist():
            then = bar - int(outline.form[bar])
            if lines[then] >= self.start:
                mine, other = ((slice(low[b], low[b + 1]), lines[b]) for b in (bar, then))
                same = np.array_equal(self.onset[mine[0]] - mine[1], self.onset[other[0]] - other[1])
                out[bar] = not (same and np.array_equal(self.chord[mine[0]], self.chord[other[0]]))
        return out

    def with_chords(self, outline: Outline) -> Outline:
        """An outline with the chords that were asked for in place of what it has there."""
        if not len(self.onset):
            return outline
        early, late = outline.onset < self.start, outline.onset >= self.stop
        parts = ((outline.onset, self.onset), (outline.chord, self.chord), (outline.bass, self.bass))
        return outline.with_chords(*(np.concatenate([old[early], new, old[late]]) for old, new in parts))


@dataclass(frozen=True, eq=False)
class Scene:
    """What a request is about, on the grid. ``piece``: what there is before; ``names``: of the parts that can be named, by number."""

    metre: Metre
    piece: Piece
    first: int  # bar from which is written
    start: int  # step of its line
    stop: int
    key: Scale | None  # that was asked for, or that a tune has
    names: dict[str, int]  # of parts, in lower case
    outlined: bool
    whole: bool  # whether all parts are written

    @property
    def bars(self) -> int:
        """Bars that are written, begun ones counted."""
        return int(self.metre.bar(np.array([max(self.start, self.stop - 1)]))[0][0]) + 1 - self.first


def pitched(plan: Plan) -> NDArray[np.bool_]:
    """(16,): the parts that are no drums, those that the model may still declare among them."""
    out: NDArray[np.bool_] = plan.parts[:, PartColumn.PROGRAM] != DRUMS
    return out


def undeclared(plan: Plan) -> NDArray[np.bool_]:
    """(16,): the parts that there are not yet."""
    out: NDArray[np.bool_] = plan.parts[:, PartColumn.PROGRAM] == UNDECLARED
    return out


class Control(NamedTuple):
    """One control: what is checked when a request is made, and how it changes a plan and what is asked of the outline."""

    name: str
    check: Callable[[Any], None]
    steer: Callable[[Any, Plan, Asked, Scene], tuple[Plan, Asked]]


def unchecked(request: Any) -> None:
    """Nothing to check beyond kind and range."""


def symbols_of(asked: Asked) -> list[tuple[int, Symbol]]:
    """The chords that were asked for, by step."""
    from melody.theory.chord_symbols import from_code

    rows = zip(asked.onset.tolist(), asked.chord.tolist(), asked.bass.tolist(), strict=True)
    return [(step, from_code(code, bass)) for step, code, bass in rows if code != UNKNOWN]
