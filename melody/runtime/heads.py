"""The chain of heads in numpy: what a step's heads know, and logits, those of the copy mechanism added.

A head's input is rounded to whole numbers for each row, its weights are whole numbers: fp32 adds those without any error, in
whatever order the matrix product of a batch takes them. So a row of a batch is bit for bit the row alone.

One piece alone waits for the calls here and not for what they compute: as few as possible.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import COPIED_FIELDS, POINTERS, PREDICTED_OFFSET, Recalled
from melody.codec.table import Field
from melody.runtime.layout import INPUT_STEPS, Layout

Floats = NDArray[np.float32]
ROLE, VELOCITY = int(Field.ROLE), int(Field.VELOCITY)
OFFSETS = np.array([PREDICTED_OFFSET[field] for field in COPIED_FIELDS])
MIN_INPUT = np.float32(1e-30)  # an input's largest number is taken for at least this, so that it can be divided by


class HeadState:
    """Where the chain stands within one event: changed in place, made anew at every step."""

    __slots__ = ("agrees", "known", "recalled", "trust", "values", "z")

    def __init__(self, z: Floats, recalled: NDArray[np.int64]) -> None:
        """(B, 6, P), (B, 5, 6)."""
        self.z, self.recalled = z, recalled
        self.known = self.agrees = recalled[..., Recalled.WAIT] > 0  # (B, pointers): predicts at all; and is right about the fields so far
        self.values = np.maximum(recalled[..., : len(COPIED_FIELDS)] - OFFSETS, 0)  # (B, pointers, fields)
        self.trust: Floats | None = None  # (fields, B, pointers, 2)


class HeadTables:
    """The heads' tables of a runtime file, as numpy multiplies them."""

    def __init__(self, tables: dict[str, NDArray[Any]], layout: Layout) -> None:
        self.layout = layout
        self.chosen = [tables[f"chosen.{int(f)}"].reshape(-1, len(Field) - 1 - f, layout.head) for f in list(Field)[:-1]]
        self.gates = [layout.gates(f) for f in Field]
        self.heads = [
            tuple(
                np.roll(tables[f"head.{int(f)}.{name}"], self.gates[f], -1).astype(np.float32)  # the gates first
                for name in ("weight", "scale", "bias")
            )
            if f"head.{int(f)}.weight" in tables
            else None
            for f in Field
        ]
        self.trust = tables.get("trust")
        self.pointers = np.arange(POINTERS)

    def embed_choice(self, heads: HeadState, field: int, value: NDArray[np.integer[Any]]) -> None:
        """Tell the later heads the value (B,) of ``field``."""
        heads.z[:, field + 1 :] += self.chosen[field].take(value, 0)
        if field != ROLE and self.trust is not None:
            heads.agrees = heads.agrees & (heads.values[..., field - 1] == value[:, None])

    def logits(self, heads: HeadState, field: int, rows: int, values: int | None, query: Floats | None, bias: Floats | None) -> Floats:
        """Logits of the first values of the first rows.

        For the part head: ``query`` (rows, 16, P) and ``bias`` (rows, 16) of the pieces' parts.
        """
        z = np.maximum(heads.z[:rows, field], 0)
        known, gates = self.heads[field], self.gates[field]
        if known is not None:
            columns = None if values is None else gates + values
            weight, scale, shift = known[0][:, :columns], known[1][:columns], known[2][:columns]
            most: Any = max(z.max(), MIN_INPUT) if rows == 1 else np.maximum(z.max(-1, keepdims=True), MIN_INPUT)
            steps = z * (INPUT_STEPS / most)
            every: Floats = np.rint(steps, out=steps) @ weight
            every *= most
            every *= scale
            every += shift
            out = every[:, gates:]
        if query is not None:
            assert bias is not None
            out = np.matmul(query, z[:, :, None])[..., 0]
            out += bias
        if gates:
            self._add_copy_logits(heads, field - 1, out, every[:, :gates].reshape(-1, POINTERS, 2))
        return out

    def _add_copy_logits(self, heads: HeadState, field: int, logits: Floats, gates: Floats) -> None:
        """Add to the logits of the predicted values, pointer by pointer; ``field`` is the place in COPIED_FIELDS."""
        if heads.trust is None:
            assert self.trust is not None
            heads.trust = self.trust[:, self.pointers, heads.recalled[..., Recalled.STREAK]]
        rows = len(logits)
        both = gates + heads.trust[field, :rows]
        added = np.where(heads.agrees[:rows], both[..., 0], both[..., 1])
        added *= heads.known[:rows]
        at = heads.values[:rows, :, field]
        if logits.shape[1] <= int(at.max()):  # predicted, but not among the values that are asked for
            added, at = added * (at < logits.shape[1]), np.minimum(at, logits.shape[1] - 1)
        if rows == 1:  # one value after the other: the same sums, without the price of ``add.at``
            row = logits[0]
            for value, more in zip(at[0].tolist(), added[0], strict=True):
                row[value] += more
        else:
            np.add.at(logits, (np.arange(rows)[:, None], at), added)
