"""``melody train``: train a model on a corpus, resume a run, fine-tune a model."""

from __future__ import annotations

import json
import math
import shlex
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.guard import INTERRUPTED, TERMINATED
from melody.cli.options import Flag, Printing
from melody.cli.watch import Watch
from melody.errors import CallError, MelodyError
from melody.files import read_bytes, reason, shown

if TYPE_CHECKING:
    from melody.bundle import Bundle
    from melody.train.loop import Result
    from melody.train.recipe import Recipe

EXAMPLES = """\
Examples:
  melody train corpus -o run --minutes 60
  melody train corpus -o run --recipe tiny --steps 200 --seed 1
  melody train corpus -o run --resume
  melody train my-songs -o mine --from base --minutes 20

Ctrl-C saves the run and says how to resume it. RUN is a model's folder: melody generate --model RUN.\
"""
RUN_FILES = ("bundle.json", "model.safetensors", "resume.json", "resume.pt", "metrics.jsonl")
MOST_RESUME = 1 << 26  # bytes of resume.json

app = App(name="train", help_epilogue=EXAMPLES)


@Parameter(name="*", group="Training")
@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is put over the recipe."""

    recipe: str | None = None
    """Name of a shipped recipe (base, tiny), or a TOML file; base if nothing is said."""
    steps: int | None = None
    """Updates to make; the learning rate is fitted to it."""
    minutes: float | None = None
    """Minutes to train, instead of --steps."""
    seed: int | None = None
    """Of the weights, the order of the pieces and their variation."""
    precision: str | None = None
    """auto (try which is quicker), fp32 or bf16."""
    threads: int | None = None
    """CPU threads; 0: all."""
    batch: int | None = None
    """Rows of a batch."""
    resume: Flag = False
    """Go on with the run in --output, with its own recipe."""
    from_: Annotated[str | None, Parameter(name="--from")] = None
    """Start from the weights of a model (a name or a folder) instead of from nothing."""


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
        Folder made by melody prepare.
    output
        Folder of the run: the model, its metrics, and what is needed to resume.
    force
        Start anew in a folder that already holds a run.
    """
    _check_flags(settings, force)
    from melody.corpus import Corpus

    pieces = Corpus(corpus)
    _check_folder(output, settings.resume, force)

    from melody import bundle

    base = bundle.read(settings.from_) if settings.from_ is not None else None
    with report.waiting(printing, "starting"):
        from melody.train import resume
        from melody.train.loop import Trainer

        recipe = _recipe(settings, output, base)
        model = bundle.load_model(base) if base is not None else None
        trainer = Trainer(pieces, output, recipe, base=model)
        if settings.resume:
            resume.load(trainer)
    _make_folder(output, clear=not settings.resume)
    try:
        with Watch(silent=printing.quiet) as watch:
            result = trainer.run(watch)
    finally:
        if not any(output.iterdir()):  # stopped before anything was saved
            output.rmdir()
    _tell(result, watch.signal, corpus, output, recipe, printing)
    if result.ending != "stopped":
        return 0
    return TERMINATED if watch.signal == signal.SIGTERM else INTERRUPTED


def _check_flags(settings: Settings, force: bool) -> None:
    if settings.steps is not None and settings.minutes is not None:
        raise CallError("--steps and --minutes contradict each other; give one of them")
    for name in ("steps", "minutes", "batch"):
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
    from melody.train.recipe import Recipe, changed, load_recipe

    if settings.resume:
        try:
            recipe = changed(Recipe(), json.loads(read_bytes(folder / "resume.json", MOST_RESUME))["recipe"], shown(folder))
        except (ValueError, KeyError, TypeError):
            raise MelodyError(f"{shown(folder)}/resume.json: damaged; start the run anew with --force") from None
    else:
        recipe = load_recipe(settings.recipe or "base")
    values: dict[str, Any] = {name: getattr(settings, name) for name in ("seed", "precision", "threads", "batch")}
    if settings.steps is not None:
        values |= {"steps": settings.steps, "minutes": 0.0}
    if settings.minutes is not None:
        values |= {"steps": 0, "minutes": settings.minutes}
    over: dict[str, Any] = {"train": {name: value for name, value in values.items() if value is not None}}
    if base is not None:
        over["model"] = dict(base.model)
        over["codec"] = {"clock": base.codec.clock, "grid": base.codec.grid, "velocity_bins": base.codec.velocity_bins}
    return changed(recipe, over, "the call")


def _make_folder(folder: Path, clear: bool) -> None:
    """The folder of the run, without the files of an older one."""
    try:
        folder.mkdir(exist_ok=True)
        for name in RUN_FILES if clear else ():
            (folder / name).unlink(missing_ok=True)
    except OSError as fault:
        raise MelodyError(f"{shown(folder)}: cannot be written ({reason(fault)})") from None


def _tell(result: Result, caught: int | None, corpus: Path, folder: Path, recipe: Recipe, printing: Printing) -> None:
    best = round(result.best, 4) if math.isfinite(result.best) else None
    facts = {
        "files": [str(folder)] if result.step else [],
        "seed": recipe.train.seed,
        "notes": result.notes,
        "seconds": round(result.seconds, 1),
    }
    facts |= {"steps": result.step, "nats_per_note": best, "ending": result.ending}
    score = f", {best:.3f} nats a held-out note" if best is not None else ""
    lines = [f"{shown(folder)}: {result.step} steps, {result.notes:,} notes in {report.clock(result.seconds)}{score}"]
    if result.ending == "stopped" and not result.step:
        lines = ["stopped before the first step; nothing was saved"]
    elif result.ending == "stopped":
        lines.append(f"stopped and saved; to resume: melody train {shlex.quote(shown(corpus))} -o {shlex.quote(shown(folder))} --resume")
    else:
        lines.append(f"next: melody generate --model {shlex.quote(shown(folder))}")
    report.result(printing, facts, lines)
