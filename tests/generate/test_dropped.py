"""Plans that nobody waits for any more: they end, whether they run or wait, and the others do not notice."""

import numpy as np

from melody.generate.loop import Writer, write

from .conftest import FakeEngine, plan


def test_a_plan_that_is_dropped_ends_and_leaves_the_others_as_they_are():
    plans = [plan(0, seed=seed, stop=200, ending=200) for seed in range(4)]
    alone = write(FakeEngine(), plans)
    writer, rows = Writer(FakeEngine(), plans[:2], capacity=2), {n: [] for n in range(4)}
    for number, step in enumerate(writer):
        for index, row in zip(step.index.tolist(), step.rows, strict=True):
            rows[index].append(row)
        if number == 1:
            assert (writer.add(plans[2]), writer.add(plans[3])) == (2, 3)
            writer.drop(2)  # it waits
        if number == 2:
            writer.drop(0)  # it runs
    assert (len(rows[0]), len(rows[2])) == (3, 0)
    for index in (1, 3):
        np.testing.assert_array_equal(np.array(rows[index]), alone[index])


def test_when_the_last_one_is_dropped_the_writer_ends_and_can_begin_again():
    made = plan(0, seed=1, stop=200, ending=200)
    writer = Writer(FakeEngine(), [made])
    for _ in writer:
        writer.drop(0)
    assert not len(writer.rows)
    number = writer.add(made)
    again = [row for step in writer for row in step.rows]
    assert number == 1
    np.testing.assert_array_equal(np.array(again), write(FakeEngine(), [made])[0])
