"""The bytes of an ONNX model: against the wire format's own examples, and as ONNX Runtime reads them."""

import numpy as np
import pytest

from melody.runtime import graph
from melody.runtime.graph import Node
from melody.runtime.layout import ANCHORS, Layout
from melody.runtime.protobuf import _field, _varint, model

from .tiny import CODEC, SHAPES

ort = pytest.importorskip("onnxruntime")


@pytest.mark.parametrize(
    ("value", "bytes_"), [(0, b"\x00"), (127, b"\x7f"), (150, b"\x96\x01"), (1 << 35, b"\x80" * 5 + b"\x01"), (-1, b"\xff" * 9 + b"\x01")]
)
def test_whole_numbers(value, bytes_):
    assert _varint(value) == bytes_


def test_fields():
    """The examples of the format's description: field 1 is 150, field 2 is "testing", field 3 is a message with the first."""
    first = _field(1, 150)
    assert first == [b"\x08\x96\x01"]
    assert b"".join(_field(2, "testing")) == b"\x12\x07testing"
    assert b"".join(_field(3, first)) == b"\x1a\x03\x08\x96\x01"
    assert _field(2, 1.0) == [b"\x15\x00\x00\x80\x3f"]


def test_a_graph_is_carried_out():
    """x (t, 3) normalised, times a table, summed over the last axis: attributes of both kinds, a negative one, constants of any shape."""
    nodes = [
        Node("LayerNormalization", ("x", "scale", "bias"), ("normal",), {"axis": -1, "epsilon": 1e-5}),
        Node("Mul", ("normal", "two"), ("twice",)),
        Node("ReduceSum", ("twice", "axis"), ("y",), {"keepdims": 0}),
    ]
    tables = {
        "scale": np.array([1, 2, 3], np.float32),
        "bias": np.ones(3, np.float32),
        "two": np.array(2, np.float32),
        "axis": np.array([1]),
    }
    data = model(nodes, [("x", graph.FLOAT, ("t", 3))], [("y", graph.FLOAT, ("t",))], tables)
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    (y,) = session.run(None, {"x": x})
    normal = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    assert np.allclose(y, (2 * (normal * tables["scale"] + 1)).sum(-1), atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_name_of_the_graph_is_made_before_it_is_used(shape):
    layout = Layout.of(CODEC, SHAPES[shape])
    own = {name: np.zeros(table.shape, table.dtype) for name, table in graph.tables(layout).items()}
    known = {"", *graph.initializers(layout, own), *(name for name, _, _ in graph.inputs(layout))}
    used = set()
    for node in graph.nodes(layout):
        assert set(node.inputs) <= known, node
        assert not set(node.outputs) & known, node
        known |= set(node.outputs)
        used |= set(node.inputs)
    assert {name for name, _, _ in graph.outputs(layout)} <= known
    assert set(graph.tables(layout)) <= used, "a table that nothing uses"
    assert own["lstm0.r"].shape[0] == layout.width + ANCHORS
