"""A file that grows: whole whenever it was flushed, and the music of it is what was said."""

import os

import mido
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import midi
from melody.errors import MelodyError
from melody.midi import growing
from melody.midi.growing import Growing, quantity
from melody.score import METER, Score, table, tempo_table

from ..conftest import examples

EMPTY = Score((), 480, tempo_table([0], [600_000]), table(METER, [0], [3], [4]))


def notes_of(score):
    """(program, drums, onset, end, pitch, velocity) of all notes."""
    return sorted(
        (t.program, t.is_drum, int(n["onset"]), int(n["onset"] + n["duration"]), int(n["pitch"]), int(n["velocity"]))
        for t in score.tracks
        for n in t.notes
    )


def test_what_was_said_is_what_is_read(tmp_path):
    with Growing(tmp_path / "x.mid", EMPTY) as file:
        file.instrument(0, 40, False)
        file.instrument(1, 0, True)
        file.note(0, 0, 480, 60, 80)
        file.note(1, 0, 10, 36, 100)
        file.note(0, 240, 960, 64, 70)
    score = midi.read(tmp_path / "x.mid")
    assert notes_of(score) == [(0, True, 0, 10, 36, 100), (40, False, 0, 480, 60, 80), (40, False, 240, 1200, 64, 70)]
    assert score.ticks_per_quarter == 480 and score.tempi["mspq"].tolist() == [600_000] and score.meters["numerator"].tolist() == [3]
    assert file.notes == 3 and file.seconds == pytest.approx(1.5)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.integers(0, 600), st.integers(58, 61)), min_size=1, max_size=60),
    st.integers(1, 200),
)
@examples(60)
def test_no_pitch_sounds_twice_and_every_flush_is_a_whole_file(tmp_path_factory, notes, flush):
    path = tmp_path_factory.mktemp("growing") / "x.mid"
    before, growing.FLUSH = growing.FLUSH, flush
    try:
        with Growing(path, EMPTY) as file:
            for part in range(4):
                file.instrument(part, 10 + part, False)
            starts = set()
            for onset, part, duration, pitch in sorted(notes):
                file.note(part, onset, duration, pitch, 64)
                starts.add((10 + part, onset, pitch))
                mido.MidiFile(path)
    finally:
        growing.FLUSH = before
    found = notes_of(midi.read(path))
    assert {(program, onset, pitch) for program, _, onset, _, pitch, _ in found} == starts and len(found) == len(starts) == file.notes
    ends = {}
    for program, _, onset, end, pitch, _ in found:
        assert end > onset >= ends.get((program, pitch), 0)
        ends[program, pitch] = end


def test_whatever_ends_it_the_file_is_whole(tmp_path):
    path = tmp_path / "x.mid"
    try:
        with Growing(path, EMPTY) as file:
            file.note(0, 0, 480, 60, 80)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert notes_of(midi.read(path)) == [(0, False, 0, 480, 60, 80)] and file.kept == path


def test_an_old_file_stays_until_the_new_one_is_there(tmp_path):
    path = tmp_path / "x.mid"
    path.write_bytes(b"old")
    with Growing(path, EMPTY) as file:
        file.note(0, 0, 480, 60, 80)
        assert path.read_bytes() == b"old"
    assert midi.read(path).note_count == 1 and os.listdir(tmp_path) == ["x.mid"]


def fill(file):
    with file:
        for step in range(200):
            file.note(0, step * 10, 10, 60, 80)


def test_what_ends_early_does_not_replace_an_old_file(tmp_path):
    path = tmp_path / "x.mid"
    path.write_bytes(b"old")
    try:
        with Growing(path, EMPTY) as file:
            file.note(0, 0, 480, 60, 80)
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert path.read_bytes() == b"old" and file.kept == tmp_path / "x.interrupted.mid" and midi.read(file.kept).note_count == 1


@pytest.mark.parametrize("old", [True, False])
def test_a_disk_that_is_full_from_the_start_keeps_nothing(tmp_path, monkeypatch, old):
    path = tmp_path / "x.mid"
    if old:
        path.write_bytes(b"old")
    monkeypatch.setattr(Growing, "_put", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(MelodyError, match="No space left"):
        Growing(path, EMPTY).__enter__()
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"old"] * old


@pytest.mark.parametrize("old", [True, False])
def test_a_full_disk(tmp_path, monkeypatch, old):
    path = tmp_path / "x.mid"
    if old:
        path.write_bytes(b"old")
    put, calls = Growing._put, []

    def full(self, data, at):
        calls.append(at)
        if len(calls) == 8:
            put(self, data[:9], at)  # as much as there is room for
            raise OSError(28, "No space left on device")
        put(self, data, at)

    monkeypatch.setattr(Growing, "_put", full)
    monkeypatch.setattr(growing, "FLUSH", 50)
    file = Growing(path, EMPTY)
    with pytest.raises(MelodyError, match=r"x\.mid: cannot be written \(No space left"):
        fill(file)
    assert os.listdir(tmp_path) == ["x.mid"] and (file.kept is None) is old
    if old:
        assert path.read_bytes() == b"old"
        return
    data = path.read_bytes()
    assert data.endswith(growing.END) and int.from_bytes(data[18:22]) == len(data) - 22  # nothing behind the track
    score = midi.read(path)
    assert 5 < score.note_count < 60 and file.seconds == pytest.approx(score.duration_seconds, abs=0.1)


def test_channels_run_out(tmp_path):
    with Growing(tmp_path / "x.mid", EMPTY) as file:
        for part in range(15):
            file.instrument(part, part, False)
        with pytest.raises(MelodyError, match="channels for 15 instruments"):
            file.instrument(15, 15, False)


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(MelodyError, match="cannot be written"), Growing(tmp_path / "no" / "x.mid", EMPTY):
        pass


@pytest.mark.parametrize(("value", "data"), [(0, "00"), (127, "7f"), (128, "8100"), (0x3FFF, "ff7f"), (0x0FFFFFFF, "ffffff7f")])
def test_quantities_are_those_of_the_standard(value, data):
    assert quantity(value).hex() == data
