"""Files of tensors: what melody writes others read, and what a header must not say."""

import json

import numpy as np
import pytest

from melody.tensors import MAX_HEADER, packed, parse_header


def tensors():
    rng = np.random.default_rng(1)
    return {
        "odd": rng.integers(-9, 9, (3, 5), np.int8),
        "scalar": np.array(0.5, np.float32),
        "half": rng.normal(size=(2, 3, 4)).astype(np.float16),
        "empty": np.zeros((0, 4), np.float32),
        "short": rng.integers(-9, 9, 7, np.int16),
    }


def test_others_read_what_is_written():
    from safetensors.numpy import load

    found = load(packed(tensors(), {"made by": "a test"}))
    assert found.keys() == tensors().keys()
    for name, array in tensors().items():
        assert found[name].dtype == array.dtype and found[name].shape == array.shape and np.array_equal(found[name], array)


def test_what_others_write_is_read():
    from safetensors.numpy import save

    data = save(tensors(), {"made by": "a test"})
    header = parse_header(data, len(data))
    assert header.metadata == {"made by": "a test"} and header.tensors.keys() == tensors().keys()
    for name, array in tensors().items():
        tensor = header.tensors[name]
        assert tensor.shape == array.shape and tensor.end - tensor.begin == array.nbytes
        assert data[header.size + tensor.begin : header.size + tensor.end] == array.tobytes()


def test_equal_arguments_give_equal_bytes_and_every_tensor_is_aligned():
    data = packed(tensors(), {"b": "1", "a": "2"})
    backwards = dict(reversed(tensors().items()))
    assert data == packed(backwards, {"b": "1", "a": "2"})
    header = parse_header(data, len(data))
    assert list(header.metadata) == ["b", "a"]
    assert all((header.size + header.tensors[name].begin) % array.itemsize == 0 for name, array in tensors().items())


def headed(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x02\x00\x00",
        (MAX_HEADER + 1).to_bytes(8, "little") + b" " * (MAX_HEADER + 1),
        (100).to_bytes(8, "little") + b"{}",
        headed(b"[]"),
        headed(b'{"a": 1, "a": 1}'),
        headed({"a": ENTRY}),
        headed({"a": ENTRY}, bytes(8)),
        headed({"a": ENTRY | {"shape": [0.25, 4]}}, bytes(4)),
        headed({"a": ENTRY | {"shape": [True]}}, bytes(4)),
        headed({"a": ENTRY | {"shape": [-1, -1]}}, bytes(4)),
        headed({"a": ENTRY | {"dtype": "F64"}}, bytes(4)),
        headed({"a": ENTRY | {"data_offsets": [4, 0]}}, bytes(4)),
        headed({"a": ENTRY | {"data_offsets": [0, 4, 8]}}, bytes(4)),
        headed({"a": ENTRY, "b": ENTRY}, bytes(4)),
        headed({"__metadata__": [1]}),
        headed({"__metadata__": {"a": 1}}),
    ],
)
def test_a_header_that_lies_is_refused(data):
    with pytest.raises((ValueError, KeyError, TypeError, AttributeError)):
        parse_header(data, len(data))


def test_an_empty_file_of_tensors_is_one():
    data = packed({}, {})
    assert parse_header(data, len(data)).tensors == {}
