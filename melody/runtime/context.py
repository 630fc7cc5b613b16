"""What stays the same for a while: parts, conditions and encoded given notes, as rows that are looked up at every step.

H width of the body, P of a head, E of the encoder of given notes. Every piece is computed on its own, so that its numbers do
not depend on its neighbours.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import GivenColumn, condition_sizes
from melody.codec.table import MAX_PARTS
from melody.runtime.layout import Layout, offsets

Ints = NDArray[np.integer[Any]]
Floats = NDArray[np.float32]
MAX_TUNES = 64  # encoded tunes that are kept
BLOCK = 2 + MAX_PARTS  # rows of a piece's block: conditions, zeros, parts
MAX_UNUSED = 1 << 14  # rows of given notes that may be kept though no piece uses them


@dataclass(eq=False)
class Context:
    """Each piece's own rows, one block below the other: conditions, zeros, 16 parts.

    And those of the given notes, which pieces may share: as the last one, as the next one, each with "nothing" first.
    """

    body: Floats  # (N, H)
    head: Floats  # (N, P)
    first: Ints  # (B,): where each row's block begins
    given_body: Floats  # (M, H)
    given_head: Floats  # (M, P)
    last: Ints  # (B,): where its given notes as last ones begin
    following: Ints  # (B,): where its given notes as next ones begin
    query: Floats  # (B, 16, P): a head's input times this is the logit of a part
    query_bias: Floats  # (B, 16)

    def pick(self, rows: Ints) -> Context:
        """Some rows of the batch, each with a block of its own."""
        blocks = (self.first[rows, None] + np.arange(BLOCK)).ravel()
        return replace(self.shared(rows), body=self.body[blocks], head=self.head[blocks], first=np.arange(len(rows)) * BLOCK)

    def shared(self, rows: Ints) -> Context:
        """Some rows of the batch that share their blocks with this context: to be read, not changed."""
        names = ("first", "last", "following", "query", "query_bias")
        return replace(self, **{name: getattr(self, name)[rows] for name in names})

    def put(self, rows: Ints, other: Context) -> Context:
        """``other``'s rows take the place of ``rows``. What was in it is written over."""
        blocks = self.first[rows, None] + np.arange(BLOCK)
        theirs = other.first[:, None] + np.arange(BLOCK)
        self.body[blocks], self.head[blocks] = other.body[theirs], other.head[theirs]
        self.query[rows], self.query_bias[rows] = other.query, other.query_bias
        if not (len(other.given_body) == 2 and (other.last == 0).all() and len(self.given_body) == 2):  # nothing is given on either side
            self.last[rows], self.following[rows] = other.last + len(self.given_body), other.following + len(self.given_body)
            self.given_body = np.concatenate([self.given_body, other.given_body])
            self.given_head = np.concatenate([self.given_head, other.given_head])
            self._tidy()
        return self

    def _tidy(self) -> None:
        """Leave out the given notes that no row uses any more, once they are the larger part."""
        sizes = dict(zip(self.last.tolist(), (2 * (self.following - self.last)).tolist(), strict=True))
        if len(self.given_body) < 2 * sum(sizes.values()) + MAX_UNUSED:
            return
        at, moved = 0, {}
        for begin, size in sizes.items():
            moved[begin] = at - begin
            at += size
        kept = np.concatenate([np.arange(begin, begin + size) for begin, size in sizes.items()])
        move = np.array([moved[begin] for begin in self.last.tolist()])
        self.last, self.following = self.last + move, self.following + move
        self.given_body, self.given_head = self.given_body[kept], self.given_head[kept]


