"""Recipes: every setting of a run as frozen dataclasses, read from TOML. The help lines are the comments of the fields.

A recipe file may name another one as ``base``; its own values win, and flags win over both.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from melody.bundle import model_config
from melody.codec.given import MODES, GivenConfig
from melody.corpus.piece import AugmentConfig
from melody.errors import CallError, MelodyError, unknown
from melody.files import read_bytes, reason, shown
from melody.model import ModelConfig
from melody.training.renames import with_new_names
from melody.training.tuning import TUNES


@dataclass(frozen=True)
class TrainConfig:
    """The loop."""

    steps: int = 0  # updates; 0: as long as ``minutes`` says
    minutes: float = 0.0  # length of the run; the schedule is fitted to it; 0: as long as ``steps`` says
    batch: int = 32  # rows of a batch
    chunk: int = 128  # events of a row in a batch: the length of truncated backpropagation through time
    rate: float = 2e-3  # highest learning rate
    warmup: int = 100  # updates until it is reached
    final_rate: float = 0.02  # share of the highest rate at the end (cosine)
    weight_decay: float = 0.01  # AdamW
    clip: float = 1.0  # largest gradient norm
    average: float = 0.999  # decay of the averaged weights, which are what is kept
    precision: str = "auto"  # auto, fp32 or bf16
    threads: int = 0  # CPU threads; 0: all
    validate_every: int = 500  # updates between validations
    validate_notes: int = 60_000  # notes of the validation set that are looked at
    save_minutes: float = 5.0  # minutes between saves of the run
    save_every: int = 0  # updates between saves; 0: by minutes only
    keep: int = 3  # checkpoints of the last saves that stay in RUN/last, besides the best in RUN; 0: none
    rollback: int = 8  # bad updates in a row after which the run goes back and lowers its rate; 0: never
    patience: int = 0  # stop after so many validations without a better one; 0: never
    tune: str = "all"  # which weights a fine-tuning changes: all, heads, or state (a style vector and its first state)
    interpolation: float = (
        1.0  # how far a fine-tuned model goes from the one it began as (0) to what was learned (1): what lies between forgets less
    )
    seed: int = 0  # of weights, order and augmentation


@dataclass(frozen=True)
class CodecChoice:
    """The codec of a new model; styles come from the corpus."""

    clock: str = "beats"  # beats or seconds
    grid: int = 24  # steps per quarter note, or per second
    velocity_bins: int = 32  # levels of velocity


@dataclass(frozen=True)
class Recipe:
    """All settings of a run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    codec: CodecChoice = field(default_factory=CodecChoice)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    given: GivenConfig = field(default_factory=GivenConfig)

    def plain(self) -> dict[str, Any]:
        """Nested plain values, as in TOML and in bundle.json."""
        return asdict(self)


SECTIONS = {"model": ModelConfig, "train": TrainConfig, "codec": CodecChoice, "augment": AugmentConfig, "given": GivenConfig}


def shipped_recipes() -> dict[str, Path]:
    """Names and paths of the recipes that come with the package."""
    here = Path(__file__).resolve().parents[1]
    found: dict[str, Path] = {}
    for root in (here.parent / "recipes", here / "recipes"):
        found |= {p.stem: p for p in sorted(root.glob("*.toml"))}
    return found


def load_recipe(name: str | Path, _depth: int = 0) -> Recipe:
    """A recipe by path or by shipped name."""
    known = shipped_recipes()
    path = known.get(str(name)) or Path(name)
    if path.suffix != ".toml":
        raise unknown("recipe", str(name), known)
    try:
        raw = tomllib.loads(read_bytes(path, 1 << 20).decode("utf-8"))
    except (ValueError, RecursionError) as fault:
        raise MelodyError(f"{shown(path)}: not a TOML file ({reason(fault)})") from None
    base = Recipe()
    if "base" in raw:
        if _depth > 8:
            raise MelodyError(f"{shown(path)}: its base recipes refer to each other in a circle")
        parent = str(raw.pop("base"))
        base = load_recipe(parent if parent in known else path.parent / f"{parent.removesuffix('.toml')}.toml", _depth + 1)
    return changed(base, raw, shown(path))


