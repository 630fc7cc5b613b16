"""A plan: everything that one row of a batch is asked to write, on the grid, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from melody.codec.given import NO_HORIZON, Given, no_given
from melody.codec.metre import Metre
from melody.codec.outline import Outline
from melody.codec.table import MAX_PARTS, Field, Role
from melody.generate.limits import Limits
from melody.generate.pins import Pins
from melody.generate.sampling import Sampling
from melody.originality.watch import Original

NO_STOP = 1 << 29


@dataclass(frozen=True, eq=False)
class Plan:
    """What one row writes. Times are steps of the codec's grid."""

    parts: NDArray[np.int16]  # (16, 3) by PartColumn: parts that are known before anything is sampled
    conditions: NDArray[np.int16]  # (5,) by Condition
    metre: Metre
    prime: NDArray[np.int16] = field(
        default_factory=lambda: np.zeros((0, len(Field)), np.int16)
    )  # forced events before the first sampled one
    given: Given = field(default_factory=no_given)
    outline: Outline | None = None  # chords and form that the piece follows, as far as they are known
    horizon: int = NO_HORIZON
    start: int = 0  # step from which the first wait counts
    earliest: int = 0  # no sampled note before this step
    stop: int = NO_STOP  # no sampled note at or after this step
    ending: int = 0  # no end before this step
    bars_left_known: bool = True  # whether the model knows how many bars are left
    declare: tuple[int, int] = (0, MAX_PARTS)  # least and most parts that are sampled
    every_bar: bool = False  # whether a note must start in every bar, from the first bar line at or after ``earliest`` on
    every_line: bool = False  # with ``every_bar``: on the next bar line at the latest (``passes.py``)
    max_silence: int = NO_STOP  # steps for which a voice may be silent; a quarter of it for a voice that has not played yet
    scale: NDArray[np.float32] | None = None  # (128,): added to the logits of pitches (a key that is wished for)
    limits: Limits | None = None  # what keeps the notes to their surroundings
    original: Original | None = None  # of what no more than so many notes in a row are written
    pins: Pins | None = None  # notes that stand whatever is drawn around them
    max_notes: int = 1_000_000
    seed: int | tuple[int, ...] = 0
    sampling: Sampling = field(default_factory=Sampling)

    @property
    def guidance(self) -> float:
        """How closely the given notes are followed: 1, as the model learned it, where there are none or nothing is said."""
        return self.sampling.guidance if len(self.given) and self.sampling.guidance is not None else 1.0

    def forced(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """What is read before anything is sampled: the END of "the piece before" and the prime (n, 6), and the step (n,) after each."""
        rows = np.zeros((1 + len(self.prime), len(Field)), np.int64)
        rows[0, Field.ROLE] = Role.END
        rows[1:] = self.prime
        return rows, self.start + np.cumsum(rows[:, Field.WAIT])
