"""Runtime files that lie, by name: each changes runtime.onnx of a small bundle, and puts its digest right."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from faults_lies import Lie
from onnx import helper, numpy_helper

from melody.runtime.file import NAME, sealed


def graph(change: Callable[[onnx.ModelProto], object], seal: bool = True) -> Lie:
    """A runtime file that was changed, with its digest."""

    def lie(folder: Path) -> None:
        model = onnx.load(folder / NAME)
        change(model)
        data = model.SerializeToString()
        (folder / NAME).write_bytes(sealed(data) if seal else data)

    return lie


def raw(content: bytes) -> Lie:
    """Another runtime file altogether."""
    return lambda folder: (folder / NAME).write_bytes(content)


def fact(key: str, value: str) -> Lie:
    """Something else that the runtime file says of itself."""
    return graph(lambda m: [setattr(p, "value", value) for p in m.metadata_props if p.key == key])


def outside(place: str) -> Lie:
    """A table whose numbers are said to lie in another file."""

    def change(model: onnx.ModelProto) -> None:
        table = model.graph.initializer[0]
        table.data_location = onnx.TensorProto.EXTERNAL
        table.external_data.add(key="location", value=place)

    return graph(change)


def table(name: str, value: Any) -> Lie:
    """Another table of this name."""

    def change(model: onnx.ModelProto) -> None:
        (old,) = (t for t in model.graph.initializer if t.name == name)
        old.CopyFrom(numpy_helper.from_array(value, name))

    return graph(change)


def instead(kind: str, **attributes: Any) -> Lie:
    """Another operator in the place of the first one."""

    def change(model: onnx.ModelProto) -> None:
        first = model.graph.node[0]
        first.CopyFrom(helper.make_node(kind, list(first.input), list(first.output), **attributes))

    return graph(change)


def doubling(kind: str, **attributes: Any) -> Lie:
    """Operators that melody knows, put together so that each doubles (or squares) what the last one gave."""

    def change(model: onnx.ModelProto) -> None:
        names = ["events.table.half", *(f"more{i}" for i in range(40))]
        for a, b in pairwise(names):
            model.graph.node.insert(0, helper.make_node(kind, [a, a], [b], **attributes))
        model.graph.node.append(helper.make_node("Add", [names[-1], "heads"], ["unused"]))

    return graph(change)


EMPTY = helper.make_graph([], "inside", [], [])
RUNTIME: dict[str, Lie] = {
    "numbers in /etc/passwd": outside("/etc/passwd"),
    "numbers in ../../secret": outside("../../secret"),
    "an operator of another domain": instead("Cast", domain="evil", to=1),
    "an operator of another kind": instead("Softmax"),
    "a loop": instead("Loop", body=EMPTY),
    "a condition": instead("If", then_branch=EMPTY, else_branch=EMPTY),
    "a scan": instead("Scan", body=EMPTY, num_scan_inputs=1),
    "a graph inside a known operator": graph(lambda m: m.graph.node[0].attribute.append(helper.make_attribute("body", EMPTY))),
    "functions": graph(lambda m: m.functions.add(name="f", domain="evil")),
    "training steps": graph(lambda m: m.training_info.add()),
    "a sparse table": graph(lambda m: m.graph.sparse_initializer.add()),
    "operator set 99": graph(lambda m: setattr(m.opset_import[0], "version", 99)),
    "operator set 1": graph(lambda m: setattr(m.opset_import[0], "version", 1)),
    "one more operator set": graph(lambda m: m.opset_import.add(domain="evil", version=1)),
    "format 3 of ONNX": graph(lambda m: setattr(m, "ir_version", 3)),
    "format 99 of ONNX": graph(lambda m: setattr(m, "ir_version", 99)),
    "doubled 40 times": doubling("Concat", axis=0),
    "added 40 times": doubling("Add"),
    "a table of another shape": table("arrive", np.zeros((2, 2), np.float32)),
    "a table of another kind": table("heads.reach", np.zeros(1, np.int32)),
    "a table of words": graph(lambda m: m.graph.initializer.append(helper.make_tensor("words", 8, [1], [b"x"]))),
    "a table of 2^60 numbers": graph(lambda m: m.graph.initializer[0].dims.__setitem__(0, 1 << 60)),
    "a table of 2^62 by 2^62": graph(lambda m: m.graph.initializer[0].dims.__setitem__(slice(None), [1 << 62, 1 << 62])),
    "a table with a negative side": graph(lambda m: m.graph.initializer[0].dims.__setitem__(0, -1)),
    "a table of no numbers": graph(lambda m: m.graph.initializer[0].ClearField("raw_data")),
    "a table that is missing": graph(lambda m: m.graph.initializer.pop()),
    "a table that stands twice": graph(lambda m: m.graph.initializer.append(m.graph.initializer[0])),
    "a scale that is NaN": table("norm0.scale", np.full(32, np.nan, np.float32)),
    "a reach that is infinite": table("heads.reach", np.full(1, np.inf, np.float32)),
    "an input of 2^40": graph(lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 1 << 40)),
    "an output too many": graph(lambda m: m.graph.output.append(m.graph.output[0])),
    "operators in another order": graph(lambda m: m.graph.node.append(m.graph.node.pop(0))),
    "operators that are missing": graph(lambda m: m.graph.ClearField("node")),
    "another wiring": graph(lambda m: m.graph.node[2].input.__setitem__(0, "events")),
    "a hidden size of 2^40": graph(
        lambda m: [setattr(n.attribute[0], "i", 1 << 40) for n in m.graph.node if n.op_type == "DynamicQuantizeLSTM"]
    ),
    "of other weights": fact("melody.sha256", "0" * 64),
    "of another codec": fact("melody.codec", "{}"),
    "of another model": fact("melody.model", "{}"),
    "format 3 of melody": fact("melody.format", "3"),
    "no digest": graph(lambda m: m.metadata_props.pop(), seal=False),
    "no facts": graph(lambda m: m.ClearField("metadata_props")),
    "no graph": graph(lambda m: m.ClearField("graph")),
    "two graphs": lambda f: raw(sealed((f / NAME).read_bytes() + b"\x3a\x00"))(f),
    "a million empty fields": raw(sealed(b"\x3a\x00" * 500_000)),
    "a number without end": raw(b"\xff" * 1000),
    "nothing": raw(b""),
    "a MIDI file": raw(b"MThd" + bytes(100)),
    "one GiB of nothing": lambda f: os.truncate(f / NAME, 1 << 30),
}
