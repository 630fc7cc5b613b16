"""Guidance: pitches moved away from what the model would play blind (Ho and Salimans, 2022), and towards a key.

A guided row has a twin in the engine's batch, which reads what the row reads but sees none of the given notes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import Field, Role
from melody.generate.plan import Plan, nothing_given

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def wants_guidance(plan: Plan) -> bool:
    """Whether a plan has given notes to follow more closely than the model would."""
    return plan.sampling.guidance != 1 and len(plan.given) > 0


def blinded(plan: Plan) -> Plan:
    """The twin's plan: nothing is given."""
    return replace(plan, given=nothing_given())


def without_held(parts: Ints) -> Ints:
    """The twin's parts (..., 3): none is held."""
    seen: Ints = parts * np.array([1, 1, 0])
    return seen


def guided(logits: Floats, chosen: Ints, weight: Floats) -> Floats:
    """Logits (2 B, V) of B rows and their twins, events (B, 6), weights (B, 1) -> (B, V). Only notes are guided, no instrument."""
    seeing, blind = logits[: len(chosen)], logits[len(chosen) :]
    weight = np.where(chosen[:, Field.ROLE, None] == Role.NOTE, weight, np.float32(1))
    return np.where(weight == 1, seeing, blind + weight * (seeing - blind)).astype(np.float32)


def in_key(logits: Floats, scale: Floats, drums: NDArray[np.bool_]) -> Floats:
    """Add a scale (B, 128) to pitch logits, but for drums (B,): their pitch is an instrument and belongs to no key."""
    logits = logits.copy()
    logits[:, : scale.shape[1]] += np.where(drums[:, None], np.float32(0), scale)
    return logits
