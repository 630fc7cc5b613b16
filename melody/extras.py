"""Optional packages: which extra of the distribution brings them, what each gives, and one line for people who lack one.

The one table of extras: ``melody doctor`` prints it, errors name the command that installs one, and a test compares it with
pyproject.toml. Nothing is imported here but the search for a module.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

from melody.errors import MelodyError, Remedy

DISTRIBUTION = "melody-lstm"  # what pip calls this package; the import and the command are melody

# Always installed; midirenderer only where it has a wheel (pyproject.toml says where), elsewhere sound has other ways.
CORE = ("numpy", "mido", "pretty_midi", "safetensors", "onnxruntime", "midirenderer", "soundfile", "rich", "cyclopts")


@dataclass(frozen=True)
class Extra:
    """One extra: ``pip install 'melody-lstm[name]'``."""

    name: str
    modules: tuple[str, ...]  # what it brings, as Python imports it
    packages: tuple[str, ...]  # the same, as pip calls it
    gives: str

    @property
    def requirement(self) -> str:
        """What pip is asked for: "melody-lstm[train]"."""
        return f"{DISTRIBUTION}[{self.name}]"

    @property
    def command(self) -> str:
        """What installs it, for a shell."""
        return f"pip install '{self.requirement}'"

    def missing(self) -> list[str]:
        """Modules of this extra that are not installed. What is installed may still fail to load."""
        return [module for module in self.modules if find_spec(module) is None]


EXTRAS = {
    extra.name: extra
    for extra in (
        Extra("train", ("torch",), ("torch",), "training, evaluation, export, adapting to music, style files, the engine torch"),
        Extra("render", ("matplotlib",), ("matplotlib",), "pictures of pieces"),
        Extra("audio", ("fluidsynth",), ("pyfluidsynth",), "sound by FluidSynth (its library is needed too)"),
        Extra("play", ("miniaudio",), ("miniaudio",), "melody play without a player of the system"),
        Extra("studio", ("starlette", "uvicorn"), ("starlette", "uvicorn"), "melody studio, the page in the browser"),
        Extra("notation", ("verovio",), ("verovio",), "pages of notation"),
        Extra("tensorboard", ("tensorboard",), ("tensorboard",), "curves of a training run in TensorBoard"),
        Extra("judge", ("sklearn",), ("scikit-learn",), "evaluate --judge: how a model's music differs from people's"),
    )
}


def require(name: str, what: str) -> None:
    """Raise the one line that says how to install an extra if a module of it is missing. ``what`` begins the line: "training"."""
    missing = EXTRAS[name].missing()
    if missing:
        raise lacking(missing[0], what)


def lacking(module: str, what: str) -> MelodyError:
    """The error for a module that is not installed: of an extra, or (something went wrong) one that melody always needs."""
    extra = next((e for e in EXTRAS.values() if module in e.modules), None)
    requirement = extra.requirement if extra else DISTRIBUTION
    return MelodyError(f"{what} needs {module}, which is not installed", Remedy.INSTALL, requirement=requirement)
