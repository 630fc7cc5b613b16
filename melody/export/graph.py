"""The weights of a runtime file: embeddings, body and the common linear map of the heads, in 8-bit whole numbers.

The operators that use them stand in ``runtime/structure.py``, for who writes a file and who reads it.

The body is made of ONNX Runtime's own quantised LSTM operator. It rounds its inputs to 255 steps between the smallest and
the largest number of the whole batch, so a row would change with its neighbours. Rails prevent that: two inputs that are always 1 and -1
(what the network sees is clipped to that range, scaled before), and two units whose state is always 1 and -1. The steps are
then always the same ones, sums of whole numbers are exact, and a row of a batch is bit for bit the row alone, step by step or
many steps in one call.

Weights have 7 bits and a scale for every column: processors with AVX2 only add pairs of products in 16 bits, which 8 would overflow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, helper, numpy_helper

from melody.codec.table import Field
from melody.errors import MelodyError
from melody.runtime import structure
from melody.runtime.file import IR, MICROSOFT, OPSET
from melody.runtime.layout import RAILS, Layout

Floats = NDArray[np.float32]
MAX_WEIGHT = 63
SMALL = 4096  # tables of more numbers than this are stored with 16 bits a number, as the shipped weights are
OPEN = 40.0  # a gate whose input is this is open as far as fp32 can tell


def quantised(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """(K, N) -> whole numbers of 7 bits and the scale (N,) of every column."""
    scale = np.abs(weight).max(0) / MAX_WEIGHT
    scale = np.where(scale > 0, scale, 1).astype(np.float32)
    return np.rint(weight / scale).astype(np.int8), scale


def lstm_weights(weights: dict[str, Floats], layer: int, reach: float) -> tuple[Floats, Floats, Floats]:
    """Input (H + 2, 4 (H + RAILS)), state (H + RAILS, ...) and bias (8 (H + RAILS),) of a layer, in ONNX's order of gates."""
    w, r, b, c = (weights[f"cells.{layer}.{n}_l0"] for n in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    width = r.shape[1]
    full = width + RAILS

    def gates(rows: Floats) -> Floats:  # torch: input, forget, cell, output; ONNX: input, output, forget, cell
        i, f, g, o = np.split(rows, 4)
        return np.stack([i, o, f, g])

    wide = np.zeros((width + 2, 4, full), np.float32)
    wide[:width, :, :width] = (gates(w) * reach).transpose(2, 0, 1)
    state = np.zeros((full, 4, full), np.float32)
    state[:width, :, :width] = gates(r).transpose(2, 0, 1)
    bias = np.zeros((4, full), np.float32)
    bias[:, :width] = gates(b + c)
    bias[:, width : width + 2] = OPEN
    bias[3, width + 1] = -OPEN
    flat = bias.ravel()
    return wide.reshape(width + 2, -1), state.reshape(full, -1), np.concatenate([flat, np.zeros_like(flat)])


def linear(name: str, weight: Floats, reach: float) -> dict[str, NDArray[Any]]:
    """Tables of a map (K, N) in whole numbers; its inputs are clipped beyond ``reach``."""
    step = np.float32(reach / 127)
    whole, scale = quantised(weight)
    return {
        f"{name}.zero": np.array(128, np.uint8),
        f"{name}.step": np.array(step),
        f"{name}.weight": whole,
        f"{name}.scale": scale * step,
    }


def constants(weights: dict[str, Floats], layout: Layout, reach: dict[str, float]) -> dict[str, NDArray[Any]]:
    """The tables that the graph's operators use, by the names of ``runtime/structure.py``."""
    events = [f"fields.{i}" for i in range(len(Field))] + [f"metre_body.{i}" for i in range(len(layout.metre))]
    events += [f"distance_body.{i}" for i in range(len(layout.distances))]
    out: dict[str, NDArray[Any]] = {
        "events.table.half": np.concatenate([weights[f"{name}.weight"] for name in events]).astype(np.float16),
        **{name: np.array([value]) for name, value in (("axis2", 2), ("first", 0), ("width", layout.width), ("last", 2), ("ways", 1))},
        **{name: np.array(value, np.float32) for name, value in (("one", 1), ("minus", -1), ("heads.reach", reach["heads"]))},
    }
    if layout.recall:
        rows = [weights[f"recall.tables.{i}.weight"] for i in range(len(layout.recalled))]
        out |= {"recall.table.half": np.concatenate(rows).astype(np.float16), "axis3": np.array([3]), "flat": np.array([0, 0, -1])}
        out |= linear("recall", weights["recall.to_body.weight"].T, reach["recall"])
    for i in range(layout.layers):
        w, r, bias = lstm_weights(weights, i, reach[str(i)])
        for name, weight in ((f"lstm{i}.w", w), (f"lstm{i}.r", r)):
            whole, scale = quantised(weight)
            out |= {name: whole[None], f"{name}.scale": scale[None], f"{name}.zero": np.zeros_like(scale, np.int8)[None]}
        out[f"lstm{i}.b"] = bias[None]
    for i in range(layout.layers + 1):  # each divides by what the map behind it is prepared for
        far = np.float32(reach[str(i) if i < layout.layers else "heads"])
        out |= {f"norm{i}.scale": weights[f"norms.{i}.weight"] / far, f"norm{i}.bias": weights[f"norms.{i}.bias"] / far}
    return out | linear("to_heads", weights["to_heads.weight"].T, 1.0) | {"to_heads.bias": weights["to_heads.bias"]}


def build(
    weights: dict[str, Floats], layout: Layout, reach: dict[str, float], tables: dict[str, NDArray[Any]], facts: dict[str, str]
) -> ModelProto:
    """The whole file. ``reach``: the largest number that each quantised map is prepared for, by name ("recall", "0", "1", ..., "heads")."""
    every = constants(weights, layout, reach)
    for name, (shape, kind) in layout.tables().items():
        if tables[name].shape != shape or tables[name].dtype != kind:
            raise MelodyError(f"the table {name} is {tables[name].shape}, expected {shape}")
        large = kind is np.float32 and len(shape) == 2 and tables[name].size >= SMALL
        every[name] = tables[name].astype(np.float16) if large else tables[name]
    graph = helper.make_graph(
        [_node(n) for n in structure.nodes(layout)],
        "melody",
        [helper.make_tensor_value_info(*port) for port in structure.inputs(layout)],
        [helper.make_tensor_value_info(*port) for port in structure.outputs(layout)],
        [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in every.items()],
    )
    model = helper.make_model(
        graph,
        producer_name="melody",
        ir_version=IR,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", MICROSOFT)],
    )
    helper.set_model_props(model, facts)
    return model


def _node(n: structure.Node) -> Any:
    more: dict[str, Any] = dict(n.attributes)
    return helper.make_node(n.kind, n.inputs, n.outputs, n.outputs[0], domain=n.domain or None, **more)
