"""What generate, continue, accompany and infill have in common: from the flags to files and a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melody.cli import report
from melody.cli.options import Drawing, Music, Writing
from melody.cli.output import claimed, drawn, write_all
from melody.files import shown
from melody.generate.sampling import Sampling
from melody.styles import SUFFIX, read_style

if TYPE_CHECKING:
    from melody.compose import Request


def wishes(music: Music, drawing: Drawing) -> dict[str, Any]:
    """The fields of a ``compose.Request`` that the flags say, without the seed."""
    said = {f.name: getattr(music, f.name) for f in fields(music) if f.name not in ("seed", "model", "engine")}
    if said.get("voices") is not None:
        said["voices"] = tuple(v.strip() for v in said["voices"].split(","))
    sampling = Sampling(**{f.name: getattr(drawing, f.name) for f in fields(drawing)})
    return {name: value for name, value in said.items() if value is not None} | {"sampling": sampling}


def readable(file: Path) -> Path:
    """``file``, after a look that it can be read: that is quicker to learn than to load a model for nothing."""
    from melody import midi

    midi.read(file)
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
    targets = claimed(writing.output, stem, seed, count, writing.force)
    wanted |= more()
    requests = [request(**wanted, seed=seed + i) for i in range(count)]

    from melody import midi
    from melody.compose import load

    with report.waiting(writing, "loading the model"):
        composer = load(music.model, style=style, engine=music.engine)
    with report.bar(writing, "composing") as progress:
        scores = composer.many(requests, progress)
    write_all(targets, [midi.to_bytes(score) for score in scores])
    if composer.remark:  # not before: an error stays the only line
        report.remark(writing, composer.remark)

    pieces = [
        {"file": str(file), "seed": seed + i, "notes": score.note_count, "seconds": round(score.duration_seconds, 3)}
        for i, (file, score) in enumerate(zip(targets.files, scores, strict=True))
    ]
    total = {"notes": sum(s.note_count for s in scores), "seconds": round(sum(s.duration_seconds for s in scores), 3)}
    lines = [f"{shown(p['file'])}: {p['notes']} notes, {report.clock(float(str(p['seconds'])))}, seed {p['seed']}" for p in pieces]
    report.result(writing, {"files": [p["file"] for p in pieces], "seed": seed, **total, "pieces": pieces}, lines)
