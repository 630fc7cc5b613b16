"""What the verbs that write music have in common: from the flags to files and a report."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melody.cli import report
from melody.cli.guard import Terminated
from melody.cli.options import Performing, Writing, changed, said
from melody.cli.output import Targets, claimed, drawn, finished, pipe, put
from melody.compose.request import MAX_CANDIDATES, Request, WithTune
from melody.compose.request_file import missing_of, plain_request, read_settings
from melody.compose.verbs import REQUESTS, Accompany, Continue, Generate, Infill, Vary
from melody.errors import CallError, MelodyError
from melody.files import shown, write_bytes
from melody.generate.sampling import Sampling
from melody.styles import SUFFIX, read_style

if TYPE_CHECKING:
    from melody.compose import Composer
    from melody.compose.running import Running
    from melody.score import Score

WORTH_A_PROCESS = 32  # pieces for which another process is worth its start
WITHOUT_COPYING = "without --corpus the pieces were not checked for copies of the music that the model was trained on"


def write_pieces(
    kind: type[Request], stem: str, count: int, music: Any, drawing: Any, performing: Performing, writing: Writing, tune: Path | None = None
) -> None:
    """Compose ``count`` pieces and write them. Piece i (from 0) has the seed ``seed + i``.

    ``music``, ``drawing``: flags made from the settings of ``kind`` and of Sampling. ``tune``: read once, when the names are claimed.
    """
    asked, drawing = _asked(kind, music, drawing, performing.request)
    seed = drawn(asked.pop("seed", None))
    style = Path(asked["style"]) if asked.get("style", "").endswith(SUFFIX) else None
    if style:
        asked["style"] = read_style(style).name
    asked["sampling"] = Sampling(**drawing)
    out = pipe(writing.output, count, writing.json) if writing.stdout else None
    targets = Targets(()) if out else claimed(writing.output, stem, seed, count, writing.force)
    requests = _requests(kind, asked, seed, count, tune)
    doubts = requests[0].source.doubts() if isinstance(requests[0], WithTune) else []
    _check(performing, requests[0])

    from melody import midi
    from melody.compose import load

    with report.waiting(writing, "loading the model" if performing.adapt is None else "learning the music to adapt to"):
        composer = load(performing.model, style=style, engine=performing.engine, adapt=performing.adapt)
    if out:
        out.write(midi.to_bytes(next(_done(composer, requests, performing))[2]))
        out.flush()
        for line in (f"seed {seed}", *requests[0].remarks(composer.bundle)):
            report.remark(writing, line)
        report.doubts(writing, doubts)
        return
    scores: dict[int, tuple[Request, Score]] = {}
    if performing.rank:
        from melody.evaluation.typical import read_typical

        read_typical(composer.bundle)  # an error before the work, and not after it
    pieces = _composed(composer, requests, targets, performing, writing, scores)
    if performing.rank:
        pieces = _ranked(composer, pieces, scores, performing)
    if (performing.rank or (performing.best_of or 0) > 1) and performing.corpus is None:
        report.remark(writing, WITHOUT_COPYING)
    report.doubts(writing, doubts)
    remarks = requests[0].remarks(composer.bundle)
    for line in remarks:
        report.remark(writing, line)
    if composer.remark:  # not before: an error stays the only line
        report.remark(writing, composer.remark)

    total = {"notes": sum(p["notes"] for p in pieces), "seconds": round(sum(p["seconds"] for p in pieces), 3)}
    lines = [f"{shown(p['file'])}: {p['notes']} notes, {report.clock(p['seconds'])}, seed {p['seed']}{_why(p)}" for p in pieces]
    noted: dict[str, Any] = {"remarks": list(remarks)} if remarks else {}
    noted["request"] = plain_request(requests[0])
    found = {"files": [p["file"] for p in pieces], "seed": seed, **total, "pieces": pieces, **noted}
    report.result(writing, found, lines)


def _asked(kind: type[Request], music: Any, drawing: Any, file: Path | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the request and of its sampling: those of flags, over those of a request file."""
    asked, drawn_by = said(music), said(drawing)
    if file is None:
        return asked, drawn_by
    verb = next(name for name, found in REQUESTS.items() if found is kind)
    _, settings, sampling = read_settings(file, verb)
    return asked | {n: v for n, v in settings.items() if not changed(music, n)}, drawn_by | {
        n: v for n, v in sampling.items() if not changed(drawing, n)
    }


