"""Does ``--best-of`` choose better pieces? Rules of choice beside one another, on the same candidates.

    python benchmarks/best.py CORPUS [--model base] [--pieces 40] [--of 8] [--human 80] [--seed 1] [--quick] [--json]
    python benchmarks/best.py CORPUS --write [--model base]     measure what is typical of each style, and put it into the bundle

For each style ``pieces`` new pieces of 16 bars are chosen out of ``of`` candidates each, by

    first        the first candidate: no choice
    likeliest    the fewest nats a note
    nats         nats a note nearest to the style's median
    middle       all measures, each by its distance from the style's median
    best-of      the score of ``melody/compose/best.py``: what lies outside the style's quartiles
    human        other human pieces, of the training split: what can be expected

Columns, against beginnings of test pieces (16 bars): OA, the overlap area of Yang and Lerch, and the overlap of the mean
distributions, means over features (``melody/evaluation/overlap.py``), apart for those that the score looks at (single values:
density, polyphony, repetition, harmony, groove) and those that it does not (distributions of pitch class, interval, onset, duration,
velocity); inside, share of values (of the score's measures) between the human quartiles, 0.5 by definition for
the humans that they were taken from; copied, share of notes in runs of 12 that occur in the training split.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from machine import machine

from melody import compose
from melody.compose.best import Rating, candidates, copied, learned, score
from melody.compose.typical import ALL, BARS, MEASURES, Typical, measures, quartiles, read_typical, write_typical
from melody.corpus import Corpus
from melody.evaluation.beside import excerpt
from melody.evaluation.features import FEATURES, features_of
from melody.evaluation.overlap import compared
from melody.score import Score

PIECES_A_STYLE = 100  # training pieces whose quartiles are taken
CHOSEN = tuple(f.name for f in FEATURES if f.kind == "values")
FREE = tuple(f.name for f in FEATURES if f.kind == "histogram")
Rule = Callable[[Sequence[Rating], Typical], int]


def middle(rating: Rating, typical: Typical, names: Sequence[str]) -> float:
    """Mean distance from the medians, in widths between the quartiles."""
    far = [abs(rating.measures[n] - typical[n][1]) / max(typical[n][2] - typical[n][0], 0.02) for n in names if n in rating.measures]
    return float(np.mean(far)) if far else float("inf")


RULES: dict[str, Rule] = {
    "first": lambda ratings, typical: 0,
    "likeliest": lambda ratings, typical: int(np.argmin([c.measures.get("nats", np.inf) for c in ratings])),
    "nats": lambda ratings, typical: int(np.argmin([middle(c, typical, ["nats"]) for c in ratings])),
    "middle": lambda ratings, typical: int(np.argmin([middle(c, typical, [n for n in typical if n != "copied"]) for c in ratings])),
    "best-of": lambda ratings, typical: int(np.argmin([c.total for c in ratings])),
}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print, or write the table of styles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model", default=None)
    parser.add_argument("--pieces", type=int, default=40)
    parser.add_argument("--of", type=int, default=8)
    parser.add_argument("--human", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--quick", action="store_true", help="4 pieces out of 2")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.pieces, options.of, options.human = 4, 2, 10
    corpus, composer = Corpus(options.corpus), compose.load(options.model)
    if options.write:
        print(write(corpus, composer))
        return
    facts = {
        "machine": machine("onnxruntime"),
        "styles": {s: style_rows(corpus, composer, s, options) for s in composer.bundle.codec.styles},
    }
    print(json.dumps(facts, default=float)) if options.json else table(facts)


def human(corpus: Corpus, split: str, style: str, most: int, seed: int) -> list[Score]:
    """Beginnings of some pieces of a split, in an order of chance."""
    mine = [i for i in corpus.split(split) if corpus.pieces[i].style == style]
    order = np.random.default_rng(seed).permutation(mine)[:most].tolist()
    return [excerpt(corpus.score(i), BARS) for i in order]


def write(corpus: Corpus, composer: compose.Composer) -> str:
    """Measure the training pieces, and how much held-out ones share with them; write the file into the bundle."""
    training = learned(corpus, composer.bundle)
    found: dict[str, list[dict[str, float]]] = {}
    for style in composer.bundle.codec.styles:
        rows = [measures(s, composer.engine, style) for s in human(corpus, "train", style, PIECES_A_STYLE, 1) if s.note_count > 1]
        held = [s for split in ("valid", "test") for s in human(corpus, split, style, PIECES_A_STYLE, 1) if s.note_count > 1]
        found[style] = rows + [{"copied": share} for share in copied(held, training, composer.bundle)]
    table = {style: quartiles(rows) for style, rows in found.items()} | {ALL: quartiles([r for rows in found.values() for r in rows])}
    write_typical(composer.bundle, table, {s: sum("nats" in r for r in rows) for s, rows in found.items()})
    lines = ["| style | " + " | ".join(MEASURES) + " |", "|---" * (1 + len(MEASURES)) + "|"]
    for style, row in table.items():
        lines.append(f"| {style} | " + " | ".join(" / ".join(f"{q:.2f}" for q in row[n]) if n in row else "" for n in MEASURES) + " |")
    return "\n".join(lines)


def style_rows(corpus: Corpus, composer: compose.Composer, style: str, options: argparse.Namespace) -> dict[str, Any]:
    """What each rule chooses, beside humans."""
    engine, bundle = composer.engine, composer.bundle
    typical, training = read_typical(bundle)[style], TRAINING.setdefault(options.corpus, learned(corpus, bundle))
    begin = time.process_time()
    requests = [compose.Generate(bars=BARS, style=style, seed=options.seed * 100_000 + i) for i in range(options.pieces)]
    groups = [candidates(r, options.of) for r in requests]
    written = composer.many([r for g in groups for r in g])
    made = time.process_time() - begin
    ratings, seconds = [], time.process_time()
    for piece, share in zip(written, copied(written, training, bundle), strict=True):
        ratings.append(score(measures(piece, engine, style) | {"copied": share}, typical))
    seconds = time.process_time() - seconds
    test = human(corpus, "test", style, options.human, 2)
    others = human(corpus, "train", style, options.pieces, 2)
    looked = [f for s in test if (f := features_of(s))]
    bounds = quartiles([measures(s, engine, style) for s in test if s.note_count > 1])
    rows = {}
    for name, rule in RULES.items():
        mine = [k * options.of + rule(ratings[k * options.of : (k + 1) * options.of], typical) for k in range(options.pieces)]
        rows[name] = facts_of([written[i] for i in mine], [ratings[i].measures for i in mine], looked, others, bounds)
    found = [measures(s, engine, style) | {"copied": 0.0} for s in others if s.note_count > 1]
    rows["human"] = facts_of(others, found, looked, others, bounds) | {"copied": None}
    return {"rules": rows, "write_s": made, "score_s": seconds, "pieces": options.pieces, "of": options.of, "human": len(looked)}


TRAINING: dict[str, Any] = {}  # of a corpus: read once


def facts_of(pieces: list[Score], found: list[Any], human: list[Any], others: list[Score], bounds: Typical) -> dict[str, Any]:
    """The columns of a row."""
    looked = compared(human, [f for s in pieces if (f := features_of(s))], [f for s in others if (f := features_of(s))])
    out: dict[str, Any] = {}
    for group, names in (("looked at", CHOSEN), ("not", FREE)):
        for key in ("oa", "overlap"):
            values = [looked[n][key] for n in names if looked[n][key] is not None]
            out[f"{key}, {group}"] = float(np.mean([np.mean(v) for v in values]))
    inside = [low <= f[n] <= high for f in found for n, (low, _, high) in bounds.items() if n in f and n != "copied"]
    out["inside"] = float(np.mean(inside))
    out["nats"] = float(np.mean([f["nats"] for f in found if "nats" in f]))
    out["repetition"] = float(np.mean([f["repetition"] for f in found if "repetition" in f]))
    out["copied"] = float(np.mean([f["copied"] for f in found if "copied" in f]))
    return out


def table(facts: dict[str, Any]) -> None:
    """Print as Markdown: a table over all styles, and one for each."""
    print(facts["machine"], "\n")
    styles = facts["styles"]
    names = list(next(iter(styles.values()))["rules"]["first"])
    for style in ("mean", *styles):
        of = list(styles.values()) if style == "mean" else [styles[style]]
        print(f"| {style} | " + " | ".join(names) + " |\n|---" + "|---" * len(names) + "|")
        for rule in (*RULES, "human"):
            cells = [[s["rules"][rule][n] for s in of] for n in names]
            print(f"| {rule} | " + " | ".join("" if None in c else f"{np.mean(c):.3f}" for c in cells) + " |")
        print()
    made, scored = (sum(s[k] for s in styles.values()) for k in ("write_s", "score_s"))
    count = sum(s["pieces"] * s["of"] for s in styles.values())
    print(f"{count} candidates: {made:.1f} s to write, {scored:.1f} s to score (processor time)")


if __name__ == "__main__":
    main()
