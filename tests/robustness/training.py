"""Does a training run that is killed again and again end with the weights of one that was left alone?

The same run three times over: killed with SIGKILL at random moments (while it starts, trains, validates or saves), asked to stop by
SIGTERM, and by SIGINT; each time resumed until it ends. On the CPU its weights must be, bit for bit, those of the undisturbed run;
no moment may leave a bundle that cannot be read; a signal must save the run and end it with its status within 10 s of the
processor.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from melody import MelodyError, bundle, midi
from melody.corpus.prepare import PrepareConfig, prepare
from melody.score import Score, Track, note_table
from tests.robustness.child import Row
from tests.robustness.kills import disturbed, undisturbed

RECIPE = """\
base = "tiny"
[train]
steps = {steps}
batch = 4
chunk = 40
precision = "fp32"
threads = 1
validate_every = 10
save_every = 3
"""
PIECES = 24
MAX_SECONDS = 10.0  # processor seconds from a signal to the end


def rows(kills: int = 50, signals: int = 20, steps: int = 240, seed: int = 0) -> Iterator[Row]:
    """One a signal."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        place = corpus_in(Path(folder), steps)
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            victim = Training(place, number)
            if number is signal.SIGKILL:
                length = undisturbed(victim)
                whole = victim.digest()
            victim.length, victim.whole = length, whole
            found = disturbed(victim, kills if number is signal.SIGKILL else signals, dice, number)
            ok = found.same == found.runs and not found.left["torn"] and not found.wrong
            figure = f"{found.same} of {found.runs} runs with bit-equal weights, {found.left['torn']} torn"
            if number is not signal.SIGKILL:
                ok &= found.left["saved"] == found.times and found.slowest <= MAX_SECONDS
                figure += f", {found.left['saved']} saved with their status, slowest {found.slowest:.1f} s"
            yield Row(f"training disturbed by {number.name}, {found.times} times", "; ".join([figure, *found.wrong[:2]]), ok)


class Training:
    """``melody train`` on a small corpus, from a recipe or from where it was."""

    def __init__(self, place: Path, number: signal.Signals) -> None:
        self.place, self.number, self.run = place, number, 0
        self.length, self.whole = 0.0, ""  # seconds, and the digest of the weights, of a run that was left alone

    @property
    def folder(self) -> Path:
        """Where the run writes."""
        return self.place / f"{self.number.name}-{self.run}"

    def fresh(self) -> None:
        """See kills.Victim."""
        self.run += 1

    def start(self) -> subprocess.Popen[str]:
        """See kills.Victim."""
        how = ["--resume"] if (self.folder / "resume.json").exists() else ["--recipe", "own.toml", "--force"]
        command = [sys.executable, "-m", "melody", "train", "corpus", "-o", self.folder.name, *how]
        return subprocess.Popen(command, cwd=self.place, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def wait(self, process: subprocess.Popen[str], dice: random.Random) -> None:
        """A kill comes at any moment; a signal once the first step is over."""
        if self.number is signal.SIGKILL:
            time.sleep(dice.uniform(0.05, 0.8) * self.length)
        elif process.stderr is not None and process.stderr.readline():
            time.sleep(dice.uniform(0, 1.0))

    def left(self) -> str:
        """A bundle that cannot be read, something to go on from, or nothing yet."""
        try:
            if (self.folder / "bundle.json").exists():
                self.digest()
        except MelodyError:
            return "torn"
        return "saved" if (self.folder / "resume.json").exists() else "unsaved"

    def digest(self) -> str:
        """Of the weights; the bundle is checked on the way."""
        return bundle.read(self.folder).sha256

    def same(self) -> bool:
        """See kills.Victim."""
        return self.digest() == self.whole


def corpus_in(folder: Path, steps: int) -> Path:
    """A small corpus, and a recipe."""
    (folder / "songs").mkdir()
    for seed in range(PIECES):
        midi.write(piece(seed), folder / "songs" / f"{seed}.mid")
    prepare([folder / "songs"], folder / "corpus", PrepareConfig(workers=1, valid=0.1))
    (folder / "own.toml").write_text(RECIPE.format(steps=steps))
    return folder


def piece(seed: int) -> Score:
    """A random walk over a scale above its own bass."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(80, 200))
    tune = 67 + np.abs(np.cumsum(rng.integers(-2, 3, count)) % 14 - 7)
    onsets = np.arange(count) * 240
    bass = np.arange(0, count, 4)
    upper = note_table(onsets, np.full(count, 220), tune, rng.integers(60, 100, count))
    lower = note_table(bass * 240, np.full(len(bass), 900), tune[bass] - 24, np.full(len(bass), 64))
    return Score((Track("MELODY", 73, notes=upper), Track("BASS", 32, notes=lower)), 480)
