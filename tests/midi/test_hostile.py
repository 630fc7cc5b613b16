"""Real broken files and generated hostile ones against a slow, strict reference walk. Runs where that corpus lies beside the project."""

import csv
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from melody import midi, sources
from melody.errors import MelodyError

CORPUS = Path(__file__).resolve().parents[3] / "shared" / "hostile"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CORPUS / "walk.py").is_file(), reason="the hostile corpus is not beside the project (../shared/hostile)"),
]


@pytest.fixture(scope="module")
def walk():
    sys.path.insert(0, str(CORPUS))
    try:
        import walk
    finally:
        sys.path.remove(str(CORPUS))
    return walk.Walk


def disagreement(walk, data: bytes) -> str:
    """Why our reading of ``data`` is not that of the reference; "" where it is, where it does not say, and where we refuse."""
    begun = time.process_time()
    try:
        score = midi.parse(data)
    except MelodyError as fault:
        return "" if "\n" not in str(fault) else "a reason of many lines"
    if time.process_time() - begun > 10:
        return "more than 10 s"
    reference = walk(data)
    if reference.verdict not in ("clean", "odd") or reference.verdict == "odd" and len(reference.notes) != score.note_count:
        return ""
    if len(reference.notes) != score.note_count:
        return f"{score.note_count} notes, not {len(reference.notes)}"
    onsets = np.sort(np.concatenate([score.seconds(t.notes["onset"]) for t in score.tracks]))
    ends = np.sort(np.concatenate([score.seconds(t.notes["onset"] + t.notes["duration"]) for t in score.tracks]))
    off = abs(onsets - reference.onsets()).max()
    cap = midi.Limits().max_seconds  # a note that sounds longer is cut there
    late = abs(ends - np.minimum(np.sort([reference.seconds(n.end) for n in reference.notes]), cap)).max()
    return "" if max(off, late) < 1e-3 else f"onsets {off:.4f} s and ends {late:.4f} s off"


def test_real_files(walk):
    with zipfile.ZipFile(CORPUS / "hostile.zip") as archive:
        rows = list(csv.DictReader(archive.read("index.csv").decode("utf-8", "surrogateescape").splitlines()))[::3]
        wrong, refused = {}, []
        for row in rows:
            data = archive.read(row["path"])
            if why := disagreement(walk, data):
                wrong[row["path"]] = why
            if row["expected"] == "read":
                try:
                    midi.parse(data)
                except MelodyError as fault:
                    if "format 2" in str(fault):  # its sequences do not belong together: each can be read by itself
                        midi.parse(data, sequence=1)
                    else:
                        refused.append(f"{row['path']}: {fault}")
    assert len(rows) > 150 and not wrong and not refused


def test_generated_files(walk, tmp_path):
    out = tmp_path / "out"
    subprocess.run([sys.executable, CORPUS / "make_hostile.py", out, "--mutants", "60"], check=True, capture_output=True)  # our own script
    wrong = {}
    with open(out / "manifest.csv", newline="", encoding="utf-8", errors="surrogateescape") as file:
        rows = [row for row in csv.DictReader(file) if row["class"] != "archive"]
    for row in rows:
        try:
            data = sources.find([os.path.join(out, row["name"])])
            score = [midi.parse(source.read_bytes()) for source in data]
        except MelodyError:
            score = []
        if row["expect"] == "read" and not score or row["expect"] == "refuse" and score:
            wrong[row["name"]] = f"expected: {row['expect']}"
        elif score and (why := disagreement(walk, (out / row["name"]).read_bytes())):
            wrong[row["name"]] = why
    assert len(rows) > 300 and not wrong


def test_generated_archives_write_nothing(tmp_path):
    out = tmp_path / "out"
    subprocess.run([sys.executable, CORPUS / "make_hostile.py", out], check=True, capture_output=True)  # our own script
    before = sorted(str(p) for p in tmp_path.rglob("*") if p.name != "again")
    read = 0
    for source in sources.find([out / "archive"]):
        assert source.path.isprintable()
        try:
            read += midi.parse(source.read_bytes(), source.path).note_count
        except MelodyError as fault:
            assert "\n" not in str(fault)
    assert read == 7 * 8  # two in slip.zip, two in absolute.zip, one in good.zip, slip.tar and absolute.tar
    assert sorted(str(p) for p in tmp_path.rglob("*") if p.name != "again") == before
