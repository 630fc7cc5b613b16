"""The shipped soundfont heard: all of General MIDI, drums, in tune, nothing stuck, no clipping; other fonts; broken ones."""

from pathlib import Path

import numpy as np
import pytest

from melody import render
from melody.errors import MelodyError
from melody.render import sampler, soundfont, synth
from melody.score import Score, Track, note_table
from tests.render.fonts import small

pytestmark = pytest.mark.skipif(not sampler.available(), reason="no midirenderer here")
RATE = sampler.RATE


def notes(program: int, pitches: list[int], is_drum: bool = False, each: int = 480, velocity: int = 100) -> Track:
    """One after the other, half a second each."""
    count = len(pitches)
    return Track("", program, is_drum, note_table(np.arange(count) * each, [each] * count, pitches, [velocity] * count))


def raw(*tracks: Track, seconds: float, font: str | Path | None = None) -> np.ndarray:
    """What comes out before it is levelled."""
    samples = round(seconds * RATE)
    return sampler.play(tracks, synth._events(Score(tracks), samples, RATE), samples, font)


def level(sound: np.ndarray) -> float:
    return float(20 * np.log10(max(np.sqrt(np.square(sound).mean()), 1e-9)))


def hertz(sound: np.ndarray, near: float) -> float:
    """The strongest frequency within three semitones of ``near``, to a tenth of a hertz."""
    spectrum = abs(np.fft.rfft(sound.mean(axis=1) * np.hanning(len(sound)), 10 * RATE))
    first, last = round(near * 8), round(near * 12)
    return (first + int(spectrum[first:last].argmax())) / 10


@pytest.mark.slow
def test_every_program_sounds() -> None:
    soft = {}
    for start in range(0, 128, 15):  # a group of channels at a time
        group = range(start, min(start + 15, 128))
        for program in group:
            sound = raw(notes(program, [60], each=960), seconds=2)
            if level(sound[:RATE]) < -60:
                soft[program] = level(sound[:RATE])
    assert not soft


def test_all_drums_of_general_midi_sound() -> None:
    sound = raw(notes(0, list(range(35, 82)), is_drum=True), seconds=24)
    strokes = [level(sound[n * RATE // 2 : (n + 1) * RATE // 2]) for n in range(47)]
    assert min(strokes) > -75


@pytest.mark.parametrize("program", [0, 4, 6, 16, 24, 33, 56, 71, 73])
def test_in_tune(program: int) -> None:
    """A4 is 440 Hz, to a tenth of a semitone; instruments that are many, or tremble, are left out."""
    sound = raw(notes(program, [69], each=960), seconds=1)
    assert abs(1200 * np.log2(hertz(sound, 440) / 440)) < 10


def test_a_note_ends() -> None:
    """A second after an organ's note nothing of it is left but the room."""
    sound = raw(notes(19, [60], each=960), seconds=4)
    assert level(sound[:RATE]) > -50 and level(sound[3 * RATE :]) < level(sound[:RATE]) - 30


def test_a_loud_crowd_does_not_clip() -> None:
    many = [notes(48, [40 + 2 * n] * 4, velocity=127) for n in range(20)] + [notes(0, [38] * 4, is_drum=True, velocity=127)]
    loud = raw(*many, seconds=3)
    one = raw(many[0], seconds=3)
    assert abs(loud).max() > 1.0 and not (abs(loud) == abs(loud).max()).sum() > 3  # its peaks are peaks, not plateaus
    assert abs(one).max() < 0.5
    sound = render.audio(Score(tuple(many)))
    assert abs(sound).max() <= 10 ** (-1 / 20) + 1e-6


def test_more_than_fifteen_tracks() -> None:
    tracks = [notes(0, [60]) for _ in range(16)]
    assert level(raw(*tracks, seconds=1)) == pytest.approx(level(raw(*tracks[:1], seconds=1)) + 24, abs=2)


def test_another_font(tmp_path: Path) -> None:
    path = tmp_path / "small.sf2"
    path.write_bytes(soundfont.to_bytes(small((0, 0), (0, 40))))
    score = (notes(0, [67], each=960),)
    assert abs(hertz(raw(*score, seconds=1, font=path), 400) - 400) < 1
    assert abs(hertz(raw(notes(41, [67], each=960), seconds=1, font=path), 500) - 500) < 1  # the nearest
    assert not raw(notes(0, [38], is_drum=True), seconds=1, font=path).any()  # it has no drums
    path.write_bytes(soundfont.to_bytes(small((0, 40))))  # changed: read anew
    assert abs(hertz(raw(*score, seconds=1, font=path), 400) - 400) < 1


@pytest.mark.parametrize("data", [b"", b"RIFF....sfbk", b"x" * 1000])
def test_a_file_that_is_no_font(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "bad.sf2"
    path.write_bytes(data)
    with pytest.raises(MelodyError, match=r"bad\.sf2: .*soundfont") as said:
        raw(notes(0, [60]), seconds=1, font=path)
    assert "\n" not in str(said.value)
    with pytest.raises(MelodyError, match="no such file"):
        raw(notes(0, [60]), seconds=1, font=tmp_path / "none.sf2")


def test_the_same_sound_again() -> None:
    assert np.array_equal(raw(notes(0, [60, 64]), seconds=2), raw(notes(0, [60, 64]), seconds=2))
