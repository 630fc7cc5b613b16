"""``melody evaluate``: ``melody.evaluate`` with flags, a page and a report; or a piece coloured by the model's surprise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.judge import PAGE as JUDGE_PAGE
from melody.cli.judge import Judging, judge_model
from melody.cli.options import Flag, Output, Printing, flags_of, said
from melody.errors import CallError
from melody.extras import require
from melody.files import shown
from melody.workflows.evaluate import evaluate, page_path
from melody.workflows.settings import EvaluateSettings

EXAMPLES = """\
Examples:
  melody evaluate base corpus
  melody evaluate run corpus --samples 0 --json -o report.html
  melody evaluate base corpus --judge --style pop
  melody evaluate base --surprise tune.mid -o roll.html

Nats per note on held-out pieces, by field, style and position; calibration; samples beside real pieces; what is copied.\
"""
REPORT = "report.html"
ROLLS = (".html", ".htm", ".svg", ".png")

app = App(name="evaluate", help_epilogue=EXAMPLES)
Flags: Any = flags_of(EvaluateSettings, "Evaluation")


def command(
    model: str,
    corpus: Path | None = None,
    /,
    *,
    settings: Any = Flags(),
    judging: Judging = Judging(),
    surprise: Annotated[Path | None, Parameter(group="Evaluation")] = None,
    output: Annotated[Output, Parameter(group="Output")] = None,
    force: Annotated[Flag, Parameter(group="Output")] = False,
    printing: Printing = Printing(),
) -> None:
    """Measure how well a model knows held-out music, or show its surprise at a piece.

    Parameters
    ----------
    model
        Name of a shipped model, or a model's folder.
    corpus
        Folder made by melody prepare.
    surprise
        A MIDI file to colour by the model's surprise, in place of a corpus; --style is then the style that the model expects.
    output
        Page to write: report.html or judge.html by default; for --surprise a roll as .html, .svg or .png.
    force
        Replace a file that exists.
    """
    if (corpus is None) == (surprise is None):
        raise CallError("give a corpus (melody evaluate MODEL CORPUS) or a MIDI file (--surprise FILE.mid), one of the two")
    EvaluateSettings(**said(settings))  # checked before the first look at a file
    if judging.judge and corpus is not None:
        target = page_path(output or JUDGE_PAGE, force)
        judge_model(model, corpus, target, judging, split=settings.split, style=settings.style, seed=settings.seed, printing=printing)
        return
    require("train", "melody evaluate")
    if surprise is not None:
        _surprise(model, surprise, settings.style, output, force, printing)
        return
    assert corpus is not None
    if corpus.is_file():
        raise CallError(f"{shown(corpus)} is a file, and a corpus is a folder; for a MIDI file: --surprise {shown(corpus)}")
    target = page_path(output or REPORT, force)
    with report.stages(printing) as progress:
        found = evaluate(model, corpus, **said(settings), progress=progress)
    found.save(target, force=True)
    facts = {"files": [str(target)], **found.plain()}
    report.result(printing, facts, _lines(facts, target))


command.__name__ = "evaluate"
command.__annotations__["settings"] = Flags
app.default(command)


def _lines(facts: Mapping[str, Any], target: Path) -> list[str]:
    nats, reset = facts["nats_per_note"], facts["bar_reset"]
    fields = ", ".join(f"{name} {value:.3f}" for name, value in nats.items() if name != "total")
    out = [f"{facts['pieces']} pieces, {facts['notes']:,} notes: {nats['total']:.3f} nats a note ({fields})"]
    out.append(f"without what came before each bar: {reset['total']:.3f}")
    out += [f"  {shown(style)}: {mine['nats_per_note']['total']:.3f}" for style, mine in facts["styles"].items() if mine["nats_per_note"]]
    ece = ", ".join(f"{name} {f['ece']:.3f}" for name, f in facts["calibration"].items())
    out.append(f"calibration error: {ece}")
    for style, f in facts["statistics"].items():
        known = [v["oa"] for v in f["features"].values() if v["oa"] is not None]
        if known:
            out.append(f"{shown(style)}: mean overlap area of {len(known)} statistics {sum(known) / len(known):.3f}")
    for style, by in list(facts["copying"].items())[:1]:
        found = "; ".join(f"{who} {f['share']:.1%}, longest run {f['longest']} notes" for who, f in by.items())
        out.append(f"copied from training ({shown(style)}): {found}")
    return [*out, *facts["remarks"], shown(target)]


def _surprise(model: str, file: Path, style: str | None, output: Path | None, force: bool, printing: Printing) -> None:
    target = page_path(output or f"{file.stem}-surprise.html", force, ROLLS)

    from melody import bundle, notation

    score = notation.read(file)
    with report.waiting(printing, "reading the piece"):
        from melody.evaluation.surprise import surprise

        found = surprise(bundle.load_model(bundle.read(model)), score, file.name, style)
    found.save(target, file.stem)
    nats = found.per_note()
    facts = {"files": [str(target)], "notes": len(found.notes), "nats_per_note": nats, "events": found.plain()}
    report.result(printing, facts, [f"{shown(target)}: {len(found.notes):,} notes, {nats['total']:.3f} nats a note"])
