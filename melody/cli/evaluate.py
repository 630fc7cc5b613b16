"""``melody evaluate``: how good a model is, measured and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.options import Flag, Output, Printing
from melody.errors import CallError
from melody.extras import require
from melody.files import claim, shown

if TYPE_CHECKING:
    from melody.bundle import Bundle
    from melody.corpus import Corpus
    from melody.model import EventLSTM
    from melody.score import Score

EXAMPLES = """\
Examples:
  melody evaluate base corpus
  melody evaluate run corpus --samples 0 --json -o report.html
  melody evaluate base --surprise tune.mid -o roll.html

Nats per note on held-out pieces, by field, style and position; calibration; samples beside real pieces; what is copied.\
"""
SPLITS = ("train", "valid", "test")
REPORT = "report.html"
SHOWN = 4  # samples of a style that the page shows
ROLLS = (".html", ".htm", ".svg", ".png")
MAX_VALUES = {"samples": 1000, "bars": 256, "notes": 1 << 40}

app = App(name="evaluate", help_epilogue=EXAMPLES)


@Parameter(name="*", group="Evaluation")
@dataclass(frozen=True, kw_only=True)
class Measuring:
    """What is measured."""

    split: str = "test"
    """Pieces of which split: test, valid or train."""
    notes: int = 60_000
    """Score whole pieces until they hold so many notes; 0: all of the split."""
    samples: int = 16
    """Pieces that the model writes in each style, to be laid beside real ones; 0: none."""
    bars: int = 16
    """Length of the samples and of the real excerpts beside them."""
    style: str | None = None
    """This style only; with --surprise, the style that the model is asked for."""
    seed: int = 1
    """Of the samples."""
    surprise: Path | None = None
    """A MIDI file to colour by the model's surprise, instead of a corpus."""


@app.default
def evaluate(
    bundle: str,
    corpus: Path | None = None,
    /,
    *,
    measuring: Measuring = Measuring(),
    output: Annotated[Output, Parameter(group="Output")] = None,
    force: Annotated[Flag, Parameter(group="Output")] = False,
    printing: Printing = Printing(),
) -> None:
    """Measure how well a model knows held-out music, or show its surprise at a piece.

    Parameters
    ----------
    bundle
        A model's folder, or the name of a shipped model.
    corpus
        Folder made by melody prepare.
    output
        Page to write: report.html by default; for --surprise a roll as .html, .svg or .png.
    force
        Replace a file that exists.
    """
    _check(measuring, corpus)
    require("train", "melody evaluate")
    if measuring.surprise is not None:
        _surprise(bundle, measuring.surprise, measuring.style, output, force, printing)
        return
    assert corpus is not None
    if corpus.is_file():
        raise CallError(f"{shown(corpus)} is a file, and a corpus is a folder; for a MIDI file: --surprise {shown(corpus)}")
    target = claim(_page_name(output or Path(REPORT)), force)

    from melody import bundle as bundles
    from melody.corpus import Corpus

    music = Corpus(corpus)
    found = bundles.read(bundle)
    with report.waiting(printing, "loading the model"):
        from melody.evaluation.likelihood import chosen_pieces, likelihood

        pieces = chosen_pieces(music, measuring.split, measuring.notes, measuring.style)
        model = bundles.load_model(found)
    with report.bar(printing, "reading held-out notes") as progress:
        facts = likelihood(model, music, pieces, progress)
    samples = _samples(found, model, list(facts["styles"]), measuring, printing)
    statistics, copies = _beside(music, found, samples, measuring, printing)
    head: dict[str, Any] = {"files": [str(target)], "model": found.name, "sha256": found.sha256, "corpus": music.digest}
    head |= {"split": measuring.split, "seed": measuring.seed, "bars": measuring.bars}
    remarks = _remarks(found, music, facts["styles"], measuring)
    facts = {**head, **facts, "remarks": remarks, "statistics": statistics, "copying": copies}
    _write(target, facts, samples, measuring)
    report.result(printing, facts, _lines(facts, target))


def _check(measuring: Measuring, corpus: Path | None) -> None:
    if (corpus is None) == (measuring.surprise is None):
        raise CallError("give a corpus (melody evaluate BUNDLE CORPUS) or a MIDI file (--surprise FILE.mid), one of the two")
    if measuring.split not in SPLITS:
        raise CallError(f"--split is {measuring.split!r}, must be one of: {', '.join(SPLITS)}")
    for name, most in MAX_VALUES.items():
        value, least = getattr(measuring, name), int(name == "bars")
        if not least <= value <= most:
            raise CallError(f"--{name} is {value}, must be {least} to {most:,}")
    if not 0 <= measuring.seed < 1 << 62:
        raise CallError(f"--seed is {measuring.seed}, must be 0 or more")


