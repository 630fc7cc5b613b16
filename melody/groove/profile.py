"""What is known of how people play: a table of means, deviations and correlations, some KB of JSON.

    offset     quarters by which a hit is late: its mean by tempo, family and place
    velocity   likewise, over the mean of its piece and kind
    hit        standard deviations of a single hit about all that is known of it, and how far loud ones lean (quarters for a velocity of 1)
    piece      standard deviations of what a whole performance has of its own: each family (the drummer's snare is late), each part of the
               beat (a swing), each place of each family (an accent of this groove), and a drift that all instruments share
    memory     how much of the drift is left a quarter later; how alike a hit is to the one before it of its family
    steadiness single hits of a whole performance, as a factor: mean and deviation of its logarithm, and how far the tails reach in it
    shape      quantiles of the velocities of a performance, in its own standard deviations
    ceiling    quantiles over performances of the share of hits that are all as loud as the loudest (an electronic kit has a limit)

Knows no music: what the numbers are counted from is ``learn``, what is done with them ``human``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.groove.places import BANDS, DRUM_FAMILIES, FAMILIES, PLACES

SHIPPED = Path(__file__).with_name("profile.json")
FORMAT = 1
LARGEST = 1 << 20  # bytes
KINDS = ("drums", "pitched")
EFFECTS = ("family", "part", "cell", "drift")
MEMORY = ("drift", "hit")
STEADINESS = ("mean", "deviation", "tails")
QUANTILES, CEILINGS = 21, 7
THOUSANDTHS = 1000  # offsets are kept in thousandths of a quarter
Floats = NDArray[np.float64]
SHAPES = {
    "offset": (len(BANDS) + 1, len(FAMILIES), PLACES),
    "velocity": (len(BANDS) + 1, len(FAMILIES), PLACES),
    "hit_offset": (len(BANDS) + 1, len(FAMILIES)),
    "hit_velocity": (len(BANDS) + 1, len(FAMILIES)),
    "lean": (len(FAMILIES),),
    "piece_offset": (len(KINDS), len(EFFECTS)),
    "piece_velocity": (len(KINDS), len(EFFECTS)),
    "memory_offset": (len(KINDS), len(MEMORY)),
    "memory_velocity": (len(KINDS), len(MEMORY)),
    "steadiness_offset": (len(FAMILIES), len(STEADINESS)),
    "steadiness_velocity": (len(FAMILIES), len(STEADINESS)),
    "shape": (len(KINDS), QUANTILES),
    "ceiling": (len(KINDS), CEILINGS),
}
IN_QUARTERS = ("offset", "hit_offset", "piece_offset")
KIND_OF = np.array([family not in DRUM_FAMILIES for family in FAMILIES], np.int64)


@dataclass(frozen=True, eq=False)
class Profile:
    """The table; shapes in ``SHAPES``. ``notes``: of how many it was learned."""

    notes: int
    offset: Floats
    velocity: Floats
    hit_offset: Floats
    hit_velocity: Floats
    lean: Floats
    piece_offset: Floats
    piece_velocity: Floats
    memory_offset: Floats
    memory_velocity: Floats
    steadiness_offset: Floats
    steadiness_velocity: Floats
    shape: Floats
    ceiling: Floats

    def plain(self, source: str) -> dict[str, Any]:
        """As JSON has it: offsets in thousandths of a quarter."""
        out: dict[str, Any] = {"format": FORMAT, "source": source, "notes": self.notes}
        for f in fields(self)[1:]:
            value = getattr(self, f.name) * (THOUSANDTHS if f.name in IN_QUARTERS else 1)
            digits = {"offset": 0, "velocity": 0, "lean": 6}.get(f.name, 2)
            rounded = np.round(value, digits)
            out[f.name] = (rounded.astype(int) if digits == 0 else rounded).tolist()
        return out


def read_profile(data: bytes, name: str) -> Profile:
    """A table from its JSON. Errors: ``MelodyError`` for what is none, or holds numbers that cannot be."""
    try:
        raw: Mapping[str, Any] = json.loads(data)
        if raw["format"] != FORMAT:
            raise ValueError(f"format {str(raw['format'])[:20]}")
        tables = {field: np.array(raw[field], np.float64) for field in SHAPES}
        for field, shape in SHAPES.items():
            if tables[field].shape != shape or not np.isfinite(tables[field]).all():
                raise ValueError(f"{field} is not a table of numbers of shape {shape}")
            tables[field] /= THOUSANDTHS if field in IN_QUARTERS else 1
        return Profile(int(raw["notes"]), **tables)
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise MelodyError(f"{name}: damaged ({str(fault)[:120]})") from None


@cache
def shipped() -> Profile:
    """The table that comes with the package: Groove MIDI (CC BY 4.0) and POP909 (MIT); its ``source`` says so.

    >>> shipped().notes > 100_000
    True
    """
    return read_profile(SHIPPED.read_bytes(), SHIPPED.name)
