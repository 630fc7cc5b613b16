"""Songs of the page: there and back, and whatever else comes is one line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.errors import CallError
from melody.score import KEY, PEDAL, Score, Track, meter_table, note_table, table, tempo_table
from melody.studio import limits
from melody.studio.song import from_page, to_page

PLAIN = {"ticks": 480, "tempi": [[0, 500_000]], "meters": [[0, 4, 4]], "keys": [], "tracks": []}


def track(**other):
    return {"name": "tune", "program": 0, "drums": False, "notes": [[0, 480, 60, 80]], "pedal": []} | other


def test_a_score_comes_back_as_it_was(scale):
    score = Score(
        (*scale.tracks, Track("kit", 0, True, note_table([0], [10], [36], [1]), table(PEDAL, [5, 9], [127, 0]))),
        96,
        tempo_table([0, 960], [500_000, 400_000]),
        meter_table([0, 1920], [3, 6], [4, 8]),
        table(KEY, [0, 960], [-3, 2], [True, False]),
    )
    assert from_page(json.loads(json.dumps(to_page(score)))) == score


def test_chords_stand_where_they_change(scale):
    notes = note_table([0] * 3 + [1920] * 3, [1920] * 6, [57, 60, 64, 55, 59, 62], [80] * 6)
    assert to_page(Score((Track(notes=notes),)))["chords"] == [[0, "Am"], [1920, "G"]]
    assert to_page(Score())["chords"] == []


@pytest.mark.parametrize(
    ("song", "said"),
    [
        (None, "cannot be read"),
        ([], "cannot be read"),
        ({}, "cannot be read"),
        (PLAIN | {"ticks": 0}, "ticks"),
        (PLAIN | {"ticks": 1 << 20}, "ticks"),
        (PLAIN | {"ticks": "480"}, "ticks"),
        (PLAIN | {"tracks": {}}, "tracks"),
        (PLAIN | {"tracks": [track()] * (limits.TRACKS + 1)}, "tracks"),
        (PLAIN | {"tracks": [track(program=128)]}, "program"),
        (PLAIN | {"tracks": [track(program=True)]}, "program"),
        (PLAIN | {"tracks": [track(name=7)]}, "name"),
        (PLAIN | {"tracks": [track(notes=[[0, 480, 60]])]}, "rows of 4"),
        (PLAIN | {"tracks": [track(notes=[[0, 480, 60, 80], [1]])]}, "cannot be read"),
        (PLAIN | {"tracks": [track(notes=[[0.5, 480, 60, 80]])]}, "whole numbers"),
        (PLAIN | {"tracks": [track(notes=[[0, 480, 128, 80]])]}, "out of range"),
        (PLAIN | {"tracks": [track(notes=[[-1, 480, 60, 80]])]}, "out of range"),
        (PLAIN | {"tracks": [track(notes=[[1 << 80, 480, 60, 80]])]}, "whole numbers"),
        (PLAIN | {"tracks": [track(notes=[["0", "480", "60", "80"]])]}, "whole numbers"),
        (PLAIN | {"tracks": [track(notes=[[0, 480, 60, 80]] * (limits.NOTES + 1))]}, "notes"),
        (PLAIN | {"meters": [[0, 4, 5]]}, "lower number"),
        (PLAIN | {"tempi": [[0, 0]]}, "out of range"),
        (PLAIN | {"keys": [[0, 9, False]]}, "out of range"),
    ],
)
def test_what_is_no_song_is_one_line(song, said):
    with pytest.raises(CallError, match="song: .*" + said) as fault:
        from_page(song)
    assert "\n" not in str(fault.value) and fault.value.details == {"argument": "song"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda x: st.lists(x, max_size=4), max_leaves=8
)


@given(st.dictionaries(st.sampled_from([*PLAIN, "other"]), JSON))
def test_whatever_comes_is_a_score_or_a_line(song):
    try:
        assert isinstance(from_page(PLAIN | song), Score)
    except CallError as fault:
        assert str(fault).startswith("song: ")
