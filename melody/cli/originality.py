"""``melody originality``: what of a piece is copied from the music that a model learned, and the index that says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cyclopts import App

from melody.cli import report
from melody.cli.options import Printing
from melody.errors import CallError
from melody.files import shown

EXAMPLES = """\
Examples:
  melody originality piece.mid
  melody originality piece.mid --model run --json
  melody originality --index corpus --model run

The index holds hashes of the music, no notes. melody generate --original 12 keeps to it while it writes.\
"""
NAMED = 5  # runs that are named

app = App(name="originality", help_epilogue=EXAMPLES)


@app.default
def originality(
    file: Path | None = None, /, *, model: str | None = None, index: Path | None = None, printing: Printing = Printing()
) -> None:
    """Say how much of a piece is copied from the music that a model learned.

    The longest run of notes that occurs there, in whatever key, the bars and the part where it stands, and the collection.

    Parameters
    ----------
    file
        MIDI, MusicXML or ABC file.
    model
        Name of a shipped model, or a model's folder.
    index
        Instead of looking: write the index of this corpus (a folder made by melody prepare) into the folder of the model.
    """
    if (file is None) == (index is None):
        raise CallError("give a piece (melody originality FILE), or a corpus to make the index of (--index CORPUS), one of the two")
    from melody import bundle

    found = bundle.read(model)
    if index is not None:
        _write(found, index, printing)
        return
    from melody import notation
    from melody.evaluation.original import read_originality
    from melody.originality.find import copied_runs
    from melody.originality.grams import RUN

    assert file is not None
    score = notation.read(file)
    runs, share = copied_runs(score, read_originality(found))
    facts: dict[str, Any] = {
        "file": str(file),
        "model": found.name,
        "shortest": RUN,
        "longest": max((run.notes for run in runs), default=0),
        "share": round(share, 4),
        "runs": [vars(run) for run in runs],
    }
    report.result(printing, facts, _lines(file, runs, share, RUN))


def _lines(file: Path, runs: list[Any], share: float, shortest: int) -> list[str]:
    if not runs:
        return [f"{shown(file)}: no {shortest} notes in a row are those of a training piece"]
    lines = [
        f"{shown(file)}: {share:.1%} of the notes lie in runs of {shortest} or more that occur in training; the longest has {runs[0].notes}"
    ]
    for run in runs[:NAMED]:
        bars = f"bar {run.first_bar}" if run.first_bar == run.last_bar else f"bars {run.first_bar} to {run.last_bar}"
        where = f", {shown(run.part)}" if run.part else ""
        source = f", from {shown(run.collection)}" if run.collection else ""
        lines.append(f"  {run.notes} notes: {bars}{where}{source}{'' if run.certain else ' (may be chance)'}")
    if len(runs) > NAMED:
        lines.append(f"  and {len(runs) - NAMED} more")
    return lines


def _write(found: Any, corpus: Path, printing: Printing) -> None:
    from melody.corpus import Corpus
    from melody.evaluation.original import write_originality
    from melody.originality.find import index_of

    music = Corpus(corpus)
    with report.bar(printing, "reading the corpus") as progress:
        made = index_of(music, found.codec.grid, found.codec.clock == "seconds", progress)
    path = write_originality(found, made)
    size = path.stat().st_size
    facts = {"files": [str(path)], "runs": len(made.keys), "bytes": size, "collections": list(made.collections)}
    report.result(printing, facts, [f"{shown(path)}: {len(made.keys):,} runs of notes, {size:,} bytes"])
