"""Does ``vary`` change as much as it was asked to, and keep what it has to?

    python benchmarks/vary.py [COLLECTION ...] [--data ../shared/data] [--pieces 4] [--seeds 3] [--model base]

Pieces from all over each archive, their first 16 bars. *changed*: share of a piece's notes for which no note of their track stands at the
same step (24 a quarter) with the same pitch any more; the mean, the lowest and the highest over pieces and seeds. *free*: share of the
notes that are not kept. *in band*: share of the variations inside 0, 15 to 35, 40 to 65, over 80 % for strengths 0, 0.25, 0.5, 1.
*notes*: of the variation for each of the piece. *seconds*: to write one. The second table: what is kept at strengths 0.5 and 1, looked
for in the result without the code that kept it. *kept*: share of the rhythms (onset, duration, velocity), of the directions of the
highest notes of each part, of the lowest notes at strong beats, of the first notes of each part in each bar that are as they were.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from bench import DATA, Table, Target, finish, parsed

from melody import compose, edit, midi, sources, theory
from melody.compose import Vary
from melody.compose.keeping import KEEPS, strong_beats
from melody.compose.tune import Tune
from melody.errors import MelodyError
from melody.score import Score

COLLECTIONS = ("pop909", "lieder", "freedoom", "string-quartets")
BARS, LEAST = 16, 64  # of a piece; notes that it has to have
BANDS = {0.0: (0.0, 0.0), 0.25: (0.15, 0.35), 0.5: (0.4, 0.65), 1.0: (0.8, 1.0)}
STEPS = 24  # a quarter


def pieces(place: Path, count: int) -> Iterator[Score]:
    """Some pieces from all over an archive or a folder."""
    found = list(sources.find([place]))
    taken = 0
    for index in np.random.default_rng(0).permutation(len(found)).tolist():
        try:
            score = midi.parse(found[index].read_bytes(), found[index].path)
        except MelodyError:
            continue
        if theory.bar_count(score) < 4 or len(score.tracks) > 16:
            continue
        score = edit.cut(score, 0, int(theory.bar_start(score, BARS)))
        if score.note_count >= LEAST:
            yield score
            taken += 1
        if taken == count:
            return


def places(score: Score) -> list[set[tuple[int, int]]]:
    """By track, the steps and pitches of its notes."""
    scale = score.ticks_per_quarter
    steps = [(2 * t.notes["onset"].astype(np.int64) * STEPS + scale) // (2 * scale) for t in score.tracks]
    return [set(zip(s.tolist(), t.notes["pitch"].tolist(), strict=True)) for s, t in zip(steps, score.tracks, strict=True)]


def changed(before: Score, after: Score) -> float:
    """Share of the notes that are not there any more."""
    gone = [(len(old - new), len(old)) for old, new in zip(places(before), places(after), strict=True)]
    return sum(g for g, _ in gone) / sum(n for _, n in gone)


def facts(score: Score, keep: str, beats: Sequence[int]) -> Counter[tuple[object, ...]]:
    """What has to be the same again. ``beats``: the strong ones of the piece as it was."""
    out: Counter[tuple[object, ...]] = Counter()
    for i, track in enumerate(score.tracks):
        notes = track.notes
        onsets = np.unique(notes["onset"]).tolist()
        if keep == "rhythm":
            out.update((i, int(n["onset"]), int(n["duration"]), int(n["velocity"])) for n in notes)
        elif keep == "contour" and onsets:
            top = np.array([notes["pitch"][notes["onset"] == o].max() for o in onsets], int)
            out.update((i, o, int(d)) for o, d in zip(onsets, np.sign(np.diff(top, prepend=top[0])), strict=True))
        elif keep == "first-notes" and onsets:
            bars = theory.bar_of(score, onsets)
            for first in np.unique(bars, return_index=True)[1].tolist():
                out.update((i, onsets[first], int(p)) for p in notes["pitch"][notes["onset"] == onsets[first]])
    if keep == "roots":
        for beat in beats:
            pitches = [int(p) for t in score.tracks if not t.is_drum for p in t.notes["pitch"][t.notes["onset"] == beat]]
            out.update([(beat, min(pitches))] if pitches else [])
    return out


def kept(before: Score, after: Score, keep: str) -> tuple[int, int]:
    """How many of the things that are kept are as they were, and how many there are."""
    beats = strong_beats(before).tolist()
    old = facts(before, keep, beats)
    return sum((old & facts(after, keep, beats)).values()), sum(old.values())


def strengths(composer: compose.Composer, name: str, scores: Sequence[Score], seeds: int) -> list[list[str | float | int]]:
    """A row a strength."""
    rows: list[list[str | float | int]] = []
    for strength, (low, high) in BANDS.items():
        began = time.perf_counter()
        shares, sizes, free = [], [], []
        for score in scores:
            requests = [Vary(tune=Tune(score), strength=strength, seed=seed) for seed in range(seeds)]
            free.append(1 - sum(int(m.sum()) for m in KEEPS["roots"](score)) / score.note_count)
            for made in composer.many(requests):
                shares.append(changed(score, made))
                sizes.append(made.note_count / score.note_count)
        inside = float(np.mean([low <= s <= high for s in shares]))
        each = (time.perf_counter() - began) / len(shares)
        rows.append([name, strength, len(shares), float(np.mean(shares)), min(shares), max(shares), float(np.mean(free)), inside])
        rows[-1] += [float(np.mean(sizes)), each]
    return rows


def keeps(composer: compose.Composer, scores: Sequence[Score]) -> list[list[str | float | int]]:
    """A row a rule and strength, over all collections."""
    rows: list[list[str | float | int]] = []
    for keep in KEEPS:
        for strength in (0.5, 1.0):
            found = composer.many([Vary(tune=Tune(score), strength=strength, keep=keep, seed=1) for score in scores])
            same = [kept(score, made, keep) for score, made in zip(scores, found, strict=True)]
            share = float(np.mean([changed(score, made) for score, made in zip(scores, found, strict=True)]))
            rows.append([keep, strength, len(scores), sum(n for _, n in same), sum(n for n, _ in same) / sum(n for _, n in same), share])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    quick = {"pieces": 1, "seeds": 1}
    options = parsed(__file__, __doc__, arguments, ["collections*"], quick, data=str(DATA), pieces=4, seeds=3, model=None)
    where = [Path(c) for c in options.collections] or [Path(options.data) / f"{name}.zip" for name in COLLECTIONS]
    if not all(place.exists() for place in where):
        sys.exit(f"{options.data}: no archives; name a folder of MIDI, or give --data")
    composer = compose.load(options.model)
    rows, every = [], []
    for place in where:
        scores = list(pieces(place, options.pieces))
        rows += strengths(composer, place.stem, scores, options.seeds)
        every += scores
    held = keeps(composer, every)
    count = sum(int(row[2]) for row in rows)
    inside = sum(float(row[7]) * int(row[2]) for row in rows) / count
    least = min(float(row[4]) for row in held)
    columns = {"collection": "", "strength": ".2f", "variations": ",", "changed": ".1%", "lowest": ".1%", "highest": ".1%"}
    tables = [
        Table(columns | {"free": ".1%", "in band": ".0%", "notes": ".2f", "seconds": ".1f"}, rows, "Strength, roots kept"),
        Table({"keep": "", "strength": ".2f", "pieces": ",", "things": ",", "kept": ".2%", "changed": ".1%"}, held, "What is kept"),
    ]
    targets = [
        Target("% of variations in band", 100 * inside, 95, ".0f"),
        Target("% kept, the least of all rules", 100 * least, 100, ".1f"),
    ]
    finish(options, f"{100 * inside:.0f} % of variations in band, {100 * least:.1f} % of what is to be kept", tables, targets)


if __name__ == "__main__":
    main()
