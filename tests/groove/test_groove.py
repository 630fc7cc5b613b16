"""Grid, swing and people's playing on small pieces made here: what moves, what stays in order, what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import melody
from melody import midi
from melody.errors import CallError, MelodyError
from melody.groove import Humanise, humanise
from melody.groove.learn import learned, like
from melody.groove.moves import in_order, quantised, swung
from melody.groove.places import DRUM_FAMILIES, PARTS, has_beat, placed
from melody.groove.profile import SHAPES, SHIPPED, read_profile, shipped
from melody.score import Score, Track, meter_table, note_table


def beat(bars=4, off=0):
    """Eighths of hi-hat, kick and snare, all equally loud, ``off`` ticks late."""
    n = 8 * bars
    onset = np.concatenate([np.arange(n) * 240, np.arange(n // 2) * 480]) + off
    pitch = np.concatenate([np.full(n, 42), np.where(np.arange(n // 2) % 2, 38, 36)])
    return Score((Track("Drums", is_drum=True, notes=note_table(onset, np.full(len(onset), 60), pitch, np.full(len(onset), 80))),))


def chords(velocities=(60, 60, 90)):
    onset = np.repeat(np.arange(16) * 480, 3)
    return Track("Keys", notes=note_table(onset, np.full(48, 480), np.tile([60, 64, 67], 16), np.tile(velocities, 16)))


def by_pitch(track):
    """Its notes in the order of pitch, then onset: the order of neighbours of one pitch never changes."""
    return track.notes[np.lexsort((track.notes["onset"], track.notes["pitch"]))]


def test_places_of_the_bar():
    at = placed(beat(1))
    assert at.steps == 4 and not at.offset.any()
    assert {DRUM_FAMILIES[f] for f in at.family} == {"kick", "snare", "closed hat"}
    assert sorted(set((at.place % PARTS).tolist())) == [0, 2] and sorted(set((at.place // PARTS).tolist())) == [0, 1, 2, 3]


def test_a_hit_before_the_bar_line_belongs_to_the_next_bar():
    early = Score((Track("Drums", is_drum=True, notes=note_table([480, 1910], [60, 60], [36, 36], [80, 80])),))
    at = placed(early, 4)
    assert at.grid.tolist() == [480, 1920] and at.place[1] == 0 and at.offset[1] == pytest.approx(-10 / 480)


def test_compound_meters_count_in_dotted_quarters():
    six = Score(
        (Track("tune", notes=note_table(np.arange(12) * 240, np.full(12, 240), np.full(12, 60), np.full(12, 80))),),
        meters=meter_table([0], [6], [8]),
    )
    assert placed(six).steps == 3 and set((placed(six).place // PARTS).tolist()) == {0, 1}


def test_quantising_goes_as_far_as_it_is_asked():
    played = beat(2, off=20)
    assert quantised(played).tracks == beat(2).tracks
    half = quantised(played, 0.5).tracks[0].notes["onset"]
    assert (half % 240 == 10).all()
    assert quantised(played, 0.0) == played


def test_two_notes_never_become_one():
    flam = Score((Track("Drums", is_drum=True, notes=note_table([0, 30, 480], [10, 10, 10], [38, 38, 38], [50, 90, 90])),))
    assert quantised(flam, 1.0, 4).tracks[0].notes["onset"].tolist() == [0, 30, 480]


def test_swing_delays_what_is_off_the_beat_and_nothing_else():
    swing = swung(beat(1), 1.0).tracks[0].notes
    hats = swing["onset"][swing["pitch"] == 42]
    assert hats.tolist() == [0, 320, 480, 800, 960, 1280, 1440, 1760]
    assert swung(beat(1), 0.0) == beat(1)


def test_eighths_in_threes_are_not_swung():
    notes = note_table(np.arange(12) * 240, np.full(12, 240), np.full(12, 60), np.full(12, 80))
    six = Score((Track("tune", notes=notes),), meters=meter_table([0], [6], [8]))
    assert swung(six, 1.0) == six and swung(Score((Track("tune", notes=notes),)), 1.0) != six


def test_the_same_seed_is_the_same_performance():
    piece = beat()
    assert humanise(piece, seed=3) == humanise(piece, seed=3) != humanise(piece, seed=4)


def test_nothing_asked_changes_nothing():
    assert humanise(beat(), timing=0, dynamics=0) == beat()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), timing=st.floats(0.1, 1), dynamics=st.floats(0.1, 1), swing=st.floats(0, 1))
def test_order_stays(seed, timing, dynamics, swing):
    piece = Score((beat().tracks[0], chords()))
    played = humanise(piece, seed=seed, timing=timing, dynamics=dynamics, swing=swing)
    before, after = (np.concatenate([by_pitch(t) for t in s.tracks]) for s in (piece, played))
    order = np.argsort(before["onset"], kind="stable")
    starts = np.flatnonzero(np.append(True, np.diff(before["onset"][order]) > 0))
    first = np.minimum.reduceat(after["onset"][order], starts)
    last = np.maximum.reduceat(after["onset"][order], starts)
    assert (last[:-1] < first[1:]).all() and (after["onset"] >= 0).all()
    for one, two in zip(piece.tracks, played.tracks, strict=True):
        old, new = by_pitch(one)["velocity"], by_pitch(two)["velocity"]
        for level in np.unique(old)[:-1]:
            assert new[old <= level].max() <= new[old > level].min()
        assert (new >= 1).all() and (new <= 127).all()


def test_what_is_played_already_stays_nearly_as_it_is():
    piece = beat(16)
    once = humanise(piece, seed=1)
    twice = humanise(once, seed=1)
    moved = [np.abs(by_pitch(a.tracks[0])["onset"] - by_pitch(b.tracks[0])["onset"]).mean() for a, b in ((piece, once), (once, twice))]
    assert moved[1] < moved[0]


def test_order_of_onsets_by_ticks():
    onset = np.array([0, 10, 10, 13, 100])
    assert in_order(onset, np.array([-5, 50, -50, -50, 500])).tolist() == [0, 11, 6, 12, 600]


def test_the_file_passes_through(tmp_path):
    path = tmp_path / "a.mid"
    Score((beat().tracks[0], chords())).save(path)
    data = bytearray(path.read_bytes())
    read = midi.parse(bytes(data), "a")
    assert midi.to_bytes(humanise(read, timing=0, dynamics=0)) == bytes(data)
    assert midi.parse(midi.to_bytes(humanise(read, seed=1)), "b").note_count == read.note_count


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"swing": 1.5}, "swing is 1.5, must be 0 to 1"),
        ({"timing": -1}, "timing is -1, must be 0 to 1"),
        ({"dynamics": "loud"}, "dynamics is 'loud', must be a number"),
        ({"quantise": True, "timing": 0.5}, "contradict"),
        ({"quantise": True, "groove": "x.mid"}, "contradict"),
        ({"strength": 0.5}, "is for quantise"),
        ({"quantise": True, "grid": "fifths"}, "must be one of: quarters"),
    ],
)
def test_what_cannot_be_asked(asked, words):
    with pytest.raises(CallError, match=words):
        Humanise(**asked)


def test_a_piece_in_seconds_is_refused():
    rng = np.random.default_rng(1)
    onset = np.sort(rng.integers(0, 200_000, 600))
    free = Score((Track("Piano", notes=note_table(onset, np.full(600, 100), np.full(600, 60), np.full(600, 80))),))
    assert not has_beat(free) and has_beat(beat(16))
    with pytest.raises(CallError, match="keeps to no beat"):
        humanise(free, swing=0.5)


def test_a_piece_without_notes_stays():
    assert humanise(Score()) == Score()


def test_the_groove_of_a_piece_is_learned():
    late = beat(8, off=25)
    profile = like(late)
    played = humanise(beat(8), timing=1, dynamics=0, seed=1).tracks[0].notes["onset"].mean()
    in_groove = melody.groove.human.humanised(beat(8), profile, 1.0, 0.0, 1).tracks[0].notes["onset"].mean()
    plain = beat(8).tracks[0].notes["onset"].mean()
    assert abs(in_groove - plain - 25) < abs(played - plain - 25) and in_groove - plain > 10


def test_a_table_is_learned_from_performances():
    rng = np.random.default_rng(0)
    many = [humanise(beat(16), seed=int(s)) for s in rng.integers(0, 1000, 8)]
    table = learned(many)
    assert table.notes == sum(min(s.note_count, 600) for s in many)
    assert all(getattr(table, name).shape == shape and np.isfinite(getattr(table, name)).all() for name, shape in SHAPES.items())


def test_the_shipped_table_is_small_and_says_where_it_is_from():
    data = SHIPPED.read_bytes()
    assert len(data) < 20_000 and b"CC BY 4.0" in data and b"MIT" in data
    assert shipped().notes > 100_000


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{}", b'{"format": 2}', b"null", SHIPPED.read_bytes().replace(b'"lean":[', b'"lean":[1,', 1)]
)
def test_a_damaged_table_is_named(data):
    with pytest.raises(MelodyError, match=r"profile\.json: damaged"):
        read_profile(data, "profile.json")
