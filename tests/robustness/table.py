"""Does melody stand up to files, kills, disks, servers and calls of any kind? One table.

    python -m tests.robustness [--full] [--only PART ...] [--set NAME=VALUE ...]

What ``make hostile`` runs. Each part is a module (or some tests) in a process of its own, with fewer cases than a full run has;
--full runs the counts of tests/robustness/README.md (hours); --set changes some: --only mutants --set minutes=10 seed=3. The last
column is the command. Parts that need the hostile corpus say so where ../shared/hostile is not there. Exits with 1 where a row is
not as wanted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing as mp
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.robustness.child import Row

ROOT = Path(__file__).resolve().parents[2]
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
    "redirects in a circle": "a_loop_and_a_long_way",
    "has no or a wrong certificate": "speaks_no_tls|a_certificate",
    "full disk": "full_disk",
    "interrupted": "interruption",
    "two at a time": "two_at_a_time",
}
TESTS = {"archives": ("sources", ARCHIVES), f"downloads: {len(DOWNLOADS)} faults": ("data", DOWNLOADS)}  # folders of tests/


@dataclass(frozen=True)
class Part:
    """A module whose ``rows`` are lines of the table: with these settings, and in full with its own."""

    module: str
    quick: dict[str, Any] = field(default_factory=dict)


PARTS = {
    "files": Part("midi_files", {"every": 60, "mutants": 100}),
    "reference": Part("midi_reference", {"each": 3}),
    "passing-through": Part("passing_through", {"each": 4, "hostile": 60}),
    "mutants": Part("fuzz", {"minutes": 0.5}),
    "coverage": Part("coverage", {"minutes": 0.3}),
    "events": Part("random_events", {"sequences": 1000}),
    "bundles": Part("bundles", {"truncations": 40, "flips": 100}),
    "corpora": Part("corpora", {"files": 30, "kills": 3, "flips": 20}),
    "disks": Part("disks", {"quick": True}),
    "training": Part("training", {"kills": 4, "signals": 2, "steps": 60}),
    "calls": Part("calls", {"calls": 150}),
    "big-file": Part("big_file", {"notes": 500_000, "steps": 1}),
    "tests": Part("table"),
}


def rows() -> Iterator[Row]:
    """Rows of other tests: how many of each kind passed."""
    for name, (folder, kinds) in TESTS.items():
        yield tested(name, ROOT / "tests" / folder, kinds)


def tested(name: str, path: Path, kinds: dict[str, str]) -> Row:
    """Run tests, and count those whose names say what they try."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        subprocess.run([sys.executable, "-m", "pytest", "-q", f"--junitxml={report}", path], cwd=ROOT, capture_output=True, check=False)
        cases = list(ET.parse(report).iter("testcase")) if report.is_file() else []
    failed = [case.get("name", "") for case in cases if case.find("failure") is not None or case.find("error") is not None]
    passed = [case.get("name", "") for case in cases if not len(case)]
    counts = {kind: sum(bool(re.search(pattern, test)) for test in passed) for kind, pattern in kinds.items()}
    figure = f"{len(passed)} cases passed, {len(failed)} failed; " + ", ".join(f"{kind} {count}" for kind, count in counts.items())
    return Row(name, figure, bool(passed) and not failed and all(counts.values()))


def measured(name: str, settings: dict[str, Any]) -> list[Row]:
    """The rows of one part, in this process."""
    return list(import_module(f"tests.robustness.{PARTS[name].module}").rows(**settings))


def apart(name: str, settings: dict[str, Any]) -> list[Row]:
    """The rows of one part, in a process that has imported nothing else; what ends it is a row too."""
    with ProcessPoolExecutor(1, mp.get_context("spawn")) as pool:
        try:
            return pool.submit(measured, name, settings).result()
        except (Exception, SystemExit) as fault:  # noqa: BLE001  # one part must not take the others along
            return [Row(name, f"no figures: {type(fault).__name__}: {' '.join(str(fault).split())[:300]}", False)]


def value(text: str) -> Any:
    """A setting: a number, true or false, or words."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def main() -> int:
    """Run, and print a table as it comes."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.robustness", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--set", nargs="+", default=[], metavar="NAME=VALUE", help="settings of the parts, as in their rows()")
    options = parser.parse_args()
    changed = {name: value(text) for name, text in (one.split("=", 1) for one in options.set)}
    begun, found = time.monotonic(), list[Row]()
    print("| row | figure | as wanted | command |\n|---|---|---|---|", flush=True)
    for name in options.only:
        settings = ({} if options.full else PARTS[name].quick) | changed
        words = " ".join(f"{k}={json.dumps(v) if not isinstance(v, str) else v}" for k, v in settings.items())
        command = f"python -m tests.robustness --only {name}" + " --full" * options.full + f" --set {words}" * bool(words)
        for row in apart(name, settings):
            found.append(row)
            print(f"| {row.row} | {row.figure.replace('|', '/')} | {'yes' if row.ok else 'NO'} | `{command}` |", flush=True)
    print(f"\n{sum(row.ok for row in found)} of {len(found)} rows as wanted, in {(time.monotonic() - begun) / 60:.1f} minutes")
    return 0 if all(row.ok for row in found) else 1
