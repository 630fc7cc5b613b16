"""Does every generated piece hold together? Many pieces, checked one by one.

    python benchmarks/generate.py [--model base] [--pieces 300] [--bars 16] [--processes 1] [--json]
    python benchmarks/generate.py --stream 5000

Counted over the pieces (styles in turn, seeds 0, 1, 2, ...):

    undecodable   pieces that are not written to MIDI and read back unchanged
    gaps          pieces with a whole bar in which nothing sounds, before their last note
    loops         pieces in which the same bar stands more than 8 times in a row
    unequal       pieces that a second run with the same seeds does not give byte for byte

With `--stream`, 64 streams without end of so many events each, the styles in turn: the share of windows of 32 bars in which fewer
than 12 bars are different ones, with the rule against going round in circles and without it.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np

from melody import compose, midi, theory
from melody.codec.table import Field, Role
from melody.generate.loop import Writer
from melody.score import Score, merged_notes

MAX_REPEATS = 8
STREAMS, WINDOW, FEW = 64, 32, 12


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=None)
    parser.add_argument("--pieces", type=int, default=300)
    parser.add_argument("--bars", type=int, default=16)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--stream", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    composer = compose.load(options.model)
    styles = composer.bundle.codec.styles
    if options.stream:
        for name, repetition in (("with the rule", compose.Sampling.repetition), ("without", 0)):
            print(f"{name}:", ", ".join(f"{s} {share:.1%}" for s, share in stuck(composer, options.stream, repetition).items()))
        return
    requests = [compose.Generate(bars=options.bars, style=styles[i % len(styles)], seed=i) for i in range(options.pieces)]
    begin = time.perf_counter()
    pieces = composer.many(requests, processes=options.processes)
    seconds = time.perf_counter() - begin
    again = [midi.to_bytes(p) for p in composer.many(requests, processes=options.processes)]
    files = [midi.to_bytes(p) for p in pieces]
    facts = {
        "pieces": len(pieces),
        "notes": sum(p.note_count for p in pieces),
        "seconds": round(seconds, 1),
        "undecodable": sum(midi.parse(f).note_count != p.note_count for f, p in zip(files, pieces, strict=True)),
        "gaps": sum(has_gap(p) for p in pieces),
        "loops": sum(longest_loop(p) > MAX_REPEATS for p in pieces),
        "longest_loop": max(longest_loop(p) for p in pieces),
        "unequal": sum(a != b for a, b in zip(files, again, strict=True)),
    }
    if options.json:
        print(json.dumps(facts))
        return
    print("| what | figure |\n|---|---|")
    for name, value in facts.items():
        print(f"| {name.replace('_', ' ')} | {value:,} |")


def stuck(composer: compose.Composer, events: int, repetition: int) -> dict[str, float]:
    """By style: the share of windows of streams that go round in circles."""
    styles = composer.bundle.codec.styles
    requests = [compose.Generate(bars=16, seed=1000 + i, style=styles[i % len(styles)]) for i in range(STREAMS)]
    plans = [replace(r, sampling=compose.Sampling(repetition=repetition)).task(composer.bundle).endless() for r in requests]
    bars: list[dict[int, list[tuple[int, int]]]] = [{} for _ in plans]
    for step in islice(Writer(composer.engine, plans), events):
        for b, row, at in zip(step.index.tolist(), step.rows.tolist(), step.time.tolist(), strict=True):
            if row[Field.ROLE] == Role.NOTE:
                bar, place = divmod(at, plans[b].metre.bar_length(0))
                bars[b].setdefault(bar, []).append((place, row[Field.PITCH]))
    shares: dict[str, list[bool]] = {s: [] for s in styles}
    for b, found in enumerate(bars):
        each = [tuple(found.get(i, ())) for i in range(max(found) + 1)]
        windows = [len(set(each[i : i + WINDOW])) < FEW for i in range(0, len(each) - WINDOW, WINDOW // 2)]
        shares[styles[b % len(styles)]] += windows
    return {style: float(np.mean(windows)) for style, windows in shares.items()}


def has_gap(piece: Score) -> bool:
    """Whether some whole bar before the last note is silent."""
    lines = np.append(theory.bar_ticks(piece), piece.end_tick)
    _, notes = merged_notes(piece.tracks)
    last = int(notes["onset"].max())
    end = notes["onset"] + notes["duration"]
    sounding = [((notes["onset"] < b) & (end > a)).any() for a, b in pairwise(lines) if a <= last]
    return not all(sounding)


def longest_loop(piece: Score) -> int:
    """How often the most stubborn bar stands in a row (position and pitch of all notes)."""
    lines = theory.bar_ticks(piece)
    _, notes = merged_notes(piece.tracks)
    bar = np.searchsorted(lines, notes["onset"], side="right") - 1
    longest = run = 0
    before = b""
    for b in range(len(lines)):
        mine = notes[bar == b]
        content = np.stack([mine["onset"] - lines[b], mine["pitch"]]).astype("<i8").tobytes()
        run = run + 1 if content and content == before else int(bool(content))
        longest, before = max(longest, run), content
    return longest


if __name__ == "__main__":
    main()