class Contexts:
    """Makes contexts from the tables of a runtime file."""

    def __init__(self, tables: dict[str, NDArray[Any]], layout: Layout) -> None:
        self.tables, self.layout = tables, layout
        self.encoded: OrderedDict[bytes, tuple[Floats, Floats]] = OrderedDict()
        self.condition_offsets = offsets(condition_sizes(layout.codec))
        self.given_offsets = offsets(layout.given_columns)
        self.cuts = np.cumsum(layout.part_columns)[:-1].tolist()

    def make(self, parts: Ints, conditions: Ints, given: Ints, causal: NDArray[np.bool_]) -> Context:
        """(B, 16, 3), (B, 5), (G, B, 7), (B,) -> Context."""
        count, layout = len(parts), self.layout
        body, head, query, bias, encoder = self._described(parts)
        blocks = np.zeros((count, BLOCK, layout.width), np.float32)
        blocks[:, 0] = self.tables["conditions"][conditions + self.condition_offsets].sum(1)
        blocks[:, 2:] = body
        heads = np.zeros((count, BLOCK, layout.head), np.float32)
        heads[:, 2:] = head
        pool: list[Floats] = []
        known: dict[bytes, int] = {}
        last, following, at = [], [], 0
        for b, notes in enumerate((given[..., GivenColumn.DURATION] > 0).sum(0).tolist()):
            mark, pair = self._given(given[:notes, b].astype(np.int64), encoder[b], bool(causal[b]))
            if mark not in known:
                known[mark] = at
                pool += pair
                at += 2 * (1 + notes)
            last.append(known[mark])
            following.append(known[mark] + 1 + notes)
        rows = np.concatenate(pool)
        return Context(
            blocks.reshape(-1, layout.width),
            heads.reshape(-1, layout.head),
            np.arange(count) * BLOCK,
            np.ascontiguousarray(rows[:, : layout.width]),
            np.ascontiguousarray(rows[:, layout.width :]),
            np.array(last),
            np.array(following),
            query,
            bias,
        )

    def update_parts(self, context: Context, rows: Ints, parts: Ints) -> Context:
        """Some rows (n,) have other parts (n, 16, 3) now: written over."""
        body, head, query, bias, _ = self._described(parts)
        blocks = context.first[rows, None] + np.arange(2, BLOCK)
        context.body[blocks], context.head[blocks] = body, head
        context.query[rows], context.query_bias[rows] = query, bias
        return context

    def _described(self, parts: Ints) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Parts (B, 16, 3) as the body sees them, as the heads do, as the part head asks for them (with its bias), as the encoder does."""
        program, lead, held = np.moveaxis(parts.astype(np.int64), -1, 0)
        t = self.tables
        described = t["part.program"][program] + t["part.number"] + t["part.flags"][lead + 2 * held]  # (B, 16, columns)
        body, head, query, bias, encoder = np.split(described, self.cuts, -1)
        return body, head, np.ascontiguousarray(query), bias[..., 0].copy(), encoder

    def _given(self, given: NDArray[np.int64], parts: Floats, causal: bool) -> tuple[bytes, tuple[Floats, Floats]]:
        """Given notes (G, 7) as the last one and as the next one, each (1 + G, H + P), "nothing" first; and what they are known by."""
        nothing = self.tables["given.nothing"]
        if not len(given):
            return b"", (nothing[:1], nothing[1:])
        played_by = parts[given[:, GivenColumn.PART]]
        mark = given.tobytes() + played_by.tobytes() + bytes([causal])
        if mark not in self.encoded:
            halves = np.split(self._encode(given, played_by, causal) @ self.tables["given.out"], 2, -1)
            last, following = (np.concatenate([nothing[i : i + 1], half]) for i, half in enumerate(halves))
            self.encoded[mark] = last, following
            if len(self.encoded) > MAX_TUNES:
                self.encoded.popitem(last=False)
        self.encoded.move_to_end(mark)
        return mark, self.encoded[mark]

    def _encode(self, given: NDArray[np.int64], parts: Floats, causal: bool) -> Floats:
        """(G, 2 E)."""
        t = self.tables
        x = t["given.notes"][given[:, GivenColumn.PITCH :] + self.given_offsets].sum(1) + parts
        own = t["given.own"][given[:, GivenColumn.PITCH : GivenColumn.VELOCITY] + np.array([0, self.layout.codec.given_pitches])].sum(1)
        ahead = self._lstm(x, "forwards")
        back = np.zeros_like(ahead) if causal else self._lstm(x[::-1], "backwards")[::-1]
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
