"""Controls: what was asked for, and where nothing was, what the tune or the training data say. Conditions, voices, scales."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody import theory
from melody.bundle import FACTS, Bundle
from melody.codec import CodecConfig
from melody.codec.conditions import conditions
from melody.codec.table import DRUMS, PROGRAM_BASE, Field, Role
from melody.compose.alignment import AlignedTune
from melody.compose.fitting import scale_around
from melody.compose.request import MAX_TEMPO, MIN_TEMPO, Request, WithLength, WithVoices
from melody.compose.task import Rows
from melody.errors import MelodyError
from melody.files import shown
from melody.theory.modes import Scale, scale_of_mode

OFF_SCALE = -1.5  # logits of pitches outside a key that is usual in a style
OFF_ASKED = -6.0  # of those outside a key that was asked for
SILENT_BARS = 4  # a voice that was asked for plays again after so many bars at the latest
DEFAULT_TEMPO, DEFAULT_METER = 100.0, (4, 4)


def default_conditions(request: WithLength, bundle: Bundle) -> tuple[str | None, float, tuple[int, int]]:
    """Style, tempo and meter: as asked for, else drawn as often as the training data have them ("habits" in the bundle's facts)."""
    rng = np.random.default_rng([request.seed, 1])
    try:
        style, tempo, meter = _usual(bundle.training.get("habits", {}), request.style, rng)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as fault:
        raise MelodyError(f'{shown(bundle.folder)}/{FACTS}: damaged "habits" ({type(fault).__name__}); fetch or train it again') from None
    return style, request.tempo or tempo, request.parsed_meter() or meter


def _usual(priors: Mapping[str, Any], style: str | None, rng: np.random.Generator) -> tuple[str | None, float, tuple[int, int]]:
    """A style, a tempo and a meter as often as the training data have them."""
    if style is None and priors:
        names = sorted(priors)
        share = np.array([float(priors[n]["pieces"]) for n in names])
        style = names[int(rng.choice(len(names), p=share / share.sum()))]
    usual = priors.get(style or "", {})
    low, high = usual.get("tempo", (DEFAULT_TEMPO, DEFAULT_TEMPO))
    tempo = round(float(rng.uniform(low, high)))
    meters = usual.get("meters", [[*DEFAULT_METER, 1.0]])
    weights = np.array([float(m[2]) for m in meters])
    chosen = meters[int(rng.choice(len(meters), p=weights / weights.sum()))]
    meter = (int(chosen[0]), int(chosen[1]))
    if not MIN_TEMPO <= tempo <= MAX_TEMPO or not 0 < meter[0] <= 255 or meter[1] not in (1, 2, 4, 8, 16, 32, 64):
        raise ValueError("out of range")
    return style, tempo, meter


def usual_key(bundle: Bundle, style: str | None, seed: int) -> int | None:
    """A key as often as the training data have it in a style; None where the card says nothing of keys. Errors: ``MelodyError``."""
    try:
        shares = bundle.training.get("habits", {}).get(style or "", {}).get("keys")
        if shares is None:
            return None
        weights = np.array(shares, np.float64)
        if weights.shape != (24,) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise ValueError("no shares of 24 keys")
    except (AttributeError, TypeError, ValueError) as fault:
        raise MelodyError(f'{shown(bundle.folder)}/{FACTS}: damaged "habits" ({type(fault).__name__}); fetch or train it again') from None
    return int(np.random.default_rng([seed, 3]).choice(24, p=weights / weights.sum()))


def declared(parts: NDArray[np.int16], request: WithVoices, first: int) -> tuple[Rows, NDArray[np.int16]]:
    """Declarations of the voices that were asked for, as forced events, and the part table with them."""
    programs = request.programs()
    parts = parts.copy()
    rows = np.zeros((len(programs), len(Field)), np.int16)
    for i, (program, drums) in enumerate(programs):
        number = DRUMS if drums else program
        lead = int(i == 0 and first == 0 and len(programs) > 1 and not drums)
        rows[i] = (Role.PART, 0, first + i, PROGRAM_BASE + number, 0, lead)
        parts[first + i] = (number, lead, 0)
    return rows, parts


def tune_conditions(request: Request, tune: AlignedTune, codec: CodecConfig, dense: bool = False) -> NDArray[np.int16]:
    """Conditions from what was asked for, else from the tune itself. ``dense``: its density too, for who writes all of its parts."""
    score = tune.score
    quarters = max(1, score.end_tick) / score.ticks_per_quarter
    tempo = quarters * 60 / max(1e-3, score.duration_seconds)
    key = request.parsed_key()
    meter = (int(score.meters["numerator"][-1]), int(score.meters["denominator"][-1]))
    key = theory.key_of(score) if key is None else key
    unit = quarters if codec.clock == "beats" else score.duration_seconds * 2
    density = len(tune.piece.notes) / max(unit, 1e-3) if dense else None
    return conditions(codec, request.style, getattr(request, "tempo", None) or tempo, key, meter, density)


def signature_of(request: Request, key: int) -> tuple[int, bool]:
    """The signature (fifths, minor) of a key, or of the mode that was asked for."""
    scale = request.parsed_scale()
    return theory.key_signature(key) if scale is None else (scale.fifths, key >= 12)


def asked_scale(request: Request) -> NDArray[np.float32] | None:
    """What is added to the logits of pitches when a key was asked for; None where none was."""
    scale = request.parsed_scale()
    if scale is None:
        return None
    inside = np.isin(np.arange(128) % 12, scale.pitch_classes)
    return np.where(inside, 0, OFF_ASKED).astype(np.float32)


def scale_of_key(key: int | None) -> NDArray[np.float32] | None:
    """What is added to the logits of pitches in a key: nothing inside its scale, OFF_SCALE outside; None where there is no key."""
    if key is None:
        return None
    steps = (0, 2, 3, 5, 7, 8, 10, 11) if key >= 12 else (0, 2, 4, 5, 7, 9, 11)  # minor: natural and harmonic
    inside = np.isin((np.arange(128) - key % 12) % 12, steps)
    return np.where(inside, 0, OFF_SCALE).astype(np.float32)


def scale_for(request: Request, tune: AlignedTune, near: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """The scale of the key that was asked for, else of some notes (n,) of the tune (of all where it is none)."""
    if request.key is not None or not request.fitting.scale:
        return asked_scale(request)
    notes = tune.piece.notes[near] if near.any() else tune.piece.notes
    return scale_around(tune.piece, notes, theory.key_of(tune.score))


def key_in(request: Request, tune: AlignedTune) -> Scale:
    """The key that was asked for, else that of the tune."""
    return request.parsed_scale() or scale_of_mode(theory.key_of(tune.score))
