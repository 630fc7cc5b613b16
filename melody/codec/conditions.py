"""Conditions of a piece: style, tempo, key, meter, density, each a class with 0 for "any".

What a user asks for and what the corpus knows of a piece become the same five small integers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import DENSITY_CLASSES, METERS, TEMPO_CLASSES, CodecConfig

SLOWEST, FASTEST = 30.0, 240.0  # quarter notes a minute
SPARSEST, DENSEST = 0.25, 16.0  # notes per quarter, or per half second


def style_class(config: CodecConfig, style: str | None) -> int:
    """0 for any or a style that the codec does not know."""
    return 1 + config.styles.index(style) if style in config.styles else 0


def tempo_class(bpm: float | None) -> int:
    """Class of a tempo in quarter notes a minute."""
    return 0 if bpm is None else _log_class(bpm, SLOWEST, FASTEST, TEMPO_CLASSES)


def tempo_of(index: int) -> float:
    """Middle of a tempo class, in quarter notes a minute."""
    return float(SLOWEST * (FASTEST / SLOWEST) ** ((index - 0.5) / TEMPO_CLASSES))


def key_class(key: int | None) -> int:
    """Class of a key 0..23 (tonic + 12 for minor)."""
    return 0 if key is None else 1 + key


def meter_class(meter: tuple[int, int] | None) -> int:
    """Class of a meter; meters that are not in the table share the last class."""
    if meter is None:
        return 0
    return 1 + (METERS.index(meter) if meter in METERS else len(METERS))


def density_class(notes_per_unit: float | None) -> int:
    """Class of a density: notes per quarter (beats clock) or per half second (seconds clock)."""
    return 0 if notes_per_unit is None else _log_class(notes_per_unit, SPARSEST, DENSEST, DENSITY_CLASSES)


def _log_class(value: float, low: float, high: float, count: int) -> int:
    place = np.log(max(value, 1e-9) / low) / np.log(high / low)
    return 1 + int(np.clip(np.floor(place * count), 0, count - 1))


def conditions(
    config: CodecConfig,
    style: str | None = None,
    tempo: float | None = None,
    key: int | None = None,
    meter: tuple[int, int] | None = None,
    density: float | None = None,
) -> NDArray[np.int16]:
    """The five classes, in the order of ``Condition``. What is None is "any"; tempo and meter are "any" on the seconds clock."""
    beats = config.clock == "beats"
    classes = (
        style_class(config, style),
        tempo_class(tempo) if beats else 0,
        key_class(key),
        meter_class(meter) if beats else 0,
        density_class(density),
    )
    return np.array(classes, np.int16)
