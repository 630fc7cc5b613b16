"""Does melody stand up to files, kills, disks, servers and calls of any kind? The quick version of every such benchmark, as one table.

    python benchmarks/hostile.py [--full] [--only WORD ...] [--json]

What ``make hostile`` runs: each part is a benchmark or some tests in a process of its own, with fewer cases than the figures of
benchmarks/README.md have; the last column is the command, and --full runs that with the counts of the issue (hours). Parts that need
the hostile corpus say so where ../shared/hostile is not there. Exits with 1 where a row is not as wanted.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from machine import machine

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = ROOT.parent / "shared" / "hostile"
ARCHIVES = {  # what an archive does: the tests that try it, a regular expression
    "slip and absolute names": "outside",
    "links and devices": "outside|test_links",
    "bombs": "bomb|limits",
    "nested": "test_a_zip|test_a_collection",
    "lies": "lie|nonsense|headers",
    "damage": "damage|mutants|changes|cannot_be_read",
}
DOWNLOADS = {  # what a server does, or happens on the way: as above
    "drops the connection": "connection_that_drops",
    "drops it until the next call": "gone_on_with_by_the_next_call",
    "has no ETag": "without_an_etag",
    "ignores ranges": "ignores_ranges",
    "sends another range": "part_of_another_place",
    "sends a range of nonsense": "part_that_says_nonsense",
    "changes the file on the way": "content_that_changes",
    "lies about the length": "lies_about_the_length",
    "tells no length": "no_length",
    "never ends": "endless_body|endless_chunks",
    "says no": "server_that_says_no|busy_once",
    "sends another file": "another_file|nothing_at_all",
    "sends a packed bomb": "packed_on_the_way",
    "stalls or trickles": "slow_server",
    "speaks no HTTP": "no_http",
    "redirects to another scheme": "no_other_scheme|http_is_for_tests",
    "redirects to a private address": "no_private_address|one_private_address|looked_up_once",
    "redirects in a circle": "a_loop_and_a_long_way",
    "has no or a wrong certificate": "speaks_no_tls|a_certificate",
    "full disk": "full_disk",
    "interrupted": "interruption",
    "two at a time": "two_at_a_time",
}


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    row: str
    figure: str
    ok: bool
    command: str


@dataclass(frozen=True)
class Part:
    """A benchmark: its options in the quick and in the full version, and what its JSON says."""

    name: str
    script: str
    quick: str
    full: str
    rows: Callable[[Any], Iterator[tuple[str, str, bool]]]
    needs: Path | None = None


def as_they_are(found: list[dict[str, Any]]) -> Iterator[tuple[str, str, bool]]:
    """Scripts that print rows of this very shape."""
    for row in found:
        yield row["row"], row["figure"], row["ok"]


def of_files(found: list[dict[str, Any]]) -> Iterator[tuple[str, str, bool]]:
    """A verb a row."""
    for row in found:
        wrong = row["findings"].splitlines()
        figure = f"{row['calls']:,} files, {row['done']:,} accepted, {len(wrong)} findings, "
        figure += f"slowest {row['slowest']:.1f} s, {row['memory']:.0f} MiB"
        if row["verb"] in ("prepare", "train"):
            figure = figure.replace("slowest", "all in")
        yield f"hostile files: {row['verb']}", "; ".join([figure, *wrong[:1]]), not wrong and row["calls"] > 0


def of_reference(found: list[dict[str, Any]]) -> Iterator[tuple[str, str, bool]]:
    """All places together."""
    sums = {name: sum(row[name] for row in found) for name in ("to_read", "described", "same", "index", "notes")}
    wrong = [w for row in found for w in row["wrong"]]
    worst = max(row["worst"] for row in found) * 1000
    figure = f"{sums['same']:,} of {sums['described']:,} the same, {sums['notes']:,} notes, at most {worst:.3f} ms off"
    yield (
        "accepted files against the reference reader",
        "; ".join([figure, *wrong[:1]]),
        not wrong and sums["same"] == sums["described"] > 0,
    )


def of_mutants(tally: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """A segment of the fuzzer."""
    rate, faults = tally["read"] / max(tally["cpu"], 0.1), tally["findings"]
    figure = f"{tally['read']:,} read, {rate:,.0f} a CPU second, {len(faults)} findings, {tally['memory']} MiB"
    yield "byte and structure mutants", "; ".join([figure, *faults[:1]]), not faults and tally["read"] > 0


def of_coverage(tally: dict[str, Any] | None) -> Iterator[tuple[str, str, bool]]:
    """atheris, where it is."""
    faults = tally["findings"] if tally else []
    figure = (
        f"{tally['read']:,} read, {tally['features']:,} features reached, {len(faults)} findings" if tally else "not measured: no atheris"
    )
    yield "bytes that follow the code", "; ".join([figure, *faults[:1]]), not faults


def of_events(tally: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Event sequences."""
    faults = tally["findings"]
    figure = f"{tally['sequences']:,} sequences, {tally['notes']:,} notes, {len(faults)} findings"
    yield "random event sequences in three parsers", "; ".join([figure, *faults[:1]]), not faults and tally["sequences"] > 0


