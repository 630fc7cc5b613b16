"""The Composer: a loaded model and what a musician can ask of it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from melody import bundle as bundles
from melody.compose.engines import engine_for
from melody.compose.keywords import Continuing, Drawing, OfTune, Sections, sampling_of, settings_of
from melody.compose.processes import shared
from melody.compose.request import Request
from melody.compose.running import Result, Running, finished
from melody.compose.stream import StreamedNote, streamed
from melody.compose.tune import TuneLike
from melody.compose.verbs import Accompany, Continue, Generate, Infill, Vary
from melody.errors import CallError, MelodyError
from melody.generate.engine import AnyEngine
from melody.generate.loop import ROWS, pieces
from melody.generate.plan import Plan
from melody.generate.sampling import Sampling
from melody.score import Score
from melody.settings import value_shown
from melody.theory.progressions import parse_progression

if TYPE_CHECKING:
    from melody.compose.best import Selected

Progress = Callable[[int, int], None]  # how much is done, and of how much
DRAWN_SEEDS = 2**31  # seeds that are drawn lie below
Meter = str | tuple[int, int]
Voices = str | Sequence[str | int]


def load(
    name: str | os.PathLike[str] | None = None,
    threads: int = 1,
    style: str | os.PathLike[str] | None = None,
    engine: str | None = None,
    adapt: TuneLike | Sequence[Score] | None = None,
) -> Composer:
    """The Composer of a bundle: the shipped model, a shipped one by name, or a folder.

    ``style``: a style file for this model; the Composer then knows that style too.
    ``threads``: CPU threads that the engine may use; one is quickest for a few pieces at a time.
    ``engine``: "onnx" (the bundle's runtime file, without torch) or "torch"; by default the first, where there is one
    (``Composer.remark`` says why not).
    ``adapt``: music (Scores, or a path: a file, a folder, an archive) that the model learns for some seconds first, by torch; nothing of it
    is kept.
    Errors: ``MelodyError`` for a bundle that cannot be read, or needs what is not installed; ``CallError`` for wrong arguments.

    >>> load().bundle.name
    'base'
    """
    if name is not None and not isinstance(name, str | os.PathLike):
        raise CallError(f"name is {value_shown(name)}, must be the name of a model, or its folder", argument="name")
    if type(threads) is not int or not 1 <= threads <= 1024:
        raise CallError(f"threads is {value_shown(threads)}, must be a whole number, 1 to 1,024", argument="threads")
    bundle = bundles.read(name)
    # To adapt once more, in another process, would take longer than to compose in this one.
    factory = partial(load, bundle.folder, threads, style, engine) if adapt is None else None
    return Composer(*engine_for(bundle, engine, threads, None if style is None else Path(style), adapt), factory)


class Composer:
    """Verbs over one engine. Every verb returns a Score; its keywords are the settings of its request (``compose/verbs/``).

    A tune may be a path, bytes, a file open in binary mode, a Score, a ``pretty_midi.PrettyMIDI`` or a ``mido.MidiFile``.
    ``seed=None`` draws one. Drawing: ``temperature``, ``top_p`` and so on, or a whole ``Sampling``.
    Errors: ``CallError`` that names the argument, ``MelodyError`` where the work itself fails.

    >>> piece = load().generate(bars=2, voices="piano,bass", meter=(3, 4), seed=1)
    >>> [track.name for track in piece.tracks]
    ['Melody', 'Electric Bass (finger)']
    """

    def __init__(self, bundle: bundles.Bundle, engine: AnyEngine, remark: str = "", factory: Callable[[], Composer] | None = None) -> None:
        """``remark``: why the engine is not the quick one, if people should know. ``factory``: makes the same Composer elsewhere."""
        self.bundle, self.engine, self.remark, self.factory = bundle, engine, remark, factory

    def each(self, requests: Sequence[Request], processes: int = 1, running: Running | None = None) -> Iterator[tuple[int, Result]]:
        """Carry out requests of any kind together, 64 at a time: the place of each among them as it is done, and its piece or its fault.

        A request that is done makes room for the next one; what comes of a request does not depend on the others.
        ``running``: holds what is unfinished, for who is interrupted (not with more than one process).
        ``processes``: how many share the work; a script that asks for more than one needs the usual ``if __name__ == "__main__"``.
        Errors: ``CallError`` for what is no request. Those of single requests are yielded.
        """
        for request in requests:
            if not isinstance(request, Request):
                raise CallError(f"{value_shown(request)} is not a request that a Composer knows", argument="requests")
        if processes > 1 and self.factory is not None:
            yield from shared(self.factory, requests, processes)
            return
        running = Running() if running is None else running
        numbers = count()
        faults: list[tuple[int, MelodyError]] = []

        def plans() -> Iterator[Plan]:
            for place, request in enumerate(requests):
                try:
                    task = request.task(self.bundle)
                except MelodyError as fault:
                    faults.append((place, fault))
                    continue
                running.tasks[next(numbers)] = place, task
                yield task.plan

        for number, rows in pieces(self.engine, plans(), ROWS, running.events, running.follow):
            place, task = running.tasks.pop(number)
            yield place, finished(task, rows)
            while faults:
                yield faults.pop(0)
        yield from faults

    def results(self, requests: Sequence[Request], progress: Progress = lambda done, total: None, processes: int = 1) -> list[Result]:
        """``each``, in the order of the requests: a Score or a fault for every one."""
        found: dict[int, Result] = {}
        for place, result in self.each(requests, processes):
            found[place] = result
            progress(len(found), len(requests))
        return [found[place] for place in range(len(requests))]

    def many(self, requests: Sequence[Request], progress: Progress = lambda done, total: None, processes: int = 1) -> list[Score]:
        """``results`` where all have to come to something. Errors: that of the first request that did not."""
        scores = []
        for result in self.results(requests, progress, processes):
            if isinstance(result, MelodyError):
                raise result
            scores.append(result)
        return scores

    def best(self, requests: Sequence[Request], of: int, corpus: str | os.PathLike[str] | None = None) -> Iterator[Selected]:
        """For each request in turn the best of ``of`` candidates (``best.py`` says by which score).

        ``corpus``: what the model learned from, so that no piece is kept which copies it.
        """
        from melody.compose.best import best, training_of  # 0.1 s, which who writes one piece need not wait for

        return best(self.results, self.engine, self.bundle, requests, of, training_of(self.bundle, corpus))

    def ranked(self, written: Sequence[tuple[Request, Score]], corpus: str | os.PathLike[str] | None = None) -> list[Selected]:
        """Requests of one kind and their pieces, the most typical first by the score of ``best``; ``rating.why()`` says why."""
        from melody.compose.best import ranked, training_of

        return ranked(self.engine, self.bundle, written, training_of(self.bundle, corpus))

    def generate(
        self,
        *,
        bars: int | None = None,
        seconds: float | None = None,
        style: str | None = None,
        key: str | None = None,
        tempo: float | None = None,
        meter: Meter | None = None,
        voices: Voices = (),
        seed: int | None = None,
        sampling: Sampling | None = None,
        **further: Unpack[Sections],
    ) -> Score:
        """A new piece. See ``Generate``, ``Sampling`` and ``keywords.Sections`` for the keywords."""
        drawn = {"style": style, "key": key, "seed": seed, "sampling": sampling}
        music = {"bars": bars, "seconds": seconds, "tempo": tempo, "meter": meter, "voices": voices}
        return self._ask(Generate, music | drawn, further)

    def continue_(
        self,
        tune: TuneLike,
        *,
        bars: int | None = None,
        seconds: float | None = None,
        style: str | None = None,
        key: str | None = None,
        tempo: float | None = None,
        meter: Meter | None = None,
        seed: int | None = None,
        sampling: Sampling | None = None,
        **further: Unpack[Continuing],
    ) -> Score:
        """The tune, and then what the model adds to it (8 bars by default). See ``Continue``."""
        music = {"tune": tune, "bars": bars, "seconds": seconds, "tempo": tempo, "meter": meter}
        drawn = {"style": style, "key": key, "seed": seed, "sampling": sampling}
        return self._ask(Continue, music | drawn, further)

    def accompany(
        self,
        tune: TuneLike,
        *,
        track: str | int | None = None,
        voices: Voices = (),
        style: str | None = None,
        key: str | None = None,
        seed: int | None = None,
        sampling: Sampling | None = None,
        **further: Unpack[OfTune],
    ) -> Score:
        """The tune as it is, with tracks added that go with it. See ``Accompany``."""
        drawn = {"style": style, "key": key, "seed": seed, "sampling": sampling}
        return self._ask(Accompany, {"tune": tune, "track": track, "voices": voices} | drawn, further)

    def infill(
        self,
        tune: TuneLike,
        from_bar: int | None = None,
        to_bar: int | None = None,
        *,
        bars: str | Sequence[str] = (),
        keep: str | None = None,
        track: str | int | None = None,
        style: str | None = None,
        key: str | None = None,
        seed: int | None = None,
        sampling: Sampling | None = None,
        **further: Unpack[OfTune],
    ) -> Score:
        """The piece with some bars (``from_bar`` to ``to_bar``, from 1, or ``bars`` such as "5-8,13-14") written anew. See ``Infill``."""
        holes = {"tune": tune, "from_bar": from_bar, "to_bar": to_bar, "bars": bars, "keep": keep, "track": track}
        drawn = {"style": style, "key": key, "seed": seed, "sampling": sampling}
        return self._ask(Infill, holes | drawn, further)

    def vary(
        self,
        tune: TuneLike,
        strength: float = 0.3,
        *,
        bars: str | Sequence[str] = (),
        keep: str = "roots",
        style: str | None = None,
        key: str | None = None,
        seed: int | None = None,
        sampling: Sampling | None = None,
        **further: Unpack[OfTune],
    ) -> Score:
        """The piece with about a share ``strength`` of its notes written anew. See ``Vary``."""
        drawn = {"style": style, "key": key, "seed": seed, "sampling": sampling}
        return self._ask(Vary, {"tune": tune, "strength": strength, "bars": bars, "keep": keep} | drawn, further)

    def _ask(self, kind: type[Request], music: Mapping[str, Any], further: Mapping[str, Any]) -> Score:
        """The Score of one request, which checks its settings: those written out for completion, and the further ones."""
        own = {"seed": _seed(music["seed"]), "sampling": sampling_of(music["sampling"], further)}
        return self._one(kind(**{**music, **settings_of(further), **own}))

    def stream(
        self,
        tune: TuneLike | None = None,
        *,
        style: str | None = None,
        key: str | None = None,
        tempo: float | None = None,
        meter: Meter | None = None,
        voices: Voices = (),
        seed: int | None = None,
        sampling: Sampling | None = None,
        **drawing: Unpack[Drawing],
    ) -> Iterator[StreamedNote]:
        """Notes without end, each as soon as it is chosen; going on from ``tune`` if there is one. Memory does not grow.

        >>> from itertools import islice
        >>> notes = list(islice(load().stream(seed=1, style="lieder"), 8))
        >>> len(notes), notes[0].onset_beats <= notes[7].onset_beats
        (8, True)
        """
        if steered := settings_of(drawing):
            raise TypeError(f"unexpected keyword {min(steered)!r}: a stream has no end that it could be planned for")
        drawn, number = sampling_of(sampling, drawing), _seed(seed)
        request: Request
        if tune is None:
            request = Generate(style=style, key=key, tempo=tempo, meter=meter, voices=voices, seed=number, passes=False, sampling=drawn)
        else:
            request = Continue(tune=tune, style=style, key=key, tempo=tempo, meter=meter, seed=number, passes=False, sampling=drawn)
        return streamed(self.engine, request.task(self.bundle))

    def next_chords(
        self, chords: str, *, key: str | None = None, style: str | None = None, meter: Meter | None = None, count: int = 8
    ) -> list[tuple[str, float]]:
        """The likeliest chords after ``chords`` and their shares, the likeliest first: ``[("F", 0.31), ("Am", 0.2), ...]``.

        Errors: ``CallError`` for chords that cannot be read, ``MelodyError`` for a model that plans no chords (vocabulary 1).
        """
        from melody.compose.next_chords import next_chords

        bars = len(parse_progression(chords, 0).bars)
        request = Generate(chords=chords, bars=bars, passes=False, key=key, style=style, meter=(4, 4) if meter is None else meter)
        return next_chords(self.engine, self.bundle, request, count)

    def _one(self, request: Request) -> Score:
        return self.many([request])[0]


def _seed(seed: int | None) -> int:
    """``seed``, or a random one."""
    return secrets.randbelow(DRAWN_SEEDS) if seed is None else seed
