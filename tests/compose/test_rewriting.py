"""Several holes, what is kept in them, and variations: the rest comes back as it was, and the share is what was asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import midi, theory
from melody.compose import Infill, Vary
from melody.compose.holes import Hole, holes_of, parse_bars
from melody.compose.keeping import KEEPS, first_notes, roots, strong_beats
from melody.compose.tune import Tune
from melody.compose.variation import Cell, freed, joined
from melody.errors import CallError
from melody.score import Score, Track, meter_table, note_table, tempo_table

from ..conftest import examples
from .conftest import in_order, same_frame, tunes, within

few = examples(12)
KEPT = list(KEEPS)


def line(pitches, length=240, **facts):
    onsets = np.arange(len(pitches)) * length
    return Track(notes=note_table(onsets, [length] * len(pitches), pitches, [64 + i % 32 for i in range(len(pitches))]), **facts)


@pytest.fixture(scope="module")
def song():
    """Eight bars of 4/4: a tune in eighths, a bass in halves, chords of three notes in quarters."""
    tune = line([60 + (5 * i * i) % 13 for i in range(64)], name="Tune")
    bass = line([36 + (7 * i) % 12 for i in range(16)], 960, name="Bass", program=33)
    beats = np.repeat(np.arange(32) * 480, 3)
    pitches = [48 + 2 * (i // 3 % 4) + (0, 4, 7)[i % 3] for i in range(96)]
    chords = Track("Chords", 0, False, note_table(beats, [480] * 96, pitches, [70] * 96))
    return Score((tune, bass, chords), 480, tempo_table([0], [500_000]), meter_table([0], [4], [4]))


def inside(track, low, high):
    return track.notes[(track.notes["onset"] >= low) & (track.notes["onset"] < high)]


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        (["5-8"], [(5, 8, None)]),
        (["7"], [(7, 7, None)]),
        (["1-2, 4 - 5", "9:Bass"], [(1, 2, None), (4, 5, None), (9, 9, "Bass")]),
        (["1:a:b"], [(1, 1, "a:b")]),
    ],
)
def test_bars(text, spans):
    assert parse_bars(text) == spans


@pytest.mark.parametrize("text", ["", "x", "0-2", "3-2", "1-2-3", "5:", "-3", "1,,2", "99999999", "½"])
def test_bars_that_are_none(text):
    with pytest.raises(CallError, match=r"^bars is ") as fault:
        parse_bars([text])
    assert fault.value.details["argument"] == "bars" and "\n" not in str(fault.value)


WRONG = [
    ({"bars": "1-3,3-4"}, "overlap; join"),
    ({"bars": ["1-3:Bass", "2-4"]}, "1-3:Bass and 2-4 overlap"),
    ({"bars": "8-9"}, "bars is 8-9; the piece has 8 bars"),
    ({"bars": "1:Bas"}, "did you mean 'Bass'"),
    ({"bars": "1", "part": ["Bass", "Tuna"]}, "did you mean 'Tune'"),
    ({"bars": "1", "from_bar": 1, "to_bar": 1}, "bars and from_bar contradict"),
    ({"bars": "1", "part": "Bass", "track": "Bass"}, "part and track contradict"),
    ({}, "bars is missing"),
    ({"from_bar": 1}, "to_bar is missing"),
    ({"bars": 1.5}, "bars is 1.5"),
    ({"bars": "1", "part": [None]}, "part is"),
    ({"bars": "1", "keep": "root"}, "keep is 'root', must be one of"),
]


@pytest.mark.parametrize(("settings", "words"), WRONG, ids=[str(w[0]) for w in WRONG])
def test_holes_that_are_none_are_refused_before_any_work(song, settings, words):
    with pytest.raises(CallError, match=words) as fault:
        Infill(tune=song, **settings)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan"), "much"])
def test_a_strength_lies_between_0_and_1(song, strength):
    with pytest.raises(CallError, match="strength is"):
        Vary(tune=song, strength=strength)


def test_holes_of_other_parts_do_not_overlap(song):
    holes = holes_of(Tune(song), parse_bars(["2-3:Bass", "1-3:Tune", "5"]), [])
    assert [(h.low // 1920, h.high // 1920, h.tracks) for h in holes] == [(0, 3, {0}), (1, 3, {1}), (4, 5, None)]


@pytest.mark.slow
@few
@given(tunes(), st.sampled_from([None, *KEPT]), st.data())
def test_several_holes_leave_everything_else_as_it_was(any_composer, tune, keep, data):
    bars = max(1, theory.bar_count(tune))
    first = data.draw(st.integers(1, bars))
    spans = [(first, first), *[(first + 2, min(bars, first + 3))] * (first + 2 <= bars)]
    part = data.draw(st.sampled_from([(), str(len(tune.tracks))]))
    request = Infill(tune=tune, bars=[f"{a}-{b}" for a, b in spans], part=part, keep=keep, seed=data.draw(st.integers(0, 9)))
    result = any_composer.results([request])[0]
    if not isinstance(result, Score):  # the model wrote no note
        return
    same_frame(tune, result)
    in_order(result)
    for index, (old, new) in enumerate(zip(tune.tracks, result.tracks, strict=True)):
        mine = [h for h in request.holes if h.has(index)]
        outside = np.ones(len(old.notes), bool)
        for hole in mine:
            outside &= (old.notes["onset"] < hole.low) | (old.notes["onset"] >= hole.high)
        fresh = within(old.notes[outside], new.notes)
        assert fresh is not None
        assert all(any(h.low <= note[0] < h.high for h in mine) for note in fresh)


def test_each_hole_is_written(any_composer, song):
    result = any_composer.infill(song, bars=["2:Tune", "5-6"], seed=1)
    assert inside(result.tracks[0], 1920, 3840).tolist() != inside(song.tracks[0], 1920, 3840).tolist()
    assert inside(result.tracks[1], 1920, 3840).tolist() == inside(song.tracks[1], 1920, 3840).tolist()
    assert inside(result.tracks[0], 7680, 11520).tolist() != inside(song.tracks[0], 7680, 11520).tolist()


def test_one_hole_is_the_same_in_both_forms(composer, song):
    assert composer.infill(song, 2, 3, track="Bass", seed=4) == composer.infill(song, bars="2-3", part="Bass", seed=4)


def test_a_batch_writes_what_each_request_writes_alone(composer, song):
    requests = [Infill(tune=song, bars="2-3,6", keep=keep, seed=s) for s, keep in enumerate((None, *KEPT))]
    requests += [Vary(tune=song, strength=0.4, seed=3)]
    assert composer.many(requests) == [composer.many([r])[0] for r in requests]


def tops(track):
    onsets = np.unique(track.notes["onset"])
    return [int(track.notes["pitch"][track.notes["onset"] == o].max()) for o in onsets]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("keep", ["rhythm", "contour"])
def test_rhythm_and_contour_are_kept(any_composer, song, keep, seed):
    result = any_composer.infill(song, bars="2-4,7-8", keep=keep, seed=seed)
    changed = 0
    for old, new in zip(song.tracks, result.tracks, strict=True):
        for name in ("onset", "duration", "velocity"):
            assert np.array_equal(np.sort(old.notes[name]), np.sort(new.notes[name])), name
        assert old.notes["onset"].tolist() == new.notes["onset"].tolist()
        changed += int((old.notes["pitch"] != new.notes["pitch"]).sum())
        if keep == "contour":
            assert np.sign(np.diff(tops(old))).tolist() == np.sign(np.diff(tops(new))).tolist()
    assert changed > 20


@pytest.mark.parametrize("seed", range(3))
def test_roots_are_kept_and_stay_the_lowest(any_composer, song, seed):
    result = any_composer.infill(song, bars="2-6", keep="roots", seed=seed)
    assert strong_beats(song).tolist() == list(range(0, 15360, 960))
    for old, new, which in zip(song.tracks, result.tracks, roots(song), strict=True):
        assert within(old.notes[which], new.notes) is not None
    for beat in strong_beats(song).tolist():
        lowest = [min(int(p) for t in s.tracks for p in t.notes["pitch"][t.notes["onset"] == beat]) for s in (song, result)]
        assert lowest[0] == lowest[1]


@pytest.mark.parametrize("seed", range(3))
def test_the_first_notes_of_bars_are_kept_and_stay_the_first(any_composer, song, seed):
    late = Score((Track("late", 0, False, note_table([480, 960, 2400, 2880], [480] * 4, [60, 62, 64, 65], [80] * 4)), *song.tracks), 480)
    result = any_composer.infill(late, bars="1-2,5", keep="first-notes", seed=seed)
    for old, new, which in zip(late.tracks, result.tracks, first_notes(late), strict=True):
        assert within(old.notes[which], new.notes) is not None
    assert [theory.position_in_bar(result, inside(result.tracks[0], b, b + 1920)["onset"]).min() for b in (0, 1920)] == [480, 480]


def test_a_part_that_plays_one_note_at_a_time_goes_on_doing_so_around_what_is_kept(composer, song):
    for seed in range(3):
        notes = composer.infill(song, bars="2-7", part="Bass", keep="roots", seed=seed).tracks[1].notes
        assert (notes["onset"][1:] >= (notes["onset"] + notes["duration"])[:-1]).all()


@pytest.mark.slow
@pytest.mark.parametrize("keep", ["roots", "rhythm", "contour", "first-notes", "nothing"])
@pytest.mark.parametrize(("strength", "low", "high"), [(0, 0, 0), (0.25, 0.15, 0.35), (0.5, 0.4, 0.65), (1, 0.7, 1)])
def test_the_share_of_notes_that_change_is_what_was_asked_for(composer, song, strength, low, high, keep):
    result = composer.vary(song, strength, keep=keep, seed=1)
    there = [set(zip(t.notes["onset"].tolist(), t.notes["pitch"].tolist(), strict=True)) for t in result.tracks]
    old = [(i, int(n["onset"]), int(n["pitch"])) for i, t in enumerate(song.tracks) for n in t.notes]
    share = np.mean([(o, p) not in there[i] for i, o, p in old])
    free = 1.0 if keep not in ("roots", "first-notes") else 1 - np.mean(np.concatenate(KEEPS[keep](song)))
    assert min(low, 0.9 * free) <= share <= high
    same_frame(song, result)
    in_order(result)
    if strength == 0:
        assert result == song


def test_only_the_bars_and_parts_asked_for_are_varied(composer, song):
    result = composer.vary(song, 1, bars="3-4", part="Tune", keep="nothing", seed=2)
    assert result.tracks[1:] == song.tracks[1:]
    for low, high in ((0, 3840), (7680, 1 << 30)):
        assert inside(result.tracks[0], low, high).tolist() == inside(song.tracks[0], low, high).tolist()


def test_strength_0_gives_the_bytes_of_the_file(composer, song):
    data = midi.to_bytes(song)
    assert midi.to_bytes(composer.vary(data, 0, seed=1)) == data


@pytest.mark.slow
@few
@given(tunes(), st.sampled_from([0.0, 0.3, 1.0]), st.sampled_from([*KEPT, "nothing"]), st.integers(0, 9))
def test_any_tune_can_be_varied(any_composer, tune, strength, keep, seed):
    result = any_composer.vary(tune, strength, keep=keep, seed=seed)
    same_frame(tune, result)
    in_order(result)
    for old, new, which in zip(tune.tracks, result.tracks, KEEPS.get(keep, KEEPS["rhythm"])(tune), strict=True):
        assert within(old.notes[which], new.notes) is not None


def test_cells_become_holes(song):
    cells = [Cell(0, 480, 0, 2), Cell(480, 960, 0, 2), Cell(960, 1440, 0, 2), Cell(960, 1440, 1, 1), Cell(960, 1440, 2, 3)]
    assert joined(cells, song) == (Hole(0, 960, frozenset({0})), Hole(960, 1440, None))
    assert [c.notes for c in freed(cells, 5, 0)] == [2, 2, 1]
    assert freed(cells, 0, 5) == []


@pytest.mark.parametrize("seed", range(2))
def test_nothing_comes_before_the_first_notes_where_cells_are_shorter_than_bars(composer, seed):
    """The first note of a bar may stand after a hole in its first beats."""
    late = line([60 + i % 7 for i in range(48)], name="late")
    late.notes["onset"] += np.arange(48) // 6 * 480 + 480  # six eighths from the second beat of each bar on
    tune = Score((late,), 480)
    result = composer.vary(tune, 0.5, keep="first-notes", seed=seed)
    for bar in range(8):
        old, new = (inside(s.tracks[0], bar * 1920, bar * 1920 + 1920)[0].tolist() for s in (tune, result))
        assert old == new
