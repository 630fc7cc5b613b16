"""What cannot be asked for, and how it is said."""

import pytest

from melody.compose import Generate, Infill
from melody.errors import CallError, MelodyError
from melody.score import Score, Track, note_table

TUNE = Score((Track(notes=note_table([0], [480], [60], [80])),), 480)
NAN = float("nan")


@pytest.mark.parametrize(
    ("asked", "words"),
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
def test_settings_out_of_range(asked, words):
    with pytest.raises(CallError, match=words) as fault:
        Generate(**asked)
    assert "\n" not in str(fault.value) and fault.value.status == 2


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: Infill(tune=TUNE, from_bar=0, to_bar=1), "must be 1 or more"),
        (lambda: Infill(tune=TUNE, from_bar=-2, to_bar=1), "must be 1 or more"),
        (lambda: Infill(tune=TUNE, from_bar=3, to_bar=2), "before from_bar"),
    ],
)
def test_holes_that_make_no_sense(ask, words):
    with pytest.raises(CallError, match=words):
        ask()


def test_bars_outside_the_piece(composer):
    with pytest.raises(CallError, match=r"to_bar is 2; the piece has 1 bars"):
        composer.infill(TUNE, 1, 2)


def test_tracks_by_name_and_number(composer):
    named = Score((Track("Flute", notes=TUNE.tracks[0].notes), Track("3", notes=TUNE.tracks[0].notes)), 480)
    assert composer.infill(named, 1, 1, track="FLUTE").tracks[1] == named.tracks[1]
    assert composer.infill(named, 1, 1, track="2").tracks[0] == named.tracks[0]
    assert composer.infill(named, 1, 1, track="3").tracks[0] == named.tracks[0]  # a name is stronger than a number
    for wrong, words in (("Fluet", "did you mean 'Flute'"), ("4", "no track 4, it has 2"), ("0", "no track 0"), ("9" * 50, "no track 9")):
        with pytest.raises(MelodyError, match=words):
            composer.infill(named, 1, 1, track=wrong)


def test_a_style_by_the_name_that_an_earlier_model_had_for_it(composer):
    from dataclasses import replace

    known = composer.bundle.codec.styles[0]
    newer = replace(composer.bundle, training={**composer.bundle.training, "aliases": {"once": known}})
    asked = Generate(bars=2, style="once", seed=1).task(newer)
    assert (asked.plan.conditions == Generate(bars=2, style=known, seed=1).task(newer).plan.conditions).all()
    for aliases in ({}, {"once": "nowhere"}, None, 5):
        with pytest.raises(CallError, match="once"):
            Generate(style="once").task(replace(newer, training={"aliases": aliases}))
