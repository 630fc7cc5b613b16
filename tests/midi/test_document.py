"""A file that is read and not changed is written byte for byte; what is changed is an edit of it."""

import io
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import mido
import numpy as np
import pytest
from hypothesis import given
from mido.midifiles.meta import meta_charset

from melody import edit, midi
from melody.errors import MelodyError
from melody.midi.edits import difference
from melody.score import NOTE, Track, note_table, table, tempo_table

from .test_reference import files

SHARED = Path(__file__).resolve().parents[3] / "shared"


def more(score, index, *notes):
    """The Score with notes added to one of its tracks."""
    track = score.tracks[index]
    both = np.concatenate([track.notes, np.array(list(notes), NOTE)])
    notes = note_table(*(both[name] for name in NOTE.names))
    return edit.with_tracks(score, [replace(t, notes=notes) if i == index else t for i, t in enumerate(score.tracks)])


def events(data):
    """(track, tick, message) of a file, ends of tracks left out.

    mido writes a name in the charset of the file that was read last, and keeps it where reading failed: it is set here.
    """
    out = []
    with meta_charset("latin-1"):
        for number, track in enumerate(mido.MidiFile(file=io.BytesIO(data), clip=True, charset="latin-1").tracks):
            tick = 0
            for message in track:
                tick += message.time
                if message.type == "end_of_track":
                    break
                out.append((number, tick, bytes(message.bytes())))
    return out


def new_events(before, after):
    """What ``after`` has and ``before`` has not; all of ``before`` must be there."""
    old, new = Counter(events(before)), Counter(events(after))
    assert not old - new
    return sorted((new - old).elements())


@given(files())
def test_what_is_not_changed_keeps_its_bytes(data):
    try:
        score = midi.parse(data)
    except MelodyError:
        return
    assert midi.to_bytes(score) == score.document.to_bytes() == data


@pytest.mark.slow
def test_real_files_keep_their_bytes():
    if not (SHARED / "hostile" / "hostile.zip").is_file():
        pytest.skip("the hostile corpus is not beside the project (../shared/hostile)")
    read = 0
    with zipfile.ZipFile(SHARED / "hostile" / "hostile.zip") as archive:
        for name in archive.namelist():
            data = archive.read(name)
            try:
                score = midi.parse(data, name)
            except MelodyError:
                continue
            assert midi.to_bytes(score) == score.document.to_bytes() == data, name
            read += 1
    assert read > 330


KARAOKE = """
    00 FF0304 66 75 90 B6           # a name in some encoding
    00 F0 05 7E 7F 09 01 F7         # General MIDI on
    00 C0 18  00 B0 07 28  00 0A 14 # running status
    00 FF0502 6C 61                 # a lyric
    00 90 3C 50  60 3C 00           # C4 for 96 ticks, running
    8300 E0 00 60  00 90 40 50      # a bend, E4 at tick 480
    60 FF0502 6C 65  00 40 00       # a lyric; running status goes on after it
"""


def test_added_notes_leave_everything_else(build):
    data = build.smf("00 FF0605 56 65 72 73 65", KARAOKE) + b"XFIH\0\0\0\3abc"
    score = midi.parse(data)
    assert score.tracks[0].notes.tolist() == [(0, 96, 60, 80), (480, 96, 64, 80)]
    out = midi.to_bytes(more(score, 0, (240, 48, 67, 90)))
    assert new_events(data, out) == [(1, 240, b"\x90\x43\x5a"), (1, 288, b"\x80\x43\x00")]
    assert b"\xff\x03\x04\x66\x75\x90\xb6" in out and out.endswith(b"XFIH\0\0\0\3abc")


def test_notes_behind_the_end_move_the_end(build):
    out = midi.to_bytes(more(midi.parse(build.smf(build.C4)), 0, (960, 480, 62, 80)))
    assert midi.parse(out).end_of_tracks == 1440 and midi.parse(out).note_count == 2


def test_notes_that_go_take_their_two_events(build):
    data = build.smf(KARAOKE)
    score = midi.parse(data)
    out = midi.to_bytes(edit.map_notes(score, lambda notes: notes[:1]))
    assert sorted((Counter(events(data)) - Counter(events(out))).elements()) == [(0, 480, b"\x90\x40\x50"), (0, 576, b"\x90\x40\x00")]
    assert midi.parse(out).tracks[0].notes.tolist() == [(0, 96, 60, 80)]


