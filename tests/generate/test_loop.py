"""The loop with a fake engine: what is written obeys the grammar and the plan, whatever the engine would like best."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.codec import CodecConfig
from melody.codec.given import Given
from melody.codec.table import DRUMS, PROGRAM_BASE, Field, Role
from melody.generate.loop import Writer, pieces, write
from melody.generate.plan import NO_STOP
from melody.generate.sampling import Sampling
from melody.generate.timeline import BLOCK, over

from ..conftest import examples
from .conftest import CODEC, FakeEngine, check, declared, held_notes, metre, notes_of, part_table, plan, times

WILD = Sampling(temperature=1, top_p=1)


@examples(60)
@given(st.data())
def test_whatever_the_engine_likes_the_result_is_legal(data):
    numerator, denominator = data.draw(st.sampled_from([(4, 4), (3, 4), (2, 4), (6, 8), (5, 8), (12, 4), (1, 4)]))
    meter = metre(numerator, denominator)
    bars = data.draw(st.integers(1, 5))
    start = data.draw(st.sampled_from([0, 0, 7, 32]))
    stop = start + data.draw(st.sampled_from([meter.bar_start(bars), 1, 17, 50]))
    programs = data.draw(st.lists(st.sampled_from([0, 24, DRUMS]), max_size=3))
    voices = {"declare": data.draw(st.sampled_from([(0, 16), (1, 4), (3, 3), (16, 16)]))} if not programs else {}
    made = plan(
        *programs,
        metre=meter,
        start=start,
        earliest=min(stop - 1, start + data.draw(st.sampled_from([0, 0, 5, 40]))),
        stop=stop,
        ending=data.draw(st.integers(start, stop)),
        every_bar=data.draw(st.booleans()),
        max_notes=data.draw(st.sampled_from([1, 5, 300])),
        seed=data.draw(st.integers(0, 99)),
        sampling=Sampling(temperature=data.draw(st.sampled_from([0, 1, 5])), top_p=0.99, repetition=data.draw(st.integers(0, 2))),
        **voices,
    )
    (rows,) = write(FakeEngine(), [made])
    check(made, rows)
    assert 1 <= len(notes_of(made, rows)) <= made.max_notes
    if voices:
        assert made.declare[0] <= (rows[:, Field.ROLE] == Role.PART).sum() <= max(1, made.declare[1])


def wants(**values):
    """An engine that always wants the same values."""
    number = {Field[name.upper()]: v for name, v in values.items()}
    return FakeEngine(preferred=lambda field, chosen: np.where(np.arange(CODEC.sizes[field]) == number.get(field, 0), 50.0, 0.0))


def test_an_engine_that_wants_to_end_at_once_is_held_back_until_the_ending():
    made = plan(0, ending=40, sampling=WILD)
    (rows,) = write(wants(role=Role.END), [made])
    check(made, rows)
    assert times(made, rows)[-1] >= 40


def test_an_engine_that_never_ends_is_stopped():
    made = plan(0, sampling=WILD)
    (rows,) = write(wants(role=Role.NOTE, wait=3, pitch=60, duration=1), [made])
    check(made, rows)
    assert times(made, rows)[-1] < 64


def test_an_engine_that_wants_silence_writes_one_note_at_least():
    for want in (wants(role=Role.REST), wants(role=Role.END)):
        made = plan(0, ending=0, sampling=WILD)
        (rows,) = write(want, [made])
        check(made, rows)
        assert len(notes_of(made, rows)) >= 1


@pytest.mark.parametrize("earliest", [0, 5, 16, 21])
def test_a_note_starts_in_every_bar(earliest):
    made = plan(0, every_bar=True, stop=160, ending=150, earliest=earliest, sampling=WILD)
    for want in (wants(role=Role.REST), wants(role=Role.NOTE, wait=15, pitch=60, duration=1), FakeEngine()):
        (rows,) = write(want, [made])
        check(made, rows)
        bars = {n[0] // 16 for n in notes_of(made, rows)}
        assert set(range(-(-earliest // 16), max(bars) + 1)) <= bars and max(bars) == 9


def test_every_bar_across_rests_longer_than_a_bar():
    """In 2/4 a rest passes two bars."""
    made = plan(0, metre=metre(2), every_bar=True, stop=80, ending=80, sampling=WILD)
    (rows,) = write(wants(role=Role.REST), [made])
    assert {n[0] // 8 for n in notes_of(made, rows)} == set(range(10))


def bars_of(notes, length=16):
    bars = {}
    for onset, part, pitch, _ in notes:
        bars.setdefault(onset // length, []).append((onset % length, part, pitch))
    return [bars.get(b) for b in range(max(bars) + 1)]


@pytest.mark.parametrize("most", [1, 2, 4, 8])
def test_a_bar_that_always_comes_back_is_broken(most):
    made = plan(0, stop=640, ending=600, sampling=Sampling(temperature=0, repetition=most))
    (rows,) = write(wants(role=Role.NOTE, wait=4, pitch=60, duration=2), [made])
    check(made, rows)
    longest = run = 1
    for one, other in pairwise(bars_of(notes_of(made, rows))):
        run = run + 1 if one == other else 1
        longest = max(longest, run)
    assert longest == most


def test_a_bar_may_come_back_for_ever_if_that_is_wanted():
    made = plan(0, stop=640, ending=600, sampling=Sampling(temperature=0, repetition=0))
    (rows,) = write(wants(role=Role.NOTE, wait=4, pitch=60, duration=2), [made])
    assert {n[2] for n in notes_of(made, rows)} == {60}


def test_a_voice_is_silent_no_longer_than_the_plan_allows():
    made = plan(0, 24, 40, stop=320, ending=300, max_silence=64, sampling=WILD)
    (rows,) = write(wants(role=Role.NOTE, wait=5, part=1, pitch=60, duration=2), [made])
    check(made, rows)
    for part in range(3):
        onsets = [n[0] for n in notes_of(made, rows) if n[1] == part]
        assert onsets[0] < 32 and max(b - a for a, b in pairwise([*onsets, 310])) < 80


def test_notes_meant_for_the_bar_after_the_end_are_not_squeezed_in_before_it():
    made = plan(0, stop=64, ending=48, sampling=Sampling(temperature=0, repetition=0))
    for wait in (5, 12, 15):
        (rows,) = write(wants(role=Role.NOTE, wait=wait, pitch=60, duration=9), [made])
        check(made, rows)
        assert [n[0] for n in notes_of(made, rows)] == list(range(wait, 64, wait))
    (rows,) = write(wants(role=Role.REST), [made])
    check(made, rows)


def test_forced_events_are_read_and_not_written_again(engine):
    prime = np.concatenate([declared(0, 24), np.array([(Role.NOTE, 3, 0, 60, 2, 1), (Role.NOTE, 9, 1, 40, 4, 1)], np.int16)])
    made = plan(0, 24, prime=prime, earliest=14, sampling=WILD)
    (rows,) = write(engine, [made])
    check(made, rows)
    read = np.concatenate([r[:, 0] for r, _, _ in engine.read])
    assert np.array_equal(read[1 : 1 + len(prime)], prime)
    assert np.array_equal(read[1 + len(prime) :], rows[:-1])
    features = np.concatenate([f[:, 0] for _, f, _ in engine.read])
    at = np.cumsum(np.concatenate([[0], prime[:, Field.WAIT], rows[:-1, Field.WAIT]]))
    assert np.array_equal(features, over(made, CODEC, at)[0])


def test_equal_primes_are_read_once(engine):
    prime = np.concatenate([declared(0), np.tile(np.array([[Role.NOTE, 4, 0, 60, 2, 1]], np.int16), (5, 1))])
    next(iter(Writer(engine, [plan(0, prime=prime.copy(), seed=s) for s in range(4)])))
    assert len(engine.read) == 1 + 1  # the prime, and the first step
    next(iter(Writer(engine, [plan(0, prime=prime, start=s) for s in (0, 1)])))  # other times: not equal
    assert len(engine.read) == 2 + 2 + 1


def test_held_parts_are_never_played():
    programs, held = (0, 24, 40, 0), (0, 2)
    made = plan(*programs, held=held, given=held_notes(0, 4, 20), sampling=WILD)
    for seed in range(10):
        (rows,) = write(FakeEngine(), [plan(*programs, held=held, given=made.given, seed=seed, sampling=WILD)])
        check(made, rows)
        assert {n[1] for n in notes_of(made, rows)} <= {1, 3}


def test_parts_are_declared_beside_the_held_ones():
    made = plan(0, held=[0], prime=declared(0), declare=(2, 2), given=held_notes(0, 8), sampling=WILD)
    (rows,) = write(FakeEngine(), [made])
    check(made, rows)
    assert rows[:2, Field.PART].tolist() == [1, 2] and {n[1] for n in notes_of(made, rows)} <= {1, 2}


def mixed(count=6):
    """Plans of different lengths, instruments, primes and settings."""
    made = []
    for seed in range(count):
        programs = [(), (0,), (0, 24, DRUMS)][seed % 3]
        sampling = [WILD, Sampling(), Sampling(temperature=0.5, top_k=5)][seed % 3]
        made.append(plan(*programs, stop=16 * (seed + 1), ending=8 * seed, seed=seed, sampling=sampling, every_bar=seed % 2 == 0))
    return made


def test_a_row_in_a_batch_is_the_row_alone():
    together = write(FakeEngine(), mixed())
    for made, rows in zip(mixed(), together, strict=True):
        check(made, rows)
        assert np.array_equal(write(FakeEngine(), [made])[0], rows)
    assert len({len(rows) for rows in together}) > 3


def test_rows_leave_the_batch_when_they_end():
    engine, running = FakeEngine(), []
    for step in Writer(engine, mixed()):
        assert len(step.index) == len(step.rows) == len(step.time)
        running.append(step.index.tolist())
    assert running[0] == list(range(6)) and len(running[-1]) < 3
    assert all(set(b) <= set(a) for a, b in pairwise(running))


def test_progress_counts_rows_that_have_ended():
    seen = []
    write(FakeEngine(), mixed(), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (6, 6) and seen == sorted(seen)


def test_seeds():
    one, same, other = (write(FakeEngine(preferred=lambda field, chosen: 0.0), [plan(0, seed=s, sampling=WILD)])[0] for s in (1, 1, 2))
    assert np.array_equal(one, same) and not np.array_equal(one, other)


def test_greedy_does_not_look_at_the_seed():
    greedy = Sampling(temperature=0)
    one, other = (write(FakeEngine(), [plan(seed=s, sampling=greedy)])[0] for s in (1, 2))
    assert np.array_equal(one, other)


def test_a_stream_goes_on_in_constant_memory():
    engine = wants(role=Role.NOTE, wait=12, pitch=60, duration=2)
    made = plan(0, stop=NO_STOP, ending=NO_STOP, bars_left_known=False, sampling=Sampling(repetition=0))
    engine.advance = lambda context, state, steps: ([(b"", (0,) * 6)], state)
    writer = Writer(engine, [made])
    steps = iter(writer)
    for _ in range(400):
        step = next(steps)
    assert step.time[0] > 4096 and len(writer.rows.timelines.table[0]) == BLOCK < 2048
    assert sum(len(b.now) + len(b.last) for b in writer.rows.repeats) < 50


def test_the_seconds_clock():
    codec = CodecConfig("seconds", 20, 4)
    made = plan(0, metre=metre(codec=codec), stop=200, ending=150, every_bar=True, sampling=WILD)
    (rows,) = write(FakeEngine(codec), [made])
    check(made, rows, codec)
    assert {n[0] // 40 for n in notes_of(made, rows)} == set(range(5))


def test_programs_are_those_of_the_declarations():
    (rows,) = write(wants(role=Role.PART, pitch=PROGRAM_BASE + 40), [plan(declare=(2, 2), sampling=WILD)])
    assert rows[:2, Field.PITCH].tolist() == [PROGRAM_BASE + 40] * 2


def test_nothing_given_is_nothing_seen(engine):
    write(engine, [plan(0)])
    assert all(not lookups.any() for _, _, lookups in engine.read)
    empty = Given(np.zeros((0, 7), np.int16), np.zeros(0, np.int32), np.zeros(0, np.int32))
    assert np.array_equal(write(FakeEngine(), [plan(0, given=empty)])[0], write(FakeEngine(), [plan(0)])[0])
    assert part_table(0)[0].tolist() == [0, 0, 0]


def test_plans_that_wait_take_the_places_of_rows_that_have_ended():
    engine, running = FakeEngine(), []
    for step in Writer(engine, iter(mixed(12)), capacity=4):
        running.append(step.index.tolist())
        assert len(set(running[-1])) == len(running[-1])
    assert running[0] == [0, 1, 2, 3] and len(running[len(running) // 2]) == 4 and {i for r in running for i in r} == set(range(12))
    assert any(sorted(r) != r for r in running)  # a later plan in an earlier row


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_row_that_came_later_is_the_row_alone(rows):
    expected = [write(FakeEngine(), [made])[0] for made in mixed(9)]
    found = dict(pieces(FakeEngine(), iter(mixed(9)), rows))
    assert list(found) != sorted(found) or rows == 1  # as they end
    assert all(np.array_equal(found[i], rows) for i, rows in enumerate(expected))


def test_plans_can_be_added_while_others_run():
    expected = [write(FakeEngine(), [made])[0] for made in mixed(9)]
    writer, found, waiting = Writer(FakeEngine(), mixed(9)[:2], capacity=3), {}, mixed(9)[2:]
    for turn in range(2):
        for count, step in enumerate(writer):
            for index, row in zip(step.index.tolist(), step.rows, strict=True):
                found.setdefault(index, []).append(row)
            if waiting and count % 5 == 0 and (turn or len(waiting) > 2):
                assert writer.add(waiting.pop(0)) == 8 - len(waiting)
            assert len(step.index) <= 3
        if waiting:  # all have ended: the iteration can begin again
            writer.add(waiting.pop(0))
    assert sorted(found) == list(range(9))
    assert all(np.array_equal(np.array(found[i]), rows) for i, rows in enumerate(expected))


def test_plans_are_not_asked_for_before_there_is_room():
    asked = []

    def source():
        for i, made in enumerate(mixed(6)):
            asked.append(i)
            yield made

    done = pieces(FakeEngine(), source(), 2)
    next(done)
    assert len(asked) <= 3
