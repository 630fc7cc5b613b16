"""Which engine carries a bundle: the runtime without torch where there is one, else the network in torch."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from melody import bundle as bundles
from melody.bundle import Bundle
from melody.compose.tune import Tune, TuneLike
from melody.errors import MelodyError, Remedy, unknown
from melody.extras import EXTRAS, lacking, require
from melody.files import shown
from melody.generate.engine import AnyEngine
from melody.runtime import file
from melody.score import Score
from melody.styles import read_style, with_style

ENGINES = ("onnx", "torch")


def engine_for(
    bundle: Bundle, wanted: str | None, threads: int, style: Path | None, adapt: TuneLike | Sequence[Score] | None = None
) -> tuple[Bundle, AnyEngine, str]:
    """A bundle (that knows ``style``), its engine, and a remark for people where that is not the quick one without their having said so.

    Without a wish: onnx if the bundle has a runtime file and onnxruntime is installed, else torch. A runtime of other weights is refused.
    ``adapt``: music that the weights are adapted to first (training/adapt.py); the remark says what was done.
    """
    if wanted is not None and wanted not in ENGINES:
        raise unknown("engine", wanted, ENGINES)
    if adapt is not None:
        if wanted == "onnx":
            raise MelodyError("the engine onnx cannot adapt: its file holds the weights as they were", Remedy.TORCH_ENGINE)
        return _adapted(bundle, threads, style, adapt)
    obstacle = _obstacle(bundle, style)
    if wanted == "onnx" and obstacle:
        raise MelodyError(f"the engine onnx cannot be used: {obstacle.reason}", obstacle.remedy, **obstacle.details)
    if wanted != "torch" and not obstacle:
        from melody.runtime.engine import OnnxEngine

        try:
            return bundle, OnnxEngine(bundle, threads), ""
        except ImportError as fault:  # installed, and cannot be loaded: for another processor or system
            obstacle = MelodyError(f"onnxruntime cannot be loaded ({' '.join(str(fault).split())[:80]})")
            if wanted == "onnx":
                raise MelodyError(f"the engine onnx cannot be used: {obstacle}") from None
    train = EXTRAS["train"]
    if obstacle and wanted != "torch" and train.missing():
        raise MelodyError(f"{obstacle.reason}, and torch is not installed", Remedy.INSTALL, requirement=train.requirement)
    require("train", "the engine torch")
    bundle, engine = _torch(bundle, threads, style)
    return bundle, engine, "" if wanted == "torch" else f"using torch, which is slower: {obstacle}"


def _obstacle(bundle: Bundle, style: Path | None) -> MelodyError | None:
    """Why only torch will do, as the error that it is where torch is not wanted; None if the quick engine will."""
    if style is not None:
        return MelodyError("style files need the engine torch")
    if not file.is_there(bundle.folder):
        return MelodyError(f"{shown(bundle.name)} has no {file.NAME}", Remedy.EXPORT, folder=shown(bundle.folder))
    if find_spec("onnxruntime") is None:
        return lacking("onnxruntime", "melody")
    return None


def _adapted(bundle: Bundle, threads: int, style: Path | None, adapt: TuneLike | Sequence[Score]) -> tuple[Bundle, AnyEngine, str]:
    require("train", "adapting to music")
    import torch

    from melody.generate.torch_engine import TorchEngine
    from melody.training.adapt import adapted, music

    if isinstance(adapt, str | os.PathLike):
        scores, found = music(adapt)
    elif isinstance(adapt, list | tuple):
        scores, found = list(adapt), 0
    else:
        scores, found = [Tune.of(adapt, "adapt").score], 1
    if not scores:
        raise MelodyError("there is no music to adapt to")
    torch.set_num_threads(threads)
    bundle, engine = _torch(bundle, threads, style)
    assert isinstance(engine, TorchEngine)
    bundle, model, done = adapted(bundle, engine.model, scores, found=found)
    return bundle, TorchEngine(model), f"{done}; nothing of it is kept"


def _torch(bundle: Bundle, threads: int, style: Path | None) -> tuple[Bundle, AnyEngine]:
    import torch

    from melody.generate.torch_engine import TorchEngine

    torch.set_num_threads(threads)
    model = bundles.load_model(bundle)
    if style is not None:
        bundle, model = with_style(bundle, model, read_style(style))
    return bundle, TorchEngine(model)
