"""A larger network that begins where a smaller one stands: more layers, a larger vocabulary, more styles.

What is new says nothing at first, so the larger network gives the same nats as the smaller one until it is trained
(the idea: Chen, Goodfellow and Shlens, Net2Net, 2016): a new layer's candidate gate is zero, so that nothing is ever
written into its cell and the residual path passes it by; what a new table adds is zero; rows of a table that grew keep
their place, and are masked by the grammar as long as the old vocabulary is all that is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from melody.codec import CodecConfig
from melody.errors import CallError
from melody.model.network import EventLSTM
from melody.model.values import ModelConfig

BY_STYLE = ("conditions.0.weight", "initial.weight")  # one row a style, after "any"
SAME = ("cell", "width", "head_width", "given_width", "recall_width")  # what a larger network shares with the smaller one


def enlarged(model: EventLSTM, config: ModelConfig, codec: CodecConfig, heirs: Mapping[str, Sequence[str]] | None = None) -> EventLSTM:
    """``model`` in a network of another ``config`` and ``codec``.

    config  as many layers or more; else of the same shape
    codec   the same clock, grid and velocity levels; any styles, and a vocabulary that begins with the model's
    heirs   the old styles that a new one begins as the mean of; the mean of all where nothing is said
    Errors: ``CallError`` where the network has another shape or the vocabulary another beginning.

    >>> from dataclasses import replace
    >>> codec = CodecConfig(styles=("folk",))
    >>> small = EventLSTM(ModelConfig(layers=1, width=32, head_width=16, given_width=8, recall_width=8), codec)
    >>> large = enlarged(small, replace(small.config, layers=2), replace(codec, styles=("folk", "rock")))
    >>> large.config.layers, large.codec.styles
    (2, ('folk', 'rock'))
    """
    _check(model, config, codec)
    with torch.random.fork_rng(devices=[]):  # what a run draws afterwards does not depend on this
        larger = EventLSTM(config, codec)
    old, new = model.state_dict(), larger.state_dict()
    last = f"norms.{model.config.layers}."
    weights: dict[str, Tensor] = {}
    for name, fresh in new.items():
        source = name.replace(f"norms.{config.layers}.", last) if name.startswith(f"norms.{config.layers}.") else name
        if source == name and name.startswith(last) and config.layers > model.config.layers:
            source = ""  # the norm before a new layer, not the last one of the smaller network
        if source not in old:
            weights[name] = _silent(name, fresh)
        elif name in BY_STYLE:
            weights[name] = _styles(old[name], model.codec.styles, codec.styles, heirs or {})
        else:
            weights[name] = _placed(old[source], fresh)
    larger.load_state_dict(weights)
    return larger.train(model.training)


def _check(model: EventLSTM, config: ModelConfig, codec: CodecConfig) -> None:
    for name in SAME:
        if getattr(config, name) != getattr(model.config, name):
            raise CallError(f"{name} is {getattr(config, name)}, must be {getattr(model.config, name)} as in the model to start from")
    if config.layers < model.config.layers:
        raise CallError(f"layers is {config.layers}, must be at least {model.config.layers} as in the model to start from")
    if config.layers > model.config.layers and config.cell != "lstm":
        raise CallError(f"cell is {config.cell}; only a network of lstm cells can be given more layers")
    for name in ("clock", "grid", "velocity_bins"):
        if getattr(codec, name) != getattr(model.codec, name):
            raise CallError(f"{name} is {getattr(codec, name)}, must be {getattr(model.codec, name)} as in the model to start from")
    if any(a < b for a, b in zip(codec.sizes, model.codec.sizes, strict=True)):
        raise CallError("the model to start from has a larger vocabulary than the one asked for")


def _silent(name: str, fresh: Tensor) -> Tensor:
    """A new layer that never writes into its cell, or a new table that adds nothing."""
    if name.startswith("norms."):
        return fresh
    if not name.startswith("cells."):
        return torch.zeros_like(fresh)
    out = fresh.clone()
    quarter = len(out) // 4
    out[2 * quarter : 3 * quarter] = 0  # the candidate gate, in torch's order input, forget, candidate, output
    return out


def _placed(old: Tensor, fresh: Tensor) -> Tensor:
    """The old values where they stood; what comes after them as a new network has it, but no weight on new inputs."""
    if old.shape == fresh.shape:
        return old
    out = fresh.clone()
    if old.ndim > 1 and old.shape[1:] != fresh.shape[1:]:
        out.zero_()
    out[tuple(slice(0, n) for n in old.shape)] = old
    return out


def _styles(old: Tensor, known: Sequence[str], wanted: Sequence[str], heirs: Mapping[str, Sequence[str]]) -> Tensor:
    rows = [old[0]]
    for style in wanted:
        parents = [style] if style in known else [p for p in heirs.get(style, known) if p in known] or list(known)
        rows.append(torch.stack([old[1 + list(known).index(p)] for p in parents] or [old[0]]).mean(0))
    return torch.stack(rows)
