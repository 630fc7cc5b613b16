"""What is read off the surroundings, rule by rule, and what comes of it."""

from dataclasses import replace

import numpy as np
import pytest

from melody.codec import CodecConfig, quantise
from melody.codec.metre import Metre
from melody.codec.table import DRUMS, PROGRAM_BASE, Field
from melody.compose import Accompany, Continue, Generate, Infill
from melody.compose import fitting as rules
from melody.compose.alignment import align_to_grid
from melody.compose.hole import sides
from melody.compose.known import as_learned, drums_learned, learned_programs, nearest_learned, remark_on
from melody.compose.tune import Tune
from melody.errors import MelodyError
from melody.score import METER, Score, Track, meter_table, note_table, table
from melody.theory.ranges import RANGES, instrument_range

CODEC = CodecConfig()
Q = 480


def track(pitches, step=Q, length=Q - 20, velocity=80, **facts):
    count = len(pitches)
    return Track(notes=note_table(np.arange(count) * step, [length] * count, pitches, [velocity] * count), **facts)


def piece_of(*tracks):
    return quantise(Score(tracks), CODEC)


def test_every_program_has_a_range():
    assert len(RANGES) == 128
    assert all(0 <= r.lowest <= r.low < r.high <= r.highest <= 127 for r in RANGES)
    assert instrument_range(0, True).low == 35 and instrument_range(43).high < 62 < instrument_range(40).high


def test_a_part_keeps_to_its_own_range_with_a_margin_inside_its_instrument():
    piece = piece_of(track([60, 72], program=0), track([55, 60], program=40), track([30], program=40), Track(program=58))
    low, high = rules.part_ranges(piece, piece.notes)
    assert (low[0], high[0]) == (56, 76)
    assert (low[1], high[1]) == (55, 64), "nothing lies below a violin's G"
    assert low[2] == 30, "what a part plays already it may play"
    assert (low[3], high[3]) == (instrument_range(58).low, instrument_range(58).high)


def test_voices_are_those_of_the_past():
    line, legato = track([60, 62, 64, 65] * 4), track([60, 62, 64, 65] * 4, length=Q + 60)
    chords = Track(notes=note_table(np.repeat(np.arange(8) * Q, 3), [Q] * 24, [60, 64, 67] * 8, [80] * 24))
    piece = piece_of(line, legato, chords, track([36, 38], is_drum=True), Track(program=73), Track(program=0))
    assert rules.part_voices(piece, piece.notes)[:6].tolist() == [1, 1, 3, 0, 1, 0]


def test_dynamics():
    piece = piece_of(track([60] * 20, velocity=25), Track())
    quiet, loud = rules.part_dynamics(piece, piece.notes)
    assert quiet[0] == loud[0] == quiet[1] == 25 * 32 // 128
    assert rules.dynamics_below(piece) == (2, 6)