def changed(recipe: Recipe, values: Mapping[str, Any], where: str = "recipe") -> Recipe:
    """``recipe`` with nested plain values put over it, checked."""
    parts: dict[str, Any] = {}
    for section, entries in with_new_names(values).items():
        if section not in SECTIONS:
            raise CallError(f"{where}: {unknown('section', section, SECTIONS)}")
        if not isinstance(entries, Mapping):
            raise CallError(f"{where}: [{section}] must be a table of settings")
        old = getattr(recipe, section)
        known = {f.name: type(getattr(old, f.name)) for f in fields(old)}
        for name, value in entries.items():
            if name not in known:
                raise CallError(f"{where}: {unknown(f'setting in [{section}]', name, known)}")
            if type(value) is not known[name] and not (known[name] is float and type(value) is int):
                raise CallError(f"{where}: [{section}] {name} = {value!r} must be {known[name].__name__}")
        parts[section] = replace(old, **{n: known[n](v) for n, v in entries.items()})
    new = replace(recipe, **parts)
    _check(new, where)
    return new


def _check(recipe: Recipe, where: str) -> None:
    t, a, c, g = recipe.train, recipe.augment, recipe.codec, recipe.given
    shares = [getattr(g, m) for m in MODES]
    rules = [
        (t.steps >= 0 and t.minutes >= 0, "steps and minutes must not be negative"),
        (t.batch >= 1 and t.chunk >= 2, "batch must be at least 1 and chunk at least 2"),
        (0 < t.rate <= 1 and 0 <= t.final_rate <= 1 and t.warmup >= 0, "rate must be in 0..1, final_rate in 0..1, warmup >= 0"),
        (t.clip > 0 and 0 <= t.average < 1 and t.weight_decay >= 0, "clip must be > 0, average in 0..1, weight_decay >= 0"),
        (0 <= t.seed < 1 << 63, "seed must be 0 or more"),
        (
            t.save_minutes >= 0 and min(t.save_every, t.keep, t.rollback) >= 0,
            "save_minutes, save_every, keep, rollback must not be negative",
        ),
        (0 < t.interpolation <= 1, "interpolation must be above 0, at most 1"),
        (t.tune in TUNES, f"tune must be one of {', '.join(TUNES)}"),
        (t.precision in ("auto", "fp32", "bf16"), "precision must be auto, fp32 or bf16"),
        (
            t.validate_every >= 1 and t.validate_notes >= 1 and t.patience >= 0 and t.threads >= 0,
            "validate_every and validate_notes must be at least 1",
        ),
        (
            c.clock in ("beats", "seconds") and 2 <= c.grid <= 960 and 1 <= c.velocity_bins <= 64,
            "clock must be beats or seconds, grid 2..960, velocity_bins 1..64",
        ),
        (0 <= a.transpose_down <= 24 and 0 <= a.transpose_up <= 24 and 0 <= a.stretch < 1, "transposition must be 0..24, stretch 0..1"),
        (0 <= a.loudness <= 127, "loudness must be 0..127"),
        (0 <= a.drop_condition <= 1 and 0 <= a.drop_left <= 1, "drop_condition and drop_left must be in 0..1"),
        (g.window_bars >= 1 and 0 <= g.causal <= 1, "window_bars must be at least 1, causal in 0..1"),
        (
            min(shares) >= 0 and 0 < sum(shares) < math.inf,
            "the weights of what is given must not be negative or all zero",
        ),
    ]
    for holds, rule in rules:
        if not holds:
            raise CallError(f"{where}: {rule}")
    model_config(asdict(recipe.model))
