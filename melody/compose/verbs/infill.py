"""``infill``: holes in a piece, some bars of all parts or of some, written anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from melody.bundle import Bundle
from melody.codec.table import DRUMS
from melody.compose.holes import Hole, as_texts, holes_of, named_tracks, parse_bars, rewritten_tracks
from melody.compose.keeping import KEEP_HELP, KEEPS
from melody.compose.place import Rewriting
from melody.compose.request import WithTrack
from melody.compose.rewriting import in_turn
from melody.compose.task import Task
from melody.errors import CallError
from melody.settings import setting


@dataclass(frozen=True, kw_only=True)
class Infill(WithTrack):
    """Rewrite some bars of a piece and leave everything around them as it is: of all parts or of some.

    >>> from melody.score import Score, Track, note_table
    >>> tune = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))
    >>> Infill(tune=tune, bars="1", part="tune", keep="rhythm", seed=1).holes
    (Hole(low=0, high=1920, tracks=frozenset({0})),)
    """

    names_holes: ClassVar[bool] = True
    bars: str | Sequence[str] = setting(
        (), "Bars to rewrite, from 1: 5-8, or several as 5-8,13-14; 5-8:Bass names their part. Can be given several times.", many=True
    )
    part: str | int | Sequence[str | int] = setting(
        (),
        'Name, or number from 1, of a track to rewrite; by default all; or "Bass: range=E1-G3", what it keeps to. Repeatable.',
        many=True,
    )
    keep: str | None = setting(None, KEEP_HELP, kind=str, choices=tuple(KEEPS))
    from_bar: int | None = setting(None, "First bar to rewrite, if there is one hole; the first of the piece is 1.", kind=int, low=1)
    to_bar: int | None = setting(None, "Last bar to rewrite.", kind=int, low=1)
    track: str | int | None = setting(None, "Name, or number from 1, of the one track to rewrite; by default all.")

    def __post_init__(self) -> None:
        super().__post_init__()
        bars, parts = as_texts(self.bars, "bars"), as_texts(self.part, "part")
        object.__setattr__(self, "bars", bars)
        object.__setattr__(self, "part", parts)
        if self.track_name is not None and named_tracks(parts):
            raise CallError("part and track contradict each other; give one of them", argument=("part", "track"))
        if bars and not (self.from_bar is None and self.to_bar is None):
            raise CallError("bars and from_bar contradict each other; give one of them", argument=("bars", "from_bar"))
        if not bars and self.from_bar is None:
            raise CallError("bars is missing: which bars to rewrite, for example 5-8", argument="bars")
        if not bars and self.to_bar is None:
            raise CallError("to_bar is missing: the last bar to rewrite", argument="to_bar")
        if not bars and self.to_bar < self.from_bar:  # type: ignore[operator]  # both are there
            raise CallError(f"to_bar is {self.to_bar}, before from_bar, which is {self.from_bar}", argument="to_bar")
        self.holes  # noqa: B018  # checked before any work

    @property
    def holes(self) -> tuple[Hole, ...]:
        """What is rewritten, in order of time."""
        parts = named_tracks(self.part) if self.track_name is None else (self.track_name,)
        if self.from_bar is not None and self.to_bar is not None:
            return holes_of(self.source, [(self.from_bar, self.to_bar, None)], parts, "to_bar")
        return holes_of(self.source, parse_bars(as_texts(self.bars, "bars")), parts)

    def written_programs(self) -> Sequence[int]:
        """See Request."""
        tracks = self.source.score.tracks
        return [DRUMS if tracks[i].is_drum else tracks[i].program for i in rewritten_tracks(self.source, self.holes)]

    def _task(self, bundle: Bundle) -> Task:
        task = in_turn(Rewriting(self, bundle, self.holes, self.keep))
        assert task is not None
        return task
