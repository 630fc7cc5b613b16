"""What generate, continue, accompany and infill have in common: from the flags to files and a report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melody.cli import report
from melody.cli.guard import Terminated
from melody.cli.options import Drawing, Music, Writing
from melody.cli.output import Targets, claimed, claimed_folder, drawn, finished, pipe, put
from melody.errors import CallError, MelodyError
from melody.files import shown
from melody.generate.sampling import Sampling
from melody.styles import SUFFIX, read_style

if TYPE_CHECKING:
    from melody.compose import Composer, Request
    from melody.score import Score

WORTH_A_PROCESS = 32  # pieces for which another process is worth its start
WITHOUT_COPYING = "no --corpus was named, so nobody looked whether the kept pieces copy music that the model learned from"
LONG_BARS, LONG_SECONDS = 1000, 1800  # beyond, a piece is written while it is composed
NO_WISHES = ("seed", "model", "engine", "adapt", "best_of", "corpus")  # flags that say how, not what
MAX_NOTES = 25_000  # of a tune that the network reads: 45 kB and 0.1 ms each
MAX_QUARTERS = 10_000  # of a tune: a bar of silence is a step of the network too


def wishes(music: Music, drawing: Drawing) -> dict[str, Any]:
    """The fields of a ``compose.Request`` that the flags say, without the seed."""
    said = {f.name: getattr(music, f.name) for f in fields(music) if f.name not in NO_WISHES}
    if said.get("voices") is not None:
        said["voices"] = tuple(v.strip() for v in said["voices"].split(","))
    sampling = Sampling(**{f.name: getattr(drawing, f.name) for f in fields(drawing)})
    return {name: value for name, value in said.items() if value is not None} | {"sampling": sampling}


def readable(file: Path) -> Path:
    """``file``, after a look that it can be read: that is quicker to learn than to load a model for nothing."""
    from melody import midi

    score = midi.read(file, midi.Limits(max_notes=MAX_NOTES))
    quarters = score.end_tick // score.ticks_per_quarter
    if quarters > MAX_QUARTERS:
        raise MelodyError(f"{shown(file)}: lasts {quarters:,} quarter notes, more than the limit of {MAX_QUARTERS:,}; cut it first")
    return file


def write_pieces(
    request: Callable[..., Request],
    stem: str,
    count: int,
    music: Music,
    drawing: Drawing,
    writing: Writing,
    more: Callable[[], Mapping[str, Any]] = dict,
) -> None:
    """Compose ``count`` pieces and write them. Piece i (from 0) has the seed ``seed + i``.

    ``request`` makes a Request of the flags; ``more`` says what else it needs (the tune), once the names are claimed.
    """
    seed = drawn(music.seed)
    wanted = wishes(music, drawing)
    style = Path(wanted["style"]) if wanted.get("style", "").endswith(SUFFIX) else None
    if style:
        wanted["style"] = read_style(style).name
    out = pipe(writing.output, count, writing.json) if writing.stdout else None
    targets = Targets(()) if out else claimed(writing.output, stem, seed, count, writing.force)
    wanted |= more()
    requests = [request(**wanted, seed=seed + i) for i in range(count)]
    long = is_long(requests[0])
    several(music, long)
    if music.adapt is not None and has_given(requests[0]):
        raise CallError("--adapt goes with generate and continue: what is given is followed less well by a model that has just learned it")

    from melody import midi
    from melody.compose import load

    with report.waiting(writing, "loading the model" if music.adapt is None else "learning the music to adapt to"):
        composer = load(music.model, style=style, engine=music.engine, adapt=music.adapt)
    if out:
        out.write(midi.to_bytes(next(_done(composer, requests, music))[2]))
        out.flush()
        report.remark(writing, f"seed {seed}")
        return
    make = _grown if long else _composed
    pieces = make(composer, requests, targets, music, writing)
    if music.best_of is not None and music.best_of > 1 and music.corpus is None:
        report.remark(writing, WITHOUT_COPYING)
    if composer.remark:  # not before: an error stays the only line
        report.remark(writing, composer.remark)

    total = {"notes": sum(p["notes"] for p in pieces), "seconds": round(sum(p["seconds"] for p in pieces), 3)}
    lines = [f"{shown(p['file'])}: {p['notes']} notes, {report.clock(p['seconds'])}, seed {p['seed']}" for p in pieces]
    report.result(writing, {"files": [p["file"] for p in pieces], "seed": seed, **total, "pieces": pieces}, lines)


def several(music: Music, long: bool) -> None:
    """Raises CallError where --best-of and what goes with it make no sense."""
    from melody.compose.request import MAX_CANDIDATES

    if music.best_of is not None and not 1 <= music.best_of <= MAX_CANDIDATES:
        raise CallError(f"--best-of is {music.best_of}, must be 1 to {MAX_CANDIDATES}")
    if music.best_of and music.best_of > 1 and long:
        raise CallError("--best-of: a piece of this length is written while it is composed, so there is one of it only")
    if music.corpus is not None and music.best_of is None:
        raise CallError("--corpus says what --best-of shall not copy; give both")


def _done(composer: Composer, requests: Sequence[Request], music: Music) -> Iterator[tuple[int, int, Score]]:
    """Each piece as it is done: its place, the seed that makes it, the piece."""
    if music.best_of is not None and music.best_of > 1:
        for place, kept in enumerate(composer.best(requests, music.best_of, music.corpus)):
            yield place, kept.request.seed, kept.score
        return
    for place, score in composer.each(requests, min(cores(), len(requests) // WORTH_A_PROCESS)):
        yield place, requests[place].seed, score


def _composed(composer: Composer, requests: Sequence[Request], targets: Targets, music: Music, writing: Writing) -> list[dict[str, Any]]:
    """Compose and write each piece as it is done: what is to be said of each. Those that are done stay, whatever ends the work."""
    from melody import midi

    found: dict[int, dict[str, Any]] = {}
    try:
        with report.bar(writing, "composing") as progress:
            for place, seed, score in _done(composer, requests, music):
                file = put(targets, place, midi.to_bytes(score))
                found[place] = facts(file, seed, score.note_count, score.duration_seconds)
                progress(len(found), len(requests))
    except (KeyboardInterrupt, Terminated, MelodyError) as fault:
        if not found or len(requests) == 1:
            raise
        raise ended_early(fault, finished(targets, sorted(found))) from None
    return [found[place] for place in range(len(requests))]


def _grown(composer: Composer, requests: Sequence[Request], targets: Targets, music: Music, writing: Writing) -> list[dict[str, Any]]:
    """Compose long pieces, one after the other, straight into their files: what is to be said of each."""
    from melody.compose import Generate
    from melody.midi.growing import Growing

    found: list[dict[str, Any]] = []
    for place, request in enumerate(requests):
        assert isinstance(request, Generate)
        path, grown = claimed_folder(targets, place), list[Growing]()
        try:
            with report.bar(writing, "composing") as progress:
                composer.write_long(request, path, progress, grown.append)
        except (KeyboardInterrupt, Terminated, MelodyError) as fault:
            kept = [finished(targets, range(place))] if place else []
            if grown and grown[0].kept is not None:
                kept.append(f"{shown(grown[0].kept)} holds the first {report.clock(grown[0].seconds)}")
            if not kept:
                raise
            raise ended_early(fault, "; ".join(kept)) from None
        found.append(facts(path, request.seed, grown[0].notes, grown[0].seconds))
    return found


def ended_early(fault: BaseException, kept: str) -> BaseException:
    """The same end of the work, with a word on what is kept."""
    if isinstance(fault, Terminated):
        return Terminated(fault.status, f"terminated; {kept}")
    return type(fault)(f"{fault if isinstance(fault, MelodyError) else 'interrupted'}; {kept}")


def has_given(request: Request) -> bool:
    """Whether there are notes that the new ones have to go with."""
    from melody.compose import Accompany, Infill

    return isinstance(request, Accompany | Infill)


def is_long(request: Request) -> bool:
    """Whether a piece is written while it is composed."""
    from melody.compose import Generate

    return isinstance(request, Generate) and ((request.bars or 0) > LONG_BARS or (request.seconds or 0) > LONG_SECONDS)


def facts(file: Path, seed: int, notes: int, seconds: float) -> dict[str, Any]:
    """What is said of a piece."""
    return {"file": str(file), "seed": seed, "notes": notes, "seconds": round(seconds, 3)}


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
