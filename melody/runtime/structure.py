"""The graph of a runtime file as plain data: one description for who writes it and who reads it.

Operators in order, the graph's own tables, inputs and outputs, all of them by the sizes of a model alone. A reader that compares
a file with them runs nothing else: with the very same operators in another order a file of kilobytes could ask for any
amount of memory. Where the numbers come from stands in ``export/graph.py``. Needs no onnx.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from melody.codec.columns import POINTERS
from melody.codec.table import Field
from melody.runtime.layout import RAILS, Layout

FLOAT, INT64 = 1, 7  # of TensorProto
EPSILON = float(np.float32(1e-5))  # of the layer norms, as 32 bits hold it
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
        node("QuantizeLinear", f"{x} {name}.step {name}.zero", f"{name}.rounded")
        node("MatMulInteger", f"{name}.rounded {name}.weight {name}.zero", f"{name}.product")
        node("Cast", f"{name}.product", f"{name}.wide", to=FLOAT)
        return node("Mul", f"{name}.wide {name}.scale", f"{name}.scaled")

    def gathered(table: str, index: str, name: str, axis: str) -> str:
        node("Cast", f"{table}.half", table, to=FLOAT)
        node("Gather", f"{table} {index}", f"{name}.each", axis=0)
        return node("ReduceSum", f"{name}.each {axis}", f"{name}.sum", keepdims=0)

    def norm(x: str, i: int) -> str:
        return node("LayerNormalization", f"{x} norm{i}.scale norm{i}.bias", f"norm{i}", axis=-1, epsilon=EPSILON)

    x = node("Add", f"{gathered('events.table', 'events', 'events', 'axis2')} base", "x")
    if layout.recall:
        node("Reshape", f"{gathered('recall.table', 'recalled', 'recall', 'axis3')} flat", "recall.flat")
        x = node("Add", f"{x} {linear('recall.flat', 'recall')}", "x.recall")
    for i in range(layout.layers):
        node("Clip", f"{norm(x, i)} minus one", f"clip{i}")
        node("Concat", f"clip{i} rails", f"railed{i}", axis=-1)
        lstm = f"lstm{i}"
        inputs: tuple[str, ...] = (f"railed{i}", f"{lstm}.w", f"{lstm}.r", f"{lstm}.b", "", f"h{i}", f"c{i}", "")
        inputs += tuple(f"{lstm}.{way}.{what}" for way in "wr" for what in ("scale", "zero"))
        outputs = (f"y{i}", f"h{i}.out", f"c{i}.out")
        out.append(Node("DynamicQuantizeLSTM", inputs, outputs, {"hidden_size": layout.width + RAILS}, "com.microsoft"))
        node("Squeeze", f"y{i} ways", f"out{i}")
        node("Slice", f"out{i} first width last", f"cut{i}")
        x = node("Add", f"{x} cut{i}", f"x{i}")
    node("Mul", f"{linear(norm(x, layout.layers), 'to_heads')} heads.reach", "heads.far")
    node("Add", "heads.far to_heads.bias", "heads")
    return out


def tables(layout: Layout) -> dict[str, tuple[tuple[int, ...], Any]]:
    """Shapes and kinds of the tables that the graph uses; float32 may be stored as float16."""
    width, full, heads = layout.width, layout.width + RAILS, len(Field) * layout.head
    out: dict[str, tuple[tuple[int, ...], Any]] = {"events.table.half": ((sum(layout.events), width), np.float32)}
    out |= dict.fromkeys(("axis2", "first", "width", "last", "ways"), ((1,), np.int64))
    out |= dict.fromkeys(("one", "minus", "heads.reach"), ((1,), np.float32))
    linear = {"to_heads": (width, heads)}
    if layout.recall:
        linear["recall"] = (POINTERS * layout.recall, width)
        out |= {"axis3": ((1,), np.int64), "flat": ((3,), np.int64)}
        out["recall.table.half"] = ((sum(layout.recalled), layout.recall), np.float32)
    for name, (rows, columns) in linear.items():
        out |= {f"{name}.weight": ((rows, columns), np.int8), f"{name}.scale": ((columns,), np.float32)}
        out |= {f"{name}.zero": ((1,), np.uint8), f"{name}.step": ((1,), np.float32)}
    for i in range(layout.layers):
        for way, rows in (("w", width + 2), ("r", full)):
            name = f"lstm{i}.{way}"
            out |= {name: ((1, rows, 4 * full), np.int8), f"{name}.scale": ((1, 4 * full), np.float32)}
            out[f"{name}.zero"] = ((1, 4 * full), np.int8)
        out[f"lstm{i}.b"] = ((1, 8 * full), np.float32)
    out |= {f"norm{i}.{what}": ((width,), np.float32) for i in range(layout.layers + 1) for what in ("scale", "bias")}
    return out | {"to_heads.bias": ((heads,), np.float32)}


def inputs(layout: Layout) -> list[Port]:
    """What the graph is fed with."""
    states = [f"{kind}{i}" for i in range(layout.layers) for kind in "hc"]
    return [
        ("events", INT64, ("t", "b", len(layout.events))),
        ("base", FLOAT, ("t", "b", layout.width)),
        ("rails", FLOAT, ("t", "b", 2)),
        *([("recalled", INT64, ("t", "b", POINTERS, len(layout.recalled)))] if layout.recall else []),
        *((name, FLOAT, (1, "b", layout.width + RAILS)) for name in states),
    ]


def outputs(layout: Layout) -> list[Port]:
    """What it gives: where the heads start from, and the state after."""
    states = [f"{kind}{i}.out" for i in range(layout.layers) for kind in "hc"]
    return [
        ("heads", FLOAT, ("t", "b", len(Field) * layout.head)),
        *((name, FLOAT, (1, "b", layout.width + RAILS)) for name in states),
    ]
