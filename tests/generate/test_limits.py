"""Limits of a plan: notes stay within them, whatever the engine would like; a row of a batch is the row alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.codec.given import no_parts
from melody.codec.table import DRUMS, Field, Role
from melody.generate.bounded import Bounded
from melody.generate.limits import NEVER, Limits, plain_beat
from melody.generate.loop import pieces, write
from melody.generate.sampling import Sampling
from melody.theory.ranges import PLAIN_KIT, instrument_range

from ..conftest import examples
from .conftest import CODEC, FakeEngine, check, declared, notes_of, plan

WILD = Sampling(temperature=1, top_p=1)


def each(value, other=None, part=0):
    """(16,): one value for all parts, another one for one of them."""
    out = np.full(16, value)
    out[part] = value if other is None else other
    return out


def limited(index):
    """Plans with limits of every kind, and some without."""
    kinds = [
        None,
        Limits(low=each(50), high=each(58), voices=each(1)),
        Limits(voices=each(2, 1), quiet=each(1), loud=each(2), instruments=True),
        Limits(onsets=np.where(np.arange(4) % 2, NEVER, 0).astype(np.float32), low=each(40, 60), high=each(70, 64)),
        Limits(weights=np.tile(np.where(np.arange(128) % 12 == 0, 0, NEVER), (16, 1)).astype(np.float32), voices=each(3)),
        Limits(strokes=plain_beat(), unlearned=each(0, 1, 2) == 1),
        Limits(first=np.where(np.arange(16) == 8, 0, NEVER).astype(np.float32)),
    ]
    programs = [(), (0,), (0, 24, DRUMS)][index % 3]
    return plan(*programs, limits=kinds[index % len(kinds)], seed=index, stop=32 + 16 * (index % 4), ending=16, sampling=WILD)


@pytest.mark.parametrize("capacity", [1, 4, 21])
def test_a_row_of_a_batch_is_the_row_alone(capacity):
    found = dict(pieces(FakeEngine(), iter([limited(i) for i in range(21)]), capacity))
    for index in range(21):
        made = limited(index)
        check(made, found[index])
        assert np.array_equal(found[index], write(FakeEngine(), [made])[0])


def test_pitches_and_velocities_keep_to_the_limits_of_their_part():
    limits = Limits(low=each(50, 60), high=each(54, 72), quiet=each(2, 0), loud=each(3, 1))
    for seed in range(8):
        (rows,) = write(FakeEngine(), [plan(0, 24, limits=limits, seed=seed, sampling=WILD)])
        notes = rows[rows[:, Field.ROLE] == Role.NOTE]
        for part, (low, high, quiet, loud) in enumerate([(60, 72, 0, 1), (50, 54, 2, 3)]):
            mine = notes[notes[:, Field.PART] == part]
            assert ((mine[:, Field.PITCH] >= low) & (mine[:, Field.PITCH] <= high)).all()
            assert ((mine[:, Field.VELOCITY] >= quiet) & (mine[:, Field.VELOCITY] <= loud)).all()


def together(notes, part):
    """Most notes of a part that sound at once."""
    spans = [(onset, onset + duration) for onset, p, _, duration in notes if p == part]
    return max((sum(a <= t < b for a, b in spans) for t, _ in spans), default=0)


@examples(25)
@given(st.integers(1, 3), st.integers(0, 99), st.booleans())
def test_a_part_has_no_more_voices_than_it_may(voices, seed, two):
    """Where time is left before the end; the grammar's last resort is a note."""
    programs = (0, 24) if two else (0,)
    made = plan(*programs, limits=Limits(voices=each(voices)), seed=seed, stop=400, ending=64, sampling=WILD)
    rows = write(FakeEngine(), [made])[0]
    check(made, rows)
    notes = [n for n in notes_of(made, rows) if n[0] < 300]
    assert all(together(notes, part) <= voices for part in range(len(programs)))


def test_what_sounds_in_the_prime_counts():
    prime = np.concatenate([declared(0), np.array([(Role.NOTE, 0, 0, 60, 24, 1)], np.int16)])
    made = plan(0, prime=prime, earliest=1, limits=Limits(voices=each(1)), stop=200, ending=150, sampling=WILD)
    for seed in range(5):
        (rows,) = write(FakeEngine(), [replace(made, seed=seed)])
        assert notes_of(made, rows)[0][0] >= 24


def test_the_first_note_stands_where_it_may():
    first = np.where(np.isin(np.arange(16), (0, 12)), 0, NEVER).astype(np.float32)
    found = {
        notes_of(made, write(FakeEngine(), [made])[0])[0][0] % 16
        for seed in range(30)
        for made in [plan(0, limits=Limits(first=first), seed=seed, sampling=WILD)]
    }
    assert found == {0, 12}


def test_an_instrument_that_the_model_declares_keeps_to_its_range():
    for seed in range(6):
        made = plan(declare=(2, 3), limits=Limits(instruments=True), seed=seed, sampling=WILD)
        (rows,) = write(FakeEngine(), [made])
        programs = {r[Field.PART]: r[Field.PITCH] - 128 for r in rows if r[Field.ROLE] == Role.PART}
        for row in rows[rows[:, Field.ROLE] == Role.NOTE]:
            program = int(programs[row[Field.PART]])
            found = instrument_range(min(program, 127), program == DRUMS)
            assert found.low <= row[Field.PITCH] <= found.high


def test_unlearned_drums_play_strokes_of_a_beat():
    limits = Limits(strokes=plain_beat(), unlearned=each(0, 1, 1) == 1)
    for seed in range(5):
        (rows,) = write(FakeEngine(), [plan(0, DRUMS, limits=limits, seed=seed, stop=160, ending=150, sampling=WILD)])
        drums = rows[(rows[:, Field.ROLE] == Role.NOTE) & (rows[:, Field.PART] == 1)]
        assert set(drums[:, Field.PITCH].tolist()) <= set(PLAIN_KIT)


def test_one_row_knows_in_plain_numbers_what_many_know_in_arrays():
    rng = np.random.default_rng(3)
    one, two = Bounded(CODEC), Bounded(CODEC)
    limits = Limits(low=each(40), high=each(60), voices=np.arange(16) % 4)
    events, time = np.array([(Role.END, 0, 0, 0, 0, 0)]), np.zeros(1, np.int64)
    for bounded, rows in ((one, 1), (two, 2)):
        bounded.pick(np.full(rows, -1))
        for b in range(rows):
            bounded.enter(b, limits, no_parts(), events, time)
        bounded.refresh()
    assert one.alone is not None and two.alone is None
    at = 0
    for _ in range(300):
        at += int(rng.integers(0, 4))
        part, length, wait = int(rng.integers(16)), int(rng.integers(1, 20)), int(rng.integers(0, 3))
        before, allowed = [int(Role.NOTE), 0, part, int(rng.integers(40, 61)), 1, 1], int(rng.integers(0, 1 << 16))
        one.alone.played(part, at + length)
        two.played(np.arange(2), np.full(2, part), np.full(2, at + length))
        table = np.array([before] * 2)
        assert one.alone.free(at + wait, before, wait) == two.free_bits(np.full(2, at + wait), table, np.full(2, wait))[1]
        assert one.alone.soonest(at, before, allowed) == two.soonest(np.full(2, at), table, np.full(2, allowed))[0]
    free = one.alone.free_at
    one.pick(np.array([0, -1]))  # another row comes beside it
    assert one.alone is None and one.free_at[0].tolist() == free
