"""``runtime.onnx``: read, bounded and looked through before ONNX Runtime sees it. Needs neither onnx nor onnxruntime.

An ONNX file is a protocol buffer. Its graph is what ONNX Runtime carries out: it has to be, operator by operator, the one that
melody writes for a model of these sizes (``structure.py``). Its initializers are tables, those of the graph and those that
numpy uses (embeddings of parts, conditions and given notes, the heads): no others, of the right shapes, all of them numbers. The
last bytes of the file are the digest of all others.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.bundle import Bundle
from melody.errors import MelodyError
from melody.files import read_bytes, reason, shown
from melody.runtime import structure
from melody.runtime.layout import Layout
from melody.runtime.structure import Node, Port

NAME = "runtime.onnx"
FORMAT = "2"
UNSEALED = "1"  # the format of before there was a digest, which is still read
MOST = 1 << 30  # bytes of a file
MAX_ENTRIES = 64  # of a list that a file of melody has a handful in
SPARE = 1 << 20  # bytes that a file may be larger than its tables
OPSET, MICROSOFT, IR = 17, 1, 9
DTYPES: dict[int, Any] = {1: np.float32, 2: np.uint8, 3: np.int8, 5: np.int16, 6: np.int32, 7: np.int64, 10: np.float16}  # of TensorProto
SEAL = b"\x72\x51\x0a\x0dmelody.digest\x12\x40"  # one more entry of the metadata, as a protocol buffer has it; 64 digits follow

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
    try:
        layout = Layout.of(bundle.codec, bundle.model)
        own = layout.tables() | structure.tables(layout)
        data = read_bytes(path, min(MOST, SPARE + 8 * sum(prod(shape) for shape, _ in own.values())))
        facts, graph = _model(data)
        if facts.get("melody.format") != UNSEALED and not (facts.get("melody.format") == FORMAT and data[-64 - len(SEAL) : -64] == SEAL):
            raise MelodyError(f"{shown(path)}: not a runtime of this version of melody")
        if facts.get("melody.sha256") != bundle.sha256:
            raise MelodyError(f"{shown(path)}: was exported from other weights than those in this bundle")
        if facts.get("melody.codec") != plain(asdict(bundle.codec)) or facts.get("melody.model") != plain(dict(bundle.model)):
            raise MelodyError(f"{shown(path)}: does not agree with bundle.json")
        return RuntimeFile(data, _graph(graph, layout, own), facts)
    except MelodyError as fault:
        named = str(fault) if str(fault).startswith(shown(path)) else f"{shown(path)}: {fault}"
        raise MelodyError(f"{named}; {remedy}") from None
    except (ValueError, IndexError, KeyError, TypeError, OverflowError, RecursionError) as fault:
        raise MelodyError(f"{shown(path)}: damaged, or no ONNX file ({reason(fault)[:80]}); {remedy}") from None


def sealed(data: bytes) -> bytes:
    """A file with the digest of its bytes at its end."""
    return data + SEAL + hashlib.sha256(data).hexdigest().encode()


def plain(settings: Mapping[str, Any]) -> str:
    """Settings as one line of text that is always the same."""
    return json.dumps(settings, sort_keys=True)


def is_there(folder: Path) -> bool:
    """Whether a bundle's folder holds a runtime file."""
    return (folder / NAME).exists()


def _model(data: bytes) -> tuple[dict[str, str], memoryview]:
    """What a file says of itself, and its graph, not looked into."""
    view, end = memoryview(data), len(data) - 64
    if data[max(0, end - len(SEAL)) : end] == SEAL and data[end:].decode("ascii", "replace") != _digest(view[: end - len(SEAL)]):
        raise ValueError("its bytes are not those that its digest is of")
    facts: dict[str, str] = {}
    opsets: dict[str, int] = {}
    graphs, version = [], 0
    for number, value in _fields(view):
        if number == 1:
            version = _whole(value)
        elif number == 7:
            graphs.append(_bytes(value))
        elif number == 8:
            entry = dict(_fields(_bytes(value)))
            opsets[_text(entry.get(1, b""))] = _whole(entry.get(2, 0))
        elif number == 14:
            entry = dict(_fields(_bytes(value)))
            facts[_text(entry.get(1, b""))] = _text(entry.get(2, b""))
        elif number != 2:  # the name of who wrote it
            raise MelodyError("holds functions, training steps or other things that melody does not run")
        if len(facts) + len(opsets) + len(graphs) > MAX_ENTRIES:
            raise ValueError("too many entries")
    if opsets != {"": OPSET, "com.microsoft": MICROSOFT} or version != IR:
        listed = ", ".join(f"{shown(name) or 'ai.onnx'} {version}" for name, version in sorted(opsets.items())) or "none"
        raise MelodyError(
            f"has format {version} and operator sets {listed[:100]}; melody writes {IR}, ai.onnx {OPSET}, com.microsoft {MICROSOFT}"
        )
    if len(graphs) != 1:
        raise ValueError(f"{len(graphs)} graphs")
    return facts, graphs[0]


