"""Pins of a plan: each stands where it has to, whatever the engine would like; a row of a batch is the row alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.codec.table import Field, Role
from melody.generate.loop import pieces, write
from melody.generate.pins import PIN, SPAN, Pins, no_pins, place, possible
from melody.generate.sampling import Sampling
from melody.score import table

from ..conftest import examples
from .conftest import FakeEngine, check, notes_of, plan

WILD = Sampling(temperature=1, top_p=1)


def pins_at(*rows, **facts):
    """Pins (onset, part, pitch, duration) of one pitch."""
    notes = no_pins() if not rows else table(PIN, *np.array([(o, p, v, v, 0, d, 1, -1, 0) for o, p, v, d in rows]).T)
    return Pins(notes, **facts)


def line(*spans, ties=()):
    """A closed line of quarter notes, each with an interval of pitches; ``ties``: the direction of each against the one before."""
    tied = [(i - 1, ties[i - 1]) if ties and i else (-1, 0) for i in range(len(spans))]
    rows = [(4 * i, 0, low, high, 0, 4, 2, *tied[i]) for i, (low, high) in enumerate(spans)]
    return Pins(table(PIN, *np.array(rows).T), closed=True)


def pinned(index):
    """Plans with pins of every kind, and some without."""
    kinds = [
        None,
        pins_at((0, 0, 60, 4), (5, 0, 60, 4), (5, 0, 67, 2), (30, 0, 50, 8)),
        line((50, 60), (50, 70), (50, 70), ties=(1, -1)),
        pins_at((16, 1, 40, 4), floors={16: 40}, shut=table(SPAN, [0, 1], [0, 0], [16, 16])),
        pins_at(closed=True),
        pins_at((60, 0, 64, 4), avoided={place(0, 0): tuple(range(64))}, penalty=60.0),
    ]
    return plan(*[(0, 24), (0,)][index % 3 == 2 and index % 6 != 3], pins=kinds[index % 6], seed=index, stop=64, ending=16, sampling=WILD)


@pytest.mark.parametrize("capacity", [1, 4, 18])
def test_a_row_of_a_batch_is_the_row_alone(capacity):
    found = dict(pieces(FakeEngine(), iter([pinned(i) for i in range(18)]), capacity))
    for index in range(18):
        check(pinned(index), found[index])
        assert np.array_equal(found[index], write(FakeEngine(), [pinned(index)])[0])


@examples(30)
@given(st.sets(st.tuples(st.integers(0, 63), st.integers(0, 1), st.integers(40, 80)), max_size=12), st.integers(0, 99))
def test_every_pin_is_written_among_what_is_drawn(places, seed):
    places = sorted(places)
    made = plan(0, 24, pins=pins_at(*[(*at, 2) for at in places]), seed=seed, stop=64, ending=16, sampling=WILD)
    (rows,) = write(FakeEngine(), [made])
    check(made, rows)
    assert set(places) <= {n[:3] for n in notes_of(made, rows)}


@examples(30)
@given(st.sets(st.tuples(st.integers(0, 200), st.integers(0, 1), st.integers(40, 80)), max_size=9), st.integers(0, 9))
def test_a_closed_plan_has_nothing_but_pins(places, seed):
    """However long nothing happens between them."""
    made = plan(0, 24, pins=pins_at(*[(*at, 2) for at in sorted(places)], closed=True), seed=seed, stop=300, sampling=WILD)
    (rows,) = write(FakeEngine(), [made])
    assert [n[:3] for n in notes_of(made, rows)] == sorted(places) and rows[-1, Field.ROLE] == Role.END


@examples(30)
@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=8), st.integers(0, 99))
def test_a_contour_is_kept(ties, seed):
    free = line(*[(60, 64)] * (len(ties) + 1), ties=ties)
    made = plan(0, pins=Pins(possible(free.notes), closed=True), seed=seed, stop=64, sampling=WILD)
    pitches = [n[2] for n in notes_of(made, write(FakeEngine(), [made])[0])]
    rises = int(np.max(np.cumsum(ties)) - np.min(np.cumsum(ties)))
    assert np.sign(np.diff(pitches)).tolist() == ties or rises > 3  # five pitches cannot hold it


def test_a_chord_has_room_for_its_upper_notes_below_a_ceiling():
    """Three notes at once that have to lie below the pin before them."""
    rows = [(0, 0, 50, 60, 0, 4, 1, -1, 0), *[(4, 0, 40 + k, 60, 2 - k, 4, 1, 0, -1) for k in range(3)]]
    for seed in range(20):
        made = plan(0, pins=Pins(table(PIN, *np.array(rows).T), closed=True), seed=seed, stop=16, sampling=WILD)
        first, *chord = [n[2] for n in notes_of(made, write(FakeEngine(), [made])[0])]
        assert chord == sorted(set(chord)) and chord[-1] < first and len(chord) == 3


def test_nothing_else_starts_in_a_span_that_is_shut_or_below_a_floor():
    spans = table(SPAN, [0, 1], [0, 0], [8, 8])
    for seed in range(20):
        made = plan(0, 24, pins=pins_at((8, 1, 40, 2), shut=spans, floors={8: 40, 12: 100}), seed=seed, stop=32, ending=16, sampling=WILD)
        notes = notes_of(made, write(FakeEngine(), [made])[0])
        assert notes[0][:1] == (8,) and all(n[2] > 40 or n[1:3] == (1, 40) for n in notes if n[0] == 8)
        assert all(n[2] > 100 for n in notes if n[0] == 12)


def test_a_part_of_one_voice_has_its_pin_alone():
    for seed in range(20):
        made = plan(0, pins=pins_at((8, 0, 90, 2), lone=frozenset([0])), seed=seed, stop=32, ending=16, sampling=WILD)
        assert [n[2] for n in notes_of(made, write(FakeEngine(), [made])[0]) if n[0] == 8] == [90]


def test_what_sounds_is_not_struck_again_and_what_is_avoided_is_not_drawn():
    long = [(0, 0, 60, 60, 0, 16, 1, -1, 0), (4, 0, 59, 61, 0, 4, 1, -1, 0), (8, 0, 59, 62, 0, 4, 1, -1, 0)]
    facts = {"avoided": {place(4, 0): (59,)}, "penalty": 60.0, "held": {2: (61, 62)}}
    for seed in range(10):
        made = plan(0, pins=Pins(table(PIN, *np.array(long).T), closed=True, **facts), seed=seed, stop=32, sampling=WILD)
        assert [n[2] for n in notes_of(made, write(FakeEngine(), [made])[0])] == [60, 61, 59]
