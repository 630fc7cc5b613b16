"""Bars and beats on the grid against a slow walk from bar line to bar line."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from melody.codec import CodecConfig
from melody.codec.metre import Metre
from melody.codec.table import BAR_CLASSES, LEFT_CLASSES
from melody.score import METER, Table, table

from ..conftest import examples

light = examples(60)
Meters = list[tuple[int, int, int]]
LAST = 900  # steps that are looked at

CONFIGS = st.sampled_from([CodecConfig(), CodecConfig(grid=12)])
meters_of = st.lists(st.tuples(st.integers(1, 700), st.integers(1, 13), st.sampled_from([1, 2, 4, 8, 16])), max_size=5).map(
    lambda rows: sorted([(0, 4, 4), *rows], key=lambda r: r[0])
)


def rows_of(meters: Meters) -> Table:
    return table(METER, *np.array(meters, np.int64).reshape(-1, 3).T)


def walk(config: CodecConfig, meters: Meters) -> list[tuple[int, int, tuple[int, int]]]:
    """(bar, position, meter) of every step below LAST: a bar ends after its length or where another meter begins."""
    changes: dict[int, tuple[int, int]] = {}
    for tick, numerator, denominator in meters:  # the last at a step wins
        changes[tick] = (numerator, denominator)
    now = (4, 4)
    for tick in sorted(changes):  # a repeat of the meter that holds already is no change, and starts no bar
        if tick > 0 and changes[tick] == now:
            del changes[tick]
        else:
            now = changes[tick]
    out, bar, position, meter = [], -1, 0, (4, 4)
    length = 0
    for step in range(LAST):
        if step in changes:
            meter = changes[step]
            length = max(1, 4 * config.grid * meter[0] // meter[1])
            bar, position = bar + 1, 0
        elif position == length:
            bar, position = bar + 1, 0
        out.append((bar, position, meter))
        position += 1
    return out


@light
@given(CONFIGS, meters_of)
@example(CodecConfig(), [(0, 4, 4), (50, 3, 4), (50, 6, 8), (300, 2, 4)])
@example(CodecConfig(), [(0, 3, 4), (700, 4, 4)])
def test_bars_against_a_slow_walk(config: CodecConfig, meters: Meters) -> None:
    metre = Metre(config, rows_of(meters))
    slow = walk(config, meters)
    bar, position, _ = metre.bar(np.arange(LAST))
    assert bar.tolist() == [b for b, _, _ in slow]
    assert position.tolist() == [p for _, p, _ in slow]
    for number in range(slow[-1][0] + 1):
        start = next(i for i, (b, _, _) in enumerate(slow) if b == number)
        assert metre.bar_start(number) == start
        assert metre.bar_length(number) == metre.bar_start(number + 1) - start


def test_a_repeated_meter_starts_no_bar() -> None:
    """As in theory.bars: programs repeat the meter at loops and region starts, where no bar begins."""
    metre = Metre(CodecConfig(), rows_of([(0, 4, 4), (40, 4, 4), (96, 3, 4), (100, 3, 4)]))
    bar, position, _ = metre.bar(np.array([40, 95, 96, 100, 168]))
    assert bar.tolist() == [0, 0, 1, 1, 2]
    assert position.tolist() == [40, 95, 0, 4, 0]


@light
@given(CONFIGS, meters_of, st.integers(1, LAST))
def test_features_against_a_slow_loop(config: CodecConfig, meters: Meters, stop: int) -> None:
    metre = Metre(config, rows_of(meters))
    steps = np.arange(LAST)
    features = metre.features(steps, stop)
    bar, position, _ = metre.bar(steps)
    last = int(bar[stop - 1])
    assert features[:, 0].tolist() == [1 + min(p, config.positions - 2) for p in position]
    assert features[:, 2].tolist() == [b if b < 16 else 16 + b % 16 for b in bar]
    assert features[:, 3].tolist() == [1 + min(max(last - b + 1, 0), LEFT_CLASSES - 2) for b in bar]
    assert (metre.features(steps, None)[:, 3] == 0).all()
    assert (features[position == 0, 1] == 1).all() and (features[position > 0, 1] != 1).all()
    assert not features[:, 4:].any()  # what an outline would say
    assert features.max(0).tolist() <= [config.positions - 1, 7, BAR_CLASSES - 1, LEFT_CLASSES - 1]
    assert (features.min(0) >= 0).all()


@pytest.mark.parametrize(
    ("meter", "strengths"),
    [
        # strength at each eighth of one bar: 1 bar line, 2 its middle if it is a beat, 3 beat, 4 half (compound meters: third) of a beat
        ((4, 4), [1, 4, 3, 4, 2, 4, 3, 4]),
        ((2, 4), [1, 4, 2, 4]),
        ((3, 4), [1, 4, 3, 4, 3, 4]),
        ((6, 8), [1, 4, 4, 2, 4, 4]),
        ((9, 8), [1, 4, 4, 3, 4, 4, 3, 4, 4]),
        ((12, 8), [1, 4, 4, 3, 4, 4, 2, 4, 4, 3, 4, 4]),
        ((3, 8), [1, 3, 3]),
        ((2, 2), [1, 5, 4, 5, 2, 5, 4, 5]),
        ((5, 4), [1, 4, 3, 4, 3, 4, 3, 4, 3, 4]),
    ],
)
def test_strength_of_every_eighth(meter: tuple[int, int], strengths: list[int]) -> None:
    metre = Metre(CodecConfig(), rows_of([(0, *meter)]))
    eighths = np.arange(len(strengths)) * 12
    assert metre.bar_length(0) == 12 * len(strengths)
    assert metre.features(eighths, None)[:, 1].tolist() == strengths


def test_strength_inside_a_beat() -> None:
    metre = Metre(CodecConfig(), rows_of([(0, 4, 4)]))
    found = metre.features(np.arange(24, 48), None)[:, 1].tolist()
    expected = [7] * 24
    expected[0], expected[6], expected[8], expected[12], expected[16], expected[18] = 3, 5, 6, 4, 6, 5
    assert found == expected


def test_the_last_of_two_meters_on_one_step_wins() -> None:
    metre = Metre(CodecConfig(), rows_of([(0, 4, 4), (0, 3, 4), (72, 2, 4), (72, 4, 4)]))
    assert [metre.bar_start(b) for b in range(4)] == [0, 72, 168, 264]


def test_meters_too_short_for_the_grid_get_a_step() -> None:
    metre = Metre(CodecConfig(grid=4), rows_of([(0, 1, 64)]))
    bar, position, _ = metre.bar(np.arange(5))
    assert bar.tolist() == [0, 1, 2, 3, 4] and not position.any()


def test_the_seconds_clock_has_bars_of_two_seconds_and_no_positions() -> None:
    config = CodecConfig("seconds", 100)
    metre = Metre(config, rows_of([(0, 3, 4), (50, 4, 4)]))
    features = metre.features(np.array([0, 1, 199, 200, 4000]), 400)
    assert features[:, :2].tolist() == [[0, 0]] * 5
    assert features[:, 2].tolist() == [0, 0, 0, 1, 16 + 4]
    assert features[:, 3].tolist() == [3, 3, 3, 2, 1]
    assert metre.bar_start(3) == 600
