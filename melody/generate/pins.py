"""Pins: notes that a plan holds to wherever it may go on otherwise, as values of the plan. What they are for: ``compose/keeping.py``.

A pin is a note of which onset, part, duration and velocity are known, and the pitch is one value or an interval. Pins are written at
their place among the notes that are drawn: nothing passes by one. Where a plan is ``closed`` there is nothing else but pins.

    tied, direction    the pitch lies below, at or above that of an earlier pin: a contour
    shut               spans in which no other note of a part may start
    lone               parts that play one note at a time
    floors             at some steps other notes lie above a pitch: a root stays the lowest note
    avoided            values that are less likely at a place: what stood there before

Everything about pitch is in values of the pitch field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from melody.codec.table import MAX_PARTS
from melody.score import Table

PIN = np.dtype(
    [
        ("onset", "<i4"),  # step
        ("part", "<i2"),
        ("low", "<i2"),  # of its pitch
        ("high", "<i2"),
        ("room", "<i2"),  # pins of its part at its onset that lie above it
        ("duration", "<i4"),
        ("velocity", "<i2"),
        ("tied", "<i4"),  # the pin that it is compared with, -1: none
        ("direction", "<i2"),  # -1, 0 or 1: the highest pin here lies below, at or above that one
    ]
)
SPAN = np.dtype([("part", "<i2"), ("start", "<i4"), ("stop", "<i4")])  # steps


def no_pins(dtype: np.dtype[np.void] = PIN) -> Table:
    """No pins, or no spans."""
    return np.zeros(0, dtype)


def place(onset: int, part: int) -> int:
    """One number for a step and a part."""
    return onset * MAX_PARTS + part


@dataclass(frozen=True, eq=False)
class Pins:
    """The pins of one plan, in order of onset, part and pitch."""

    notes: Table  # PIN (n,)
    closed: bool = False  # nothing but pins is written
    shut: Table = field(default_factory=lambda: no_pins(SPAN))  # SPAN (m,)
    floors: Mapping[int, int] = field(default_factory=dict)  # by step: no other melodic note that starts there lies as low
    lone: frozenset[int] = frozenset()  # parts of which nothing else starts together with a pin
    avoided: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # by ``place``
    penalty: float = 0.0  # logits that values of ``avoided`` lose
    held: Mapping[int, tuple[int, ...]] = field(default_factory=dict)  # by number of a pin: values that other notes hold while it sounds


def possible(notes: Table) -> Table:
    """Pins (n,) with intervals from which every contour can be gone on with to its end, whatever is drawn on the way.

    >>> rising = np.zeros(3, PIN)
    >>> rising["onset"], rising["low"], rising["high"], rising["tied"], rising["direction"] = [0, 4, 8], 60, 62, [-1, 0, 1], [0, 1, 1]
    >>> possible(rising)["high"].tolist()
    [60, 61, 62]
    """
    low, high = notes["low"].tolist(), notes["high"].tolist()
    chord = np.cumsum(np.diff(notes["onset"].astype(np.int64) * MAX_PARTS + notes["part"], prepend=-1) != 0)
    for i in np.flatnonzero((notes["tied"] >= 0) & (notes["room"] == 0))[::-1].tolist():
        other, direction = int(notes["tied"][i]), int(notes["direction"][i])
        if direction >= 0:
            high[other] = min(high[other], high[i] - direction)
        if direction <= 0:
            low[other] = max(low[other], low[i] - direction)
    out = notes.copy()
    out["low"] = low
    tops = np.flatnonzero(notes["room"] == 0)
    out["high"] = np.array(high)[tops[np.searchsorted(chord[tops], chord)]] if len(notes) else high
    return out
