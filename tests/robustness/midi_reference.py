"""Do accepted files say what a reader says that was written from the standard?

Reads the named cases and the real odd files of the hostile corpus, and some files of each collection in ../shared/data, with
melody.midi and with tests/midi/reference.py: as many notes, the same pitches and velocities, every onset and end within 1 ms. Files
that are to be read and that the standard does not describe (a status that no file may hold, data bytes above 127) are held to the
number of notes and the last onset that the index states.
"""

from __future__ import annotations

import csv
import io
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

from melody import MelodyError, midi, sources
from melody.score import Score
from tests.midi import reference
from tests.robustness.child import Row
from tests.robustness.midi_files import HOSTILE

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
class Tally:
    """How files were read."""

    described: int = 0  # accepted, and described by the standard
    same: int = 0
    by_index: int = 0  # to be read, not described, as the index says
    lenient: int = 0  # accepted, where the index says to refuse: no fault, a reader may go on where it can
    notes: int = 0
    worst: float = 0.0  # seconds, of an onset or end
    wrong: list[str] = field(default_factory=list)


def rows(each: int = 20) -> Iterator[Row]:
    """All places together; ``each``: about so many files of each collection."""
    tally = Tally()
    if HOSTILE.is_dir():
        compare(cases(), tally)
        compare(real(), tally)
    for archive in sorted((HOSTILE.parent / "data").glob("*.zip")):
        compare(collection(archive, each), tally)
    figure = f"{tally.same:,} of {tally.described:,} the same, {tally.notes:,} notes, at most {tally.worst * 1000:.3f} ms off"
    figure += f"; {tally.by_index} others as the index says, {tally.lenient} accepted that it would refuse"
    ok = not tally.wrong and tally.same == tally.described > 0
    yield Row("accepted files against the reference reader", "; ".join([figure, *tally.wrong[:3]]), ok)


def cases() -> Iterator[Case]:
    """The named cases that are regular files."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch, "out")
        subprocess.run([sys.executable, str(HOSTILE / "make_hostile.py"), str(out)], check=True, capture_output=True)
        for row in csv.DictReader(io.StringIO((out / "manifest.csv").read_text("utf-8", "surrogateescape"))):
            path = Path(os.path.join(out, row["name"]))
            if path.is_file() and not any(part in row["name"] for part in ARCHIVES):
                yield Case(row["name"], path.read_bytes(), row["expect"], row["notes"], row["last_onset_s"])


def real() -> Iterator[Case]:
    """The real odd files."""
    with zipfile.ZipFile(HOSTILE / "hostile.zip") as archive:
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


def compare(files: Iterable[Case], tally: Tally) -> None:
    """Read all of them twice."""
    for case in files:
        try:
            score = midi.parse(case.data)
        except MelodyError as fault:
            tally.wrong += [f"{case.name}: {fault}"] * (case.expected == "read")
            continue
        tally.lenient += case.expected == "refuse"
        try:
            found = reference.read(case.data)
        except reference.Unclear:
            if case.expected == "read":
                why = unlike_the_index(case, score)
                tally.by_index += not why
                tally.wrong += [f"{case.name}: {why}"] * bool(why)
            continue
        off, why = difference(found, score)
        tally.described, tally.notes = tally.described + 1, tally.notes + score.note_count
        tally.worst, tally.same = max(tally.worst, off), tally.same + (not why)
        tally.wrong += [f"{case.name}: {why}"] * bool(why)


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
