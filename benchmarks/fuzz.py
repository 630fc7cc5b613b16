"""Does any byte string do more to the reader than be refused in one line?

    python benchmarks/fuzz.py --minutes M [--seed S] [--workers N] [--data FOLDER] [--json]
    python benchmarks/fuzz.py --events N [--seed S]

Reads broken MIDI through melody.midi.parse in processes of their own: files of a generator that knows the format and breaks
lengths, deltas, running status, sysex, meta events and chunk sizes, and mutants of its own files and of small ones in FOLDER
(../shared/data), where there are any. A finding is a process that dies, an error that is no MelodyError or has more than one
line, more than 10 s, or more than 1.5 GiB. Findings are kept as hex in tests/midi/found/, which tests/midi/test_found.py reads.
The same seed gives the same bytes; a segment of another seed adds to the count.

--events decodes random legal event sequences to MIDI, and counts their notes with symusic, mido, pretty_midi and our reader.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import os
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

import fuzz_midi
from machine import machine

from melody import MelodyError, midi

ROOT = Path(__file__).resolve().parents[1]
FOUND = ROOT / "tests" / "midi" / "found"
SLOW, LARGE = 10.0, 3 << 29  # seconds, bytes
BATCH = 500  # mutants between two reports of a worker


@dataclass
class Tally:
    """What a run found."""

    seed: int
    read: int = 0
    accepted: int = 0
    seconds: float = 0.0
    cpu: float = 0.0  # seconds of the workers' own
    slowest: float = 0.0
    memory: int = 0  # MiB, of the largest worker
    findings: list[str] = field(default_factory=list)


def work(seed: int, first: int, stride: int, found: list[bytes], place: Synchronized[int], results: Any) -> None:
    """Read mutants first, first + stride, ... until the end; ``place`` tells which one is being read."""
    index, counts, slowest, cpu = first, [0, 0], 0.0, time.process_time()
    parent = os.getppid()
    while os.getppid() == parent:  # another parent: the one that would stop this process was killed
        data = fuzz_midi.mutant(seed, index, found)
        place.value = index
        begun = time.perf_counter()
        fault = ""
        try:
            midi.parse(data)
            counts[1] += 1
        except MelodyError as refused:
            fault = "a reason of many lines" if "\n" in str(refused) else ""
        except BaseException as wrong:  # noqa: BLE001  # anything else is a finding
            fault = f"{type(wrong).__name__}: {wrong}"
        counts[0] += 1
        slowest = max(slowest, time.perf_counter() - begun)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if memory > LARGE:
            fault = fault or f"{memory >> 20} MiB"
        if fault:
            results.put(("finding", index, fault))
        if counts[0] == BATCH or memory > LARGE:
            now = time.process_time()
            results.put(("count", *counts, slowest, memory >> 20, now - cpu))
            counts, slowest, cpu = [0, 0], 0.0, now
        if memory > LARGE:
            return
        index += stride


@dataclass
class Worker:
    """A process, and which mutant it was seen at since when."""

    number: int
    process: Any
    place: Synchronized[int]
    at: int = -1
    since: float = 0.0


def start(number: int, first: int, tally: Tally, workers: int, found: list[bytes], results: Any) -> Worker:
    """A worker that begins at mutant ``first``."""
    context = mp.get_context("spawn")
    place = context.Value("q", -1, lock=False)
    process = context.Process(target=work, args=(tally.seed, first, workers, found, place, results), daemon=True)
    process.start()
    return Worker(number, process, place, since=time.monotonic())  # type: ignore[arg-type]  # a plain long has no lock


def fuzz(minutes: float, seed: int, workers: int, data: Path) -> Tally:
    """Read mutants for some minutes, however workers die."""
    found, tally = fuzz_midi.bases(data, 40), Tally(seed)
    results = mp.get_context("spawn").SimpleQueue()
    running = [start(n, n, tally, workers, found, results) for n in range(workers)]
    begun = time.monotonic()
    while time.monotonic() < begun + minutes * 60:
        time.sleep(0.1)
        drain(results, tally, found)
        for slot, worker in enumerate(running):
            index = worker.place.value
            if index != worker.at:
                worker.at, worker.since = index, time.monotonic()
            fault = ""
            if not worker.process.is_alive():
                fault = f"the process died ({worker.process.exitcode})" if worker.process.exitcode else ""
            elif index >= 0 and time.monotonic() - worker.since > SLOW:
                fault = f"more than {SLOW:g} s"
                worker.process.kill()
            else:
                continue
            if fault:
                keep(tally, index, fault, found)
            running[slot] = start(worker.number, index + workers, tally, workers, found, results)
    tally.seconds = time.monotonic() - begun
    drain(results, tally, found)
    for worker in running:
        worker.process.kill()
        worker.process.join()
    return tally


def drain(results: Any, tally: Tally, found: list[bytes]) -> None:
    """Take what the workers have to say."""
    while not results.empty():
        kind, *values = results.get()
        if kind == "finding":
            keep(tally, *values, found)
            continue
        read, accepted, slowest, memory, cpu = values
        tally.read, tally.accepted = tally.read + read, tally.accepted + accepted
        tally.cpu += cpu
        tally.slowest, tally.memory = max(tally.slowest, slowest), max(tally.memory, memory)


def keep(tally: Tally, index: int, fault: str, found: list[bytes]) -> None:
    """Write a finding down, as hex with its reason."""
    name = f"seed{tally.seed}_{index}"
    write_hex(name, fault, fuzz_midi.mutant(tally.seed, index, found))
    tally.findings.append(f"{name}.hex: {fault}")


def write_hex(name: str, fault: str, data: bytes) -> None:
    """A fixture: what happened, and the bytes."""
    FOUND.mkdir(exist_ok=True)
    lines = [f"# {' '.join(fault.split())[:120]}", *(data[i : i + 32].hex(" ", 1) for i in range(0, len(data), 32))]
    (FOUND / f"{name}.hex").write_text("\n".join(lines) + "\n", encoding="ascii", errors="replace")


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--events", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.events:
        import fuzz_events

        begun = time.monotonic()
        tried, notes, faults = fuzz_events.run(options.events, options.seed)
        seconds = time.monotonic() - begun
        if options.json:
            print(json.dumps({"sequences": tried, "notes": notes, "seconds": seconds, "findings": faults}))
            sys.exit(bool(faults))
        print(f"{tried:,} sequences, {notes:,} notes, {tried / seconds:.0f} a second, {len(faults)} findings")
        print("\n".join(faults[:20]))
        sys.exit(bool(faults))
    tally = fuzz(options.minutes, options.seed, options.workers, options.data)
    if options.json:
        print(json.dumps(asdict(tally)))
    else:
        print(machine("symusic", "mido"))
        print("| mutants | a second | a CPU second | accepted | slowest | memory | findings |\n|---|---|---|---|---|---|---|")
        figures = (
            f"{tally.read:,}",
            f"{tally.read / tally.seconds:.0f}",
            f"{tally.read / max(tally.cpu, 1e-9):.0f}",
            f"{tally.accepted / max(tally.read, 1):.1%}",
            f"{tally.slowest * 1000:.0f} ms",
            f"{tally.memory} MiB",
            f"{len(tally.findings)}",
        )
        print(f"| {' | '.join(figures)} |")
        print("\n".join(tally.findings[:20]))
    sys.exit(bool(tally.findings))


if __name__ == "__main__":
    main()