@pytest.mark.parametrize(
    ("step", "inside", "outside"),
    [(Q, {0, 12}, {6, 8, 7}), (Q // 2, {0, 6, 12, 18}, {8, 3, 1}), (Q // 3, {0, 8, 16, 12}, {6, 1}), (Q // 8, {0, 3, 6, 12}, {8, 1})],
)
def test_the_grid_is_that_of_the_tune(step, inside, outside):
    weights = rules.grid_around(CODEC, piece_of(track([60] * 32, step=step, length=50)).notes["onset"])
    assert all(weights[i] == 0 for i in inside) and all(weights[i] < 0 for i in outside)


def test_there_is_no_grid_without_a_beat():
    rng = np.random.default_rng(0)
    played = np.sort(rng.integers(0, 20_000, 300))
    assert rules.grid_around(CODEC, played.astype(np.int32)) is None
    assert rules.grid_around(CodecConfig("seconds", 100), played.astype(np.int32)) is None


def test_where_a_piece_may_begin():
    weights = rules.starts(Metre(CODEC, table(METER, [0], [4], [4])), CODEC)
    assert np.flatnonzero(weights == 0).tolist() == [0, 48, 60, 72, 84]
    weights = rules.starts(Metre(CODEC, table(METER, [0], [3], [4])), CODEC)
    assert np.flatnonzero(weights == 0).tolist() == [0, 36, 48, 60]


def test_the_scale_around():
    piece = piece_of(track([60, 62, 64, 66]))
    weights = rules.scale_around(piece, piece.notes, key=0)
    assert set(np.flatnonzero(weights[:12] == 0).tolist()) == {0, 2, 4, 5, 6, 7, 9, 11}


def test_drums_that_were_not_learned_go_on_with_their_own_strokes():
    piece = piece_of(track([36, 42, 38, 42] * 4, step=Q // 2, is_drum=True), track([60] * 8))
    limits = rules.limits_around(piece, np.ones(len(piece.notes), bool), np.ones(len(piece.notes), bool), rules.ALL, drums_learned=False)
    assert limits.unlearned.tolist() == [True] + [False] * 15
    assert np.flatnonzero(limits.weights[0] == 0).tolist() == [36, 38, 42] and not limits.weights[1].any()
    bar_line, half_beat = limits.strokes[1], limits.strokes[4]
    assert bar_line[36] > bar_line[38] and half_beat[42] > half_beat[36]


def test_the_ends_of_a_hole_are_decided_by_ticks():
    onsets = [0, 1915, 1920, 3836, 3840]  # played a little early: the grid rounds the second to the bar line and the fourth over the end
    score = Score((Track(notes=note_table(onsets, [100] * 5, [60, 61, 62, 63, 64], [80] * 5)),), Q)
    tune = align_to_grid(Tune(score), CODEC)
    before, after = sides(tune, (1920, 3840), (96, 192))
    assert tune.piece.notes["pitch"][before].tolist() == [60, 61] and tune.piece.notes["pitch"][after].tolist() == [64]


CARD = {
    "programs": {
        "0": {"pieces": 9, "notes": 90_000},
        "41": {"pieces": 2, "notes": 6000},
        "42": {"pieces": 1, "notes": 30_000},
        "9": {"notes": 3},
    }
}


def test_what_a_model_has_learned(composer):
    bundle = replace(composer.bundle, training=CARD)
    assert learned_programs(bundle) == {0: 90_000, 41: 6000, 42: 30_000} and not drums_learned(bundle)
    assert nearest_learned(40, learned_programs(bundle)) == 42 and nearest_learned(41, learned_programs(bundle)) == 41
    assert nearest_learned(56, learned_programs(bundle)) == 56 and nearest_learned(DRUMS, learned_programs(bundle)) == DRUMS
    assert remark_on([0, 42], bundle) == ""
    line = remark_on([40, 0, DRUMS, 40], bundle)
    assert "Violin" in line and "drums" in line and "\n" not in line and line.count("Violin") == 1


@pytest.mark.parametrize("training", [{}, {"programs": 3}])
def test_a_card_that_says_nothing_is_believed_to_know_all(composer, training):
    bundle = replace(composer.bundle, training=training)
    assert learned_programs(bundle) is None and drums_learned(bundle) and remark_on([40, DRUMS], bundle) == ""


def test_a_damaged_card_is_no_error(composer):
    bundle = replace(composer.bundle, training={"programs": {"0": 3, "x": {"notes": 9}, "²": {}, "1": {"notes": "many"}}})
    assert learned_programs(bundle) == {}


def test_declared_instruments_are_heard_as_the_nearest(composer):
    plan = Generate(voices="violin,trumpet", passes=False).task(replace(composer.bundle, training=composer.bundle.training | CARD)).plan
    assert plan.prime[:, Field.PITCH].tolist() == [PROGRAM_BASE + 42, PROGRAM_BASE + 56]
    assert plan.parts[:2, 0].tolist() == [42, 56]
    rows, parts = as_learned(plan.prime, plan.parts, None)
    assert np.array_equal(rows, plan.prime) and np.array_equal(parts, plan.parts)


TUNE = Score(
    (track([60, 62, 64, 65, 67, 65, 64, 62, 60, 64, 67, 72, 71, 67, 65, 62], program=40, velocity=25),),
    Q,
    meters=meter_table([0], [4], [4]),
)


@pytest.mark.parametrize(
    "request_of",
    [lambda seed: Infill(tune=TUNE, from_bar=2, to_bar=3, seed=seed), lambda seed: Continue(tune=TUNE, bars=2, seed=seed)],
    ids=["infill", "continue"],
)
def test_new_notes_keep_to_the_tune(composer, request_of):
    for seed in range(4):
        notes = composer.many([request_of(seed)])[0].tracks[0].notes
        assert notes["pitch"].min() >= 55 and notes["pitch"].max() <= 76
        assert np.unique(notes["velocity"] // 4).tolist() == [25 // 4]
        assert (notes["onset"][1:] >= (notes["onset"] + notes["duration"])[:-1] - Q // 4).all(), "one voice"
        assert (notes["onset"] % (Q // 4) == 0).all()


def test_an_accompaniment_is_no_louder_than_its_tune(composer):
    for track in composer.many([Accompany(tune=TUNE, voices="piano,tuba", seed=1)])[0].tracks[1:]:
        assert track.notes["velocity"].max() <= 28
        if track.program == 58:
            assert track.notes["pitch"].max() <= instrument_range(58).high


def test_a_new_piece_begins_on_the_bar_line_or_with_an_upbeat(composer):
    for score in composer.many([Generate(bars=2, meter="4/4", seed=seed) for seed in range(12)]):
        first = min(int(t.notes["onset"][0]) for t in score.tracks)
        assert first == 0 or (first >= 960 and first % 240 == 0)


def test_a_longer_tune_can_be_asked_for():
    long = Score((track([60] * 40, step=10, length=10),))
    with pytest.raises(MelodyError, match="40 notes, more than the limit of 39; allow more with max_notes, up to 1,000,000"):
        Continue(tune=long, max_notes=39)
    assert Continue(tune=long, max_notes=40).source.score == long
