"""Guidance: pitches moved away from what the model would play without the given notes (Ho and Salimans, 2022), and towards a key.

A guided row has an unconditional row in the engine's batch, which reads the same events but none of the given notes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import PartColumn
from melody.codec.given import no_given
from melody.codec.table import Field, Role
from melody.generate.plan import Plan

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


def wants_guidance(plan: Plan) -> bool:
    """Whether a plan has given notes to follow more closely than the model would."""
    return plan.guidance != 1


def unconditional(plan: Plan) -> Plan:
    """The plan of the unconditional row: nothing is given."""
    return replace(plan, given=no_given())


def unconditional_parts(parts: Ints) -> Ints:
    """The parts (..., 3) of the unconditional row: none counts as given."""
    out = parts.copy()
    out[..., PartColumn.GIVEN] = 0
    return out


def guided(logits: Floats, partners: Ints, chosen: Ints, weight: Floats) -> Floats:
    """Pitch logits of all engine rows (B + U, V) -> those of the B rows, moved away from their unconditional rows.

    partners  (U,): the row that each unconditional one belongs to
    chosen    (B, 6): the event so far; only notes are guided, no instrument
    weight    (B,): 1 leaves the logits as they are
    """
    rows = len(chosen)
    own, alone = logits[:rows], logits[rows:]
    strength = np.where(chosen[partners, Field.ROLE] == Role.NOTE, weight[partners], np.float32(1))[:, None]
    moved = alone + strength * (own[partners] - alone)
    out = own.copy()
    out[partners] = np.where(strength == 1, own[partners], moved)
    return out


def in_key(logits: Floats, scale: Floats, drums: NDArray[np.bool_]) -> Floats:
    """Add a scale (B, 128) to pitch logits, but for drums (B,): their pitch is an instrument and belongs to no key."""
    logits = logits.copy()
    logits[:, : scale.shape[1]] += np.where(drums[:, None], np.float32(0), scale)
    return logits
