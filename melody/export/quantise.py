"""The tables of a runtime file that its graph uses: embeddings, body and the common linear map of the heads, in 8-bit whole numbers.

The operators that use them, and why two units of every layer are range anchors, stand in ``runtime/graph.py``. Weights have 7 bits and a
scale for every column: processors with AVX2 only add pairs of products in 16 bits, which 8 would overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import Field
from melody.runtime.layout import ANCHORS, Layout

Floats = NDArray[np.float32]
MAX_WEIGHT = 63
OPEN_GATE = 40.0  # a gate whose input is this is open as far as fp32 can tell


def quantised(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """(K, N) -> whole numbers of 7 bits and the scale (N,) of every column."""
    scale = np.abs(weight).max(0) / MAX_WEIGHT
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


def lstm_weights(weights: dict[str, Floats], layer: int, activation_max: float) -> tuple[Floats, Floats, Floats]:
    """Input (H + 2, 4 (H + ANCHORS)), state (H + ANCHORS, ...) and bias (8 (H + ANCHORS),) of a layer, in ONNX's order of gates."""
    w, r, b, c = (weights[f"cells.{layer}.{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    width = r.shape[1]
    full = width + ANCHORS

    def gates(rows: Floats) -> Floats:  # torch: input, forget, cell, output; ONNX: input, output, forget, cell
        i, f, g, o = np.split(rows, 4)
        return np.stack([i, o, f, g])

    wide = np.zeros((width + 2, 4, full), np.float32)
    wide[:width, :, :width] = (gates(w) * activation_max).transpose(2, 0, 1)
    state = np.zeros((full, 4, full), np.float32)
    state[:width, :, :width] = gates(r).transpose(2, 0, 1)
    bias = np.zeros((4, full), np.float32)
    bias[:, :width] = gates(b + c)
    bias[:, width : width + 2] = OPEN_GATE
    bias[3, width + 1] = -OPEN_GATE
    flat = bias.ravel()
    return wide.reshape(width + 2, -1), state.reshape(full, -1), np.concatenate([flat, np.zeros_like(flat)])


def linear(name: str, weight: Floats, activation_max: float) -> dict[str, NDArray[Any]]:
    """Tables of a map (K, N) in whole numbers; its inputs are clipped beyond ``activation_max``."""
    step = np.float32(activation_max / 127)
    whole, scale = quantised(weight)
    return {f"{name}.step": np.array(step), f"{name}.weight": whole, f"{name}.scale": scale * step}


def graph_tables(weights: dict[str, Floats], layout: Layout, activation_max: dict[str, float]) -> dict[str, NDArray[Any]]:
    """The tables by the names of ``runtime/graph.py``.

    ``activation_max``: the largest number that each quantised map is prepared for, by name: "recall", the layers "0", "1", ..., "heads".
    """
    counts = {"fields": len(Field), "metre_body": len(layout.metre), "distance_body": len(layout.distances)}
    events = [f"{name}.{i}" for name, count in counts.items() for i in range(count)]
    out: dict[str, NDArray[Any]] = {
        "events.table": np.concatenate([weights[f"{name}.weight"] for name in events]),
        "heads.activation_max": np.array(activation_max["heads"], np.float32),
    }
    if layout.recall:
        out["recall.table"] = np.concatenate([weights[f"recall.tables.{i}.weight"] for i in range(len(layout.recalled))])
        out |= linear("recall", weights["recall.to_body.weight"].T, activation_max["recall"])
    for i in range(layout.layers):
        w, r, bias = lstm_weights(weights, i, activation_max[str(i)])
        for name, weight in ((f"lstm{i}.w", w), (f"lstm{i}.r", r)):
            out[name], out[f"{name}.scale"] = quantised(weight)
        out[f"lstm{i}.b"] = bias
    for i in range(layout.layers + 1):  # each divides by what the map behind it is prepared for
        far = np.float32(activation_max[str(i) if i < layout.layers else "heads"])
        out |= {f"norm{i}.scale": weights[f"norms.{i}.weight"] / far, f"norm{i}.bias": weights[f"norms.{i}.bias"] / far}
    return out | linear("to_heads", weights["to_heads.weight"].T, 1.0) | {"to_heads.bias": weights["to_heads.bias"]}
