"""``part``: the same for single parts, "bass: range=E1-G3, density=low"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from melody.codec.columns import PartColumn
from melody.codec.table import DRUMS, MAX_PARTS
from melody.compose.steering.amounts import MAX_POLYPHONY, PART_DENSITIES, parse_density, parse_range, with_range, with_voices
from melody.compose.steering.scene import Asked, Control, Mask, Scene
from melody.errors import CallError, unknown
from melody.generate.limits import Limits
from melody.generate.plan import Plan
from melody.settings import setting, value_shown

MAX_ENTRIES = 64


@dataclass(frozen=True, kw_only=True)
class PartSettings:
    """What can be said of single parts."""

    names_holes: ClassVar[bool] = False  # whether ``part`` may also name what is rewritten: a bare name, without a colon

    part: str | int | Sequence[str | int] = setting(
        (),
        'One part alone: "bass: range=E1-G3, density=low, polyphony=1"; may be given several times. A name, or a number from 1.',
        many=True,
    )


def parse_polyphony(value: str, name: str) -> int:
    """A number of voices. Errors: ``CallError``.

    >>> parse_polyphony("2", "polyphony")
    2
    """
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:4]) <= MAX_POLYPHONY):
        raise CallError(f"{name} is {value_shown(value)}, must be a whole number, 1 to {MAX_POLYPHONY}", argument="part")
    return int(value)


def _range(plan: Plan, mine: Mask, value: str, name: str) -> Plan:
    return with_range(plan, mine, parse_range(value, name))


def _polyphony(plan: Plan, mine: Mask, value: str, name: str) -> Plan:
    return with_voices(plan, mine, parse_polyphony(value, name))


def _density(plan: Plan, mine: Mask, value: str, name: str) -> Plan:
    limits = plan.limits or Limits()
    paces = np.zeros(MAX_PARTS, np.float32) if limits.paces is None else limits.paces.copy()
    paces[mine] = parse_density(value, PART_DENSITIES, name) / plan.metre.config.grid
    return replace(plan, limits=replace(limits, paces=paces))


Steer = Callable[[Plan, Mask, str, str], Plan]
SETTINGS: dict[str, Steer] = {"range": _range, "polyphony": _polyphony, "density": _density}
CHECKS: dict[str, Callable[[str, str], Any]] = {
    "range": parse_range,
    "polyphony": parse_polyphony,
    "density": lambda value, name: parse_density(value, PART_DENSITIES, name),
}


def entries(values: Any) -> list[tuple[str, dict[str, str]]]:
    """Names of parts, and what is said of each. Errors: ``CallError``.

    >>> entries("bass: range=E1-G3, density=low")
    [('bass', {'range': 'E1-G3', 'density': 'low'})]
    """
    texts = [values] if isinstance(values, str) else list(values) if isinstance(values, list | tuple) else [values]
    if len(texts) > MAX_ENTRIES or not all(isinstance(text, str) for text in texts):
        raise CallError(
            f"part is {value_shown(values)}, must be text like 'bass: range=E1-G3', at most {MAX_ENTRIES} times", argument="part"
        )
    out = []
    for text in (piece for t in texts for piece in t.split(";") if piece.strip()):
        name, colon, rest = text.partition(":")
        pairs = [pair.partition("=") for pair in rest.split(",") if pair.strip()]
        if not colon or not name.strip() or not pairs or not all(equals and value.strip() for _, equals, value in pairs):
            raise CallError(f"part is {value_shown(text)}, must look like 'bass: range=E1-G3, density=low'", argument="part")
        settings = {key.strip().lower(): value.strip() for key, _, value in pairs}
        for key, value in settings.items():
            if key not in SETTINGS:
                raise unknown("setting of a part", key, SETTINGS)
            CHECKS[key](value, f"part: {key} of {name.strip()[:40]}")
        out.append((name.strip(), settings))
    return out


def check(request: Any) -> None:
    """Errors: ``CallError``."""
    if not request.names_holes:
        part = request.part
        object.__setattr__(request, "part", (part,) if isinstance(part, str) else tuple(part) if isinstance(part, list | tuple) else part)
    entries(said_of_parts(request))


def said_of_parts(request: Any) -> Any:
    """What ``part`` says of the settings of parts, without names of what is rewritten."""
    if not request.names_holes:
        return request.part
    texts = [request.part] if isinstance(request.part, str | int) else request.part
    return tuple(text for text in texts if isinstance(text, str) and ":" in text)


def steer(request: Any, plan: Plan, asked: Asked, scene: Scene) -> tuple[Plan, Asked]:
    """Limits of the parts that are named. Errors: ``CallError`` for one that there is not."""
    for name, settings in entries(said_of_parts(request)):
        number = _number(name, scene)
        mine = np.zeros(MAX_PARTS, bool)
        mine[number] = True
        drums = plan.parts[number, PartColumn.PROGRAM] == DRUMS
        for key, value in settings.items():
            if drums and key != "density":
                raise CallError(f"part: {name[:40]} is drums, which have no {key}; only density", argument="part")
            plan = SETTINGS[key](plan, mine, value, f"part: {key} of {name[:40]}")
        asked = replace(asked, own=asked.own | {(number, key) for key in settings})
        if plan.limits is not None and not plan.limits.since:
            plan = replace(plan, limits=replace(plan.limits, since=max(scene.start, plan.earliest)))
    return plan, asked


def _number(name: str, scene: Scene) -> int:
    names = scene.names
    if not names:
        raise CallError("part names one of the voices; say which there are with voices", argument=("part", "voices"))
    if name.casefold() in names:
        return names[name.casefold()]
    numbers = sorted(set(names.values()))
    if name.isascii() and name.isdigit() and 1 <= int(name[:4]) <= len(numbers):
        return numbers[int(name) - 1]
    near = [n for n in names if name.casefold() in n.split() or n.startswith(name.casefold())]
    if len({names[n] for n in near}) == 1:
        return names[near[0]]
    raise unknown("part", name, names)


CONTROL = Control("part", check, steer)
