"""The one table of the vocabulary: every field of an event, its range under every role, and what it means.

``sizes`` (the width of embeddings and heads), the grammar's bounds and the table in ``docs/events.md`` all come from here.

An event is one row of six small integers. A field that a role does not use is 0.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from functools import cached_property
from typing import Any, Literal

Clock = Literal["beats", "seconds"]


class Role(IntEnum):
    """What an event is. The order matters: the roles that may follow any event form an interval (grammar.py)."""

    PART = 0
    NOTE = 1
    REST = 2
    END = 3


class Kind(IntEnum):
    """What the notes of a part are. Each kind has values of its own in the pitch field, but in vocabulary 1, where all are melodic."""

    MELODIC = 0
    DRUMS = 1
    CHORDS = 2  # one note a chord: it holds until the next one
    FORM = 3  # one note a bar


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
CHORDS, FORM = UNDECLARED + 1, UNDECLARED + 2  # the "programs" of the parts of an outline
PROGRAM_BASE = 128  # in the pitch field: 128 + program for a declaration; the parts of an outline come after drums

# A chord: 0 for none, else 1 + 12 * quality + root. How it is written after the root; never to be reordered.
CHORD_QUALITIES = ("", "m", "7", "maj7", "m7", "dim", "aug", "sus4", "sus2", "m7b5", "dim7")
CHORD_CODES = 1 + 12 * len(CHORD_QUALITIES)
MAX_RETURN = 64  # bars: the farthest that a bar can bring back
DENSITY_LEVELS, POLYPHONY_LEVELS = 12, 8  # of a bar, see ``codec.outline``
TEXTURES = DENSITY_LEVELS * POLYPHONY_LEVELS
BASSES = 12  # semitones of a chord's bass above its root

# Vocabulary 2: regions of the pitch field, after pitches (0..127) and declarations.
DRUM_BASE = PROGRAM_BASE + DRUMS + 3
CHORD_BASE = DRUM_BASE + 128
FORM_BASE = CHORD_BASE + CHORD_CODES
BASES = (0, DRUM_BASE, CHORD_BASE, FORM_BASE)  # by kind
VERSIONS = (1, 2)

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
    version: int = 1  # of the vocabulary; 2: drums have keys of their own, and pieces can have an outline

    def plain(self) -> dict[str, Any]:
        """The settings as files hold them: those of vocabulary 1 as they were before there was another one."""
        settings = asdict(self)
        if self.version == 1:
            del settings["version"]
        return settings

    @property
    def outlined(self) -> bool:
        """Whether pieces can have an outline: only where there are bars."""
        return self.version > 1 and self.clock == "beats"

    @property
    def programs(self) -> int:
        """Number of "programs" of a part."""
        return UNDECLARED + 1 if self.version == 1 else FORM + 1

    @property
    def given_pitches(self) -> int:
        """Number of pitches of a given note; in vocabulary 2 those of drums stand behind the others."""
        return 128 if self.version == 1 else 256

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
        return tuple(1 + max(high for kind in Kind for _, high in self.bounds(field, kind).values()) for field in Field)

    def bounds(self, field: Field, kind: Kind = Kind.MELODIC) -> dict[Role, tuple[int, int]]:
        """Smallest and largest value of a field under each role, that of a note in a part of some kind.

        The grammar narrows these by what came before.
        """
        unused = dict.fromkeys(Role, (0, 0))
        part, note = (0, MAX_PARTS - 1), Role.NOTE
        kind = kind if self.version > 1 else Kind.MELODIC
        base, last = BASES[kind], (127, 127, CHORD_CODES - 1, MAX_RETURN)[kind]
        long = (self.max_duration, self.max_duration, 1, TEXTURES)[kind]
        loud = BASSES - 1 if kind is Kind.CHORDS else self.velocity_bins - 1
        return {
            Field.ROLE: {r: (int(r), int(r)) for r in Role},
            Field.WAIT: unused | {note: (0, self.rest - 1), Role.REST: (self.rest, self.rest)},
            Field.PART: unused | {note: part, Role.PART: part},
            Field.PITCH: unused | {note: (base, base + last), Role.PART: (PROGRAM_BASE, PROGRAM_BASE + self.programs - 2)},
            Field.DURATION: unused | {note: (1, long)},
            Field.VELOCITY: unused | {note: (0, loud), Role.PART: (0, 1)},
        }[field]


def declaration(program: Any) -> Any:
    """The value of the pitch field that declares a part (numbers, or arrays of them)."""
    return PROGRAM_BASE + program - (program > DRUMS)


def declared_program(value: Any) -> Any:
    """The program that a declaration names: the way back."""
    program = value - PROGRAM_BASE
    return program + (program > DRUMS)


def kind_of(config: CodecConfig, program: Any) -> Any:
    """The ``Kind`` of parts by their programs (numbers, numpy arrays or tensors)."""
    if config.version == 1:
        return program * 0
    return (program == DRUMS) + 2 * (program == CHORDS) + 3 * (program == FORM)


MEANING: dict[tuple[Field, Role], str] = {
    (Field.WAIT, Role.NOTE): "steps since the event before",
    (Field.WAIT, Role.REST): "a rest always passes one bar of 4/4 (or one second)",
    (Field.PART, Role.NOTE): "a declared part",
    (Field.PART, Role.PART): "parts are declared in order: 0, 1, 2, ...",
    (Field.PITCH, Role.NOTE): "MIDI pitch",
    (Field.PITCH, Role.PART): "128 + General MIDI program, 256 for drums, 257 for chords, 258 for form",
    (Field.DURATION, Role.NOTE): "steps",
    (Field.VELOCITY, Role.NOTE): "velocity bin",
    (Field.VELOCITY, Role.PART): "1 for the lead (the melody), else 0",
}
MEANING_BY_KIND: dict[tuple[Field, Kind], str] = {
    (Field.PITCH, Kind.DRUMS): "259 + General MIDI key of a drum",
    (Field.PITCH, Kind.CHORDS): "387 + chord: 0 none, else 1 + 12 * quality + root",
    (Field.PITCH, Kind.FORM): "520 + how many bars back the bar lies that this one brings back; 0: a new bar",
    (Field.DURATION, Kind.CHORDS): "not used",
    (Field.DURATION, Kind.FORM): "1 + 8 * density + polyphony of the bar",
    (Field.VELOCITY, Kind.CHORDS): "semitones of the bass above the root",
    (Field.VELOCITY, Kind.FORM): "mean velocity bin of the bar",
}


def markdown(config: CodecConfig) -> str:
    """The vocabulary as a Markdown table: what ``docs/events.md`` holds."""
    lines = ["| field | values | role | range | meaning |", "|---|---|---|---|---|"]
    for field in Field:
        for role, (low, high) in config.bounds(field).items():
            if field is Field.ROLE:
                lines.append(f"| role | {config.sizes[field]} | {role.name.lower()} | {low} | |")
            elif (low, high) != (0, 0):
                lines.append(_line(config, field, role.name.lower(), (low, high), MEANING[field, role]))
        for kind in list(Kind)[1:] if config.version > 1 else ():
            if (field, kind) in MEANING_BY_KIND:
                span = config.bounds(field, kind)[Role.NOTE]
                lines.append(_line(config, field, f"note of {kind.name.lower()}", span, MEANING_BY_KIND[field, kind]))
    return "\n".join(lines) + "\n"


def _line(config: CodecConfig, field: Field, role: str, span: tuple[int, int], meaning: str) -> str:
    low, high = span
    values = str(low) if low == high else f"{low}..{high}"
    return f"| {field.name.lower()} | {config.sizes[field]} | {role} | {values} | {meaning} |"
