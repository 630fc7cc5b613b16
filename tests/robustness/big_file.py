"""One file of millions of notes on its way into a network: read, prepared, encoded, trained on. Each stage in a process of its own.

A stage may take 4 GiB, imports included; the row says what each took.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from melody import midi
from tests.robustness.child import Child, Limits, Row
from tests.robustness.training import piece

LIMITS = Limits(cpu=1200.0, memory=4096)
OTHERS = 6  # small files beside it


def rows(notes: int = 2_000_000, steps: int = 8) -> Iterator[Row]:
    """One row."""
    figures, wrong = [], []
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "songs").mkdir()
        write(place / "songs" / "big.mid", notes)
        for seed in range(OTHERS):
            midi.write(piece(seed), place / "songs" / f"{seed}.mid")
        for stage in (read, prepare, encode, train):
            with Child(stage, LIMITS, "spawn") as child:
                ending = child.do((place, steps))
            figures.append(f"{stage.__name__} {ending.cpu:.1f} CPU s, {ending.memory:,.0f} MiB")
            wrong += [f"{stage.__name__}: {ending.fault[-200:] or 'nothing'}"] if ending.fault or not ending.value else []
    yield Row(f"{notes:,} notes in one file", "; ".join(figures + wrong), not wrong)


def write(path: Path, notes: int) -> None:
    """A MIDI file of so many notes, 6 ticks (6.25 ms) each and one after the other, on 60 pitches."""
    events = b"".join(bytes((0, 0x90, 36 + k, 80, 6, 0x80, 36 + k, 64)) for k in range(60))
    body = (events * (notes // 60 + 1))[: notes * 8] + b"\0\xff\x2f\0"
    path.write_bytes(b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk" + len(body).to_bytes(4, "big") + body)


def read(job: tuple[Path, int]) -> int:
    """Its notes."""
    return midi.read(job[0] / "songs" / "big.mid").note_count


def prepare(job: tuple[Path, int]) -> int:
    """Notes of the corpus; a process of its own reads."""
    command = [sys.executable, "-m", "melody", "prepare", str(job[0] / "songs"), "-o", str(job[0] / "corpus"), "--json", "--quiet"]
    notes: int = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["notes"]
    return notes


def encode(job: tuple[Path, int]) -> int:
    """Events of the largest piece."""
    from melody import codec
    from melody.corpus import Corpus

    music = Corpus(job[0] / "corpus")
    largest = max(range(len(music)), key=lambda i: sum(t.notes for t in music.pieces[i].tracks))
    return len(codec.encode(codec.quantise(music.score(largest), codec.CodecConfig())).rows)


def train(job: tuple[Path, int]) -> int:
    """Notes seen in some steps, of which one row is from the file."""
    from melody.corpus import Corpus
    from melody.training.loop import Trainer
    from melody.training.recipe import changed, load_recipe

    class Nobody:
        def update(self, progress: object) -> None: ...

        def stop(self) -> bool:
            return False

    recipe = changed(load_recipe("tiny"), {"train": {"steps": job[1], "precision": "fp32", "validate_every": job[1], "threads": 1}})
    (job[0] / "run").mkdir()
    return Trainer(Corpus(job[0] / "corpus"), job[0] / "run", recipe, device="cpu").run(Nobody()).notes
