"""The settings of ``melody.train`` and ``melody.evaluate``: keywords in Python, flags on the command line, help and checks of both.

The help speaks of neither face. Knows no torch: ``melody train --help`` reads this and nothing heavier.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from melody.errors import CallError, Remedy
from melody.settings import check_settings, optional, setting, value_shown
from melody.training.config import TrainConfig

SPLITS = ("test", "valid", "train")
MAX_SEED = (1 << 62) - 1
CONTRADICTIONS = ("force", "from_", "recipe")  # of resume


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What is put over a recipe, and how a run begins. Errors: ``CallError`` that names the setting."""

    recipe: str | os.PathLike[str] | None = setting(
        None, "Name of a shipped recipe (base or tiny; finetune or style for fine-tuning), or a TOML file."
    )
    steps: int | None = optional(TrainConfig, "steps", "Updates to make; the learning rate is fitted to their number.", low=1)
    minutes: float | None = optional(
        TrainConfig, "minutes", "Minutes to train, in place of a number of steps; the learning rate is fitted to them.", above=True
    )
    seed: int | None = optional(TrainConfig, "seed", "Seed of the first weights, the order of the pieces and their variation.")
    precision: str | None = optional(TrainConfig, "precision", "Precision of matrix products: fp32, bf16, or auto, which tries both.")
    threads: int | None = optional(TrainConfig, "threads")
    batch: int | None = optional(TrainConfig, "batch", "Rows of a batch: pieces that are read side by side.")
    resume: bool = setting(False, "Go on with the run in the output folder, with its own recipe.", kind=bool)
    from_: str | os.PathLike[str] | None = setting(None, "Fine-tune this model (a name or a folder) in place of training a new one.")
    tune: str | None = optional(
        TrainConfig, "tune", "For fine-tuning: change all weights, the heads only, or state: learn a style file of some kilobytes."
    )
    old: Path | None = setting(
        None, "For fine-tuning: a corpus of what the model knew before, to measure how much of it was forgotten.", kind=Path
    )
    save_every: int | None = optional(TrainConfig, "save_every", "Updates between saves, besides those every few minutes.", low=1)
    sample_bars: int = setting(
        8,
        "Bars that the model writes at each validation, to look at and for report.html in the output folder; 0: none.",
        kind=int,
        low=0,
        high=1000,
    )
    tensorboard: bool = setting(False, "Write curves for TensorBoard into the output folder too.", kind=bool)
    force: bool = setting(False, "Start anew in a folder that already holds a run.", kind=bool, group="Output")

    def __post_init__(self) -> None:
        for name in ("recipe", "from_"):
            object.__setattr__(self, name, _name_or_path(name, getattr(self, name)))
        check_settings(self)
        if self.steps is not None and self.minutes is not None:
            raise CallError("steps and minutes contradict each other; give one of them", argument=("steps", "minutes"))
        for name in ("tune", "old"):
            if getattr(self, name) is not None and self.from_ is None:
                raise CallError(f"{name} is for fine-tuning", Remedy.BASE_MODEL, argument=name)
        for name in CONTRADICTIONS:
            if self.resume and getattr(self, name):
                why = "a resumed run keeps its weights and its recipe"
                raise CallError(f"resume and {name} contradict each other: {why}", argument=("resume", name))

    def over(self) -> dict[str, Any]:
        """What is put over the section [train] of the recipe."""
        names = ("seed", "precision", "threads", "batch", "tune", "save_every")
        values = {name: value for name in names if (value := getattr(self, name)) is not None}
        if self.steps is not None:
            values |= {"steps": self.steps, "minutes": 0.0}
        if self.minutes is not None:
            values |= {"steps": 0, "minutes": self.minutes}
        return values


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """What is measured. Errors: ``CallError`` that names the setting."""

    split: str = setting("test", "Which pieces of the corpus are read: those of its split test, valid or train.", kind=str, choices=SPLITS)
    notes: int = setting(60_000, "Read whole pieces until they hold so many notes; 0: the whole split.", kind=int, low=0, high=1 << 40)
    samples: int = setting(
        16, "Pieces that the model writes in each style, to be compared with real ones; 0: none.", kind=int, low=0, high=1000
    )
    bars: int = setting(16, "Length in bars of these samples, and of the excerpts beside them.", kind=int, low=1, high=256)
    style: str | None = setting(None, "Only the pieces of this style.", kind=str)
    seed: int = setting(1, "Seed of the first sample; each further one has the next seed.", kind=int, low=0, high=MAX_SEED)

    def __post_init__(self) -> None:
        check_settings(self)


def _name_or_path(name: str, value: Any) -> Any:
    """A name or a path as text: a folder called ./base is not the shipped model of that name."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, os.PathLike) and isinstance(text := os.fspath(value), str):
        return text
    raise CallError(f"{name} is {value_shown(value)}, must be a name or a path", argument=name)