def of_calls(tally: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Random command lines."""
    said = ", ".join(f"{tally['statuses'].get(str(k), 0):,} with {k}" for k in (0, 1, 2))
    figure = f"{tally['calls']:,} calls: {said}; {tally['stopped']} long and stopped, {len(tally['findings'])} findings"
    yield "random command lines", "; ".join([figure, *tally["findings"][:1]]), not tally["findings"] and tally["calls"] > 0


def of_scale(found: dict[str, dict[str, float]]) -> Iterator[tuple[str, str, bool]]:
    """A stage after the other."""
    stages = [f"{name} {taken['cpu']:.1f} CPU s, {taken['peak']:,.0f} MiB" for name, taken in found.items()]
    yield f"{found['read']['count']:,.0f} notes in one file", "; ".join(stages), all(taken["count"] > 0 for taken in found.values())


PARTS = (
    Part("files", "hostile_files.py", "--every 60 --mutants 100", "--big", of_files, HOSTILE),
    Part("reference", "hostile_reference.py", "--each 3", "--each 20", of_reference, HOSTILE),
    Part("mutants", "fuzz.py", "--minutes 0.5 --seed 1", "--minutes 10 --seed 1", of_mutants),
    Part("coverage", "fuzz_coverage.py", "--minutes 0.3", "--minutes 10", of_coverage),
    Part("events", "fuzz.py", "--events 1000 --seed 1", "--events 100000 --seed 1", of_events),
    Part("faults", "faults.py", "--quick", "", as_they_are),
    Part("training", "interrupt.py", "--quick", "", as_they_are),
    Part("calls", "hostile_calls.py", "--calls 150 --seed 1", "--calls 10000 --seed 1", of_calls),
    Part("scale", "scale.py", "--file 500000 --steps 1", "--file 2000000", of_scale),
)


def measured(part: Part, full: bool) -> Iterator[Row]:
    """The rows of one benchmark."""
    words = (part.full if full else part.quick).split()
    command = " ".join(["python", f"benchmarks/{part.script}", *words])
    if part.needs is not None and not part.needs.exists():
        yield Row(part.name, f"not measured: {part.needs.parent.name}/{part.needs.name} is not beside the project", True, command)
        return
    if not (ROOT / "benchmarks" / part.script).is_file():
        yield Row(part.name, "not measured: there is no such script", False, command)
        return
    arguments = [sys.executable, str(ROOT / "benchmarks" / part.script), *words, "--json"]
    run = subprocess.run(arguments, capture_output=True, text=True, errors="backslashreplace", check=False)
    try:
        found = list(part.rows(json.loads(run.stdout)))
    except (ValueError, KeyError, TypeError, IndexError):
        last = (run.stderr or run.stdout).strip().splitlines()[-1:]
        found = [(part.name, f"no figures (status {run.returncode}): {''.join(last)[:200]}", False)]
    for name, figure, ok in found:
        yield Row(name, figure, ok, command)


def tested(name: str, paths: str, kinds: dict[str, str]) -> Iterator[Row]:
    """How many tests of each kind passed."""
    command = f"python -m pytest {paths}"
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        arguments = [sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", *paths.split()]
        subprocess.run(arguments, cwd=ROOT, capture_output=True, check=False)
        cases = list(ET.parse(report).iter("testcase")) if report.is_file() else []  # noqa: S314  # pytest wrote it just now
    failed = [case.get("name", "") for case in cases if case.find("failure") is not None or case.find("error") is not None]
    passed = [case.get("name", "") for case in cases if not len(case)]
    counts = {kind: sum(bool(re.search(pattern, test)) for test in passed) for kind, pattern in kinds.items()}
    figure = f"{len(passed)} cases passed, {len(failed)} failed; " + ", ".join(f"{kind} {count}" for kind, count in counts.items())
    yield Row(name, figure, bool(passed) and not failed and all(counts.values()), command)


def rows(only: list[str], full: bool) -> Iterator[Row]:
    """All parts that were asked for."""
    for part in PARTS:
        if not only or part.name in only:
            yield from measured(part, full)
    if not only or "archives" in only:
        yield from tested("archives", "tests/midi/test_tar.py tests/midi/test_sources.py", ARCHIVES)
    if not only or "downloads" in only:
        yield from tested(f"downloads: {len(DOWNLOADS)} faults", "tests/data", DOWNLOADS)


def main() -> int:
    """Run, and print a table as it comes."""
    names = [part.name for part in PARTS] + ["archives", "downloads"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", nargs="+", choices=names, default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    begun, found = time.monotonic(), []
    if not options.json:
        print(machine("symusic", "torch"))
        print("| row | figure | as wanted | command |\n|---|---|---|---|", flush=True)
    for row in rows(options.only, options.full):
        found.append(row)
        if not options.json:
            print(f"| {row.row} | {row.figure.replace('|', '/')} | {'yes' if row.ok else 'NO'} | `{row.command}` |", flush=True)
    if options.json:
        print(json.dumps([asdict(row) for row in found]))
    else:
        print(f"\n{sum(row.ok for row in found)} of {len(found)} rows as wanted, in {(time.monotonic() - begun) / 60:.1f} minutes")
    return 0 if all(row.ok for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
