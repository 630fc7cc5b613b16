"""Bundles that lie, by name: each changes one file of a small bundle, and puts the digests right that would give it away.

``WEIGHTS`` and ``FACTS`` hold functions of a bundle's folder; ``places`` replaces a whole file. Lies of a runtime file:
tests/generate/test_runtime_file.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from melody import bundle

Lie = Callable[[Path], object]


def facts(**changes: Any) -> Lie:
    """Other facts, with their digest."""

    def lie(folder: Path) -> None:
        changed = json.loads((folder / bundle.FACTS).read_text()) | changes
        (folder / bundle.FACTS).write_text(json.dumps(changed | {"digest": bundle.facts_digest(changed)}))

    return lie


def nested(part: str, **changes: Any) -> Lie:
    """Other settings of the model or the codec."""
    return lambda folder: facts(**{part: json.loads((folder / bundle.FACTS).read_text())[part] | changes})(folder)


def text(content: bytes) -> Lie:
    """Another bundle.json altogether."""
    return lambda folder: (folder / bundle.FACTS).write_bytes(content)


def edited(old: str, new: str) -> Lie:
    """One passage of bundle.json replaced, no digest put right."""

    def lie(folder: Path) -> None:
        before = (folder / bundle.FACTS).read_text()
        assert old in before
        (folder / bundle.FACTS).write_text(before.replace(old, new, 1))

    return lie


def blob(content: bytes | Callable[[bytes], bytes]) -> Lie:
    """Other weights, with their digest."""

    def lie(folder: Path) -> None:
        data = content if isinstance(content, bytes) else content((folder / bundle.WEIGHTS).read_bytes())
        (folder / bundle.WEIGHTS).write_bytes(data)
        facts(sha256=hashlib.sha256(data).hexdigest())(folder)

    return lie


def sparse(size: int, begin: bytes = b"") -> Lie:
    """A file of zeros after ``begin``, with its digest."""

    def lie(folder: Path) -> None:
        path = folder / bundle.WEIGHTS
        path.write_bytes(begin)
        os.truncate(path, size)
        with open(path, "rb") as file:
            facts(sha256=hashlib.file_digest(file, "sha256").hexdigest())(folder)

    return lie


def header(data: bytes = b"", **tensors: Any) -> Lie:
    """A file of safetensors with such a header."""
    return headed(json.dumps(tensors).encode(), data)


def headed(head: bytes, data: bytes = b"") -> Lie:
    """The same, of any bytes."""
    return blob(struct.pack("<Q", len(head)) + head + data)


def one(shape: Any = (1,), offsets: Any = (0, 4), dtype: str = "F32") -> dict[str, Any]:
    """What a header says of one tensor."""
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


def tensors(change: Callable[[dict[str, torch.Tensor]], object]) -> Lie:
    """The real weights, changed."""

    def changed(data: bytes) -> bytes:
        found = load(data)
        change(found)
        return save(found)

    return blob(changed)


def relabelled(change: Callable[[dict[str, Any]], object]) -> Lie:
    """The real numbers below a header that was changed."""

    def changed(data: bytes) -> bytes:
        size = struct.unpack("<Q", data[:8])[0]
        head = json.loads(data[8 : 8 + size])
        change(head)
        written = json.dumps(head).encode()
        return struct.pack("<Q", len(written)) + written + data[8 + size :]

    return blob(changed)


def twice(data: bytes) -> bytes:
    """Real weights whose header names a tensor twice."""
    size = struct.unpack("<Q", data[:8])[0]
    head = data[8 : 8 + size].rstrip()
    name = next(n for n in json.loads(head) if n != "__metadata__")
    written = head[:-1] + f', "{name}": {json.dumps(json.loads(head)[name])}}}'.encode()
    return struct.pack("<Q", len(written)) + written + data[8 + size :]


BIAS = "to_heads.bias"
WEIGHTS: dict[str, Lie] = {
    "header of 2^62 bytes": blob(struct.pack("<Q", 1 << 62) + b"{}"),
    "header longer than the file": blob(struct.pack("<Q", 100) + b"{}"),
    "header of no bytes": blob(struct.pack("<Q", 0)),
    "header of 100 MiB of blanks": sparse(100 << 20, struct.pack("<Q", 99 << 20) + b"{" + b" " * 1000),
    "header that is a list": headed(b"[]"),
    "header that is not UTF-8": headed(b'{"\xff": 1}'),
    "header nested 100,000 deep": headed(b"[" * 100_000),
    "header of a million names": headed(b"{" + b",".join(b'"%d":0' % i for i in range(100_000)) + b"}"),
    "header without tensors": header(),
    "tensor that is a number": header(a=5),
    "shape of 2^40": header(bytes(4), a=one([1 << 40])),
    "shape whose product overflows": header(bytes(4), a=one([1 << 62, 4])),
    "negative shape": header(bytes(4), a=one([-1])),
    "shape of fractions": header(bytes(4), a=one([0.5, 2])),
    "100,000 dimensions": header(bytes(4), a=one([9] * 100_000)),
    "offsets that overlap": header(bytes(4), a=one(), b=one()),
    "offsets beyond the file": header(bytes(4), a=one(offsets=[1 << 50, (1 << 50) + 4])),
    "offsets turned round": header(bytes(4), a=one(offsets=[4, 0])),
    "a hole between tensors": header(bytes(12), a=one(), b=one(offsets=[8, 12])),
    "bytes that belong to nothing": blob(lambda data: data + b"\0\0\0\0"),
    "unknown kind of numbers": header(bytes(4), a=one(dtype="F999")),
    "whole numbers": tensors(lambda t: t.update({n: v.to(torch.int8) for n, v in t.items()})),
    "64-bit numbers": tensors(lambda t: t.update({n: v.double() for n, v in t.items()})),
    "fp32 that is said to be bf16": relabelled(lambda h: [v.update(dtype="BF16") for n, v in h.items() if n != "__metadata__"]),
    "a name that stands twice": blob(twice),
    "a name that is a path": relabelled(lambda h: h.update({"../../etc/passwd": h.pop(BIAS)})),
    "a weight that is NaN": tensors(lambda t: t[BIAS][:1].fill_(float("nan"))),
    "a weight that is infinite": tensors(lambda t: t[BIAS][-1:].fill_(float("inf"))),
    "all weights negative infinity": tensors(lambda t: [v.fill_(-float("inf")) for v in t.values()]),
    "a tensor that is missing": tensors(lambda t: t.pop(BIAS)),
    "a tensor too many": tensors(lambda t: t.update(extra=torch.zeros(1))),
    "a tensor of 400 MB too many": sparse(400 << 20, struct.pack("<Q", 2) + b"{}"),
    "a tensor turned on its side": tensors(lambda t: t.update({"to_heads.weight": t["to_heads.weight"].T.contiguous()})),
    "one GiB of nothing": sparse(1 << 30),
    "more than the limit": sparse((1 << 30) + 1),
    "a pickle": blob(b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."),
    "an archive of torch": blob(b"PK\x03\x04" + bytes(1000)),
    "weights with another digest": facts(sha256="0" * 64),
}
FACTS: dict[str, Lie] = {
    "an unknown field": facts(extra=1),
    "an unknown setting of the model": nested("model", wings=2),
    "an unknown setting of the codec": nested("codec", wheels=2),
    "a fact changed without the digest": edited('"CC0"', '"MIT"'),
    "a name that stands twice": edited('"licence"', '"licence": "MIT", "licence"'),
    "a digest that is a number": facts(sha256=5),
    "a digest in capitals": lambda f: facts(sha256=json.loads((f / bundle.FACTS).read_text())["sha256"].upper())(f),
    "a digest that is a path": facts(sha256="../../../etc/passwd"),
    "format 2": facts(format=2),
    "format of 1,000 digits": facts(format=int("9" * 1000)),
    "a format that is a list": facts(format=[1] * 100_000),
    "a width of 2^40": nested("model", width=1 << 40),
    "a width of 4,000 digits": nested("model", width=int("9" * 4000)),
    "a network of 32 layers of 8,192": nested("model", layers=32, width=8192),
    "no layers": nested("model", layers=0),
    "a width in words": nested("model", width="32"),
    "dropout that is NaN": nested("model", dropout=float("nan")),
    "a spread that is infinite": nested("model", embedding_sd=float("inf")),
    "an unknown cell": nested("model", cell="transformer"),
    "a grid of 10^9": nested("codec", grid=10**9),
    "a grid that is a fraction": nested("codec", grid=4.5),
    "an unknown clock": nested("codec", clock="sundial"),
    "styles that are a number": nested("codec", styles=3),
    "styles that are lists": nested("codec", styles=[["one"], ["two"]]),
    "20,000 styles": nested("codec", styles=[str(i) for i in range(20_000)]),
    "a style of 500,000 letters": nested("codec", styles=["x" * 500_000, "two"]),
    "a licence of 10 MB": facts(licence="x" * 10_000_000),
    "a model that is null": facts(model=None),
    "training that is a list": facts(training=[1]),
    "data that is a number": facts(data=5),
    "data that is words": facts(data=["one"]),
    "styles in one word": nested("codec", styles="ab"),
    "a cell of 500,000 letters": nested("model", cell="x" * 500_000),
    "nested 100,000 deep": text(b"[" * 100_000),
    "objects nested 100,000 deep": text(b'{"a":' * 100_000),
    "a number of 5,000 digits": text(b'{"format": ' + b"1" * 5000 + b"}"),
    "UTF-16": lambda f: text((f / bundle.FACTS).read_text().replace("CC0", "\u00e9").encode("utf-16-le")[1:])(f),
    "not UTF-8": edited('"CC0"', '"CC0" \x00'),
    "nothing": text(b""),
    "null": text(b"null"),
    "a list": text(b"[]"),
    "only a format": text(b'{"format": 1}'),
}


def places(name: str) -> dict[str, Lie]:
    """Something else in the place of a whole file."""

    def put(make: Callable[[Path], object]) -> Lie:
        return lambda folder: ((folder / name).unlink(), make(folder / name))

    return {
        f"{name} is missing": put(lambda path: None),
        f"{name} is a folder": put(lambda path: path.mkdir()),
        f"{name} is a pipe": put(os.mkfifo),
        f"{name} is a link to /dev/zero": put(lambda path: path.symlink_to("/dev/zero")),
        f"{name} is a link to itself": put(lambda path: path.symlink_to(path)),
        f"{name} is a link to another file": put(lambda path: path.symlink_to("/etc/passwd")),
        f"{name} is a link to nowhere": put(lambda path: path.symlink_to("/nowhere/at/all")),
    }
