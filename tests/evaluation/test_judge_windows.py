"""Windows of the judge: the bars that are looked at, on the common grid, whoever wrote them."""

import itertools

import numpy as np
import pytest

from melody.evaluation import judge_windows as jw
from melody.score import Score, Track, meter_table, note_table
from tests.conftest import song

FOUR = (4, 4)


def piece(onsets, pitches, ticks=480, drums=False, meters=((0, 4, 4),), lengths=None):
    count = len(onsets)
    notes = note_table(onsets, lengths or [ticks] * count, pitches, [80] * count)
    return Score((Track(is_drum=drums, notes=notes),), ticks, meters=meter_table(*zip(*meters, strict=True)))


@pytest.mark.parametrize(("meter", "steps"), [((4, 4), 96), ((3, 4), 72), ((6, 8), 72), ((7, 8), 84), ((5, 16), None), ((1, 8), None)])
def test_bars_are_whole_cells(meter, steps):
    assert jw.bar_steps(meter) == steps
    assert jw.meter_of(piece([0], [60], meters=((0, *meter),))) == (meter if steps else None)


def test_a_meter_that_changes_is_none_and_the_commonest_is_chosen():
    assert jw.meter_of(piece([0], [60], meters=((0, 4, 4), (1920, 3, 4)))) is None
    assert jw.meter_of(piece([0], [60], meters=((0, 4, 4), (1920, 4, 4)))) == FOUR  # a repeat is no change
    some = [piece([0], [60], meters=((0, *m),)) for m in ((3, 4), (4, 4), (3, 4), (5, 16))]
    assert jw.usual_meter(some) == (3, 4) and jw.usual_meter(some[3:]) is None


def test_a_window_is_cut_and_put_on_the_grid():
    score = piece([1910, 1925, 2399, 9000], [60, 64, 62, 65], lengths=[7, 1, 500, 480])
    window = jw.cut_window(score, FOUR, 1, bars=1)
    # 1910 is nearest to step 95.5, which is rounded up to the bar line; 9000 lies behind the window
    assert window.onset.tolist() == [0, 0, 24] and window.pitch.tolist() == [60, 64, 62]
    assert window.length.tolist() == [1, 1, 25] and window.velocity.tolist() == [84, 84, 84] and window.steps == 96
    assert jw.cut_window(score, FOUR, 1, bars=1, piece=3).piece == 3


def test_what_sounds_on_is_cut_at_the_end_and_drums_are_left_out():
    assert jw.cut_window(piece([0], [60], lengths=[10**6]), FOUR, 0).length.tolist() == [16 * 96]
    both = Score((Track(notes=note_table([0], [480], [60], [80])), Track(is_drum=True, notes=note_table([480], [480], [36], [80]))))
    assert jw.cut_window(both, FOUR, 0).pitch.tolist() == [60] and jw.bar_count(both, FOUR) == 1
    assert jw.bar_count(piece([0], [36], drums=True), FOUR) == 0


def test_every_piece_gives_one_window_before_any_gives_two():
    scores = [song(seed, 4, bars) for seed, bars in enumerate((50, 20, 10, 34))] + [song(9, 3, 50)]
    windows = jw.windows_of(scores, FOUR, 100, seed=3)
    assert sorted(w.piece for w in windows[:3]) == [0, 1, 3] and {w.piece for w in windows[3:]} <= {0, 3}
    for window in windows:
        assert window.start + 16 <= jw.bar_count(scores[window.piece], FOUR)
    by_piece = [sorted(w.start for w in windows if w.piece == p) for p in range(4)]
    assert all(b - a == 16 for starts in by_piece for a, b in itertools.pairwise(starts))
    assert [(w.piece, w.start) for w in jw.windows_of(scores, FOUR, 2, seed=3)] == [(w.piece, w.start) for w in windows[:2]]
    assert len(jw.windows_of(scores, FOUR, 100, each=1)) == 3
    assert [w.piece for w in jw.windows_of(scores, FOUR, 100, fits=lambda w: w.piece == 1)] == [1]


def test_room_is_left_before_a_window():
    windows = jw.windows_of([song(0, 4, 33)], FOUR, 9, before=16)
    assert [w.start for w in windows] in ([16], [17]) and not jw.windows_of([song(0, 4, 24)], FOUR, 9, before=16)


def test_shuffling_keeps_the_bars():
    window = jw.cut_window(song(0, 4, 16), FOUR, 0)
    mixed = jw.shuffled(window, 1)

    def bars(w):
        return [np.stack([w.onset[m] % w.bar, w.pitch[m]]).tobytes() for m in (w.onset // w.bar == b for b in range(w.bars))]

    assert bars(mixed) != bars(window) and sorted(bars(mixed)) == sorted(bars(window))
    assert (np.diff(mixed.onset) >= 0).all() and (mixed.onset + mixed.length).max() <= mixed.steps


def test_halves_share_no_piece():
    windows = jw.windows_of([song(seed, 4, 16 * (1 + seed % 3)) for seed in range(9)], FOUR, 100)
    one, two = jw.halves(windows, np.random.default_rng(0))
    assert len(one) == len(two) >= 4 and not {windows[i].piece for i in one} & {windows[i].piece for i in two}
