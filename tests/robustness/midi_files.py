"""Every verb that reads MIDI on every hostile file: does one of them do more than read it or refuse it in one line?

The hostile corpus (../shared/hostile) holds make_hostile.py, which writes named cases, and hostile.zip, real odd files. Each verb of
``VERBS``
gets one file after the other (every Nth); ``prepare`` and ``train`` get the folder, with ``big`` two giants among it, while one of its
files
is being rewritten. A finding is what breaks the rules of commands.py, more than 10 s of the processor or 1.5 GiB; of ``prepare`` and
``train`` also a path without its line in the report, a line that is not clean, and a file that crashed its reader.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from melody import sources
from tests.robustness.child import Limits, Row
from tests.robustness.commands import command_line, judged

HOSTILE = Path(__file__).resolve().parents[2].parent / "shared" / "hostile"
WARM = "cases/header/format_0.mid"  # a file that every verb reads
EACH = Limits(cpu=10.0, memory=1536)
FOLDER = Limits(cpu=3600.0, memory=4096)
MODEL_AND_OUTPUT = "--seed 1 --model MODEL -o out.mid --force"
VERBS = {  # verb: arguments after it; FILE and MODEL are put in
    "inspect": "FILE",
    "continue": f"FILE --bars 1 {MODEL_AND_OUTPUT}",
    "accompany": f"FILE {MODEL_AND_OUTPUT}",
    "infill": f"FILE --from-bar 1 --to-bar 1 {MODEL_AND_OUTPUT}",
    "render": "FILE -o out.png --force",
    "evaluate": "MODEL --surprise FILE -o out.html --force",
}
FOLDERS = {  # verb: arguments after it, and where the report is
    "prepare": ("FOLDER -o OUT --quiet", "report.csv"),
    "train": ("FOLDER -o OUT --recipe tiny --steps 2 --threads 1 --sample-bars 0 --quiet", "corpus/report.csv"),
}


def rows(every: int = 1, mutants: int = 500, verbs: str = "", big: bool = False) -> Iterator[Row]:
    """A verb a row; ``verbs``: some of them, separated by commas."""
    if not HOSTILE.is_dir():
        yield Row("hostile files", f"not measured: {HOSTILE.parent.name}/{HOSTILE.name} is not beside the project", True)
        return
    chosen = verbs.split(",") if verbs else [*VERBS, *FOLDERS]
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        files = corpus(place / "files", mutants, big)
        bundle = model(place / "model")
        for verb in chosen:
            yield file_by_file(verb, files[::every], bundle, place) if verb in VERBS else whole_folder(verb, place)


def corpus(folder: Path, mutants: int, big: bool) -> list[Path]:
    """Write the cases and unpack the real files into ``folder``; all of them, in order."""
    command = [sys.executable, str(HOSTILE / "make_hostile.py"), str(folder / "cases"), "--mutants", str(mutants)]
    subprocess.run([*command, *["--big"] * big], check=True, capture_output=True)
    with zipfile.ZipFile(HOSTILE / "hostile.zip") as archive:  # a corpus of our own, not a stranger's
        archive.extractall(folder / "real")
    skipped = {"manifest.csv", "index.csv", "LICENSES.txt"}
    return sorted(path for path in folder.rglob("*") if not path.is_dir() and path.name not in skipped)


def model(folder: Path) -> Path:
    """A small model with random weights."""
    from tests.generate import tiny

    folder.mkdir(parents=True)
    tiny.bundle_of(folder, **tiny.SHAPES["recall"])
    return folder


def file_by_file(verb: str, files: list[Path], bundle: Path, place: Path) -> Row:
    """One verb on all files."""
    done, slowest, memory, wrong, scratch = 0, 0.0, 0.0, list[str](), place / "work"
    scratch.mkdir(exist_ok=True)
    with command_line(scratch, scratch, EACH) as child:
        for number, path in enumerate([place / "files" / WARM, *files]):  # the first call pays for imports and fonts
            put = {"FILE": os.fspath(path), "MODEL": str(bundle)}
            call = [verb, *(put.get(word, word) for word in VERBS[verb].split())]
            ending = child.do(call)
            if number == 0:
                continue
            fault = judged(ending, call)
            done, slowest, memory = done + (ending.value == 0), max(slowest, ending.cpu), max(memory, ending.memory)
            wrong += [f"{' '.join(call)[:200]!r}: {fault}"] if fault else []
    return row(verb, len(files), done, f"slowest {slowest:.1f} s, {memory:.0f} MiB", wrong)


def whole_folder(verb: str, place: Path) -> Row:
    """``prepare`` or ``train`` on the folder, and a look at the report."""
    folder, out = place / "files", place / "work" / verb
    words, report = FOLDERS[verb]
    call = [verb, *words.replace("FOLDER", str(folder)).replace("OUT", str(out)).split()]
    expected = sum(1 for _ in sources.find([folder]))
    out.parent.mkdir(exist_ok=True)
    churn = [sys.executable, str(HOSTILE / "make_hostile.py"), str(folder / "cases"), "--churn", "600"]
    beside = subprocess.Popen(churn, stdout=subprocess.DEVNULL)
    try:
        with command_line(place / "work", place / "work", FOLDER) as child:
            ending = child.do(call)
    finally:
        beside.kill()
        beside.wait()
    lines = list(csv.DictReader((out / report).read_text("utf-8").splitlines())) if (out / report).is_file() else []
    wrong = [fault] if (fault := judged(ending, call)) else []
    wrong += [f"{len(lines)} lines in the report for {expected} paths"] if len(lines) != expected else []
    for line in lines:
        clean = line["path"].isprintable() and line["reason"].isprintable() and (line["reason"] or line["status"] == "read")
        if not clean or "crashed" in line["reason"] or "cannot be used" in line["reason"]:
            wrong.append(f"{line['path']!r}: {line['status']}: {line['reason']!r}")
    accepted = sum(line["status"] != "skipped" for line in lines)
    return row(verb, expected, accepted, f"all in {ending.cpu:.1f} s, {ending.memory:.0f} MiB", wrong)


def row(verb: str, calls: int, done: int, taken: str, wrong: list[str]) -> Row:
    """The line of a verb."""
    figure = f"{calls:,} files, {done:,} accepted, {len(wrong)} findings, {taken}"
    return Row(f"hostile files: {verb}", "; ".join([figure, *wrong[:3]]), not wrong and calls > 0)
