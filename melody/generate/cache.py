"""What a piece has played lately, and what the network made of it then: a continuous neural cache (Grave, Joulin and Usunier, 2017).

For wait, pitch, duration and velocity of a note, over the legal values v:

    p(v) = (1 - l) p_model(v) + l p_cache(v),   p_cache(v) = sum of exp(t (cos(h, h_i) - 1)) over the last notes i whose value was v

p_cache as shares of its sum. h is what the field's own head starts from; l grows with the notes that are held, so that a short piece
is left to the model. Nothing here is learned.

Keys are rounded to whole numbers, so small that fp32 adds their products without any error, in whatever order: a row of a batch is
bit for bit the row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.table import Field, Role
from melody.generate.engine import Engine, Seen
from melody.generate.guidance import wants_guidance
from melody.generate.plan import Plan

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]
CACHED = (Field.WAIT, Field.PITCH, Field.DURATION, Field.VELOCITY)
SIZE = 500  # notes that are held
SHARES = {Field.WAIT: 0.3, Field.PITCH: 0.1, Field.DURATION: 0.2, Field.VELOCITY: 0.3}  # l of a full cache, ``Sampling.memory`` times
SHARPNESS = {Field.WAIT: 80.0, Field.PITCH: 80.0, Field.DURATION: 40.0, Field.VELOCITY: 40.0}  # t
RISE = 256  # notes that fill it as far as l is concerned
STEPS = 4000  # length of a key: its square, and so any sum on the way to a product, stays below 2 ** 24
FIRST_ROOM = 64  # notes for which there is room at the beginning
TINY = np.float32(1e-30)


class Cache:
    """Rings of the last notes of B rows. A row of weight 0 asks nothing and keeps nothing."""

    def __init__(self, rows: int) -> None:
        self.weight = np.zeros(rows)  # ``Sampling.memory``
        self.count = np.zeros(rows, np.int64)  # notes that were put in, also those that are gone
        self.values = {field: np.zeros((rows, 0), np.int64) for field in CACHED}
        self.keys = {field: np.zeros((rows, 0, 0), np.float32) for field in CACHED}

    def begin(self, b: int, weight: float, read: tuple[list[Floats], Ints] | None) -> None:
        """A new piece in row ``b``. ``read``: keys by field, each (n, P), and values (n, 4) of notes that were read before."""
        self.weight[b], self.count[b] = weight, 0
        if read is None or not len(read[1]) or not weight:
            return
        keys, values = read
        kept = slice(-SIZE, None)
        self._make_room(len(values[kept]), keys[0].shape[-1])
        self.count[b] = len(values[kept])
        for place, field in enumerate(CACHED):
            self.keys[field][b, : self.count[b]] = keys[place][kept]
            self.values[field][b, : self.count[b]] = values[kept, place]

    def keep(self, rows: Ints) -> None:
        """Leave the other rows out."""
        self.weight, self.count = self.weight[rows], self.count[rows]
        self.values = {field: values[rows] for field, values in self.values.items()}
        self.keys = {field: keys[rows] for field, keys in self.keys.items()}

    def mix(
        self, field: Field, keys: Floats, logits: Floats, first: int, last: int, legal: NDArray[np.bool_] | None, notes: NDArray[np.bool_]
    ) -> None:
        """Change the logits (B or more, V) of first..last in place, for the rows whose event is a note.

        keys   (B, P), see ``rounded``
        legal  (B, last + 1 - first); None: all
        notes  (B,)
        """
        share = self.weight * SHARES[field] * np.minimum(self.count / RISE, 1) * notes
        held = min(int(self.count.max()), SIZE)
        if not share.any():
            return
        rows, width = len(share), last + 1 - first
        past = self.keys[field][:, :held]
        like = past[0].dot(keys[0])[None] if rows == 1 else np.einsum("bnp,bp->bn", past, keys)  # each the quicker one there
        like *= SHARPNESS[field] / STEPS**2
        like -= SHARPNESS[field]
        weight = np.exp(like, out=like)
        weight *= np.arange(held) < self.count[:, None]
        at = self.values[field][:, :held] - first
        at[(at < 0) | (at >= width)] = width  # what is not asked for goes into a column of its own
        at += np.arange(rows)[:, None] * (width + 1)
        cached = np.bincount(at.ravel(), weight.ravel(), rows * (width + 1)).reshape(rows, -1)[:, :width]
        window = logits[:rows, first : last + 1]
        own = window.astype(np.float64)
        if legal is not None:
            cached = cached * legal
            own[~legal] = -np.inf
        whole = cached.cumsum(-1)[:, -1:]  # one value after the other, as in ``draw``
        own = np.exp(own - own.max(-1, keepdims=True))
        own /= own.cumsum(-1)[:, -1:]
        asks = (share[:, None] > 0) & (whole > 0)
        share = share[:, None]
        with np.errstate(divide="ignore"):
            mixed = np.log((1 - share) * own + share * (cached / np.maximum(whole, TINY)))
        window[:] = np.where(asks, mixed, window)

    def after(self, events: Ints, keys: Callable[[Field], Floats]) -> None:
        """An event (B, 6) of every row: notes are put in. ``keys``: those (B, P) of a field."""
        rows = np.flatnonzero((events[:, Field.ROLE] == Role.NOTE) & (self.weight > 0))
        if not len(rows):
            return
        at = self.count[rows] % SIZE
        for field in CACHED:
            new = keys(field)
            self._make_room(min(1 + int(self.count[rows].max()), SIZE), new.shape[-1])
            self.keys[field][rows, at] = new[rows]
            self.values[field][rows, at] = events[rows, field]
        self.count[rows] += 1

    def _make_room(self, count: int, width: int) -> None:
        room = self.values[Field.WAIT].shape[1]
        if count <= room:
            return
        more = min(max(count, 2 * room, FIRST_ROOM), SIZE) - room
        for field in CACHED:
            self.values[field] = np.pad(self.values[field], ((0, 0), (0, more)))
            self.keys[field] = np.pad(self.keys[field], ((0, 0), (0, more), (0, width - self.keys[field].shape[-1])))


def rounded(keys: Floats) -> Floats:
    """Inputs of a head (..., P), none below 0, as whole numbers of one length."""
    length = np.sqrt((keys * keys).sum(-1, keepdims=True))
    steps: Floats = keys * (np.float32(STEPS) / np.maximum(length, TINY))
    return np.rint(steps, out=steps)


def weight_of(plan: Plan) -> float:
    """How much of a cache a plan asks for. One that is guided has none: its twin would need one of its own."""
    return 0.0 if wants_guidance(plan) else plan.sampling.memory


def read_back(engine: Engine, context: Any, state: Any, seen: Seen) -> tuple[tuple[list[Floats], Ints], Any]:
    """Read the forced events of one row, but for the last one: keys (4 times (n, P)) and values (n, 4) of its notes, and the state."""
    steps = min(len(seen.rows) - 1, 2 * SIZE)
    context, heads, state = engine.review(context, state, Seen(*(a[:-1, None] for a in seen)), steps)
    events, features, lookups = (a[-steps:].astype(np.int64) for a in seen[:3])
    notes = events[:, Field.ROLE] == Role.NOTE
    keys = []
    for field in Field:
        if field == Field.PART:
            heads = engine.arrive(context, heads, features, lookups)
        if field in CACHED:
            keys.append(rounded(engine.key(heads, field)[notes]))
        heads = engine.tell(context, heads, field, events[:, field], events[:, Field.ROLE])
    return (keys, events[notes][:, CACHED]), state


def entered(cache: Cache | None, count: int, rows: Sequence[int], plans: Sequence[Plan], read: Sequence[Any]) -> Cache | None:
    """The cache of ``count`` rows after plans have taken some; None as long as nobody asks for one. ``read``: see ``Cache.begin``."""
    weights = [weight_of(p) for p in plans]
    if cache is None and not any(weights):
        return None
    cache = cache or Cache(count)
    for b, weight, seen in zip(rows, weights, read, strict=True):
        cache.begin(b, weight, seen)
    return cache
