"""Score <-> pretty_midi: times to the microsecond, and the same Score back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import midi
from melody.errors import MelodyError
from melody.midi.interchange import fifths_of, key_number
from melody.score import KEY, PEDAL, Score, Track, meter_table, note_table, table, tempo_table


@pytest.fixture
def piece():
    lead = Track("lead", 5, False, note_table([0, 480, 960], [480, 0, 240], [60, 62, 64], [80, 1, 127]), table(PEDAL, [0, 960], [127, 0]))
    drums = Track("kit", 0, True, note_table([100], [10], [36], [99]))
    tempi = tempo_table([0, 480, 700], [500_000, 333_333, 1_234_567])
    return Score((lead, drums), 480, tempi, meter_table([0, 960], [3, 6], [4, 8]), table(KEY, [0, 960], [-3, 6], [True, False]))


def test_to_pretty_midi(piece):
    pm = piece.to_pretty_midi()
    lead, drums = pm.instruments
    assert (lead.name, lead.program, drums.is_drum, pm.resolution) == ("lead", 5, True, 480)
    starts = [n.start for n in lead.notes]
    assert starts == pytest.approx(piece.seconds([0, 480, 960]).tolist(), abs=1e-9)
    assert lead.notes[2].end == pytest.approx(piece.duration_seconds, abs=1e-9)
    assert [(c.number, c.value) for c in lead.control_changes] == [(64, 127), (64, 0)]
    assert np.rint(60e6 / pm.get_tempo_changes()[1]).tolist() == [500_000, 333_333, 1_234_567]
    assert [(m.numerator, m.denominator) for m in pm.time_signature_changes] == [(3, 4), (6, 8)]
    assert [k.key_number for k in pm.key_signature_changes] == [12, 6]  # C minor, F sharp major


def test_back_again(piece):
    assert midi.from_pretty_midi(midi.to_pretty_midi(piece)) == piece


def test_from_a_file_read_by_pretty_midi(piece, tmp_path):
    import pretty_midi

    piece.save(tmp_path / "a.mid")
    back = midi.from_pretty_midi(pretty_midi.PrettyMIDI(str(tmp_path / "a.mid")))
    assert back.tempi.tolist() == piece.tempi.tolist() and back.meters.tolist() == piece.meters.tolist()
    assert back.tracks[1].notes.tolist() == piece.tracks[1].notes.tolist()


def test_to_mido(piece):
    file = midi.to_mido(piece)
    assert file.length == pytest.approx(piece.duration_seconds, abs=1e-6)
    assert (file.type, file.ticks_per_beat, [t.name for t in file.tracks]) == (1, 480, ["", "lead", "kit"])


def test_from_mido(piece):
    import mido

    kept = Score((piece.tracks[1],), 480)
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(
        mido.MidiTrack(
            [
                mido.MetaMessage("track_name", name="kit"),
                mido.Message("note_on", channel=9, note=36, velocity=99, time=100),
                mido.Message("note_off", channel=9, note=36, time=10),
            ]
        )
    )
    assert midi.from_mido(file) == kept
    file.tracks[0][0].name = "k\u00efk"  # mido writes it as Latin-1
    assert midi.from_mido(file).tracks[0].name == "k\u00efk"
    with pytest.raises(MelodyError, match=r"the mido\.MidiFile: 1 notes, more than the limit of 0"):
        midi.from_mido(file, midi.Limits(max_notes=0))
    file.tracks[0][1].time = -1
    with pytest.raises(MelodyError, match=r"the mido\.MidiFile cannot be saved"):
        midi.from_mido(file)


@given(st.integers(-5, 6), st.booleans())
def test_keys(fifths, minor):
    assert fifths_of(key_number(fifths, minor)) == (fifths, int(minor))


def test_too_long_for_pretty_midi():
    with pytest.raises(MelodyError, match="pretty_midi"):
        midi.to_pretty_midi(Score((Track(notes=note_table([20_000_000], [1], [60], [80])),)))


def test_what_a_score_does_not_take():
    import pretty_midi

    pm = pretty_midi.PrettyMIDI()
    with pytest.raises(MelodyError, match="no notes"):
        midi.from_pretty_midi(pm)
    pm.instruments = [pretty_midi.Instrument(0)]
    pm.instruments[0].notes = [pretty_midi.Note(80, 60, -1.0, 1.0)]
    with pytest.raises(MelodyError, match="out of range"):
        midi.from_pretty_midi(pm)
