"""Recipes: every setting of a run as frozen dataclasses, read from TOML. Help, kinds and ranges stand in the fields (melody/settings.py).

A recipe file may name another one as ``base``; its own values win, and flags win over both. ``docs/recipes.md`` is made by ``markdown``.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from melody.codec.given import GivenConfig
from melody.corpus.piece import AugmentConfig
from melody.corpus.sampling import SamplingConfig
from melody.errors import CallError, MelodyError, unknown
from melody.files import read_bytes, reason, shown
from melody.model import ModelConfig
from melody.settings import check_settings, setting, settings_of
from melody.training.config import TrainConfig
from melody.training.renames import with_new_names


@dataclass(frozen=True)
class CodecChoice:
    """The codec of a new model; styles come from the corpus. Errors: ``CallError`` that names the setting."""

    clock: str = setting("beats", "What time is counted in: quarter notes, or seconds.", kind=str, choices=("beats", "seconds"))
    grid: int = setting(24, "Steps per quarter note, or per second.", kind=int, low=2, high=960)
    velocity_bins: int = setting(32, "Levels of velocity.", kind=int, low=1, high=64)
    version: int = setting(
        2, "Of the vocabulary; 2: drums have keys of their own, and pieces an outline; 1: neither.", kind=int, low=1, high=2
    )

    def __post_init__(self) -> None:
        check_settings(self)


@dataclass(frozen=True)
class Recipe:
    """All settings of a run."""

    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    codec: CodecChoice = field(default_factory=CodecChoice)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    given: GivenConfig = field(default_factory=GivenConfig)
    data: SamplingConfig = field(default_factory=SamplingConfig)

    def plain(self) -> dict[str, Any]:
        """Nested plain values, as in TOML and in bundle.json."""
        return asdict(self)


HEADINGS = {
    "model": "Shape of the network; a fine-tuning keeps that of the model it starts from.",
    "train": "The run.",
    "codec": "How a new model counts time and loudness; a fine-tuning keeps that of the model it starts from.",
    "augment": "How pieces are varied, anew each time they come.",
    "given": "What of a piece is given to the model, drawn anew each time it comes; the weights need not add up to 1.",
    "data": "How often pieces come, by style; and windows of long ones.",
}
SECTIONS: dict[str, type[Any]] = {
    "model": ModelConfig,
    "train": TrainConfig,
    "codec": CodecChoice,
    "augment": AugmentConfig,
    "given": GivenConfig,
    "data": SamplingConfig,
}


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
            raise MelodyError(f"{shown(path)}: its base recipes refer to each other in a loop")
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
        known = settings_of(SECTIONS[section])
        for name in entries:
            if name not in known:
                raise CallError(f"{where}: {unknown(f'setting in [{section}]', name, known)}")
        try:
            parts[section] = replace(getattr(recipe, section), **entries)
        except CallError as fault:
            raise CallError(f"{where}: [{section}] {fault.reason}") from None
    return replace(recipe, **parts)


def markdown() -> str:
    """All settings as Markdown, a table for each section: what ``docs/recipes.md`` holds."""
    out = []
    for section, kind in SECTIONS.items():
        out += [f"### [{section}]", "", f"{HEADINGS[section]}", "", "| setting | default | range | what it is |", "|---|---|---|---|"]
        defaults = asdict(kind())
        for name, found in settings_of(kind).items():
            default = json.dumps(defaults[name])
            out.append(f"| {name} | {default} | {found.range} | {found.help} |")
        out.append("")
    return "\n".join(out)
