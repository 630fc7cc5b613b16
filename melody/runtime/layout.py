"""What stands where in the tables of a runtime file: one description for who writes them and who reads them.

H width of the body, P of a head, E of the encoder of given notes, in one direction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import (
    COPIED_FIELDS,
    POINTERS,
    STREAKS,
    condition_sizes,
    distance_sizes,
    feature_sizes,
    given_sizes,
    recalled_sizes,
)
from melody.codec.table import MAX_PARTS, CodecConfig, Field

ANCHORS = 16  # units beside each layer's own, of which two are range anchors (graph.py); a whole number of vector registers
MAX_EXACT = 1 << 24  # whole numbers up to here are exact in fp32, so sums of them do not depend on their order
INPUT_STEPS = 255  # whole numbers that a head's input is rounded to
MIN_HALF = 4096  # numbers: two-dimensional tables of as many are stored with 16 bits a number, as the shipped weights are


class Table(NamedTuple):
    """One table, as it is used."""

    shape: tuple[int, ...]
    dtype: Any = np.float32

    @property
    def stored(self) -> np.dtype[Any]:
        """The kind of numbers that it has in the file."""
        half = self.dtype is np.float32 and len(self.shape) == 2 and prod(self.shape) >= MIN_HALF
        return np.dtype(np.float16 if half else self.dtype)


@dataclass(frozen=True)
class Layout:
    """Sizes of one model."""

    codec: CodecConfig
    layers: int
    width: int
    head: int
    given: int
    recall: int  # 0: nothing is recalled
    initial: bool

    @staticmethod
    def of(codec: CodecConfig, model: Mapping[str, Any]) -> Layout:
        """By the plain settings of a model. Raises ValueError where one is no number."""
        names = ("layers", "width", "head_width", "given_width")
        values = [model[n] for n in names] + [model.get("recall_width", 0)]
        if any(type(v) is not int or not 0 <= v <= 8192 for v in values) or not all(values[:4]):
            raise ValueError("a size of the model is out of range")
        layers, width, head, given, recall = values
        return Layout(codec, layers, width, head, given, recall, bool(model.get("initial", False)))

    @property
    def metre(self) -> tuple[int, ...]:
        """Classes of the metrical features."""
        return feature_sizes(self.codec)

    @property
    def distances(self) -> tuple[int, ...]:
        """Classes of the three distances of a look-up."""
        return distance_sizes(self.codec)

    @property
    def events(self) -> tuple[int, ...]:
        """Columns of the graph's input ``events``: fields, metre, distances."""
        return (*self.codec.sizes, *self.metre, *self.distances)

    @property
    def given_columns(self) -> tuple[int, ...]:
        """Classes of a given note's columns, its part left out."""
        return given_sizes(self.codec)

    @property
    def part_columns(self) -> tuple[int, ...]:
        """A part's row: as input of the body, as seen by the heads, as asked for by the part head (with its bias), by the encoder."""
        return (self.width, self.head, self.head, 1, self.given)

    def gates(self, field: Field) -> int:
        """Columns of a head that open its copy gates."""
        return 2 * POINTERS if self.recall and field in COPIED_FIELDS else 0

    def values(self, field: Field) -> int:
        """Columns of a head that are logits; the part head has none, it compares with the parts themselves."""
        return 0 if field == Field.PART else self.codec.sizes[field]

    def tables(self) -> dict[str, Table]:
        """The tables that numpy uses, by name."""
        part, wide, sizes = sum(self.part_columns), self.width + self.head, self.codec.sizes
        out = {
            "part.program": Table((self.codec.programs, part)),
            "part.number": Table((MAX_PARTS, part)),
            "part.flags": Table((4, part)),
            "conditions": Table((sum(condition_sizes(self.codec)), self.width)),
            "given.notes": Table((sum(self.given_columns), self.given)),
            "given.own": Table((self.codec.given_pitches + sizes[Field.DURATION], 2 * self.given)),
            "given.out": Table((2 * self.given, 2 * wide)),
            "given.nothing": Table((2, wide)),
            "arrive": Table((sum(self.metre + self.distances), self.head)),
        }
        for way in ("forwards", "backwards"):
            out |= {f"given.{way}.{name}": Table((self.given, 4 * self.given)) for name in ("input", "state")}
            out[f"given.{way}.bias"] = Table((4 * self.given,))
        for field in Field:
            columns = self.values(field) + self.gates(field)
            if columns:
                out[f"head.{int(field)}.weight"] = Table((self.head, columns), np.int16)
                out |= {f"head.{int(field)}.{name}": Table((columns,)) for name in ("scale", "bias")}
            if field != Field.VELOCITY:
                out[f"chosen.{int(field)}"] = Table((sizes[field], (len(Field) - 1 - field) * self.head))
        if self.recall:
            out["trust"] = Table((len(COPIED_FIELDS), POINTERS, STREAKS, 2))
        if self.initial:
            out["initial"] = Table((1 + len(self.codec.styles), 2 * self.layers * self.width))
        return out

    @property
    def recalled(self) -> tuple[int, ...]:
        """Classes of what a pointer predicts."""
        return recalled_sizes(self.codec)


def offsets(sizes: tuple[int, ...]) -> NDArray[np.int64]:
    """Where each of some tables begins that stand below each other."""
    return np.concatenate([[0], np.cumsum(sizes[:-1])]).astype(np.int64)
