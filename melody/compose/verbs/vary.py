"""``vary``: a piece with a share of its notes written anew, the rest and the roots of its chords as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from melody import theory
from melody.bundle import Bundle
from melody.codec.table import DRUMS
from melody.compose.alignment import align_to_grid
from melody.compose.holes import Hole, as_texts, holes_of, named_tracks, parse_bars, rewritten_tracks
from melody.compose.keeping import KEEPS
from melody.compose.place import Rewriting
from melody.compose.request import WithTune
from melody.compose.rewriting import in_turn, unchanged
from melody.compose.task import Task
from melody.compose.variation import CELL_SEED, PENALTIES, SHORT, THIN_ROUNDS, Cell, Field, freed, joined
from melody.errors import CallError
from melody.score import Score
from melody.settings import setting

NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Vary(WithTune):
    """Vary a piece: a share of its notes is written anew, given all the others, and the roots of its chords stay.

    >>> from melody.score import Score, Track, note_table
    >>> tune = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))
    >>> Vary(tune=tune, strength=0.5, bars="1", keep="rhythm").holes
    (Hole(low=0, high=1920, tracks=None),)
    """

    names_holes: ClassVar[bool] = True
    strength: float = setting(
        0.3, "Share of the notes that change, 0 to 1; it is measured, and what is kept can keep it lower.", kind=float, low=0, high=1
    )
    bars: str | Sequence[str] = setting(
        (), "Bars to vary, from 1: 5-8, or several as 5-8,13-14; by default all. Can be given several times.", many=True
    )
    part: str | int | Sequence[str | int] = setting(
        (),
        'Name, or number from 1, of a track to vary; by default all; or "Bass: range=E1-G3", what to keep to. Can be given several times.',
        many=True,
    )
    keep: str = setting("roots", "What stays there: roots, rhythm, contour, first-notes, or nothing.", kind=str, choices=(*KEEPS, NOTHING))

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.chords is not None or self.progression is not None:
            raise CallError("vary keeps the chords of the piece; infill writes others", argument="chords")
        object.__setattr__(self, "bars", as_texts(self.bars, "bars"))
        object.__setattr__(self, "part", as_texts(self.part, "part"))
        self.holes  # noqa: B018  # checked before any work

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Where it is varied, in order of time."""
        bars = as_texts(self.bars, "bars") or (f"1-{max(1, theory.bar_count(self.source.score))}",)
        return holes_of(self.source, parse_bars(bars), named_tracks(self.part))

    def written_programs(self) -> Sequence[int]:
        """See Request."""
        tracks = self.source.score.tracks
        return [DRUMS if tracks[i].is_drum else tracks[i].program for i in rewritten_tracks(self.source, self.holes)]

    def _task(self, bundle: Bundle) -> Task:
        keep = None if self.keep == NOTHING else self.keep
        job = Rewriting(self, bundle, (), keep, whole=True)
        field = Field(align_to_grid(self.source, bundle.codec), self.holes, job.kept)
        cells = field.cells()
        order = [cells[i] for i in np.random.default_rng([self.seed, CELL_SEED]).permutation(len(cells)).tolist()]
        return self._round(job, field, order, [], self.source.score, 0) or unchanged(job)

    def _round(self, job: Rewriting, field: Field, order: Sequence[Cell], done: Sequence[Cell], score: Score, number: int) -> Task | None:
        """The task that frees what is missing of the share; None where nothing is, or all was tried. ``done``: cells that were freed."""
        total = len(field.rows)
        gone = field.gone(score)
        missing = min(self.strength * total, int(field.rows[:, 3].sum())) - int(gone.sum())
        if number == len(PENALTIES):
            return None
        thin = [cell for cell in done if field.is_thin(score, cell)] if number <= THIN_ROUNDS else []
        if missing <= (SHORT * total if number else 0):
            return self._next(job, field, order, done, score, number, thin) if thin else None
        left = [cell for cell in order if cell not in done]
        count, slack = (total, 0.0) if self.strength == 1 else (missing, max(1.0, SHORT * total / 2))
        new = freed(left, count, slack)
        if not new:
            kept = {cell: _unchanged(field, gone, cell) for cell in order}
            again = {replace(c, notes=kept[c]): c for c in sorted((c for c in order if kept[c]), key=lambda c: -kept[c] / c.notes)}
            new = [again[c] for c in freed(list(again), missing, slack if self.strength < 1 else total)]
        if not new:
            return None
        return self._next(job, field, order, done, score, number, [*new, *(cell for cell in thin if cell not in new)])

    def _next(
        self, job: Rewriting, field: Field, order: Sequence[Cell], done: Sequence[Cell], score: Score, number: int, cells: Sequence[Cell]
    ) -> Task | None:
        """The task that writes some cells, after which the share is measured again."""
        turn = replace(job, holes=joined(cells, score), request=replace(job.request, seed=_seed_of(self.seed, number)))
        every = [*done, *(cell for cell in cells if cell not in done)]
        return in_turn(turn, score, lambda made: self._round(job, field, order, every, made, number + 1), PENALTIES[number])


def _unchanged(field: Field, gone: np.ndarray, cell: Cell) -> int:
    """How many notes of a cell that may change did not."""
    rows = field.rows
    inside = (rows[:, 0] == cell.track) & (rows[:, 1] >= cell.low) & (rows[:, 1] < cell.high) & (rows[:, 3] == 1)
    return int((inside & ~gone).sum())


def _seed_of(seed: int, number: int) -> int:
    """The seed of a round."""
    return seed if not number else int(np.random.SeedSequence([seed, CELL_SEED, number]).generate_state(1)[0])
