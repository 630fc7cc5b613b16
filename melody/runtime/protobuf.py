"""A graph as the bytes of an ONNX model, which ONNX Runtime reads: a protocol buffer, written without the package onnx.

A message is a row of fields, each a tag (number of the field, kind of the value) and a value. The numbers are those of ONNX's own
``onnx.proto``. A message stays a list of pieces until the whole is joined, so that large tables are copied once. Knows nothing of what
the graph computes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.runtime.graph import MICROSOFT, Node, Port

IR_VERSION = 9
OPERATOR_SETS = {"": 17, MICROSOFT: 1}
DATA_TYPES = {np.dtype(k): n for k, n in ((np.float32, 1), (np.uint8, 2), (np.int8, 3), (np.int64, 7))}  # TensorProto.DataType
FLOAT_ATTRIBUTE, INT_ATTRIBUTE = 1, 2  # AttributeProto.AttributeType
Pieces = list[bytes | memoryview]


def model(nodes: Iterable[Node], inputs: Iterable[Port], outputs: Iterable[Port], initializers: Mapping[str, NDArray[Any]]) -> bytes:
    """A ModelProto."""
    graph = [
        *(_field(1, _node(node)) for node in nodes),
        _field(2, "melody"),
        *(_field(5, _tensor(name, array)) for name, array in initializers.items()),
        *(_field(11, _port(port)) for port in inputs),
        *(_field(12, _port(port)) for port in outputs),
    ]
    sets = [_field(8, _field(1, domain) + _field(2, version)) for domain, version in OPERATOR_SETS.items()]
    return b"".join(_row([_field(1, IR_VERSION), *sets, _field(7, _row(graph))]))


def _node(node: Node) -> Pieces:
    names = [_field(1, name) for name in node.inputs] + [_field(2, name) for name in node.outputs]
    attributes = [_field(5, _attribute(name, value)) for name, value in node.attributes.items()]
    return _row([*names, _field(4, node.kind), *attributes, _field(7, node.domain)])


def _attribute(name: str, value: float) -> Pieces:
    kind, number = (FLOAT_ATTRIBUTE, 2) if isinstance(value, float) else (INT_ATTRIBUTE, 3)
    return _field(1, name) + _field(number, value) + _field(20, kind)


def _tensor(name: str, array: NDArray[Any]) -> Pieces:
    dims = [_field(1, size) for size in array.shape]
    return _row([*dims, _field(2, DATA_TYPES[array.dtype]), _field(8, name), _field(9, [array.reshape(-1).view(np.uint8).data])])


def _port(port: Port) -> Pieces:
    """A ValueInfoProto."""
    name, kind, shape = port
    dims = [_field(1, _field(2 if isinstance(size, str) else 1, size)) for size in shape]
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, _row(dims))))


def _row(fields: Iterable[Pieces]) -> Pieces:
    return list(chain.from_iterable(fields))


def _field(number: int, value: float | str | Pieces) -> Pieces:
    """One field: a whole number, a number of 32 bits, or what has a length (text, a table's bytes, another message)."""
    if isinstance(value, int):
        return [_varint(number << 3) + _varint(value)]
    if isinstance(value, float):
        return [_varint(number << 3 | 5) + struct.pack("<f", value)]
    pieces: Pieces = [value.encode()] if isinstance(value, str) else value
    return [_varint(number << 3 | 2) + _varint(sum(map(len, pieces))), *pieces]


def _varint(value: int) -> bytes:
    """Seven bits a byte, the lowest first; a negative number is written with the 64 bits of its two's complement."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)
