"""How a piece is varied each time it is read in training: keys and tempi move with the notes, conditions are left out as often as asked."""

import numpy as np
import pytest

from melody.codec import CodecConfig
from melody.codec.columns import Feature, Recalled
from melody.codec.conditions import conditions, key_class, tempo_class
from melody.codec.encode import quantise
from melody.codec.given import Choice, GivenConfig
from melody.codec.table import Field, Role
from melody.corpus import Corpus
from melody.corpus.piece import AugmentConfig, encode_piece, training_piece
from melody.theory import key_transposed

NOTHING = GivenConfig(nothing=1, lead=0, part=0, others=0, window=0)
STYLE, TEMPO, KEY, METER, DENSITY = range(5)
DRAWS = 150


@pytest.fixture
def drawn(corpus):
    """Read a piece many times, with some of the variations."""
    pieces = Corpus(corpus)
    config = CodecConfig(styles=pieces.styles)

    def draw(count=DRAWS, index=0, **settings):
        augment = AugmentConfig(**({"drop_condition": 0.0, "drop_left": 0.0} | settings))
        return [training_piece(pieces, index, config, np.random.default_rng([5, k]), augment, NOTHING) for k in range(count)]

    draw.pieces, draw.config = pieces, config
    return draw


def test_each_condition_is_left_out_as_often_as_asked(drawn):
    told = np.array([p.conditions > 0 for p in drawn(drop_condition=0.3)])
    assert told.mean(0) == pytest.approx(0.7, abs=0.12)
    assert len({tuple(row) for row in told.tolist()}) > 16  # each for itself
    assert all((p.conditions > 0).all() for p in drawn(20)) and not any(p.conditions.any() for p in drawn(20, drop_condition=1.0))


def test_the_bars_left_are_known_as_often_as_asked(drawn):
    known = [bool(p.steps.features[:, Feature.BARS_LEFT].any()) for p in drawn(drop_left=0.5)]
    assert np.mean(known) == pytest.approx(0.5, abs=0.12)
    assert not any(p.steps.features[:, Feature.BARS_LEFT].any() for p in drawn(20, drop_left=1.0))
    assert all(p.steps.features[:, Feature.BARS_LEFT].any() for p in drawn(20))


def test_the_key_moves_with_the_notes(drawn):
    (plain,) = drawn(1, transpose_down=0, transpose_up=0)
    note = plain.steps.events[:, Field.ROLE] == Role.NOTE
    key = drawn.pieces.pieces[0].key
    seen = set()
    for piece in drawn(100):
        (semitones,) = set((piece.steps.events - plain.steps.events)[note, Field.PITCH].tolist())
        assert piece.conditions[KEY] == key_class(key_transposed(key, semitones))
        seen.add(semitones)
    assert seen == set(range(-5, 7))


def test_the_tempo_changes_by_up_to_the_share(drawn):
    score = drawn.pieces.score(0)
    bpm = 60e6 / int(score.tempi["mspq"][0])
    assert {int(p.conditions[TEMPO]) for p in drawn(20, stretch=0.0)} == {tempo_class(bpm)}
    classes = {int(p.conditions[TEMPO]) for p in drawn(stretch=0.4)}
    assert {tempo_class(bpm / 1.35), tempo_class(bpm / 0.65)} <= classes <= set(range(tempo_class(bpm / 1.4), tempo_class(bpm / 0.6) + 1))


def test_what_stands_before_a_hole_is_remembered(drawn):
    """Of the part that goes on inside the window; of one that is given as a whole nothing is recalled."""
    piece = quantise(drawn.pieces.score(0), drawn.config)
    start, stop = piece.metre.bar_start(4), piece.metre.bar_start(6)
    inside = (piece.notes["onset"] >= start) & (piece.notes["onset"] < stop)
    for part in (0, 1):
        free = inside & (piece.notes["part"] == part)
        encoded = encode_piece(piece, Choice("window", ~free, free, start, stop), np.zeros(5, np.int16), True)
        recalled = encoded.steps.recalled[0]  # before the first event of the hole
        assert set(recalled[:, Recalled.PART].tolist()) - {0} == {1 + part}


def test_validation_reads_a_piece_as_it_is(drawn):
    score, facts = drawn.pieces.score(4), drawn.pieces.pieces[4]
    quarters = score.end_tick / 480
    expected = conditions(drawn.config, facts.style, 60e6 / int(score.tempi["mspq"][0]), facts.key, (3, 4), facts.note_count / quarters)
    for seed in range(3):
        piece = training_piece(drawn.pieces, 4, drawn.config, np.random.default_rng(seed), AugmentConfig.none(), NOTHING)
        assert piece.conditions.tolist() == expected.tolist()
