"""Note values, voices and names of pitches."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody.notation.rhythm import BEAT, Chord, voices, written
from melody.notation.spelling import Accidentals, spelled

PLAIN = {"whole": 96, "half": 48, "quarter": 24, "eighth": 12, "16th": 6, "32nd": 3, "64th": 1.5}


@given(st.lists(st.integers(0, 96), max_size=12, unique=True), st.sampled_from([96, 72, 60, 84]))
def test_values_fill_the_bar_and_say_their_own_length(edges, length):
    edges = sorted(e for e in edges if e <= length)
    chords = [Chord(a, b, (n,)) for n, (a, b) in enumerate(zip(edges[::2], edges[1::2], strict=False))]
    at = 0
    for value in written(chords, length):
        assert value.start == at
        at += value.length
        assert value.length == PLAIN[value.type] * (1.5 if value.dotted else 1) * (2 / 3 if value.triplet else 1)
    assert at == length


def test_triplets_open_and_close_in_turn():
    values = written([Chord(0, 8, (0,)), Chord(16, 40, (1,)), Chord(48, 50, (2,))], 96)
    inside = False
    for value in values:
        assert value.triplet == (inside or value.opens)
        inside = (inside or value.opens) and not value.closes
    assert not inside and sum(v.opens for v in values) == 3


@pytest.mark.parametrize(("start", "end", "types"), [(0, 36, ["quarter"]), (24, 72, ["half"]), (12, 36, ["quarter"]), (0, 96, ["whole"])])
def test_common_values_are_one_symbol(start, end, types):
    assert [v.type for v in written([Chord(start, end, (0,))], 96) if v.notes] == types


def test_voices_do_not_overlap_and_lose_nothing():
    spans = sorted((s, s + d) for s in range(0, 60, 7) for d in (5, 20, 33, 50))
    found = voices(spans)
    assert len(found) == 4
    covered: dict[int, int] = {}
    for voice in found:
        assert all(a.end <= b.start for a, b in pairwise(voice))
        for chord in voice:
            for note in chord.notes:
                covered[note] = covered.get(note, 0) + chord.end - chord.start
    assert covered == {i: end - start for i, (start, end) in enumerate(spans)}


@pytest.mark.parametrize("fifths", range(-7, 8))
def test_names_give_the_pitch_back(fifths):
    for pitch in range(128):
        step, alter, octave = spelled(pitch, fifths)
        assert 12 * (octave + 1) + {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}[step] + alter == pitch
        assert -2 <= alter <= 2


def test_the_scale_of_a_key_needs_no_signs():
    for fifths, scale in ((0, (0, 2, 4, 5, 7, 9, 11)), (3, (1, 2, 4, 6, 8, 9, 11)), (-5, (0, 1, 3, 5, 6, 8, 10))):
        signs = Accidentals(fifths)
        assert [signs.needed(spelled(60 + p, fifths)) for p in scale] == [None] * 7
    signs = Accidentals(0)
    assert [signs.needed(spelled(p, 0)) for p in (66, 66, 65, 65)] == ["sharp", None, "natural", None]
    assert BEAT == 24
