"""What is done when a run is over: files of the styles that it learned, what it forgot, what is typical of its styles."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from melody import bundle
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.evaluation.typical import measured, write_typical
from melody.generate.torch_engine import TorchEngine
from melody.styles import SUFFIX, save_style, style_of
from melody.training.validate import held_out

if TYPE_CHECKING:
    from melody.training.loop import Trainer
    from melody.workflows.callback import TrainCallback


def write_styles(trainer: Trainer, folder: Path) -> list[Path]:
    """What a run that tuned the state has learned, each style a file of its own. Raises MelodyError."""
    if trainer.recipe.train.tune != "state":
        return []
    best = bundle.read(folder)
    model = bundle.load_model(best)
    written = []
    for name, priors in trainer.writer.priors.items():
        path = folder / (re.sub(r"[^\w-]+", "_", name)[:60] + SUFFIX)
        save_style(path, style_of(model, name, str(best.training["began_as"]), priors))
        written.append(path)
    return written


def forgotten(old: Path, base: str, folder: Path) -> tuple[float, float]:
    """Nats a note on the corpus ``old``: of the model that the run started from, and of what it made."""
    before, after = (held_out(Corpus(old), bundle.load_model(bundle.read(name))) for name in (base, folder))
    return before, after


def measure(corpus: Corpus, folder: Path, callback: TrainCallback) -> None:
    """``typical.json`` of the model. Where that fails the callback hears of it: the model is there all the same."""
    try:
        found = bundle.read(folder)
        engine = TorchEngine(bundle.load_model(found))
        table, counts = measured(corpus, engine, found.codec.styles, lambda done, total: callback.working("measuring styles", done, total))
        write_typical(found, table, counts)
    except MelodyError as fault:
        callback.missed("not measured what is typical", fault)
