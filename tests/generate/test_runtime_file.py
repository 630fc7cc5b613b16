"""All the ways in which a runtime file can be wrong, each one line; and a bundle of the version before."""

import json
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from melody.codec import CodecConfig
from melody.errors import MelodyError
from melody.runtime.file import NAME, UNSEALED, expected, read, sealed
from melody.runtime.layout import Layout

from .tiny import SHAPES, bundle_of, engine_of

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A bundle, and the bytes of its runtime file."""
    from melody.export import export

    found = bundle_of(tmp_path_factory.mktemp("one"), **SHAPES["recall"])
    return found, export(found)[1].read_bytes()


@pytest.mark.slow
def test_other_weights_are_refused_with_the_command(one):
    found, _ = one
    with pytest.raises(MelodyError, match=r"other weights.*melody export"):
        engine_of(replace(found, sha256="0" * 64))
    with pytest.raises(MelodyError, match=r"bundle\.json"):
        engine_of(replace(found, codec=CodecConfig(grid=8)))


def taken_apart(data):
    """Header and data."""
    size = 8 + int.from_bytes(data[:8], "little")
    return json.loads(data[8:size]), bytearray(data[size:])


def put_together(header, data):
    """A file of any header, as an object or as text, with its digest if it has a place for one."""
    if isinstance(header, dict):
        header.get("__metadata__", {}).update(digest=UNSEALED)
        header = json.dumps(header)
    return sealed(len(header).to_bytes(8, "little") + header.encode() + bytes(data))


def says(key, value):
    return lambda h, d: h["__metadata__"].update({key: value})


def entry(name, **changes):
    return lambda h, d: h[name].update(changes)


def number(name, value):
    """Other bytes at the beginning of a table."""

    def change(h, d):
        begin = h[name]["data_offsets"][0]
        d[begin : begin + len(value)] = value

    return change


def without_the_last(h, d):
    name = max((n for n in h if n != "__metadata__"), key=lambda n: h[n]["data_offsets"])
    del d[h.pop(name)["data_offsets"][0] :]


def one_more(h, d):
    h["x"] = {"dtype": "F32", "shape": [0], "data_offsets": [len(d), len(d)]}


def with_a_hole(h, d):
    """The last table lies 4 bytes further on."""
    name = max((n for n in h if n != "__metadata__"), key=lambda n: h[n]["data_offsets"])
    h[name]["data_offsets"] = [n + 4 for n in h[name]["data_offsets"]]
    d += bytes(4)


def overlapping(h, d):
    """Two tables of one size are the same bytes."""
    h["norm0.scale"]["data_offsets"] = h["norm0.bias"]["data_offsets"]


def beyond(h, d):
    h["trust"]["data_offsets"] = [n + (1 << 50) for n in h["trust"]["data_offsets"]]


def wider(name):
    """A table with one column more, and all others behind it."""

    def change(h, d):
        _, end = h[name]["data_offsets"]
        h[name]["shape"][-1] += 1
        more = 4 * int(np.prod(h[name]["shape"][:-1]))
        for n, facts in h.items():
            if n != "__metadata__":
                facts["data_offsets"] = [at + more * (at > end or (at == end and n != name)) for at in facts["data_offsets"]]
        h[name]["data_offsets"][1] = end + more
        d[end:end] = bytes(more)

    return change


NAN, HALF_INFINITY = np.float32(np.nan).tobytes(), np.float16(np.inf).tobytes()
HOW = {
    "no metadata": (lambda h, d: h.pop("__metadata__"), "not a runtime of this version"),
    "an older format": (says("format", "2"), "not a runtime of this version"),
    "other weights": (says("weights", "0" * 64), "other weights"),
    "another codec": (says("codec", "{}"), "bundle.json"),
    "another model": (says("model", "{}"), "bundle.json"),
    "more metadata": (says("code", "import os"), "bundle.json"),
    "metadata that is no text": (says("code", 5), "not text"),
    "a table missing": (without_the_last, "missing"),
    "a table too many": (one_more, "table 'x'"),
    "a table of another name": (lambda h, d: h.update({"../../x": h.pop("trust")}), "missing"),
    "another shape": (entry("norm0.scale", shape=[2, 16]), "table 'norm0.scale'"),
    "a larger table": (wider("norm0.scale"), "table 'norm0.scale'"),
    "another kind": (entry("conditions", dtype="BF16"), "'conditions' does not have the size"),
    "another kind of one size": (entry("events.table", dtype="I16"), "table 'events.table'"),
    "an unknown kind": (entry("trust", dtype="F64"), "F64"),
    "a shape of 2^40": (entry("trust", shape=[1 << 40]), "'trust' does not have the size"),
    "a shape whose product overflows": (entry("trust", shape=[1 << 62, 1 << 62]), "'trust' does not have the size"),
    "a negative shape": (entry("trust", shape=[-1, -1]), "'trust' does not have the size"),
    "100,000 dimensions": (entry("trust", shape=[1] * 100_000), "'trust' does not have the size"),
    "offsets beyond the file": (beyond, "end to end"),
    "a hole": (with_a_hole, "end to end"),
    "an overlap": (overlapping, "end to end"),
    "bytes too many": (lambda h, d: d.extend(bytes(4)), "end to end"),
    "not a number": (number("norm0.scale", NAN), "'norm0.scale' holds values that are not finite"),
    "infinity in 16 bits": (number("events.table", HALF_INFINITY), "'events.table' holds values that are not finite"),
    "a step that is not a number": (number("recall.step", NAN), "'recall.step' holds values that are not finite"),
}


@pytest.mark.parametrize("how", HOW)
def test_a_file_that_melody_did_not_write_is_one_line(one, tmp_path, how):
    found, whole = one
    header, data = taken_apart(whole)
    change, words = HOW[how]
    change(header, data)
    (tmp_path / NAME).write_bytes(put_together(header, data))
    with pytest.raises(MelodyError, match="melody export") as fault:
        engine_of(replace(found, folder=tmp_path))
    assert "\n" not in str(fault.value) and words in str(fault.value)


def test_the_file_taken_apart_and_put_together_is_the_file(one, tmp_path):
    found, whole = one
    (tmp_path / NAME).write_bytes(put_together(*taken_apart(whole)))
    assert engine_of(replace(found, folder=tmp_path))


@pytest.mark.parametrize("header", ["", "[]", "{}", "null", "[" * 100_000, '{"a":' * 100_000, '{"a": 5}', '{"\xff\x00": {}}', "9" * 5000])
def test_an_odd_header_is_one_line(one, tmp_path, header):
    (tmp_path / NAME).write_bytes(put_together(header, b""))
    with pytest.raises(MelodyError, match="melody export"):
        read(replace(one[0], folder=tmp_path))


def test_a_name_that_stands_twice_is_refused(one, tmp_path):
    found, whole = one
    header, data = taken_apart(whole)
    text = json.dumps(header)
    (tmp_path / NAME).write_bytes(put_together(text[:-1] + f', "trust": {json.dumps(header["trust"])}}}', data))
    with pytest.raises(MelodyError, match=r"stands twice.*melody export"):
        read(replace(found, folder=tmp_path))


def test_every_byte_is_vouched_for(one, tmp_path):
    found, whole = one
    rng = np.random.default_rng(1)
    for place in [*rng.integers(0, len(whole), 40), *range(30), *range(100, 120)]:
        changed = bytearray(whole)
        changed[place] ^= 1 << rng.integers(8)
        (tmp_path / NAME).write_bytes(changed)
        with pytest.raises(MelodyError, match="melody export"):
            read(replace(found, folder=tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_is_what_is_read_for_every_kind_of_model(shape, tmp_path):
    from safetensors.numpy import load_file

    from melody.export import export

    found = bundle_of(tmp_path, **SHAPES[shape])
    _, path = export(found)
    tables, stored = read(found), load_file(path)  # as others read it
    wanted = expected(Layout.of(found.codec, found.model))
    assert tables.keys() == stored.keys() == wanted.keys()
    for name, table in wanted.items():
        assert tables[name].shape == table.shape and tables[name].dtype == table.dtype and stored[name].dtype == table.stored
        assert np.array_equal(tables[name], stored[name])
    assert {"float16", "float32"} <= {str(a.dtype) for a in stored.values()}


def test_a_file_larger_than_its_model_is_not_read(one, tmp_path):
    found, _ = one
    with open(tmp_path / NAME, "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(MelodyError, match="more than the limit"):
        read(replace(found, folder=tmp_path))


def test_a_file_that_is_cut_short_or_foreign_is_one_line(one, tmp_path):
    found, whole = one
    rng = np.random.default_rng(0)
    cuts = sorted({0, 7, 8, len(whole) - 1, *rng.integers(1, len(whole), 20).tolist()})
    assert all(a < b for a, b in pairwise(cuts))
    for content in [b"\x00" * 100, b"\xff" * 100, rng.bytes(1000), b"MThd", *(whole[:n] for n in cuts)]:
        (tmp_path / NAME).write_bytes(content)
        with pytest.raises(MelodyError, match="melody export"):
            engine_of(replace(found, folder=tmp_path))


@pytest.mark.slow
def test_a_bundle_of_the_version_before_says_what_to_do(tmp_path):
    """It has a graph, runtime.onnx, which is not read any more."""
    from melody.compose import load

    found = bundle_of(tmp_path / "old", **SHAPES["plain"])
    (found.folder / "runtime.onnx").write_bytes(b"\x08\x09")
    composer = load(found.folder)
    assert type(composer.engine).__name__ == "TorchEngine" and f"melody export {found.folder}" in composer.remark
    with pytest.raises(MelodyError, match=f"melody export {found.folder}"):
        load(found.folder, engine="onnx")
    call = ["generate", "--model", str(found.folder), "--bars", "1", "--output", str(tmp_path / "x.mid")]
    code = f"import sys; sys.modules['torch'] = None; from melody.cli import main; sys.exit(main({call!r}))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1 and result.stderr.count("\n") == 1 and f"has no {NAME}" in result.stderr
    assert "pip install 'melody-lstm[train]'" in result.stderr  # with which the file can be written
