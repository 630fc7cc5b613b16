"""``runtime.safetensors``: the tables of a runtime, read, bounded and looked through before anything is computed with them.

The file holds numbers only. What is done with them stands in the code: the graph that ONNX Runtime carries out is built from the sizes
in ``bundle.json`` (``graph.py``). The tables have to be exactly those that these sizes ask for, all of them finite. The metadata says which
weights they were made from; its digest is that of the whole file with zeros in the digest's place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.bundle import Bundle
from melody.errors import MelodyError, Remedy
from melody.files import read_bytes, reason, shown
from melody.runtime import graph
from melody.runtime.layout import Layout, Table
from melody.tensors import KINDS, MAX_HEADER, Header, packed, parse_header

NAME = "runtime.safetensors"
FORMAT = "3"  # 1 and 2 were graphs of ONNX (runtime.onnx)
MAX_FILE = 1 << 30  # bytes
UNSEALED = "0" * 64  # what stands in the digest's place while it is computed

Tables = dict[str, NDArray[Any]]


def expected(layout: Layout) -> dict[str, Table]:
    """All tables of a file, by name."""
    return layout.tables() | graph.tables(layout)


def read(bundle: Bundle) -> Tables:
    """The tables of a bundle's runtime file, as they are used.

    Raises MelodyError, one line, if it is missing, damaged, foreign or of other weights.
    """
    path = bundle.folder / NAME
    folder = shown(bundle.folder)
    try:
        wanted = expected(Layout.of(bundle.codec, bundle.model))
        size = sum(prod(table.shape) * table.stored.itemsize for table in wanted.values())
        data = read_bytes(path, min(MAX_FILE, 8 + MAX_HEADER + size))
        header = parse_header(data, len(data))
        _check(header, data, bundle, wanted)
        return {name: _table(name, header, data, table) for name, table in wanted.items()}
    except MelodyError as fault:
        named = fault.reason if fault.reason.startswith(shown(path)) else f"{shown(path)}: {fault.reason}"
        raise MelodyError(named, Remedy.EXPORT, folder=folder) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise MelodyError(f"{shown(path)}: damaged, or not a runtime file ({reason(fault)[:80]})", Remedy.EXPORT, folder=folder) from None


def packed_tables(tables: Mapping[str, NDArray[Any]], bundle: Bundle) -> bytes:
    """A runtime file of ``bundle``: the tables as they are used. Raises MelodyError where they are not those of its sizes."""
    wanted = expected(Layout.of(bundle.codec, bundle.model))
    if tables.keys() != wanted.keys() or any(tables[name].shape != table.shape for name, table in wanted.items()):
        raise MelodyError(f"{shown(bundle.folder)}: its tables are not those that its sizes ask for")
    stored = {name: np.ascontiguousarray(tables[name], table.stored).reshape(table.shape) for name, table in wanted.items()}
    return sealed(packed(stored, {"digest": UNSEALED, **_origin(bundle)}))


def sealed(data: bytes) -> bytes:
    """A file with its digest in place of the zeros."""
    return data.replace(UNSEALED.encode(), hashlib.sha256(data).hexdigest().encode(), 1)


def is_there(folder: Path) -> bool:
    """Whether a bundle's folder holds a runtime file."""
    return (folder / NAME).exists()


def _origin(bundle: Bundle) -> dict[str, str]:
    """What a file says of itself: the settings as one line of text that is always the same."""
    settings = {"codec": bundle.codec.plain(), "model": dict(bundle.model)}
    return {"format": FORMAT, "weights": bundle.sha256} | {name: json.dumps(value, sort_keys=True) for name, value in settings.items()}


def _check(header: Header, data: bytes, bundle: Bundle, wanted: Mapping[str, Table]) -> None:
    """That it is a file of this bundle, whole, with the tables that are wanted and no others."""
    found, origin = header.metadata, _origin(bundle)
    if found.get("format") != FORMAT:
        raise MelodyError("not a runtime of this version of melody")
    start = data[: header.size].replace(found.get("digest", "").encode(), UNSEALED.encode(), 1)
    digest = hashlib.sha256(start)
    digest.update(memoryview(data)[header.size :])
    if found.get("digest") != digest.hexdigest():
        raise ValueError("its bytes are not those that its digest is of")
    if found.get("weights") != bundle.sha256:
        raise MelodyError("was exported from other weights than those in this bundle")
    if found.keys() != {"digest", *origin} or any(found[name] != origin[name] for name in origin):
        raise MelodyError("does not agree with bundle.json")
    if missing := wanted.keys() - header.tensors.keys():
        raise ValueError(f"table {min(missing)!r} is missing")
    for name, tensor in header.tensors.items():
        if name not in wanted or (tensor.kind, tensor.shape) != (KINDS[wanted[name].stored], wanted[name].shape):
            raise MelodyError(f"has a table {shown(name)[:40]!r} that melody does not write, or not in this shape")


def _table(name: str, header: Header, data: bytes, table: Table) -> NDArray[Any]:
    """One table as it is used; where nothing has to be converted, a view on the bytes of the file."""
    count, begin = prod(table.shape), header.size + header.tensors[name].begin
    found = np.frombuffer(data, table.stored, count, begin).reshape(table.shape)
    found = found.astype(table.dtype, copy=False)
    if found.dtype == np.float32 and not np.isfinite(found).all():
        raise MelodyError(f"its table {name!r} holds values that are not finite")
    return found