def _page_name(path: Path, endings: Sequence[str] = ROLLS[:2]) -> Path:
    if path.suffix.lower() not in endings:
        raise CallError(f"--output {shown(path)} does not end in {' or '.join(e for e in endings if e != '.htm')}")
    if path.is_dir():
        raise CallError(f"--output {shown(path)} is a folder, and a page is a file")
    return path


def _samples(found: Bundle, model: EventLSTM, styles: list[str], measuring: Measuring, printing: Printing) -> dict[str, list[Score]]:
    """Pieces by style; of a style that the model does not know, pieces of no style. A seed that gives no note gives no piece."""
    if not measuring.samples:
        return {}
    from melody.compose import Composer, Generate
    from melody.generate.torch_engine import TorchEngine
    from melody.score import Score

    composer = Composer(found, TorchEngine(model))
    known = found.codec.styles
    out: dict[str, list[Score]] = {}
    with report.bar(printing, "writing samples") as progress:
        for nth, style in enumerate(styles):
            seeds = range(measuring.seed, measuring.seed + measuring.samples)
            requests = [Generate(bars=measuring.bars, style=style if style in known else None, seed=s) for s in seeds]

            def show(done: int, of: int, nth: int = nth) -> None:
                progress(nth * of + done, of * len(styles))

            out[style] = [score for score in composer.results(requests, show) if isinstance(score, Score)]
    return out


def _beside(
    music: Corpus, found: Bundle, samples: Mapping[str, Sequence[Score]], measuring: Measuring, printing: Printing
) -> tuple[dict[str, Any], dict[str, Any]]:
    if not samples:
        return {}, {}
    from melody.evaluation.beside import beside
    from melody.evaluation.likelihood import chosen_pieces

    pieces = chosen_pieces(music, measuring.split, 0, measuring.style)
    with report.bar(printing, "looking for copies") as progress:
        return beside(music, found.codec, samples, pieces, measuring.bars, progress)


def _remarks(found: Bundle, music: Corpus, styles: Mapping[str, Any], measuring: Measuring) -> list[str]:
    """What a reader has to know to trust the figures."""
    out = []
    strange = [s for s in styles if s not in found.codec.styles]
    if strange:
        out.append(f"The model does not know {', '.join(strange)}: no style is asked for there, and its samples are of no style.")
    if measuring.split != "test":
        what = "was trained on these pieces" if measuring.split == "train" else "was chosen by these pieces"
        out.append(f"The model {what}: the figures are not those of unseen music.")
    if found.training.get("corpus") != music.digest:
        out.append("The model was trained on another corpus than this one: pieces of this split may have been in its training.")
    return out


def _write(target: Path, facts: Mapping[str, Any], samples: Mapping[str, Sequence[Score]], measuring: Measuring) -> None:
    from melody.files import write_bytes
    from melody.render.page_evaluate import evaluation_page

    made = f"Samples of {measuring.bars} bars, seeds from {measuring.seed}." if samples else "No samples were asked for."
    page = evaluation_page({**facts, "made": made}, {style: mine[:SHOWN] for style, mine in samples.items()})
    write_bytes(target, page.encode())


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
        said = "; ".join(f"{who} {f['share']:.1%}, longest run {f['longest']} notes" for who, f in by.items())
        out.append(f"copied from training ({shown(style)}): {said}")
    return [*out, *facts["remarks"], shown(target)]


def _surprise(bundle: str, file: Path, style: str | None, output: Path | None, force: bool, printing: Printing) -> None:
    target = claim(_page_name(output or Path(f"{file.stem}-surprise.html"), ROLLS), force)

    from melody import bundle as bundles
    from melody import notation
    from melody.files import write_bytes
    from melody.render import page_surprise as pages

    score = notation.read(file)
    with report.waiting(printing, "reading the piece"):
        from melody.evaluation.surprise import surprise

        found = surprise(bundles.load_model(bundles.read(bundle)), score, file.name, style)
    notes, bars, nats = found.shaded(), found.lines.tolist(), found.per_note()
    if target.suffix.lower() == ".png":
        pages.surprise_picture(target, file.stem, notes, bars)
    elif target.suffix.lower() == ".svg":
        write_bytes(target, pages.surprise_roll(notes, bars, alone=True).encode())
    else:
        write_bytes(target, pages.surprise_page(file.stem, found.score, notes, bars, nats).encode())
    facts = {"files": [str(target)], "notes": len(notes), "nats_per_note": nats, "events": found.plain()}
    report.result(printing, facts, [f"{shown(target)}: {len(notes):,} notes, {nats['total']:.3f} nats a note"])
