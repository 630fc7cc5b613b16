"""Does the index of a model's training notes find what is copied, and keep pieces from copying?

    python benchmarks/original.py CORPUS [--model base] [--pieces 500] [--planted 1000] [--notes 12] [--styles pop folk ...]

The model's folder needs its index (melody originality --index CORPUS --model MODEL). *Planted*: runs of 13 to 40 notes of training pieces,
in another key, each in the middle of a piece of the test split; a miss is a run of which the index knows a part only. *False alarms*:
runs of 13 notes in the test split that the index takes for copies though neither their first 12 notes nor their last occur in training
by the search through all training notes (`melody/evaluation/copying.py`), as a share of all runs that are none. *Pieces* of 16 bars are
written with and without --original; *longest* and *longer* (pieces with a run of more notes in a row) are by that search, *time* is
that of the processor.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from typing import Any

import numpy as np
from bench import Table, Target, finish, parsed
from numpy.typing import NDArray

from melody import compose
from melody.corpus import Corpus
from melody.evaluation.copying import Matcher, Runs, runs_of, training_runs
from melody.evaluation.original import read_originality
from melody.originality.grams import GRAM, RUN, WINDOW, grams
from melody.originality.hashing import places, tokens_of
from melody.originality.index import Index

LONGEST_PLANTED = 40


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    quick = {"pieces": 2, "planted": 10, "tested": 4}
    options = parsed(
        __file__,
        __doc__,
        arguments,
        ["corpus"],
        quick,
        model=None,
        pieces=500,
        planted=1000,
        tested=400,
        notes=12,
        bars=16,
        seed=1,
        styles=[""],
    )
    corpus, composer = Corpus(options.corpus), compose.load(options.model)
    index = read_originality(composer.bundle)
    training = training_runs(corpus, composer.bundle.codec)
    misses = missed(corpus, index, options)
    alarms, flagged, windows = false_alarms(corpus, composer, index, training, options)
    found = Table(
        {
            "index": "",
            "runs kept": ",",
            "bytes": ",",
            "planted": ",",
            "missed": ",",
            "runs tested": ",",
            "false alarms": ".4%",
            "copied": ".2%",
        },
        [[composer.bundle.name, len(index.keys), len(index.to_bytes()), options.planted, misses, windows, alarms, flagged]],
    )
    rows, targets = written(composer, training, options)
    columns = {"pieces": "", "how many": ",", "notes": ",", "longest": ",", "longer": ",", "seconds": ".1f", "time": ".2f"}
    targets = [
        Target("planted copies missed", misses, 0, ".0f", most=True),
        Target("false alarms", alarms, 0.001, ".3%", most=True),
        *targets,
    ]
    answer = f"{misses} of {options.planted:,} planted copies missed, {alarms:.3%} false alarms, {rows[1][4]} pieces with longer runs"
    finish(options, answer, [found, Table(columns, rows)], targets, packages=["onnxruntime"])


def missed(corpus: Corpus, index: Index, options: Namespace) -> int:
    """How many of some planted runs are not found whole."""
    rng, misses = np.random.default_rng(options.seed), 0
    train, test = corpus.split("train"), corpus.split("test")
    left = options.planted
    while left:
        donor = places(corpus.score(int(rng.choice(train))), index.grid, index.seconds)
        host = places(corpus.score(int(rng.choice(test))), index.grid, index.seconds)
        size = int(rng.integers(RUN, LONGEST_PLANTED + 1))
        if len(donor) < size or len(host) < 2:
            continue
        first, at = int(rng.integers(len(donor) - size + 1)), int(rng.integers(1, len(host)))
        run = donor[first : first + size]
        low, high = int((run % 128).min()), int((run % 128).max())
        key = int(rng.integers(max(-5, -low), min(6, 127 - high) + 1))
        shift = (host[at - 1] // 128 + 1 - run[0] // 128) * 128 + key
        after = host[at:] + (run[-1] // 128 - run[0] // 128 + 2) * 128
        piece = np.concatenate([host[:at], run + shift, after])
        there = index.has(grams(tokens_of(piece)))
        misses += not there[at : at + size - RUN + 1].all()
        left -= 1
    return misses


def false_alarms(corpus: Corpus, composer: compose.Composer, index: Index, training: Runs, options: Namespace) -> tuple[float, float, int]:
    """Share of runs that are taken for copies and are none; share that is taken for copies; how many were looked at."""
    rng = np.random.default_rng(options.seed)
    test = rng.permutation(corpus.split("test"))[: options.tested]
    asked = runs_of((corpus.score(int(i)) for i in test), composer.bundle.codec)
    known: NDArray[np.bool_] = Matcher(training, asked).found(GRAM + 1)
    inside = np.flatnonzero(asked.left >= WINDOW)
    there = index.has(grams(asked.tokens)[inside])
    copied = known[inside] | known[inside + 1]
    return float(there[~copied].mean()), float(there.mean()), len(inside)


def written(composer: compose.Composer, training: Runs, options: Namespace) -> tuple[list[list[Any]], list[Target]]:
    """Pieces with and without, beside each other."""
    styles = [s for s in options.styles if s] or list(composer.bundle.codec.styles)
    rows: list[list[Any]] = []
    composer.generate(bars=2, seed=1, original=options.notes)
    for name, original in (("free", None), (f"--original {options.notes}", options.notes)):
        requests = [
            compose.Generate(bars=options.bars, style=styles[i % len(styles)], seed=options.seed * 10_000 + i, original=original)
            for i in range(options.pieces)
        ]
        begin = time.process_time()
        scores = composer.many(requests)
        seconds = time.process_time() - begin
        asked = runs_of(scores, composer.bundle.codec)
        longest = Matcher(training, Runs(asked.tokens, np.unique(asked.edges))).longest()
        notes = sum(s.note_count for s in scores)
        per_note = seconds / notes
        rows.append([name, len(scores), notes, int(longest.max()), int((longest > options.notes).sum()), seconds, per_note])
    rows[1][-1] /= rows[0][-1]
    rows[0][-1] = 1.0
    targets = [
        Target("pieces with longer runs", rows[1][4], 0, ".0f", most=True),
        Target("time a note, of that without", rows[1][-1], 1.2, ".2f", most=True),
    ]
    return rows, targets


if __name__ == "__main__":
    main()
