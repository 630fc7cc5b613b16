"""Rows about models from strangers: a small bundle with its runtime file (or a shipped one), cut short, flipped bit by bit, and lying."""

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

import faults_lies as lies
import torch
from faults_run import SAME, Case, Row, tried

from melody import bundle
from melody.cli import views
from melody.codec import CodecConfig
from melody.export import export
from melody.model import EventLSTM, ModelConfig
from melody.runtime.engine import OnnxEngine
from melody.runtime.file import NAME

FILES = (bundle.WEIGHTS, bundle.FACTS, NAME)
ENGINES = ("torch", "onnx")
SHAPE = ModelConfig(layers=1, width=32, head_width=16, given_width=8, recall_width=4, embedding_sd=0.3)
MEMORY = Path("/dev/shm")  # noqa: S108  # a folder in memory spares the disk millions of bytes; any other will do


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


def rows(folder: Path, truncations: int = 200, flips: int = 1000, seed: int = 0, hostile: bool = True) -> Iterator[Row]:
    """The table of one bundle; ``hostile``: the lies too, which are made for the small one."""
    torch.set_num_threads(1)
    place = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
    try:
        for name in FILES:
            for what, cases in (
                ("truncations", _cuts(folder, place, name, truncations)),
                ("single bit flips", _flips(folder, place, name, flips, seed)),
            ):
                tally = tried(cases)
                yield Row(f"{name}: {what}", tally.figure("read as before: the changed bytes mean the same"), tally.ok)
        if hostile:
            tables: dict[str, dict[str, lies.Lie]] = {"model.safetensors": lies.WEIGHTS, "bundle.json": lies.FACTS}
            for name, table in tables.items():
                tally = tried(list(_lies(folder, place, name, table)), apart=True)
                yield Row(f"{name}: {len(table)} lies", tally.figure(), tally.ok)
            tally = tried([case for name in FILES for case in _lies(folder, place, name, lies.places(name))])
            yield Row("links, pipes, folders, devices in the place of a file", tally.figure(), tally.ok)
            tally = tried([case for table in tables.values() for case in _shown(folder, place, table)])
            yield Row("melody inspect of the same lies", tally.figure("shown in a table: nothing of it was run"), tally.ok)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def read_with(engine: str, folder: Path) -> Any:
    """Read a bundle as one of the two engines does."""
    found = bundle.read(folder)
    return bundle.load_model(found) if engine == "torch" else OnnxEngine(found)


def engines_of(name: str) -> tuple[str, ...]:
    """The engines that read this file."""
    return ENGINES[1:] if name == NAME else ENGINES


def damaged(lie: lies.Lie, source: Path, place: Path) -> None:
    """A copy with a lie in it."""
    folder = place / source.name
    folder.mkdir(exist_ok=True)
    for name in FILES:
        _remove(folder / name)
        shutil.copy(source / name, folder / name)
    lie(folder)


def changed(data: bytes, name: str, source: Path, place: Path) -> None:
    """One file with other bytes, the others links to the whole ones: for very many cases."""
    folder = place / source.name
    folder.mkdir(exist_ok=True)
    for other in FILES:
        _remove(folder / other)
        if other != name:
            (folder / other).symlink_to(source / other)
    (folder / name).write_bytes(data)


def attempt(engine: str, source: Path, place: Path, before: bundle.Bundle) -> str:
    """Read it. What is read has to be what was there before."""
    folder = place / source.name
    read_with(engine, folder)
    after = replace(bundle.read(folder), folder=before.folder)
    same = after == before and all((folder / n).read_bytes() == (source / n).read_bytes() for n in FILES if n != bundle.FACTS)
    return SAME if same else "something else than was written"


def _cuts(source: Path, place: Path, name: str, count: int) -> Iterator[Case]:
    data, before = (source / name).read_bytes(), bundle.read(source)
    for i in range(count):
        end = len(data) * i // count if i < count - 20 else len(data) - (count - i)  # the last bytes one by one
        for engine in engines_of(name):
            make = partial(_cut, data, end, name, source, place)
            yield f"{end} bytes, {engine}", make, partial(attempt, engine, source, place, before)


def _flips(source: Path, place: Path, name: str, count: int, seed: int) -> Iterator[Case]:
    data, before = (source / name).read_bytes(), bundle.read(source)
    dice = random.Random(f"{seed} {name}")  # noqa: S311  # places, not secrets
    for _ in range(count):
        bit = dice.randrange(8 * len(data))
        for engine in engines_of(name):
            make = partial(_flipped, data, bit, name, source, place)
            yield f"bit {bit}, {engine}", make, partial(attempt, engine, source, place, before)


def _cut(data: bytes, end: int, name: str, source: Path, place: Path) -> None:
    changed(data[:end], name, source, place)


def _flipped(data: bytes, bit: int, name: str, source: Path, place: Path) -> None:
    other = bytearray(data)
    other[bit // 8] ^= 1 << bit % 8
    changed(bytes(other), name, source, place)


def _lies(source: Path, place: Path, name: str, table: dict[str, lies.Lie]) -> Iterator[Case]:
    before = bundle.read(source)
    for what, lie in table.items():
        for engine in engines_of(name):
            yield f"{what}, {engine}", partial(damaged, lie, source, place), partial(attempt, engine, source, place, before)


def _shown(source: Path, place: Path, table: dict[str, lies.Lie]) -> Iterator[Case]:
    for what, lie in table.items():
        yield what, partial(damaged, lie, source, place), partial(_inspect, place / source.name)


def _inspect(folder: Path) -> str:
    views.model(str(folder))
    return SAME


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
