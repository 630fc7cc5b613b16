"""Models from strangers: a small bundle with its runtime file, cut short, flipped bit by bit, replaced and lying.

200 truncations and 1,000 single bit flips of each of its files (``model``: of a copy of a shipped one), and lies by name
(bundle_lies.py), read by both engines. To reach: each refused in one line, in 5 s of the processor and 500 MiB of the whole
process, torch and ONNX Runtime included. "read as before" counts changes of bundle.json that JSON does not see: the newline at its
end, e for E in a number.
"""

from __future__ import annotations

import multiprocessing as mp
import random
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from melody import bundle
from melody.cli import views
from melody.codec import CodecConfig
from melody.export import export
from melody.model import EventLSTM, ModelConfig
from melody.runtime.engine import OnnxEngine
from melody.runtime.file import NAME
from tests.robustness import bundle_lies as lies
from tests.robustness.child import Row
from tests.robustness.refusals import SAME, Case, tried

FILES = (bundle.WEIGHTS, bundle.FACTS, NAME)
TABLES = {bundle.WEIGHTS: lies.WEIGHTS, bundle.FACTS: lies.FACTS}
SHAPE = ModelConfig(layers=1, width=32, head_width=16, given_width=8, recall_width=4, embedding_sd=0.3)
MEMORY = Path("/dev/shm")  # a folder in memory spares the disk millions of bytes; any other will do
LAST = 20  # bytes at the end that are cut off one by one


def rows(truncations: int = 200, flips: int = 1000, seed: int = 0, model: str = "") -> Iterator[Row]:
    """The table of one bundle; lies only for the small one."""
    torch.set_num_threads(1)
    place = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        source = copied(model, place / "made") if model else made(place / "made")
        target = place / "work" / source.name  # a bundle is called by its folder
        for name in FILES:
            for what, cases in (
                ("truncations", cuts(source, target, name, truncations)),
                ("bit flips", bits(source, target, name, flips, seed)),
            ):
                tally = tried(cases)
                yield Row(f"{name}: {what}", tally.figure("read as before: the changed bytes mean the same"), tally.ok)
        if not model:
            yield from lying(source, target)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def lying(source: Path, target: Path) -> Iterator[Row]:
    """Rows of lies: read by the engines, and shown by ``melody inspect``."""
    for name, table in TABLES.items():
        tally = tried(lied_about(source, target, name, table))
        yield Row(f"{name}: {len(table)} lies", tally.figure(), tally.ok)
    tally = tried([case for name in FILES for case in lied_about(source, target, name, lies.places(name))])
    yield Row("links, pipes, folders, devices in the place of a file", tally.figure(), tally.ok)
    shown = [
        (what, partial(damaged, lie, source, target), partial(inspected, target))
        for table in TABLES.values()
        for what, lie in table.items()
    ]
    tally = tried(shown)
    yield Row("melody inspect of the same lies", tally.figure("shown in a table: nothing of it was run"), tally.ok)


def made(folder: Path) -> Path:
    """A small bundle with random weights and its runtime file."""
    torch.manual_seed(1)
    model = EventLSTM(SHAPE, CodecConfig(grid=4, velocity_bins=4, styles=("one", "two")))
    found = bundle.save(folder, model, {"step": 3, "habits": {}, "seconds": 1.5e-07}, ({"name": "one", "licence": "CC0"},), "CC0")
    export(found)
    return folder


def copied(name: str, folder: Path) -> Path:
    """A bundle that is there already, as it is written today. In a process of its own: those of the cases would have its memory."""
    process = mp.get_context("fork").Process(target=_copy, args=(name, folder))
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{name} could not be copied")
    return folder


def _copy(name: str, folder: Path) -> None:
    source = bundle.read(name)
    facts = (dict(source.training), tuple(dict(d) for d in source.data), source.licence)
    found = bundle.save(folder, bundle.load_model(source), *facts, half=True)
    if found.sha256 != source.sha256:
        raise SystemExit(f"{name} is not stored as bf16; its copy would be another model")
    export(found)


def cuts(source: Path, target: Path, name: str, count: int) -> Iterator[Case]:
    """The first bytes of a file, and no more: ``count`` lengths, the last bytes one by one."""
    data = (source / name).read_bytes()
    for i in range(count):
        end = len(data) * i // count if i < count - LAST else len(data) - (count - i)
        yield from changed(source, target, name, f"{end} bytes", lambda end=end: data[:end])


def bits(source: Path, target: Path, name: str, count: int, seed: int) -> Iterator[Case]:
    """One bit of a file turned round."""
    data, dice = (source / name).read_bytes(), random.Random(f"{seed} {name}")
    for bit in [dice.randrange(8 * len(data)) for _ in range(count)]:
        yield from changed(source, target, name, f"bit {bit}", partial(flipped, data, bit))


def flipped(data: bytes, bit: int) -> bytes:
    """One bit changed."""
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def changed(source: Path, target: Path, name: str, what: str, content: Any) -> Iterator[Case]:
    """A file with other bytes, the others links to the whole ones, for each engine that reads it."""

    def damage() -> None:
        emptied(target)
        for other in FILES:
            (target / other).write_bytes(content()) if other == name else (target / other).symlink_to(source / other)

    for engine in engines_of(name):
        yield f"{what}, {engine}", damage, partial(attempt, engine, source, target)


def lied_about(source: Path, target: Path, name: str, table: dict[str, lies.Lie]) -> Iterator[Case]:
    """Lies about a file, for each engine that reads it."""
    for what, lie in table.items():
        for engine in engines_of(name):
            yield f"{what}, {engine}", partial(damaged, lie, source, target), partial(attempt, engine, source, target)


def damaged(lie: lies.Lie, source: Path, target: Path) -> None:
    """A copy with a lie in it."""
    emptied(target)
    for name in FILES:
        shutil.copy(source / name, target / name)
    lie(target)


def emptied(folder: Path) -> None:
    """A new folder in the place of an old one."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)


def engines_of(name: str) -> tuple[str, ...]:
    """The engines that read this file."""
    return ("onnx",) if name == NAME else ("torch", "onnx")


def attempt(engine: str, source: Path, target: Path) -> str:
    """Read it as one of the two engines does. What is read has to be what was there before."""
    found = bundle.read(target)
    bundle.load_model(found) if engine == "torch" else OnnxEngine(found)
    before, after = (replace(bundle.read(folder), folder=source) for folder in (source, target))
    same = after == before and all((target / n).read_bytes() == (source / n).read_bytes() for n in FILES if n != bundle.FACTS)
    return SAME if same else "something else than was written"


def inspected(folder: Path) -> str:
    """What ``melody inspect`` shows of it."""
    views.model(str(folder))
    return SAME
