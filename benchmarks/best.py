"""Does `--best-of` choose better pieces? Rules of choice beside one another, on the same candidates.

    python benchmarks/best.py CORPUS [--model base] [--pieces 40] [--of 8] [--human 80] [--seed 1]

For each style new pieces of 16 bars are chosen out of some candidates each, by *first*, no choice; *likeliest*, the fewest nats a
note; *nats*, nats a note nearest to the style's median; *middle*, all measures, each by its distance from the style's median;
*best-of*, the score of `melody/compose/best.py`: what lies outside the style's quartiles; *human*: other human pieces, of the
training split. Columns, against beginnings of test pieces: *OA*, the overlap area of Yang and Lerch, and the *overlap* of the mean
distributions, means over features (`melody/evaluation/overlap.py`), apart for those that the score looks at and those that it does
not; *inside*, share of the score's measures between the human quartiles; *copied*, share of notes in runs of 12 that occur in the
training split.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from bench import Table, finish, parsed, pieces

from melody import compose
from melody.compose.best import Rating, candidates, score
from melody.corpus import Corpus
from melody.evaluation.beside import excerpt
from melody.evaluation.copying import copied, training_runs
from melody.evaluation.features import FEATURES, features_of
from melody.evaluation.overlap import compared
from melody.evaluation.typical import BARS, Typical, measures, quartiles, read_typical
from melody.score import Score

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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    quick = {"pieces": 2, "of": 2, "human": 4}
    options = parsed(__file__, __doc__, arguments, ["corpus"], quick, model=None, pieces=40, of=8, human=80, seed=1)
    corpus, composer = Corpus(options.corpus), compose.load(options.model)
    training = training_runs(corpus, composer.bundle.codec)
    found = {style: style_rows(corpus, composer, training, style, options) for style in composer.bundle.codec.styles}
    names = list(next(iter(found.values()))[0]["first"])
    columns = {"chosen by": ""} | dict.fromkeys(names, ".3f")

    def table(title: str, of: list[dict[str, dict[str, float]]]) -> Table:
        rows = [[rule, *(float(np.mean([rows[rule][n] for rows in of])) for n in names)] for rule in (*RULES, "human")]
        return Table(columns, rows, title)

    means = table("Means over the styles", [rows for rows, _, _ in found.values()])
    made, scored = (sum(times[i] for times in found.values()) for i in (1, 2))
    count = options.pieces * options.of * len(found)
    cost = Table(
        {"candidates": ",", "ms to write one": ".0f", "ms to score one": ".0f"}, [[count, 1e3 * made / count, 1e3 * scored / count]]
    )
    inside = {row[0]: row[1 + names.index("inside")] for row in means.rows}
    answer = f"{inside['best-of']:.3f} of a piece's measures between the quartiles, {inside['first']:.3f} without; the set becomes narrower"
    finish(options, answer, [means, cost, *(table(s, [rows]) for s, (rows, _, _) in found.items())], packages=["onnxruntime"])


def human(corpus: Corpus, split: str, style: str, most: int, seed: int) -> list[Score]:
    """Beginnings of some pieces of a split, in an order of chance."""
    return [excerpt(corpus.score(i), BARS) for i in pieces(corpus, split, style, most, seed)]


def style_rows(
    corpus: Corpus, composer: compose.Composer, training: Any, style: str, options: Namespace
) -> tuple[dict[str, dict[str, float]], float, float]:
    """What each rule chooses, beside humans; processor seconds to write the candidates and to score them."""
    engine, bundle = composer.engine, composer.bundle
    typical, begin = read_typical(bundle)[style], time.process_time()
    requests = [compose.Generate(bars=BARS, style=style, seed=options.seed * 100_000 + i) for i in range(options.pieces)]
    written = composer.many([r for request in requests for r in candidates(request, options.of)])
    made, begin = time.process_time() - begin, time.process_time()
    shares = copied(written, training, bundle.codec)
    ratings = [score(measures(p, engine, style) | {"copied": share}, typical) for p, share in zip(written, shares, strict=True)]
    scored = time.process_time() - begin
    test, others = human(corpus, "test", style, options.human, 2), human(corpus, "train", style, options.pieces, 2)
    looked = [f for s in test if (f := features_of(s))]
    bounds = quartiles([measures(s, engine, style) for s in test if s.note_count > 1])
    rows = {}
    for name, rule in RULES.items():
        mine = [k * options.of + rule(ratings[k * options.of : (k + 1) * options.of], typical) for k in range(options.pieces)]
        rows[name] = facts_of([written[i] for i in mine], [ratings[i].measures for i in mine], looked, others, bounds)
    found = [measures(s, engine, style) for s in others if s.note_count > 1]
    rows["human"] = facts_of(others, found, looked, others, bounds)
    return rows, made, scored


def facts_of(chosen: list[Score], found: list[Any], human: list[Any], others: list[Score], bounds: Typical) -> dict[str, Any]:
    """The columns of a row."""
    looked = compared(human, [f for s in chosen if (f := features_of(s))], [f for s in others if (f := features_of(s))])
    out: dict[str, Any] = {}
    for group, names in (("looked at", CHOSEN), ("not", FREE)):
        for key in ("oa", "overlap"):
            values = [looked[n][key] for n in names if looked[n][key] is not None]
            out[f"{key}, {group}"] = float(np.mean([np.mean(v) for v in values]))
    inside = [low <= f[n] <= high for f in found for n, (low, _, high) in bounds.items() if n in f and n != "copied"]
    out["inside"] = float(np.mean(inside))
    for name in ("nats", "repetition", "copied"):
        known = [f[name] for f in found if name in f]
        out[name] = float(np.mean(known)) if known else float("nan")  # people's pieces are not looked for among people's
    return out


if __name__ == "__main__":
    main()
