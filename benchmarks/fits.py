"""Does what is new fit its surroundings, and which rule does it?

    python benchmarks/fits.py CORPUS [--styles pop909 lieder] [--pieces 50] [--seeds 2] [--model base]
    python benchmarks/fits.py CORPUS --rules [--pieces 10]

Pieces of the test split (and, where those are too few, of the validation split), their first 16 bars: bars 5 to 8 are written anew in
all tracks (*infill*) and in the busiest of several (*one track*); the 4 bars after the first 8 are written (*continue*). A part's
surroundings are its own notes that stay. *Outside*: share of new notes further than a fourth beyond the part's own range. *Off scale*:
share of new notes whose pitch class has less than 1 % of the sounding time around, less the same of what the person wrote there
(points). *Overlap*: of parts that are one voice around, share of new notes that start while another of the part sounds, less the same
of the person's (points). *Velocity*: difference between the medians of new notes and surroundings, mean over the parts. --rules turns
off one rule of `melody/compose/fitting.py` after the other, over all collections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from bench import Table, Target, finish, parsed, pieces

from melody import compose, edit, theory
from melody.compose import Continue, Infill, Request
from melody.compose.fitting import ALL, RARE, Fitting, sounding_together
from melody.compose.tune import Tune
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.score import Score
from melody.score import Table as Notes

BARS, FROM, TO = 16, 5, 8  # of a piece; first and last bar of the hole
LEAST = 8  # notes that have to stand around and inside the hole
FOURTH = 5  # semitones
ONE_VOICE = 0.02  # share of overlaps up to which a part is one voice
FIGURES = ("outside", "off scale", "overlap", "velocity")
VERBS = ("infill", "one track", "continue")
RULES = [f.name for f in fields(Fitting) if f.name not in ("start", "strokes", "nearest")]
Figures = dict[str, tuple[float, float]]  # by figure: sum and count


@dataclass(frozen=True, eq=False)
class Case:
    """A request, and the ticks between which its notes are measured in some tracks against what the person wrote."""

    request: Request
    whole: Score
    span: tuple[int, int]
    tracks: tuple[int, ...]


def cases(score: Score, verb: str, seed: int, fitting: Fitting) -> Case | None:
    """What one piece is asked; None where it has too few bars or notes."""
    if theory.bar_count(score) < BARS or not 1 <= len(score.tracks) <= 16:
        return None
    whole = edit.cut(score, 0, int(theory.bar_start(score, BARS)))
    low, high = (int(t) for t in theory.bar_start(whole, [FROM - 1, TO]))
    if verb == "continue":
        low, high = high, int(theory.bar_start(whole, 2 * TO - FROM + 1))
        source = edit.cut(whole, 0, low)
        request: Request = Continue(tune=Tune(source), bars=TO - FROM + 1, seed=seed, fitting=fitting)
        whole = edit.cut(whole, 0, high)
    else:
        request = Infill(tune=Tune(whole), from_bar=FROM, to_bar=TO, seed=seed, fitting=fitting)
    pitched = [i for i, t in enumerate(whole.tracks) if not t.is_drum]
    inside = {i: int(((n := whole.tracks[i].notes["onset"]) >= low).sum() - (n >= high).sum()) for i in pitched}
    around = {i: len(whole.tracks[i].notes) - inside[i] for i in pitched}
    good = [i for i in pitched if inside[i] >= LEAST // 2 and around[i] >= LEAST]
    if not good or (verb == "one track" and len(pitched) < 2):
        return None
    if verb == "one track":
        busiest = max(good, key=lambda i: inside[i])
        return Case(replace(request, track=busiest + 1), whole, (low, high), (busiest,))  # type: ignore[call-arg]  # an infill
    return Case(request, whole, (low, high), tuple(good))


def measured(case: Case, result: Score) -> Figures:
    """The figures of one result, summed over its parts."""
    low, high = case.span
    out: dict[str, tuple[float, float]] = dict.fromkeys(FIGURES, (0.0, 0.0))
    for index in case.tracks:
        whole = case.whole.tracks[index].notes
        human = (whole["onset"] >= low) & (whole["onset"] < high)
        new = result.tracks[index].notes
        new = new[(new["onset"] >= low) & (new["onset"] < high)]
        for name, value in part_figures(whole[~human], whole[human], new, case.whole.ticks_per_quarter, scale(case)).items():
            weight = 1 if name == "velocity" else len(new)
            out[name] = (out[name][0] + value * weight, out[name][1] + weight)
    return out


def part_figures(around: Notes, human: Notes, new: Notes, per_quarter: int, inside: np.ndarray) -> dict[str, float]:
    """The figures of one part."""
    if not len(new):
        return {}
    low, high = int(around["pitch"].min()) - FOURTH, int(around["pitch"].max()) + FOURTH
    out = {
        "outside": float(((new["pitch"] < low) | (new["pitch"] > high)).mean()),
        "off scale": float((~inside[new["pitch"] % 12]).mean() - (~inside[human["pitch"] % 12]).mean()),
        "velocity": abs(float(np.median(new["velocity"])) - float(np.median(around["velocity"]))),
    }
    if overlaps(around, per_quarter) <= ONE_VOICE:
        out["overlap"] = overlaps(new, per_quarter) - overlaps(human, per_quarter)
    return out


def overlaps(notes: Notes, per_quarter: int) -> float:
    """Share of notes that start while another one sounds; legato does not count."""
    return float((sounding_together(notes, per_quarter) > 1).mean())


def scale(case: Case) -> np.ndarray:
    """(12,): the pitch classes that sound around."""
    low, high = case.span
    notes = np.concatenate([t.notes for t in case.whole.tracks if not t.is_drum])
    notes = notes[(notes["onset"] < low) | (notes["onset"] >= high)]
    share = np.bincount(notes["pitch"] % 12, notes["duration"], 12) / max(1, notes["duration"].sum())
    return np.asarray(share >= RARE)


def run(composer: compose.Composer, found: Sequence[Case]) -> Figures:
    """The figures of all cases."""
    sums = dict.fromkeys(FIGURES, (0.0, 0.0))
    for case, result in zip(found, composer.results([c.request for c in found]), strict=True):
        if isinstance(result, MelodyError):
            continue
        for name, (value, weight) in measured(case, result).items():
            sums[name] = (sums[name][0] + value, sums[name][1] + weight)
    return sums


def means(sums: Figures) -> list[float | None]:
    """The figures in their order."""
    return [sums[name][0] / sums[name][1] if sums[name][1] else None for name in FIGURES]


def chosen(corpus: Corpus, style: str, verb: str, most: int, seeds: int, fitting: Fitting = ALL) -> Iterator[Case]:
    """Cases of a collection."""
    count = 0
    for index in pieces(corpus, "test", style, None, 1) + pieces(corpus, "valid", style, None, 1):
        case = cases(corpus.score(index), verb, 0, fitting)
        if case is not None:
            yield from (replace(case, request=replace(case.request, seed=seed)) for seed in range(seeds))
            count += 1
            if count == most:
                return


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    quick = {"pieces": 1, "seeds": 1}
    options = parsed(__file__, __doc__, arguments, ["corpus"], quick, model=None, styles=[""], pieces=50, seeds=2, rules=False)
    corpus, composer = Corpus(options.corpus), compose.load(options.model)
    styles = [s for s in options.styles if s] or [s for s in corpus.styles if s != "groove"]
    spec = {"outside": ".1%", "off scale": "+.1%", "overlap": "+.1%", "velocity": ".1f"}
    if options.rules:
        finish(*rules_table(options, corpus, composer, styles, spec), packages=["onnxruntime"])
        return
    rows: list[list[str | float | None]] = []
    for style in styles:
        for verb in VERBS:
            found = list(chosen(corpus, style, verb, options.pieces, options.seeds))
            if found:
                rows.append([style, verb, len(found), *means(run(composer, found))])
    worst = {name: max((row[3 + i] for row in rows if row[3 + i] is not None), default=0.0) for i, name in enumerate(FIGURES)}  # type: ignore[type-var]
    targets = [
        Target("most notes outside, of all collections,", float(worst["outside"]), 0.02, ".1%", most=True),  # type: ignore[arg-type]
        Target("most off the scale beyond the person's", float(worst["off scale"]), 0.03, ".1%", most=True),  # type: ignore[arg-type]
        Target("most overlap of single voices beyond the person's", float(worst["overlap"]), 0.05, ".1%", most=True),  # type: ignore[arg-type]
        Target("largest difference of median velocities", float(worst["velocity"]), 10, ".1f", most=True),  # type: ignore[arg-type]
    ]
    met = sum(t.value <= t.goal for t in targets)
    finish(
        options,
        f"{met} of {len(targets)} limits kept in every collection",
        [Table({"collection": "", "verb": "", "written": ""} | spec, rows)],
        targets,
        packages=["onnxruntime"],
    )


def rules_table(
    options: object, corpus: Corpus, composer: compose.Composer, styles: Sequence[str], spec: Mapping[str, str]
) -> tuple[object, str, list[Table]]:
    """One rule off after the other."""
    most, seeds = options.pieces, options.seeds  # type: ignore[attr-defined]
    rows: list[list[str | float | None]] = []
    for verb in VERBS:
        for rule in ("", *RULES):
            fitting = ALL if not rule else replace(ALL, **{rule: False})
            found = [case for style in styles for case in chosen(corpus, style, verb, most, seeds, fitting)]
            rows.append([verb, rule or "(all on)", len(found), *means(run(composer, found))])
    answer = "Each rule keeps what it is for"
    return options, answer, [Table({"verb": "", "without": "", "written": ""} | spec, rows)]


if __name__ == "__main__":
    main()
