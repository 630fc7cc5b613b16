"""Bytes -> Score: what symusic gets right passes through, what it gets wrong is put right, what is bad is one line."""

import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import midi
from melody.errors import MelodyError
from melody.score import NOTE, note_table

from ..conftest import examples


def onsets(score):
    return np.sort(np.concatenate([score.seconds(t.notes["onset"]) for t in score.tracks]))


def last(score):
    return float(onsets(score)[-1])


def test_columns(build):
    score = midi.parse(
        build.smf(
            """00 FF5103 061A80          # 400,000 microseconds a quarter
               00 FF5804 03 02 18 08     # 3/4
               00 FF5902 FD 01           # 3 flats, minor""",
            """00 FF0303 62 61 73        # named "bas"
               00 C0 20                  # program 32
               00 B0 40 7F               # pedal down
               00 90 40 51  00 90 3C 50  # E4 and C4, in the order E, C
               8360 80 40 40  00 80 3C 40
               00 B0 40 00               # pedal up""",
            "00 99 24 64  10 99 24 00    # a drum, ended by velocity 0",
        )
    )
    bass, drums = score.tracks
    assert (score.ticks_per_quarter, score.tempi.tolist()) == (480, [(0, 400_000)])
    assert (score.meters.tolist(), score.keys.tolist()) == ([(0, 3, 4)], [(0, -3, True)])
    assert (bass.name, bass.program, bass.is_drum, drums.is_drum) == ("bas", 32, False, True)
    assert bass.notes.tolist() == note_table([0, 0], [480, 480], [60, 64], [80, 81]).tolist()
    assert bass.pedal.tolist() == [(0, 127), (480, 0)]
    assert drums.notes.tolist() == [(0, 16, 36, 100)]


def test_dtypes_are_wide(build):
    assert midi.parse(build.smf("00 90 7F 7F  60 80 7F 00")).tracks[0].notes.dtype == NOTE


def test_notes_of_no_length_stay(build):
    assert midi.parse(build.smf("00 903C50 00 803C00")).tracks[0].notes.tolist() == [(0, 0, 60, 80)]


@pytest.mark.parametrize(
    ("events", "lengths"),
    [
        ("00 903C50  8360 903E50 60 803E00", [576, 96]),  # to the end of the track
        ("00 903C50  8360 903C50  8360 FF0100", [480, 480]),  # to where its pitch starts again
        ("00 903C50  60 903C50  8360 803C00  8360 FF0100", [576, 480]),  # to the off that ended the note before
        ("00 903C50  00 913C50  60 B07B00  8360 FF0100", [96, 576]),  # to where its channel is silenced
    ],
)
def test_notes_without_an_end(build, events, lengths):
    notes = np.concatenate([t.notes for t in midi.parse(build.smf(events)).tracks])
    assert notes["duration"].tolist() == lengths


def test_one_pitch_pairs_first_on_first_off(build):
    score = midi.parse(build.smf("00 903C50 10 903C51 10 803C00 10 803C00"))
    assert score.tracks[0].notes.tolist() == [(0, 32, 60, 80), (16, 32, 60, 81)]


@pytest.mark.parametrize("ties", [2, 17, 25, 300])
def test_the_last_tempo_at_a_tick_wins(build, ties):
    rising = "".join(f"00 FF5103 {200_000 + 1000 * k:06X} " for k in range(ties - 1))
    assert last(midi.parse(build.smf(rising + "00 FF5103 0F4240", build.SCALE))) == pytest.approx(7.0)  # 60 a minute


