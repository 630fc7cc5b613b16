"""What a model has learned: the instruments by its own card, and what is said where another one is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from melody.bundle import Bundle
from melody.codec.columns import PartColumn
from melody.codec.table import DRUMS, PROGRAM_BASE, Field, Role
from melody.programs import program_name

LEARNED = 5_000  # notes that have to have been seen


def learned_programs(bundle: Bundle) -> Mapping[int, int] | None:
    """Notes seen of each program (128: drums) that a model has learned; None where its card says nothing of it."""
    table = bundle.training.get("programs")
    if not isinstance(table, Mapping):
        return None
    seen = {int(p): _notes(row) for p, row in table.items() if str(p).isdecimal() and str(p).isascii() and len(str(p)) < 4}
    return {program: notes for program, notes in seen.items() if notes >= LEARNED}


def _notes(row: object) -> int:
    """Of a row of the card; 0 where it is damaged."""
    notes = row.get("notes") if isinstance(row, Mapping) else None
    return notes if isinstance(notes, int) else 0


def drums_learned(bundle: Bundle) -> bool:
    """Whether a model knows drums, as far as its card says."""
    known = learned_programs(bundle)
    return known is None or DRUMS in known


def nearest_learned(program: int, known: Mapping[int, int] | None) -> int:
    """The program itself where it was learned, else the one of its family that was seen most; itself again where there is none."""
    if known is None or program in known or program >= DRUMS:
        return program
    family = [p for p in known if p < DRUMS and p // 8 == program // 8]
    return max(family, key=lambda p: known[p], default=program)


def as_learned(
    rows: NDArray[np.int16], parts: NDArray[np.int16], known: Mapping[int, int] | None
) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """Declarations (n, 6) and the part table (16, 3) as a model reads them: each instrument is the nearest that it has learned."""
    rows, parts = rows.copy(), parts.copy()
    for row in rows[rows[:, Field.ROLE] == Role.PART]:
        program = nearest_learned(int(row[Field.PITCH]) - PROGRAM_BASE, known)
        row_at = np.flatnonzero((rows[:, Field.ROLE] == Role.PART) & (rows[:, Field.PART] == row[Field.PART]))
        rows[row_at, Field.PITCH] = PROGRAM_BASE + program
        parts[row[Field.PART], PartColumn.PROGRAM] = program
    return rows, parts


def remark_on(programs: Sequence[int], bundle: Bundle) -> str:
    """One line on instruments (128: drums) that a model has not learned; nothing where it knows all of them."""
    known = learned_programs(bundle)
    if known is None:
        return ""
    unknown = [p for p in dict.fromkeys(programs) if p not in known]
    said = []
    pitched = [program_name(p) for p in unknown if p != DRUMS]
    if pitched:
        said.append(f"has not learned {', '.join(pitched)}: it plays what it has learned, within the range of the instrument")
    if DRUMS in unknown:
        said.append("has not learned drums: their rhythm is its own, their strokes are those of the tune or of a plain beat")
    return f"the model {'; it '.join(said)}" if said else ""
