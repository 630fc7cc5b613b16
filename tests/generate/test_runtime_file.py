"""All the ways in which a runtime file can be wrong, each one line."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from melody.codec import CodecConfig
from melody.errors import MelodyError
from melody.runtime.file import read, sealed

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


def repeated(model):
    """A file of kilobytes that would ask for any amount of memory: each operator doubles what it is given."""
    names = ["one", *(f"twice{i}" for i in range(40))]
    doubled = [onnx.helper.make_node("Concat", [a, a], [b], axis=0) for a, b in pairwise(names)]
    model.graph.node.extend([*doubled, onnx.helper.make_node("ReduceSum", [names[-1]], ["sum"])])


def external(model):
    model.graph.initializer[0].data_location = onnx.TensorProto.EXTERNAL
    model.graph.initializer[0].external_data.add(key="location", value="/etc/passwd")


def table(model, name, value):
    (old,) = (t for t in model.graph.initializer if t.name == name)
    old.CopyFrom(onnx.numpy_helper.from_array(value, name))


HOW = {
    "opset": (lambda m: setattr(m.opset_import[0], "version", 99), "operator sets"),
    "ir": (lambda m: setattr(m, "ir_version", 3), "has format 3"),
    "domain": (lambda m: setattr(m.graph.node[0], "domain", "evil"), "operator evil.Cast"),
    "operator": (lambda m: setattr(m.graph.node[0], "op_type", "Loop"), "operator Loop where melody writes Cast"),
    "order": (lambda m: m.graph.node.append(m.graph.node.pop(0)), "where melody writes"),
    "attribute": (lambda m: setattr(m.graph.node[0].attribute[0], "i", 10), "operator Cast"),
    "doubling": (repeated, "operator Concat where melody writes none"),
    "fewer operators": (lambda m: m.graph.node.pop(), "missing"),
    "graph inside": (lambda m: m.graph.node[0].attribute.append(onnx.helper.make_attribute("body", m.graph)), "graph or a table inside"),
    "function": (lambda m: m.functions.add(name="f"), "functions"),
    "external": (external, "other files"),
    "sparse": (lambda m: m.graph.sparse_initializer.add(), "sparse"),
    "no facts": (lambda m: m.ClearField("metadata_props"), "not a runtime of this version"),
    "table": (lambda m: m.graph.initializer.pop(), "missing"),
    "table twice": (lambda m: m.graph.initializer.append(m.graph.initializer[0]), "table"),
    "another table": (lambda m: m.graph.initializer.add(name="x", data_type=1, dims=[0], raw_data=b""), "table 'x'"),
    "shape": (lambda m: table(m, "arrive", np.zeros((2, 2), np.float32)), "table 'arrive'"),
    "not a number": (lambda m: table(m, "norm0.scale", np.full(32, np.nan, np.float32)), "'norm0.scale' holds values that are not numbers"),
    "wiring": (lambda m: m.graph.node[2].input.__setitem__(0, "nowhere"), "operator ReduceSum"),
    "input": (lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 1 << 40), "inputs or outputs"),
}


@pytest.mark.parametrize("how", HOW)
def test_a_file_that_melody_did_not_write_is_one_line(one, tmp_path, how):
    found, (_, path) = one
    model = onnx.load(path)
    change, words = HOW[how]
    change(model)
    (tmp_path / "runtime.onnx").write_bytes(sealed(model.SerializeToString()))
    with pytest.raises(MelodyError, match="melody export") as fault:
        engine_of(replace(found, folder=tmp_path))
    assert "\n" not in str(fault.value) and words in str(fault.value)


def test_every_byte_is_vouched_for(one, tmp_path):
    found, (_, path) = one
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in [*rng.integers(0, len(whole), 40), *range(len(whole) - 90, len(whole))]:
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.integers(8)
        (tmp_path / "runtime.onnx").write_bytes(changed)
        with pytest.raises(MelodyError, match="melody export"):
            read(replace(found, folder=tmp_path))


def test_a_file_of_before_there_was_a_digest_is_read(one, tmp_path):
    found, (_, path) = one
    model = onnx.load(path)
    del model.metadata_props[-1]
    (tmp_path / "runtime.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(MelodyError, match="not a runtime of this version"):
        read(replace(found, folder=tmp_path))
    (entry,) = (e for e in model.metadata_props if e.key == "melody.format")
    entry.value = "1"
    (tmp_path / "runtime.onnx").write_bytes(model.SerializeToString())
    assert engine_of(replace(found, folder=tmp_path))


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_is_what_is_read_for_every_kind_of_model(shape, tmp_path):
    from melody.export import export

    found = bundle_of(tmp_path, **SHAPES[shape])
    export(found)
    assert read(found).facts["melody.format"] == "2"


def test_a_file_larger_than_its_model_is_not_read(one, tmp_path):
    found, _ = one
    with open(tmp_path / "runtime.onnx", "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(MelodyError, match="more than the limit"):
        read(replace(found, folder=tmp_path))


def test_a_file_that_is_cut_short_or_foreign_is_one_line(one, tmp_path):
    found, (_, path) = one
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    contents = [b"", b"\x00" * 100, rng.bytes(1000), b"MThd", *(whole[:n] for n in rng.integers(1, len(whole), 20))]
    for content in contents:
        (tmp_path / "runtime.onnx").write_bytes(content)
        with pytest.raises(MelodyError, match="melody export"):
            engine_of(replace(found, folder=tmp_path))
