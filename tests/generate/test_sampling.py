"""Drawing a value, against the slow and plain way to say the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.errors import CallError
from melody.generate.sampling import Sampling, draw, nucleus

LOGITS = st.lists(st.floats(-8, 8, width=32), min_size=1, max_size=12)


def slow(logits, legal, number, sampling, name):
    """One row: temperature, min-p, top-k, then the inverse of the cumulative distribution; outside the nucleus once more inside it."""
    temperature = sampling.temperature_of(name)
    open_values = [v for v in range(len(logits)) if legal[v]]
    if temperature == 0:
        return max(open_values, key=lambda v: (logits[v], -v))
    best = max(logits[v] for v in open_values)
    weight = {v: np.exp((np.float64(logits[v]) - np.float64(best)) / temperature) for v in open_values}
    weight = {v: w for v, w in weight.items() if w >= sampling.min_p}
    if sampling.top_k:
        kth = sorted(weight.values(), reverse=True)[: sampling.top_k][-1]
        weight = {v: w for v, w in weight.items() if w >= kth}
    values = sorted(weight)
    drawn, left = invert(weight, values, number)
    more = sum(w for w in weight.values() if w > weight[drawn])
    if sampling.top_p == 1 or more < sampling.top_p * sum(weight.values()):
        return drawn
    held, least = 0.0, 0.0
    for v in sorted(weight, key=lambda v: -weight[v]):
        if held < sampling.top_p * sum(weight.values()):
            least = weight[v]
        held += weight[v]
    return invert(weight, [v for v in values if weight[v] >= least], left)[0]


def invert(weight, values, number):
    """The value at ``number`` of the cumulative distribution, and what is left of the number inside it."""
    reached, goal = 0.0, number * sum(weight[v] for v in values)
    for v in values:
        reached += weight[v]
        if reached > goal:
            return v, (goal - reached + weight[v]) / weight[v]
    last = max(v for v in values if weight[v] > 0)
    return last, 0.5


@given(st.data(), LOGITS)
def test_as_the_slow_way(data, logits):
    size = len(logits)
    legal = data.draw(st.lists(st.booleans(), min_size=size, max_size=size).filter(any))
    number = data.draw(st.floats(0, 1, exclude_max=True))
    sampling = Sampling(
        temperature=data.draw(st.sampled_from([0, 0.01, 0.7, 1, 3])),
        top_p=data.draw(st.sampled_from([0.001, 0.3, 0.95, 1])),
        top_k=data.draw(st.sampled_from([0, 1, 2, 50])),
        min_p=data.draw(st.sampled_from([0, 0.2, 1])),
        fields={"pitch": data.draw(st.sampled_from([0, 0.5, 1, 2]))},
    )
    row = np.array([logits], np.float32)
    drawn = int(draw(row, np.array([legal]), np.array([number]), sampling, "pitch")[0])
    assert legal[drawn]
    expected = slow(row[0].tolist(), legal, number, sampling, "pitch")
    near = [slow(row[0].tolist(), legal, min(max(number + d, 0), 1), sampling, "pitch") for d in (-1e-9, 1e-9)]
    assert drawn in (expected, *near)  # sums in another order may round to the other side of an edge


@given(LOGITS, st.floats(0.001, 1))
def test_the_nucleus_is_the_smallest_set_that_holds_the_share(logits, share):
    p = np.exp(np.array(logits, np.float64))
    p /= p.sum()
    kept = nucleus(p, share)
    assert p[kept].sum() >= share - 1e-9
    assert p[p > p[kept].min()].sum() < share + 1e-9  # without the least likely ones it would be too small
    assert p[~kept].max(initial=0) < p[kept].min()


def test_frequencies_inside_a_nucleus():
    p = np.array([0.05, 0.4, 0.03, 0.3, 0.2, 0.02])
    numbers = np.random.default_rng(0).random(40_000)
    logits = np.repeat(np.log(p)[None].astype(np.float32), len(numbers), 0)
    sampling = Sampling(temperature=1, top_p=0.85)
    drawn = np.concatenate([draw(logits[i : i + 4000], None, numbers[i : i + 4000], sampling, "role") for i in range(0, 40_000, 4000)])
    assert np.abs(np.bincount(drawn, minlength=6) / len(numbers) - np.array([0, 0.4, 0, 0.3, 0.2, 0]) / 0.9).max() < 0.01


def test_rows_do_not_depend_on_each_other():
    rng = np.random.default_rng(0)
    logits, legal, numbers = rng.normal(size=(7, 30)).astype(np.float32), rng.random((7, 30)) < 0.5, rng.random(7)
    legal[:, 3] = True
    together = draw(logits, legal, numbers, Sampling(top_k=9, min_p=0.01), "wait")
    alone = [draw(logits[b : b + 1], legal[b : b + 1], numbers[b : b + 1], Sampling(top_k=9, min_p=0.01), "wait")[0] for b in range(7)]
    assert together.tolist() == alone


def test_frequencies_are_the_probabilities():
    logits = np.log(np.array([[0.5, 0.3, 0.2, 1.0]], np.float32))
    legal = np.array([[True, True, True, False]])
    numbers = (np.arange(1000) + 0.5) / 1000
    sampling = Sampling(temperature=1, top_p=1)
    drawn = draw(np.repeat(logits, 1000, 0), np.repeat(legal, 1000, 0), numbers, sampling, "role")
    assert np.bincount(drawn, minlength=4).tolist() == [500, 300, 200, 0]


@pytest.mark.parametrize("temperature", [1e-320, 1e-30, 1e-3])
def test_next_to_zero_is_greedy(temperature):
    logits = np.array([[1, 3, 2, 9]], np.float32)
    legal = np.array([[True, True, True, False]])
    with np.errstate(all="raise", under="ignore"):
        assert draw(logits, legal, np.array([0.999]), Sampling(temperature=temperature), "role") == [1]


@pytest.mark.parametrize("number", [0.0, np.nextafter(1, 0)])
def test_numbers_at_the_edges_lead_to_possible_values(number):
    legal = np.array([[False, True, True, False]])
    assert draw(np.zeros((1, 4), np.float32), legal, np.array([number]), Sampling(temperature=1, top_p=1), "role") == [1 + (number > 0)]


def test_temperature_by_field():
    sampling = Sampling(temperature=0.5, fields={"velocity": 0, "pitch": 3})
    assert [sampling.temperature_of(n) for n in ("role", "pitch", "velocity")] == [0.5, 1.5, 0]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"temperature": -1}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_p": float("nan")}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"min_p": -0.1}, "min_p"),
        ({"min_p": 2}, "min_p"),
        ({"repetition": -1}, "repetition"),
        ({"guidance": -1}, "guidance"),
        ({"fields": {"pich": 1}}, "did you mean 'pitch'"),
        ({"fields": {"pitch": -1}}, "pitch"),
    ],
)
def test_settings_out_of_range(wrong, words):
    with pytest.raises(CallError, match=words):
        Sampling(**wrong)
