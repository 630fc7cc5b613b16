"""Does a recurrent network keep the form of a 12-bar blues? The experiment of Eck and Schmidhuber, with this package's own parts.

    python benchmarks/blues.py [--steps 1500 | --minutes M] [--cells rnn gru lstm] [--settings events metre] [--seed S]

The music is made here: choruses of the form I I I I / IV IV I I / V IV I I in C, a seventh chord on every bar line, held for the bar, and
above it a melody in eighth notes, a walk of chance over the minor pentatonic scale in rhythms of chance. It fits all chords and so tells
nothing of them: only who counts bars knows the next chord. A piece has 2 to 6 choruses of some hundred events. Pieces become MIDI files, a
corpus, batches with a carried state, an EventLSTM and sampled events on the same ways as any other music.

What the network sees: *events*, nothing else, as in the original: all metrical inputs are zero and stay zero (the figure that counts);
*metre*, position, strength and bar number (exact below 16, then modulo 16): it gives away the chord of the first 16 bars, and networks that
learned to lean on it count less well later.

Pieces longer than any that was learned from are sampled from nothing, at temperature 1 with nothing cut off. A bar is right if the chord
part plays the notes of its chord, on the bar line, for the whole bar, and nothing else; *choruses in form*: all 12 bars right, in their
place in the piece, so that who slips by one bar fails until the slip is made good; *new choruses*: whose melody is in no training piece;
*nats a note*: held out, the melody's chance is most of it.

D. Eck, J. Schmidhuber: A first look at music composition using LSTM recurrent neural networks, IDSIA-07-02, 2002.
"""

from __future__ import annotations

import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bench import Table, finish, parsed
from numpy.typing import NDArray

from melody import midi
from melody.codec.decode import decode_piece
from melody.codec.encode import GRID_NOTE, PART, Piece, encode
from melody.codec.given import NOTHING, part_table
from melody.codec.metre import Metre
from melody.codec.table import CodecConfig
from melody.corpus import Corpus
from melody.corpus.piece import AugmentConfig
from melody.corpus.prepare import PrepareConfig, prepare
from melody.generate.loop import write
from melody.generate.plan import Plan
from melody.generate.sampling import Sampling
from melody.generate.torch_engine import TorchEngine
from melody.model import EventLSTM, ModelConfig
from melody.score import METER, Score, Track, note_table, table
from melody.training.config import TrainConfig
from melody.training.loop import Progress, Trainer
from melody.training.recipe import CodecChoice, Recipe

