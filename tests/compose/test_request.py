"""What cannot be asked for, and how it is said."""

import pytest

from melody.compose import Accompany, Continue, Generate, Infill
from melody.errors import CallError, MelodyError
from melody.score import Score, Track, note_table

TUNE = Score((Track(notes=note_table([0], [480], [60], [80])),), 480)
NAN = float("nan")


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"bars": 0}, "bars is 0"),
        ({"bars": -3}, "bars is -3"),
        ({"bars": 10**9}, "bars"),
        ({"seconds": 0}, "seconds is 0"),
        ({"seconds": -1.5}, "seconds is -1.5"),
        ({"seconds": NAN}, "seconds"),
        ({"seconds": float("inf")}, "seconds"),
        ({"bars": 4, "seconds": 10}, "contradict"),
        ({"tempo": 5}, "tempo is 5"),
        ({"tempo": NAN}, "tempo"),
        ({"meter": "3"}, "3/4"),
        ({"meter": "0/4"}, "meter"),
        ({"meter": "3/5"}, "lower number"),
        ({"meter": "-3/4"}, "meter"),
        ({"meter": "\N{SUPERSCRIPT TWO}/4"}, "meter"),
        ({"meter": "32/1"}, "between a quarter"),
        ({"meter": "1/32"}, "between a quarter"),
        ({"key": "H minor"}, "key"),
        ({"voices": ("pianoo",)}, "did you mean"),
        ({"voices": ("128",)}, "128"),
        ({"voices": ("piano",) * 16}, "at most 15"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1 << 64}, "seed"),
    ],
)
def test_wishes_out_of_range(wish, words):
    with pytest.raises(CallError, match=words) as fault:
        Generate(**wish)
    assert "\n" not in str(fault.value) and fault.value.status == 2


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Continue(tune=TUNE, voices=("piano",)), "keeps the instruments"),
        (lambda: Accompany(tune=TUNE, bars=4), "as long as its tune"),
        (lambda: Accompany(tune=TUNE, seconds=4), "as long as its tune"),
        (lambda: Accompany(tune=TUNE, tempo=90), "keeps the tempo"),
        (lambda: Accompany(tune=TUNE, meter="3/4"), "keeps the tempo"),
        (lambda: Infill(piece=TUNE, from_bar=1, to_bar=1, bars=2), "how long"),
        (lambda: Infill(piece=TUNE, from_bar=1, to_bar=1, tempo=90), "keeps the tempo"),
        (lambda: Infill(piece=TUNE, from_bar=1, to_bar=1, voices=("piano",)), "instruments"),
        (lambda: Infill(piece=TUNE, from_bar=0, to_bar=1), "counted from 1"),
        (lambda: Infill(piece=TUNE, from_bar=-2, to_bar=1), "counted from 1"),
        (lambda: Infill(piece=TUNE, from_bar=3, to_bar=2), "stands before"),
    ],
)
def test_wishes_that_a_verb_does_not_know(ask, words):
    with pytest.raises(CallError, match=words):
        ask()


def test_bars_outside_the_piece(composer):
    with pytest.raises(CallError, match=r"to-bar is 2; the piece has 1 bars"):
        composer.infill(TUNE, 1, 2)


def test_tracks_by_name_and_number(composer):
    named = Score((Track("Flute", notes=TUNE.tracks[0].notes), Track("3", notes=TUNE.tracks[0].notes)), 480)
    assert composer.infill(named, 1, 1, track="FLUTE").tracks[1] == named.tracks[1]
    assert composer.infill(named, 1, 1, track="2").tracks[0] == named.tracks[0]
    assert composer.infill(named, 1, 1, track="3").tracks[0] == named.tracks[0]  # a name is stronger than a number
    for wrong, words in (("Fluet", "did you mean 'Flute'"), ("4", "no track 4, it has 2"), ("0", "no track 0"), ("9" * 50, "no track 9")):
        with pytest.raises(MelodyError, match=words):
            composer.infill(named, 1, 1, track=wrong)
