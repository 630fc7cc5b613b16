"""The pedal of what goes on: up at the joint, down where no note rings on for it."""

import numpy as np

from melody import edit
from melody.compose.pedal import pedalled
from melody.score import PEDAL, Score, Track, note_table, table


def piano(pedal, *notes):
    return Score((Track("", 0, False, note_table(*zip(*notes, strict=True)), table(PEDAL, *zip(*pedal, strict=True))),))


OLD = ((0, 100, 60, 80), (480, 100, 64, 80))
CHORDS = tuple((960 + 960 * k + 20 * n, 960 - 20 * n, 48 + 4 * n + k, 70) for k in range(3) for n in range(3))


def test_up_where_the_tune_leaves_it_down_and_changed_with_the_harmony():
    tune = piano([(10, 127)], *OLD)
    grown = pedalled(tune, piano([(10, 127)], *OLD, *CHORDS))
    assert grown.tracks[0].pedal.tolist() == [(10, 127), (960, 0), (990, 127), (1920, 0), (1950, 127), (2880, 0), (2910, 127), (3840, 0)]


def test_no_note_rings_on_for_it():
    tune = piano([(10, 127), (500, 0)], *OLD)
    notes = (*OLD, *CHORDS, (1000, 60, 72, 90), (2000, 100, 71, 90))
    grown = pedalled(tune, piano([(10, 127), (500, 0)], *notes))
    before, after = grown.tracks[0].notes, edit.apply_pedal(grown).tracks[0].notes
    assert (after["duration"] - before["duration"])[2:].max() <= 480 // 16
    assert len(grown.tracks[0].pedal) == 4, "only the last chord has none inside"


def test_a_tune_without_pedal_gets_none():
    tune = piano([(0, 20)], *OLD)
    grown = piano([(0, 20)], *OLD, *CHORDS)
    assert pedalled(tune, grown) == grown


def test_two_hands_have_one_pedal():
    both = piano([(10, 127)], *OLD).tracks[0]
    tune = Score((both, both))
    more = piano([(10, 127)], *OLD, *CHORDS).tracks[0]
    grown = pedalled(tune, Score((more, both)))
    assert np.array_equal(grown.tracks[1].pedal, both.pedal) and len(grown.tracks[0].pedal) > 1