def _requests(kind: type[Request], asked: dict[str, Any], seed: int, count: int, tune: Path | None) -> list[Request]:
    """The same request with a seed for each piece; the tune is read for the first one."""
    from melody.compose.tune import Tune

    missing = [f"--{name.replace('_', '-')}" for name in missing_of(kind, asked) if name != "tune"]
    if missing:
        raise CallError(f"{' and '.join(missing)} must be given")
    if tune is not None:
        how = (asked.pop("drums", None), asked.pop("sequence", None), asked["max_notes"], asked.pop("beats", "file"))
        asked["tune"] = Tune.of(tune, "tune", *how)
    return [kind(**asked, seed=seed + i) for i in range(count)]


def _ranked(
    composer: Composer, pieces: Sequence[dict[str, Any]], scores: dict[int, tuple[Request, Score]], performing: Performing
) -> list[dict[str, Any]]:
    """What is to be said of the pieces, the most typical first."""
    places = {id(score): place for place, (_, score) in scores.items()}
    found = composer.ranked([scores[place] for place in range(len(pieces))], performing.corpus)
    return [
        pieces[places[id(kept.score)]] | {"rank": rank, "score": round(kept.rating.total, 4), "why": kept.rating.why()}
        for rank, kept in enumerate(found, 1)
    ]


def _why(piece: dict[str, Any]) -> str:
    return f"; score {piece['score']:.2f}: {piece['why']}" if "rank" in piece else ""


def _check(performing: Performing, request: Request) -> None:
    """Raises CallError where flags contradict each other, before a model is loaded."""
    if performing.best_of is not None and not 1 <= performing.best_of <= MAX_CANDIDATES:
        raise CallError(f"--best-of is {performing.best_of}, must be 1 to {MAX_CANDIDATES}")
    if performing.corpus is not None and performing.best_of is None and not performing.rank:
        raise CallError("--corpus names the music that --best-of must not copy; give both")
    if performing.adapt is not None and isinstance(request, Accompany | Infill | Vary):
        raise CallError("--adapt works with generate and continue only: a model that has just learned a tune follows given notes less well")


def _done(
    composer: Composer, requests: Sequence[Request], performing: Performing, running: Running | None = None
) -> Iterator[tuple[int, int, Score]]:
    """Each piece as it is done: its place, the seed that makes it, the piece."""
    if performing.best_of is not None and performing.best_of > 1:
        for place, kept in enumerate(composer.best(requests, performing.best_of, performing.corpus)):
            yield place, kept.request.seed, kept.score
        return
    for place, result in composer.each(requests, min(cores(), len(requests) // WORTH_A_PROCESS), running):
        if isinstance(result, MelodyError):
            raise result
        yield place, requests[place].seed, result


def _composed(
    composer: Composer,
    requests: Sequence[Request],
    targets: Targets,
    performing: Performing,
    writing: Writing,
    scores: dict[int, tuple[Request, Score]],
) -> list[dict[str, Any]]:
    """Compose and write each piece as it is done: what is to be said of each. Those that are done stay, whatever ends the work.

    ``scores``: where pieces that are to be ranked are kept, by place.

    Of a new piece or a continuation alone what there is is kept: it ends where the work did.
    """
    from melody import midi
    from melody.compose.running import Running

    found: dict[int, dict[str, Any]] = {}
    running = Running()
    try:
        with report.bar(writing, "composing") as progress:
            for place, seed, score in _done(composer, requests, performing, running):
                file = put(targets, place, midi.to_bytes(score))
                if performing.rank:
                    scores[place] = replace(requests[place], seed=seed), score
                found[place] = facts(file, seed, score.note_count, score.duration_seconds)
                progress(len(found), len(requests))
    except (KeyboardInterrupt, Terminated, MelodyError) as fault:
        goes_on = len(requests) == 1 and isinstance(requests[0], Generate | Continue) and not isinstance(fault, MelodyError)
        if goes_on and (so_far := running.so_far()):
            file = targets.files[0]
            if file.exists():  # an older piece stays until a whole one takes its place
                file = file.with_name(f"{file.stem}.interrupted{file.suffix}")
            write_bytes(file, midi.to_bytes(so_far[0]))
            raise ended_early(fault, f"{shown(file)} holds the first {report.clock(so_far[0].duration_seconds)}") from None
        if not found or len(requests) == 1:
            raise
        raise ended_early(fault, finished(targets, sorted(found))) from None
    return [found[place] for place in range(len(requests))]


def ended_early(fault: BaseException, kept: str) -> BaseException:
    """The same end of the work, with a word on what is kept."""
    if isinstance(fault, Terminated):
        return Terminated(fault.status, f"terminated; {kept}")
    if isinstance(fault, MelodyError):
        return fault.noting(kept)
    return type(fault)(f"interrupted; {kept}")


def facts(file: Path, seed: int, notes: int, seconds: float) -> dict[str, Any]:
    """What is said of a piece."""
    return {"file": str(file), "seed": seed, "notes": notes, "seconds": round(seconds, 3)}


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
