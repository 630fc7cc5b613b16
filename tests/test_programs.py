"""The General MIDI table and the words people use for instruments."""

import pytest

from melody.errors import CallError
from melody.programs import ALIASES, FAMILIES, PROGRAMS, family_of, parse_program, program_name


def test_table_has_128_distinct_names_in_families_of_eight() -> None:
    assert len(set(PROGRAMS)) == 128
    assert len(FAMILIES) == 16
    assert (PROGRAMS[0], PROGRAMS[40], PROGRAMS[73], PROGRAMS[127]) == ("Acoustic Grand Piano", "Violin", "Flute", "Gunshot")
    assert (family_of(0), family_of(33), family_of(127)) == ("Piano", "Bass", "Sound Effects")


@pytest.mark.parametrize("program", range(128))
def test_every_name_and_number_parses_to_itself(program: int) -> None:
    assert parse_program(PROGRAMS[program]) == (program, False)
    assert parse_program(PROGRAMS[program].upper()) == (program, False)
    assert parse_program(str(program)) == (program, False)
    assert program_name(program) == PROGRAMS[program]


@pytest.mark.parametrize(
    ("text", "program"),
    [("piano", 0), ("Acoustic  bass", 32), ("bass", 33), ("choir", 52), ("voice", 52), ("strings", 48), ("Sax", 65), ("calliope", 82)],
)
def test_common_words(text: str, program: int) -> None:
    assert parse_program(text) == (program, False)


def test_aliases_shadow_no_name_of_the_table() -> None:
    table = {name.casefold() for name in PROGRAMS}
    assert not table.intersection(ALIASES)


@pytest.mark.parametrize("text", ["drums", "Drum Kit", "percussion"])
def test_drums(text: str) -> None:
    assert parse_program(text) == (0, True)
    assert program_name(0, is_drum=True) == "Drums"


@pytest.mark.parametrize(
    ("text", "says"),
    [("violn", "did you mean 'Violin'"), ("128", "0..127"), ("-1", "0..127"), ("9" * 5000, "0..127"), ("", "unknown"), ("½", "unknown")],
)
def test_wrong_names_say_what_to_do(text: str, says: str) -> None:
    with pytest.raises(CallError, match=says) as caught:
        parse_program(text)
    assert "\n" not in str(caught.value)
