"""The Composer: a loaded model and what a musician can ask of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from melody import bundle as bundles
from melody.codec.encode import velocity_of
from melody.codec.table import Field, Role
from melody.compose.engines import engine_for
from melody.compose.planning import endless, plan
from melody.compose.request import Accompany, Continue, Generate, Infill, Request, Tune
from melody.errors import MelodyError
from melody.generate.engine import Engine
from melody.generate.loop import Writer, write
from melody.score import Score

ROWS = 64  # pieces that are written at once


@dataclass(frozen=True)
class StreamedNote:
    """One note of a stream: times in quarters (beats clock) or seconds from the start of the piece."""

    onset: float
    duration: float
    part: int
    pitch: int
    velocity: int


def load(
    name: str | os.PathLike[str] | None = None, threads: int = 1, style: str | os.PathLike[str] | None = None, engine: str | None = None
) -> Composer:
    """The Composer of a bundle: the shipped model, a shipped one by name, or a folder.

    ``style``: a style file for this model; the Composer then knows that style too.
    ``threads``: CPU threads that the engine may use; one is quickest for a few pieces at a time.
    ``engine``: "onnx" (the bundle's runtime file, without torch) or "torch"; by default the first, where there is one
    (``Composer.remark`` says why not).
    """
    bundle = bundles.read(name)
    return Composer(*engine_for(bundle, engine, threads, None if style is None else Path(style)))


class Composer:
    """Verbs over one engine. Tunes are Scores or paths; every verb returns a Score. Keywords are the fields of ``Request``."""

    def __init__(self, bundle: bundles.Bundle, engine: Engine, remark: str = "") -> None:
        """``remark``: why the engine is not the quick one, if people should know."""
        self.bundle, self.engine, self.remark = bundle, engine, remark

    def many(self, requests: Sequence[Request], progress: Callable[[int, int], None] = lambda done, total: None) -> list[Score]:
        """Carry out requests of any kind together, in batches; the results are in their order.

        Raises MelodyError if a request came to nothing (no note was written).
        """
        scores: list[Score] = []
        for first in range(0, len(requests), ROWS):
            tasks = [plan(r, self.bundle) for r in requests[first : first + ROWS]]
            written = write(self.engine, [t.plan for t in tasks], lambda done, _: progress(first + done, len(requests)))  # noqa: B023  # called before the loop goes on
            for task, rows in zip(tasks, written, strict=True):
                if not (rows[:, Field.ROLE] == Role.NOTE).any():
                    raise MelodyError("the model wrote no note for this request; try another seed or a longer span")
                scores.append(task.finish(rows.astype(np.int16)))
        return scores

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
