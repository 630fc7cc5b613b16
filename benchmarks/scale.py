"""How much memory and time does a large corpus take?

    python benchmarks/scale.py [--pieces 10000] [--steps 400] [--json]
    python benchmarks/scale.py --file 2000000 [--steps 8] [--json]

Multiplies some dozens of made-up pieces by transposition to a corpus of so many (CorpusWriter, a temporary folder, a process of
its own), opens it and trains the recipe ``tiny`` on it. ``index``, ``notes``: MiB on disk. ``open``: processor seconds until the
corpus is there; ``start``: until a Trainer is (mostly priors); ``notes a second``: of processor time. Memory is the peak resident set
of the training process in MiB: with all imports done, after opening, when the Trainer is made, and after the last step. Pages of
``notes.npy`` that were touched count as resident, though the system may take them back.

--file: one file of so many notes, beside six small ones. *read*: midi.read; *prepare*: the verb, with a process of its own for the reading;
*encode*: the piece from the corpus as events; *train*: some steps, of which one row is from the file. Processor seconds, seconds
on the clock, and the largest resident set of any process, MiB, imports included.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine

from melody import edit, midi
from melody.codec import CodecConfig, encode, quantise
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
COLUMNS = ("pieces", "index", "notes", "open", "start", "imported", "opened", "made", "peak", "notes a second")


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


def big_file(path: Path, notes: int) -> None:
    """A MIDI file of so many notes, 6 ticks (6.25 ms) each and one after the other, on 60 pitches."""
    events = b"".join(bytes((0, 0x90, 36 + k, 80, 6, 0x80, 36 + k, 64)) for k in range(60))
    body = (events * (notes // 60 + 1))[: notes * 8] + b"\0\xff\x2f\0"
    path.write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + len(body).to_bytes(4, "big") + body)


def read_file(folder: Path, corpus: Path, run: Path, steps: int) -> int:
    """Notes of the big file, read."""
    return midi.read(folder / "big.mid").note_count


def prepare_file(folder: Path, corpus: Path, run: Path, steps: int) -> int:
    """Notes of the corpus."""
    command = [sys.executable, "-m", "melody", "prepare", str(folder), "-o", str(corpus), "--json", "--quiet"]
    notes: int = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["notes"]
    return notes


def encode_file(folder: Path, corpus: Path, run: Path, steps: int) -> int:
    """Events of the largest piece."""
    music = Corpus(corpus)
    largest = max(range(len(music)), key=lambda i: sum(t.notes for t in music.pieces[i].tracks))
    return len(encode(quantise(music.score(largest), CodecConfig())).rows)


def train_file(folder: Path, corpus: Path, run: Path, steps: int) -> int:
    """Notes seen in training."""
    recipe = changed(load_recipe("tiny"), {"train": {"steps": steps, "precision": "fp32", "validate_every": steps, "threads": 1}})
    return Trainer(Corpus(corpus), run, recipe, device="cpu").run(Nobody()).notes


def in_a_process(work: Callable[..., int], *arguments: Any) -> dict[str, float]:
    """What ``work`` counts, and what it took."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=told, args=(theirs, work, *arguments))
    process.start()
    theirs.close()
    row: dict[str, float] = ours.recv()  # EOFError where it died
    process.join()
    return row


def told(pipe: Any, work: Callable[..., int], *arguments: Any) -> None:
    """Run ``work`` in this process and send what it took, that of its children included."""
    begun = time.monotonic()
    count = work(*arguments)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    unit = (1 if sys.platform == "darwin" else 1024) / MIB
    cpu = sum(u.ru_utime + u.ru_stime for u in used)
    pipe.send({"count": count, "cpu": cpu, "seconds": time.monotonic() - begun, "peak": max(u.ru_maxrss for u in used) * unit})


def one_file(notes: int, steps: int) -> dict[str, dict[str, float]]:
    """Everything that happens to a file on its way into a network."""
    stages = {"read": read_file, "prepare": prepare_file, "encode": encode_file, "train": train_file}
    with tempfile.TemporaryDirectory() as scratch:
        folder, corpus, run = (Path(scratch, name) for name in ("songs", "corpus", "run"))
        folder.mkdir()
        run.mkdir()
        big_file(folder / "big.mid", notes)
        for seed in range(6):
            midi.write(song(seed), folder / f"{seed}.mid")
        return {name: in_a_process(work, folder, corpus, run, steps) for name, work in stages.items()}


def main(arguments: list[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pieces", type=int, default=10_000)
    parser.add_argument("--file", type=int, default=0)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.file:
        rows = one_file(options.file, options.steps or 8)
        if options.json:
            print(json.dumps(rows))
            return 0
        print(machine("torch"))
        print("| stage | notes or events | processor s | s | peak, MiB |\n|---|---|---|---|---|")
        for name, taken in rows.items():
            print(f"| {name} | {taken['count']:,.0f} | {taken['cpu']:.1f} | {taken['seconds']:.1f} | {taken['peak']:,.0f} |")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        corpus, run = Path(folder, "corpus"), Path(folder, "run")
        corpus.mkdir()
        writer = multiprocessing.get_context("spawn").Process(target=write, args=(corpus, options.pieces))
        writer.start()  # a process of its own: what it takes is not what training takes
        writer.join()
        if writer.exitcode:
            return 1
        row = measure(corpus, run, options.steps or 400)
    if options.json:
        print(json.dumps({name: round(row[name], 2) for name in COLUMNS}))
        return 0
    print(machine("torch"))
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    cells = [f"{row[name]:,.1f}" if name in ("index", "notes", "open", "start") else f"{row[name]:,.0f}" for name in COLUMNS]
    print(f"| {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
