"""What stays the same for a while: parts, conditions and encoded given notes, as rows that are looked up at every step.

H width of the body, P of a head, E of the encoder of given notes. Pieces that are alike share their rows; every piece is
computed on its own, so that its numbers do not depend on its neighbours.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec import conditions as condition_table
from melody.codec.given import COLUMNS
from melody.codec.table import MAX_PARTS
from melody.runtime.layout import Layout, offsets

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]
ENCODED = 64  # encoded tunes that are kept
FIRST = 2 + MAX_PARTS  # rows before those of the given notes: conditions, zeros, parts


@dataclass(frozen=True, eq=False)
class Context:
    """Rows of all pieces, one below the other: conditions, zeros, 16 parts, given notes as the last one, as the next one."""

    body: Floats  # (N, H)
    head: Floats  # (N, P)
    first: NDArray[np.int64]  # (B,): where the rows of each row's piece begin
    following: NDArray[np.int64]  # (B,): where its given notes as next ones begin
    piece: NDArray[np.int64]  # (B,): which piece of these
    query: Floats  # (pieces, 16, P): a head's input times this is the logit of a part
    query_bias: Floats  # (pieces, 16)

    def pick(self, rows: Ints) -> Context:
        """Some rows of the batch."""
        return replace(self, first=self.first[rows], following=self.following[rows], piece=self.piece[rows])


class Contexts:
    """Makes contexts from the tables of a runtime file."""

    def __init__(self, tables: dict[str, NDArray[Any]], layout: Layout) -> None:
        self.tables, self.layout = tables, layout
        self.encoded: OrderedDict[bytes, tuple[Floats, Floats]] = OrderedDict()
        self.condition_offsets = offsets(condition_table.sizes(layout.codec))
        self.given_offsets = offsets(layout.given_columns)
        self.cuts = np.cumsum(layout.part_columns)[:-1].tolist()

    def make(self, parts: Ints, conditions: Ints, given: Ints, live: NDArray[np.bool_]) -> Context:
        """(B, 16, 3), (B, 5), (G, B, 7), (B,) -> Context."""
        known: dict[bytes, int] = {}
        pieces: list[tuple[Floats, Floats, Floats, Floats]] = []
        which, first, following, at = [], [], [], [0]
        notes = (given[..., COLUMNS.index("duration")] > 0).sum(0)
        for b, count in enumerate(notes.tolist()):
            held = given[:count, b].astype(np.int64)
            mark = b"|".join((held.tobytes(), parts[b].tobytes(), conditions[b].tobytes(), bytes([bool(live[b])])))
            if mark not in known:
                known[mark] = len(pieces)
                pieces.append(self._piece(parts[b], conditions[b], held, bool(live[b])))
                at.append(at[-1] + len(pieces[-1][0]))
            piece = known[mark]
            which.append(piece)
            first.append(at[piece])
            following.append(at[piece] + FIRST + 1 + count)
        body, head, query, bias = zip(*pieces, strict=True)
        begins, nexts, piece_of = (np.array(a, np.int64) for a in (first, following, which))
        return Context(np.concatenate(body), np.concatenate(head), begins, nexts, piece_of, np.stack(query), np.stack(bias))

    def _piece(self, parts: Ints, conditions: Ints, given: NDArray[np.int64], live: bool) -> tuple[Floats, Floats, Floats, Floats]:
        t, width = self.tables, self.layout.width
        program, lead, held = parts.astype(np.int64).T
        described = t["part.program"][program] + t["part.number"] + t["part.flags"][lead + 2 * held]  # (16, columns)
        body, head, query, bias, encoder = np.split(described, self.cuts, -1)
        piece = t["conditions"][conditions + self.condition_offsets].sum(0, keepdims=True)
        last, following = self._given(given, encoder, live)
        zeros = np.zeros((1, width), np.float32)
        nothing = np.zeros((2, self.layout.head), np.float32)
        return (
            np.concatenate([piece, zeros, body, last[:, :width], following[:, :width]]),
            np.concatenate([nothing, head, last[:, width:], following[:, width:]]),
            query,
            bias[:, 0],
        )

    def _given(self, given: NDArray[np.int64], parts: Floats, live: bool) -> tuple[Floats, Floats]:
        """Given notes (G, 7) as the last one and as the next one, each (1 + G, H + P), "nothing" first."""
        nothing = self.tables["given.nothing"]
        if not len(given):
            return nothing[:1], nothing[1:]
        told = parts[given[:, 0]]
        mark = given.tobytes() + told.tobytes() + bytes([live])
        if mark not in self.encoded:
            halves = np.split(self._encode(given, told, live) @ self.tables["given.out"], 2, -1)
            last, following = (np.concatenate([nothing[i : i + 1], half]) for i, half in enumerate(halves))
            self.encoded[mark] = last, following
            if len(self.encoded) > ENCODED:
                self.encoded.popitem(last=False)
        self.encoded.move_to_end(mark)
        return self.encoded[mark]

    def _encode(self, given: NDArray[np.int64], parts: Floats, live: bool) -> Floats:
        """(G, 2 E)."""
        t = self.tables
        x = t["given.notes"][given[:, 1:] + self.given_offsets].sum(1) + parts
        own = t["given.own"][given[:, 1:3] + np.array([0, 128])].sum(1)
        ahead = self._lstm(x, "forwards")
        back = np.zeros_like(ahead) if live else self._lstm(x[::-1], "backwards")[::-1]
        both: Floats = np.concatenate([ahead, back], -1) + own
        return both

    def _lstm(self, x: Floats, way: str) -> Floats:
        """(G, E) -> (G, E), once a piece."""
        t, size = self.tables, self.layout.given
        inputs = x @ t[f"given.{way}.input"] + t[f"given.{way}.bias"]
        state = t[f"given.{way}.state"]
        out = np.empty_like(x)
        h = c = np.zeros(size, np.float32)
        with np.errstate(over="ignore"):
            for step, row in enumerate(inputs):
                gates = row + h @ state
                opened = 1 / (1 + np.exp(-gates))  # of the four, the third is not asked for
                c = opened[size : 2 * size] * c + opened[:size] * np.tanh(gates[2 * size : 3 * size])
                out[step] = h = opened[3 * size :] * np.tanh(c)
        return out
