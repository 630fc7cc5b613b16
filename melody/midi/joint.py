"""Where notes go on after the last one of their track: what was left at an extreme there is set back, once.

The tune has faded out, is bent, holds a pedal: its last note was to sound so, what follows is not. What held for most of the tune
(a channel that is detuned throughout, a soft expression) is no extreme and stays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.midi.document import Document
from melody.midi.splice import AFTER, Insertion
from melody.score import Table

VOLUME, EXPRESSION, SOSTENUTO, SOFT, RESET_CONTROLLERS = 7, 11, 66, 67, 121
CENTRE = 0x2000  # of the pitch bend
FADED = 0.7  # of what held for most notes: below it a volume or an expression has faded
Ints = NDArray[np.int64]


def neutral(document: Document, channel: int, tick: int, notes: Table) -> list[Insertion]:
    """Events that set a channel (0..15, plus 16 for each further port) back at ``tick``. ``notes``: those of the track before it."""
    walk = _Walk(document, channel, tick, notes["onset"])
    out = []
    for control, up in ((SOSTENUTO, 0), (SOFT, 0)):
        value, usual = walk.control(control, 0)
        if value >= 64 > usual:
            out.append(bytes((0xB0 | channel & 15, control, up)))
    value, usual = walk.control(EXPRESSION, 127)
    if value < FADED * usual:
        out.append(bytes((0xB0 | channel & 15, EXPRESSION, 127)))
    value, usual = walk.control(VOLUME, 100)
    if value < FADED * usual:
        out.append(bytes((0xB0 | channel & 15, VOLUME, int(usual))))
    value, usual = walk.bend()
    if value not in (CENTRE, usual):
        out.append(bytes((0xE0 | channel & 15, 0, 64)))
    return [Insertion(tick, AFTER, event) for event in out]


class _Walk:
    """The controllers of one channel up to a tick, whichever MTrk moves them."""

    def __init__(self, document: Document, channel: int, tick: int, onsets: Ints) -> None:
        events = document.events
        kind = events.status & 0xF0
        mine = ((kind == 0xB0) | (kind == 0xE0)) & (document.channels() == channel) & (events.tick <= tick)
        index = np.flatnonzero(mine)
        index = index[np.argsort(events.tick[index], kind="stable")]
        self.tick, self.bends = events.tick[index], kind[index] == 0xE0
        self.first, self.second = events.first[index].astype(np.int64), events.second[index].astype(np.int64)
        self.reset = ~self.bends & (self.first == RESET_CONTROLLERS)
        self.onsets = onsets

    def control(self, number: int, start: int) -> tuple[int, float]:
        """The last value of a controller, and what held for most notes (the upper quartile). A reset does not move the volume."""
        moved = ~self.bends & (self.first == number)
        resets = self.reset if number != VOLUME else np.zeros(len(moved), bool)
        return self._held(moved | resets, np.where(resets, start, self.second), start, 0.75)

    def bend(self) -> tuple[int, float]:
        """The last pitch bend, and that of most notes."""
        value = self.first + self.second * 128
        return self._held(self.bends | self.reset, np.where(self.reset, CENTRE, value), CENTRE, 0.5)

    def _held(self, mask: NDArray[np.bool_], values: Ints, start: int, quantile: float) -> tuple[int, float]:
        ticks, known = self.tick[mask], np.append(start, values[mask])
        if not len(ticks) or not len(self.onsets):
            return int(known[-1]), float(known[-1])
        usual = np.sort(known[np.searchsorted(ticks, self.onsets, side="right")])
        return int(known[-1]), float(usual[min(len(usual) - 1, int(len(usual) * quantile))])
