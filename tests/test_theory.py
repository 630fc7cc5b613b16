"""Keys, bars, melodies and chords, on pieces built here; the measured figures on the real collections where they are at hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import edit, theory
from melody.errors import CallError, MelodyError
from melody.score import KEY, METER, Score, Track, meter_table, note_table, table

COLLECTIONS = Path(__file__).parents[1].parent / "shared" / "data"


def line(pitches: list[int], step: int = 480, velocity: int = 80, start: int = 0) -> Track:
    """One voice, a note every ``step`` ticks."""
    count = len(pitches)
    return Track(notes=note_table(start + np.arange(count) * step, np.full(count, step), pitches, np.full(count, velocity)))


def block(chords: list[list[int]], step: int = 1920) -> Track:
    """Block chords, each ``step`` ticks long."""
    onset = np.repeat(np.arange(len(chords)) * step, [len(c) for c in chords])
    pitches = np.concatenate([np.array(c) for c in chords])
    return Track(notes=note_table(onset, np.full(len(onset), step), pitches, np.full(len(onset), 80)))


C_MAJOR = [60, 64, 67, 65, 62, 59, 60, 60]
A_MINOR = [57, 60, 64, 62, 59, 56, 57, 57]


# keys


@pytest.mark.parametrize("shift", range(12))
def test_estimated_key_follows_transposition(shift: int) -> None:
    assert theory.estimate_key(edit.transpose(Score((line(C_MAJOR),)), shift)) == shift
    assert theory.estimate_key(edit.transpose(Score((line(A_MINOR),)), shift)) == 12 + (9 + shift) % 12


def test_drums_and_silence_have_no_key() -> None:
    drums = replace(line([37, 42, 46, 49] * 8), is_drum=True)
    assert theory.estimate_key(Score((line(A_MINOR), drums))) == 21
    assert theory.estimate_key(Score()) == 0


def keyed(track: Track, *signatures: tuple[int, bool]) -> Score:
    return Score((track,), keys=table(KEY, range(len(signatures)), [f for f, _ in signatures], [m for _, m in signatures]))


def test_key_signature_decides_and_the_notes_choose_the_mode() -> None:
    assert theory.key_of(keyed(line(C_MAJOR), (2, True))) == 12 + 11  # B minor is taken at its word
    assert theory.key_of(keyed(line(C_MAJOR), (1, False))) == 7
    assert theory.key_of(keyed(line(A_MINOR), (0, False))) == 21  # no program wrote the mode
    assert theory.key_of(keyed(line(C_MAJOR), (3, False), (3, False))) in (9, 18)
    assert theory.key_of(keyed(line(C_MAJOR), (3, False), (1, False))) == 0  # two signatures: by the notes
    assert theory.key_of(Score((), keys=table(KEY, [0], [2], [False]))) == 2


def test_default_signature_is_doubted() -> None:
    e_flat = edit.transpose(Score((line(C_MAJOR),)), 3).tracks[0]
    assert theory.key_of(keyed(e_flat, (0, False))) == 3
    assert theory.key_of(keyed(e_flat, (1, False))) in (7, 16)


@pytest.mark.parametrize("shift", range(12))
def test_default_signature_is_believed_unless_another_key_fits_much_better(shift: int) -> None:
    """The notes of A major do not fit A minor so much worse that the signature must be wrong."""
    track = edit.transpose(Score((line(C_MAJOR),)), shift).tracks[0]
    assert theory.key_of(keyed(track, (0, False))) == (21 if shift == 9 else shift)


def test_notes_of_no_length_have_a_key_too() -> None:
    track = line(C_MAJOR)
    track.notes["duration"] = 0
    for shift in (0, 5):
        assert theory.estimate_key(edit.transpose(Score((track,)), shift)) == shift


@given(st.integers(0, 23))
def test_key_names_and_signatures_go_both_ways(key: int) -> None:
    assert theory.parse_key(theory.key_name(key)) == key
    fifths, minor = theory.key_signature(key)
    assert -6 <= fifths <= 6
    assert theory.key_of(Score(keys=table(KEY, [0], [fifths], [minor]))) == key
    assert theory.key_transposed(key, 12) == key


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("A minor", 21),
        ("Am", 21),
        ("a min", 21),
        ("F# major", 6),
        ("Bb", 10),
        ("B♭ major", 10),
        ("cb", 11),
        ("C", 0),
        ("CM", 0),
        ("d#m", 15),
    ],
)
def test_parse_key(text: str, key: int) -> None:
    assert theory.parse_key(text) == key


@pytest.mark.parametrize("text", ["", "H", "A miner", "C##b", "\0" * 100])
def test_parse_key_refuses(text: str) -> None:
    with pytest.raises(CallError, match="key"):
        theory.parse_key(text)


# bars and beats


def changing() -> Score:
    """Two bars of 4/4, the second cut short, one of 6/8, then 3/4; a repeat and an impossible meter between."""
    meters = meter_table([0, 960, 3360, 4800, 5000], [4, 4, 6, 3, 0], [4, 4, 8, 4, 4])
    return Score((line([60] * 14),), 480, meters=meters)  # ends at 6720


def test_bars_of_changing_meters() -> None:
    score = changing()
    assert theory.bar_ticks(score).tolist() == [0, 1920, 3360, 4800, 6240]
    assert theory.bar_of(score, [0, 1919, 1920, 3359, 3360, 4800, 6240, 7680]).tolist() == [0, 0, 1, 1, 2, 3, 4, 5]
    assert theory.position_in_bar(score, [100, 2000, 3400]).tolist() == [100, 80, 40]
    assert theory.beat_ticks(score).tolist() == [0, 480, 960, 1440, 1920, 2400, 2880, 3360, 4080, 4800, 5280, 5760, 6240]


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(-1, 13), st.sampled_from([0, 1, 2, 4, 8, 16, 32])), max_size=5),
    st.integers(1, 6000),
    st.sampled_from([1, 24, 96, 480]),
)
def test_bars_cover_the_piece(meters: list[tuple[int, int, int]], end: int, resolution: int) -> None:
    columns = np.array(meters, np.int64).reshape(-1, 3).T
    score = Score((Track(notes=note_table([0], [end], [60], [64])),), resolution, meters=meter_table(*columns))
    starts, beats = theory.bar_ticks(score), theory.beat_ticks(score)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert (np.diff(beats) > 0).all()
    assert np.isin(starts, beats).all()
    assert theory.bar_of(score, starts).tolist() == list(range(len(starts)))
    assert theory.bar_of(score, [end - 1]).tolist() == [len(starts) - 1]
    assert not theory.position_in_bar(score, starts).any()


@pytest.mark.parametrize(
    ("meter", "beat"), [((4, 4), 480), ((2, 2), 960), ((3, 8), 240), ((6, 8), 720), ((9, 8), 720), ((12, 16), 360), ((5, 8), 240)]
)
def test_beats_are_dotted_in_compound_meters_only(meter: tuple[int, int], beat: int) -> None:
    score = Score((line([60] * 8),), 480, meters=meter_table([0], [meter[0]], [meter[1]]))
    assert theory.beat_ticks(score)[:3].tolist() == [0, beat, 2 * beat]


def test_empty_and_broken_pieces() -> None:
    assert theory.bar_count(Score()) == len(theory.bar_ticks(Score())) == len(theory.beat_ticks(Score())) == 0
    endless = Score((Track(notes=note_table([0], [2**40], [60], [64])),), 1)
    with pytest.raises(MelodyError, match="bars"):
        theory.bar_ticks(endless)
    odd = replace(changing(), meters=table(METER, [0], [0], [0]))
    assert theory.bar_ticks(odd).tolist() == [0, 1920, 3840, 5760]  # as if nothing were said


# the lead


CHORDS = [[48, 52, 55], [45, 48, 52], [41, 45, 48], [43, 47, 50]] * 2
TUNE = [72, 74, 76, 77, 79, 77, 76, 74] * 4


def named(*names: str) -> Score:
    tracks = [block(CHORDS), line([36] * 32), line([60, 64, 67, 64] * 8), line(TUNE)]
    return Score(tuple(replace(t, name=n) for t, n in zip(tracks, names, strict=False)))


@pytest.mark.parametrize(
    ("names", "lead"),
    [
        (("PIANO", "BASS", "MELODY"), 2),
        (("Piano", "Voice 2", "Voice"), 2),  # the exact name first
        (("Voice 1", "Voice 2", ""), 0),
        (("Alto", "Soprano", "x"), 1),
        (("Lead Guitar", "Lead Vocals", "x"), 1),  # a voice before an instrument
        (("Backing Vocals", "x", "tune"), 2),
        (("melody bass", "GESANG", ""), 1),
        (("Lead 1 (square)", "x", "y"), 0),
    ],
)
def test_lead_by_name(names: tuple[str, ...], lead: int) -> None:
    assert theory.lead_track(named(*names)) == (lead, "name")


def test_a_title_is_no_melody() -> None:
    assert theory.lead_track(named("Love Song", "x", "y", "z")) == (3, "rule")


def test_drums_and_silent_tracks_are_no_melody() -> None:
    score = named("Melody", "Voice", "x", "y")
    drums = replace(score.tracks[0], is_drum=True)
    silent = replace(score.tracks[1], notes=score.tracks[1].notes[:0])
    assert theory.lead_track(edit.with_tracks(score, [drums, silent, *score.tracks[2:]])) == (3, "rule")


def test_lead_by_rule_is_the_high_single_voice() -> None:
    assert theory.lead_track(Score((block(CHORDS), line(TUNE)))) == (1, "rule")
    assert theory.lead_track(Score((line(TUNE), line([p - 24 for p in TUNE])))) == (0, "rule")
    assert theory.lead_track(Score((block(CHORDS), block([[p + 24 for p in c] for c in CHORDS])))) == (None, "none")
    assert theory.lead_track(Score((block([[p + 12 for p in c] for c in CHORDS]), line([36] * 32)))) == (None, "none")  # a bass
    assert theory.lead_track(Score((block(CHORDS), line(TUNE[:2])))) == (None, "none")  # a guest of half a bar


@pytest.mark.parametrize(("length", "lead"), [(480, 1), (540, 1), (720, None)])
def test_a_single_voice_may_be_held_a_little_into_the_next_note(length: int, lead: int | None) -> None:
    tune = line(TUNE)
    tune.notes["duration"] = length
    assert theory.lead_track(Score((block(CHORDS), tune)))[0] == lead


def test_one_track_has_no_lead() -> None:
    assert theory.lead_track(Score((replace(line(TUNE), name="Melody"), Track("Piano")))) == (None, "one track")
    assert theory.lead_track(Score()) == (None, "one track")


# chords


def test_chroma_is_sounding_time() -> None:
    notes = note_table([0, 5, 10], [10, 20, 0], [60, 67, 62], [64] * 3)
    out = theory.chroma(notes, np.array([0, 10, 30]))
    assert out[:, 0].tolist() == [10, 0]
    assert out[:, 7].tolist() == [5, 15]
    assert out.sum() == 30


@given(st.lists(st.tuples(st.integers(0, 90), st.integers(0, 60), st.integers(0, 127)), max_size=20))
def test_chroma_against_a_plain_loop(rows: list[tuple[int, int, int]]) -> None:
    onset, duration, pitch = np.array(rows, np.int64).reshape(-1, 3).T
    edges = np.array([0, 7, 50, 51, 120])
    expected = np.zeros((4, 12))
    for on, length, p in rows:
        for i in range(4):
            expected[i, p % 12] += max(0, min(on + length, edges[i + 1]) - max(on, edges[i]))
    assert (theory.chroma(note_table(onset, duration, pitch, np.full(len(onset), 64)), edges) == expected).all()


def test_chords_of_block_chords() -> None:
    chords = [[48, 64, 67], [45, 60, 64], [43, 59, 62, 65], [47, 62, 65], [50, 60, 65, 69]]
    found = theory.estimate_chords(Score((block(chords),)))
    assert found.labels[::2] == found.labels[1::2] == ["C", "Am", "G7", "Bdim", "Dm7"]
    assert theory.estimate_chords(Score((block(chords),)), per="bar").labels == ["C", "Am", "G7", "Bdim", "Dm7"]
    assert found.fit.min() > 0.9


@pytest.mark.parametrize(
    ("pitches", "name"), [([53, 60, 67], "Fsus2"), ([48, 53, 55], "Csus4"), ([51, 60, 66, 69], "Ebdim7"), ([60, 63, 66, 69], "Cdim7")]
)
def test_of_chords_with_the_same_notes_the_bass_chooses(pitches: list[int], name: str) -> None:
    assert theory.estimate_chords(Score((block([pitches]),)), per="bar").labels == [name]


def test_chords_of_silence_and_of_bars_that_do_not_halve() -> None:
    late = Score((line([60, 64, 67], start=1920),))
    assert theory.estimate_chords(late, per="bar").labels == ["N", "C"]
    waltz = Score((line([60, 64, 67] * 2),), meters=meter_table([0], [3], [4]))
    assert theory.estimate_chords(waltz).edges.tolist() == [0, 1440, 2880]
    assert theory.estimate_chords(Score()).labels == []
    with pytest.raises(CallError, match="half bar"):
        theory.estimate_chords(waltz, per="half bars")


# the figures of the docstrings, on samples of the real collections


def test_scales() -> None:
    assert theory.scale_of(0).tolist() == [0, 2, 4, 5, 7, 9, 11]
    assert sorted(theory.scale_of(7)) == [0, 2, 4, 6, 7, 9, 11]  # G major
    assert set(range(12)) - set(theory.scale_of(12 + 9).tolist()) == {1, 3, 10}  # A minor