FORM = "CCCCFFCCGFCC"
CHORDS = {"C": (48, 52, 55, 58), "F": (48, 51, 53, 57), "G": (47, 50, 53, 55)}  # sevenths, inverted to lie close together
PENTATONIC = (60, 63, 65, 67, 70, 72, 75, 77, 79, 82)  # C minor pentatonic
# Onset and length in eighths; what is left of a bar is silence.
RHYTHMS = (
    ((0, 2), (2, 2), (4, 2), (6, 2)),
    ((0, 3), (3, 1), (4, 4)),
    ((0, 1), (1, 1), (2, 2), (4, 1), (5, 1), (6, 2)),
    ((1, 1), (2, 2), (4, 3), (7, 1)),
    ((0, 6), (6, 1), (7, 1)),
    ((2, 1), (3, 1), (4, 2), (6, 1)),
    ((0, 1), (1, 2), (3, 2), (5, 3)),
    ((0, 8),),
)
BAR, BARS = 8, len(FORM)  # eighths in a bar, bars in a chorus
EIGHTH = 240  # ticks
MELODY, PIANO = 0, 1
Note = tuple[int, int, int, int]  # onset, length, part, pitch; times in eighths
Notes = NDArray[np.int64]  # (n, 4): likewise
AS_IT_IS = Sampling(temperature=1.0, top_p=1.0, repetition=0)
PLAIN = AugmentConfig(0, 0, 0.0, 0, drop_condition=1.0, drop_left=1.0)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the music, train, sample, check."""
    quick = {"steps": 3, "width": 16, "samples": 2, "choruses": 1, "chunk": 32, "pieces": 8, "cells": ["lstm"], "settings": ["events"]}
    defaults = {
        "cells": ["rnn", "gru", "lstm"],
        "settings": ["events", "metre"],
        "steps": 1500,
        "minutes": 0.0,
        "pieces": 600,
        "width": 128,
    }
    defaults |= {"layers": 1, "chunk": 128, "rate": 4e-3, "samples": 50, "choruses": 8, "seed": 1, "keep": None}
    options = parsed(__file__, __doc__, arguments, (), quick, **defaults)
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        corpus, known = make_corpus(Path(folder), options.pieces, options.seed)
        for setting, cell in product(options.settings, options.cells):  # a row takes minutes
            rows.append([options.seed, setting, cell, *measured(Path(folder), corpus, known, setting, cell, options)])
            print(rows[-1], file=sys.stderr, flush=True)
    columns = {"seed": "", "the network sees": "", "cell": "", "choruses in form": ".1%", "bars": ".1%", "new choruses": ".0%"}
    columns |= {"nats a note": ".3f", "weights of the cell": ",", "steps": ",", "CPU minutes": ".1f"}
    title = f"{options.samples} pieces of {options.choruses} choruses of each network, width {options.width}, layers {options.layers}"
    answer = f"seed {options.seed}: " + ", ".join(f"{row[2]} {row[3]:.1%} of choruses" for row in rows if row[1] == options.settings[0])
    finish(options, answer, [Table(columns, rows, title)], packages=["torch"])


def measured(folder: Path, corpus: Corpus, known: set[bytes], setting: str, cell: str, options: Namespace) -> list[Any]:
    """The columns of one network."""
    begin = time.process_time()
    trainer = trained(corpus, folder / f"{setting}-{cell}", cell, setting, options)
    minutes = (time.process_time() - begin) / 60
    pieces = sampled(trainer.learner.averaged(), options.samples, options.choruses, options.seed)
    if options.keep:
        Path(options.keep).mkdir(parents=True, exist_ok=True)
        midi.write(score_of(pieces[0]), Path(options.keep) / f"blues-{setting}-{cell}.mid")
    weights = sum(w.numel() for w in trainer.learner.model.cells.parameters())
    return [*judged(pieces, options.choruses, known).values(), trainer.counters.best, weights, trainer.counters.step, minutes]


def chorus(rng: np.random.Generator, start: int) -> list[Note]:
    """12 bars from eighth ``start`` on."""
    notes, place = [], int(rng.integers(3, 7))
    for bar, name in enumerate(FORM):
        line = start + bar * BAR
        notes += [(line, BAR, PIANO, pitch) for pitch in CHORDS[name]]
        for onset, length in RHYTHMS[rng.integers(len(RHYTHMS))]:
            place = int(np.clip(place + rng.integers(-2, 3), 0, len(PENTATONIC) - 1))
            notes.append((line + onset, length, MELODY, PENTATONIC[place]))
    return notes


def score_of(notes: Notes) -> Score:
    """A piano with two tracks."""
    tracks = []
    for part, name in ((MELODY, "MELODY"), (PIANO, "PIANO")):
        onset, length, _, pitch = notes[notes[:, 2] == part].T
        tracks.append(Track(name, 0, notes=note_table(onset * EIGHTH, length * EIGHTH, pitch, np.full(len(pitch), 80))))
    return Score(tuple(tracks), 2 * EIGHTH)


def make_corpus(folder: Path, pieces: int, seed: int) -> tuple[Corpus, set[bytes]]:
    """Pieces of 2 to 6 choruses as MIDI files, prepared; and the melodies of all choruses."""
    (folder / "blues").mkdir()
    known = set()
    for i in range(pieces):
        rng = np.random.default_rng([seed, i])
        count = int(rng.integers(2, 7))
        notes = np.array([note for k in range(count) for note in chorus(rng, k * BARS * BAR)])
        midi.write(score_of(notes), folder / "blues" / f"{i:04}.mid")
        known |= {melody_of(notes, k) for k in range(count)}
    prepare([folder / "blues"], folder / "corpus", PrepareConfig(workers=1, test=0.0))
    return Corpus(folder / "corpus"), known


def melody_of(notes: Notes, k: int) -> bytes:
    """The melody of chorus ``k`` as something to compare."""
    mine = notes[(notes[:, 2] == MELODY) & (notes[:, 0] // (BARS * BAR) == k)] - [k * BARS * BAR, 0, 0, 0]
    return bytes(mine[np.argsort(mine[:, 0])].astype("<i4").tobytes())


class Quiet:
    """A watcher that shows nothing and never stops a run."""

    def update(self, progress: Progress) -> None:
        """Look on."""

    def stop(self) -> bool:
        """The schedule ends the run."""
        return False


def trained(corpus: Corpus, folder: Path, cell: str, setting: str, options: Namespace) -> Trainer:
    """One network, trained by this package's own loop."""
    folder.mkdir()
    shape = ModelConfig(cell, options.layers, options.width, head_width=64, given_width=8, dropout=0.0)
    length = {"minutes": options.minutes} if options.minutes else {"steps": options.steps}
    train = TrainConfig(
        **length, batch=16, chunk=options.chunk, rate=options.rate, warmup=50, average=0.99, precision="fp32", threads=1,
        validate_every=500, validate_notes=5000, save_minutes=1e6, seed=options.seed,
    )  # fmt: skip
    torch.manual_seed(options.seed)
    model = EventLSTM(shape, CodecConfig("beats", 2, 1, corpus.styles))
    if setting == "events":  # no metrical feature reaches the body or the heads, in training as in sampling
        for embedding in (*model.metre_body, *model.metre_head):
            torch.nn.init.zeros_(embedding.weight)
            embedding.requires_grad_(False)
    trainer = Trainer(corpus, folder, Recipe(shape, train, CodecChoice("beats", 2, 1), PLAIN, NOTHING), base=model, device="cpu")
    trainer.run(Quiet())
    return trainer


