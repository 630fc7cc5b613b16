"""What a request does not say comes from the training data or from the tune, as often as it is usual there."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from melody.codec.conditions import key_class, meter_class, tempo_class
from melody.compose import Accompany, Continue, Generate
from melody.compose.alignment import align_to_grid
from melody.compose.controls import asked_scale, default_conditions, tune_conditions
from melody.compose.tune import Tune
from melody.generate.plan import NO_STOP
from melody.score import KEY, Score, Track, meter_table, note_table, table, tempo_table

PRIORS = {
    "pop909": {"pieces": 30, "tempo": [80.0, 120.0], "meters": [[4, 4, 0.8], [2, 4, 0.2]]},
    "waltz": {"pieces": 10, "tempo": [150.0, 160.0], "meters": [[3, 4, 1.0]]},
}


@pytest.fixture(scope="module")
def drawn(composer):
    """Style, tempo and meter of requests that ask for nothing, and of some that ask for a style."""
    bundle = replace(composer.bundle, training={"habits": PRIORS})
    return lambda **asked: [default_conditions(Generate(seed=seed, **asked), bundle) for seed in range(400)]


def test_styles_come_as_often_as_in_the_training_data(drawn):
    assert Counter(style for style, _, _ in drawn())["pop909"] / 400 == pytest.approx(0.75, abs=0.06)


def test_tempi_lie_between_the_quartiles_of_the_style(drawn):
    tempi = [tempo for _, tempo, _ in drawn(style="pop909")]
    assert min(tempi) < 84 and max(tempi) > 116 and all(80 <= t <= 120 for t in tempi)
    assert all(150 <= tempo <= 160 for style, tempo, _ in drawn() if style == "waltz")


def test_meters_come_as_often_as_in_the_style(drawn):
    found = drawn(style="pop909")
    assert Counter(meter for _, _, meter in found)[2, 4] / 400 == pytest.approx(0.2, abs=0.06)
    assert {meter for _, _, meter in drawn(style="waltz")} == {(3, 4)}


def test_what_is_asked_for_is_taken(drawn):
    assert set(drawn(style="waltz", tempo=77.0, meter="5/8")) == {("waltz", 77.0, (5, 8))}


def test_pitches_outside_a_key_that_was_asked_for_become_much_rarer():
    scale = asked_scale(Generate(key="C"))
    assert scale.shape == (128,) and set(np.exp(scale[[0, 60, 64, 67]]).tolist()) == {1.0}
    assert (np.exp(scale[[1, 61, 66, 70]]) < 0.3).all() and asked_scale(Generate()) is None


def test_voices_that_were_asked_for_are_not_silent_for_long(composer):
    tune = Score((Track("x", notes=note_table([0, 480], [480] * 2, [60, 62], [80] * 2)),))
    for asks, bar in (
        (Generate(voices=("piano", "bass"), meter="3/4", passes=False), 72),
        (Accompany(tune=tune, voices=("bass",), passes=False), 96),
    ):
        assert asks.task(composer.bundle).plan.max_silence == 4 * bar
    assert all(
        asks.task(composer.bundle).plan.max_silence == NO_STOP for asks in (Generate(passes=False), Accompany(tune=tune, passes=False))
    )


def test_a_tune_says_its_tempo_meter_and_key(composer):
    notes = note_table(np.arange(16) * 480, [400] * 16, [57, 60, 64, 62, 59, 56, 57, 57] * 2, [80] * 16)
    score = Score(
        (Track("x", notes=notes),), 480, tempo_table([0], [400_000]), meter_table([0, 3840], [4, 3], [4, 4]), table(KEY, [0], [0], [True])
    )
    tune = align_to_grid(Tune.of(score), composer.bundle.codec)
    found = tune_conditions(Continue(tune=score), tune, composer.bundle.codec).tolist()
    assert found[1:4] == [tempo_class(150), key_class(21), meter_class((3, 4))]  # the meter in which it ends
    found = tune_conditions(Continue(tune=score, style="waltz", tempo=60.0, key="D"), tune, composer.bundle.codec).tolist()
    assert found[:3] == [1 + composer.bundle.codec.styles.index("waltz"), tempo_class(60), key_class(2)]
