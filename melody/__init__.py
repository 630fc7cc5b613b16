"""Music generation on MIDI with a recurrent network.

    import melody
    composer = melody.load()                      # the shipped model; or a bundle's folder, or a name
    piece = composer.generate(bars=16, seed=1)    # a Score
    piece.save("piece.mid")
    melody.train("my-songs", "my-model", minutes=60)    # needs torch, as does melody.evaluate("my-model", "my-corpus")

Names are looked up when they are first used: ``import melody`` itself imports neither numpy nor torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from melody import bundle, edit, midi, notation, programs, render, sources, theory
    from melody.compose import Accompany, Composer, Continue, Generate, Infill, Request, Vary, load
    from melody.corpus import Corpus
    from melody.errors import CallError, MelodyError
    from melody.generate.sampling import Sampling
    from melody.groove import humanise
    from melody.notation import read
    from melody.score import Score, Track
    from melody.workflows.callback import TrainCallback
    from melody.workflows.evaluate import evaluate
    from melody.workflows.train import train

__version__ = "0.1.0"

_MODULES = ("bundle", "codec", "corpus", "edit", "midi", "notation", "programs", "render", "sources", "theory")
_NAMES = {
    "Accompany": "compose",
    "CallError": "errors",
    "Composer": "compose",
    "Continue": "compose",
    "Corpus": "corpus",
    "Generate": "compose",
    "Infill": "compose",
    "MelodyError": "errors",
    "Request": "compose",
    "Sampling": "generate.sampling",
    "Score": "score",
    "Track": "score",
    "TrainCallback": "workflows.callback",
    "Vary": "compose",
    "evaluate": "workflows.evaluate",
    "humanise": "groove",
    "load": "compose",
    "read": "notation",
    "train": "workflows.train",
}  # name: the module that it lives in

__all__ = [
    "Accompany",
    "CallError",
    "Composer",
    "Continue",
    "Corpus",
    "Generate",
    "Infill",
    "MelodyError",
    "Request",
    "Sampling",
    "Score",
    "Track",
    "TrainCallback",
    "Vary",
    "bundle",
    "edit",
    "evaluate",
    "humanise",
    "load",
    "midi",
    "notation",
    "programs",
    "read",
    "render",
    "sources",
    "theory",
    "train",
]


def __getattr__(name: str) -> Any:
    """The public names, imported when they are asked for (PEP 562)."""
    if name in _MODULES:
        return import_module(f"melody.{name}")
    if name in _NAMES:
        return getattr(import_module(f"melody.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'melody' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
