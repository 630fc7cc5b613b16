"""``density``, ``polyphony`` and ``range``: how many notes, how many at once, and how high and low."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import Condition
from melody.codec.conditions import density_class
from melody.compose.steering.scene import Asked, Control, Scene, pitched
from melody.errors import CallError
from melody.generate.limits import MAX_VOICES_COUNTED, Limits, limit, narrower
from melody.generate.plan import Plan
from melody.settings import setting, value_shown

Mask = NDArray[np.bool_]
LOWEST_DENSITY, HIGHEST_DENSITY = 0.1, 16.0  # notes a quarter
DENSITIES = {"low": 1.0, "medium": 2.5, "high": 5.0}  # of a whole piece
PART_DENSITIES = {"low": 0.5, "medium": 1.0, "high": 2.0}
MAX_POLYPHONY = MAX_VOICES_COUNTED - 1
PITCH = re.compile(r"([A-Ga-g])([#b]?)(-?\d)")
SPAN = re.compile(r"(.+?)\s*(?:-|\.\.|to)\s*(.+)")
STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True, kw_only=True)
class AmountSettings:
    """What can be said of all parts together."""

    density: str | float | None = setting(None, "How many notes: low, medium, high, or notes a quarter note, 0.1 to 16.")
    polyphony: int | None = setting(
        None,
        "How many notes of a part may sound together, 1 (a single line) to 7; drums are left out.",
        kind=int,
        low=1,
        high=MAX_POLYPHONY,
    )
    range: str | None = setting(None, "Lowest and highest pitch, for example C3-C5; drums are left out.", kind=str)


def parse_density(value: Any, words: dict[str, float], name: str = "density") -> float:
    """Notes a quarter. Errors: ``CallError`` that begins with ``name``.

    >>> parse_density("low", DENSITIES), parse_density("2.5", DENSITIES)
    (1.0, 2.5)
    """
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else float("nan")
    except ValueError:
        number = float("nan")
    if not LOWEST_DENSITY <= number <= HIGHEST_DENSITY:
        known = ", ".join(words)
        said = f"must be {known}, or {LOWEST_DENSITY:g} to {HIGHEST_DENSITY:g} notes a quarter note"
        raise CallError(f"{name} is {value_shown(value)}, {said}", argument="density")
    return number


def parse_range(text: str, name: str = "range") -> tuple[int, int]:
    """Lowest and highest MIDI pitch of "C3-C5". Errors: ``CallError`` that begins with ``name``.

    >>> parse_range("C3-C5"), parse_range("Bb1 - F#3")
    ((48, 72), (34, 54))
    """
    found = SPAN.fullmatch(text.strip())
    ends = [PITCH.fullmatch(side.strip()) for side in found.groups()] if found else []
    if len(ends) != 2 or any(end is None for end in ends):
        raise CallError(f"{name} is {value_shown(text)}, must be two pitches, as in C3-C5", argument="range")
    low, high = (12 * (int(e[3]) + 1) + STEPS[e[1].upper()] + {"#": 1, "b": -1, "": 0}[e[2]] for e in ends if e)
    if not 0 <= min(low, high) <= max(low, high) <= 127:
        raise CallError(f"{name} is {value_shown(text)}, must lie between C-1 and G9", argument="range")
    if low > high:
        raise CallError(f"{name} is {value_shown(text)}; the lower pitch comes first, as in C3-C5", argument="range")
    return low, high


def with_range(plan: Plan, parts: Mask, span: tuple[int, int]) -> Plan:
    """A plan some of whose parts (16,) stay in a range: inside their own one, where that is possible."""
    limits = plan.limits or Limits()
    low, high = limit(limits.low, 0), limit(limits.high, 127)
    for part in np.flatnonzero(parts).tolist():
        low[part], high[part] = narrower(int(low[part]), int(high[part]), span)
    return replace(plan, limits=replace(limits, low=low, high=high))


def with_voices(plan: Plan, parts: Mask, most: int) -> Plan:
    """A plan some of whose parts (16,) have at most so many notes at once."""
    limits = plan.limits or Limits()
    voices = limit(limits.voices, 0)
    voices = np.where(parts, np.where(voices > 0, np.minimum(voices, most), most), voices)
    return replace(plan, limits=replace(limits, voices=voices))


def check(request: Any) -> None:
    """Errors: ``CallError``."""
    if request.density is not None:
        parse_density(request.density, DENSITIES)
    if request.range is not None:
        parse_range(request.range)


def steer(request: Any, plan: Plan, asked: Asked, scene: Scene) -> tuple[Plan, Asked]:
    """Limits of all parts that are written."""

    def others(setting: str) -> Mask:
        """The parts that have none of their own."""
        out = pitched(plan).copy()
        out[[number for number, own in asked.own if own == setting]] = False
        return out

    if request.range is not None:
        span = parse_range(request.range)
        plan = with_range(plan, others("range"), span)
        plan = replace(plan, limits=replace(plan.limits or Limits(), span=span))
    if request.polyphony is not None:
        plan = with_voices(plan, others("polyphony"), request.polyphony)
        plan = replace(plan, limits=replace(plan.limits or Limits(), at_most=request.polyphony))
    if request.density is not None:
        density = parse_density(request.density, DENSITIES)
        limits = replace(plan.limits or Limits(), pace=density / plan.metre.config.grid, since=max(scene.start, plan.earliest))
        conditions = plan.conditions.copy()
        conditions[Condition.DENSITY] = density_class(density) if scene.whole else 0
        plan = replace(plan, limits=limits, conditions=conditions)
        asked = replace(asked, density=density if scene.whole else 0.0)
    return plan, asked


CONTROL = Control("amounts", check, steer)
