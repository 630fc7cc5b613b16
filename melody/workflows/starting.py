"""How a run begins: from the settings to a Trainer, ready to start or where it was left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from melody import bundle
from melody.bundle import Bundle
from melody.corpus import Corpus
from melody.settings import settings_of
from melody.training.checkpoint import saved_recipe
from melody.training.loop import Trainer
from melody.training.recipe import CodecChoice, Recipe, changed, load_recipe
from melody.workflows.settings import TrainSettings


def starting_model(folder: Path, settings: TrainSettings) -> Bundle | None:
    """The model to start from: the one that was named; for a resumed run its own, whose styles may have grown. Raises MelodyError."""
    if settings.resume:
        return bundle.read(folder.absolute()) if (folder / bundle.FACTS).is_file() else None
    return None if settings.from_ is None else bundle.read(settings.from_)


def trainer_for(corpus: Corpus, folder: Path, settings: TrainSettings, base: Bundle | None) -> Trainer:
    """The run. Raises CallError, MelodyError."""
    recipe = _recipe(settings, folder, base)
    model = bundle.load_model(base) if base is not None else None
    if settings.resume and base is not None:
        base = replace(base, sha256=str(base.training.get("began_as", base.sha256)))
    trainer = Trainer(corpus, folder, recipe, base=model, origin=base)
    if settings.resume:
        trainer.resume()
    return trainer


def _recipe(settings: TrainSettings, folder: Path, base: Bundle | None) -> Recipe:
    """The recipe, and over it the model of ``base`` and the settings."""
    if settings.resume:
        recipe = saved_recipe(folder)
    else:
        usual = "base" if base is None else "style" if settings.tune == "state" else "finetune"
        recipe = load_recipe(str(settings.recipe or usual))
    over: dict[str, Any] = {"train": settings.over()}
    if base is not None:
        over["model"] = dict(base.model)
        over["codec"] = {name: getattr(base.codec, name) for name in settings_of(CodecChoice)}
    return changed(recipe, over, "the call")
