"""``melody train``: train a model on a corpus, resume a run, fine-tune a model."""

from __future__ import annotations

import math
import os
import shlex
import signal
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.collection import forgotten, prepare, prepared, write_styles
from melody.cli.guard import INTERRUPTED, TERMINATED
from melody.cli.options import Flag, Printing
from melody.cli.watch import Watch
from melody.errors import CallError, MelodyError
from melody.extras import require
from melody.files import shown

if TYPE_CHECKING:
    from melody.bundle import Bundle
    from melody.corpus import Corpus
    from melody.training.loop import Trainer, TrainingResult
    from melody.training.recipe import Recipe

EXAMPLES = """\
Examples:
  melody train corpus -o run --minutes 60
  melody train corpus -o run --recipe tiny --steps 200 --seed 1
  melody train corpus -o run --resume
  melody train my-songs/ -o mine --from base --minutes 20
  melody train my-songs/ -o mine --from base --tune state

A folder of MIDI files is made a corpus first (RUN/corpus). Ctrl-C saves the run and says how to resume it.
RUN is a model's folder: melody generate --model RUN. On several GPUs: torchrun --nproc-per-node 2 -m melody train ...\
"""
RUN_FILES = ("bundle.json", "model.safetensors", "resume.json", "metrics.jsonl", "report.html")
RUN_FOLDERS = ("last", ".next")

app = App(name="train", help_epilogue=EXAMPLES)


