"""Is anything lost, and is anything let in, when files lie, processes are killed and disks are full?

    python benchmarks/faults.py [--quick] [--only bundles|prepare|disk ...] [--model base] [--seed 0] [--json]

bundles   a small model with its runtime file: 200 truncations and 1,000 single bit flips of each of its files, and lies by name
          (faults_lies.py), read by both engines. To reach: each refused in one line, in 5 s (of the processor)
          and 500 MB (of the whole process, torch and ONNX Runtime included). "read as before" counts changes of bundle.json that
          JSON does not see: the newline at its end, e for E in a number. --model: a copy of a shipped one instead, no lies
prepare   ``melody prepare`` of some hundred files killed 30 times at random moments and started again, into nothing and over an
          old corpus; then the corpus with one bit changed (melody inspect) or a file cut short (melody train)
disk      every verb that writes x a limit on the size of files, a full disk, a read-only one; /dev/full

--quick takes fewer of everything: about a minute of the processor. Exits with 1 where a row is not as wanted.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import faults_bundles
import faults_disk
import faults_prepare
from faults_run import Row
from machine import machine

PARTS = ("bundles", "prepare", "disk")


def rows(options: argparse.Namespace) -> Iterator[Row]:
    """All that was asked for."""
    quick = options.quick
    for part in options.only:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            if part == "bundles" and options.model:
                yield from faults_bundles.rows(faults_bundles.copied(options.model, place / "made"), seed=options.seed, hostile=False)
            elif part == "bundles":
                counts = (40, 100) if quick else (200, 1000)
                yield from faults_bundles.rows(faults_bundles.made(place / "made"), *counts, seed=options.seed)
            elif part == "prepare":
                yield from faults_prepare.rows(place, *((30, 3, 20) if quick else (400, 30, 200)), seed=options.seed)
            else:
                yield from faults_disk.rows(quick)


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 where a row is not as wanted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--model", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    command = "python benchmarks/faults.py" + " --quick" * options.quick
    if not options.json:
        print(machine("torch"))
        print("| row | figure | as wanted |\n|---|---|---|", flush=True)
    found = []
    for part in options.only:
        options.only = [part]
        for row in rows(options):
            found.append(replace(row, command=f"{command} --only {part}" + f" --model {options.model}" * bool(options.model)))
            if not options.json:
                print(f"| {row.row} | {row.figure} | {'yes' if row.ok else 'NO'} |", flush=True)
    if options.json:
        print(json.dumps([asdict(row) for row in found]))
    return 0 if all(row.ok for row in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
