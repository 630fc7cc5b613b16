"""The shipped model: whether its files are whole, and a piece of two bars that is written, read back and looked at."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from math import prod

from melody import bundle as bundles
from melody import midi, theory
from melody.compose import load
from melody.doctor.system import with_tilde
from melody.errors import MelodyError
from melody.evaluation.typical import read_typical
from melody.runtime.file import read as read_runtime
from melody.score import Score

BARS, SEED = 2, 1


@dataclass(frozen=True)
class Model:
    """The shipped model. ``fault``: why it cannot be used; ``remarks``: what else of its files is not whole."""

    name: str
    folder: str = ""
    parameters: int = 0
    sha256: str = ""
    styles: tuple[str, ...] = ()
    fault: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class SelfTest:
    """A short piece. ``digest`` is of its MIDI file: equal on machines that round alike. ``fault``: what went wrong."""

    engine: str = ""
    remark: str = ""  # why it is not the quick engine
    notes: int = 0
    load_seconds: float = 0.0
    seconds: float = 0.0
    digest: str = ""
    fault: str = ""


def check_model() -> Model:
    """The model that is used where none is named: every byte of it is compared with its digest."""
    try:
        found = bundles.read()
        shapes = bundles.weight_shapes(found.folder / bundles.WEIGHTS)
    except MelodyError as fault:
        return Model(bundles.DEFAULT, fault=with_tilde(str(fault)))
    remarks = []
    for look in (read_runtime, read_typical):
        try:
            look(found)
        except MelodyError as fault:
            remarks.append(with_tilde(str(fault)))
    size = sum(prod(shape) for shape in shapes.values())
    return Model(found.name, with_tilde(found.folder), size, found.sha256, tuple(found.codec.styles), remarks=tuple(remarks))


def run_self_test() -> SelfTest:
    """Load the shipped model and write two bars: they must hold notes, end in time, come back from bytes, and come again by their seed."""
    begin = time.perf_counter()
    try:
        composer = load()
        loaded = time.perf_counter()
        piece, again = (composer.generate(bars=BARS, seed=SEED) for _ in range(2))
        done = time.perf_counter()
        fault = _fault(piece, again)
    except MelodyError as error:
        return SelfTest(fault=with_tilde(str(error)))
    except Exception as error:  # noqa: BLE001  # whatever it is, it belongs in the report
        return SelfTest(fault=f"{type(error).__name__}: {' '.join(str(error).split())[:200]}")
    digest = hashlib.sha256(midi.to_bytes(piece)).hexdigest()[:16]
    engine, remark = type(composer.engine).__name__.removesuffix("Engine").lower(), with_tilde(composer.remark)
    return SelfTest(engine, remark, piece.note_count, round(loaded - begin, 3), round((done - loaded) / 2, 3), digest, fault)


def _fault(piece: Score, again: Score) -> str:
    """What is wrong with the piece, or nothing."""
    if not piece.note_count:
        return "the piece has no notes"
    if theory.bar_count(piece) > BARS + 1:  # notes may sound on beyond the last bar line
        return f"the piece has {theory.bar_count(piece)} bars, not {BARS}"
    data = midi.to_bytes(piece)
    if midi.to_bytes(again) != data:
        return "the same seed gave another piece"
    if midi.to_bytes(midi.parse(data)) != data:
        return "the piece does not come back from its own file"
    return ""
