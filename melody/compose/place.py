"""One hole of a piece on the grid: which notes stand before it, after it and inside it, what is kept there, and what is not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from melody.bundle import Bundle
from melody.codec import Piece
from melody.compose.alignment import AlignedTune, align_to_grid
from melody.compose.controls import scale_for
from melody.compose.fitting import limits_around
from melody.compose.hole import sides
from melody.compose.holes import Hole
from melody.compose.keeping import SLOTS, kept_notes
from melody.compose.known import drums_learned
from melody.compose.request import WithTune
from melody.compose.tune import Tune
from melody.generate.limits import Limits
from melody.score import Score, Table
from melody.theory import bar_of

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rewriting:
    """What all holes of one request have in common.

    ``whole``: limits and the outline are those of the piece as it was, and not only of what stays (``vary``).
    """

    request: WithTune
    bundle: Bundle
    holes: tuple[Hole, ...]
    keep: str | None = None
    whole: bool = False

    @property
    def tune(self) -> Tune:
        """The piece as it was."""
        return self.request.source

    @cached_property
    def chosen(self) -> tuple[int, ...]:
        """Tracks that are named by holes."""
        return tuple(sorted({track for hole in self.holes for track in hole.tracks or ()}))

    @cached_property
    def original(self) -> AlignedTune:
        """The piece as it was, on the grid."""
        return align_to_grid(self.tune, self.bundle.codec, others=self.chosen)

    @cached_property
    def kept(self) -> tuple[Table, ...]:
        """By track, the notes that stay wherever a hole may be."""
        return kept_notes(self.tune.score, self.keep)

    @cached_property
    def usual(self) -> Limits:
        """The limits of the piece as it was."""
        every = np.ones(len(self.original.piece.notes), bool)
        return limits_around(self.original.piece, every, every, self.request.fitting, drums_learned(self.bundle))

    @cached_property
    def scale(self) -> NDArray[np.float32] | None:
        """The scale of the piece as it was, or of the key asked for."""
        return scale_for(self.request, self.original, np.ones(len(self.original.piece.notes), bool))

    def aligned(self, score: Score) -> AlignedTune:
        """What has become of the piece, with the same parts."""
        if score is self.tune.score:
            return self.original
        return align_to_grid(Tune(score, self.tune.name), self.bundle.codec, others=self.original.tracks)


@dataclass(frozen=True, eq=False)
class Place:
    """One hole of a piece on the grid, and which notes (n,) of it are what."""

    tune: AlignedTune
    hole: Hole
    start: int  # steps
    ending: int
    stop: int
    free: Mask  # (parts,): those that are rewritten
    before: Mask
    after: Mask
    pinned: Mask  # notes inside that stay
    unknown: Mask  # notes that are still to be rewritten
    written: Mask = field(init=False)  # notes of the parts that are rewritten

    def __post_init__(self) -> None:
        object.__setattr__(self, "written", self.free[self.tune.piece.notes["part"]])

    @property
    def inside(self) -> Mask:
        """Notes that go."""
        return ~self.before & ~self.after & self.written

    @staticmethod
    def of(job: Rewriting, score: Score, hole: Hole, later: Sequence[Hole]) -> Place:
        """A hole of what has become of the piece so far."""
        tune = job.aligned(score)
        lines = np.array([hole.low, max(hole.low, int(tune.bar_ticks(bar_of(tune.score, hole.high - 1)))), hole.high])
        start, ending, stop = (int(s) for s in tune.steps(lines))
        stop = max(stop, start + 1)
        before, after = sides(tune, (hole.low, hole.high), (start, stop))
        kept = on_grid(tune, job.kept)
        unknown = np.zeros(len(kept), bool)
        for other in later:
            low, high = (int(s) for s in tune.steps([other.low, other.high]))
            early, late = sides(tune, (other.low, other.high), (low, max(high, low + 1)))
            parts = np.array([other.has(t) for t in tune.tracks], bool)
            unknown |= ~early & ~late & parts[tune.piece.notes["part"]] & ~kept
        free = np.array([hole.has(t) for t in tune.tracks], bool)
        return Place(tune, hole, start, ending, stop, free, before, after, kept, unknown)


def on_grid(tune: AlignedTune, kept: Sequence[Table]) -> Mask:
    """Which notes (n,) of the piece on the grid are some of its tracks' notes."""
    notes, found = tune.piece.notes, np.zeros(len(tune.piece.notes), bool)
    for part, index in enumerate(tune.tracks):
        mine = kept[index]
        if len(mine):
            key = tune.steps(mine["onset"]) * 128 + mine["pitch"]
            found |= (notes["part"] == part) & np.isin(notes["onset"].astype(np.int64) * 128 + notes["pitch"], key)
    return found


def pinned_piece(job: Rewriting, at: Place, reached: int) -> tuple[Piece, NDArray[np.int64]]:
    """The piece with what is pinned inside the hole's steps, and the pinned notes by index in order of their places."""
    piece = at.tune.piece
    which = np.flatnonzero(at.inside if job.keep in SLOTS else at.inside & at.pinned)
    notes = piece.notes.copy()
    notes["onset"][which] = np.clip(notes["onset"][which], max(at.start, min(reached, at.stop - 1)), at.stop - 1)
    return replace(piece, notes=notes), which[np.lexsort((notes["pitch"][which], notes["part"][which], notes["onset"][which]))]
