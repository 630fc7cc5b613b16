"""Corpora: ``melody prepare`` killed at any moment and begun again, and what is made of a corpus that was damaged.

After each kill what stands there must be nothing, or verify as the old corpus or the new one; in the end the corpus is that of an
undisturbed run, byte for byte, and nothing lies beside it. Then one bit of a file is changed (``melody inspect``), or a file is cut
short (``melody train``): each must be refused.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np

from melody import midi
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.score import Score, Track, note_table
from tests.robustness.bundles import flipped
from tests.robustness.child import Row
from tests.robustness.kills import WHOLE, disturbed, undisturbed
from tests.robustness.refusals import SAME, Case, tried

PARTS = ("notes.npy", "tempi.npy", "meters.npy", "keys.npy", "report.csv", "index.json")
OPENED = tuple(name for name in PARTS if name != "report.csv")  # a report may be edited: only inspect looks


def rows(files: int = 400, kills: int = 30, flips: int = 200, seed: int = 0) -> Iterator[Row]:
    """Kills over nothing, kills over an old corpus of five other songs, damage."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        collection(folder / "songs", 5)
        undisturbed(Preparing(folder))
        (folder / "corpus").rename(folder / "old")
        shutil.rmtree(folder / "songs")
        collection(folder / "songs", files)
        for old in (None, folder / "old"):
            yield killed(Preparing(folder, old), kills, random.Random(seed + bool(old)))
        yield from damaged(folder / "corpus", flips, random.Random(seed))


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


class Preparing:
    """``melody prepare songs -o corpus`` in a folder; ``old``: a corpus of other songs that it is to replace."""

    def __init__(self, folder: Path, old: Path | None = None) -> None:
        self.folder, self.old, self.target = folder, old, folder / "corpus"
        self.length, self.known = 0.0, dict[str, str]()  # of an undisturbed run; digests of the corpora that may stand there

    def fresh(self) -> None:
        """See kills.Victim."""
        shutil.rmtree(self.target, ignore_errors=True)
        if self.old:
            shutil.copytree(self.old, self.target)

    def start(self) -> subprocess.Popen[str]:
        """See kills.Victim."""
        command = [sys.executable, "-m", "melody", "prepare", "songs", "-o", "corpus", "--workers", "2", "--quiet"]
        command += ["--force"] if self.old else []
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")

    def wait(self, process: subprocess.Popen[str], dice: random.Random) -> None:
        """See kills.Victim."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(dice.uniform(0.1, 1.05) * self.length)

    def left(self) -> str:
        """Nothing, half (beside it, under another name), a corpus that verifies and is a known one, or what must not be."""
        if not self.target.exists():
            return "half" if self.beside() else "nothing"
        try:
            if not Corpus(self.target).verify():
                return "a corpus without digests"
        except MelodyError as fault:
            return f"torn ({fault})"
        return self.known.get(digest(self.target), "another corpus that looks whole")

    def beside(self) -> list[Path]:
        """Unfinished folders."""
        return list(self.folder.glob(".corpus.*"))

    def same(self) -> bool:
        """See kills.Victim."""
        return self.target.is_dir() and self.known.get(digest(self.target)) == WHOLE


def digest(corpus: Path) -> str:
    """Of all files of a corpus; they hold no times."""
    found = hashlib.sha256()
    for path in sorted(corpus.iterdir()):
        found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def killed(victim: Preparing, kills: int, dice: random.Random) -> Row:
    """Killed at random moments and begun again until it ends."""
    victim.length = undisturbed(victim)
    victim.known = {digest(victim.target): WHOLE} | ({digest(victim.old): "old"} if victim.old else {})
    found = disturbed(victim, kills, dice)
    beside, orphans = victim.beside(), outlived(victim.folder)
    ok = found.same == found.runs and found.left.keys() <= {"nothing", "half", "old", WHOLE} and not (found.wrong or beside or orphans)
    after = ", ".join(f"{count} {word}" for word, count in found.left.items())
    figure = f"{found.times} kills, {found.same} of {found.runs} ends with the same hash; after a kill: {after}; left beside: {len(beside)}"
    return Row(f"prepare killed{' while it replaces a corpus' if victim.old else ''}", "; ".join([figure, *found.wrong[:3]]), ok)


def outlived(folder: Path) -> list[int]:
    """Workers that outlived the process that started them by more than a moment; they are ended."""
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


def damaged(corpus: Path, flips: int, dice: random.Random) -> Iterator[Row]:
    """One bit changed, or a file cut short."""
    bits, cuts = list[Case](), list[Case]()
    for name in PARTS:
        data = (corpus / name).read_bytes()
        attempt = partial(read_and_mended, corpus / name, data, lambda: Corpus(corpus).verify())
        for bit in [dice.randrange(8 * len(data)) for _ in range(flips)]:
            bits.append((f"{name}, bit {bit}", partial(_put, corpus / name, flipped, data, bit), attempt))
        if name in OPENED:
            attempt = partial(read_and_mended, corpus / name, data, lambda: Corpus(corpus))
            for size in [0, *(dice.randrange(len(data)) for _ in range(flips // 4)), len(data) - 1]:
                cuts.append((f"{name}, {size} bytes", partial(_put, corpus / name, lambda data, size: data[:size], data, size), attempt))
    for what, cases in (("with one bit changed, melody inspect", bits), ("with a file cut short, melody train", cuts)):
        tally = tried(cases)
        yield Row(f"corpus {what}", tally.figure("read"), tally.ok and not tally.same)


def _put(path: Path, damage: Callable[[bytes, int], bytes], data: bytes, where: int) -> None:
    path.write_bytes(damage(data, where))


def read_and_mended(path: Path, data: bytes, read: Callable[[], object]) -> str:
    """Read the corpus; the right bytes are put back, however it ends."""
    try:
        read()
    finally:
        path.write_bytes(data)
    return SAME
