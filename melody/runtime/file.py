"""``runtime.onnx``: read, bounded and looked through before ONNX Runtime sees it. Needs neither onnx nor onnxruntime.

An ONNX file is a protocol buffer. Its graph is what ONNX Runtime carries out: here only the names of its operators are
looked at. Its initializers are tables, those of the graph and those that numpy uses (embeddings of parts, conditions and
given notes, the heads). What a file of this kind never needs is refused: other operators, data in other files, graphs
inside graphs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.bundle import Bundle
from melody.errors import MelodyError
from melody.files import read_bytes, reason, shown

NAME = "runtime.onnx"
FORMAT = "1"
MOST = 1 << 30  # bytes of a file
OPSET, MICROSOFT, IR = 17, 1, 9
OPERATORS = {
    "": {
        "Add", "Cast", "Clip", "Concat", "Gather", "LayerNormalization", "MatMulInteger", "Mul", "QuantizeLinear", "ReduceSum",
        "Reshape", "Slice", "Squeeze",
    },
    "com.microsoft": {"DynamicQuantizeLSTM"},
}  # fmt: skip
DTYPES: dict[int, Any] = {1: np.float32, 2: np.uint8, 3: np.int8, 5: np.int16, 6: np.int32, 7: np.int64, 10: np.float16}  # of TensorProto

Tables = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class RuntimeFile:
    """A file that was read and checked: its bytes (for ONNX Runtime), its tables, what is written in it about itself."""

    data: bytes
    tables: Tables
    facts: Mapping[str, str]


def read(bundle: Bundle) -> RuntimeFile:
    """The runtime file of a bundle. Raises MelodyError, one line, if it is missing, damaged, foreign or of other weights."""
    path = bundle.folder / NAME
    remedy = f"write it anew with: melody export {shown(bundle.folder)}"
    data = read_bytes(path, MOST)
    try:
        facts, tables = _model(memoryview(data))
    except MelodyError as fault:
        raise MelodyError(f"{shown(path)}: {fault}; {remedy}") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError) as fault:
        raise MelodyError(f"{shown(path)}: damaged, or no ONNX file ({reason(fault)[:80]}); {remedy}") from None
    if facts.get("melody.format") != FORMAT:
        raise MelodyError(f"{shown(path)}: not a runtime of this version of melody; {remedy}")
    if facts.get("melody.sha256") != bundle.sha256:
        raise MelodyError(f"{shown(path)}: was exported from other weights than those in this bundle; {remedy}")
    if facts.get("melody.codec") != plain(asdict(bundle.codec)) or facts.get("melody.model") != plain(dict(bundle.model)):
        raise MelodyError(f"{shown(path)}: does not agree with bundle.json; {remedy}")
    return RuntimeFile(data, tables, facts)


def plain(settings: Mapping[str, Any]) -> str:
    """Settings as one line of text that is always the same."""
    return json.dumps(settings, sort_keys=True)


def is_there(folder: Path) -> bool:
    """Whether a bundle's folder holds a runtime file."""
    return (folder / NAME).exists()


def _model(data: memoryview) -> tuple[dict[str, str], Tables]:
    facts: dict[str, str] = {}
    opsets: dict[str, int] = {}
    tables: Tables = {}
    graphs = 0
    for number, value in _fields(data):
        if number == 8:
            entry = dict(_fields(_bytes(value)))
            opsets[_text(entry.get(1, b""))] = _whole(entry.get(2, 0))
        elif number == 14:
            entry = dict(_fields(_bytes(value)))
            facts[_text(entry.get(1, b""))] = _text(entry.get(2, b""))
        elif number == 7:
            graphs += 1
            tables = _graph(_bytes(value))
        elif number in (20, 25):
            raise MelodyError("holds functions or training steps of its own, which melody does not run")
    if opsets != {"": OPSET, "com.microsoft": MICROSOFT}:
        listed = ", ".join(f"{shown(name) or 'ai.onnx'} {version}" for name, version in sorted(opsets.items())) or "none"
        raise MelodyError(f"has operator sets {listed[:100]}; melody writes ai.onnx {OPSET}, com.microsoft {MICROSOFT}")
    if graphs != 1:
        raise ValueError(f"{graphs} graphs")
    return facts, tables


def _graph(data: memoryview) -> Tables:
    tables: Tables = {}
    for number, value in _fields(data):
        if number == 1:
            _check_node(_bytes(value))
        elif number == 5:
            name, table = _tensor(_bytes(value))
            tables[name] = table
        elif number == 15:
            raise MelodyError("holds sparse tables, which melody does not use")
    return tables


def _check_node(data: memoryview) -> None:
    kind = domain = ""
    for number, value in _fields(data):
        if number == 4:
            kind = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5 and {n for n, _ in _fields(_bytes(value))} & {5, 6, 10, 11, 22, 23}:
            raise MelodyError("has a graph or a table inside an operator, which melody does not run")
    if kind not in OPERATORS.get(domain, ()):
        raise MelodyError(f"asks for the operator {shown(f'{domain}.{kind}' if domain else kind)[:80]}, which melody does not run")


def _tensor(data: memoryview) -> tuple[str, NDArray[Any]]:
    shape: list[int] = []
    kind, name, raw = 0, "", None
    for number, value in _fields(data):
        if number == 1:
            shape += [value] if isinstance(value, int) else _varints(value)
        elif number == 2:
            kind = _whole(value)
        elif number == 8:
            name = _text(value)
        elif number == 9:
            raw = _bytes(value)
        elif number in (13, 14) and value:
            raise MelodyError("keeps data in other files, which melody does not open")
    if raw is None or kind not in DTYPES or any(n < 0 for n in shape):
        raise ValueError(f"table {name[:40]!r}")
    table = np.frombuffer(raw, DTYPES[kind]).reshape(shape)
    return name, table.astype(np.float32) if table.dtype == np.float16 else table


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field numbers and values of one message of the protocol buffer's wire format."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        size = {1: 8, 5: 4}.get(kind, -1)
        if kind == 2:
            size, at = _varint(data, at)
        if size < 0 or size > end - at:
            raise ValueError("ends too early")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("no number")


def _varints(data: memoryview) -> list[int]:
    out, at = [], 0
    while at < len(data):
        value, at = _varint(data, at)
        out.append(value)
    return out


def _bytes(value: Any) -> memoryview:
    if not isinstance(value, memoryview):
        raise TypeError("a number where a message stands")
    return value


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8") if not isinstance(value, int) else str(value)


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("a message where a number stands")
    return value
