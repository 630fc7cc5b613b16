"""All the ways in which a runtime file can be wrong, each one line."""

from dataclasses import replace

import numpy as np
import pytest

from melody.codec import CodecConfig
from melody.errors import MelodyError

from .tiny import SHAPES, bundle_of, engine_of

pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A bundle with its runtime file."""
    from melody.export import export

    found = bundle_of(tmp_path_factory.mktemp("one"), **SHAPES["recall"])
    return found, export(found)


def test_other_weights_are_refused_with_the_command(one):
    found, _ = one
    with pytest.raises(MelodyError, match=r"other weights.*melody export"):
        engine_of(replace(found, sha256="0" * 64))
    with pytest.raises(MelodyError, match=r"bundle\.json"):
        engine_of(replace(found, codec=CodecConfig(grid=8)))


def damaged(model, how):
    if how == "opset":
        model.opset_import[0].version = 99
    elif how == "domain":
        model.graph.node[0].domain = "evil"
    elif how == "operator":
        model.graph.node[0].op_type = "Loop"
    elif how == "graph inside":
        model.graph.node[0].attribute.append(onnx.helper.make_attribute("body", model.graph))
    elif how == "external":
        model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
        model.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")
    elif how == "no facts":
        del model.metadata_props[:]
    elif how == "table":
        kept = [t for t in model.graph.initializer if t.name != "arrive"]
        del model.graph.initializer[:]
        model.graph.initializer.extend(kept)
    elif how == "shape":
        (small,) = (t for t in model.graph.initializer if t.name == "arrive")
        small.CopyFrom(onnx.numpy_helper.from_array(np.zeros((2, 2), np.float32), "arrive"))
    elif how == "wiring":
        model.graph.node[2].input[0] = "nowhere"
    return model.SerializeToString()


HOW = ["opset", "domain", "operator", "graph inside", "external", "no facts", "table", "shape", "wiring"]


@pytest.mark.parametrize("how", HOW)
def test_a_file_that_melody_did_not_write_is_one_line(one, tmp_path, how):
    found, (_, path) = one
    (tmp_path / "runtime.onnx").write_bytes(damaged(onnx.load(path), how))
    with pytest.raises(MelodyError, match="melody export") as fault:
        engine_of(replace(found, folder=tmp_path))
    assert "\n" not in str(fault.value)


def test_a_file_that_is_cut_short_or_foreign_is_one_line(one, tmp_path):
    found, (_, path) = one
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    contents = [b"", b"\x00" * 100, rng.bytes(1000), b"MThd", *(whole[:n] for n in rng.integers(1, len(whole), 20))]
    for content in contents:
        (tmp_path / "runtime.onnx").write_bytes(content)
        with pytest.raises(MelodyError, match="melody export"):
            engine_of(replace(found, folder=tmp_path))