def test_tempi_of_all_tracks_count_in_file_order(build):
    first, second = "8360 FF5103 0F4240", "8360 FF5103 03D090"  # 60 and 240 a minute, both at tick 480
    assert last(midi.parse(build.smf(first, build.SCALE, second))) == pytest.approx(0.5 + 6 * 0.25)
    assert last(midi.parse(build.smf(second, build.SCALE, first))) == pytest.approx(0.5 + 6 * 1.0)


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 16_777_215)), min_size=1, max_size=60))
@examples(60)
def test_tempo_map_by_hand(build, tempi):
    """Seconds of the Score against a map added up tick by tick change, tempi spread over two tracks."""
    halves = tempi[::2], tempi[1::2]
    tracks = []
    for half in halves:
        now, text = 0, ""
        for tick, mspq in sorted(half, key=lambda row: row[0]):
            text += f"{build.delta(tick - now)} FF5103 {mspq:06X} "
            now = tick
        tracks.append(text)
    score = midi.parse(build.smf(*tracks, build.SCALE), limits=midi.Limits(max_seconds=1e9))
    wins = dict([(0, 500_000)] + [row for half in halves for row in sorted(half, key=lambda row: row[0])])
    clock, now, speed, expected = 0.0, 0, 500_000, []
    for tick in sorted({*wins, *range(0, 3840, 480)}):
        clock, now = clock + (tick - now) * speed / 480e6, tick
        speed = wins.get(tick, speed)
        if tick in range(0, 3840, 480):
            expected.append(clock)
    assert onsets(score) == pytest.approx(expected, abs=1e-6)


def test_a_tempo_of_a_wrong_length_does_not_count(build):
    assert last(midi.parse(build.smf("00 FF5102 0101", build.SCALE))) == pytest.approx(3.5)


def test_a_tempo_of_zero_is_dropped(build):
    assert last(midi.parse(build.smf("00 FF5103 000000", build.SCALE))) == pytest.approx(3.5)


@pytest.mark.parametrize(
    "sysex",
    [
        "00 F0 02 01 02  00 F7 02 03 F7",  # in two packets
        "00 F7 03 90 3C 50",  # an escape that looks like a note
        "00 F0 04 90 3C 50 F7",
        "00 F0 05 7E 7F 09 01 F7",  # General MIDI on
        "00 F0 03 01 02 03",  # never closed
        "00 F0 00",
    ],
)
def test_sysex_is_skipped_by_its_length(build, sysex):
    score = midi.parse(build.smf(sysex + build.SCALE))
    assert onsets(score) == pytest.approx(np.arange(8) / 2)


def test_a_long_delta_is_no_packet(build):
    """The delta F7 21 begins with the status of a packet."""
    data = build.smf("00 903C50 F721 803C40  00 903E50 8360 803E40")
    assert midi.parse(data).tracks[0].notes["duration"].tolist() == [0x77 * 128 + 0x21, 480]


def test_names_are_decoded_and_tame(build):
    def name(data: bytes) -> str:
        return midi.parse(build.smf(f"00 FF03 {build.delta(len(data))} {data.hex()} {build.C4}")).tracks[0].name

    assert name("Flöte 音".encode()) == "Flöte 音"
    assert name("Für Élise".encode("latin-1")) == "Für Élise"
    assert name(b"\x1b[2Ja\0b\r\nc") == "[2Jab c"
    assert name("\u202ediM".encode()) == "diM"
    assert len(name(b"n" * 5000)) == 100


def test_senseless_meters_and_keys_are_dropped(build):
    score = midi.parse(build.smf("00 FF5804 00001808  00 FF5804 04FF1808  00 FF5804 FF001808  00 FF5902 6400  00 FF5902 0005", build.SCALE))
    assert (score.meters.tolist(), score.keys.tolist()) == ([(0, 4, 4)], [])


def test_longer_header_unknown_chunks_and_lies_about_tracks(build, tune):
    longer = tune[:4] + b"\0\0\0\7" + tune[8:14] + b"\0" + tune[14:]
    unknown = tune[:14] + b"XFIH\0\0\0\5other" + tune[14:]
    expected = midi.parse(tune)
    assert midi.parse(longer) == midi.parse(unknown) == midi.parse(tune + b"TAG" * 50) == expected
    assert midi.parse(build.smf("", build.SCALE, count=1)).note_count == 8


def test_riff(tune):
    size = len(tune).to_bytes(4, "little")
    wrapped = b"RIFF" + (len(tune) + 24).to_bytes(4, "little") + b"RMID" + b"DISP\3\0\0\0abc\0" + b"data" + size + tune
    assert midi.parse(wrapped) == midi.parse(tune)


