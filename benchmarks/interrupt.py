"""Does a run that is killed again and again end with the weights of one that was left alone?

    python benchmarks/interrupt.py [--kills 50] [--signals 20] [--steps 240] [--seed 0] [--quick] [--json]

Makes a small corpus, trains on it without disturbance, and then the same run three times over: killed with SIGKILL at
random moments (while it starts, trains, validates or saves), asked to stop by SIGTERM, and by SIGINT; each time resumed until
it ends. ``same weights`` compares the sha256 of model.safetensors with that of the undisturbed run: on the CPU, bit for bit.
``unsaved`` counts the kills before the first save, after which the run began anew. ``torn`` counts the moments after a kill at
which the folder held a bundle that could not be read. For signals, ``saved``
counts how often the run left with its status (143, 130) and could be resumed; ``slowest`` is the longest time to leave.
--quick: 4 kills and 2 signals of each kind on a run of 60 steps.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from machine import machine

from melody import MelodyError, bundle, midi
from melody.corpus.prepare import PrepareConfig, prepare
from melody.score import Score, Track, note_table

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
MAX_SECONDS = 10.0  # from a signal to the end
STATUS = {signal.SIGTERM: 143, signal.SIGINT: 130}


@dataclass
class Row:
    """What came of one run and its resumptions."""

    disturbed: str
    times: int = 0
    starts: int = 0
    unsaved: int = 0  # kills before the first save
    saved: int = 0
    torn: int = 0
    slowest: float = 0.0  # seconds from the signal to the end
    runs: int = 0
    same: int = 0  # runs that ended with the weights of the undisturbed one

    @property
    def ok(self) -> bool:
        """Nothing lost, nothing torn, and left in time."""
        saved = self.disturbed == "SIGKILL" or self.saved == self.times
        return self.runs > 0 and self.same == self.runs and not self.torn and saved and self.slowest <= MAX_SECONDS

    @property
    def name(self) -> str:
        """What was done."""
        return f"training disturbed by {self.disturbed}, {self.times} times"

    @property
    def figure(self) -> str:
        """What came of it, in short."""
        left = "" if self.disturbed == "SIGKILL" else f", {self.saved} saved with their status, slowest {self.slowest:.1f} s"
        return f"{self.same} of {self.runs} runs with bit-equal weights, {self.torn} torn{left}"


class Place:
    """A folder with a corpus and a recipe, and the runs in it."""

    def __init__(self, folder: Path, steps: int) -> None:
        self.folder = folder
        songs = folder / "songs"
        songs.mkdir()
        for seed in range(PIECES):
            midi.write(piece(seed), songs / f"{seed}.mid")
        prepare([songs], folder / "corpus", PrepareConfig(workers=1, valid=0.1))
        (folder / "own.toml").write_text(RECIPE.format(steps=steps))

    def start(self, name: str) -> subprocess.Popen[str]:
        """Begin a run, or go on with it where something was saved."""
        again = ["--resume"] if self.saved(name) else ["--recipe", "own.toml", "--force"]
        command = [sys.executable, "-m", "melody", "train", "corpus", "-o", name, *again]
        return subprocess.Popen(command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def saved(self, name: str) -> bool:
        """Whether there is something to go on from."""
        return (self.folder / name / "resume.json").exists()

    def digest(self, name: str) -> str:
        """Of the weights that a run ended with; the bundle is checked on the way."""
        return bundle.read(self.folder / name).sha256

    def torn(self, name: str) -> bool:
        """Whether there is a bundle that cannot be read."""
        try:
            if (self.folder / name / "bundle.json").exists():
                self.digest(name)
        except MelodyError:
            return True
        return False


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 where anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--signals", type=int, default=20)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.kills, options.signals, options.steps = 4, 2, 60
    dice = random.Random(options.seed)  # noqa: S311  # moments, not secrets
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), options.steps)
        begin = time.monotonic()
        finish(place.start("whole"))
        length = time.monotonic() - begin
        whole = place.digest("whole")
        rows = [killed(place, options.kills, whole, length, dice)]
        rows += [signalled(place, number, options.signals, whole, dice) for number in STATUS]
    if options.json:
        command = f"python benchmarks/interrupt.py --kills {options.kills} --signals {options.signals} --steps {options.steps}"
        print(json.dumps([{"row": r.name, "figure": r.figure, "ok": r.ok, "command": command, **asdict(r)} for r in rows]))
    else:
        print(machine("torch"))
        print(f"undisturbed: {options.steps} steps in {length:.1f} s, weights {whole[:16]}")
        print("| disturbed by | times | starts | unsaved | saved | torn | slowest | same weights |\n|---|---|---|---|---|---|---|---|")
        for r in rows:
            saved, slowest = (f"{r.saved}/{r.times}", f"{r.slowest:.1f} s") if r.disturbed != "SIGKILL" else ("", "")
            unsaved = r.unsaved if r.disturbed == "SIGKILL" else ""
            print(f"| {r.disturbed} | {r.times} | {r.starts} | {unsaved} | {saved} | {r.torn} | {slowest} | {r.same}/{r.runs} |")
    return 0 if all(r.ok for r in rows) else 1


def killed(place: Place, kills: int, whole: str, length: float, dice: random.Random) -> Row:
    """SIGKILL at random moments; where a run ends before there were enough of them, another one begins."""
    row = Row("SIGKILL")
    while row.times < kills or not row.runs:
        name = f"killed-{row.runs}"
        while True:
            process = place.start(name)
            row.starts += 1
            try:
                if row.times < kills:
                    process.communicate(timeout=dice.uniform(0.05, 0.8) * length)
                finish(process)
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                row.times += 1
                row.unsaved += not place.saved(name)
                row.torn += place.torn(name)
        row.runs += 1
        row.same += place.digest(name) == whole
    return row


def signalled(place: Place, number: signal.Signals, count: int, whole: str, dice: random.Random) -> Row:
    """A signal at random moments of the training: saved, with the right status, within some seconds."""
    row = Row(number.name)
    while row.times < count or not row.runs:
        name = f"{number.name}-{row.runs}"
        while True:
            process = place.start(name)
            row.starts += 1
            if row.times < count and process.stderr is not None and process.stderr.readline():  # the first step is over
                time.sleep(dice.uniform(0, 1.0))
                if process.poll() is None:
                    begin = time.monotonic()
                    process.send_signal(number)
                    process.communicate()
                    if process.returncode == STATUS[number]:
                        row.times += 1
                        row.slowest = max(row.slowest, time.monotonic() - begin)
                        row.saved += place.saved(name)
                        row.torn += place.torn(name)
                        continue
            finish(process)
            break
        row.runs += 1
        row.same += place.digest(name) == whole
    return row


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a run that should end well."""
    _, said = process.communicate()
    if process.returncode:
        raise SystemExit(f"a run ended with status {process.returncode}: {said.strip()[-400:]}")


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


if __name__ == "__main__":
    raise SystemExit(main())
