"""Continue, accompany and infill: what the user gave comes back untouched, and the new notes stand where they belong."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from melody import edit, midi, theory
from melody.compose import Continue
from melody.errors import MelodyError
from melody.score import Score, Track, meter_table, note_table, tempo_table

from ..conftest import examples
from .conftest import in_order, same_frame, tunes, within

few = settings(examples(12), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@few
@given(tunes(), st.integers(1, 3), st.integers(0, 9))
def test_continue(any_composer, tune, bars, seed):
    result = any_composer.continue_(tune, bars=bars, seed=seed)
    same_frame(tune, result)
    in_order(result)
    last = max(int(t.notes["onset"].max()) for t in tune.tracks)
    line = theory.bar_start(tune, theory.bar_of(tune, max(tune.end_tick - 1, 0)) + 1 + bars)
    fresh = []
    for old, new in zip(tune.tracks, result.tracks, strict=True):
        added = within(old.notes, new.notes)
        assert added is not None
        assert np.array_equal(new.notes[: len(old.notes)], old.notes), "the tune is the beginning of each track"
        fresh += added
    assert fresh
    assert all(onset > last and duration > 0 and onset + duration <= max(line, last + 2) for onset, duration, _, _ in fresh)


@pytest.mark.slow
@few
@given(tunes(), st.integers(0, 9))
def test_accompany(any_composer, tune, seed):
    pitched = [t for t in tune.tracks if not t.is_drum]
    result = any_composer.accompany(tune, seed=seed)
    assert pitched and result.tracks[: len(tune.tracks)] == tune.tracks
    same_frame(tune, result)
    in_order(result)
    new = result.tracks[len(tune.tracks) :]
    assert 1 <= len(new) <= 3 and all(len(t.notes) for t in new)
    end = max(tune.end_tick, 1 + max(int(t.notes["onset"].max()) for t in tune.tracks))
    line = int(theory.bar_start(tune, theory.bar_of(tune, end - 1) + 1))
    for track in new:
        assert (track.notes["duration"] > 0).all() and (track.notes["onset"] + track.notes["duration"] <= line).all()
        assert np.array_equal(edit.without_overlaps(track.notes), track.notes)


@few
@given(tunes(), st.data())
def test_infill(any_composer, tune, data):
    bars = max(1, theory.bar_count(tune))
    first = data.draw(st.integers(1, bars))
    last = data.draw(st.integers(first, min(bars, first + 3)))
    track = data.draw(st.sampled_from([None, str(len(tune.tracks))]))
    low, high = (int(t) for t in theory.bar_start(tune, [first - 1, last]))
    result = any_composer.infill(tune, first, last, track=track, seed=data.draw(st.integers(0, 9)))
    same_frame(tune, result)
    in_order(result)
    assert len(result.tracks) == len(tune.tracks)
    for index, (old, new) in enumerate(zip(tune.tracks, result.tracks, strict=True)):
        if track is not None and index != len(tune.tracks) - 1:
            assert old == new
            continue
        outside = old.notes[(old.notes["onset"] < low) | (old.notes["onset"] >= high)]
        fresh = within(outside, new.notes)
        assert fresh is not None
        assert all(low <= onset and onset + duration <= high and duration > 0 for onset, duration, _, _ in fresh)
        kept = [n for n in outside.tolist() if n[0] < low < n[0] + n[1]]
        assert not any(a[2] == b[2] and b[0] <= a[0] < b[0] + b[1] for a in fresh for b in kept), "a key that is held is not struck"


def scale(onsets, length=480, resolution=480, meter=(4, 4), **track):
    notes = note_table(onsets, [length] * len(onsets), [60 + i % 12 for i in range(len(onsets))], [80] * len(onsets))
    return Score((Track(notes=notes, **track),), resolution, tempo_table([0], [500_000]), meter_table([0], [meter[0]], [meter[1]]))


@pytest.mark.slow
@pytest.mark.parametrize("held", [1, 20, 100, 120])
def test_notes_held_a_little_over_the_last_bar_line_do_not_cost_its_first_beat(any_composer, held):
    tune = scale([0, 480, 960, 1440], length=480 + held)
    onsets = [int(any_composer.continue_(tune, bars=1, seed=s).tracks[0].notes["onset"].max()) for s in range(3)]
    assert all(1920 <= onset < 3840 for onset in onsets)


def test_a_tune_that_ends_inside_a_bar_is_followed_at_once(composer):
    tune = scale([0, 480, 960])  # three quarters of a bar
    result = composer.continue_(tune, bars=2, seed=1)
    assert result.end_tick <= 3 * 1920
    assert any(1440 <= composer.continue_(tune, bars=2, seed=s).tracks[0].notes["onset"][3] < 1920 for s in range(8))


@pytest.mark.parametrize("bars", [1, 3, 6])
def test_a_continuation_may_end_in_its_last_bar_and_not_before(any_composer, bars):
    tune = scale(np.arange(16) * 480)
    codec = any_composer.bundle.codec
    made = Continue(tune=tune, bars=bars).task(any_composer.bundle).plan
    line = 4 * codec.grid if codec.clock == "beats" else 2 * codec.grid  # a bar in steps: four beats, at 120 a minute two seconds
    assert (made.earliest, made.ending, made.stop) == (4 * line, (3 + bars) * line, (4 + bars) * line)
    assert made.every_bar


@pytest.mark.parametrize("seconds", [0.01, 0.5, 3.3])
def test_seconds_count_from_the_end_of_the_tune(any_composer, seconds):
    tune = scale([0, 480, 960])
    for seed in range(3):
        result = any_composer.continue_(tune, seconds=seconds, seed=seed)
        assert 1.5 < result.duration_seconds <= 1.5 + max(seconds, 0.05) + 1 / 960


def test_another_tempo_and_meter_from_the_end_of_the_tune_on(any_composer):
    tune = scale([0, 480, 960])
    result = any_composer.continue_(tune, bars=2, tempo=60, meter="3/4", seed=1)
    assert result.tempi.tolist() == [(0, 500_000), (1920, 1_000_000)]
    assert result.meters.tolist() == [(0, 4, 4), (1920, 3, 4)]
    assert result.end_tick <= 1920 + 2 * 1440


def test_a_repeat_of_the_meter_inside_a_bar_starts_no_bar(composer):
    """Programs write the meter again at loops and region starts; the bars that a user counts go on."""
    tune = scale(np.arange(16) * 480)
    tune = Score(tune.tracks, 480, tune.tempi, meter_table([0, 960, 5000], [4, 4, 4], [4, 4, 4]))
    result = composer.infill(tune, 3, 3, seed=0)
    fresh = within(tune.tracks[0].notes[[*range(8), *range(12, 16)]], result.tracks[0].notes)
    assert fresh and all(3840 <= n[0] < 5760 for n in fresh)


def test_bars_are_those_of_the_tune_when_the_model_counts_in_seconds(untrained):
    tune = scale(np.arange(12) * 480, meter=(3, 4))  # a bar lasts 1.5 s, the model's own count is 2 s
    result = untrained.infill(tune, 2, 3, seed=0)
    kept = tune.tracks[0].notes[[*range(3), *range(9, 12)]]
    fresh = within(kept, result.tracks[0].notes)
    assert fresh and all(n[0] >= 1440 and n[0] + n[1] <= 4320 for n in fresh)
    assert untrained.continue_(tune, bars=2, seed=0).end_tick <= 6 * 1440


def test_an_empty_track_can_be_filled(composer):
    tune = scale(np.arange(16) * 480, name="TUNE")
    tune = edit.with_tracks(tune, [*tune.tracks, Track("BRIDGE", 40)])
    result = composer.infill(tune, 2, 3, track="bridge", seed=0)
    assert result.tracks[0] == tune.tracks[0] and len(result.tracks[1].notes)


@pytest.mark.parametrize("wanted", ["19", "2"])
def test_more_tracks_than_parts(composer, wanted):
    """The model sees sixteen; the quiet ones are tune when they are named, and all come back."""
    tracks = [scale(np.arange(16 - i % 8) * 480, name=f"T{i}", program=i, is_drum=i > 12).tracks[0] for i in range(20)]
    tune = edit.with_tracks(scale([0]), tracks)
    result = composer.infill(tune, 2, 2, track=wanted, seed=0)
    assert [a == b for a, b in zip(tune.tracks, result.tracks, strict=True)].count(False) == 1
    assert result.tracks[int(wanted) - 1] != tune.tracks[int(wanted) - 1]
    grown = composer.continue_(tune, bars=1, seed=0)
    assert len(grown.tracks) == 20 and all(within(a.notes, b.notes) is not None for a, b in zip(tune.tracks, grown.tracks, strict=True))


def test_no_channel_is_left_for_an_accompaniment(composer):
    tracks = [scale([0, 480], program=i).tracks[0] for i in range(15)]
    full = composer.accompany(edit.with_tracks(scale([0]), tracks), seed=1)
    assert len(full.tracks) == 16 and midi.parse(midi.to_bytes(full)) == full, "one more shares a channel with another of its program"
    with pytest.raises(MelodyError, match="channels for only 0 more"):
        composer.accompany(edit.with_tracks(scale([0]), tracks), voices=("violin",))
    with pytest.raises(MelodyError, match="channels for only 1 more"):
        composer.accompany(edit.with_tracks(scale([0]), tracks[:14]), voices=("violin", "bass"))
    one = composer.accompany(edit.with_tracks(scale([0]), tracks[:14]), seed=1)
    assert len(one.tracks) == 15
    midi.to_bytes(one)


def test_drums_are_kept_and_can_be_added(composer):
    tune = scale(np.arange(8) * 480, name="Kit", is_drum=True)
    tune = edit.with_tracks(tune, [*tune.tracks, scale(np.arange(8) * 480, name="MELODY").tracks[0]])
    result = composer.accompany(tune, voices=("drums", "bass"), seed=3)
    assert result.tracks[:2] == tune.tracks
    assert {(t.program, t.is_drum) for t in result.tracks[2:]} <= {(0, True), (33, False)}
    with pytest.raises(MelodyError, match="drums"):
        composer.accompany(edit.select_tracks(tune, [0]))
    with pytest.raises(MelodyError, match="drums"):
        composer.accompany(tune, track="kit")


def test_the_named_track_must_have_notes(composer):
    tune = edit.with_tracks(scale([0, 480]), [*scale([0, 480]).tracks, Track("Silence")])
    with pytest.raises(MelodyError, match="no notes"):
        composer.accompany(tune, track="silence")


@pytest.mark.slow
def test_what_is_written_survives_midi(any_composer, tmp_path):
    tune = scale(np.arange(12) * 480, name="MELODY", program=73)
    for name, result in {
        "continued": any_composer.continue_(tune, bars=2, seed=0),
        "accompanied": any_composer.accompany(tune, seed=0),
        "filled": any_composer.infill(tune, 2, 2, seed=0),
        "new": any_composer.generate(bars=2, seed=0),
    }.items():
        result.save(tmp_path / f"{name}.mid")
        again = midi.read(tmp_path / f"{name}.mid")
        assert again == result, name


def test_paths_are_read(composer, tmp_path):
    tune = scale(np.arange(8) * 480, name="MELODY")
    tune.save(tmp_path / "tune.mid")
    assert composer.continue_(tmp_path / "tune.mid", bars=1, seed=0) == composer.continue_(tune, bars=1, seed=0)
    with pytest.raises(MelodyError, match=r"none\.mid"):
        composer.continue_(tmp_path / "none.mid")
    with pytest.raises(MelodyError, match="no notes"):
        composer.continue_(Score())
