"""A user's own collection in ``melody train``: prepared first, and afterwards what was learned and what was forgotten."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from melody.cli import report
from melody.cli.options import Printing
from melody.errors import CallError
from melody.files import shown

if TYPE_CHECKING:
    from melody.training.loop import Trainer

CORPUS = "corpus"  # in the folder of a run that was given MIDI files
OWN_VALID = 0.15  # of a user's own pieces, held out to stop by


def prepared(corpus: Path) -> bool:
    """Whether this is a corpus already, and not MIDI; several processes want one."""
    prepared = (corpus / "index.json").is_file() or not corpus.exists()
    if not prepared and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise CallError(f"{shown(corpus)}: not a corpus; several processes need a prepared one: melody prepare {shown(corpus)} -o CORPUS")
    return prepared


def prepare(source: Path, output: Path, resume: bool, printing: Printing) -> Path:
    """The corpus of some MIDI files, in the folder of the run; a run that goes on keeps its own."""
    from melody.corpus.prepare import PrepareConfig, prepare

    target = output / CORPUS
    if not (resume and target.is_dir()):
        with report.bar(printing, "reading") as progress:
            summary = prepare([source], target, PrepareConfig(valid=OWN_VALID, test=0.0), progress)
        found = f"{summary.pieces} pieces, {summary.notes:,} notes, {summary.splits.get('valid', 0)} of them held out"
        report.remark(printing, f"{shown(source)}: {found}; skipped {summary.skipped} files, see {shown(summary.report)}")
    return target


def forgotten(old: Path, base: str, output: Path) -> tuple[float, float]:
    """Nats a note on ``old`` of the model that the run started from, and of what it made."""
    from melody import bundle
    from melody.corpus import Corpus
    from melody.training.validate import held_out

    before, after = (held_out(Corpus(old), bundle.load_model(bundle.read(name))) for name in (base, output))
    return before, after


def write_styles(trainer: Trainer, output: Path) -> list[Path]:
    """What a run with --tune state has learned, each style a file of its own."""
    from melody import bundle
    from melody.styles import SUFFIX, save_style, style_of

    if trainer.recipe.train.tune != "state":
        return []
    best = bundle.read(output)
    model = bundle.load_model(best)
    written = []
    for name, priors in trainer.writer.priors.items():
        path = output / (re.sub(r"[^\w-]+", "_", name)[:60] + SUFFIX)
        save_style(path, style_of(model, name, str(best.training["began_as"]), priors))
        written.append(path)
    return written
