"""Does every generated piece hold together? Many pieces, checked one by one.

    python benchmarks/generate.py [--model base] [--pieces 300] [--bars 16] [--processes 1]
    python benchmarks/generate.py --stream 5000

Pieces (styles in turn, seeds 0, 1, 2, ...) in which something is wrong: *undecodable*, not read back from MIDI unchanged; *gaps*, a whole
bar in which nothing sounds before the last note; *loops*, the same bar more than 8 times in a row; *unequal*, not the same bytes from the
same seed again. With `--stream`, 64 streams of so many events each: the share of windows of 32 bars with fewer than 12 different
bars, with the rule against going round in circles and without it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
from bench import Table, Target, finish, parsed

from melody import compose, midi, theory
from melody.codec.table import Field, Role
from melody.generate.loop import Writer
from melody.score import Score, merged_notes

MAX_REPEATS = 8
STREAMS, WINDOW, FEW_BARS = 64, 32, 12


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    options = parsed(__file__, __doc__, arguments, (), {"pieces": 4, "bars": 4}, model=None, pieces=300, bars=16, processes=1, stream=0)
    composer = compose.load(options.model)
    styles = composer.bundle.codec.styles
    if options.stream:
        rules = {"with the rule": compose.Sampling.repetition, "without it": 0}
        found = {name: stuck(composer, options.stream, repetition) for name, repetition in rules.items()}
        rows = [[f"{options.stream:,} events", name, *shares.values()] for name, shares in found.items()]
        worst = max(found["with the rule"].values())
        answer = f"streams go round in circles in at most {worst:.1%} of their windows"
        finish(options, answer, [Table({"streams of": "", "sampling": ""} | dict.fromkeys(styles, ".1%"), rows)], packages=["onnxruntime"])
        return
    requests = [compose.Generate(bars=options.bars, style=styles[i % len(styles)], seed=i) for i in range(options.pieces)]
    begin = time.perf_counter()
    pieces = composer.many(requests, processes=options.processes)
    seconds = time.perf_counter() - begin
    again = [midi.to_bytes(p) for p in composer.many(requests, processes=options.processes)]
    files = [midi.to_bytes(p) for p in pieces]
    loops = [longest_loop(p) for p in pieces]
    faults = {
        "undecodable": sum(midi.parse(f).note_count != p.note_count for f, p in zip(files, pieces, strict=True)),
        "gaps": sum(has_gap(p) for p in pieces),
        "loops": sum(loop > MAX_REPEATS for loop in loops),
        "unequal": sum(a != b for a, b in zip(files, again, strict=True)),
    }
    columns = {"pieces": ",", "bars": "", "notes": ",", "seconds": ",.1f", **dict.fromkeys(faults, ","), "longest loop": ","}
    row = [len(pieces), options.bars, sum(p.note_count for p in pieces), seconds, *faults.values(), max(loops)]
    targets = [Target(f"faults in {len(pieces):,} pieces", sum(faults.values()), 0, ".0f", most=True)]
    finish(options, f"{len(pieces):,} pieces: {sum(faults.values())} faults", [Table(columns, [row])], targets, ["onnxruntime"])


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
        windows = [len(set(each[i : i + WINDOW])) < FEW_BARS for i in range(0, len(each) - WINDOW, WINDOW // 2)]
        shares[styles[b % len(styles)]] += windows
    return {style: float(np.mean(windows)) if windows else float("nan") for style, windows in shares.items()}


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
