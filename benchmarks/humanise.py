"""Does `melody humanise` play as drummers do? A classifier on windows of two bars says how well it tells the one from the other.

    python benchmarks/humanise.py CORPUS [--performances 30] [--takes 5] [--seed 1]

Drum performances of the collection groove that the table was not learned from (test and validation splits of CORPUS) are *quantised*, and
humanised again. *Timing*: onsets alone are quantised, velocities stay the players'; *both*: all velocities of a performance are one number
too. *AUC*: 0.5 where the classifier cannot tell them from the players', 1 where it always can. It is a logistic regression on some 90
numbers of a window (offsets from the grid and velocities by drum and place, their deviations, correlations and extremes), in five folds, a
performance being on one side, and beside it gradient boosting on the same. *White noise* has the deviations of the players' windows,
drawn for each hit alone. *In order*: share of neighbouring onsets, and of pairs of velocities, that keep their order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from bench import Table, Target, finish, parsed
from numpy.typing import NDArray

from melody.corpus import Corpus
from melody.evaluation.judge_numbers import FOLDS, distinguish
from melody.groove.human import humanised
from melody.groove.moves import in_order, quantised, replayed
from melody.groove.places import BEATS, DRUM_FAMILIES, PARTS, placed
from melody.groove.profile import shipped
from melody.score import Score
from melody.theory.bars import bar_of

BARS = 2
LEAST = 12  # notes of a window
DIVISIONS = 4  # of the performances in folds
FARTHEST = 6.0  # sd
PULL = 0.02  # of the regression towards 0 (scikit-learn's C)
Floats = NDArray[np.float64]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    options = parsed(
        __file__, __doc__, arguments, ["corpus"], {"performances": 6, "takes": 1}, performances=30, takes=5, seed=1, collection="groove"
    )
    played = performances(Corpus(options.corpus), options.performances, options.collection)
    rng = np.random.default_rng(options.seed)
    grid = [quantised(score) for score in played]
    flat = [level(score) for score in grid]
    table = shipped()

    def again(scores: Sequence[Score], dynamics: float, take: int) -> list[Score]:
        return [humanised(s, table, 1.0, dynamics, options.seed * 10_000 + take * 1000 + i) for i, s in enumerate(scores)]

    def noisy(scores: Sequence[Score]) -> list[Score]:
        return [white(s, p, rng) for s, p in zip(scores, played, strict=True)]

    takes = range(options.takes)
    made: dict[str, list[list[Score]]] = {
        "timing: quantised": [grid],
        "timing: humanised": [again(grid, 0.0, take) for take in takes],
        "both: quantised": [flat],
        "both: white noise": [noisy(flat) for _ in takes],
        "both: humanised": [again(flat, 1.0, take) for take in takes],
    }
    steps = [placed(s).steps for s in played]
    people, pieces = windows(played, steps)
    rows, auc = [], {}
    for name, versions in made.items():
        found, kept, start = [], [], flat if name.startswith("both") else grid
        for scores in versions:
            theirs, of = windows(scores, steps)
            one, two, of = filled(people), filled(theirs, people), np.concatenate([pieces, of])
            found.append((linear(one, two, of), distinguish(one, two, of)[0]))
            kept += [in_order_share(a, b) for a, b in zip(start, scores, strict=True)]
        auc[name], trees = np.mean(found, 0).tolist()
        least, most = min(f[0] for f in found), max(f[0] for f in found)
        rows.append([name, len(versions), len(people), auc[name], least, most, trees, *np.mean(kept, 0).tolist()])
    columns = {
        "performances": "",
        "takes": "",
        "windows": ",",
        "AUC": ".3f",
        "least": ".3f",
        "most": ".3f",
        "of boosting": ".3f",
        "onsets in order": ".2%",
        "velocities in order": ".2%",
    }
    targets = [
        Target("AUC of quantised timing", auc["timing: quantised"], 0.95, ".3f"),
        Target("AUC of humanised timing", auc["timing: humanised"], 0.75, ".3f", most=True),
        Target("AUC of quantised timing and velocities", auc["both: quantised"], 0.95, ".3f"),
        Target("AUC of humanised timing and velocities", auc["both: humanised"], 0.75, ".3f", most=True),
    ]
    answer = f"told from the players' with an AUC of {auc['timing: humanised']:.3f} (timing) and {auc['both: humanised']:.3f} (both)"
    finish(options, answer, [Table(columns, rows)], targets, packages=["scikit-learn"])


def performances(corpus: Corpus, most: int, collection: str) -> list[Score]:
    """The longest; of each at most 64 bars."""
    found = [i for split in ("test", "valid") for i in corpus.split(split) if corpus.pieces[i].collection.startswith(collection)]
    scores = [corpus.score(i) for i in sorted(found, key=lambda i: -corpus.pieces[i].note_count)[:most]]
    return [first_bars(s, 64) for s in scores]


def first_bars(score: Score, bars: int) -> Score:
    """The notes of the first bars."""
    return replace(score, tracks=tuple(replace(t, notes=t.notes[bar_of(score, t.notes["onset"]) < bars]) for t in score.tracks))


def level(score: Score) -> Score:
    """All velocities of a track are their mean."""
    tracks = []
    for t in score.tracks:
        notes = t.notes.copy()
        notes["velocity"] = round(float(notes["velocity"].mean())) if len(notes) else 0
        tracks.append(replace(t, notes=notes))
    return replace(score, tracks=tuple(tracks))


def white(score: Score, player: Score, rng: np.random.Generator) -> Score:
    """Noise of the player's own deviations on each hit alone."""
    theirs, at = placed(player), placed(score)
    move = np.rint(rng.normal(0, theirs.offset.std(), len(at.onset)) * score.ticks_per_quarter).astype(np.int64)
    loud = np.clip(np.rint(at.velocity + rng.normal(0, theirs.velocity.std(), len(at.onset))), 1, 127).astype(np.int64)
    return replayed(score, in_order(at.onset, move), loud)


