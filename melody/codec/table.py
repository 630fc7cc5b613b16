"""The one table of the vocabulary: every field of an event, its range under every role, and what it means.

``sizes`` (the width of embeddings and heads), the grammar's bounds and the table in ``docs/events.md`` all come from here.

An event is one row of six small integers. A field that a role does not use is 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Literal

Clock = Literal["beats", "seconds"]


class Role(IntEnum):
    """What an event is. The order matters: the roles that may follow any event form an interval (grammar.py)."""

    PART = 0
    NOTE = 1
    REST = 2
    END = 3


class Field(IntEnum):
    """Columns of an event, in the order in which the heads choose them."""

    ROLE = 0
    WAIT = 1
    PART = 2
    PITCH = 3
    DURATION = 4
    VELOCITY = 5


ROLES = tuple(r.name.lower() for r in Role)
FIELDS = tuple(f.name.lower() for f in Field)

MAX_PARTS = 16
DRUMS = 128  # the "program" of a drum part
UNDECLARED = DRUMS + 1  # the "program" of a part that a piece does not have
PROGRAM_BASE = 128  # in the pitch field: 128 + program for a declaration

# Meters that a model can be asked for; condition class 1 + index, the last class holds every other meter.
METERS = ((4, 4), (3, 4), (2, 4), (6, 8), (2, 2), (3, 8), (9, 8), (12, 8), (6, 4), (3, 2), (5, 4), (4, 8))
TEMPO_CLASSES = 24  # log-spaced from 30 to 240 quarter notes a minute
DENSITY_CLASSES = 10  # log-spaced notes per quarter (beats) or per half second (seconds)
BAR_CLASSES = 32
LEFT_CLASSES = 33  # 0: any; 1 + bars left, up to 31 and more


@dataclass(frozen=True)
class CodecConfig:
    """What fixes a vocabulary. Two models with equal codecs read each other's events."""

    clock: Clock = "beats"  # time in quarter notes ("beats") or in seconds
    grid: int = 24  # steps per quarter note (beats) or per second (seconds)
    velocity_bins: int = 32  # levels of velocity, equally wide over 1..127
    styles: tuple[str, ...] = ()  # names of the styles, in the order of their classes

    @property
    def rest(self) -> int:
        """Steps that one rest passes: a bar of 4/4 (beats) or a second."""
        return 4 * self.grid if self.clock == "beats" else self.grid

    @property
    def max_duration(self) -> int:
        """Longest duration in steps: 8 bars of 4/4, or 16 seconds. Longer notes are cut to it."""
        return 32 * self.grid if self.clock == "beats" else 16 * self.grid

    @property
    def positions(self) -> int:
        """Classes of the position in the bar: 0 for none (seconds clock), then 1 + steps, up to two bars of 4/4."""
        return 8 * self.grid + 1

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Number of values of each field, in the order of ``Field``: the width of its embedding and of its head."""
        return tuple(1 + max(bounds[1] for bounds in self.bounds(field).values()) for field in Field)

    def bounds(self, field: Field) -> dict[Role, tuple[int, int]]:
        """Smallest and largest value of a field under each role. The grammar narrows these by what came before."""
        unused = dict.fromkeys(Role, (0, 0))
        part, note = (0, MAX_PARTS - 1), Role.NOTE
        return {
            Field.ROLE: {r: (int(r), int(r)) for r in Role},
            Field.WAIT: unused | {note: (0, self.rest - 1), Role.REST: (self.rest, self.rest)},
            Field.PART: unused | {note: part, Role.PART: part},
            Field.PITCH: unused | {note: (0, 127), Role.PART: (PROGRAM_BASE, PROGRAM_BASE + DRUMS)},
            Field.DURATION: unused | {note: (1, self.max_duration)},
            Field.VELOCITY: unused | {note: (0, self.velocity_bins - 1), Role.PART: (0, 1)},
        }[field]


MEANING: dict[tuple[Field, Role], str] = {
    (Field.WAIT, Role.NOTE): "steps since the event before",
    (Field.WAIT, Role.REST): "a rest always passes one bar of 4/4 (or one second)",
    (Field.PART, Role.NOTE): "a declared part",
    (Field.PART, Role.PART): "parts are declared in order: 0, 1, 2, ...",
    (Field.PITCH, Role.NOTE): "MIDI pitch",
    (Field.PITCH, Role.PART): "128 + General MIDI program, 256 for drums",
    (Field.DURATION, Role.NOTE): "steps",
    (Field.VELOCITY, Role.NOTE): "velocity bin",
    (Field.VELOCITY, Role.PART): "1 for the lead (the melody), else 0",
}


def markdown(config: CodecConfig) -> str:
    """The vocabulary as a Markdown table: what ``docs/events.md`` holds."""
    lines = ["| field | values | role | range | meaning |", "|---|---|---|---|---|"]
    for field in Field:
        for role, (low, high) in config.bounds(field).items():
            if field is Field.ROLE:
                lines.append(f"| role | {config.sizes[field]} | {role.name.lower()} | {low} | |")
            elif (low, high) != (0, 0):
                span = str(low) if low == high else f"{low}..{high}"
                lines.append(f"| {field.name.lower()} | {config.sizes[field]} | {role.name.lower()} | {span} | {MEANING[field, role]} |")
    return "\n".join(lines) + "\n"