def test_a_new_track_takes_a_free_channel_of_which_nothing_was_said(build):
    """Channel 1 has its volume at 0 in the file though nobody plays there."""
    data = build.smf("00 B1 07 00", "00 C0 05" + build.C4)
    score = midi.parse(data)
    out = midi.to_bytes(edit.with_tracks(score, [*score.tracks, Track("Bass é", 33, notes=note_table([0], [480], [40], [80]))]))
    assert new_events(data, out) == [
        (2, 0, b"\x92\x28\x50"),
        (2, 0, b"\xc2\x21"),
        (2, 0, b"\xff\x03\x07Bass \xc3\xa9"),
        (2, 480, b"\x82\x28\x00"),
    ]
    assert midi.parse(out).tracks[1].name == "Bass é"


def test_a_channel_that_was_touched_is_set_to_neutral(build):
    """All channels are silent before the music; the new track is heard all the same."""
    quiet = "".join(f"00 B{c:X} 07 00  00 B{c:X} 0B 00" for c in range(1, 16))
    data = build.smf(quiet, "00 C0 05" + build.C4)
    score = midi.parse(data)
    out = midi.to_bytes(edit.with_tracks(score, [*score.tracks, Track("", 33, notes=note_table([96], [480], [40], [80]))]))
    said = [message for track, tick, message in new_events(data, out) if tick == 96]
    assert {b"\xb1\x07\x64", b"\xb1\x0a\x40", b"\xb1\x0b\x7f", b"\xc1\x21"} <= set(said)


def test_format_0_stays_format_0(build):
    data = build.smf("00 C0 05" + build.C4, form=0)
    score = midi.parse(data)
    out = midi.to_bytes(edit.with_tracks(score, [*score.tracks, Track("Bass", 33, notes=note_table([0], [480], [40], [80]))]))
    assert out[8:12].hex() == "00000001"
    assert [(t.program, t.notes["pitch"].tolist()) for t in midi.parse(out).tracks] == [(5, [60]), (33, [40])]


def test_a_riff_wrapper_stays(build, tune):
    wrapped = (
        b"RIFF" + (len(tune) + 24).to_bytes(4, "little") + b"RMID" + b"DISP\3\0\0\0abc\0" + b"data" + len(tune).to_bytes(4, "little") + tune
    )
    score = midi.parse(wrapped)
    assert midi.to_bytes(score) == wrapped
    out = midi.to_bytes(more(score, 0, (9600, 480, 62, 80)))
    assert out[:4] == b"RIFF" and int.from_bytes(out[4:8], "little") == len(out) - 8 and midi.parse(out).note_count == 9


def test_overlaps_of_one_pitch_go_to_another_channel_of_the_same_track(build):
    data = build.smf("00 C0 05  00 B0 07 46" + build.C4)
    out = midi.to_bytes(more(midi.parse(data), 0, (240, 120, 60, 90)))
    score = midi.parse(out)
    assert len(score.tracks) == 1 and score.tracks[0].notes.tolist() == [(0, 480, 60, 80), (240, 120, 60, 90)]
    said = [message for _, _, message in new_events(data, out)]
    assert b"\xc1\x05" in said and b"\xb1\x07\x46" in said, "its program and its volume"


def test_tempi_and_meters_that_change(build):
    data = build.smf("00 FF5103 07A120  8360 FF5103 0F4240", build.SCALE)
    score = midi.parse(data)
    out = midi.to_bytes(replace(score, tempi=tempo_table([0, 960], [500_000, 250_000])))
    assert midi.parse(out).tempi.tolist() == [(0, 500_000), (960, 250_000)]
    assert not Counter(e for e in events(data) if e[0] == 1) - Counter(e for e in events(out) if e[0] == 1)


def test_another_name_another_program_another_time(build):
    score = midi.parse(build.smf("00 FF0303 61 62 63  00 C0 05" + build.C4))
    track = score.tracks[0]
    assert midi.parse(midi.to_bytes(edit.with_tracks(score, [replace(track, name="xyz")]))).tracks[0].name == "xyz"
    changed = midi.parse(midi.to_bytes(edit.with_tracks(score, [replace(track, program=40)])))
    assert changed.tracks[0].program == 40 and changed.note_count == 1
    assert edit.shift(score, 480).document is None and edit.scale_ticks(score, 96).document is None and edit.cut(score, 0).document is None
    assert edit.transpose(score, 12).document is score.document
    assert midi.parse(midi.to_bytes(edit.transpose(score, 12))).tracks[0].notes["pitch"].tolist() == [72]


def test_tracks_of_another_file_are_new_ones(build):
    one, other = (midi.parse(build.smf(f"00 C0 0{k}" + build.C4)) for k in (5, 7))
    both = midi.parse(midi.to_bytes(edit.overlay([one, other])))
    assert [(t.program, t.notes.tolist()) for t in both.tracks] == [(5, [(0, 480, 60, 80)]), (7, [(0, 480, 60, 80)])]


