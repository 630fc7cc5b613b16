"""as_score: one Score from everything that holds a piece, and one line for everything else."""

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from melody import midi
from melody.errors import CallError, MelodyError
from melody.score import NOTE, Score, Track, note_table, tempo_table

PIECE = Score(
    (
        Track("tune", 5, notes=note_table([0, 480], [480, 240], [60, 64], [80, 90])),
        Track(is_drum=True, notes=note_table([0], [10], [36], [99])),
    )
)


@pytest.fixture
def path(tmp_path):
    PIECE.save(tmp_path / "tune.mid")
    return tmp_path / "tune.mid"


def test_paths(path):
    class Named:
        def __fspath__(self):
            return str(path)

    assert midi.as_score(path) == midi.as_score(str(path)) == midi.as_score(Named()) == PIECE


def test_bytes(path):
    data = path.read_bytes()
    assert midi.as_score(data) == midi.as_score(bytearray(data)) == midi.as_score(memoryview(data)) == PIECE


def test_files(path):
    class Slow(io.RawIOBase):
        """Gives three bytes at a time, as a socket may."""

        def __init__(self, data):
            self.rest = data

        def read(self, size=-1):
            out, self.rest = self.rest[:3], self.rest[3:]
            return out

    with open(path, "rb") as file:
        assert midi.as_score(file) == PIECE and not file.closed
    assert midi.as_score(io.BytesIO(path.read_bytes())) == midi.as_score(Slow(path.read_bytes())) == PIECE


def test_other_libraries():
    assert midi.as_score(midi.to_mido(PIECE)) == PIECE
    assert midi.as_score(PIECE.to_pretty_midi()) == PIECE


def test_a_score_stays_itself_but_in_order():
    assert midi.as_score(PIECE) == PIECE
    empty = Score((Track("nothing"),))
    assert midi.as_score(empty) == empty
    notes = np.array([(480, 1, 60, 1), (0, 1, 62, 1), (0, 1, 60, 1)], NOTE)
    assert midi.as_score(Score((Track(notes=notes),))).tracks[0].notes["onset"].tolist() == [0, 0, 480]


def test_neither_library_is_imported_to_look(path):
    code = f"import sys; from melody import midi; midi.as_score({str(path)!r}); print({{'mido', 'pretty_midi'}} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("wrong", [None, 5, 1.5, True, [], {}, (), object(), Score, io.BytesIO, lambda: 1, [PIECE], PIECE.tracks[0]])
def test_anything_else(wrong):
    with pytest.raises(CallError) as fault:
        midi.as_score(wrong, "piece")
    assert str(fault.value).startswith("piece is of type ") and "\n" not in str(fault.value) and fault.value.details["argument"] == "piece"


def test_paths_that_name_nothing(path):
    for wrong in ("", Path(""), path.with_name("none.mid"), path.parent, "a\0b", "x" * 10_000):
        with pytest.raises(MelodyError) as fault:
            midi.as_score(wrong)
        assert "\n" not in str(fault.value) and len(str(fault.value)) < 400


def test_files_that_cannot_be_read(path):
    with pytest.raises(CallError, match="text mode"), open(path, encoding="latin-1") as file:
        midi.as_score(file)
    path.with_name("high.txt").write_bytes(b"MThd\xff")
    with pytest.raises(CallError, match="text mode"), open(path.with_name("high.txt"), encoding="utf-8") as file:
        midi.as_score(file)
    closed = io.BytesIO(path.read_bytes())
    closed.close()
    with pytest.raises(MelodyError, match="tune: cannot be read"):
        midi.as_score(closed)
    with pytest.raises(MelodyError, match=r"tune: not a MIDI file"):
        midi.as_score(io.BytesIO(b"no music"))


def test_limits_hold_for_all(path):
    few = midi.Limits(max_notes=2)
    for tune in (path, path.read_bytes(), PIECE, midi.to_mido(PIECE), PIECE.to_pretty_midi(), io.BytesIO(path.read_bytes())):
        with pytest.raises(MelodyError, match="3 notes, more than the limit of 2"):
            midi.as_score(tune, limits=few)
    endless = io.BytesIO(bytes(10**6))
    with pytest.raises(MelodyError, match="more than the limit of 1,000"):
        midi.as_score(endless, limits=midi.Limits(max_bytes=1000))
    assert endless.tell() == 1001


ONE = PIECE.tracks[0]


def with_notes(*rows):
    return Score((replace(ONE, notes=np.array(list(rows), NOTE)),))


WRONG = {
    "pitch 128": with_notes((0, 1, 128, 80)),
    "pitch -1": with_notes((0, 1, -1, 80)),
    "velocity 0": with_notes((0, 1, 60, 0)),
    "times are out of range": with_notes((-1, 1, 60, 80)),
    "times are out of range ": with_notes((0, -1, 60, 80)),
    "times past": with_notes((2**62, 1, 60, 80)),
    "times past ": with_notes((0, 2**63 - 1, 60, 80)),
    "program 128": Score((replace(ONE, program=128),)),
    "ticks per quarter": Score((ONE,), ticks_per_quarter=0),
    "hours": Score((ONE,), tempi=tempo_table([0], [2**31 - 1]), ticks_per_quarter=1),
    "tempi": Score((ONE,), tempi=tempo_table([0], [500_000])[:0]),
    "a tempo or meter of 0": Score((ONE,), tempi=tempo_table([0], [0])),
}


@pytest.mark.parametrize("words", WRONG)
def test_scores_of_impossible_values(words):
    with pytest.raises(MelodyError, match=words.strip()) as fault:
        midi.as_score(WRONG[words])
    assert str(fault.value).startswith("tune: ")


@pytest.mark.parametrize(
    "broken", [Score(None), Score((1, 2)), Score((ONE,), "x"), Score((ONE,), tempi=[1]), Score((replace(ONE, notes=np.zeros(3)),))]
)
def test_scores_made_of_something_else(broken):
    with pytest.raises(CallError, match="tune is not a valid Score"):
        midi.as_score(broken)


def test_values_out_of_range_in_other_libraries():
    import mido
    import pretty_midi

    pm = PIECE.to_pretty_midi()
    pm.instruments[0].notes[0].pitch = 200
    with pytest.raises(MelodyError, match=r"pitch 6\d to 200"):
        midi.as_score(pm)
    pm.instruments[0].notes[0].pitch = "C"
    with pytest.raises(MelodyError, match="PrettyMIDI cannot be read"):
        midi.as_score(pm)
    with pytest.raises(MelodyError, match="no notes"):
        midi.as_score(pretty_midi.PrettyMIDI())
    file = midi.to_mido(PIECE)
    file.tracks[1][1].time = 0.5
    with pytest.raises(MelodyError, match=r"mido\.MidiFile cannot be saved"):
        midi.as_score(file)
    with pytest.raises(MelodyError, match="no notes"):
        midi.as_score(mido.MidiFile())
