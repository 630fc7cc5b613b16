"""What is a track, and what its channel is: by the state of all channels while the file plays."""

import pytest

from melody import midi
from melody.errors import CallError, MelodyError
from melody.midi.sysex import PartMode, Reset, meaning
from melody.theory import bar_count, likely_drums


def note(channel, pitch=60, on=96):
    """A quarter of a quarter."""
    return f"00 9{channel:X} {pitch:02X} 50  {on:02X} {pitch:02X} 00"


def tracks(data, **options):
    return [(t.name, t.program, t.is_drum, len(t.notes)) for t in midi.parse(data, **options).tracks]


KITS = {
    "the tenth channel": (9, ""),
    "XG: bank MSB 127": (10, "00 BA 00 7F  00 CA 00"),
    "XG: bank MSB 126 for effects": (10, "00 F0 08 43 10 4C 00 00 7E 00 F7  00 BA 00 7E  00 CA 00"),
    "XG: the part's mode": (10, "00 F0 08 43 10 4C 08 0A 07 01 F7"),
    "GM2: bank MSB 120": (3, "00 B3 00 78  00 20 00  00 C3 00"),
    "GS: the part's mode": (10, "00 F0 0A 41 10 42 12 40 1A 15 02 0F F7"),
    "GS: the part's mode of channel 2": (1, "00 F0 0A 41 10 42 12 40 12 15 01 18 F7"),
}
NO_KITS = {
    "any other": (3, "00 C3 05"),
    "GM2: bank MSB 121": (9, "00 B9 00 79  00 C9 05"),
    "GS: MSB 127 is another map": (3, "00 F0 0A 41 10 42 12 40 00 7F 00 41 F7  00 B3 00 7F  00 C3 05"),
    "GS: the tenth is turned off": (9, "00 F0 0A 41 10 42 12 40 10 15 00 1B F7"),
    "a bank without a program change": (3, "00 B3 00 7F"),
    "a reset takes the part back": (10, "00 F0 0A 41 10 42 12 40 1A 15 02 0F F7  00 F0 05 7E 7F 09 01 F7"),
    "MPE: the tenth is a member": (9, "00 B0 65 00  00 64 06  00 06 0F"),
}


@pytest.mark.parametrize("name", [*KITS, *NO_KITS])
def test_drums(build, name):
    channel, setup = (KITS | NO_KITS)[name]
    assert midi.parse(build.smf("", setup + note(channel))).tracks[0].is_drum == (name in KITS)
    assert midi.parse(build.smf(setup, note(channel))).tracks[0].is_drum == (name in KITS), "said in another MTrk"
    assert midi.parse(build.smf(setup + note(channel), form=0)).tracks[0].is_drum == (name in KITS)


def test_a_program_holds_across_tracks(build):
    assert tracks(build.smf("00 C0 38  00 C1 21", note(0), note(1))) == [("", 56, False, 1), ("", 33, False, 1)]
    assert tracks(build.smf("60 C0 38", note(0) * 4)) == [("", 56, False, 4)], "the program of most notes"


def test_at_one_tick_a_track_s_own_program_counts(build):
    assert [t[1] for t in tracks(build.smf("00 C0 05" + note(0), "00 C0 07" + note(0)))] == [5, 7]


def test_a_pedal_holds_across_tracks(build):
    data = build.smf("", note(0), "00 B0 40 7F  60 B0 40 00", note(1))
    assert [t.pedal.tolist() for t in midi.parse(data).tracks] == [[(0, 127), (96, 0)], []]
    assert midi.parse(build.smf("00 B0 40 7F  60 B0 79 00" + note(0))).tracks[0].pedal.tolist() == [(0, 127), (96, 0)], "a reset lifts it"


def test_ports_have_channels_of_their_own(build):
    data = build.smf("00 FF210100 00 C0 05" + note(0), "00 FF210101" + note(0))
    assert [t[1] for t in tracks(data)] == [5, 0]


NAMED = "00 FF0301 61"


def test_one_mtrk_is_one_track(build):
    guitar = NAMED + "".join(f"00 C{c:X} 19" for c in range(6)) + "".join(note(c) for c in range(6))
    assert tracks(build.smf("", guitar)) == [("a", 25, False, 6)]
    changes = NAMED + "00 C0 49" + note(0) + "00 C0 28" + note(0) + note(0)
    assert tracks(build.smf("", changes)) == [("a", 40, False, 3)]
    some = NAMED + "00 C0 19" + note(0) + note(1) + note(2)
    assert tracks(build.smf("", some)) == [("a", 25, False, 3)], "channels without a program go with the others"


