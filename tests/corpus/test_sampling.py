"""The order of epochs: every style has its share, every piece its turn, and all of it follows from the seed."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from melody.corpus.sampling import Sampler, SamplingConfig
from melody.errors import CallError


def corpus(**styles: list[int]) -> SimpleNamespace:
    """A corpus of which only styles and numbers of notes are known."""
    pieces = [SimpleNamespace(style=style, note_count=n) for style, counts in sorted(styles.items()) for n in counts]
    return SimpleNamespace(pieces=pieces, styles=tuple(sorted(styles)), note_count=lambda chosen: sum(pieces[i].note_count for i in chosen))


BIG = corpus(choir=[1000] * 300, band=[500] * 40, rag=[2000] * 3)
ALL = list(range(343))


def shares(config: SamplingConfig, epochs: int = 40) -> dict[str, float]:
    sampler, notes = Sampler(BIG, ALL, config, 0), Counter[str]()
    for epoch in range(epochs):
        for i in sampler.order(epoch)[0]:
            notes[BIG.pieces[i].style] += BIG.pieces[i].note_count
    return {style: count / sum(notes.values()) for style, count in notes.items()}


def test_without_weights_each_piece_comes_once_in_the_order_of_before() -> None:
    sampler = Sampler(BIG, ALL, SamplingConfig(), 5)
    expected = np.array(ALL)
    np.random.default_rng([5, 3]).shuffle(expected)
    assert (sampler.order(3)[0] == expected).all() and not sampler.order(3)[1].any()
    assert sampler.places == 343


def test_the_power_levels_styles_out() -> None:
    notes = {"choir": 300_000, "band": 20_000, "rag": 6_000}
    for power in (0.0, 0.5, 0.8):
        total = sum(n**power for n in notes.values())
        found = shares(SamplingConfig(style_power=power))
        assert all(abs(found[s] - n**power / total) < 0.02 for s, n in notes.items()), power


def test_weights_are_factors_on_the_shares() -> None:
    found = shares(SamplingConfig(style_power=0.0, weights={"band": 2.0, "rag": 0.5}))
    assert abs(found["band"] - 2 / 3.5) < 0.02 and abs(found["rag"] - 0.5 / 3.5) < 0.02
    assert set(shares(SamplingConfig(weights={"choir": 0}))) == {"band", "rag"}


def test_within_a_style_every_piece_comes_before_one_comes_again() -> None:
    sampler = Sampler(BIG, ALL, SamplingConfig(style_power=0.3), 1)
    seen: Counter[int] = Counter()
    for epoch in range(25):
        seen.update(sampler.order(epoch)[0].tolist())
        for style in BIG.styles:
            counts = [seen[i] for i in ALL if BIG.pieces[i].style == style]
            assert max(counts) - min(counts) <= 1


def test_an_epoch_can_be_asked_for_at_any_time() -> None:
    config = SamplingConfig(style_power=0.4, window=600)
    one, other = Sampler(BIG, ALL, config, 7), Sampler(BIG, ALL, config, 7)
    last = [one.order(e) for e in range(9)][8]
    assert all((a == b).all() for a, b in zip(last, other.order(8), strict=True))
    assert len(last[0]) == other.places


def test_a_long_piece_comes_as_often_as_it_holds_windows() -> None:
    sampler = Sampler(BIG, ALL, SamplingConfig(window=600), 0)
    pieces, before = sampler.order(0)
    assert Counter(pieces.tolist()) == {i: -(-BIG.pieces[i].note_count // 600) for i in ALL}
    for i in (0, 342):
        assert sorted(before[pieces == i].tolist()) == list(range(int((pieces == i).sum())))


def test_one_style_of_ten_pieces() -> None:
    small = corpus(only=[50] * 10)
    sampler = Sampler(small, list(range(10)), SamplingConfig(style_power=0.0), 0)
    assert sorted(sampler.order(0)[0].tolist()) == list(range(10))


def test_faults_are_one_line() -> None:
    with pytest.raises(CallError, match="unknown style in weights 'bnad'; did you mean 'band'"):
        Sampler(BIG, ALL, SamplingConfig(weights={"bnad": 1}), 0)
    with pytest.raises(CallError, match="no style to train on"):
        Sampler(BIG, ALL, SamplingConfig(weights=dict.fromkeys(BIG.styles, 0)), 0)
    for wrong in (-1, "much", True, float("nan")):
        with pytest.raises(CallError, match="weight of band"):
            SamplingConfig(weights={"band": wrong})
