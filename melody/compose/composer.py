"""The Composer: a loaded model and what a musician can ask of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from melody import bundle as bundles
from melody.codec.encode import velocity_of
from melody.codec.table import Field, Role
from melody.compose.engines import engine_for
from melody.compose.long import write_long
from melody.compose.planning import Task, endless, plan
from melody.compose.processes import shared
from melody.compose.request import Accompany, Continue, Generate, Infill, Request, Tune
from melody.errors import MelodyError
from melody.generate.engine import AnyEngine
from melody.generate.loop import ROWS, Writer, pieces
from melody.generate.plan import Plan
from melody.midi.growing import Growing
from melody.score import Score

if TYPE_CHECKING:
    from melody.compose.best import Kept

Progress = Callable[[int, int], None]  # how much is done, and of how much


@dataclass(frozen=True)
class StreamedNote:
    """One note of a stream: times in quarters (beats clock) or seconds from the start of the piece."""

    onset: float
    duration: float
    part: int
    pitch: int
    velocity: int


def load(
    name: str | os.PathLike[str] | None = None,
    threads: int = 1,
    style: str | os.PathLike[str] | None = None,
    engine: str | None = None,
    adapt: Tune | Sequence[Score] | None = None,
) -> Composer:
    """The Composer of a bundle: the shipped model, a shipped one by name, or a folder.

    ``style``: a style file for this model; the Composer then knows that style too.
    ``threads``: CPU threads that the engine may use; one is quickest for a few pieces at a time.
    ``engine``: "onnx" (the bundle's runtime file, without torch) or "torch"; by default the first, where there is one
    (``Composer.remark`` says why not).
    ``adapt``: music (Scores, or a path: a file, a folder, an archive) that the model learns for some seconds first, by torch; nothing of it
    is kept.
    """
    bundle = bundles.read(name)
    again = partial(load, bundle.folder, threads, style, engine) if adapt is None else None  # to learn it again would take longer
    return Composer(*engine_for(bundle, engine, threads, None if style is None else Path(style), adapt), again)


class Composer:
    """Verbs over one engine. Tunes are Scores or paths; every verb returns a Score. Keywords are the fields of ``Request``."""

    def __init__(self, bundle: bundles.Bundle, engine: AnyEngine, remark: str = "", again: Callable[[], Composer] | None = None) -> None:
        """``remark``: why the engine is not the quick one, if people should know. ``again``: makes the same Composer in another process."""
        self.bundle, self.engine, self.remark, self.again = bundle, engine, remark, again

    def each(self, requests: Sequence[Request], processes: int = 1) -> Iterator[tuple[int, Score]]:
        """Carry out requests of any kind together, 64 at a time: the place of each among them as it is done, and its piece.

        A request that is done makes room for the next one; what comes of a request does not depend on the others.
        ``processes``: how many share the work; a script that asks for more than one needs the usual ``if __name__ == "__main__"``.
        Raises MelodyError if a request came to nothing (no note was written).
        """
        if processes > 1 and self.again is not None:
            yield from shared(self.again, requests, processes)
            return
        tasks: dict[int, Task] = {}

        def plans() -> Iterator[Plan]:
            for index, request in enumerate(requests):
                tasks[index] = plan(request, self.bundle)
                yield tasks[index].plan

        for index, rows in pieces(self.engine, plans(), ROWS):
            task = tasks.pop(index)
            if not (rows[:, Field.ROLE] == Role.NOTE).any():
                raise MelodyError("the model wrote no note for this request; try another seed or a longer span")
            yield index, task.finish(rows.astype(np.int16))

    def many(self, requests: Sequence[Request], progress: Progress = lambda done, total: None, processes: int = 1) -> list[Score]:
        """``each``, in the order of the requests."""
        found: dict[int, Score] = {}
        for index, score in self.each(requests, processes):
            found[index] = score
            progress(len(found), len(requests))
        return [found[index] for index in range(len(requests))]

    def best(self, requests: Sequence[Request], of: int, corpus: str | os.PathLike[str] | None = None) -> Iterator[Kept]:
        """For each request in turn the best of ``of`` candidates (``best.py`` says by which score).

        ``corpus``: what the model learned from, so that no piece is kept which copies it.
        """
        from melody.compose.best import best, learned  # 0.1 s, which who writes one piece need not wait for
        from melody.corpus import Corpus

        training = None if corpus is None else learned(Corpus(Path(corpus)), self.bundle)
        return best(self.many, self.engine, self.bundle, requests, of, training)

    def generate(self, **wishes: Any) -> Score:
        """A new piece. See ``Generate`` for the keywords."""
        return self.many([Generate(**wishes)])[0]

    def continue_(self, tune: Tune, **wishes: Any) -> Score:
        """The tune, and then what the model adds to it (8 bars unless told otherwise). See ``Continue``."""
        return self.many([Continue(tune=tune, **wishes)])[0]

    def accompany(self, tune: Tune, **wishes: Any) -> Score:
        """The tune as it is, with tracks added that go with it. See ``Accompany``."""
        return self.many([Accompany(tune=tune, **wishes)])[0]

    def infill(self, piece: Tune, from_bar: int, to_bar: int, **wishes: Any) -> Score:
        """The piece with bars ``from_bar`` to ``to_bar`` (from 1) written anew. See ``Infill``."""
        return self.many([Infill(piece=piece, from_bar=from_bar, to_bar=to_bar, **wishes)])[0]

    def stream(self, prime: Tune | None = None, **wishes: Any) -> Iterator[StreamedNote]:
        """Notes without end, each as soon as it is chosen; after ``prime`` if there is one. Memory does not grow."""
        request = Generate(**wishes) if prime is None else Continue(tune=prime, **wishes)
        codec = self.bundle.codec
        for step in Writer(self.engine, [endless(plan(request, self.bundle))]):
            row = step.rows[0]
            if row[Field.ROLE] == Role.NOTE:
                yield StreamedNote(
                    onset=float(step.time[0]) / codec.grid,
                    duration=float(row[Field.DURATION]) / codec.grid,
                    part=int(row[Field.PART]),
                    pitch=int(row[Field.PITCH]),
                    velocity=int(velocity_of(row[Field.VELOCITY : Field.VELOCITY + 1], codec.velocity_bins)[0]),
                )

    def write_long(
        self,
        request: Generate,
        path: str | os.PathLike[str],
        progress: Progress = lambda done, total: None,
        begun: Callable[[Growing], None] = lambda file: None,
    ) -> Growing:
        """A piece of any length, written to a MIDI file while it is composed (``long.py``); ``begun`` is called once the file is there."""
        return write_long(self.bundle, self.engine, request, Path(path), progress, begun)
