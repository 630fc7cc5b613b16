"""Does any byte string do more to the MIDI reader than be refused in one line?

Reads broken MIDI through melody.midi.parse in a child process: files of a generator that knows the format and breaks lengths, deltas,
running
status, sysex, meta events and chunk sizes, and mutants of its own files and of small ones in ../shared/data (random_midi.py). A finding
is a
process that dies, an error that is no MelodyError or has more than one line, more than 10 s of the processor, or more than 1.5 GiB.
Findings are kept as hex in tests/midi/found/, which tests/midi/test_found.py reads. The same seed gives the same bytes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from melody import MelodyError, midi
from tests.robustness.child import Child, Limits, Row
from tests.robustness.random_midi import bases, mutant

ROOT = Path(__file__).resolve().parents[2]
FOUND = ROOT / "tests" / "midi" / "found"
DATA = ROOT.parent / "shared" / "data"
LIMITS = Limits(cpu=10.0, memory=1536)


@dataclass
class Tally:
    """What a run found. ``cpu``: seconds of the readers."""

    read: int = 0
    accepted: int = 0
    cpu: float = 0.0
    slowest: float = 0.0
    memory: float = 0.0  # MiB
    findings: list[str] = field(default_factory=list)


def rows(minutes: float = 10.0, seed: int = 1) -> Iterator[Row]:
    """One seed."""
    tally = fuzz(minutes, seed, bases(DATA, 40))
    figure = f"{tally.read:,} read, {tally.accepted:,} accepted, {tally.read / max(tally.cpu, 0.1):,.0f} a CPU second, "
    figure += f"slowest {tally.slowest:.1f} s, {tally.memory:.0f} MiB, {len(tally.findings)} findings"
    yield Row("byte and structure mutants", "; ".join([figure, *tally.findings[:3]]), not tally.findings and tally.read > 0)


def fuzz(minutes: float, seed: int, found: list[bytes], limits: Limits = LIMITS, start: str = "spawn") -> Tally:
    """Read mutants number 0, 1, ... for some minutes of the clock, however readers die."""
    tally, end = Tally(), time.monotonic() + minutes * 60
    with Child(partial(_read, seed, found), limits, start) as child:
        while time.monotonic() < end:
            ending = child.do(tally.read)
            if ending.fault:
                keep(tally, seed, ending.fault, found)
            tally.read, tally.accepted, tally.cpu = tally.read + 1, tally.accepted + bool(ending.value), tally.cpu + ending.cpu
            tally.slowest, tally.memory = max(tally.slowest, ending.cpu), max(tally.memory, ending.memory)
    return tally


def _read(seed: int, found: list[bytes], index: int) -> bool:
    data = mutant(seed, index, found)
    try:
        midi.parse(data)
    except MelodyError as refused:
        if "\n" in str(refused):
            raise ValueError("a reason of many lines") from refused
        return False
    return True


def keep(tally: Tally, seed: int, fault: str, found: list[bytes]) -> None:
    """Write a finding down, as hex with its reason."""
    name, reason = f"seed{seed}_{tally.read}", " ".join(fault.split())[-120:]
    write_hex(name, reason, mutant(seed, tally.read, found))
    tally.findings.append(f"{name}.hex: {reason}")


def write_hex(name: str, reason: str, data: bytes) -> None:
    """A fixture: what happened, and the bytes."""
    FOUND.mkdir(exist_ok=True)
    lines = [f"# {reason}", *(data[i : i + 32].hex(" ", 1) for i in range(0, len(data), 32))]
    (FOUND / f"{name}.hex").write_text("\n".join(lines) + "\n", encoding="ascii", errors="replace")
