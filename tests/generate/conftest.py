"""A fake engine: no network, so that the loop is tested in milliseconds. Its states remember all that they have read."""

import zlib

import numpy as np
import pytest

from melody.codec import CodecConfig
from melody.codec.conditions import conditions
from melody.codec.decode import decode_piece
from melody.codec.encode import encode, quantise
from melody.codec.given import given_notes
from melody.codec.grammar import bounds
from melody.codec.metre import Metre
from melody.codec.table import MAX_PARTS, PROGRAM_BASE, UNDECLARED, Field, Role
from melody.generate.plan import Plan
from melody.score import METER, Score, Track, note_table, table

CODEC = CodecConfig(grid=4, velocity_bins=4)  # a bar of 4/4 has 16 steps, as long as a rest


class FakeEngine:
    """Logits are ``preferred(field, chosen so far (6,))`` of each row, or noise that depends on all that the row has read and chosen."""

    def __init__(self, codec=CODEC, preferred=None):
        self.codec, self.preferred = codec, preferred
        self.read = []  # (events, features, look-ups) of every call
        self.given = []  # shapes of the given notes of every context

    def context(self, parts, conditions, given, causal):
        self.given.append(given.shape)
        return np.array(parts)

    def update_parts(self, context, rows, parts):
        context = context.copy()
        context[rows] = parts
        return context

    def initial_state(self, conditions):
        return [b""] * len(conditions)

    def advance(self, context, state, steps):
        rows, features, lookups, recalled = steps
        assert recalled.shape[:2] == rows.shape[:2]
        assert rows.shape[:2] == features.shape[:2] == lookups.shape[:2] and rows.shape[1] == len(state) == len(context)
        self.read.append((np.array(rows), np.array(features), np.array(lookups)))
        state = [s + rows[:, b].astype(np.int16).tobytes() for b, s in enumerate(state)]
        return [(s, (0,) * 6) for s in state], state

    def logits(self, context, heads, field, rows=None, values=None):
        assert len(heads) == len(context)
        return np.stack([self._logits(field, *head) for head in heads[:rows]]).astype(np.float32)

    def _logits(self, field, state, chosen):
        size = self.codec.sizes[field]
        if self.preferred is not None:
            return np.broadcast_to(self.preferred(field, chosen), size)
        return np.random.default_rng(zlib.crc32(state + bytes(str((field, chosen)), "ascii"))).normal(size=size)

    def embed_choice(self, context, heads, field, value, role):
        return [(s, (*t[:field], int(v), *t[field + 1 :])) for (s, t), v in zip(heads, value, strict=True)]

    def set_time(self, context, heads, features, lookups):
        return heads

    def join(self, states):
        return [row for s in states for row in s]

    def pick(self, context, state, rows):
        return context[rows], [state[r] for r in rows]

    def put(self, context, state, rows, other, other_state):
        state = list(state)
        for place, row in enumerate(rows):
            state[row] = other_state[place]
        return self.update_parts(context, rows, other), state


def declared(*programs, first=0):
    """Declarations as events."""
    return np.array([(Role.PART, 0, first + i, PROGRAM_BASE + p, 0, 0) for i, p in enumerate(programs)], np.int16).reshape(-1, 6)


def part_table(*programs, held=()):
    parts = np.zeros((MAX_PARTS, 3), np.int16)
    parts[:, 0] = UNDECLARED
    parts[: len(programs), 0] = programs
    parts[list(held), 2] = 1
    return parts


def metre(numerator=4, denominator=4, codec=CODEC):
    return Metre(codec, table(METER, [0], [numerator], [denominator]))


def plan(*programs, held=(), **settings):
    """A plan of four bars with some declared parts (or, without any, with parts for the engine to declare)."""
    usual = {"metre": metre(), "stop": 64, "ending": 48, "conditions": conditions(CODEC), "prime": declared(*programs)}
    if programs:
        usual["declare"] = (0, 0)
    return Plan(parts=part_table(*programs, held=held), **(usual | settings))


def times(plan, rows):
    """Step reached after each sampled event."""
    begin = plan.start + int(plan.prime[:, Field.WAIT].sum())
    return begin + np.cumsum(rows[:, Field.WAIT])


def notes_of(plan, rows):
    """(onset, part, pitch, duration) of the sampled notes."""
    which = rows[:, Field.ROLE] == Role.NOTE
    return [(int(t), int(r[2]), int(r[3]), int(r[4])) for t, r in zip(times(plan, rows)[which], rows[which], strict=True)]


def check(plan, rows, codec=CODEC):
    """The grammar, event by event; the span; and that decoding and encoding give the same events."""
    whole = np.concatenate([plan.prime, rows]).astype(np.int64)
    before = np.array([Role.END, 0, 0, 0, 0, 0])
    declared = {i for i in range(MAX_PARTS) if plan.parts[i, 0] != UNDECLARED and not plan.parts[i, 2]}
    for place, event in enumerate(whole):
        if event[Field.ROLE] == Role.PART and place >= len(plan.prime):
            declared.add(int(event[Field.PART]))
        for field in Field:
            low, high = bounds(codec, np, field, before, event, np.array(max(declared, default=0)))
            assert low <= event[field] <= high, (place, field.name, event)
        if event[Field.ROLE] == Role.NOTE and place >= len(plan.prime):
            assert int(event[Field.PART]) in declared
        before = event
    assert (rows[:-1, Field.ROLE] != Role.END).all() and rows[-1, Field.ROLE] == Role.END
    onsets = [n[0] for n in notes_of(plan, rows)]
    assert all(plan.earliest <= t < plan.stop for t in onsets)
    piece = decode_piece(whole.astype(np.int16), codec, start=plan.start)
    assert np.array_equal(encode(piece, start=plan.start).rows, whole)


def held_notes(*onsets, part=0):
    """Given notes of one part."""
    notes = note_table(onsets, [2] * len(onsets), [60] * len(onsets), [64] * len(onsets))
    tracks = [Track() for _ in range(part)] + [Track("", 0, False, notes)]
    piece = quantise(Score(tuple(tracks), 4), CODEC)
    return given_notes(piece, np.ones(len(piece.notes), bool))


@pytest.fixture
def engine():
    return FakeEngine()
