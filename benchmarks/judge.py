"""Can music by the model be told from people's, and by what?

    python benchmarks/judge.py CORPUS [--model base] [--kinds pop chorales=hymn+chorale] [--verbs generate continue accompany]
                               [--split test] [--windows 150] [--seed 1] [--temperature 1] [--top-p 0.98] [--fields pitch=0.8] [--keys]
                               [--public ../shared/judge/judge.py]

``melody/evaluation/judge.py`` on windows of 16 bars: new pieces of 32 bars in the styles of each kind, 16 bars after 16 that are given,
accompaniments of 16 bars of a melody; defaults, one window a piece. A kind is a style, or several (``name=style+style``). *all*, *form*,
...: AUC (0.5: not at all, 1: always; differences below 0.04 say nothing); *given*: how it goes with what was given, not part of *all*;
*halves*: people against people; *shuffled*: people against people with their bars shuffled; *distance*: 1 is as near as two halves of
people. ``--fields`` sets factors on the temperature, ``--keys`` asks for the key of a training piece of the style; ``--split all`` takes
people's windows from all splits. ``--public`` runs another judge, which shares no code with this one, on the same windows as MIDI files.

Returns: likeness of bars to the best earlier one and to those 4, 8 and 16 bars before, in whole pieces of 32 bars, beside the quartiles of
people's first 32 bars. Copied: share of notes in runs of 12 that occur in the training split.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from bench import Cell, Table, Target, finish, parsed

from melody import compose, midi, theory
from melody.compose.judged import PIECE_BARS, Judged, JudgeSettings, judged
from melody.compose.request import Request
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.evaluation.copying import copying, runs_of
from melody.evaluation.judge import MIN_WINDOWS
from melody.evaluation.judge_features import GROUPS
from melody.evaluation.judge_given import GIVEN
from melody.evaluation.judge_windows import Window
from melody.evaluation.returns import returns_beside
from melody.score import Score, Track, meter_table, note_table

KINDS = ["pop", "lieder", "keyboard", "quartet", "chorales=hymn+chorale", "folk", "bands=band"]
MAX_DISTANCE, MAX_GROUP, MAX_ALL, MAX_GIVEN = 1.5, 0.80, 0.90, 0.85
EXPORT_TRACKS = 4  # notes of one pitch take turns, so that none ends another in the file
REASONS = 3


@dataclass(frozen=True)
class Kind:
    """Styles that are judged together."""

    name: str
    styles: tuple[str, ...]


def kind_of(text: str) -> Kind:
    """``"chorales=hymn+chorale"`` or ``"pop"``."""
    name, _, styles = text.partition("=")
    return Kind(name, tuple((styles or name).split("+")))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    drawing = {"temperature": compose.Sampling.temperature, "top_p": compose.Sampling.top_p}
    quick = {"windows": MIN_WINDOWS, "least": 10}
    music = {"kinds": KINDS, "verbs": ["generate"], "split": "test", "windows": 150, "seed": 1}
    words = {"model": None, "fields": None, "keys": False, "public": None, "least": MIN_WINDOWS}
    options = parsed(__file__, __doc__, arguments, ["corpus"], quick, **music, **words, **drawing)
    corpus, composer = Corpus(options.corpus), compose.load(options.model)
    factors = {name: float(value) for name, _, value in (pair.partition("=") for pair in (options.fields or "").split(",") if pair)}
    sampling = compose.Sampling(temperature=options.temperature, top_p=options.top_p, fields=factors)
    rows: list[list[Cell]] = []
    more: dict[str, list[list[Cell]]] = {"Why": [], "Returns": [], "Copied": []}
    targets: list[Target] = []
    for kind in map(kind_of, options.kinds):
        pieces = [i for i, p in enumerate(corpus.pieces) if p.style in kind.styles and options.split in (p.split, "all")]
        for verb in options.verbs if pieces else ():
            settings = JudgeSettings(verb=verb, windows=options.windows, seed=options.seed, sampling=sampling)
            change = keys_of(corpus, kind, options.seed) if options.keys else (lambda request: request)
            try:
                found = judged(composer, corpus, pieces, settings, least=options.least, change=change)
            except MelodyError as fault:
                print(f"{kind.name}, {verb}: {fault}", file=sys.stderr)
                continue
            other = public(found, Path(options.public), options) if options.public else (None, None)
            rows.append([kind.name, verb, *figures(found), *other])
            more["Why"] += [[kind.name, verb, d.group, d.sentence()] for d in found.verdict.differences[:REASONS]]
            if verb == "generate":
                more["Returns"] += returns_rows(corpus, kind, pieces, found)
                more["Copied"] += copied_rows(corpus, composer, kind, pieces, found)
            targets += targets_of(kind, verb, found)
    if not rows:
        raise SystemExit("nothing could be judged: no kind has enough windows in this split")
    finish(options, answer_of(rows), tables(rows, more), targets, ["scikit-learn", "onnxruntime"])


def keys_of(corpus: Corpus, kind: Kind, seed: int) -> Callable[[Request], Request]:
    """Asks for the key of a training piece of the style, drawn by the seed of the request."""
    keys = {s: [corpus.pieces[i].key for i in corpus.split("train") if corpus.pieces[i].style == s] for s in kind.styles}

    def change(request: Request) -> Request:
        known = keys.get(request.style or "", [])
        drawn = np.random.default_rng([seed, request.seed]).integers(len(known)) if known else 0
        return replace(request, key=theory.key_name(known[int(drawn)])) if known else request

    return change


def figures(found: Judged) -> list[Cell]:
    """A row of the first table, without its first two cells."""
    v = found.verdict
    groups = [v.groups.get(group) for group in (*GROUPS, GIVEN)]
    return [v.model, v.people_pieces, v.auc, *groups, v.halves, v.shuffled, v.distance]


def public(found: Judged, script: Path, options: Any) -> tuple[float, float]:
    """AUC and distance by another judge, on the same windows."""
    with tempfile.TemporaryDirectory() as folder:
        for side, views in (("people", found.material.people), ("model", found.material.model)):
            (Path(folder) / side).mkdir()
            for i, view in enumerate(views):
                midi.write(window_score(view.window, found.material.meter), Path(folder) / side / f"{i:04}.mid")
        command = [sys.executable, str(script), f"{folder}/people", f"{folder}/model", "--windows", str(options.windows)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    said = json.loads(done.stdout.splitlines()[-1])
    return float(said["auc"]), float(said["distance"])


def window_score(window: Window, meter: tuple[int, int]) -> Score:
    """A window as a piece of its own; notes of one pitch take turns between tracks."""
    turn = np.zeros(len(window.pitch), np.int64)
    for pitch in np.unique(window.pitch):
        mine = window.pitch == pitch
        turn[mine] = np.arange(mine.sum()) % EXPORT_TRACKS
    columns = (window.onset, window.length, window.pitch, window.velocity)
    tracks = [Track(notes=note_table(*(column[turn == t] for column in columns))) for t in range(EXPORT_TRACKS)]
    return Score(tuple(t for t in tracks if len(t.notes)), 24, meters=meter_table([0], [meter[0]], [meter[1]]))


def returns_rows(corpus: Corpus, kind: Kind, pieces: Sequence[int], found: Judged) -> list[list[Cell]]:
    """One row a statistic."""
    beside = returns_beside([corpus.score(i) for i in pieces], found.material.written, PIECE_BARS)
    return [[kind.name, name, c.lower, c.median, c.upper, c.mean, "yes" if c.within else "no"] for name, c in beside.items()]


def copied_rows(corpus: Corpus, composer: compose.Composer, kind: Kind, pieces: Sequence[int], found: Judged) -> list[list[Cell]]:
    """People's held-out windows and the model's against the training split."""
    held = set(pieces)
    training = runs_of((corpus.score(i) for i in corpus.split("train") if i not in held), composer.bundle.codec)
    material = found.material
    sides = {"people": material.people, "model": material.model}
    sets = {who: [window_score(view.window, material.meter) for view in views] for who, views in sides.items()}
    shares = copying(training, sets, composer.bundle.codec)
    return [[kind.name, *(shares[who]["share"] for who in sets), *(shares[who]["longest"] for who in sets)]]


def targets_of(kind: Kind, verb: str, found: Judged) -> list[Target]:
    """What is to be reached."""
    v, name = found.verdict, f"{kind.name}, {verb}"
    if verb != "generate":
        return [Target(f"{name}: all", v.auc, MAX_GIVEN, ".2f", most=True)]
    worst = max(v.groups, key=lambda group: v.groups[group])
    return [
        Target(f"{name}: distance", v.distance, MAX_DISTANCE, ".2f", most=True),
        Target(f"{name}: the group that gives most away ({worst})", v.groups[worst], MAX_GROUP, ".2f", most=True),
        Target(f"{name}: all", v.auc, MAX_ALL, ".2f", most=True),
    ]


def answer_of(rows: Sequence[Sequence[Cell]]) -> str:
    """Name, AUC and distance of each row."""
    return "; ".join(f"{row[0]}, {row[1]}: {row[4]:.2f}, distance {row[-3]:.1f}" for row in rows)


def tables(rows: Sequence[Sequence[Cell]], more: dict[str, list[list[Cell]]]) -> list[Table]:
    """All that have rows."""
    judges = dict.fromkeys(("all", *GROUPS, GIVEN, "halves", "shuffled", "distance", "all, other judge", "distance, other judge"), ".2f")
    columns = {
        "Why": dict.fromkeys(("kind", "verb", "group", "what gives it away"), ""),
        "Returns": {"kind": "", "statistic": ""}
        | dict.fromkeys(("people, quartile", "median", "quartile", "model, mean"), ".3f")
        | {"within": ""},
        "Copied": {"kind": "", "people": ".1%", "model": ".1%", "longest run, people": "", "longest run, model": ""},
    }
    first = Table({"kind": "", "verb": "", "windows": "", "people's pieces": ""} | judges, rows)
    return [first, *(Table(columns[title], found, title) for title, found in more.items() if found)]


if __name__ == "__main__":
    main()