@Parameter(name="*", group="Training")
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is put over the recipe."""

    recipe: str | None = None
    """Name of a shipped recipe (base, tiny; finetune and style with --from), or a TOML file."""
    steps: int | None = None
    """Updates to make; the learning rate is fitted to it."""
    minutes: float | None = None
    """Minutes to train, instead of --steps."""
    seed: int | None = None
    """Of the weights, the order of the pieces and their variation."""
    precision: str | None = None
    """auto (try which is quicker), fp32 or bf16."""
    threads: int | None = None
    """CPU cores, each with a process of its own; 0: all."""
    batch: int | None = None
    """Rows of a batch."""
    resume: Flag = False
    """Go on with the run in --output, with its own recipe."""
    from_: Annotated[str | None, Parameter(name="--from")] = None
    """Start from the weights of a model (a name or a folder) instead of from nothing."""
    tune: str | None = None
    """With --from: all weights, the heads only, or state: a style of a few kilobytes that leaves the model as it is."""
    old: Path | None = None
    """With --from: a corpus of what the model knew before, to tell what was forgotten."""
    save_every: int | None = None
    """Updates between saves, besides those by minutes."""
    sample_bars: int = 8
    """Bars that the model writes at each validation, to look at and for RUN/report.html; 0: none."""
    tensorboard: Flag = False
    """Write RUN/tensorboard too (needs the package tensorboard)."""


@app.default
def train(
    corpus: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group="Output")],
    force: Annotated[Flag, Parameter(group="Output")] = False,
    settings: Settings = Settings(),
    printing: Printing = Printing(),
) -> int:
    """Train a model on a corpus, resume a run, fine-tune a model.

    Parameters
    ----------
    corpus
        Folder made by melody prepare, or MIDI files (a folder or an archive), which are prepared first.
    output
        Folder of the run: the model, its metrics, and what is needed to resume.
    force
        Start anew in a folder that already holds a run.
    """
    _check_flags(settings, force)
    require("train", "melody train")
    made = prepared(corpus)
    _check_folder(output, settings.resume, force)

    from melody import bundle
    from melody.corpus import Corpus

    if settings.old is not None:
        Corpus(settings.old)  # it is wanted at the end; whether it is one is checked now
    origin = _origin(settings, output)
    base = bundle.read(origin) if origin else None
    first = os.environ.get("RANK", "0") == "0"  # of the processes of torchrun, one writes and speaks
    from melody.training import folder as runs

    try:
        with runs.hold(output) if first else nullcontext():
            pieces = Corpus(corpus if made else prepare(corpus, output, settings.resume, printing))
            with report.waiting(printing, "starting"):
                trainer = _trainer(pieces, output, settings, base)
            aside = runs.set_aside(output, RUN_FILES + RUN_FOLDERS) if first and not settings.resume else nullcontext()
            with aside, Watch(printing.quiet, output if first else None, settings.sample_bars, settings.tensorboard) as watch:
                result = trainer.run(watch)
            over = first and result.ending != "stopped"
            written = write_styles(trainer, output) if over else []
            old = forgotten(settings.old, settings.from_, output) if over and settings.old and settings.from_ else None
    finally:
        if first and output.is_dir() and not any(output.iterdir()):  # stopped before anything was saved
            output.rmdir()
    if first:
        _tell(result, watch.signal, corpus, output, trainer.recipe, written, settings.from_ or "MODEL", old, printing)
    if result.ending != "stopped":
        return 0
    return TERMINATED if watch.signal == signal.SIGTERM else INTERRUPTED


def _origin(settings: Settings, output: Path) -> str | None:
    """The model to start from: the one that was named; for a resumed run its own, whose styles may have grown."""
    if settings.resume:
        return str(output.absolute()) if (output / "bundle.json").is_file() else None
    return settings.from_


def _trainer(pieces: Corpus, output: Path, settings: Settings, base: Bundle | None) -> Trainer:
    """The run, ready to start or where it was left."""
    from melody import bundle
    from melody.training.loop import Trainer

    recipe = _recipe(settings, output, base)
    model = bundle.load_model(base) if base is not None else None
    if settings.resume and base is not None:
        base = replace(base, sha256=str(base.training.get("began_as", base.sha256)))
    trainer = Trainer(pieces, output, recipe, base=model, origin=base)
    if settings.resume:
        trainer.resume()
    return trainer


def _check_flags(settings: Settings, force: bool) -> None:
    if settings.steps is not None and settings.minutes is not None:
        raise CallError("--steps and --minutes contradict each other; give one of them")
    for name in ("tune", "old"):
        if getattr(settings, name) is not None and settings.from_ is None:
            raise CallError(f"--{name} needs a model to start from; name one with --from")
    for name in ("steps", "minutes", "batch", "save_every"):
        value = getattr(settings, name)
        if value is not None and not (value > 0 and math.isfinite(value)):
            raise CallError(f"--{name} is {value}, must be more than 0")
    if settings.seed is not None and not 0 <= settings.seed < 2**63:
        raise CallError(f"--seed is {settings.seed}, must be 0 or more")
    if settings.resume:
        for name, said in (("force", force), ("from", settings.from_ is not None), ("recipe", settings.recipe is not None)):
            if said:
                raise CallError(f"--resume and --{name} contradict each other: a resumed run keeps its weights and its recipe")


def _check_folder(folder: Path, resume: bool, force: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise CallError(f"--output {shown(folder)} is a file, and a run needs a folder")
    if not folder.absolute().parent.is_dir():
        raise MelodyError(f"{shown(folder.parent)}: no such folder; create it first, or choose another --output")
    if resume and not (folder / "resume.json").is_file():
        raise MelodyError(f"{shown(folder)}: no run to resume here; start one without --resume")
    if not resume and not force and any((folder / name).exists() for name in RUN_FILES):
        raise CallError(f"{shown(folder)} already holds a run; add --resume to go on with it, or --force to start anew")


def _recipe(settings: Settings, folder: Path, base: Bundle | None) -> Recipe:
    """The recipe, and over it the model of ``base`` and the flags."""
    from melody.training.checkpoint import saved_recipe
    from melody.training.recipe import changed, load_recipe

    if settings.resume:
        recipe = saved_recipe(folder)
    else:
        usual = "base" if base is None else "style" if settings.tune == "state" else "finetune"
        recipe = load_recipe(settings.recipe or usual)
    values: dict[str, Any] = {name: getattr(settings, name) for name in ("seed", "precision", "threads", "batch", "tune", "save_every")}
    if settings.steps is not None:
        values |= {"steps": settings.steps, "minutes": 0.0}
    if settings.minutes is not None:
        values |= {"steps": 0, "minutes": settings.minutes}
    over: dict[str, Any] = {"train": {name: value for name, value in values.items() if value is not None}}
    if base is not None:
        over["model"] = dict(base.model)
        over["codec"] = {"clock": base.codec.clock, "grid": base.codec.grid, "velocity_bins": base.codec.velocity_bins}
    return changed(recipe, over, "the call")


def _tell(
    result: TrainingResult,
    caught: int | None,
    corpus: Path,
    folder: Path,
    recipe: Recipe,
    styles: list[Path],
    base: str,
    old: tuple[float, float] | None,
    printing: Printing,
) -> None:
    best = round(result.best, 4) if math.isfinite(result.best) else None
    facts = {
        "files": [str(folder), *map(str, styles)] if result.step else [],
        "seed": recipe.train.seed,
        "notes": result.notes,
        "seconds": round(result.seconds, 1),
    }
    facts |= {"steps": result.step, "nats_per_note": best, "ending": result.ending}
    if math.isfinite(result.before):
        facts["nats_per_note_before"] = round(result.before, 4)
    if old:
        facts["old_nats_per_note"] = [round(v, 4) for v in old]
    score = f", {best:.3f} nats a held-out note" if best is not None else ""
    lines = [f"{shown(folder)}: {result.step} steps, {result.notes:,} notes in {report.clock(result.seconds)}{score}"]
    pairs = {"held-out pieces": (result.before, result.best), "old pieces": old or (math.nan, math.nan)}
    for what, (before, after) in pairs.items():
        if math.isfinite(before) and math.isfinite(after):
            lines.append(f"{what}: {before:.3f} nats a note before, {after:.3f} after ({100 * (after / before - 1):+.1f} %)")
    if result.ending == "stopped" and not result.step:
        lines = ["stopped before the first step; nothing was saved"]
    elif result.ending == "stopped":
        lines.append(f"stopped and saved; to resume: melody train {shlex.quote(shown(corpus))} -o {shlex.quote(shown(folder))} --resume")
    else:
        lines += [f"next: melody generate --model {shlex.quote(shown(base))} --style {shlex.quote(shown(path))}" for path in styles]
        lines += [] if styles else [f"next: melody generate --model {shlex.quote(shown(folder))}"]
    report.result(printing, facts, lines)
