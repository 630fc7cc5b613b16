"""The grammar: which values a field of the next event may take, as an interval.

Every legal set is an interval ``low..high``, so a mask costs two comparisons, in training as in sampling. What makes
sequences canonical (and encode(decode(e)) == e):

- parts are declared first, in order; notes name declared parts only;
- notes at one instant rise in (part, pitch), so no note can be doubled;
- a wait of a bar or more is rests followed by a note; a rest is never the last thing before the end.

Works on numpy arrays and torch tensors alike: only ``where`` and ``asarray`` are looked up in the array's own library.
"""

from __future__ import annotations

from functools import cache
from types import ModuleType
from typing import Any

from melody.codec.table import MAX_PARTS, CodecConfig, Field, Role

LAST_PITCH = 127


def bounds(config: CodecConfig, xp: ModuleType, field: Field, before: Any, chosen: Any, last_part: Any) -> tuple[Any, Any]:
    """Interval of legal values of ``field``.

    before     (..., 6): the event before (the end of the last piece, at the beginning)
    chosen     (..., 6): the fields of this event; only those before ``field`` are looked at
    last_part  (...): the highest part that may play a note here
    xp         numpy or torch
    Returns two integer arrays (...).
    """
    role_before = before[..., Field.ROLE]
    if field is Field.ROLE:
        starts = role_before == Role.END
        full = (role_before == Role.PART) & (before[..., Field.PART] == MAX_PARTS - 1)
        later = (role_before == Role.NOTE) | (role_before == Role.REST) | full
        low = xp.where(later, int(Role.NOTE), int(Role.PART))
        high = xp.where(starts, int(Role.PART), xp.where(role_before == Role.REST, int(Role.REST), int(Role.END)))
        return low, high

    role = chosen[..., Field.ROLE]
    low, high = _static(config, xp, field, role)
    note = role == Role.NOTE
    after_note = note & (role_before == Role.NOTE)
    top = before[..., Field.PITCH] >= LAST_PITCH
    if field is Field.WAIT:
        return xp.where(after_note & top & (before[..., Field.PART] >= last_part), 1, low), high
    chord = after_note & (chosen[..., Field.WAIT] == 0)  # at the same instant as the note before
    if field is Field.PART:
        declared = xp.where(role_before == Role.PART, before[..., Field.PART] + 1, 0)
        declares = role == Role.PART
        low = xp.where(declares, declared, xp.where(chord, before[..., Field.PART] + xp.where(top, 1, 0), low))
        return low, xp.where(declares, declared, xp.where(note, last_part, high))
    if field is Field.PITCH:
        rising = chord & (chosen[..., Field.PART] == before[..., Field.PART])
        return xp.where(rising, before[..., Field.PITCH] + 1, low), high
    return low, high


def _static(config: CodecConfig, xp: ModuleType, field: Field, role: Any) -> tuple[Any, Any]:
    """The table's own bounds by role: one look-up, no memory of what came before."""
    low, high = _by_role(config, field)
    return xp.asarray(low, device=role.device)[role], xp.asarray(high, device=role.device)[role]


@cache
def _by_role(config: CodecConfig, field: Field) -> tuple[list[int], list[int]]:
    """The table's bounds of a field, indexed by role."""
    spans = [config.bounds(field)[r] for r in Role]
    return [low for low, _ in spans], [high for _, high in spans]
