"""Conditions: every value has a class inside the table, "any" is 0, and the classes keep their order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.codec import CodecConfig
from melody.codec.columns import Condition, condition_sizes
from melody.codec.conditions import (
    conditions,
    density_class,
    key_class,
    meter_class,
    style_class,
    tempo_class,
    tempo_of,
)
from melody.codec.table import DENSITY_CLASSES, METERS, TEMPO_CLASSES
from melody.theory import key_transposed

BEATS = CodecConfig(styles=("folk", "pop"))
SECONDS = CodecConfig("seconds", 100, styles=("folk", "pop"))

positive = st.floats(1e-6, 1e6)


@pytest.mark.slow
@given(
    st.none() | st.sampled_from(["folk", "pop", "jazz", ""]),
    st.none() | positive,
    st.none() | st.integers(0, 23),
    st.none() | st.tuples(st.integers(1, 32), st.sampled_from([1, 2, 4, 8, 16, 32])),
    st.none() | st.floats(0, 1e6),
    st.sampled_from([BEATS, SECONDS]),
)
def test_every_wish_has_a_class(
    style: str | None, tempo: float | None, key: int | None, meter: tuple[int, int] | None, density: float | None, config: CodecConfig
) -> None:
    found = conditions(config, style, tempo, key, meter, density)
    assert found.shape == (len(Condition),) and found.dtype == np.int16
    assert ((found >= 0) & (found < np.array(condition_sizes(config)))).all()
    beats = config.clock == "beats"
    told = (style in config.styles, tempo is not None and beats, key is not None, meter is not None and beats, density is not None)
    assert tuple(found > 0) == told


def test_nothing_asked_for_is_any() -> None:
    assert not conditions(BEATS).any()


@given(positive, positive)
def test_classes_of_tempo_and_density_rise(a: float, b: float) -> None:
    low, high = sorted((a, b))
    assert 1 <= tempo_class(low) <= tempo_class(high) <= TEMPO_CLASSES
    assert 1 <= density_class(low) <= density_class(high) <= DENSITY_CLASSES


@pytest.mark.parametrize("index", range(1, TEMPO_CLASSES + 1))
def test_the_middle_of_a_tempo_class_lies_in_it(index: int) -> None:
    assert tempo_class(tempo_of(index)) == index
    assert 30 < tempo_of(index) < 240


def test_usual_tempi_fall_into_different_classes() -> None:
    assert len({tempo_class(t) for t in (60, 72, 88, 104, 120, 144, 168)}) == 7
    assert tempo_class(5) == 1 and tempo_class(1000) == TEMPO_CLASSES


def test_meters() -> None:
    assert [meter_class(m) for m in METERS] == list(range(1, len(METERS) + 1))
    assert meter_class((7, 8)) == meter_class((11, 16)) == len(METERS) + 1
    assert meter_class(None) == 0


def test_styles_and_keys() -> None:
    assert [style_class(BEATS, s) for s in (None, "folk", "pop", "jazz")] == [0, 1, 2, 0]
    assert [key_class(k) for k in (None, 0, 23)] == [0, 1, 24]


@given(st.integers(0, 23), st.integers(-24, 24), st.integers(-24, 24))
def test_transposing_keys(key: int, a: int, b: int) -> None:
    moved = key_transposed(key, a)
    assert moved is not None
    assert moved // 12 == key // 12  # major stays major
    assert (moved - key - a) % 12 == 0
    assert key_transposed(moved, b) == key_transposed(key, a + b)
