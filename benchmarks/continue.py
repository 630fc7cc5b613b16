"""Do continuations stay with their piece? The model's next bars beside the bars that the human wrote.

    python benchmarks/continue.py CORPUS [--style pop909] [--model base] [--prime 16] [--bars 16] [--songs 60] [--json]

Pieces of the test split are cut after ``prime`` bars; the model writes ``bars`` more (all tracks at once), the human's next
``bars`` bars are the measure. Statistics of the new bars of one piece:

    key        share of sounding time in the scale of the prime's key (melodic and harmonic minor counted in), 0..1
    density    notes a bar, divided by the prime's notes a bar
    repeated   share of bars whose notes (position, pitch) stood in an earlier bar of the piece, prime or new, 0..1
    empty      share of bars in which no note starts, 0..1
    range      semitones from the 5th to the 95th percentile of pitch

Printed: the human's quartiles, the model's mean, and whether it lies within them.
"""

from __future__ import annotations

import argparse
import json

import numpy as np

from melody import compose, edit, theory
from melody.corpus import Corpus
from melody.score import Score, merged_notes

STATISTICS = ("key", "density", "repeated", "empty", "range")
MINOR, MAJOR = (0, 2, 3, 5, 7, 8, 9, 10, 11), (0, 2, 4, 5, 7, 9, 11)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--style", default="pop909")
    parser.add_argument("--model", default=None)
    parser.add_argument("--prime", type=int, default=16)
    parser.add_argument("--bars", type=int, default=16)
    parser.add_argument("--songs", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--temperature", type=float, default=None)
    parser.add_argument("--top-p", type=float, default=None)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    wishes = {k: v for k, v in (("temperature", options.temperature), ("top_p", options.top_p)) if v is not None}
    pairs = load(Corpus(options.corpus), options.style, options.prime, options.bars, options.songs)
    composer = compose.load(options.model)
    requests = [
        compose.Continue(tune=prime, bars=options.bars, seed=options.seed + i, sampling=compose.Sampling(**wishes))
        for i, (prime, _) in enumerate(pairs)
    ]
    written = composer.many(requests)
    human = np.array([measure(piece, options.prime, options.bars) for _, piece in pairs])
    model = np.array([measure(w, options.prime, options.bars) for w in written])
    low, middle, high = np.quantile(human, [0.25, 0.5, 0.75], 0)
    mean = model.mean(0)
    inside = (low - 1e-9 <= mean) & (mean <= high + 1e-9)
    if options.json:
        rows = {
            name: {"human": [low[i], middle[i], high[i]], "human_mean": human[:, i].mean(), "model": mean[i], "inside": bool(inside[i])}
            for i, name in enumerate(STATISTICS)
        }
        print(json.dumps({"style": options.style, "songs": len(pairs)} | rows, default=float))
        return
    print(f"{len(pairs)} pieces of {options.style}: {options.bars} bars after {options.prime}\n")
    print("| statistic | human quartiles | human mean | model mean | within |\n|---|---|---|---|---|")
    for i, name in enumerate(STATISTICS):
        quartiles = f"{low[i]:.3f} / {middle[i]:.3f} / {high[i]:.3f}"
        print(f"| {name} | {quartiles} | {human[:, i].mean():.3f} | {mean[i]:.3f} | {'yes' if inside[i] else 'no'} |")


def load(corpus: Corpus, style: str, prime: int, bars: int, most: int) -> list[tuple[Score, Score]]:
    """(prime, prime and what follows) of test pieces that are long enough."""
    pairs = []
    for index in corpus.split("test"):
        score = corpus.score(index)
        lines = theory.bar_ticks(score)
        if corpus.pieces[index].style != style or len(lines) <= prime + bars:
            continue
        first = edit.cut(score, 0, int(lines[prime]))
        whole = edit.cut(score, 0, int(lines[prime + bars]))
        if first.note_count >= 32 and whole.note_count - first.note_count >= 16:
            pairs.append((first, whole))
    return pairs[:most]


def measure(piece: Score, prime: int, bars: int) -> list[float]:
    """The statistics of bars ``prime`` to ``prime + bars`` of a piece."""
    lines = theory.bar_start(piece, np.arange(prime + bars + 1))
    _, notes = merged_notes(piece.tracks)
    bar = np.searchsorted(lines, notes["onset"], side="right") - 1
    new, old = notes[(bar >= prime) & (bar < prime + bars)], notes[bar < prime]
    key = theory.estimate_key(old)
    scale = (np.array(MINOR if key >= 12 else MAJOR) + key % 12) % 12
    inside = np.isin(new["pitch"] % 12, scale)
    seen: set[bytes] = set()
    repeated = empty = 0
    for b in range(prime + bars):
        mine = notes[bar == b]
        content = np.stack([mine["onset"] - lines[b], mine["pitch"]]).astype("<i8").tobytes()
        if b >= prime:
            empty += not len(mine)
            repeated += bool(len(mine)) and content in seen
        seen.add(content)
    spread = np.quantile(new["pitch"], [0.05, 0.95]) if len(new) else np.zeros(2)
    return [
        float((inside * new["duration"]).sum() / max(1, new["duration"].sum())),
        len(new) / bars / max(1e-9, len(old) / prime),
        repeated / bars,
        empty / bars,
        float(spread[1] - spread[0]),
    ]


if __name__ == "__main__":
    main()