def test_where_a_fade_a_bend_and_pedals_end(build):
    """Set back once where notes go on, before the first of them; a detuning that holds throughout stays."""
    data = build.smf(
        "00 C0 05" + build.C4 * 4 + "00 B0 07 05  00 B0 0B 00  00 B0 42 7F  00 E0 00 7F",
        "00 E1 00 30" + build.C4.replace("90", "91").replace("803C40", "813C40") * 4,
    )
    score = midi.parse(data)
    grown = more(more(score, 0, (3840, 480, 62, 80), (4320, 480, 62, 80)), 1, (3840, 480, 62, 80))
    said = [e for e in new_events(data, midi.to_bytes(grown)) if e[2][0] & 0xE0 != 0x80]
    assert said == [(0, 3840, b"\xb0\x07\x64"), (0, 3840, b"\xb0\x0b\x7f"), (0, 3840, b"\xb0\x42\x00"), (0, 3840, b"\xe0\x00\x40")]


def test_a_guitar_goes_on_on_its_strings(build):
    strings = "".join(f"00 C{c:X} 19  00 9{c:X} {40 + 5 * c:02X} 50  60 {40 + 5 * c:02X} 00" for c in range(6))
    data = build.smf("", strings)
    score = midi.parse(data)
    out = midi.to_bytes(more(score, 0, (960, 480, 45, 80), (960, 480, 65, 80), (960, 480, 46, 80)))
    on = [message for _, tick, message in new_events(data, out) if message[0] & 0xF0 == 0x90]
    assert [m[0] & 15 for m in sorted(on, key=lambda m: m[1])] == [1, 0, 5] or len({m[0] & 15 for m in on}) == 3
    assert len(midi.parse(out).tracks) == 1


def test_forty_staves(build):
    free = [c for c in range(16) if c != 9]
    staves = [
        f"00 FF0302 {k // 10 + 48:02X} {k % 10 + 48:02X} 00 C{free[k % 12]:X} {40 + k % 12:02X} 00 9{free[k % 12]:X} 3C 50 60 3C 00"
        for k in range(40)
    ]
    data = build.smf("", *staves)
    score = midi.parse(data)
    assert len(score.tracks) == 40
    out = midi.to_bytes(more(score, 7, (480, 96, 60, 80)))
    assert [len(t.notes) for t in midi.parse(out).tracks] == [1] * 7 + [2] + [1] * 32
    extra = [Track(f"new {k}", 60 + k, notes=note_table([0], [480], [40], [80])) for k in range(4)]
    with pytest.raises(MelodyError, match=r"no room for new 3 \(Synth Brass 2"):
        midi.to_bytes(edit.with_tracks(score, [*score.tracks, *extra]))
    shared = Track("one more", 41, notes=note_table([0], [480], [72], [80]))
    assert midi.parse(midi.to_bytes(edit.with_tracks(score, [*score.tracks, *extra[:3], shared]))).note_count == 44


def test_what_does_not_fit(build, tune):
    score = midi.parse(tune)
    with pytest.raises(MelodyError, match="gaps of up to"):
        midi.to_bytes(more(score, 0, (2**29, 1, 60, 80)))
    with pytest.raises(MelodyError, match="velocity 0"):
        midi.to_bytes(more(score, 0, (9600, 1, 60, 0)))
    full = tune[:10] + (65_535).to_bytes(2, "big") + tune[12:] + build.chunk("") * 65_533
    score = midi.parse(full)
    assert midi.to_bytes(score) == full
    with pytest.raises(MelodyError, match="65,536 tracks cannot be written"):
        midi.to_bytes(edit.with_tracks(score, [*score.tracks, Track("", 5, notes=note_table([0], [1], [60], [80]))]))


@pytest.mark.parametrize("event", ["F0", "FF03", "FF01"])
def test_a_megabyte_of_text_or_sysex(build, event):
    size = 2**20
    body = bytes(build.raw(event)) + bytes.fromhex(build.delta(size)) + b"a" * (size - 1) + b"\xf7"
    inner = b"\0" + body + build.raw(build.C4) + build.raw(build.END)
    data = build.smf(count=1) + b"MTrk" + len(inner).to_bytes(4, "big") + inner
    score = midi.parse(data)
    assert len(score.tracks[0].name) <= 100 and body in midi.to_bytes(more(score, 0, (960, 480, 62, 80)))


def test_difference_counts_rows_that_are_there_twice():
    old, new = note_table([0, 0, 5], [1, 1, 1], [60, 60, 60], [1, 1, 1]), note_table([0, 5, 5], [1, 1, 1], [60, 60, 60], [1, 1, 2])
    gone, come = difference(old, new, "onset", "pitch", "duration", "velocity")
    assert gone.tolist() == [1] and come.tolist() == [2]
    assert [a.tolist() for a in difference(table(NOTE, [], [], [], []), new, "onset")] == [[], [0, 1, 2]]