def in_order_share(before: Score, after: Score) -> tuple[float, float]:
    """Shares of neighbours in time, and in velocity, whose order is as before; notes are matched by pitch and their order in it."""
    a, b = (np.concatenate([t.notes for t in s.tracks]) for s in (before, after))
    one, two = np.lexsort((a["onset"], a["pitch"])), np.lexsort((b["onset"], b["pitch"]))
    a, b = a[one], b[two]
    twice = (np.diff(a["onset"]) == 0) & (np.diff(a["pitch"]) == 0)
    single = ~(np.append(twice, False) | np.append(False, twice))  # of two that were one note it cannot be said which is which
    a, b = a[single], b[single]
    order = np.argsort(a["onset"], kind="stable")
    time, moved = a["onset"][order], b["onset"][order]
    firsts = np.flatnonzero(np.append(True, np.diff(time) > 0))
    lows, highs = np.minimum.reduceat(moved, firsts), np.maximum.reduceat(moved, firsts)
    onsets = float((highs[:-1] < lows[1:]).mean()) if len(firsts) > 1 else 1.0
    rank = np.argsort(a["velocity"], kind="stable")
    old, new = a["velocity"][rank], b["velocity"][rank]
    starts = np.flatnonzero(np.append(True, np.diff(old) > 0))
    low, high = np.minimum.reduceat(new, starts), np.maximum.reduceat(new, starts)
    return onsets, float((high[:-1] <= low[1:]).mean()) if len(starts) > 1 else 1.0


def windows(scores: Sequence[Score], steps: Sequence[int]) -> tuple[Floats, NDArray[np.int64]]:
    """Numbers of all windows (w, f), and the performance of each."""
    rows, of = [], []
    for i, (score, grid) in enumerate(zip(scores, steps, strict=True)):
        at = placed(score, grid)
        window = bar_of(score, at.grid) // BARS
        for number in np.unique(window).tolist():
            mine = np.flatnonzero(window == number)
            if len(mine) >= LEAST:
                order = mine[np.lexsort((at.family[mine], at.grid[mine]))]
                rows.append(numbers(at.offset[order], at.velocity[order] / 127, at.family[order], at.place[order], at.grid[order]))
                of.append(i)
    return np.array(rows), np.array(of)


def numbers(late: Floats, loud: Floats, family: NDArray[np.int64], place: NDArray[np.int64], grid: NDArray[np.int64]) -> Floats:
    """What is known of one window; what it does not have is nan."""
    out: list[float] = []
    part, beat = place % PARTS, place // PARTS
    groups = [np.ones(len(late), bool), *(family == f for f in range(len(DRUM_FAMILIES) - 1)), *(part == p for p in range(PARTS))]
    groups += [beat == b for b in range(BEATS)]
    for values in (late, loud):
        for mine in groups:
            some = values[mine]
            out += [some.mean(), some.std() if len(some) > 1 else np.nan] if len(some) else [np.nan, np.nan]
        steps = np.diff(values)
        together = np.diff(grid) == 0
        out += [np.abs(values - values.mean()).mean(), np.ptp(values), float(values.max()), float(values.min())]
        out += [float(np.abs(steps[which]).mean()) if which.any() else np.nan for which in (together, ~together)]
        out.append(correlation(values[:-1], values[1:]))
        out.append(len(np.unique(np.round(values, 4))) / len(values))
    out.append(correlation(late, loud))
    return np.array(out, np.float64)


def correlation(a: Floats, b: Floats) -> float:
    """Of two series; 0 where one does not move."""
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 and a.std() > 1e-9 and b.std() > 1e-9 else 0.0


def filled(rows: Floats, like: Floats | None = None) -> Floats:
    """What is not known of a window is what people's have on the average."""
    means = np.ma.masked_invalid(rows if like is None else like).mean(0).filled(0.0)
    return np.where(np.isnan(rows), means, rows)


def linear(people: Floats, made: Floats, of: NDArray[np.int64]) -> float:
    """AUC of a logistic regression, means of some divisions of the performances in five folds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold

    x, y = np.concatenate([people, made]), np.repeat([0, 1], [len(people), len(made)])
    found = []
    for division in range(DIVISIONS):
        likely = np.zeros(len(y))
        for train, test in GroupKFold(min(FOLDS, len(set(of.tolist()))), shuffle=True, random_state=division).split(x, y, of):
            mean, sd = x[train].mean(0), x[train].std(0) + 1e-6
            scaled = np.clip((x - mean) / sd, -FARTHEST, FARTHEST)
            likely[test] = LogisticRegression(C=PULL, max_iter=2000).fit(scaled[train], y[train]).decision_function(scaled[test])
        found.append(roc_auc_score(y, likely))
    return float(np.mean(found))


if __name__ == "__main__":
    main()
