"""The network's body as a graph of ONNX Runtime, as plain data, by the sizes of a model alone: operators in order, inputs, outputs, tables.

Embeddings of events and recall are summed, recurrent layers follow, and one linear map gives what the heads start from. Products are
those of whole numbers with 7-bit weights (``export/quantise.py``).

The recurrent operator rounds its inputs to 255 steps between the smallest and the largest number of the whole batch, so a row would
change with its neighbours. Range anchors prevent that: two inputs that are always 1 and -1 (what the network sees is clipped to that
range, scaled before), and two units whose state is always 1 and -1. The steps are then always the same ones, sums of whole
numbers are exact, and a row of a batch is bit for bit the row alone, step by step or many steps in one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import POINTERS
from melody.codec.table import Field
from melody.runtime.layout import ANCHORS, Layout, Table

FLOAT, INT64 = 1, 7  # kinds of numbers, by ONNX's table
EPSILON = float(np.float32(1e-5))  # of the layer norms, as 32 bits hold it
ZERO_POINT = 128  # of inputs in 8 bits: what stands for 0
MICROSOFT = "com.microsoft"  # ONNX Runtime's own operators
Port = tuple[str, int, tuple[int | str, ...]]  # name, kind of numbers, shape: t steps, b rows


@dataclass(frozen=True)
class Node:
    """One operator."""

    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, int | float] = field(default_factory=dict)
    domain: str = ""


def nodes(layout: Layout) -> list[Node]:
    """All operators, in the order in which they are carried out."""
    out: list[Node] = []

    def node(kind: str, inputs: str, output: str, **attributes: float) -> str:
        out.append(Node(kind, tuple(inputs.split()), (output,), attributes))
        return output

    def linear(x: str, name: str) -> str:
        node("QuantizeLinear", f"{x} {name}.step zero_point", f"{name}.rounded")
        node("MatMulInteger", f"{name}.rounded {name}.weight zero_point", f"{name}.product")
        node("Cast", f"{name}.product", f"{name}.wide", to=FLOAT)
        return node("Mul", f"{name}.wide {name}.scale", f"{name}.scaled")

    def gathered(table: str, index: str, name: str, axis: str) -> str:
        node("Gather", f"{table} {index}", f"{name}.each", axis=0)
        return node("ReduceSum", f"{name}.each {axis}", f"{name}.sum", keepdims=0)

    def norm(x: str, i: int) -> str:
        return node("LayerNormalization", f"{x} norm{i}.scale norm{i}.bias", f"norm{i}", axis=-1, epsilon=EPSILON)

    x = node("Add", f"{gathered('events.table', 'events', 'events', 'axis2')} base", "x")
    if layout.recall:
        node("Reshape", f"{gathered('recall.table', 'recalled', 'recall', 'axis3')} flat", "recall.flat")
        x = node("Add", f"{x} {linear('recall.flat', 'recall')}", "x.recall")
    for i in range(layout.layers):
        node("Clip", f"{norm(x, i)} minus_one one", f"clip{i}")
        node("Concat", f"clip{i} anchors", f"anchored{i}", axis=-1)
        lstm = f"lstm{i}"
        inputs: tuple[str, ...] = (f"anchored{i}", f"{lstm}.w", f"{lstm}.r", f"{lstm}.b", "", f"h{i}", f"c{i}", "")
        inputs += tuple(f"{lstm}.{name}" for name in ("w.scale", "zero", "r.scale", "zero"))
        outputs = (f"y{i}", f"h{i}.out", f"c{i}.out")
        out.append(Node("DynamicQuantizeLSTM", inputs, outputs, {"hidden_size": layout.width + ANCHORS}, MICROSOFT))
        node("Squeeze", f"y{i} axis1", f"out{i}")
        node("Slice", f"out{i} axis0 width axis2", f"cut{i}")
        x = node("Add", f"{x} cut{i}", f"x{i}")
    node("Mul", f"{linear(norm(x, layout.layers), 'to_heads')} heads.activation_max", "heads.scaled")
    node("Add", "heads.scaled to_heads.bias", "heads")
    return out


def tables(layout: Layout) -> dict[str, Table]:
    """The tables of a runtime file that the graph uses, by name."""
    width, full, heads = layout.width, layout.width + ANCHORS, len(Field) * layout.head
    out = {"events.table": Table((sum(layout.events), width)), "heads.activation_max": Table(())}
    maps = {"to_heads": (width, heads)}
    if layout.recall:
        out["recall.table"] = Table((sum(layout.recalled), layout.recall))
        maps["recall"] = (POINTERS * layout.recall, width)
    for name, shape in maps.items():
        out |= {f"{name}.weight": Table(shape, np.int8), f"{name}.scale": Table(shape[1:]), f"{name}.step": Table(())}
    for i in range(layout.layers):
        for name, rows in (("w", width + 2), ("r", full)):
            out |= {f"lstm{i}.{name}": Table((rows, 4 * full), np.int8), f"lstm{i}.{name}.scale": Table((4 * full,))}
        out[f"lstm{i}.b"] = Table((8 * full,))
    out |= {f"norm{i}.{name}": Table((width,)) for i in range(layout.layers + 1) for name in ("scale", "bias")}
    return out | {"to_heads.bias": Table((heads,))}


def initializers(layout: Layout, own: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What the operators name besides inputs and each other's outputs: the file's tables (``own``), and constants."""
    out: dict[str, NDArray[Any]] = {name: own[name] for name in tables(layout)}
    out |= {f"axis{i}": np.array([i]) for i in range(4)} | {"width": np.array([layout.width]), "flat": np.array([0, 0, -1])}
    out |= {"one": np.array(1, np.float32), "minus_one": np.array(-1, np.float32), "zero_point": np.array(ZERO_POINT, np.uint8)}
    for i in range(layout.layers):  # the recurrent operator has a dimension for its directions, of which there is one
        out |= {name: out[name][None] for name in (f"lstm{i}.{key}" for key in ("w", "r", "b", "w.scale", "r.scale"))}
        out[f"lstm{i}.zero"] = np.zeros_like(out[f"lstm{i}.w.scale"], np.int8)
    return out


def inputs(layout: Layout) -> list[Port]:
    """What the graph is fed with."""
    states = [f"{kind}{i}" for i in range(layout.layers) for kind in "hc"]
    return [
        ("events", INT64, ("t", "b", len(layout.events))),
        ("base", FLOAT, ("t", "b", layout.width)),
        ("anchors", FLOAT, ("t", "b", 2)),
        *([("recalled", INT64, ("t", "b", POINTERS, len(layout.recalled)))] if layout.recall else []),
        *((name, FLOAT, (1, "b", layout.width + ANCHORS)) for name in states),
    ]


def outputs(layout: Layout) -> list[Port]:
    """What it gives: where the heads start from, and the state after."""
    states = [f"{kind}{i}.out" for i in range(layout.layers) for kind in "hc"]
    return [
        ("heads", FLOAT, ("t", "b", len(Field) * layout.head)),
        *((name, FLOAT, (1, "b", layout.width + ANCHORS)) for name in states),
    ]