def _graph(data: memoryview, layout: Layout, own: Mapping[str, tuple[tuple[int, ...], Any]]) -> Tables:
    """The tables of a graph that is the one of this layout: it is left at the first thing that differs."""
    tables: Tables = {}
    nodes, ports = iter(structure.nodes(layout)), {11: iter(structure.inputs(layout)), 12: iter(structure.outputs(layout))}
    for number, value in _fields(data):
        if number == 1:
            _check_node(_bytes(value), next(nodes, None))
        elif number == 5:
            name, table = _tensor(_bytes(value))
            shape, kind = own.get(name, ((), None))
            if name in tables or table.shape != shape or table.dtype != kind:
                raise MelodyError(f"has a table {shown(name)[:40]!r} that melody does not write, or not of this shape")
            if not np.isfinite(table).all():
                raise MelodyError(f"its table {shown(name)[:40]!r} holds values that are not numbers")
            tables[name] = table
        elif number in ports:
            if _port(_bytes(value)) != next(ports[number], None):
                raise MelodyError("has other inputs or outputs than melody writes")
        elif number != 2:  # its name
            raise MelodyError("holds sparse tables or other things that melody does not use")
    if any(next(left, None) is not None for left in (nodes, *ports.values())) or tables.keys() != own.keys():
        raise ValueError("some of its operators or tables are missing")
    return tables


def _check_node(data: memoryview, wanted: Node | None) -> None:
    words: dict[int, list[str]] = {1: [], 2: [], 4: [], 7: []}
    attributes: dict[str, int | float] = {}
    for number, value in _fields(data):
        if number in words:
            words[number].append(_text(value))
        elif number == 5:
            name, setting = _attribute(_bytes(value))
            attributes[name] = setting
        elif number != 3:  # its name
            raise MelodyError("has an operator with something inside that melody does not write")
    kind, domain = ("".join(words[n]) for n in (4, 7))
    if wanted != Node(kind, tuple(words[1]), tuple(words[2]), attributes, domain):
        asked = shown(f"{domain}.{kind}" if domain else kind)[:80]
        raise MelodyError(
            f"asks for the operator {asked} where melody writes {wanted.kind if wanted else 'none'}, or for another use of it"
        )


def _attribute(data: memoryview) -> tuple[str, int | float]:
    entry = dict(_fields(data))
    if not entry.keys() <= {1, 2, 3, 20} or not (2 in entry) ^ (3 in entry):
        raise MelodyError("has a graph or a table inside an operator, which melody does not run")
    if 2 in entry:
        return _text(entry[1]), float(struct.unpack("<f", _bytes(entry[2]))[0])
    whole = _whole(entry[3])
    return _text(entry[1]), whole - (1 << 64) if whole >> 63 else whole


def _port(data: memoryview) -> Port:
    """Name, kind of numbers and shape of an input or output."""
    entry = dict(_fields(data))
    tensor = dict(_fields(_bytes(dict(_fields(_bytes(entry[2])))[1])))
    dims = [dict(_fields(_bytes(dim))) for number, dim in _fields(_bytes(tensor[2])) if number == 1]
    return _text(entry[1]), _whole(tensor[1]), tuple(_whole(dim[1]) if 1 in dim else _text(dim[2]) for dim in dims)


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
        elif number in (13, 14):
            raise MelodyError("keeps data in other files, which melody does not open")
        else:
            raise ValueError("a table whose numbers are kept in another way")
    if raw is None or kind not in DTYPES or len(shape) > MAX_ENTRIES or any(n < 0 for n in shape):
        raise ValueError(f"table {name[:40]!r}")
    table = np.frombuffer(raw, DTYPES[kind]).reshape(shape)
    return name, table.astype(np.float32) if table.dtype == np.float16 else table


def _digest(data: memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


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
