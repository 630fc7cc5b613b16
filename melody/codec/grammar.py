"""The grammar: which values a field of the next event may take, as an interval.

Every legal set is an interval ``low..high``, so a mask costs two comparisons, in training as in sampling. What makes
sequences canonical (and encode(decode(e)) == e):

- parts are declared first, in order; notes name declared parts only;
- notes at one instant rise in (part, pitch), so no note can be doubled;
- a wait of a bar or more is rests followed by a note; a rest is never the last thing before the end;
- a part of an outline (chords or form) is the last that is declared.

Works on numpy arrays, torch tensors and plain numbers alike: only ``where`` and ``asarray`` are looked up in the numbers' own library.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from melody.codec.table import CHORD_BASE, DRUMS, MAX_PARTS, PROGRAM_BASE, CodecConfig, Field, Kind, Role

LAST_PITCH = 127
LAST_DRUM = CHORD_BASE - 1
LAST_PROGRAM = PROGRAM_BASE + DRUMS  # declarations above are those of an outline's parts
# Plain numbers: sampling asks at every step, and looking up a member of an IntEnum takes longer than what is done with it.
_PART, _NOTE, _REST, _END = (int(role) for role in Role)
_ROLE_AT, _WAIT_AT, _PART_AT, _PITCH_AT = (int(field) for field in list(Field)[:4])


class Plain:
    """What numpy does for arrays, for plain numbers: one row is quicker without arrays."""

    maximum, minimum, logical_not = max, min, operator.not_

    @staticmethod
    def where(condition: Any, yes: Any, no: Any) -> Any:
        """One of two numbers."""
        return yes if condition else no


def bounds(
    config: CodecConfig, xp: ModuleType, field: Field, before: Any, chosen: Any, last_part: Any, kind: Any = None
) -> tuple[Any, Any]:
    """Interval of legal values of ``field``.

    before     (..., 6): the event before (the end of the last piece, at the beginning)
    chosen     (..., 6): the fields of this event; only those before ``field`` are looked at
    last_part  (...): the highest part that may play a note here
    kind       (...): the ``Kind`` of the part chosen, for a note's fields after the part; None: all parts are melodic
    xp         numpy or torch
    Returns two integer arrays (...).
    """
    was = (before[..., _ROLE_AT], before[..., _PART_AT], before[..., _PITCH_AT])
    return interval(config, xp, field, was, tuple(chosen[..., i] for i in range(min(_PITCH_AT, field))), last_part, kind)


def legal_values(
    config: CodecConfig, xp: ModuleType, field: Field, before: Any, chosen: Any, allowed: Any, last_part: Any, values: Any, kind: Any = None
) -> Any:
    """Which of ``values`` (V,) a field may take: (..., V).

    allowed  (..., 16): the parts that may play; one that is not declared, or is given, may not, but can be declared
    The others as in ``bounds``.
    """
    low, high = bounds(config, xp, field, before, chosen, last_part, kind)
    legal = (values >= low[..., None]) & (values <= high[..., None])
    if field == _PART_AT:
        legal = legal & (allowed | (chosen[..., _ROLE_AT] != _NOTE)[..., None])
    return legal


def interval(
    config: CodecConfig,
    xp: ModuleType | type[Plain],
    field: Field,
    was: tuple[Any, Any, Any],
    chosen: Sequence[Any],
    last_part: Any,
    kind: Any = None,
) -> tuple[Any, Any]:
    """``bounds`` from single columns: role, part and pitch of the event before, and of this one role, wait and part as far as chosen."""
    role_before, part_before, pitch_before = was
    if field == _ROLE_AT:
        starts = role_before == _END
        full = (role_before == _PART) & ((part_before == MAX_PARTS - 1) | (pitch_before > LAST_PROGRAM))
        later = (role_before == _NOTE) | (role_before == _REST) | full
        low = xp.where(later, _NOTE, _PART)
        high = xp.where(starts, _PART, xp.where(role_before == _REST, _REST, _END))
        return low, high

    role = chosen[_ROLE_AT]
    low, high = _static(config, xp, field, role, kind)
    note = role == _NOTE
    after_note = note & (role_before == _NOTE)
    # nothing may follow in the same part at the same instant; an outline has one note at an instant
    top = (pitch_before == LAST_PITCH) | (pitch_before >= LAST_DRUM)
    if field == _WAIT_AT:
        return xp.where(after_note & top & (part_before >= last_part), 1, low), high
    if field in (_PART_AT, _PITCH_AT):
        chord = after_note & (chosen[_WAIT_AT] == 0)  # at the same instant as the note before
    if field == _PART_AT:
        declared = xp.where(role_before == _PART, part_before + 1, 0)
        declares = role == _PART
        low = xp.where(declares, declared, xp.where(chord, part_before + xp.where(top, 1, 0), low))
        return low, xp.where(declares, declared, xp.where(note, last_part, high))
    if field == _PITCH_AT:
        rising = chord & (chosen[_PART_AT] == part_before)
        return xp.where(rising, pitch_before + 1, low), high
    return low, high


def _static(config: CodecConfig, xp: ModuleType | type[Plain], field: Field, role: Any, kind: Any) -> tuple[Any, Any]:
    """The table's own bounds by role and kind of part: one look-up, no memory of what came before."""
    if kind is not None:
        role = role + len(Role) * kind
    if xp is Plain:
        low, high = _by_role(config, field)
        return low[role], high[role]
    if xp is np:
        low, high = _by_role_array(config, field)
        return low[role], high[role]
    low, high = _by_role(config, field)
    assert isinstance(xp, ModuleType)
    return xp.asarray(low, device=role.device)[role], xp.asarray(high, device=role.device)[role]


@cache
def _by_role_array(config: CodecConfig, field: Field) -> tuple[Any, Any]:
    low, high = _by_role(config, field)
    return np.asarray(low), np.asarray(high)


@cache
def _by_role(config: CodecConfig, field: Field) -> tuple[list[int], list[int]]:
    """The table's bounds of a field, indexed by role + 4 * kind."""
    spans = [config.bounds(field, kind)[r] for kind in Kind for r in Role]
    return [low for low, _ in spans], [high for _, high in spans]
