"""Styles that a model learns later: a table of styles that grows, and one style alone as a file of some kilobytes.

A style file holds a style's vector and the state in which its pieces begin (safetensors; name, priors and the digest of
the model that it belongs to in the header). The model itself stays as it is: people can share what they have taught it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from melody.bundle import Bundle
from melody.errors import MelodyError, Remedy
from melody.files import read_bytes, reason, shown, write_bytes

if TYPE_CHECKING:
    from melody.model import EventLSTM

SUFFIX = ".style"
FORMAT = "melody style 1"
MAX_BYTES = 1 << 20  # bytes of a style file
LONGEST_NAME = 100


@dataclass(frozen=True, eq=False)
class Style:
    """A style on its own."""

    name: str
    model: str  # sha256 of the weights that it was learned with
    vector: NDArray[np.float32]  # (H,): what its pieces add to every input of the body
    initial: NDArray[np.float32]  # (2 * L * H,): hidden and cell state in which its pieces begin
    priors: Mapping[str, Any]  # usual tempi and meters (corpus.priors)


def save_style(path: Path, style: Style) -> None:
    """Write a style file, beside and then renamed."""
    from safetensors.numpy import save

    facts = {"format": FORMAT, "name": style.name, "model": style.model, "habits": json.dumps(dict(style.priors))}
    write_bytes(path, save({"style": style.vector, "initial": style.initial}, metadata=facts))


def read_style(path: Path) -> Style:
    """Read and check a style file. Raises MelodyError, one line, on anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    blob = read_bytes(path, MAX_BYTES)
    try:
        tensors = load(blob)
        facts = json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])["__metadata__"]
        if facts["format"] != FORMAT:
            raise MelodyError(f"{shown(path)}: style format {facts['format']!r}, this version of melody reads {FORMAT!r}")
        priors = json.loads(facts["habits"])
        style = Style(str(facts["name"]), str(facts["model"]), tensors["style"], tensors["initial"], priors)
        if len(tensors) != 2 or any(t.ndim != 1 or t.dtype != np.float32 or not np.isfinite(t).all() for t in tensors.values()):
            raise ValueError("not two rows of numbers")
        if not isinstance(priors, dict) or not 0 < len(style.name) <= LONGEST_NAME or not style.name.isprintable():
            raise ValueError("no name or no habits")
    except MelodyError:
        raise
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError, OverflowError) as fault:
        raise MelodyError(f"{shown(path)}: not a style file, or damaged ({reason(fault)[:120]})") from None
    return style


def grown(model: EventLSTM, names: Sequence[str], initial: bool = False) -> EventLSTM:
    """The model with the styles that it does not know yet: each starts as the mean of the old ones.

    ``initial``: give every style a state of its own to begin in (zeros at first). The model itself is returned where it
    already has all that.
    """
    from melody.model.growth import enlarged

    new = tuple(name for name in names if name not in model.codec.styles)
    initial = initial or model.config.initial
    if not new and initial == model.config.initial:
        return model
    return enlarged(model, replace(model.config, initial=initial), replace(model.codec, styles=model.codec.styles + new))


def style_of(model: EventLSTM, name: str, sha256: str, priors: Mapping[str, Any]) -> Style:
    """What a model with states to begin in has learned of one style."""
    row = 1 + model.codec.styles.index(name)
    weights = model.state_dict()
    vector, initial = (weights[n][row].detach().cpu().float().numpy().copy() for n in ("conditions.0.weight", "initial.weight"))
    return Style(name, sha256, vector, initial, priors)


def with_style(bundle: Bundle, model: EventLSTM, style: Style) -> tuple[Bundle, EventLSTM]:
    """Bundle and model that know ``style`` too. Raises MelodyError where it was learned with another model."""
    import torch

    if style.model != bundle.sha256:
        raise MelodyError(f"the style {shown(style.name)!r} was learned with another model than {bundle.name}", Remedy.ITS_MODEL)
    larger = grown(model, [style.name], initial=True)
    row = 1 + larger.codec.styles.index(style.name)
    weights = larger.state_dict()
    for name, values in (("conditions.0.weight", style.vector), ("initial.weight", style.initial)):
        if values.shape != weights[name][row].shape:
            raise MelodyError(f"the style {shown(style.name)!r} does not fit the size of {bundle.name}; train it again")
        weights[name][row] = torch.from_numpy(values)
    larger.load_state_dict(weights)
    priors = {**bundle.training.get("habits", {}), style.name: style.priors}
    return replace(bundle, codec=larger.codec, training={**bundle.training, "habits": priors}), larger.eval()
