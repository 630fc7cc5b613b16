"""Files of tensors (safetensors): the header, looked through before anything else of the file is believed, and how to write one.

    8 bytes   size of the header, little endian
    header    JSON: {"__metadata__": {text: text}, name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}
    data      the tensors, end to end

Knows the format; does not know what the tensors are for, nor torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MAX_HEADER = 1 << 21  # bytes
MAX_DIMENSIONS = 8
BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I16": 2, "I8": 1}  # kinds of numbers that melody stores, bytes of one
DTYPES: dict[str, Any] = {"F32": np.float32, "F16": np.float16, "I16": np.int16, "I8": np.int8}  # those that numpy has
KINDS = {np.dtype(dtype): kind for kind, dtype in DTYPES.items()}
METADATA = "__metadata__"


class Tensor(NamedTuple):
    """What a header says of one tensor."""

    kind: str  # a key of BYTES
    shape: tuple[int, ...]
    begin: int  # place in the data (after the header), in bytes
    end: int


class Header(NamedTuple):
    """A header whose tensors fill the rest of the file to the byte."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    size: int  # bytes before the data


def parse_header(start: bytes, file_size: int) -> Header:
    """The header of a file, by its first 8 + MAX_HEADER bytes or more.

    Raises ValueError, KeyError, TypeError, AttributeError or RecursionError where it is too large, a name stands twice, a size is
    not what kind and shape ask for, or the tensors do not lie end to end up to the end of the file.
    """
    size = 8 + int.from_bytes(start[:8], "little")
    if len(start) < 8 or size > 8 + MAX_HEADER:
        raise ValueError("no header, or one that is too large")
    entries = json.loads(start[8:size], object_pairs_hook=unique_names)
    metadata = entries.pop(METADATA, {})
    if not all(type(text) is str for text in metadata.values()):
        raise ValueError("its metadata is not text")
    tensors = {name: _tensor(name, entry) for name, entry in entries.items()}
    places = sorted((tensor.begin, tensor.end) for tensor in tensors.values())
    if [0, *(end for _, end in places)] != [*(begin for begin, _ in places), file_size - size]:
        raise ValueError("its tensors do not lie end to end")
    return Header(tensors, metadata, size)


def _tensor(name: str, entry: Mapping[str, Any]) -> Tensor:
    (begin, end), shape = entry["data_offsets"], tuple(entry["shape"])
    whole = len(shape) <= MAX_DIMENSIONS and all(type(n) is int and n >= 0 for n in (begin, *shape))
    if not whole or end - begin != BYTES[entry["dtype"]] * prod(shape):
        raise ValueError(f"{name[:40]!r} does not have the size that its header says")
    return Tensor(entry["dtype"], shape, begin, end)


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object without a repeated name (readers differ in which of the two they take): ValueError, for ``json.loads``."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("a name stands twice in it")
    return found


def packed(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """A file of tensors; equal arguments give equal bytes. The metadata comes first, the widest numbers next, so that all are aligned."""
    entries: dict[str, Any] = {METADATA: dict(metadata)}
    ordered = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))
    at = 0
    for name in ordered:
        tensor = tensors[name]
        entries[name] = {"dtype": KINDS[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [at, at + tensor.nbytes]}
        at += tensor.nbytes
    head = json.dumps(entries).encode()
    head += b" " * (-len(head) % 8)
    return b"".join([len(head).to_bytes(8, "little"), head, *(tensors[name].tobytes() for name in ordered)])
