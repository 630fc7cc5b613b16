"""Rows about ``melody prepare``: killed at any moment and started again; and what inspect and train make of a damaged corpus."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from faults_run import SAME, Case, Row, tried

from melody import midi
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.score import Score, Track, note_table

PARTS = ("notes.npy", "tempi.npy", "meters.npy", "keys.npy", "report.csv", "index.json")
OPENED = tuple(name for name in PARTS if name != "report.csv")  # a report may be edited: only inspect looks


def collection(folder: Path, files: int, notes: int = 2000) -> Path:
    """So many MIDI files in two styles, some of them no good."""
    for i in range(files):
        rng = np.random.default_rng(i)
        place = folder / ("one", "other")[i % 2]
        place.mkdir(exist_ok=True, parents=True)
        table = note_table(np.arange(notes) * 120, np.full(notes, 110), rng.integers(40, 90, notes), rng.integers(40, 100, notes))
        data = midi.to_bytes(Score((Track("MELODY", 73, notes=table),), 480))
        (place / f"{i}.mid").write_bytes(data[:100] if i % 20 == 7 else data)
    return folder


def whole(corpus: Path) -> str:
    """One digest of all files of a corpus; they hold no times."""
    digest = hashlib.sha256()
    for path in sorted(corpus.iterdir()):
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def start(folder: Path, *flags: str) -> subprocess.Popen[bytes]:
    """``melody prepare songs -o corpus`` in a process group of its own."""
    command = [sys.executable, "-m", "melody", "prepare", "songs", "-o", "corpus", "--workers", "2", "--quiet", *flags]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def killed(folder: Path, kills: int, seed: int, force: bool) -> Row:
    """Kill it at random moments and start it again until it ends, and so on until there were enough kills.

    ``force``: a corpus of other songs stands there already. After each kill what stands there must be nothing (``half``: a folder
    of another name beside it), or verify as the old corpus or the new one.
    """
    dice = random.Random(seed)  # noqa: S311  # moments, not secrets
    flags = ("--force",) if force else ()
    target, old, phases = folder / "corpus", folder / "old", {"nothing": 0, "half": 0, "old": 0, "new": 0}
    length, wanted = _undisturbed(folder)
    before, known = whole(old) if force else "", {wanted: "new"}
    known |= {before: "old"} if force else {}
    count, runs, same, wrong = 0, 0, 0, []
    while count < kills or not runs:
        shutil.rmtree(target, ignore_errors=True)
        if force:
            shutil.copytree(old, target)
        while True:
            process = start(folder, *flags)
            try:
                _, said = process.communicate(timeout=dice.uniform(0.1, 1.05) * length if count < kills else None)
                if process.returncode:
                    wrong.append(f"status {process.returncode}: {said.decode(errors='replace').strip()[:200]}")
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                count += 1
                found = _state(target, known)
                if found == "nothing" and list(folder.glob(".corpus.*")):
                    found = "half"
                phases[found] = phases.get(found, 0) + 1
                if found == "new":
                    break
        runs += 1
        same += target.is_dir() and whole(target) == wanted
    left = [p.name for p in folder.glob(".corpus.*")]
    ok = same == runs and phases.keys() <= {"nothing", "half", "old", "new"} and not wrong and not left and not _orphans(folder)
    where = ", ".join(f"{value} {name}" for name, value in phases.items() if value)
    figure = f"{count} kills, {same} of {runs} ends with the same hash; after a kill: {where}; left beside: {len(left)}"
    return Row(f"prepare killed{' while it replaces a corpus' if force else ''}", figure + "; ".join(["", *wrong[:3]]), ok)


def _undisturbed(folder: Path) -> tuple[float, str]:
    target = folder / "corpus"
    shutil.rmtree(target, ignore_errors=True)
    begin = time.monotonic()
    process = start(folder)
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"prepare ended with status {process.returncode}: {said.decode(errors='replace')}")
    return time.monotonic() - begin, whole(target)


def _state(target: Path, known: dict[str, str]) -> str:
    """What a kill left: nothing, a corpus that verifies and is a known one, or something that must not be."""
    if not target.exists():
        return "nothing"
    try:
        if not Corpus(target).verify():
            return "a corpus without digests"
    except MelodyError as fault:
        return f"torn ({fault})"
    return known.get(whole(target), "another corpus that looks whole")


def _orphans(folder: Path) -> list[int]:
    """Workers that outlived the process that started them by more than a moment."""
    for _ in range(50):
        found = [int(p.name) for p in Path("/proc").glob("[0-9]*") if _works_in(p, folder)]
        if not found:
            return []
        time.sleep(0.1)
    for number in found:
        os.kill(number, signal.SIGKILL)
    return found


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return os.readlink(process / "cwd") == str(folder.resolve())
    except OSError:
        return False


def damaged(folder: Path, flips: int, seed: int) -> Iterator[Row]:
    """A whole corpus with one bit changed, or a file cut short: ``verify`` (melody inspect) and opening it (melody train)."""
    corpus = folder / "corpus"
    dice = random.Random(seed)  # noqa: S311  # places, not secrets
    cases: list[Case] = []
    cuts: list[Case] = []
    for name in PARTS:
        data = (corpus / name).read_bytes()
        for _ in range(flips):
            bit = dice.randrange(8 * len(data))
            cases.append((f"{name}, bit {bit}", _Put(corpus, name, data, partial(flipped, bit=bit)), _Verify(corpus, name, data)))
        if name in OPENED:
            sizes = [0, *(dice.randrange(len(data)) for _ in range(flips // 4)), len(data) - 1]
            cuts += [
                (f"{name}, {size} bytes", _Put(corpus, name, data, partial(cut, size=size)), _Open(corpus, name, data)) for size in sizes
            ]
    tally = tried(cases)
    yield Row("corpus with one bit changed, melody inspect", tally.figure("read"), tally.ok and not tally.same)
    tally = tried(cuts)
    yield Row("corpus with a file cut short, melody train", tally.figure("read"), tally.ok and not tally.same)


def flipped(data: bytes, bit: int) -> bytes:
    """One bit changed."""
    return data[: bit // 8] + bytes([data[bit // 8] ^ 1 << bit % 8]) + data[bit // 8 + 1 :]


def cut(data: bytes, size: int) -> bytes:
    """The first bytes."""
    return data[:size]


class _Put:
    """Puts a file in its place, damaged when its turn comes: a thousand copies at once would be what is measured."""

    def __init__(self, corpus: Path, name: str, data: bytes, damage: Callable[[bytes], bytes] = bytes) -> None:
        self.corpus, self.name, self.data, self.damage = corpus, name, data, damage

    def __call__(self) -> None:
        (self.corpus / self.name).write_bytes(self.damage(self.data))


class _Open(_Put):
    """Opens the corpus, as train does, and puts the right bytes back."""

    def __call__(self) -> str:
        try:
            self.read()
        finally:
            super().__call__()
        return SAME

    def read(self) -> None:
        """See above."""
        Corpus(self.corpus)


class _Verify(_Open):
    """Verifies the corpus, as inspect does."""

    def read(self) -> None:
        """See above."""
        Corpus(self.corpus).verify()


def rows(folder: Path, files: int, kills: int, flips: int, seed: int = 0) -> Iterator[Row]:
    """The table."""
    collection(folder / "songs", files)
    yield killed(folder, kills, seed, force=False)
    shutil.rmtree(folder / "old", ignore_errors=True)
    songs = folder / "songs"
    songs.rename(folder / "all")
    collection(songs, 5)
    _undisturbed(folder)
    (folder / "corpus").rename(folder / "old")
    shutil.rmtree(songs)
    (folder / "all").rename(songs)
    yield killed(folder, kills, seed + 1, force=True)
    yield from damaged(folder, flips, seed)
