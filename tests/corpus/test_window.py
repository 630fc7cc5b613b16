"""Windows of long pieces: they start at bar lines, hold few enough notes, and stand where they stand in the piece."""

from __future__ import annotations

import numpy as np
import pytest

from melody.codec import CodecConfig, quantise
from melody.codec.encode import Piece
from melody.codec.given import NOTHING, GivenConfig
from melody.codec.table import Field, Role
from melody.corpus.piece import AugmentConfig, training_piece
from melody.corpus.sampling import SamplingConfig
from melody.corpus.stream import Stream
from melody.corpus.window import draw_window
from melody.score import Score, Track, meter_table, note_table

from .test_stream import CONFIG, corpus, whole  # noqa: F401  # a fixture


def piece(bars: int = 50, per_bar: int = 8, numerator: int = 4) -> Piece:
    onset = np.arange(bars * per_bar) * (1920 // per_bar)
    notes = note_table(onset, [100] * len(onset), 60 + onset // 240 % 12, [80] * len(onset))
    score = Score((Track("a", notes=notes), Track("b", 40, notes=notes[::4])), 480, meters=meter_table([0], [numerator], [4]))
    return quantise(score, CodecConfig())


def test_what_fits_is_whole_and_nothing_is_drawn() -> None:
    rng, other = np.random.default_rng(1), np.random.default_rng(1)
    made = piece()
    seen = draw_window(made, 500, rng)
    assert seen.piece is made and (seen.start, seen.stop, seen.ends) == (0, made.end, True)
    assert draw_window(made, 0, rng).piece is made
    assert rng.random() == other.random()


@pytest.mark.parametrize("most", [35, 100, 170, 499])
@pytest.mark.parametrize("numerator", [3, 4, 7])
def test_windows_are_bars_of_the_piece(most: int, numerator: int) -> None:
    made = piece(numerator=numerator)
    starts, ends = set(), 0
    for seed in range(60):
        seen = draw_window(made, most, np.random.default_rng(seed))
        notes = seen.piece.notes
        assert 0 < len(notes) <= most and notes["onset"].min() >= seen.start
        assert made.metre.bar(np.array([seen.start]))[1][0] == 0  # a bar line
        low = int(np.searchsorted(made.notes["onset"], seen.start))
        assert (made.notes[low : low + len(notes)] == notes).all()
        assert seen.ends == (low + len(notes) == len(made.notes)) and seen.stop == made.end
        if not seen.ends:
            after = made.notes["onset"][low + len(notes)]
            assert made.metre.bar(np.array([after]))[1][0] == 0 or made.metre.bar(notes["onset"][-1:])[0] == seen.start // (24 * numerator)
        starts.add(seen.start)
        ends += seen.ends
    assert 0 in starts and len(starts) > 1 and ends > 0


def test_a_bar_with_more_notes_than_a_window() -> None:
    made = piece(numerator=255)  # no bar lines to speak of
    for seed in range(20):
        seen = draw_window(made, 60, np.random.default_rng(seed))
        assert seen.start == 0 and 0 < len(seen.piece.notes) <= 60


def test_only_the_last_window_has_the_end(corpus) -> None:  # noqa: F811
    ended = 0
    for seed in range(40):
        made = training_piece(corpus, 2, CONFIG, np.random.default_rng(seed), AugmentConfig.none(), NOTHING, 120)
        roles = made.steps.events[1:, Field.ROLE]
        assert (roles == Role.NOTE).sum() <= 120 and (roles[:-1] != Role.END).all()
        ended += roles[-1] == Role.END
    assert 0 < ended < 30
    every = training_piece(corpus, 2, CONFIG, np.random.default_rng(0), AugmentConfig.none(), NOTHING)
    assert every.steps.events[-1, Field.ROLE] == Role.END


def test_a_hole_lies_inside_its_window(corpus) -> None:  # noqa: F811
    holes = GivenConfig(nothing=0, lead=0, part=0, others=0, window=1, causal=0)
    given = 0
    for seed in range(40):
        made = training_piece(corpus, 2, CONFIG, np.random.default_rng(seed), AugmentConfig.none(), holes, 120)
        assert (made.steps.events[1:, Field.ROLE] == Role.NOTE).any()
        given += len(made.given) > 0
    assert given > 20


def test_a_stream_of_windows_goes_on_from_its_position(corpus) -> None:  # noqa: F811
    def stream() -> Stream:
        config = SamplingConfig(style_power=0.5, window=100, weights={"pop": 2.0})
        return Stream(corpus, CONFIG, list(range(len(corpus))), 3, 40, 1, sampling=config)

    one, two = stream(), stream()
    batches = [one._batch() for _ in range(30)]
    position = one.position
    two.position = position
    for _ in range(10):
        a, b = one._batch(), two._batch()
        assert a is not None and b is not None and (a.steps.events == b.steps.events).all() and (a.piece == b.piece).all()
    assert sum(b.notes for b in batches if b is not None) > 0
