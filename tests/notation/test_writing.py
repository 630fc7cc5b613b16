"""Score -> MusicXML -> Score: the same notes on the grid, bars, keys, tempi; what is written is well formed."""

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from melody import notation, theory
from melody.errors import MelodyError
from melody.notation.writing import on_grid
from melody.score import KEY, Score, Track, meter_table, note_table, table, tempo_table

Q = 480


def track(*notes: tuple[int, int, int], program: int = 0, is_drum: bool = False, velocity: int = 80) -> Track:
    onset, duration, pitch = np.array(notes).T
    return Track("", program, is_drum, note_table(onset, duration, pitch, [velocity] * len(notes)))


def back(score: Score) -> Score:
    return notation.parse(notation.to_musicxml(score))


def same_notes(one: Score, other: Score) -> None:
    mine = [on_grid(t, one.ticks_per_quarter) for t in one.tracks if len(t.notes)]
    theirs = [on_grid(t, other.ticks_per_quarter) for t in other.tracks]
    assert [(t.program, t.is_drum) for t in mine] == [(t.program, t.is_drum) for t in theirs]
    for a, b in zip(mine, theirs, strict=True):
        assert a.notes.tolist() == b.notes.tolist()


def test_a_plain_tune_is_the_same() -> None:
    score = Score((Track("tune", 73, notes=note_table([0, 480, 960], [480, 240, 960], [60, 66, 61], [1, 80, 127])),))
    read = back(score)
    same_notes(score, read)
    assert read.tracks[0].name == "tune" and read.tracks[0].notes["velocity"].tolist() == [1, 80, 127]


def test_meters_keys_tempi_and_a_pickup() -> None:
    meters = meter_table([0, Q, 9 * Q], [1, 4, 6], [4, 4, 8])
    tempi = tempo_table([0, 3 * Q], [437_219, 600_001])
    keys = table(KEY, [0, 9 * Q], [-3, 2], [True, False])
    score = Score((track((0, Q, 60), (Q, 4 * Q, 63), (9 * Q, 3 * Q, 66)),), Q, tempi, meters, keys)
    data = notation.to_musicxml(score)
    assert b'<measure number="0" implicit="yes">' in data
    read = notation.parse(data)
    same_notes(score, read)
    assert read.meters[["numerator", "denominator"]].tolist() == [(1, 4), (4, 4), (6, 8)]
    assert (theory.bar_ticks(read) * Q // read.ticks_per_quarter).tolist() == theory.bar_ticks(score).tolist()
    assert read.tempi["mspq"].tolist() == [437_219, 600_001]
    assert read.keys[["fifths", "minor"]].tolist() == [(-3, True), (2, False)]


def test_ties_over_bars_chords_and_voices() -> None:
    score = Score((track((0, 9 * Q, 48), (0, 4 * Q, 60), (0, 4 * Q, 64), (Q, Q, 67), (3 * Q, 3 * Q, 72)),))
    same_notes(score, back(score))


def test_more_at_once_than_voices() -> None:
    notes = [(60 * i, 480 + 20 * i, 61 + i) for i in range(12)]
    same_notes(Score((track(*notes),)), back(Score((track(*notes),))))


def test_triplets_are_groups() -> None:
    score = Score((track((0, 160, 60), (160, 160, 62), (320, 160, 64), (480, 480, 65)),))
    data = notation.to_musicxml(score)
    same_notes(score, notation.parse(data))
    assert data.count(b'<tuplet type="start"/>') == data.count(b'<tuplet type="stop"/>') == 1
    assert data.count(b"<time-modification>") == 3


def test_drums_keep_their_pitches() -> None:
    score = Score((track(*[(120 * i, 60, p) for i, p in enumerate(range(35, 82))], is_drum=True),))
    data = notation.to_musicxml(score)
    assert b"<sign>percussion</sign>" in data
    same_notes(score, notation.parse(data))


def test_a_piano_has_two_staves_and_a_viola_its_clef() -> None:
    piano = notation.to_musicxml(Score((track((0, Q, 40), (0, Q, 72), (Q, Q, 41), (Q, Q, 74)),)))
    assert b"<staves>2</staves>" in piano and piano.count(b"<clef ") == 2
    assert b"<sign>C</sign>" in notation.to_musicxml(Score((track((0, Q, 60), program=41),)))
    assert b"<sign>F</sign>" in notation.to_musicxml(Score((track((0, Q, 40), program=33),)))


def test_every_bar_is_full_in_its_first_voice() -> None:
    rng = np.random.default_rng(3)
    onset = np.sort(rng.integers(0, 40 * Q, 200))
    score = Score((Track(notes=note_table(onset, rng.integers(1, 3 * Q, 200), rng.integers(30, 90, 200), [80] * 200)),))
    root = ElementTree.fromstring(notation.to_musicxml(score))
    for measure in root.iter("measure"):
        lengths: dict[str, int] = {}
        for note in measure.iter("note"):
            if note.find("chord") is None:
                voice = note.findtext("voice")
                lengths[voice] = lengths.get(voice, 0) + int(note.findtext("duration"))
        assert set(lengths.values()) == {96}


def test_text_from_strangers_is_escaped() -> None:
    score = Score((Track('<a & "b">', 0, False, note_table([0], [480], [60], [80])),))
    assert back(score).tracks[0].name == '<a & "b">'
    assert b"<work-title>&lt;script&gt;</work-title>" in notation.to_musicxml(score, "<script>\0")


def test_what_cannot_be_written(tmp_path) -> None:
    with pytest.raises(MelodyError, match="no notes"):
        notation.to_musicxml(Score())
    with pytest.raises(MelodyError, match="bars"):
        notation.to_musicxml(Score((track((10**9, 480, 60)),), 1))
    notation.write(Score((track((0, 480, 60)),)), tmp_path / "a.musicxml")
    assert notation.read(tmp_path / "a.musicxml").note_count == 1


NOTES = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 1500), st.integers(0, 127), st.integers(1, 127)), min_size=1, max_size=30)


@settings(deadline=None)
@given(NOTES, st.sampled_from([(4, 4), (3, 4), (6, 8), (5, 8), (2, 2), (7, 16)]), st.integers(-7, 7), st.sampled_from([24, 96, 480, 1000]))
def test_any_notes_come_back(notes, meter, fifths, unit) -> None:
    columns = np.array(notes).T
    keys = table(KEY, [0], [fifths], [False])
    score = Score((Track(notes=note_table(*columns)),), unit, meters=meter_table([0], *[[m] for m in meter]), keys=keys)
    read = back(score)
    same_notes(score, read)
    assert read.keys["fifths"].tolist() == [fifths]
