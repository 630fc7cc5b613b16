"""How long does writing MIDI take? Microseconds of processor time a note, for songs and for one very long piece.

    python benchmarks/write.py [--data ../shared/data] [--songs 20] [--notes 400000] [--rounds 5] [--json]

Only ``midi.to_bytes`` is timed: a Score to the bytes of its file. A figure is the median over the rounds; for songs, over all notes of
all songs. The long piece has four tracks whose notes overlap on one pitch now and then, so that they need further channels.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from machine import machine

from melody import midi, sources
from melody.score import Score, Track, note_table

TARGET = 2.0  # microseconds a note


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--songs", type=int, default=20)
    parser.add_argument("--notes", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    cases = {"one long piece": [long_piece(options.notes)]}
    place = options.data / "pop909.zip" if (options.data / "pop909.zip").is_file() else options.data
    found = list(sources.find([place]))
    if songs := [midi.parse(s.read_bytes()) for s in found[:: max(1, len(found) // options.songs)][: options.songs]]:
        cases[f"songs of {place.name}"] = songs
    figures = {name: microseconds(scores, options.rounds) for name, scores in cases.items()}
    if options.json:
        json.dump({"unit": "microseconds a note", "target": TARGET, "machine": machine("mido"), "figures": figures}, sys.stdout)
        return
    print(f"{machine('mido')}\n\n| what | notes | microseconds a note | at most |\n|---|---|---|---|")
    for name, scores in cases.items():
        print(f"| {name} | {sum(s.note_count for s in scores):,} | {figures[name]:.2f} | {TARGET:g} |")


def microseconds(scores: Sequence[Score], rounds: int) -> float:
    """Processor time of ``midi.to_bytes`` a note: the median over some rounds, each of which writes all scores."""
    times = []
    for _ in range(rounds):
        begin = time.process_time()
        for score in scores:
            midi.to_bytes(score)
        times.append(time.process_time() - begin)
    return statistics.median(times) / sum(s.note_count for s in scores) * 1e6


def long_piece(notes: int, tracks: int = 4) -> Score:
    """Random notes, 30 ticks apart in each track."""
    rng, count = np.random.default_rng(0), notes // tracks
    made = [
        note_table(
            np.sort(rng.integers(0, 30 * count, count)),
            rng.integers(20, 480, count),
            rng.integers(36, 96, count),
            rng.integers(1, 128, count),
        )
        for _ in range(tracks)
    ]
    return Score(tuple(Track(f"track {i}", i, i == tracks - 1, notes) for i, notes in enumerate(made)))


if __name__ == "__main__":
    main()
