"""A model before the judge: it writes pieces, continuations or accompaniments, which are laid beside what people wrote.

    generate    new pieces of 32 bars in a style; one window of each
    continue    16 bars of a piece are given; the model's next 16 beside people's
    accompany   16 bars of a melody are given; the model's other parts beside people's

Everything is asked for as a user would who says nothing else, but for the style and the meter of new pieces: people's windows have one
meter. ``evaluation/judge.py`` says what is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from melody import edit, theory
from melody.compose.composer import Composer
from melody.compose.request import Request
from melody.compose.verbs import Accompany, Continue, Generate
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.evaluation.judge import MIN_WINDOWS, WINDOWS, Verdict, judge_views
from melody.evaluation.judge_given import AFTER, WITH
from melody.evaluation.judge_view import Block, View
from melody.evaluation.judge_windows import BARS, MIN_NOTES, Meter, Window, cut_window, usual_meter, windows_of
from melody.generate.sampling import Sampling
from melody.score import Score
from melody.settings import check_settings, setting

PIECE_BARS = 32  # of a new piece: a window begins in one of its first 17 bars, as one of people's does in theirs
MIN_MELODY = 16  # notes of a window's melody

Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class JudgeSettings:
    """What the judge looks at. Errors: ``CallError`` that names the field."""

    verb: str = setting(
        "generate",
        "What is judged: new pieces, 16 bars after 16 that are given, or what goes with 16 bars of a melody.",
        kind=str,
        choices=("generate", "continue", "accompany"),
    )
    windows: int = setting(WINDOWS, "Windows of 16 bars that the model writes.", kind=int, low=MIN_WINDOWS, high=10_000)
    seed: int = setting(1, "Of the pieces and of the windows.", kind=int, low=0, high=(1 << 62) - 1)
    sampling: Sampling = field(default_factory=Sampling)

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True, eq=False)
class Material:
    """What is judged: people's windows and the model's with what they go with, and all that the model wrote, each piece whole.

    Window ``model[i]`` is of ``written[of[i]]``, which is called ``names[of[i]]``: a new piece (its seed), or what was given with what the
    model made of it (where it is from).
    """

    meter: Meter
    people: list[View]
    model: list[View]
    written: list[Score]
    names: list[str]
    of: list[int]
    given: Sequence[Block] = ()


@dataclass(frozen=True, eq=False)
class Judged:
    """A verdict and the music that it is about.

    ``pieces[i]`` is the music of ``verdict.recognised[i]`` (with what was given), ``names[i]`` where it is from.
    """

    material: Material
    verdict: Verdict
    pieces: tuple[Score, ...]
    names: tuple[str, ...]


def judged(
    composer: Composer,
    corpus: Corpus,
    pieces: Sequence[int],
    settings: JudgeSettings = JudgeSettings(),
    *,
    least: int = MIN_WINDOWS,
    progress: Progress = lambda done, total: None,
    change: Callable[[Request], Request] = lambda request: request,
) -> Judged:
    """Let a model write and have it judged beside some pieces of a corpus (indices), which should be of one kind.

    A new piece is asked for in the style of one of people's windows, if the model knows it.
    ``progress``: pieces written, then steps of the judge. ``change``: what else is asked for, request by request.
    Errors: ``MelodyError`` for a model without bars, too few windows, and where scikit-learn is missing.
    """
    found = material(composer, corpus, pieces, settings, least=least, progress=progress, change=change)
    verdict = judge_views(found.people, found.model, settings.windows, settings.seed, given=found.given, least=least, progress=progress)
    place = {(view.window.piece, view.window.start): number for view, number in zip(found.model, found.of, strict=True)}
    order = [place[r.piece, r.start] for r in verdict.recognised]
    whole = [found.written[i] for i in order]
    if not found.given:
        whole = [_bars(score, r.start, r.start + BARS) for score, r in zip(whole, verdict.recognised, strict=True)]
    return Judged(found, verdict, tuple(whole), tuple(found.names[i] for i in order))


def material(
    composer: Composer,
    corpus: Corpus,
    pieces: Sequence[int],
    settings: JudgeSettings = JudgeSettings(),
    *,
    least: int = MIN_WINDOWS,
    progress: Progress = lambda done, total: None,
    change: Callable[[Request], Request] = lambda request: request,
) -> Material:
    """What ``judged`` judges. Too few windows of people are an error before anything is written."""
    if composer.bundle.codec.clock == "seconds":
        raise MelodyError("this model counts in seconds and knows no bars; the judge compares bars")
    scores = {i: corpus.score(i) for i in pieces}
    facts = {i: corpus.pieces[i] for i in pieces}
    meter = usual_meter(scores.values())
    if meter is None:
        raise MelodyError("no piece has one meter with whole bars from beginning to end; the judge compares bars")
    work = _Work(composer, settings, progress, change, least)
    if settings.verb == "continue":
        return _continued(work, list(scores.values()), [f.source for f in facts.values()], meter)
    if settings.verb == "accompany":
        leads = {i: f.lead for i, f in facts.items() if f.lead is not None and f.lead_rule == "name"}
        return _accompanied(work, [scores[i] for i in leads], list(leads.values()), [facts[i].source for i in leads], meter)
    return _generated(work, list(scores.values()), [f.style for f in facts.values()], meter)


@dataclass(frozen=True, eq=False)
class _Work:
    composer: Composer
    settings: JudgeSettings
    progress: Progress
    change: Callable[[Request], Request]
    least: int

    def enough(self, windows: Sequence[Window], kind: str) -> None:
        """Raise MelodyError if people's windows are too few."""
        if len(windows) < self.least:
            pieces = len({w.piece for w in windows})
            raise MelodyError(
                f"only {len(windows)} windows of 16 bars {kind} in {pieces} pieces of people's, and the judge needs {self.least}; "
                "give it a larger collection, or more of it (another split, or all styles)"
            )

    def write(self, requests: Sequence[Request]) -> list[Score | None]:
        """A piece for each request; None where there came none."""
        done = self.composer.results([self.change(r) for r in requests], self.progress)
        return [result if isinstance(result, Score) else None for result in done]


