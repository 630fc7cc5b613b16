"""Do accepted files say what a reader says that was written from the standard?

    python benchmarks/hostile_reference.py [--hostile FOLDER] [--data FOLDER] [--each 20] [--json]

Reads the named cases and the real odd files of FOLDER (../shared/hostile), and of each collection in the data folder (../shared/data) some
files, with melody.midi and with tests/midi/reference.py. *to read*: marked ``read``; *accepted*: by melody; *described*: those that the
standard describes, so that the reference reads them; *same*: as many notes, the same pitches and velocities, every onset and end within
1 ms. Files marked ``read`` that the standard does not describe (a status that no file may hold, data bytes above 127) are held to the
number of notes and the last onset that the index states; those are *as the index says*. *refuse*: marked ``refuse``, and accepted.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from machine import machine

from melody import MelodyError, midi, sources
from melody.score import Score

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "midi"))
import reference  # noqa: E402  # a file of the tests

CLOSE = 1e-3  # seconds
ARCHIVES = ("archive/", ".gz")  # cases that are none of the two readers' matter


class Case(NamedTuple):
    """A file, and what is expected of it."""

    name: str
    data: bytes
    expected: str  # read, refuse, either
    notes: str = ""  # a number, lo..hi or nothing
    last_onset: str = ""  # seconds, or nothing


@dataclass
class Row:
    """How the files of one place were read."""

    place: str
    files: int = 0
    to_read: int = 0
    accepted: int = 0
    described: int = 0
    same: int = 0
    index: int = 0  # to be read, not described, as the index says
    notes: int = 0
    worst: float = 0.0  # seconds, of an onset or end
    refuse: list[str] = field(default_factory=list)  # to be refused, accepted
    wrong: list[str] = field(default_factory=list)


def cases(hostile: Path) -> Iterator[Case]:
    """The named cases that are regular files."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "out")
        subprocess.run([sys.executable, str(hostile / "make_hostile.py"), str(out)], check=True, capture_output=True)
        for row in csv.DictReader(io.StringIO((out / "manifest.csv").read_text("utf-8", "surrogateescape"))):
            path = Path(os.path.join(out, row["name"]))
            if path.is_file() and not any(part in row["name"] for part in ARCHIVES):
                yield Case(row["name"], path.read_bytes(), row["expect"], row["notes"], row["last_onset_s"])


def real(hostile: Path) -> Iterator[Case]:
    """The real odd files."""
    with zipfile.ZipFile(hostile / "hostile.zip") as archive:
        for row in csv.DictReader(archive.read("index.csv").decode("utf-8", "surrogateescape").splitlines()):
            yield Case(row["path"], archive.read(row["path"]), row["expected"], row["notes"], row["last_onset_s"])


def collection(archive: Path, each: int) -> Iterator[Case]:
    """Some files of a collection, spread over it."""
    found = list(sources.find([archive]))
    for source in found[:: max(1, len(found) // each)]:
        try:
            yield Case(source.path, source.read_bytes(), "read")
        except MelodyError:
            continue


def compare(place: str, files: Iterable[Case]) -> Row:
    """Read all of them twice."""
    row = Row(place)
    for case in files:
        row.files, row.to_read = row.files + 1, row.to_read + (case.expected == "read")
        try:
            score = midi.parse(case.data)
        except MelodyError as fault:
            if case.expected == "read":
                row.wrong.append(f"{case.name}: {fault}")
            continue
        row.accepted += 1
        if case.expected == "refuse":
            row.refuse.append(case.name)
        try:
            found = reference.read(case.data)
        except reference.Unclear:
            if case.expected == "read":
                why = unlike_the_index(case, score)
                row.index += not why
                row.wrong += [f"{case.name}: {why}"] * bool(why)
            continue
        row.described += 1
        row.notes += score.note_count
        off, why = difference(found, score)
        row.worst, row.same = max(row.worst, off), row.same + (not why)
        if why:
            row.wrong.append(f"{case.name}: {why}")
    return row


def difference(found: reference.Reading, score: Score) -> tuple[float, str]:
    """Seconds by which an onset or end is off at the most, and what else is not the same."""
    if len(found.notes) != score.note_count:
        return 0.0, f"{score.note_count} notes, not {len(found.notes)} ({'; '.join(found.remarks)})"
    limit = midi.Limits().max_seconds  # a note that sounds longer is cut there
    starts = [score.seconds(t.notes["onset"]) for t in score.tracks]
    ends = [score.seconds(t.notes["onset"] + t.notes["duration"]) for t in score.tracks]
    off = 0.0
    for ours, ticks in ((starts, [n.start for n in found.notes]), (ends, [n.end for n in found.notes])):
        theirs = np.minimum(np.sort(found.seconds(ticks)), limit)
        off = max(off, float(abs(np.sort(np.concatenate(ours)) - theirs).max()))
    if off >= CLOSE:
        return off, f"{off:.4f} s off"
    ours = sorted((int(n["onset"]), int(n["pitch"]), int(n["velocity"])) for t in score.tracks for n in t.notes)
    return off, "" if ours == sorted((n.start, n.pitch, n.velocity) for n in found.notes) else "other pitches or velocities"


def unlike_the_index(case: Case, score: Score) -> str:
    """How the number of notes and the last onset differ from what the index states."""
    low, _, high = case.notes.partition("..")
    if case.notes and not int(low) <= score.note_count <= int(high or low):
        return f"{score.note_count} notes, not {case.notes}"
    last = max(score.seconds(t.notes["onset"]).max() for t in score.tracks)
    if case.last_onset and abs(last - float(case.last_onset)) >= CLOSE:
        return f"last onset {last:.4f} s, not {case.last_onset}"
    return ""


def run(hostile: Path, data: Path, each: int) -> list[Row]:
    """Every place that is there."""
    rows = [compare("named cases", cases(hostile)), compare("real odd files", real(hostile))] if hostile.is_dir() else []
    return rows + [compare(archive.stem, collection(archive, each)) for archive in sorted(data.glob("*.zip"))]


def main() -> None:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hostile", type=Path, default=ROOT.parent / "shared" / "hostile")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = run(options.hostile, options.data, options.each)
    if options.json:
        print(json.dumps([vars(row) for row in rows]))
    else:
        print(machine("symusic", "mido"))
        print("| files of | files | to read | accepted | described | same | as the index says | notes | worst | refuse |")
        print("|---|---|---|---|---|---|---|---|---|---|")
        for r in rows:
            counts = [f"{n:,}" for n in (r.files, r.to_read, r.accepted, r.described, r.same, r.index, r.notes)]
            print(f"| {r.place} | {' | '.join(counts)} | {r.worst * 1000:.3f} ms | {len(r.refuse)} |")
        print("\n".join(f"accepted, though to be refused: {name}" for r in rows for name in r.refuse))
        print("\n".join(wrong for r in rows for wrong in r.wrong))
    sys.exit(any(row.wrong for row in rows))


if __name__ == "__main__":
    main()
