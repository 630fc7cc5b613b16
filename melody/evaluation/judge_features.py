"""What a window of music is like, in some 160 numbers by which people's music can be distinguished from a model's.

Five groups, since the whole gives itself away long before the music is bad:

    form      likeness of bars at lags of 1 to 12 bars, the best earlier bar, the two halves
    harmony   pitch classes above the tonic, the scale, half bars against triads, steps of the root
    time      places in the beat and the bar, lengths, times between onsets
    texture   density, chords, register, the highest and the lowest line
    velocity  how loud, how varied

and a sixth for windows that go with given music (``judge_given.py``). A block is one aspect and gives several numbers; each has words
for musicians.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from melody import theory
from melody.evaluation import bar_likeness as likeness
from melody.evaluation.judge_view import Block, Vector, View, entropy, histogram
from melody.evaluation.judge_windows import QUARTER

LENGTHS = (0, 4, 5, 7, 10, 14, 20, 26, 38, 50, 74, 98, 1 << 40)  # steps: classes of lengths and of times between onsets
LENGTH_NAMES = (
    "32nds or less", "triplet 16ths", "16ths", "triplet eighths", "eighths", "dotted eighths and triplet quarters", "quarters",
    "dotted quarters", "halves", "dotted halves", "wholes", "more than a whole",
)  # fmt: skip  # a table
PLACES = (0, 1, 4, 7, 8, 10, 12, 13, 16, 18, 19, 21, QUARTER)  # steps: classes of places in a quarter
PLACE_NAMES = (
    "on the beat", "a 64th to a 32nd after the beat", "on the second 16th or just before it", "just after the second 16th",
    "on the second of a triplet", "just before the half beat", "on the half beat", "just after the half beat",
    "on the third of a triplet", "on the fourth 16th", "just after the fourth 16th", "just before the beat",
)  # fmt: skip  # a table
TOGETHER = (1, 2, 3, 4, 5, 7, 1 << 40)  # notes that begin together
TOGETHER_NAMES = ("notes alone", "two at once", "three at once", "four at once", "five or six at once", "seven or more at once")
INTERVALS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 1 << 40)  # semitones
INTERVAL_NAMES = (
    "repeated notes", "semitones", "whole tones", "minor thirds", "major thirds", "fourths", "tritones and fifths", "sixths",
    "sevenths to octaves", "leaps beyond the octave",
)  # fmt: skip  # a table
DEGREES = ("the tonic", "b2", "2", "b3", "3", "4", "#4", "5", "b6", "6", "b7", "7")
LAGS = (1, 2, 3, 4, 6, 8, 12)  # bars
TRIADS = np.array([np.roll(np.isin(np.arange(12), steps) / np.sqrt(3), root) for steps in ((0, 4, 7), (0, 3, 7)) for root in range(12)])


def _cosine(a: Vector, b: Vector) -> float:
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-9))


def _with_entropy(shares: Vector) -> Vector:
    return np.append(shares, entropy(shares))


def _variety(view: View) -> list[float]:
    return [entropy(view.classes)]


def _key(view: View) -> list[float]:
    return [view.key // 12, float(view.classes[theory.scale_of(view.key)].sum())]


def _triads(view: View) -> list[float]:
    chroma = view.chroma
    alike = likeness.cosines(chroma)
    shares = chroma / np.maximum(chroma.sum(1, keepdims=True), 1e-9)
    fit = (chroma / np.maximum(np.linalg.norm(chroma, axis=1, keepdims=True), 1e-9)) @ TRIADS.T
    best, steps = fit.max(1), np.diff(fit.argmax(1) % 12)
    return [
        float((steps == 0).mean()),
        *histogram(steps[steps != 0] % 12, range(1, 13)),
        1 - likeness.at_lag(alike, 1),
        float(-(shares * np.log(np.where(shares > 0, shares, 1))).sum(1).mean()),
        float(best.mean()),
        float(best.std()),
    ]


def _places(view: View) -> Vector:
    return histogram(view.window.onset % QUARTER, PLACES)


def _beats(view: View) -> Vector:
    at = view.window.onset % view.window.bar // QUARTER
    return histogram(np.minimum(at, 3), range(5))


def _lengths(view: View) -> Vector:
    return _with_entropy(histogram(view.window.length, LENGTHS))


def _waits(view: View) -> Vector:
    return _with_entropy(histogram(np.diff(view.starts[0]), LENGTHS))


def _velocity(view: View) -> list[float]:
    v = view.window.velocity
    return [float(v.mean()), float(v.std()), len(np.unique(v)) / len(v)]


def _register(view: View) -> list[float]:
    p = view.window.pitch
    return [float(p.min()), float(p.max()), float(p.mean()), float(p.std())]


def _density(view: View) -> list[float]:
    count = view.onsets.sum(1)
    mean = float(count.mean())
    return [
        float((count == 0).mean()),
        mean / (view.window.bar / QUARTER),
        float(count.std()) / mean,
        float(count.max()) / mean,
        float(count.min()) / mean,
    ]


def _together(view: View) -> Vector:
    count = np.diff(np.append(view.starts[1], len(view.window.onset)))
    return np.append(histogram(count, TOGETHER), count.mean())


def _sounding(view: View) -> list[float]:
    count = view.roll.sum(1)
    return [float((count == 0).mean()), float(count.mean()), float(count.std())]


def _line(highest: bool) -> Callable[[View], list[float]]:
    def of(view: View) -> list[float]:
        first, pitch = view.starts[1], view.window.pitch  # notes of one onset stand in order of pitch
        line = pitch[np.append(first[1:], len(pitch)) - 1] if highest else pitch[first]
        step = np.diff(line)
        kinds = histogram(np.abs(step), INTERVALS)
        turns = float((np.sign(step[1:]) * np.sign(step[:-1]) < 0).mean()) if len(step) > 1 else 0.0
        return [*kinds, turns, entropy(kinds), float(line.std())]

    return of


def _lags(view: View) -> list[float]:
    of_all = view.alike, likeness.shared_onsets(view.onsets), likeness.cosines(view.bar_chroma)
    return [likeness.at_lag(alike, lag) for alike in of_all for lag in LAGS]


def _returns(view: View) -> list[float]:
    best = likeness.best_earlier(view.alike)
    rhythms = {row.tobytes() for row in view.onsets > 0}
    return [float(best.mean()), float(best.max()), len(rhythms) / view.window.bars]


def _halves(view: View) -> list[float]:
    w, middle = view.window, view.window.bars // 2
    late = w.onset >= w.steps // 2
    both = bool(late.any() and not late.all())
    lines = view.bar_chroma[:middle].sum(0), view.bar_chroma[middle:].sum(0)
    return [
        abs(int((~late).sum()) - int(late.sum())) / len(late),
        abs(float(w.pitch[~late].mean() - w.pitch[late].mean())) if both else 0.0,
        abs(float(w.length[~late].mean() - w.length[late].mean())) / QUARTER if both else 0.0,
        _cosine(*lines),
    ]


def _line_words(which: str) -> tuple[str, ...]:
    steps = (f"{name} in the {which} line" for name in INTERVAL_NAMES)
    return (*steps, f"turns of the {which} line", f"variety of steps in the {which} line", f"spread of the {which} line, semitones")


def _named(stem: str, count: int, *more: str) -> tuple[str, ...]:
    return (*(f"{stem}_{i}" for i in range(count)), *(f"{stem}_{name}" for name in more))


_ROOT_STEPS = tuple(f"root steps of {n} semitone{'s' * (n > 1)} up" for n in range(1, 12))
_LAG_NAMES = tuple(f"{what}_lag_{lag}" for what in ("same", "rhythm", "chroma") for lag in LAGS)
_LAG_WORDS = tuple(
    f"{what} bar{'s' * (lag > 1)} before".replace("#", str(lag))
    for what in ("notes that return from #", "rhythm as in the bar #", "harmony as in the bar #")
    for lag in LAGS
)

BLOCKS = (
    Block("form", _lags, _LAG_NAMES, _LAG_WORDS, shares=21),
    Block(
        "form", _returns, ("same_best", "same_best_max", "rhythm_kinds"),
        ("likeness of a bar to the earlier one that it is most like", "the best return of a bar", "different rhythms of bars, over bars"),
        shares=3,
    ),
    Block(
        "form", _halves, ("half_density", "half_pitch", "half_length", "half_chroma"),
        ("difference of the halves in density", "difference of the halves in pitch, semitones",
         "difference of the halves in length, quarters", "likeness of the halves in pitch classes"),
    ),
    Block("harmony", lambda v: np.roll(v.classes, -(v.key % 12)), _named("class", 12), [f"time on {d}" for d in DEGREES], shares=12),
    Block("harmony", _variety, ("class_entropy",), ("variety of pitch classes",)),
    Block("harmony", _key, ("minor", "in_scale"), ("minor keys", "time on notes of the scale"), shares=2),
    Block(
        "harmony", _triads, ("root_held", *_named("root", 11), *_named("triad", 0, "change", "entropy", "fit", "fit_sd")),
        ("roots that are held", *_ROOT_STEPS, "change of harmony from half bar to half bar", "pitch classes mixed in a half bar",
         "clear triads", "unevenness of clear triads"),
        shares=12,
    ),
    Block("time", _places, _named("place", len(PLACE_NAMES)), [f"notes {name}" for name in PLACE_NAMES], shares=12),
    Block("time", _beats, _named("beat", 4), [f"notes in beat {b}" for b in ("1", "2", "3", "4 and later")], shares=4),
    Block("time", _lengths, _named("length", 12, "entropy"), [*(f"notes that last {n}" for n in LENGTH_NAMES), "variety of lengths"],
          shares=12),
    Block("time", _waits, _named("wait", 12, "entropy"), [*(f"onsets {n} apart" for n in LENGTH_NAMES), "variety of times between onsets"],
          shares=12),
    Block(
        "texture", _density, ("bar_empty", "density", "bar_sd", "bar_max", "bar_min"),
        ("empty bars", "notes a quarter", "unevenness of density from bar to bar", "the densest bar, over the mean",
         "the thinnest bar, over the mean"),
        shares=1,
    ),
    Block(
        "texture", _register, ("low", "high", "pitch_mean", "pitch_sd"), ("lowest pitch", "highest pitch", "mean pitch", "spread of pitch")
    ),
    Block("texture", _together, _named("together", 6, "mean"), (*TOGETHER_NAMES, "notes that begin together"), shares=6),
    Block(
        "texture", _sounding, ("silent", "sounding", "sounding_sd"),
        ("silence", "notes that sound at once", "unevenness of how many sound"), shares=1,
    ),
    Block("texture", _line(True), _named("top", 10, "turns", "entropy", "sd"), _line_words("top"), shares=11),
    Block("texture", _line(False), _named("bass", 10, "turns", "entropy", "sd"), _line_words("bass"), shares=11),
    Block(
        "velocity", _velocity, ("velocity_mean", "velocity_sd", "velocity_kinds"),
        ("mean velocity", "spread of velocity", "different velocities, over notes"),
    ),
)  # fmt: skip  # a table
GROUPS = ("form", "harmony", "time", "texture", "velocity")


def values(view: View, blocks: Sequence[Block] = BLOCKS) -> Vector:
    """All numbers of a window (features,), in the order of the blocks' names."""
    return np.concatenate([np.asarray(block.of(view), np.float64) for block in blocks])
