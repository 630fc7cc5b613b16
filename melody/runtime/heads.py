"""The chain of heads in numpy: what a step's heads know, logits with the pushes of what is recalled.

A head's input is rounded to whole numbers for each row, its weights are whole numbers: fp32 adds those without any error, in
whatever order the matrix product of a batch takes them. So a row of a batch is bit for bit the row alone.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.recall import POINTERS
from melody.codec.table import Field
from melody.runtime.layout import COPIED, STEPS, Layout

Floats = NDArray[np.float32]
FORETOLD = {Field.WAIT: (0, 1), Field.PART: (1, 1), Field.PITCH: (2, 1), Field.DURATION: (3, 0), Field.VELOCITY: (4, 1)}  # column, offset
TINY = np.float32(1e-30)


class HeadState:
    """Where the chain stands within one event: changed in place, made anew at every step."""

    __slots__ = ("agrees", "known", "told", "z")

    def __init__(self, z: Floats, told: NDArray[np.int64]) -> None:
        """(B, 6, P), (B, 5, 6)."""
        self.z, self.told = z, told
        self.known = self.agrees = told[..., 0] > 0


class HeadTables:
    """The heads' tables of a runtime file, as numpy multiplies them."""

    def __init__(self, tables: dict[str, NDArray[Any]], layout: Layout) -> None:
        self.layout = layout
        self.chosen = [tables[f"chosen.{int(f)}"].reshape(-1, len(Field) - 1 - f, layout.head) for f in list(Field)[:-1]]
        self.heads = {
            f: (tables[f"head.{int(f)}.weight"].astype(np.float32), tables[f"head.{int(f)}.scale"], tables[f"head.{int(f)}.bias"])
            for f in Field
            if f"head.{int(f)}.weight" in tables
        }
        self.trust = tables.get("trust", np.zeros(0, np.float32))
        self.pointers = np.arange(POINTERS)

    def tell(self, heads: HeadState, field: Field, value: NDArray[np.int64]) -> None:
        """Tell the later heads the value (B,) of ``field``."""
        heads.z[:, field + 1 :] += self.chosen[field].take(value, 0)
        if field in FORETOLD and self.layout.recall:
            column, offset = FORETOLD[field]
            heads.agrees = heads.agrees & (heads.told[..., column] == (value + offset)[:, None])

    def score(self, heads: HeadState, field: Field, query: Floats | None, bias: Floats | None) -> Floats:
        """Logits (B, V). For the part head: ``query`` (B, 16, P) and ``bias`` (B, 16) of the pieces' parts."""
        z = np.maximum(heads.z[:, field], 0)
        out: Floats = np.zeros(0, np.float32)
        if field in self.heads:
            weight, scale, shift = self.heads[field]
            most = np.maximum(z.max(-1, keepdims=True), TINY)
            out = np.rint(z * (STEPS / most)) @ weight
            out *= scale
            out *= most
            out += shift
        values = self.layout.values(field)
        if query is not None:
            assert bias is not None
            logits: Floats = (z[:, None] * query).sum(-1) + bias
        else:
            logits = out[:, :values]
        if self.layout.gates(field):
            self._lean(heads, field, logits, out[:, values:])
        return logits

    def _lean(self, heads: HeadState, field: Field, logits: Floats, gates: Floats) -> None:
        """Add the pushes of all pointers to ``logits``."""
        column, offset = FORETOLD[field]
        told, rows = heads.told, np.arange(len(logits))[:, None]
        both = gates.reshape(-1, POINTERS, 2) + self.trust[COPIED.index(field)][self.pointers, told[..., 5]]
        push = np.where(heads.agrees, both[..., 0], both[..., 1]) * heads.known
        value = np.maximum(told[..., column] - offset, 0)
        np.minimum(value, logits.shape[-1] - 1, out=value)
        np.add.at(logits, (rows, value), push)