def _generated(work: _Work, scores: Sequence[Score], styles: Sequence[str], meter: Meter) -> Material:
    s = work.settings
    human = windows_of(scores, meter, 2 * s.windows, s.seed)
    work.enough(human, f"in {meter[0]}/{meter[1]}")
    known = [style if style in work.composer.bundle.codec.styles else None for style in (styles[w.piece] for w in human)]
    requests = [
        Generate(bars=PIECE_BARS, style=known[i % len(known)], meter=meter, seed=s.seed + i, sampling=s.sampling) for i in range(s.windows)
    ]
    written = [score or Score() for score in work.write(requests)]
    made = windows_of(written, meter, s.windows, s.seed, each=1)
    names = [f"seed {request.seed}" for request in requests]
    return Material(meter, [View(w) for w in human], [View(w) for w in made], written, names, [w.piece for w in made])


def _continued(work: _Work, scores: Sequence[Score], sources: Sequence[str], meter: Meter) -> Material:
    s = work.settings

    def before(window: Window) -> Window:
        return cut_window(scores[window.piece], meter, window.start - BARS, piece=window.piece)

    def fits(window: Window) -> bool:
        given = before(window)
        return len(given.onset) >= MIN_NOTES and int(given.onset[-1]) // given.bar == BARS - 1

    human = windows_of(scores, meter, 2 * s.windows, s.seed, before=BARS, fits=fits)
    work.enough(human, "after 16")
    people = [View(w, before(w)) for w in human]
    asked = people[: s.windows]
    primes = [_bars(scores[v.window.piece], v.window.start - BARS, v.window.start) for v in asked]
    requests = [Continue(tune=p, bars=BARS, seed=s.seed + i, sampling=s.sampling) for i, p in enumerate(primes)]
    names = [_name(v.window, sources) for v in asked]
    return _paired(work, people, requests, names, meter, BARS, AFTER, lambda score: score)


def _accompanied(work: _Work, scores: Sequence[Score], leads: Sequence[int], sources: Sequence[str], meter: Meter) -> Material:
    s = work.settings
    melodies = [edit.select_tracks(s, [lead]) for s, lead in zip(scores, leads, strict=True)]
    others = [edit.with_tracks(s, (t for i, t in enumerate(s.tracks) if i != lead)) for s, lead in zip(scores, leads, strict=True)]

    def melody(window: Window) -> Window:
        return cut_window(melodies[window.piece], meter, window.start, piece=window.piece)

    def fits(window: Window) -> bool:
        given = melody(window)
        return len(given.onset) >= MIN_MELODY and int(given.onset[-1]) // given.bar == BARS - 1

    human = windows_of(others, meter, 2 * s.windows, s.seed, fits=fits)
    work.enough(human, "beside a named melody")
    people = [View(w, melody(w)) for w in human]
    asked = people[: s.windows]
    tunes = [_bars(melodies[v.window.piece], v.window.start, v.window.start + BARS) for v in asked]
    requests = [Accompany(tune=t, seed=s.seed + i, sampling=s.sampling) for i, t in enumerate(tunes)]
    names = [_name(v.window, sources) for v in asked]
    return _paired(work, people, requests, names, meter, 0, WITH, lambda score: edit.select_tracks(score, range(1, len(score.tracks))))


def _name(window: Window, sources: Sequence[str]) -> str:
    return f"{sources[window.piece]}, bars {window.start + 1} to {window.start + BARS}"


def _paired(
    work: _Work,
    people: list[View],
    requests: Sequence[Request],
    names: list[str],
    meter: Meter,
    start: int,
    given: Sequence[Block],
    new: Callable[[Score], Score],
) -> Material:
    """What the model wrote to music that people's first windows go with: bars ``start`` to ``start + 16`` of ``new`` of each result."""
    written = [score or Score() for score in work.write(requests)]
    windows = [cut_window(new(score), meter, start) for score in written]
    of = [i for i, window in enumerate(windows) if len(window.onset) >= MIN_NOTES]
    model = [View(replace(windows[i], piece=people[i].window.piece, start=people[i].window.start), people[i].given) for i in of]
    return Material(meter, people, model, written, names, of, given)


def _bars(score: Score, first: int, last: int) -> Score:
    """Bars ``first`` up to ``last`` of a piece."""
    begin, end = theory.bar_start(score, [first, last]).tolist()
    return edit.cut(score, begin, end)
