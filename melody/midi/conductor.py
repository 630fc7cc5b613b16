"""Tempi, meters and keys: metas of any track, in the order of the file."""

from __future__ import annotations

import numpy as np

from melody.midi.assemble import Column
from melody.midi.events import Events

TEMPO, METER, KEY = 0x51, 0x58, 0x59
Rows = tuple[Column, ...]


def conductor(data: bytes, events: Events, only: int | None = None) -> tuple[Rows, Rows, Rows]:
    """Tempi (tick, mspq), meters (tick, numerator, denominator), keys (tick, fifths, minor), values unchecked.

    Metas of a wrong length are left out. ``only``: those of one track.
    """
    wanted = (events.status == 0xFF) & ((events.first == TEMPO) | (events.first == METER) | (events.first == KEY))
    if only is not None:
        wanted &= events.track == only
    tempi: list[tuple[int, ...]] = []
    meters: list[tuple[int, ...]] = []
    keys: list[tuple[int, ...]] = []
    index = np.flatnonzero(wanted)
    for tick, kind, status, end in zip(*(c[index].tolist() for c in (events.tick, events.first, events.at, events.end)), strict=True):
        at = status + 3  # status, kind, and a length of one byte: those that are longer are wrong
        size = end - at
        if kind == TEMPO and size == 3:
            tempi.append((tick, int.from_bytes(data[at:end], "big")))
        elif kind == METER and 2 <= size < 128:
            meters.append((tick, data[at], 1 << min(data[at + 1], 30)))
        elif kind == KEY and 2 <= size < 128:
            keys.append((tick, (data[at] ^ 128) - 128, data[at + 1]))
    return _columns(tempi, 2), _columns(meters, 3), _columns(keys, 3)


def _columns(rows: list[tuple[int, ...]], width: int) -> Rows:
    return tuple(np.array(rows, np.int64).reshape(-1, width).T)
