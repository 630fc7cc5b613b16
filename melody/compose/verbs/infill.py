"""``infill``: a hole in a piece, some bars of all parts or of one, written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from melody import edit, theory
from melody.bundle import Bundle
from melody.codec import encode
from melody.codec.columns import PartColumn
from melody.codec.given import given_notes
from melody.codec.table import DRUMS, Field
from melody.compose.alignment import added, align_to_grid, clear_of, new_notes
from melody.compose.controls import key_in, scale_for, tune_conditions
from melody.compose.drawing import Drawing
from melody.compose.fitting import limits_around
from melody.compose.hole import near_bars, sides
from melody.compose.known import drums_learned
from melody.compose.passes import around_hole
from melody.compose.request import WithTrack
from melody.compose.steering.steered import names_of_tracks, steered
from melody.compose.task import Rows, Task
from melody.compose.tune import find_track
from melody.errors import CallError
from melody.generate.plan import Plan
from melody.score import Score
from melody.settings import setting

ALL_PARTS, ONE_PART = 1.0, 1.5  # guidance where nothing else sounds in the hole, and where other parts do


@dataclass(frozen=True, kw_only=True)
class Infill(WithTrack):
    """Rewrite some bars of a piece and leave everything around them as it is. The hole: those bars, of all tracks or of one.

    >>> from melody.score import Score, Track, note_table
    >>> tune = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))
    >>> request = Infill(tune=tune, from_bar=1, to_bar=1, seed=1)
    >>> request.from_bar, request.to_bar
    (1, 1)
    """

    from_bar: int = setting(help="First bar to rewrite; the first of the piece is 1.", kind=int, low=1)
    to_bar: int = setting(help="Last bar to rewrite.", kind=int, low=1)
    track: str | int | None = setting(None, "Name, or number from 1, of the one track to rewrite; by default all.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.to_bar < self.from_bar:
            raise CallError(f"to_bar is {self.to_bar}, before from_bar, which is {self.from_bar}", argument="to_bar")

    def written_programs(self) -> Sequence[int]:
        """See Request."""
        tracks = self.source.score.tracks
        chosen = tracks if self.track_name is None else [tracks[find_track(self.source.score, self.track_name, self.source.name)]]
        return [DRUMS if t.is_drum else t.program for t in chosen if len(t.notes)]

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
        before, after = sides(tune, (low, high), (start, stop))
        given, parts = after.copy(), tune.part_table
        written = np.ones(len(notes), bool)  # notes of the parts that are written
        if free_part is not None:
            written = notes["part"] == free_part
            given |= ~written
            parts[: len(piece.parts), PartColumn.GIVEN] = np.arange(len(piece.parts)) != free_part
        if not self.fitting.prime:
            given |= before
        # What stands before the hole is read as a tune is: from given notes alone a model hardly knows where it is (docs/log.md).
        known = encode(piece, before & written & self.fitting.prime).rows[:-1]
        reached = int(known[:, Field.WAIT].sum(dtype=np.int64))
        near = (before | after) & near_bars(piece, start, stop)
        limits = limits_around(piece, before | after, near, self.fitting, drums_learned(bundle))
        made = Plan(
            parts=parts,
            conditions=tune_conditions(self, tune, codec, dense=free_part is None),
            metre=piece.metre,
            prime=known,
            given=given_notes(piece, given),
            earliest=start,
            stop=stop,
            ending=ending,
            declare=(0, 0),
            every_bar=free_part is None and tune.plays_in_every_bar(),
            scale=scale_for(self, tune, near),
            limits=limits,
            seed=self.seed,
            sampling=Drawing(bundle, self.style, self.sampling).of("notes").guided(ALL_PARTS if free_part is None else ONE_PART),
        )

        def finish(rows: Rows) -> Score:
            tables = new_notes(tune, rows, reached, (low, high))
            free = range(len(tune.tracks)) if free_part is None else [free_part]
            tracks = list(tune.score.tracks)
            for part in free:
                index = tune.tracks[part]
                old = tracks[index].notes
                kept = old[(old["onset"] < low) | (old["onset"] >= high)]
                tracks[index] = replace(tracks[index], notes=kept)
            new = {tune.tracks[p]: clear_of(tracks[tune.tracks[p]].notes, tables[p]) for p in free}
            return added(edit.with_tracks(tune.score, tracks), new)

        task = Task(made, finish, 60e6 / float(tune.score.tempi["mspq"][0]))
        names = names_of_tracks(made, [tune.score.tracks[i].name for i in tune.tracks])
        task = steered(self, task, piece, key_in(self, tune), tune.ticks, names, whole=free_part is None)
        return around_hole(task, piece, before | after | ~written) if self.passes else task
