"""The graph of a runtime file: embeddings, body and the common linear map of the heads, in 8-bit whole numbers.

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
from onnx import ModelProto, TensorProto, helper, numpy_helper

from melody.codec.recall import POINTERS
from melody.codec.table import Field
from melody.errors import MelodyError
from melody.runtime.file import IR, MICROSOFT, OPSET
from melody.runtime.layout import RAILS, Layout

Floats = NDArray[np.float32]
MOST_WEIGHT = 63
SMALL = 4096  # tables of more numbers than this are stored with 16 bits a number, as the shipped weights are
OPEN = 40.0  # a gate whose input is this is open as far as fp32 can tell
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


def quantised(weight: Floats) -> tuple[NDArray[np.int8], Floats]:
    """(K, N) -> whole numbers of 7 bits and the scale (N,) of every column."""
    scale = np.abs(weight).max(0) / MOST_WEIGHT
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


class Builder:
    """Collects nodes and initializers."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.tables: list[Any] = []

    def table(self, name: str, value: Any) -> str:
        """An initializer."""
        self.tables.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def half(self, name: str, value: Floats) -> str:
        """An initializer of which the file holds 16 bits a number: the shipped weights have no more."""
        self.table(f"{name}.half", value.astype(np.float16))
        return self.node("Cast", [f"{name}.half"], [name], to=FLOAT)

    def node(self, kind: str, inputs: list[str], outputs: list[str], **attributes: Any) -> str:
        """An operator; the name of its first output."""
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=outputs[0], **attributes))
        return outputs[0]

    def linear(self, x: str, weight: Floats, reach: float, name: str, bias: Floats | None = None) -> str:
        """(..., K) times (K, N) in whole numbers; inputs beyond ``reach`` are clipped."""
        step = np.float32(reach / 127)
        whole, scale = quantised(weight)
        zero = self.table(f"{name}.zero", np.array(128, np.uint8))
        rounded = self.node("QuantizeLinear", [x, self.table(f"{name}.step", step), zero], [f"{name}.rounded"])
        product = self.node("MatMulInteger", [rounded, self.table(f"{name}.weight", whole), zero], [f"{name}.product"])
        wide = self.node("Cast", [product], [f"{name}.wide"], to=FLOAT)
        out = self.node("Mul", [wide, self.table(f"{name}.scale", scale * step)], [f"{name}.scaled"])
        return out if bias is None else self.node("Add", [out, self.table(f"{name}.bias", bias)], [f"{name}.out"])


