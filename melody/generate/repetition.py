"""Music that goes round in circles: a bar that comes back too often in a row, and passages of any length that do nothing else.

Of the first a row notices which pitch it must avoid. Of the second it notices that the pointers of recall have predicted every note for
some rounds (in people's pieces never more than two); then nothing is recalled for some bars, until it has found something else to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field as default

import numpy as np
from numpy.typing import NDArray

from melody.codec.incremental_recall import ONSET, IncrementalRecall
from melody.codec.table import Role

NOTE = int(Role.NOTE)
MIN_NOTES = 32  # of a passage that goes round
MUTED_BARS = 8  # bars without recall


@dataclass
class BarRepeats:
    """Watches one row for a bar that comes back again and again, and names the pitch that would do it once more."""

    limit: int  # bars in a row that may be the same; 0: any number
    bar: int = -1
    now: list[tuple[int, int, int]] = default(default_factory=list)  # position, part, pitch of the notes of this bar
    last: list[tuple[int, int, int]] = default(default_factory=list)
    repeats: int = 0
    place: tuple[int, int] = (0, 0)  # position and part of the note that is being chosen

    def enter(self, bar: int) -> None:
        """A note in ``bar`` is about to be chosen."""
        if bar == self.bar:
            return
        same = bool(self.now) and self.now == self.last and bar == self.bar + 1
        self.repeats = self.repeats + 1 if same else 0
        self.last, self.now, self.bar = (self.now if bar == self.bar + 1 else []), [], bar

    def echo(self, position: int, part: int) -> int:
        """The pitch that must not follow, or -1."""
        if not self.limit or self.repeats + 1 < self.limit or len(self.now) >= len(self.last):
            return -1
        expected = self.last[len(self.now)]
        repeats = self.now == self.last[: len(self.now)] and expected[:2] == (position, part)
        return expected[2] if repeats else -1

    def add(self, pitch: int) -> None:
        """The pitch was chosen."""
        if self.limit:
            self.now.append((*self.place, pitch))


def echoes(rows: Sequence[BarRepeats], places: Sequence[Sequence[int]], events: Sequence[Sequence[int]]) -> list[int]:
    """For every row the pitch that must not follow, or -1: by bar and position, and by role, wait and part of the event so far."""
    out = [-1] * len(rows)
    for b, (bars, (bar, position), (role, _, part)) in enumerate(zip(rows, places, events, strict=True)):
        if bars.limit and role == NOTE:
            bars.enter(bar)
            out[b] = bars.echo(position, part)
            bars.place = (position, part)
    return out


def rounds(recall: IncrementalRecall, b: int, ago: NDArray[np.int64]) -> float:
    """How many times a row has gone round what it recalls, every note predicted, by the pointer for which that is most."""
    count, time = int(recall.count[b]), int(recall.time[b])
    source = recall.passages[b].source
    onsets = recall.notes[b, :count, ONSET]
    far = [time - then for then in ago.tolist()] + [int(onsets[-1] - onsets[source]) if source >= 0 else 0]
    most = 0.0
    for streak, distance in zip(recall.streaks[b].tolist(), far, strict=True):
        if streak >= MIN_NOTES and distance > 0:
            most = max(most, (time - int(onsets[max(0, count - streak)])) / distance)
    return most
