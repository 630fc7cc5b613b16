"""``infill``: a hole in a piece, some bars of all parts or of one, written anew."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from melody import edit, theory
from melody.bundle import Bundle
from melody.codec import Piece, encode
from melody.codec.columns import PartColumn
from melody.codec.given import given_notes
from melody.codec.recall import Note
from melody.compose.alignment import added, align_to_grid, clear_of, find_track, new_notes
from melody.compose.controls import asked_scale, tune_conditions
from melody.compose.request import WithTrack
from melody.compose.task import Rows, Task
from melody.errors import CallError
from melody.generate.plan import Plan
from melody.score import Score
from melody.settings import setting


@dataclass(frozen=True, kw_only=True)
class Infill(WithTrack):
    """Rewrite some bars of a piece and leave everything around them as it is. The hole: those bars, of all tracks or of one."""

    from_bar: int = setting(help="First bar to rewrite; the first of the piece is 1.", kind=int, low=1)
    to_bar: int = setting(help="Last bar to rewrite.", kind=int, low=1)
    track: str | int | None = setting(None, "Name, or number from 1, of the one track to rewrite; by default all.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.to_bar < self.from_bar:
            raise CallError(f"to_bar is {self.to_bar}, before from_bar, which is {self.from_bar}", argument="to_bar")

    def _task(self, bundle: Bundle) -> Task:
        codec = bundle.codec
        tune = align_to_grid(self.source, codec, self.track_name)
        piece, notes = tune.piece, tune.piece.notes
        bars = max(1, theory.bar_count(tune.score))
        if self.to_bar > bars:
            raise CallError(f"to_bar is {self.to_bar}; {tune.name} has {bars} bars", argument="to_bar")
        lines = tune.bar_ticks([self.from_bar - 1, self.to_bar - 1, self.to_bar])
        low, _, high = (int(t) for t in lines)
        start, ending, stop = (int(s) for s in tune.steps(lines))
        stop = max(stop, start + 1)
        free_part = None
        if self.track_name is not None:
            free_part = tune.tracks.index(find_track(tune.score, self.track_name, tune.name))
        given = (notes["onset"] < start) | (notes["onset"] >= stop)
        parts = tune.part_table
        if free_part is not None:
            given |= notes["part"] != free_part
            parts[: len(piece.parts), PartColumn.GIVEN] = np.arange(len(piece.parts)) != free_part
        known = encode(piece, np.zeros(len(notes), bool), start).rows[:-1]
        made = Plan(
            parts=parts,
            conditions=tune_conditions(self, tune, codec),
            metre=piece.metre,
            prime=known,
            given=given_notes(piece, given),
            recallable=_before(piece, start, free_part),
            start=start,
            stop=stop,
            ending=ending,
            declare=(0, 0),
            scale=asked_scale(self),
            seed=self.seed,
            sampling=self.sampling,
        )

        def finish(rows: Rows) -> Score:
            tables = new_notes(tune, rows, start, (low, high))
            free = range(len(tune.tracks)) if free_part is None else [free_part]
            tracks = list(tune.score.tracks)
            for part in free:
                index = tune.tracks[part]
                old = tracks[index].notes
                kept = old[(old["onset"] < low) | (old["onset"] >= high)]
                tracks[index] = replace(tracks[index], notes=kept)
            new = {tune.tracks[p]: clear_of(tracks[tune.tracks[p]].notes, tables[p]) for p in free}
            return added(edit.with_tracks(tune.score, tracks), new)

        return Task(made, finish, 60e6 / float(tune.score.tempi["mspq"][0]))


def _before(piece: Piece, start: int, part: int | None) -> tuple[Note, ...]:
    """The notes that stand before a hole, in the parts that are written there."""
    notes = piece.notes.copy()
    notes["pitch"] = piece.tokens
    mine = notes[(notes["onset"] < start) & ((notes["part"] == part) | (part is None))]
    columns = (mine[name].tolist() for name in ("onset", "part", "pitch", "duration", "velocity"))
    return tuple(zip(*columns, strict=True))
