"""What is given: the five choices, the arrays for the encoder, and the look-up by time against a slow loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.codec import CodecConfig, Given, Piece, choose, given_notes, look_up
from melody.codec.columns import GivenColumn
from melody.codec.encode import GRID_NOTE, PART
from melody.codec.given import MODES, NO_HORIZON, GivenConfig
from melody.score import METER, table

from ..conftest import examples

light = examples(60)
CONFIG = CodecConfig()


def piece_of(rows: Sequence[tuple[int, ...]], parts: int, lead: int | None = None, meter: tuple[int, int] = (4, 4)) -> Piece:
    """A piece from (onset, part, pitch, duration, velocity)."""
    unique = {r[:3]: r for r in rows}
    columns = np.array([unique[k] for k in sorted(unique)], np.int64).reshape(-1, 5).T
    return Piece(
        CONFIG,
        table(GRID_NOTE, *columns),
        table(PART, np.zeros(parts), [i == lead for i in range(parts)]),
        table(METER, [0], *([v] for v in meter)),
    )


@st.composite
def pieces(draw: st.DrawFn) -> Piece:
    parts = draw(st.integers(1, 4))
    note = st.tuples(st.integers(0, 2000), st.integers(0, parts - 1), st.integers(0, 127), st.integers(1, 300), st.integers(0, 31))
    rows = draw(st.lists(note, min_size=1, max_size=30))
    return piece_of(rows, parts, draw(st.sampled_from([None, *range(parts)])), draw(st.sampled_from([(4, 4), (3, 4), (6, 8)])))


def slow_look_up(found: Given, time: int, horizon: int) -> list[int]:
    """The docstring of ``look_up``, one note after the other."""
    rest = CONFIG.rest
    last = next_ = since = until = remain = 0
    for i, (onset, end) in enumerate(zip(found.onset.tolist(), found.end.tolist(), strict=True), start=1):
        if onset <= time:
            last, since, remain = i, 1 + min(time - onset, rest), 1 + max(0, min(end - time, rest))
        elif not next_ and onset - time <= horizon:
            next_, until = i, 1 + min(onset - time, rest)
    return [last, next_, since, until, remain]


@light
@given(
    pieces(),
    st.lists(st.booleans(), min_size=1, max_size=9),
    st.lists(st.integers(0, 2400), max_size=60),
    st.sampled_from([0, 24, 192, NO_HORIZON]),
)
def test_look_up_against_a_slow_loop(piece: Piece, pattern: list[bool], times: list[int], horizon: int) -> None:
    found = given_notes(piece, np.resize(pattern, len(piece.notes)))
    steps = np.array([*times, *found.onset.tolist(), *found.end.tolist()], np.int32)
    expected = [slow_look_up(found, t, horizon) for t in steps.tolist()]
    assert look_up(CONFIG, found, steps, horizon).tolist() == expected


def test_nothing_given_looks_up_nothing() -> None:
    piece = piece_of([(0, 0, 60, 4, 9)], 1)
    found = given_notes(piece, np.zeros(1, bool))
    assert len(found) == 0 and found.rows.shape == (0, len(GivenColumn))
    assert not look_up(CONFIG, found, np.arange(5, dtype=np.int32)).any()


@light
@given(pieces(), st.lists(st.booleans(), min_size=1, max_size=9))
def test_given_notes_are_the_notes(piece: Piece, pattern: list[bool]) -> None:
    picked = np.resize(pattern, len(piece.notes))
    found = given_notes(piece, picked)
    notes = piece.notes[picked]
    for column, name in enumerate(("part", "pitch", "duration", "velocity")):
        assert (found.rows[:, column] == notes[name]).all()
    before = 0
    for row, onset in zip(found.rows.tolist(), notes["onset"].tolist(), strict=True):
        assert row[4] == min(onset - before, CONFIG.rest)
        before = onset
    assert (found.onset == notes["onset"]).all() and (found.end == notes["onset"] + notes["duration"]).all()
    metre = piece.metre.features(notes["onset"].astype(np.int64), None)
    assert (found.rows[:, 5:] == metre[:, :2]).all()


@light
@given(pieces(), st.integers(0, 2**32 - 1))
def test_a_choice_splits_the_notes(piece: Piece, seed: int) -> None:
    choice = choose(piece, np.random.default_rng(seed), GivenConfig())
    assert (choice.given ^ choice.free).all()
    assert choice.free.any()
    assert (choice.mode == "nothing") == (not choice.given.any())
    onset = piece.notes["onset"][choice.free]
    assert ((onset >= choice.start) & (onset < max(choice.stop, 1))).all()
    assert choice.causal == (choice.horizon < NO_HORIZON)
    again = choose(piece, np.random.default_rng(seed), GivenConfig())
    assert (again.mode, again.start, again.stop, again.horizon) == (choice.mode, choice.start, choice.stop, choice.horizon)
    assert (again.given == choice.given).all()
    given_parts, free_parts = (set(piece.notes["part"][k].tolist()) for k in (choice.given, choice.free))
    if choice.mode in ("lead", "part"):
        assert len(given_parts) == 1 and not given_parts & free_parts
    if choice.mode == "lead" and piece.parts["lead"].any():
        assert piece.parts["lead"][given_parts.pop()]
    if choice.mode == "others":
        assert len(free_parts) == 1 and not given_parts & free_parts
    if choice.mode == "window":
        assert not piece.metre.bar(np.array([choice.start, choice.hole, choice.stop]))[1].any(), "bar lines"
        inside = (piece.notes["onset"] >= choice.start) & (piece.notes["onset"] < choice.stop)
        assert choice.given[~inside].all()
        assert choice.free[inside].all() or len(free_parts) == 1
        start, hole, stop = piece.metre.bar(np.array([choice.start, choice.hole, choice.stop]))[0].tolist()
        assert 1 <= stop - hole <= 8 and 0 <= hole - start <= 16
    else:
        assert (choice.start, choice.stop) == (0, piece.end)


@pytest.mark.slow
def test_choices_come_as_often_as_asked_for() -> None:
    notes = [(bar * 96 + 24 * beat, part, 60 + beat, 20, 9) for bar in range(32) for beat in range(4) for part in range(3)]
    piece = piece_of(notes, 3, lead=0)
    config = GivenConfig()
    choices = [choose(piece, np.random.default_rng([7, i]), config) for i in range(3000)]
    counts = Counter(c.mode for c in choices)
    assert set(counts) == set(MODES)
    for mode, weight in zip(MODES, config.weights(), strict=True):
        assert counts[mode] / len(choices) == pytest.approx(weight, abs=0.03)
    some = [c for c in choices if c.mode in ("lead", "part", "others")]
    assert np.mean([c.causal for c in some]) == pytest.approx(config.causal, abs=0.04)
    assert {c.horizon for c in some} == {0, 24, 8 * 24, NO_HORIZON}
    windows = [c for c in choices if c.mode == "window"]
    assert len({c.hole for c in windows}) > 25
    assert {(c.stop - c.hole) // 96 for c in windows} == set(range(1, 9))
    assert {(c.hole - c.start) // 96 for c in windows} == set(range(17))


def test_every_choice_draws_the_same_amount() -> None:
    """So that what comes after it in the stream does not hang on the mode."""
    piece = piece_of([(0, 0, 60, 4, 9), (96, 1, 60, 4, 9)], 2, lead=0)
    for mode in MODES:
        weights: dict[str, Any] = {m: float(m == mode) for m in MODES}
        config = GivenConfig(**weights)
        rng, other = np.random.default_rng(3), np.random.default_rng(3)
        choose(piece, rng, config)
        choose(piece, other, GivenConfig(nothing=1, lead=0, part=0, others=0, window=0))
        assert rng.random() == other.random()
