"""Blocks of a window that goes with music that was given: a continuation with its prime, an accompaniment with its melody.

AFTER  the window comes after what was given: does the music stay what it was?
WITH   the window sounds together with what was given: do the two agree?
"""

from __future__ import annotations

import numpy as np

from melody import theory
from melody.evaluation.bar_likeness import PITCHES, Matrix
from melody.evaluation.judge_view import Block, View
from melody.evaluation.judge_windows import QUARTER, Window

GIVEN = "given"  # the group
SMALL = 1e-9


def _parts(view: View) -> tuple[Window, View]:
    assert view.given is not None
    return view.window, View(view.given)


def _density(window: Window) -> float:
    return len(window.onset) / window.steps


def _ratios(view: View) -> list[float]:
    new, before = _parts(view)
    old = before.window
    return [
        float(np.log2(_density(new) / _density(old))),
        float(np.log2(new.length.mean() / old.length.mean())),
        float(np.log2(view.roll.sum() / max(1, int(before.roll.sum())))),
        float(new.pitch.mean() - old.pitch.mean()),
        float(new.pitch.std() - old.pitch.std()),
        float(new.velocity.mean() - old.velocity.mean()),
    ]


def _harmony_after(view: View) -> list[float]:
    _, before = _parts(view)
    alike = float(view.classes @ before.classes / max(SMALL, float(np.linalg.norm(view.classes) * np.linalg.norm(before.classes))))
    return [float(view.classes[theory.scale_of(before.key)].sum()), float(view.key == before.key), alike]


def _brought_back(view: View) -> list[float]:
    """Each new bar beside the given bar that it is most like: notes, and rhythm."""
    _, before = _parts(view)
    out = []
    for new, old in ((_notes(view), _notes(before)), (view.onsets > 0, before.onsets > 0)):
        both = new.astype(np.float64) @ old.T.astype(np.float64)
        all_of_both = new.sum(1)[:, None] + old.sum(1) - both
        out.append(float((both / np.maximum(all_of_both, 1)).max(1).mean()))
    return out


def _notes(view: View) -> Matrix:
    """Which pitch begins in which cell (bars, cells of a bar * 128)."""
    w = view.window
    cells = view.onsets.shape[1]
    there = np.zeros((w.bars, cells * PITCHES))
    there[w.onset // w.bar, (w.onset % w.bar * cells // w.bar) * PITCHES + w.pitch] = 1
    return there


def _agreement(view: View) -> list[float]:
    """By half bar, weighted with the time for which the given music sounds there: see ``accompaniment.py``."""
    _, other = _parts(view)
    own, given = view.chroma, other.chroma
    weight = given.sum(1)
    long = np.linalg.norm(own, axis=1) * np.linalg.norm(given, axis=1)
    cosine = np.divide((own * given).sum(1), long, out=np.zeros(len(own)), where=long > 0)
    total = max(SMALL, float(weight.sum()))
    return [float((given * (own > 0)).sum()) / total, float((cosine * weight).sum()) / total]


def _rhythm_with(view: View) -> list[float]:
    new, other = _parts(view)
    given = other.window
    return [
        float(np.isin(given.onset, new.onset).mean()),
        float(np.isin(new.onset, given.onset).mean()),
        float(np.corrcoef(view.onsets.sum(1), other.onsets.sum(1))[0, 1]) if _varied(view) and _varied(other) else 0.0,
        float(np.log2(_density(new) / _density(given))),
    ]


def _varied(view: View) -> bool:
    return bool(np.ptp(view.onsets.sum(1)))


def _register_with(view: View) -> list[float]:
    new, other = _parts(view)
    given = other.window
    return [
        float(new.pitch.mean() - given.pitch.mean()),
        float((new.pitch > np.median(given.pitch)).mean()),
        float(new.velocity.mean() - given.velocity.mean()),
        float(new.length.mean() - given.length.mean()) / QUARTER,
    ]


AFTER = (
    Block(
        GIVEN, _ratios, ("after_density", "after_length", "after_sounding", "after_pitch", "after_pitch_sd", "after_velocity"),
        ("change of density, octaves", "change of the notes' length, octaves", "change of how many notes sound, octaves",
         "change of mean pitch, semitones", "change of the spread of pitch, semitones", "change of velocity"),
    ),
    Block(
        GIVEN, _harmony_after, ("after_in_scale", "after_key", "after_classes"),
        ("time in the scale of what was given", "the key that was given kept", "likeness to what was given in pitch classes"), shares=3,
    ),
    Block(
        GIVEN, _brought_back, ("after_same", "after_rhythm"),
        ("likeness of a bar to the given bar that it is most like", "rhythm as in the given bar that is most like"), shares=2,
    ),
)  # fmt: skip  # a table
WITH = (
    Block(
        GIVEN, _agreement, ("with_hit", "with_cosine"),
        ("given time whose pitch class is taken up in the half bar", "likeness to what is given in pitch classes, by half bar"), shares=2,
    ),
    Block(
        GIVEN, _rhythm_with, ("with_joined", "with_own", "with_bars", "with_density"),
        ("given notes that are joined by others", "notes that join a given one", "density that follows what is given, correlation",
         "density over that of what is given, octaves"), shares=2,
    ),
    Block(
        GIVEN, _register_with, ("with_pitch", "with_above", "with_velocity", "with_length"),
        ("mean pitch above what is given, semitones", "notes above the middle of what is given", "velocity above what is given",
         "length above what is given, quarters"),
    ),
)  # fmt: skip  # a table
