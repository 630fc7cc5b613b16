"""Does the music do what was asked for?

    python benchmarks/control.py CORPUS [--model base] [--styles pop hymn] [--pieces 20] [--seeds 1]

Each control against the same request without it (*free*), on what people wrote in the test split (*people*): the first 16 bars of a piece
are asked for again with its style, meter, tempo and instruments, and with one thing more that is read off it: its chords, one a bar
(share of half bars with its root; with root and family: major, minor, diminished, augmented; by `melody.theory`, which finds the labelled
root of pop909 in 88 % of half bars, and the family too in 79 %; suspended, augmented and diminished seventh chords, whose tones are those
of other chords too, are asked for but not counted), its key, how many notes it has a quarter (difference in per cent), the range of its
pitches made a fifth narrower on either side. *Melody on chord*: share of its notes on the first beat and in the middle of a bar that are
tones of the chord asked for. *Returns*, with the form AABA: likeness of the bars of a section that comes back to those of its first time
(people: sections that `theory.sections_of` finds); *others*: likeness of the sections B to A. *One voice*: notes that begin while no
other of their part sounds. The chords also for the other verbs: 8 bars after the first 8, everything but the melody, the bars 5 to 12.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from bench import Table, Target, finish, parsed, pieces
from control_figures import (
    BARS,
    VOICES,
    Case,
    Figures,
    case_of,
    chord_figures,
    density,
    in_scale,
    likeness,
    narrower,
    one_voice,
    pitched_notes,
    sheet,
)

from melody import compose, edit, theory
from melody.compose import Accompany, Continue, Infill, Request
from melody.compose.tune import Tune
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.score import Score
from melody.theory.sections import parse_form

FORM = "A:4 A:4 B:4 A:4"


def cases(corpus: Corpus, styles: Sequence[str], most: int) -> Iterator[Case]:
    """Pieces of the test split, then of the validation split."""
    for style in styles:
        count = 0
        for index in pieces(corpus, "test", style, None, 1) + pieces(corpus, "valid", style, None, 1):
            found = case_of(corpus.score(index), style)
            if found is not None:
                yield found
                count += 1
            if count == most:
                break


def written(composer: compose.Composer, requests: Sequence[Request]) -> list[Score | None]:
    """What came of each."""
    return [None if isinstance(found, MelodyError) else found for found in composer.results(requests)]


def verbs(case: Case, seed: int, chords: bool) -> Iterator[tuple[str, Request, int, int]]:
    """The chords in each verb: its name, the request, the bars that are measured."""

    def more(first: int, bars: int) -> dict[str, Any]:
        return {"chords": sheet(case, first, bars), "seed": seed} if chords else {"seed": seed}

    half = BARS // 2
    line = int(theory.bar_start(case.score, half))
    yield "generate", case.request(**({"seed": seed} | more(0, BARS))), 0, BARS
    yield "continue", Continue(tune=Tune(edit.cut(case.score, 0, line)), bars=half, style=case.style, **more(half, half)), half, half
    yield "infill", Infill(tune=Tune(case.score), from_bar=5, to_bar=12, style=case.style, **more(4, half)), 4, half
    lead = theory.lead_track(case.score)[0]
    if lead is not None and len(case.score.tracks) > 1:
        own = edit.with_tracks(case.score, [case.score.tracks[lead]])
        others = tuple("drums" if t.is_drum else str(t.program) for i, t in enumerate(case.score.tracks) if i != lead)[:VOICES]
        yield "accompany", Accompany(tune=Tune(own), voices=others, style=case.style, **more(0, BARS)), 0, BARS


def mean(values: Sequence[float]) -> float | None:
    """None for no values."""
    return float(np.mean(values)) if len(values) else None


def chord_rows(composer: compose.Composer, found: Sequence[Case], seeds: int) -> list[list[Any]]:
    """Root, family and melody for each verb."""
    jobs: dict[tuple[str, bool], list[tuple[Case, Request, int, int]]] = {}
    for case in found:
        for seed in range(seeds):
            for chords in (False, True):
                for verb, request, first, bars in verbs(case, seed, chords):
                    jobs.setdefault((verb, chords), []).append((case, request, first, bars))
    rows: list[list[Any]] = []
    people = [chord_figures(case, case.score) for case in found]
    for verb in dict.fromkeys(verb for verb, _ in jobs):
        by: dict[bool, list[Figures]] = {}
        for chords in (False, True):
            mine = jobs[verb, chords]
            done = written(composer, [request for _, request, _, _ in mine])
            by[chords] = [chord_figures(c, score, f, b) for (c, _, f, b), score in zip(mine, done, strict=True) if score is not None]
        for name, title in (("root", "root"), ("family", "root and family"), ("melody", "melody on chord")):
            if verb == "accompany" and name == "melody":
                continue
            figures = [mean([f[name] for f in some if name in f]) for some in (people, by[False], by[True])]
            rows.append([f"chords, {verb}", title, len(by[True]), *figures])
    return rows


Measure = Callable[[Case, Score], float | None]


def other_rows(composer: compose.Composer, found: Sequence[Case], seeds: int) -> list[list[Any]]:
    """The other controls."""

    def quarters(case: Case) -> float:
        return float(theory.bar_start(case.score, BARS)) / case.score.ticks_per_quarter

    def off(case: Case, score: Score) -> float:
        return abs(density(score, quarters(case)) / density(case.score, quarters(case)) - 1)

    def inside(case: Case, score: Score) -> float:
        low, high = narrower(case)
        pitch = pitched_notes(score)["pitch"]
        return float(((pitch >= low) & (pitch <= high)).mean()) if len(pitch) else 1.0

    def named(case: Case) -> dict[str, Any]:
        low, high = narrower(case)
        return {"range": f"{theory.pitch_name(max(0, low))}-{theory.pitch_name(min(127, high))}"}

    sections = parse_form(FORM, BARS)

    def returning(case: Case, score: Score) -> float | None:
        return mean(likeness(score, theory.sections_of(score) if score is case.score else sections)[0])

    def others(case: Case, score: Score) -> float | None:
        return mean(likeness(score, theory.sections_of(score) if score is case.score else sections)[1])

    table: list[tuple[str, dict[str, Measure], Callable[[Case], dict[str, Any]]]] = [
        ("form AABA", {"returns": returning, "others": others}, lambda case: {"form": FORM}),
        ("key", {"time in its scale": in_scale}, lambda case: {"key": theory.key_name(theory.key_of(case.score))}),
        ("density", {"difference": off}, lambda case: {"density": float(np.clip(density(case.score, quarters(case)), 0.1, 16))}),
        ("range", {"notes inside": inside}, named),
        ("polyphony 1", {"one voice": lambda case, score: one_voice(score)}, lambda case: {"polyphony": 1}),
    ]
    free = [case.request(seed) for case in found for seed in range(seeds)]
    who = [case for case in found for _ in range(seeds)]
    plain = written(composer, free)
    rows: list[list[Any]] = []
    for control, figures, more in table:
        done = written(composer, [case.request(i % seeds, **more(case)) for i, case in enumerate(who)])
        for name, measure in figures.items():
            by_person = [v for case in found if (v := measure(case, case.score)) is not None]
            values = [
                [v for c, s in zip(who, some, strict=True) if s is not None and (v := measure(c, s)) is not None] for some in (plain, done)
            ]
            rows.append([control, name, len(values[1]), mean(by_person), mean(values[0]), mean(values[1])])
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    quick = {"pieces": 1, "seeds": 1}
    options = parsed(__file__, __doc__, arguments, ["corpus"], quick, model=None, styles=[""], pieces=20, seeds=1)
    corpus, composer = Corpus(options.corpus), compose.load(options.model)
    styles = [s for s in options.styles if s] or [s for s in corpus.styles if s in composer.bundle.codec.styles]
    found = list(cases(corpus, styles, options.pieces))
    rows = chord_rows(composer, found, options.seeds) + other_rows(composer, found, options.seeds)
    value = {(row[0], row[1]): row[5] or 0.0 for row in rows}
    own = {(row[0], row[1]): row[3] or 0.0 for row in rows}
    targets = [
        Target("half bars with the root asked for", value["chords, generate", "root"], 0.9, ".1%"),
        Target("half bars with root and family", value["chords, generate", "root and family"], 0.8, ".1%"),
        Target(
            "melody on chords on strong beats, beside people's",
            abs(value["chords, generate", "melody on chord"] - own["chords, generate", "melody on chord"]),
            0.05,
            ".1%",
            most=True,
        ),
        Target("time in the scale of the key", value["key", "time in its scale"], 0.99, ".1%"),
        Target("difference of density", value["density", "difference"], 0.15, ".1%", most=True),
        Target("notes in the range", value["range", "notes inside"], 1.0, ".1%"),
        Target("one voice", value["polyphony 1", "one voice"], 1.0, ".1%"),
    ]
    kept = sum(t.value <= t.goal if t.most else t.value >= t.goal for t in targets)
    columns = {"control": "", "figure": "", "written": ",", "people": ".1%", "free": ".1%", "controlled": ".1%"}
    finish(options, f"{kept} of {len(targets)} controls do what they say", [Table(columns, rows)], targets, packages=["onnxruntime"])


if __name__ == "__main__":
    main()