def sampled(model: EventLSTM, count: int, choruses: int, seed: int) -> list[Notes]:
    """``count`` pieces, each from its own seed; one bar more is written and cut off, or its first notes would be bent into the last."""
    codec, meters = model.codec, table(METER, [0], [4], [4])
    empty = Piece(codec, np.zeros(0, GRID_NOTE), table(PART, [0, 0], [True, False]), meters)
    prime = encode(empty).rows[:2]  # the two parts are declared
    end = choruses * BARS * BAR
    common = Plan(
        part_table(empty), np.zeros(5, np.int16), Metre(codec, meters), prime, stop=end + BAR, bars_left_known=False, declare=(0, 0),
        ending=end - BAR,  # in the last bar the network may end; before, it goes on as after any chorus
        sampling=AS_IT_IS,
    )  # fmt: skip
    written = write(TorchEngine(model), [replace(common, seed=1000 * seed + i) for i in range(count)])
    pieces = [decode_piece(np.concatenate([prime, rows]).astype(np.int16), codec, meters).notes for rows in written]
    columns = [np.stack([notes[name].astype(np.int64) for name in ("onset", "duration", "part", "pitch")], -1) for notes in pieces]
    return [notes[notes[:, 0] < end] for notes in columns]


def right_bars(notes: Notes, choruses: int) -> NDArray[np.bool_]:
    """(choruses, 12): whether the chord part plays the chord of the form in each bar, on the bar line, for a bar, and nothing else."""
    played: dict[int, list[tuple[int, int, int]]] = {}
    for onset, length, _, pitch in notes[notes[:, 2] == PIANO].tolist():
        played.setdefault(onset // BAR, []).append((onset % BAR, length, pitch))
    wanted = [[(0, BAR, pitch) for pitch in CHORDS[name]] for name in FORM]
    right = [sorted(played.get(bar, [])) == wanted[bar % BARS] for bar in range(choruses * BARS)]
    return np.array(right).reshape(choruses, BARS)


def judged(pieces: list[Notes], choruses: int, known: set[bytes]) -> dict[str, float]:
    """Shares of right choruses and bars, and of choruses with a new melody."""
    right = np.stack([right_bars(notes, choruses) for notes in pieces])
    new = [melody_of(notes, k) not in known for notes in pieces for k in range(choruses)]
    return {"choruses": float(right.all(-1).mean()), "bars": float(right.mean()), "new": float(np.mean(new))}


if __name__ == "__main__":
    main()
