"""Names of the integer columns that travel beside the events, how many classes each has, and what 0 means: one table for all rooms.

Arrays keep plain integers; these enums name their last axis. A column that is 0 says "nothing here" unless its enum says otherwise.
The sizes are those of the model's embeddings, so a new column is a name and a size here and its value where the column is computed.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import (
    BAR_CLASSES,
    CHORD_CODES,
    DENSITY_CLASSES,
    LEFT_CLASSES,
    MAX_PARTS,
    MAX_RETURN,
    METERS,
    TEMPO_CLASSES,
    TEXTURES,
    CodecConfig,
    Field,
)

STRENGTHS = 8  # classes of metrical strength, see ``Metre.features``
CHORD_LEFT_CLASSES = 18  # 0: not known; 1 + eighths, up to two bars of 4/4 and more
STREAKS = 10  # classes of "how often in a row was this pointer right", see ``codec.recall``
LAGS = (1, 2, 4, 8)  # bars that the pointers of ``codec.recall`` look back; one more pointer follows repeated passages
POINTERS = len(LAGS) + 1

Array = TypeVar("Array")


class Feature(IntEnum):
    """What the meter says of a step (``Metre.features``), and what the outline does (``Outline.features``), each a class.

    Vocabulary 1 reads the first four. Of an outline 0 is "not known".
    """

    POSITION = 0
    STRENGTH = 1
    BAR = 2
    BARS_LEFT = 3
    CHORD = 4  # 1 + its code
    BASS = 5  # 1 + pitch class
    NEXT_CHORD = 6  # 1 + its code
    CHORD_LEFT = 7  # 1 + eighths until the chord changes, begun ones counted
    FORM = 8  # 1 for a new bar, 1 + bars back to the one that this bar brings back
    TEXTURE = 9  # of this bar
    LOUDNESS = 10  # of this bar: 1 + mean velocity bin


class Lookup(IntEnum):
    """Which given notes stand around a step (``given.look_up``). The first two are indices + 1, the others distances + 1."""

    LAST = 0
    NEXT = 1
    SINCE = 2
    UNTIL = 3
    REMAINING = 4


DISTANCES = (Lookup.SINCE, Lookup.UNTIL, Lookup.REMAINING)


class Recalled(IntEnum):
    """What one pointer into the piece's own past predicts (``codec.recall``). STREAK is a class, never "nothing"."""

    WAIT = 0
    PART = 1
    PITCH = 2
    DURATION = 3
    VELOCITY = 4
    STREAK = 5


class GivenColumn(IntEnum):
    """A given note as the encoder reads it."""

    PART = 0
    PITCH = 1
    DURATION = 2
    VELOCITY = 3
    DELTA = 4
    POSITION = 5
    STRENGTH = 6


class PartColumn(IntEnum):
    """A part of a piece: its program (129: no such part), whether it is the lead, whether all of it is given."""

    PROGRAM = 0
    LEAD = 1
    GIVEN = 2


class Condition(IntEnum):
    """What is asked of a whole piece, each a class with 0 for "any"."""

    STYLE = 0
    TEMPO = 1
    KEY = 2
    METER = 3
    DENSITY = 4


# Fields that a pointer predicts, and what is added to a field's value in its column: a duration is never 0 by itself.
COPIED_FIELDS = (Field.WAIT, Field.PART, Field.PITCH, Field.DURATION, Field.VELOCITY)
PREDICTED_OFFSET = {Field.WAIT: 1, Field.PART: 1, Field.PITCH: 1, Field.DURATION: 0, Field.VELOCITY: 1}


def recalled_column(field: Field) -> Recalled:
    """The column in which a pointer predicts a field."""
    return Recalled[field.name]


def feature_sizes(config: CodecConfig) -> tuple[int, ...]:
    """Classes of each ``Feature``."""
    metre = (config.positions, STRENGTHS, BAR_CLASSES, LEFT_CLASSES)
    if config.version == 1:
        return metre
    return (*metre, 1 + CHORD_CODES, 13, 1 + CHORD_CODES, CHORD_LEFT_CLASSES, 2 + MAX_RETURN, 1 + TEXTURES, 1 + config.velocity_bins)


def distance_sizes(config: CodecConfig) -> tuple[int, ...]:
    """Classes of each of ``DISTANCES``."""
    return (config.rest + 2,) * len(DISTANCES)


def recalled_sizes(config: CodecConfig) -> tuple[int, ...]:
    """Classes of each column of ``Recalled``."""
    sizes = config.sizes
    pitches = 128 if config.version == 1 else sizes[Field.PITCH]
    return (config.rest + 2, MAX_PARTS + 1, 1 + pitches, sizes[Field.DURATION], 1 + sizes[Field.VELOCITY], STREAKS)


def given_sizes(config: CodecConfig) -> tuple[int, ...]:
    """Classes of each ``GivenColumn`` after PART, which is looked up among the piece's own parts."""
    return (config.given_pitches, config.max_duration + 1, config.velocity_bins, config.rest + 1, config.positions, STRENGTHS)


def condition_sizes(config: CodecConfig) -> tuple[int, ...]:
    """Classes of each ``Condition``, "any" counted."""
    return (1 + len(config.styles), 1 + TEMPO_CLASSES, 1 + 24, 2 + len(METERS), 1 + DENSITY_CLASSES)


class StepInputs(NamedTuple, Generic[Array]):
    """What the network reads at each step: numpy arrays or tensors, ``...`` any leading axes (time, or time and batch).

    Everything that varies in time is here and nowhere else: pieces, batches and engines hand it on whole.
    """

    events: Array  # (..., 6) by ``Field``: the event before
    features: Array  # (..., 11) by ``Feature``: at the time that it reached
    lookups: Array  # (..., 5) by ``Lookup``: likewise
    recalled: Array  # (..., 5, 6) by pointer and ``Recalled``: likewise

    def at(self, index: Any) -> StepInputs[Array]:
        """Some steps: the same index of every array."""
        arrays: tuple[Any, ...] = self
        return StepInputs(*(a[index] for a in arrays))


STEP_SHAPES = ((len(Field),), (len(Feature),), (len(Lookup),), (POINTERS, len(Recalled)))  # last axes of ``StepInputs``
STEP_DTYPES = (np.int16, np.int16, np.int32, np.int16)


def blank_steps(*shape: int) -> StepInputs[NDArray[Any]]:
    """Zeros with these leading axes."""
    return StepInputs(*(np.zeros((*shape, *tail), dtype) for tail, dtype in zip(STEP_SHAPES, STEP_DTYPES, strict=True)))
