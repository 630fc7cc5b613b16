"""How much of a piece is varied: cells of it are freed by chance until the share asked for is reached, and what came of them is measured.

Cells    Spans of one track, from 16 bars down to a beat, so that none holds more than CELL of the notes. Cells side by side become one
         hole.
Measure  The share of the notes there were that are not there any more: no note of their track at the same step with the same pitch.
         What is freed sometimes comes out as it was, so further cells are freed; where none is left, those that changed least are
         written again, and the notes that stood there become less likely (PENALTIES). So are cells that came out thin, or silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from melody import theory
from melody.compose.alignment import AlignedTune
from melody.compose.holes import Hole
from melody.compose.keeping import among
from melody.score import Score, Table

Ints = NDArray[np.int64]
CELL = 0.06  # of the notes
LENGTHS = (16, 8, 4, 2, 1)  # bars
HOLE_BARS = 8  # of holes made of several cells
SHORT = 0.04  # share that may be missing
PENALTIES = (0.0, 2.0, 6.0, 60.0, 60.0)  # logits, by round
CELL_SEED = 21
THIN, THIN_ROUNDS = 0.5, 3  # of its notes below which a cell is written again, and until which round


@dataclass(frozen=True)
class Cell:
    """A span of one track, ticks from ``low`` up to ``high``, and how many of its notes may change."""

    low: int
    high: int
    track: int
    notes: int


@dataclass(frozen=True, eq=False)
class Field:
    """Where a piece is varied: ``ranges`` do not overlap. ``kept``: by track, the notes that stay."""

    tune: AlignedTune
    ranges: tuple[Hole, ...]
    kept: tuple[Table, ...]

    @cached_property
    def rows(self) -> Ints:
        """(n, 4): track, tick, pitch and whether it may change, of the notes inside the ranges."""
        out = []
        for track in self.tune.tracks:
            notes = self.tune.score.tracks[track].notes
            inside = np.zeros(len(notes), bool)
            for hole in self.ranges:
                if hole.has(track):
                    inside |= (notes["onset"] >= hole.low) & (notes["onset"] < hole.high)
            mine = notes[inside]
            free = ~among(mine, self.kept[track])
            out.append(np.column_stack([np.full(len(mine), track), mine["onset"], mine["pitch"], free]).astype(np.int64))
        return np.concatenate(out) if out else np.zeros((0, 4), np.int64)

    def cells(self) -> list[Cell]:
        """All cells with notes that may change, in order of time."""
        score = self.tune.score
        lines = theory.bar_start(score, np.arange(theory.bar_count(score) + 1))
        found: list[Cell] = []
        for length in (*LENGTHS, 0):
            found = []
            for hole in self.ranges:
                edges = theory.beat_ticks(score) if length == 0 else lines[int(np.searchsorted(lines, hole.low)) :: length]
                edges = np.unique([hole.low, *edges[(edges > hole.low) & (edges < hole.high)].tolist(), hole.high])
                found += self._between(hole, edges)
            if max((cell.notes for cell in found), default=0) <= max(1.0, CELL * len(self.rows)):
                break
        return sorted(found, key=lambda c: (c.low, c.track))

    def _between(self, hole: Hole, edges: Ints) -> list[Cell]:
        rows = self.rows[(self.rows[:, 3] == 1) & (self.rows[:, 1] >= hole.low) & (self.rows[:, 1] < hole.high)]
        out = []
        for track in np.unique(rows[:, 0]).tolist():
            if hole.has(track):
                counts = np.histogram(rows[rows[:, 0] == track, 1], edges)[0].tolist()
                out += [Cell(int(edges[k]), int(edges[k + 1]), track, n) for k, n in enumerate(counts) if n]
        return out

    def gone(self, after: Score) -> NDArray[np.bool_]:
        """Which of the notes (n,) of ``rows`` are not there any more."""
        gone = np.ones(len(self.rows), bool)
        step = self.tune.steps(self.rows[:, 1])
        for track in np.unique(self.rows[:, 0]).tolist():
            notes, mine = after.tracks[track].notes, self.rows[:, 0] == track
            now = self.tune.steps(notes["onset"]) * 128 + notes["pitch"]
            gone[mine] = ~np.isin(step[mine] * 128 + self.rows[mine, 2], now)
        return gone

    def is_thin(self, after: Score, cell: Cell) -> bool:
        """Whether a cell has come out with less than THIN of the notes that it may have."""
        notes = after.tracks[cell.track].notes
        inside = notes[(notes["onset"] >= cell.low) & (notes["onset"] < cell.high)]
        return int((~among(inside, self.kept[cell.track])).sum()) < THIN * cell.notes

    def share(self, after: Score) -> float:
        """The share of the notes that are not there any more, 0 to 1."""
        return float(self.gone(after).mean()) if len(self.rows) else 0.0


def freed(cells: Sequence[Cell], count: float, slack: float) -> list[Cell]:
    """Of cells in some order the first that hold ``count`` notes together; none that would bring more than ``slack`` too many."""
    out: list[Cell] = []
    total = 0
    for cell in cells:
        if total >= count:
            break
        if total + cell.notes <= count + slack:
            out.append(cell)
            total += cell.notes
    return out


def joined(cells: Iterable[Cell], score: Score) -> tuple[Hole, ...]:
    """Cells as holes in order of time: those of one span together, then spans side by side with the same tracks, up to HOLE_BARS."""
    spans: dict[tuple[int, int], set[int]] = {}
    for cell in cells:
        spans.setdefault((cell.low, cell.high), set()).add(cell.track)
    playing = {i for i, t in enumerate(score.tracks) if len(t.notes)}
    out: list[Hole] = []
    for (low, high), tracks in sorted(spans.items()):
        named = None if tracks >= playing else frozenset(tracks)
        last = out[-1] if out else None
        bars = int(np.diff(theory.bar_of(score, [last.low, high - 1]))[0]) + 1 if last else 0
        if last is not None and last.high == low and last.tracks == named and bars <= HOLE_BARS:
            out[-1] = Hole(last.low, high, named)
        else:
            out.append(Hole(low, high, named))
    return tuple(out)