def test_data_bytes_above_127_are_clamped(build):
    assert midi.parse(build.smf("00 B0 FF FF" + build.SCALE)).note_count == 8


def test_a_note_that_sounds_too_long_is_cut(build):
    score = midi.parse(build.smf(f"00 903C50 {build.delta(69_120_000)} 803C40"))  # 20 hours
    assert score.duration_seconds == pytest.approx(12 * 3600)


BAD = {
    "the file is empty": lambda b: b"",
    "not a MIDI file": lambda b: b"not music\n" * 40,
    "cut short inside its header": lambda b: b.smf(b.C4)[:13],
    "damaged MIDI": lambda b: b.smf(b.SCALE)[:-20],
    "must be above 0": lambda b: b.smf(b.C4, division=0),
    "SMPTE frames": lambda b: b.smf(b.C4, division=0xE728),
    "no notes": lambda b: b.smf("00 FF5103 07A120"),
    "no notes ": lambda b: b.smf("", count=0),
    "lasts 20.0 hours": lambda b: b.smf(b.C4 + b.delta(69_120_000) + b.C4[2:]),
    "lasts 300,000 quarter notes": lambda b: b.smf("00 FF5103 000001", b.delta(300_000) + b.C4[2:], division=1),
    "out of range": lambda b: b.smf("FFFFFF7F FF0100" * 9 + b.C4),  # past 2^31 ticks
    "out of range ": lambda b: b.smf("FFFFFF7F FF0100" * 17 + b.C4),  # past 2^32 ticks, where they start again
}


@pytest.mark.parametrize("reason", BAD)
def test_bad_bytes(build, reason):
    with pytest.raises(MelodyError) as fault:
        midi.parse(BAD[reason](build), "some\nname.mid")
    message = str(fault.value)
    assert message.startswith("some\\nname.mid: ") and reason.strip() in message and "\n" not in message


def test_limits(tune, build):
    for limits, reason in [
        (midi.Limits(max_bytes=100), "bytes"),
        (midi.Limits(max_notes=7), "8 notes"),
        (midi.Limits(max_seconds=3), "hours"),
    ]:
        with pytest.raises(MelodyError, match=reason):
            midi.parse(tune, limits=limits)
    with pytest.raises(MelodyError, match="2 tracks, more than the limit of 1"):
        midi.parse(build.smf(build.C4, build.C4), limits=midi.Limits(max_tracks=1))


def test_a_flood_of_metas_is_not_walked(build):
    flood = build.chunk("00 FF5103 07A120  00 FF5103 061A80" + "00 FF5100" * 1_000_001)
    with pytest.raises(MelodyError, match="more than 1,000,000 texts"):
        midi.parse(build.smf(build.SCALE, count=2) + flood)


def test_bad_paths(tmp_path):
    (tmp_path / "folder.mid").mkdir()
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "loop.mid").symlink_to("loop.mid")
    for name, reason in [
        ("none.mid", "no such file"),
        ("folder.mid", "folder"),
        ("pipe.mid", "not a regular file"),
        ("loop.mid", "cannot be read"),
    ]:
        with pytest.raises(MelodyError, match=reason):
            midi.read(tmp_path / name)


def test_read_goes_by_content_not_by_name(tmp_path, tune):
    (tmp_path / "tune.abc").write_bytes(tune)
    assert midi.read(tmp_path / "tune.abc").note_count == 8


@given(st.data())
@examples(150)
def test_any_wound_is_read_or_refused(tune, data):
    """Bytes changed, cut or put in at random: a Score or a MelodyError, nothing else."""
    wounded = bytearray(tune)
    for _ in range(data.draw(st.integers(1, 5))):
        at = data.draw(st.integers(0, len(wounded)))
        wounded[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    try:
        score = midi.parse(bytes(wounded))
    except MelodyError as fault:
        assert "\n" not in str(fault)
    else:
        assert score.note_count and onsets(score)[0] >= 0