def build(
    weights: dict[str, Floats], layout: Layout, reach: dict[str, float], tables: dict[str, NDArray[Any]], facts: dict[str, str]
) -> ModelProto:
    """The whole file. ``reach``: the largest number that each quantised map is prepared for, by name ("recall", "0", "1", ..., "heads")."""
    b, width = Builder(), layout.width
    events = np.concatenate(
        [weights[f"fields.{i}.weight"] for i in range(len(Field))]
        + [weights[f"metre_body.{i}.weight"] for i in range(4)]
        + [weights[f"distance_body.{i}.weight"] for i in range(3)]
    )
    inputs: list[tuple[str, int, list[int | str]]] = [
        ("events", INT64, ["t", "b", len(layout.events)]),
        ("base", FLOAT, ["t", "b", width]),
        ("rails", FLOAT, ["t", "b", 2]),
    ]
    gathered = b.node("Gather", [b.half("events.table", events), "events"], ["events.each"], axis=0)
    summed = b.node("ReduceSum", [gathered, b.table("axis2", np.array([2]))], ["events.sum"], keepdims=0)
    x = b.node("Add", [summed, "base"], ["x"])
    if layout.recall:
        inputs.append(("recalled", INT64, ["t", "b", POINTERS, len(layout.recalled)]))
        rows = np.concatenate([weights[f"recall.tables.{i}.weight"] for i in range(len(layout.recalled))])
        each = b.node("Gather", [b.half("recall.table", rows), "recalled"], ["recall.each"], axis=0)
        told = b.node("ReduceSum", [each, b.table("axis3", np.array([3]))], ["recall.sum"], keepdims=0)
        flat = b.node("Reshape", [told, b.table("flat", np.array([0, 0, -1]))], ["recall.flat"])
        x = b.node("Add", [x, b.linear(flat, weights["recall.to_body.weight"].T, reach["recall"], "recall")], ["x.recall"])
    b.table("one", np.array(1, np.float32)), b.table("minus", np.array(-1, np.float32))
    b.table("first", np.array([0])), b.table("width", np.array([width])), b.table("last", np.array([2])), b.table("ways", np.array([1]))
    outputs: list[tuple[str, int, list[int | str]]] = [("heads", FLOAT, ["t", "b", len(Field) * layout.head])]
    for i in range(layout.layers):
        norm = _norm(b, x, weights, i, reach[str(i)])
        railed = b.node("Concat", [b.node("Clip", [norm, "minus", "one"], [f"clip{i}"]), "rails"], [f"railed{i}"], axis=-1)
        w, r, bias = lstm_weights(weights, i, reach[str(i)])
        names = []
        for name, weight in ((f"lstm{i}.w", w), (f"lstm{i}.r", r)):
            whole, scale = quantised(weight)
            names += [
                b.table(name, whole[None]),
                b.table(f"{name}.scale", scale[None]),
                b.table(f"{name}.zero", np.zeros_like(scale, np.int8)[None]),
            ]
        b.table(f"lstm{i}.b", bias[None])
        b.node(
            "DynamicQuantizeLSTM",
            [railed, names[0], names[3], f"lstm{i}.b", "", f"h{i}", f"c{i}", "", *names[1:3], *names[4:]],
            [f"y{i}", f"h{i}.out", f"c{i}.out"],
            domain="com.microsoft",
            hidden_size=width + RAILS,
        )
        out = b.node("Slice", [b.node("Squeeze", [f"y{i}", "ways"], [f"out{i}"]), "first", "width", "last"], [f"cut{i}"])
        x = b.node("Add", [x, out], [f"x{i}"])
        for value in (f"h{i}", f"c{i}"):
            inputs.append((value, FLOAT, [1, "b", width + RAILS]))
            outputs.append((f"{value}.out", FLOAT, [1, "b", width + RAILS]))
    norm = _norm(b, x, weights, layout.layers, reach["heads"])
    heads = b.linear(norm, weights["to_heads.weight"].T, 1.0, "to_heads")
    far = b.table("heads.reach", np.array(reach["heads"], np.float32))
    b.node(
        "Add",
        [b.node("Mul", [heads, far], ["heads.far"]), b.table("to_heads.bias", weights["to_heads.bias"])],
        ["heads"],
    )
    for name, (shape, kind) in layout.tables().items():
        if tables[name].shape != shape or tables[name].dtype != kind:
            raise MelodyError(f"the table {name} is {tables[name].shape}, expected {shape}")
        large = kind is np.float32 and len(shape) == 2 and tables[name].size >= SMALL
        b.table(name, tables[name].astype(np.float16) if large else tables[name])
    graph = helper.make_graph(
        b.nodes,
        "melody",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in outputs],
        b.tables,
    )
    model = helper.make_model(
        graph,
        producer_name="melody",
        ir_version=IR,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("com.microsoft", MICROSOFT)],
    )
    helper.set_model_props(model, facts)
    return model


def _norm(b: Builder, x: str, weights: dict[str, Floats], index: int, reach: float) -> str:
    """Layer norm whose output is divided by ``reach``."""
    scale = b.table(f"norm{index}.scale", weights[f"norms.{index}.weight"] / np.float32(reach))
    bias = b.table(f"norm{index}.bias", weights[f"norms.{index}.bias"] / np.float32(reach))
    return b.node("LayerNormalization", [x, scale, bias], [f"norm{index}"], axis=-1, epsilon=1e-5)
