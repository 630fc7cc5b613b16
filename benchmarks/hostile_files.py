"""Every verb that reads MIDI on every hostile file: does one of them do more than read it or refuse it in one line?

    python benchmarks/hostile_files.py [--hostile FOLDER] [--mutants 500] [--every N] [--verbs inspect,continue,...] [--big] [--json]

FOLDER (../shared/hostile) holds make_hostile.py, which writes named cases, and hostile.zip, real odd files. ``inspect``, ``continue``,
``accompany``, ``infill``, ``render`` and ``evaluate --surprise`` get one file after the other (every Nth; --every 10 takes a tenth) in
worker processes; ``prepare`` and ``train`` get the folder, with --big two giants among it, while one of its files is being rewritten.
A finding is a process that dies, more than 10 s of processor time, more than 1.5 GiB, a traceback, not exactly one line where the status
is not 0, a file written outside of the call's folder. Of ``prepare``: a path without its line in the report, or a line that is not clean.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import hostile_pool
from hostile_pool import Caller, Ending
from machine import machine

from melody import sources

ROOT = Path(__file__).resolve().parents[1]
HOSTILE = ROOT.parent / "shared" / "hostile"
SECONDS = 10.0
VERBS = {  # verb: arguments after it; FILE and MODEL are put in
    "inspect": ("FILE",),
    "continue": ("FILE", "--bars", "1", "--seed", "1", "--model", "MODEL", "-o", "out.mid", "--force"),
    "accompany": ("FILE", "--seed", "1", "--model", "MODEL", "-o", "out.mid", "--force"),
    "infill": ("FILE", "--from-bar", "1", "--to-bar", "1", "--seed", "1", "--model", "MODEL", "-o", "out.mid", "--force"),
    "render": ("FILE", "-o", "out.png", "--force"),
    "evaluate": ("MODEL", "--surprise", "FILE", "-o", "out.html", "--force"),
}


@dataclass
class Row:
    """What a verb did with the files."""

    verb: str
    calls: int = 0
    done: int = 0  # with status 0
    slowest: float = 0.0  # seconds of processor time
    memory: float = 0.0  # MiB
    findings: str = ""


def corpus(folder: Path, hostile: Path, mutants: int, big: bool) -> list[Path]:
    """Write the cases and unpack the real files into ``folder``; all of them, in order."""
    command = [sys.executable, str(hostile / "make_hostile.py"), str(folder / "cases"), "--mutants", str(mutants)]
    subprocess.run([*command, *["--big"] * big], check=True, capture_output=True)
    with zipfile.ZipFile(hostile / "hostile.zip") as archive:  # a corpus of our own, not a stranger's
        archive.extractall(folder / "real")
    skipped = {"manifest.csv", "index.csv", "LICENSES.txt"}
    return sorted(path for path in folder.rglob("*") if not path.is_dir() and path.name not in skipped)


def model(folder: Path) -> Path:
    """A small model with random weights."""
    sys.path.insert(0, str(ROOT / "tests" / "generate"))
    import tiny

    folder.mkdir(parents=True)
    tiny.bundle_of(folder, **tiny.SHAPES["recall"])
    return folder


def file_by_file(verb: str, files: list[Path], bundle: Path, scratch: Path) -> tuple[Row, list[Ending]]:
    """One verb on all files."""
    row, endings = Row(verb), []
    scratch.mkdir(parents=True, exist_ok=True)
    warm = scratch.parent / "files" / "cases" / "header" / "format_0.mid"
    with Caller(scratch, scratch, SECONDS) as caller:
        caller.call([verb, *({"FILE": str(warm), "MODEL": str(bundle)}.get(word, word) for word in VERBS[verb])])  # imports, fonts
        for path in files:
            put = {"FILE": os.fspath(path), "MODEL": str(bundle)}
            ending = caller.call([verb, *(put.get(word, word) for word in VERBS[verb])])
            endings.append(ending)
            row.calls, row.done = row.calls + 1, row.done + (ending.status == 0)
            row.slowest, row.memory = max(row.slowest, ending.cpu), max(row.memory, ending.memory)
    row.findings = hostile_pool.printed(endings)
    return row, endings


def whole_folder(arguments: list[str], folder: Path, report: Path, churn: list[str]) -> Row:
    """``prepare`` or ``train`` on the folder, in processes of their own, and a look at the report that they write."""
    row, command = Row(arguments[0]), [sys.executable, "-m", "melody", *arguments]
    expected = sum(1 for _ in sources.find([folder]))
    beside = subprocess.Popen(churn, stdout=subprocess.DEVNULL)
    try:
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="backslashreplace") as process:
            peak = Tree(process.pid)
            said = process.communicate(timeout=3600)[1]
        row.slowest, row.memory = peak.stop(), peak.memory
    finally:
        beside.kill()
        beside.wait()
    row.calls, row.done = expected, 0
    wrong = hostile_pool.against_the_rules(process.returncode, said, stopped=False)
    if report.is_file():
        with open(report, newline="", encoding="utf-8") as file:
            lines = list(csv.DictReader(file))
        row.done = sum(line["status"] != "skipped" for line in lines)
        wrong = wrong or ("" if len(lines) == expected else f"{len(lines)} lines in the report for {expected} paths")
        unclean = [line for line in lines if not line["path"].isprintable() or not line["reason"].isprintable()]
        unreasoned = [line for line in lines if line["status"] != "read" and not line["reason"]]
        wrong = wrong or (f"not one clean line with a reason: {(unclean + unreasoned)[0]}" if unclean + unreasoned else "")
        row.findings = wrong + "\n".join(
            f"{r['path']}: {r['reason']}" for r in lines if "crashed" in r["reason"] or "cannot be used" in r["reason"]
        )
    else:
        row.findings = wrong or f"no report: {said[-300:]}"
    return row


class Tree:
    """Watches a process and its children: the largest resident set of any one of them, and the wall time."""

    def __init__(self, pid: int) -> None:
        self.memory, self.pid, self.begun, self.over = 0.0, pid, time.monotonic(), threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while not self.over.wait(0.2):
            for pid in (self.pid, *children(self.pid)):
                self.memory = max(self.memory, resident(pid))

    def stop(self) -> float:
        """End the watch; seconds that it took."""
        self.over.set()
        self.thread.join()
        return time.monotonic() - self.begun


def children(pid: int) -> list[int]:
    """Process ids of the children of a process."""
    try:
        return [int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text("ascii").split()]
    except OSError:
        return []


def resident(pid: int) -> float:
    """Peak resident set of a process, MiB."""
    try:
        text = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
        return int(text.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError, ValueError):
        return 0.0


def run(options: argparse.Namespace, scratch: Path) -> list[Row]:
    """All verbs asked for."""
    folder, rows = scratch / "files", []
    files = corpus(folder, options.hostile, options.mutants, options.big)
    bundle = model(scratch / "model")
    chosen = files[:: options.every]
    verbs = options.verbs.split(",")
    for verb in verbs:
        if verb in VERBS:
            rows.append(file_by_file(verb, chosen, bundle, scratch / "work")[0])
            print(rows[-1], file=sys.stderr, flush=True)
    churn = [sys.executable, str(options.hostile / "make_hostile.py"), str(folder / "cases"), "--churn", "600"]
    if "prepare" in verbs:
        corpus_at = scratch / "corpus"
        rows.append(whole_folder(["prepare", str(folder), "-o", str(corpus_at), "--quiet"], folder, corpus_at / "report.csv", churn))
    if "train" in verbs:
        at = scratch / "run"
        arguments = [
            "train",
            str(folder),
            "-o",
            str(at),
            "--recipe",
            "tiny",
            "--steps",
            "2",
            "--threads",
            "1",
            "--sample-bars",
            "0",
            "--quiet",
        ]
        rows.append(whole_folder(arguments, folder, at / "corpus" / "report.csv", churn))
    return rows


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hostile", type=Path, default=HOSTILE)
    parser.add_argument("--mutants", type=int, default=500)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--verbs", default=",".join([*VERBS, "prepare", "train"]))
    parser.add_argument("--big", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        rows = run(options, Path(scratch))
    if options.json:
        print(json.dumps([vars(row) for row in rows]))
    else:
        print(machine("symusic", "mido"))
        print("| verb | files | done | slowest, s | memory, MiB | findings |\n|---|---|---|---|---|---|")
        for row in rows:
            print(
                f"| {row.verb} | {row.calls:,} | {row.done:,} | {row.slowest:.1f} | {row.memory:.0f} | {len(row.findings.splitlines())} |"
            )
        print("\n".join(row.findings for row in rows if row.findings))
    sys.exit(any(row.findings for row in rows))


if __name__ == "__main__":
    main()
