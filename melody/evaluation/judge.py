"""Can music by a model be distinguished from people's, and by what? A judge of 16-bar windows.

A window becomes some 150 numbers in five groups (``judge_features.py``); a classifier says how surely the two sets are distinguished by all
of them and by each group, and a distance how far apart they lie (``judge_numbers.py``).

**Conventions**
    AUC           0.5: not at all, 1: always. Of 150 windows a side, differences below 0.04 say nothing
    distance      over that of two halves of people of 150 windows each: 1 is as near as people are to each other; of fewer windows, or
                  several of each piece, it is estimated, and of fewer than 100 pieces by people too low rather than too high
    sd            standard deviations of people's windows
    controls      ``halves``: one half of people against the other; ``shuffled``: people against people with their bars shuffled

Both sides are put on one grid first, so a codec gives nothing away; only pieces of one meter are compared. Who wrote the music is for the
caller to say (``compose/judged.py`` lets a model write it). Needs the extra ``judge``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.evaluation.judge_features import BLOCKS, GROUPS, values
from melody.evaluation.judge_numbers import FOLDS, Rows, Space, distinguish, frechet, space_of
from melody.evaluation.judge_view import Block, View
from melody.evaluation.judge_windows import halves, shuffled, usual_meter, windows_of
from melody.score import Score

WINDOWS = 150  # a side
MIN_WINDOWS = 40  # a side: of fewer, chance says more than the judge
MIN_PIECES = 2 * FOLDS  # of people
DIVISIONS = 8  # of people in two halves, over which distances are means
DRAWS = 40  # of two sets of people's windows, likewise
REASONS = 3

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Difference:
    """One number of a window: what it is (``words``), its mean over people's windows and over the model's, and how far that is, in sd."""

    name: str
    group: str
    words: str
    people: float
    model: float
    sd: float
    share: bool = False  # to be read as per cent

    def sentence(self) -> str:
        """``"time on notes of the scale: 88 %, people 97 % (-1.8 sd)"``"""
        spec = ".0%" if self.share else ".2f"
        model, people = (format(value, spec).replace("%", " %") for value in (self.model, self.people))
        return f"{self.words}: {model}, people {people} ({self.sd:+.1f} sd)"


@dataclass(frozen=True)
class Recognised:
    """How surely a window of the model was recognised (``likely``, 0..1), and by what. ``piece`` and first bar ``start`` count from 0."""

    piece: int
    start: int
    likely: float
    reasons: tuple[Difference, ...]


@dataclass(frozen=True, eq=False)
class Verdict:
    """What the judge found. ``people`` and ``model`` are the numbers of windows that were laid beside each other."""

    people: int
    people_pieces: int
    model: int
    auc: float
    groups: dict[str, float]  # AUC by group of numbers
    halves: float
    shuffled: float
    distance: float
    differences: tuple[Difference, ...]  # all, the farthest first
    recognised: tuple[Recognised, ...]  # the model's windows, the most easily recognised first
    clouds: tuple[Rows, Rows]  # people (n, 2) and model (m, 2) on people's two first components, in sd


def judge(people: Sequence[Score], model: Sequence[Score], windows: int = WINDOWS, seed: int = 0) -> Verdict:
    """Tell the pieces of a model from those of people, by windows of the meter that most of people's pieces are in.

    ``windows``: how many a side at most; of people twice as many are taken where there are enough, for the controls. A piece of people
    gives several windows if need be, one of the model one. Errors: ``MelodyError`` for too few windows, and where scikit-learn is missing.

        verdict = judge(people, pieces)
        print(verdict.auc, verdict.distance, verdict.differences[0].sentence())
    """
    meter = usual_meter(people)
    if meter is None:
        raise MelodyError("no piece of people's is in one meter with whole bars from beginning to end; the judge compares bars")
    human = windows_of(people, meter, 2 * windows, seed)
    made = windows_of(model, meter, windows, seed, each=1)
    return judge_views([View(w) for w in human], [View(w) for w in made], windows, seed)


def judge_views(
    people: Sequence[View],
    model: Sequence[View],
    windows: int = WINDOWS,
    seed: int = 0,
    *,
    given: Sequence[Block] = (),
    least: int = MIN_WINDOWS,
    progress: Progress = lambda done, total: None,
) -> Verdict:
    """The verdict on windows that are there already.

    ``given``: blocks of windows that go with given music (``judge_given.py``); they are a group of their own and not in the whole, which
    stays comparable, and a window of the model then has the piece's number of the window of people's whose given music it shares.
    ``least``: fewer windows on a side are an error.
    """
    _check(people, model, least)
    rng = np.random.default_rng(seed)
    blocks = (*BLOCKS, *given)
    human, made = (np.array([values(view, blocks) for view in views]) for views in (people, model))
    columns = _columns(blocks)
    whole = np.concatenate([columns[group] for group in GROUPS])
    one, two = halves([view.window for view in people], rng)
    size = min(windows, len(made), len(people))
    chosen = one[:size] if len(one) >= size else np.arange(size)  # where people are few, all are compared with the model
    numbers = _piece_numbers(people, model, apart=not given)
    of = np.concatenate([numbers[0][chosen], numbers[1][:size]])
    total = len(columns) + 3

    def auc(a: Rows, b: Rows, pieces: NDArray[np.int64], done: int) -> tuple[float, Rows]:
        found = distinguish(a, b, pieces)
        progress(done, total)
        return found

    of_all, likely = auc(human[chosen][:, whole], made[:size][:, whole], of, 1)
    by_group = {group: auc(human[chosen][:, mine], made[:size][:, mine], of, 2 + i)[0] for i, (group, mine) in enumerate(columns.items())}
    of = np.concatenate([numbers[0][one], numbers[0][two]])[: 2 * len(one)]
    of_halves = auc(human[one][:, whole], human[two][:, whole], of, total - 1)[0]
    mixed = np.array([values(View(shuffled(people[i].window, seed))) for i in one])
    of_shuffled = auc(human[two][:, whole], mixed, np.concatenate([numbers[0][two], numbers[0][one]]), total)[0]
    space = space_of(human[:, whole])
    differences = _differences(blocks, human, made)
    return Verdict(
        people=size,
        people_pieces=len({people[i].window.piece for i in chosen.tolist()}),
        model=size,
        auc=of_all,
        groups=by_group,
        halves=of_halves,
        shuffled=of_shuffled,
        distance=_distance(space, human[:, whole], made[:, whole], people, rng),
        differences=tuple(sorted(differences, key=lambda d: -abs(d.sd))),
        recognised=_recognised(model[:size], made[:size], likely[size:], blocks, human),
        clouds=(space.project(human[:, whole])[:, :2], space.project(made[:, whole])[:, :2]),
    )


def _check(people: Sequence[View], model: Sequence[View], least: int) -> None:
    pieces = len({view.window.piece for view in people})
    few = min(len(people), len(model))
    if few < least or pieces < MIN_PIECES:
        raise MelodyError(
            f"the judge has {len(people)} windows of {pieces} pieces by people and {len(model)} by the model, and needs {least} each and "
            f"{MIN_PIECES} pieces; give it more music of one meter: a larger collection, or all of it and not one part"
        )


def _columns(blocks: Sequence[Block]) -> dict[str, NDArray[np.int64]]:
    """Places of the numbers of each group, in the order in which the groups occur."""
    group = np.array([block.group for block in blocks for _ in block.names])
    return {name: np.flatnonzero(group == name) for name in dict.fromkeys(group.tolist())}


def _piece_numbers(people: Sequence[View], model: Sequence[View], apart: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """By window the number of its piece; ``apart``: those of the model follow those of people."""
    human, made = (np.array([view.window.piece for view in views], np.int64) for views in (people, model))
    return human, made + (int(human.max()) + 1) * apart


def _differences(blocks: Sequence[Block], human: Rows, made: Rows) -> list[Difference]:
    space = Space(human.mean(0), np.maximum(human.std(0), 1e-3), np.zeros((human.shape[1], 0)))
    off = space.in_sd(made.mean(0)[None])[0]
    facts = [(block, i) for block in blocks for i in range(len(block.names))]
    return [
        Difference(block.names[i], block.group, block.words[i], float(h), float(m), float(sd), i < block.shares)
        for (block, i), h, m, sd in zip(facts, human.mean(0), made.mean(0), off, strict=True)
    ]


def _recognised(model: Sequence[View], made: Rows, likely: Rows, blocks: Sequence[Block], human: Rows) -> tuple[Recognised, ...]:
    out = []
    for i in np.argsort(-likely, kind="stable").tolist():
        each = sorted(_differences(blocks, human, made[i][None]), key=lambda d: -abs(d.sd))
        window = model[i].window
        out.append(Recognised(window.piece, window.start, float(likely[i]), tuple(each[:REASONS])))
    return tuple(out)


def _distance(space: Space, human: Rows, made: Rows, people: Sequence[View], rng: np.random.Generator) -> float:
    """How much farther the model lies from people than chance alone lays clouds of so many windows apart, set against halves of WINDOWS.

    Windows of one piece are alike, so two halves of few pieces lie far apart: one of them adds half of what lies between both, the
    model's windows half of what lies between two sets of windows that are drawn one by one.
    """
    h, m = space.project(human), space.project(made)
    across, within, size = [], [], 0
    for _ in range(DIVISIONS):
        one, two = halves([view.window for view in people], rng)
        size = min(len(one), len(m))
        within.append(frechet(h[one], h[two]))
        across += [frechet(h[side], m[rng.permutation(len(m))[:size]]) for side in (one, two)]

    def by_chance(count: int) -> float:
        drawn = (h[rng.integers(len(h), size=(2, count))] for _ in range(DRAWS))
        return float(np.mean([frechet(a, b) for a, b in drawn]))

    excess = float(np.mean(across)) - (float(np.mean(within)) + by_chance(size)) / 2
    return 1 + excess / max(by_chance(WINDOWS), 1e-6)