def test_mpe(build):
    said = "00 B0 65 00  00 64 06  00 06 0F"
    notes = "".join(f"00 E{c:X} 00 50" + note(c, 60 + c) for c in range(1, 16))
    for form in (0, 1):
        assert tracks(build.smf(NAMED + said + notes, form=form)) == [("a", 0, False, 15)]
        assert tracks(build.smf(NAMED + notes, form=form)) == [("a", 0, False, 15)], "told by its bends"


def test_different_instruments_in_one_mtrk(build):
    band = NAMED + "00 C0 05  00 C1 21" + note(0) + note(1) + note(9)
    assert tracks(build.smf("", band)) == [("", 5, False, 1), ("", 33, False, 1), ("", 0, True, 1)]
    both = build.smf(NAMED + "00 C0 05" + note(0) + note(9), "00 C2 07" + note(2))
    assert tracks(both) == [("a", 5, False, 1), ("a", 0, True, 1), ("", 7, False, 1)]


def test_format_0_is_split_by_channel_and_program(build):
    """Its name says nothing of which track is what."""
    data = build.smf(NAMED + "00 C0 05" + note(0) + "00 C0 06" + note(0) + note(1) + note(9), form=0)
    assert tracks(data) == [("", 5, False, 1), ("", 6, False, 1), ("", 0, False, 1), ("", 0, True, 1)]
    assert tracks(build.smf(NAMED + note(0), form=0)) == [("a", 0, False, 1)]


def test_format_2_is_chosen_from(build):
    data = build.smf("00 FF5103 07A120" + note(0), "00 FF5103 0F4240" + note(1) + note(1), form=2)
    with pytest.raises(MelodyError, match=r"format 2: 2 sequences that do not belong together; choose one with sequence=1 to 2"):
        midi.parse(data)
    score = midi.parse(data, sequence=2)
    assert score.note_count == 2 and score.tempi.tolist() == [(0, 1_000_000)] and midi.to_bytes(score) == data
    for wrong in (0, 3):
        with pytest.raises(CallError, match=f"sequence is {wrong}; the file has 2"):
            midi.parse(data, sequence=wrong)
    with pytest.raises(CallError, match="only files of format 2"):
        midi.parse(build.smf(note(0)), sequence=1)
    assert midi.parse(build.smf(note(0), form=2)).note_count == 1, "one sequence needs no choice"


def test_a_loop_keeps_its_silent_bar(build):
    def bars(ticks, quarters=4):
        return bar_count(midi.parse(build.smf("00 90 3C 50 8360 3C 00" * quarters + f"{build.delta(ticks)} FF2F00")))

    assert [bars(1920), bars(3 * 1920), bars(1900), bars(0)] == [2, 4, 1, 1]
    assert bars(100 * 1920) == 1, "silence without end is no music"


def test_drums_by_name(build):
    kit = "00 FF0305 44 72 75 6D 73" + "".join(note(0, p) for p in (36, 42, 38, 42) * 2)
    score = midi.parse(build.smf("", kit))
    assert not score.tracks[0].is_drum and likely_drums(score) == [0]
    assert not likely_drums(midi.parse(build.smf("", kit.replace("44 72 75 6D 73", "42 61 73 73 73")))), "a bass may have the same notes"


def test_sysex_that_says_nothing():
    assert [meaning(bytes.fromhex(text)) for text in ("", "F7", "7E 7F 06 01 F7", "41 10 42 12 40 1A 15", "43 10 4C 08 0A 08 01 F7")] == [
        None
    ] * 5
    assert meaning(bytes.fromhex("43 10 4C 00 00 7E 00 F7")) == Reset("xg")
    assert meaning(bytes.fromhex("41 10 42 12 40 10 14 00 02 0F F7")) == PartMode(9, True), "inside a longer message"


@pytest.mark.parametrize(
    ("name", "encoding"),
    [("メロディ", "shift_jis"), ("Мелодия", "cp1251"), ("Flöte", "latin-1"), ("音楽", "utf-8"), ("Don\u2019t", "cp1252")],
)
def test_names_in_some_encoding(build, name, encoding):
    raw = name.encode(encoding)
    score = midi.parse(build.smf(f"00 FF03 {build.delta(len(raw))} {raw.hex()}" + note(0)))
    assert score.tracks[0].name == (name if encoding != "cp1252" else "Dont")
