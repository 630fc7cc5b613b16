"""Verbs on files: the whole file comes back, and what is new is put into it."""

import io
import warnings
from collections import Counter

import mido
import pytest

from melody import midi
from melody.compose import Tune
from melody.errors import MelodyError

from ..midi.conftest import Build

build = Build()
BAR = "".join(f"00 90{p:02X}50 8360 {p:02X}00" for p in (60, 64, 67, 64))
SONG = build.smf(
    "00 FF0606 436F7570 6C65  00 FF5103 07A120",
    "00 FF0304 9083 9083  00 C0 19  00 B0 07 28  00 B0 0A 14  00 FF0502 6C61  00 E0 00 60" + BAR * 4 + "00 B0 0B 00",
    "00 FF0304 42617373  00 C1 21" + BAR.replace("90", "91") * 4,
    "00 FF0305 4472756D73" + "".join(f"00 92 {p:02X} 50 8170 {p:02X} 00" for p in (36, 42, 38, 42) * 8),
)


def events(data):
    found = []
    for number, track in enumerate(mido.MidiFile(file=io.BytesIO(data), charset="latin-1").tracks):
        tick = 0
        for message in track:
            tick += message.time
            if message.type != "end_of_track":
                found.append((number, tick, bytes(message.bytes())))
    return Counter(found)


def read():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Tune.of(SONG)


def test_all_of_the_file_is_in_what_comes_back(any_composer):
    for result, tracks in (
        (any_composer.continue_(read(), bars=2, seed=1), 3),
        (any_composer.accompany(read(), voices="violin", seed=1), 4),
        (any_composer.infill(read(), 2, 3, track="bass", seed=1), 3),
    ):
        data = midi.to_bytes(result)
        lost = events(SONG) - events(data)
        assert all(track == 2 and 1920 <= tick <= 5760 for track, tick, _ in lost), "only notes of the hole"
        again = midi.parse(data)
        assert len(again.tracks) == tracks and [t.notes.tolist() for t in again.tracks] == [t.notes.tolist() for t in result.tracks]


def test_a_continuation_is_heard_after_a_fade(composer):
    new = events(midi.to_bytes(composer.continue_(read(), bars=4, seed=2))) - events(SONG)
    set_back = sorted((tick, message) for track, tick, message in new if track == 1 and message[0] == 0xB0)
    played = sorted(tick for track, tick, message in new if track == 1 and message[0] & 0xF0 == 0x90)
    if played:
        assert (played[0], b"\xb0\x0b\x7f") in set_back and len(set_back) == 1
    assert not any(message[0] == 0xE0 for _, _, message in new), "the bend holds throughout: it is no extreme"


def test_drums_off_their_channel_are_asked_about(composer):
    with pytest.warns(UserWarning, match=r"track 'Drums' has the name and the notes of a drum kit.*drums='Drums'"):
        composer.continue_(SONG, bars=1, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = composer.continue_(SONG, bars=1, seed=1, drums="drums")
    assert [t.is_drum for t in result.tracks] == [False, False, True]
    assert not events(SONG) - events(midi.to_bytes(result))


def test_sequences(composer):
    data = build.smf(BAR * 2, BAR * 4, form=2)
    with pytest.raises(MelodyError, match="choose one with sequence=1 to 2"):
        composer.continue_(data)
    result = composer.continue_(data, bars=1, seed=1, sequence=2)
    assert not events(data) - events(midi.to_bytes(result)) and result.end_tick > 4 * 1920


def test_a_silent_last_bar_stays_silent(composer):
    loop = build.smf(BAR * 3 + f"{build.delta(1920)} FF2F00")
    onsets = [n for n in composer.continue_(loop, bars=4, seed=1).tracks[0].notes["onset"].tolist() if n >= 3 * 1920]
    assert onsets and min(onsets) >= 4 * 1920
    composer.infill(loop, 4, 4, seed=1)
