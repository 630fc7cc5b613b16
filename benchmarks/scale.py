"""How much memory and time does a large corpus take?

    python benchmarks/scale.py [--pieces 10000] [--steps 400]

Multiplies some dozens of made-up pieces of 300 notes by transposition to a corpus of so many (in a process of its own), opens it and trains
the recipe `tiny` on it. *index*, *notes*: MiB on disk. *open*: processor seconds until the corpus is there; *start*: until a Trainer is
(mostly priors); *notes a second*: of processor time. *imported*, *opened*, *made*, *peak*: the largest resident set of the training process
so far in MiB, with all imports done, after opening, when the Trainer is made, after the last step. Pages of `notes.npy` that were touched
count as resident, though the system may take them back.
"""

from __future__ import annotations

import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from bench import Table, finish, parsed

from melody import edit
from melody.corpus import Corpus, CorpusWriter, PieceFacts
from melody.corpus.tables import STORED, TrackFacts
from melody.score import Score, Track, note_table
from melody.training.callbacks import Progress
from melody.training.loop import Trainer
from melody.training.recipe import changed, load_recipe

SONGS = 48  # before they are transposed
NOTES = 240  # of the tune of a song; a quarter as many below it
VALID = 0.01
MIB = 1 << 20
COLUMNS = dict.fromkeys(("pieces", "index", "notes", "open", "start", "imported", "opened", "made", "peak", "notes a second"), ",.0f")
COLUMNS |= dict.fromkeys(("index", "notes", "open", "start"), ",.1f")


class Nobody:
    """Looks on at a run and says nothing."""

    def update(self, progress: Progress) -> None:
        """Nothing to show."""

    def stop(self) -> bool:
        """Never."""
        return False


def song(seed: int) -> Score:
    """A random walk above its own bass."""
    rng = np.random.default_rng(seed)
    tune = 67 + np.abs(np.cumsum(rng.integers(-2, 3, NOTES)) % 14 - 7)
    onsets, bass = np.arange(NOTES) * 240, np.arange(0, NOTES, 4)
    upper = note_table(onsets, np.full(NOTES, 220), tune, rng.integers(60, 100, NOTES))
    lower = note_table(bass * 240, np.full(len(bass), 900), tune[bass] - 24, np.full(len(bass), 64))
    return Score((Track("MELODY", 73, notes=upper), Track("BASS", 32, notes=lower)), 480)


def write(folder: Path, pieces: int) -> None:
    """A corpus of so many pieces in two styles."""
    songs = [song(seed) for seed in range(SONGS)]
    with CorpusWriter(folder) as writer:
        for i in range(pieces):
            score = edit.transpose(songs[i % SONGS], i // SONGS % 12 - 6)
            notes = np.zeros(score.note_count, STORED)
            for name in ("onset", "duration", "pitch", "velocity"):
                notes[name] = np.concatenate([t.notes[name] for t in score.tracks])
            notes["sustained"] = notes["duration"]
            facts = PieceFacts(
                source=f"collection/folder-{i // 1000:03d}/piece-{i:06d}.mid",
                sha256=f"{i:064x}",
                content=f"{i:032x}",
                style=("one", "other")[i % 2],
                split="valid" if i % round(1 / VALID) == 0 else "train",
                ticks_per_quarter=score.ticks_per_quarter,
                tracks=tuple(TrackFacts(t.name, t.program, t.is_drum, len(t.notes)) for t in score.tracks),
                lead=0,
                lead_rule="name",
                key=i % 24,
                seconds=score.duration_seconds,
            )
            writer.add(facts, {"notes": notes, "tempi": score.tempi, "meters": score.meters, "keys": score.keys})
        writer.finish("made up")


def peak() -> float:
    """Largest resident set of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MIB


def measure(folder: Path, run: Path, steps: int) -> dict[str, float]:
    """Open the corpus, train on it, and say what it took."""
    row = {"index": (folder / "index.json").stat().st_size / MIB, "notes": (folder / "notes.npy").stat().st_size / MIB}
    row["imported"] = peak()
    begin = time.process_time()
    corpus = Corpus(folder)
    row["open"], row["opened"] = time.process_time() - begin, peak()
    recipe = changed(load_recipe("tiny"), {"train": {"steps": steps, "precision": "fp32", "validate_every": max(1, steps // 2)}})
    begin = time.process_time()
    trainer = Trainer(corpus, run, recipe, device="cpu")
    row["start"], row["made"] = time.process_time() - begin, peak()
    begin = time.process_time()
    result = trainer.run(Nobody())
    seconds = time.process_time() - begin
    return {**row, "pieces": len(corpus), "peak": peak(), "notes a second": result.notes / seconds}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure."""
    options = parsed(__file__, __doc__, arguments, (), {"pieces": 110, "steps": 2}, pieces=10_000, steps=400)
    with tempfile.TemporaryDirectory() as folder:
        corpus, run = Path(folder, "corpus"), Path(folder, "run")
        corpus.mkdir()
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(corpus, options.pieces))
        writer.start()  # a process of its own: what it takes is not what training takes
        writer.join()
        if writer.exitcode:
            return 1
        row = measure(corpus, run, options.steps)
    answer = f"{options.pieces:,} pieces: {row['peak']:,.0f} MiB"
    finish(options, answer, [Table(COLUMNS, [[row[name] for name in COLUMNS]])], packages=["torch"])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
