"""The table of the vocabulary: sizes, ranges, and the page that is made from it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from melody.codec import FIELDS, ROLES, CodecConfig
from melody.codec.table import (
    CHORDS,
    DRUMS,
    FORM,
    MAX_PARTS,
    MEANING,
    PROGRAM_BASE,
    Field,
    Kind,
    Role,
    declaration,
    declared_program,
    markdown,
)

PAGE = Path(__file__).parents[2] / "docs" / "events.md"
BEGIN, END = "<!-- table: made from melody/codec/table.py -->", "<!-- end of table -->"

CONFIGS = (CodecConfig(), CodecConfig(grid=12), CodecConfig("seconds", 100), CodecConfig("seconds", 50, 64))


def test_the_default_vocabulary() -> None:
    """A change here makes every trained model unreadable."""
    assert FIELDS == ("role", "wait", "part", "pitch", "duration", "velocity")
    assert ROLES == ("part", "note", "rest", "end")
    assert CodecConfig().sizes == (4, 97, 16, 257, 769, 32)
    assert CodecConfig("seconds", 100).sizes == (4, 101, 16, 257, 1601, 32)


def test_a_second_vocabulary_keeps_the_first_values_where_they_are() -> None:
    second = CodecConfig(version=2)
    assert second.sizes == (4, 97, 16, 585, 769, 32)
    for field in Field:
        assert second.bounds(field)[Role.NOTE] == CodecConfig().bounds(field)[Role.NOTE]
    spans = [second.bounds(Field.PITCH, kind)[Role.NOTE] for kind in Kind]
    assert spans == [(0, 127), (259, 386), (387, 519), (520, 584)]
    assert [declared_program(declaration(p)) for p in (0, 127, DRUMS, CHORDS, FORM)] == [0, 127, DRUMS, CHORDS, FORM]
    assert [declaration(p) for p in (0, DRUMS, CHORDS, FORM)] == [128, 256, 257, 258]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_ranges_fit_their_sizes_and_the_rows(config: CodecConfig) -> None:
    for field in Field:
        by_role = config.bounds(field)
        assert set(by_role) == set(Role)
        for low, high in by_role.values():
            assert 0 <= low <= high < config.sizes[field] <= np.iinfo(np.int16).max
        assert max(high for _, high in by_role.values()) == config.sizes[field] - 1


def test_eight_bars_fit() -> None:
    config = CodecConfig()
    assert config.rest == 96
    assert config.max_duration == 8 * config.rest
    assert config.positions > 2 * config.rest


def test_programs_and_pitches_do_not_meet() -> None:
    assert PROGRAM_BASE > 127
    assert CodecConfig().sizes[Field.PITCH] == PROGRAM_BASE + DRUMS + 1
    assert MAX_PARTS == 16


def test_every_range_has_a_meaning() -> None:
    config = CodecConfig()
    used = {(f, r) for f in Field if f is not Field.ROLE for r, span in config.bounds(f).items() if span != (0, 0)}
    assert used == set(MEANING)


def test_equal_settings_are_equal_codecs() -> None:
    assert CodecConfig(styles=("a",)) == CodecConfig(styles=("a",)) != CodecConfig(styles=("b",))
    assert hash(CodecConfig()) == hash(CodecConfig())


def test_the_page_holds_the_current_table() -> None:
    text = PAGE.read_text("utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    shown = text.split(BEGIN)[1].split(END)[0].strip()
    assert shown == markdown(CodecConfig(version=2)).strip(), "docs/events.md is old: it says how its table is made"
