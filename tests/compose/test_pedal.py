"""The pedal of what goes on: up at the joint, then as in the tune."""

import numpy as np

from melody import edit
from melody.compose.pedal import pedalled
from melody.score import PEDAL, Score, Track, note_table, table


def piano(pedal, *notes):
    return Score((Track("", 0, False, note_table(*zip(*notes, strict=True)), table(PEDAL, *zip(*pedal, strict=True))),))


OLD = tuple((480 * k, 60, 60 + k % 5, 80) for k in range(16))
PEDALS = [row for k in range(4) for row in ((1920 * k + 10, 127), (1920 * k + 1900, 0))]
STOP = 15360
NEW = tuple((7680 + 480 * k, 20, 48 + 7 * (k % 4), 70) for k in range(16))  # the bass on each bar line


def test_it_is_changed_with_the_bass_as_long_as_in_the_tune():
    tune = piano(PEDALS, *OLD)
    grown = pedalled(tune, piano(PEDALS, *OLD, *NEW), STOP)
    new = grown.tracks[0].pedal[8:]
    assert new["tick"][new["value"] == 0].tolist()[:3] == [9600, 11520, 13440], "up on the bar lines"
    sounding = edit.apply_pedal(grown).tracks[0].notes["duration"][16:]
    assert sounding[:-1].min() >= 480 and grown.tracks[0].pedal[:8].tolist() == tune.tracks[0].pedal.tolist()


def test_up_where_the_tune_leaves_it_down():
    left = PEDALS[:-1]
    tune = piano(left, *OLD)
    rows = pedalled(tune, piano(left, *OLD, *NEW), STOP).tracks[0].pedal.tolist()
    assert rows[len(left)] == (7680, 0) and rows[-1][1] == 0


def test_a_tune_with_little_pedal_gets_none():
    seldom = [(10, 127), (20, 0)]
    tune, grown = piano(seldom, *OLD), piano(seldom, *OLD, *NEW)
    assert pedalled(tune, grown, STOP) == grown
    never = piano([(0, 20)], *OLD, *NEW)
    assert pedalled(piano([(0, 20)], *OLD), never, STOP) == never


def test_two_hands_have_one_pedal():
    both = piano(PEDALS, *OLD).tracks[0]
    tune = Score((both, both))
    more = piano(PEDALS, *OLD, *NEW).tracks[0]
    grown = pedalled(tune, Score((more, more)), STOP)
    assert len(grown.tracks[0].pedal) > 8 and np.array_equal(grown.tracks[1].pedal, grown.tracks[0].pedal)


def test_keys_are_held_as_long_as_the_quick_ones_of_the_tune():
    """60 ticks there, 20 as written here; less where the same key is struck again, or at the end."""
    tune = piano(PEDALS, *OLD)
    again = ((9000, 20, 90, 70), (9030, 20, 90, 70), (STOP - 25, 20, 91, 70))
    grown = pedalled(tune, piano(PEDALS, *OLD, *NEW, *again), STOP).tracks[0].notes[16:]
    assert grown["duration"][grown["pitch"] == 90].tolist() == [30, 60] and grown["duration"][grown["pitch"] == 91].tolist() == [25]
    assert set(grown["duration"][grown["pitch"] < 90].tolist()) == {60}
