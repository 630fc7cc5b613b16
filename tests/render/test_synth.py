"""Audio: the right length, the right pitch, not silent; with every synthesiser that is here."""

import wave
from pathlib import Path

import numpy as np
import pytest

from melody import render
from melody.errors import CallError, MelodyError
from melody.render import sampler, synth
from melody.render.loudness import CEILING, loudness
from melody.score import PEDAL, Score, Track, note_table, table

RATE = 16_000


def a4(seconds: float = 1.0, is_drum: bool = False) -> Score:
    """One A above middle C; 960 ticks a second."""
    return Score((Track("", 0, is_drum, note_table([0], [round(960 * seconds)], [69], [100])),))


def here(choice: str) -> str:
    try:
        synth.synthesiser(choice)
    except MelodyError:
        pytest.skip(f"no {choice} here")
    return choice


@pytest.mark.parametrize("choice", synth.SYNTHESISERS)
def test_pitch_length_peak_and_loudness(choice: str) -> None:
    sound = render.audio(a4(), RATE, synth=here(choice))
    assert sound.dtype == np.float32
    assert sound.shape == (round((1 + synth.TAIL) * RATE), 1 if choice == "tones" else 2)
    assert abs(sound).max() <= CEILING + 1e-6
    assert loudness(sound, RATE) == pytest.approx(-16, abs=2)
    spectrum = abs(np.fft.rfft(sound[:RATE].mean(axis=1) * np.hanning(RATE)))  # one second: a bin is one hertz
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert abs(sound[-3:]).max() < 0.001  # nothing is cut off


def test_the_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "_fluidsynth", lambda: None)
    monkeypatch.setattr(sampler, "available", lambda: True)
    assert synth.synthesiser() == synth.synthesiser("midirenderer") == "midirenderer"
    assert synth.synthesiser("tones") == "simple tones"
    monkeypatch.setattr(sampler, "available", lambda: False)
    assert synth.synthesiser() == "simple tones"
    with pytest.raises(MelodyError, match="midirenderer, which is not installed"):
        synth.synthesiser("midirenderer")
    with pytest.raises(MelodyError, match="libfluidsynth"):
        synth.synthesiser("fluidsynth")
    with pytest.raises(CallError, match="did you mean 'tones'"):
        synth.synthesiser("tone")


def test_simple_tones_have_no_drums_and_no_soundfont() -> None:
    sound = render.audio(a4(), RATE, synth="tones")
    assert abs(sound[: RATE // 2]).max() > 0.1
    assert not render.audio(a4(is_drum=True), RATE, synth="tones").any()
    with pytest.raises(CallError, match="simple tones need no soundfont"):
        render.audio(a4(), RATE, "a.sf2", "tones")


def test_a_note_of_no_length_is_heard() -> None:
    for onset, duration in (([0], [0]), ([0, 960], [960, 0])):
        score = Score((Track(notes=note_table(onset, duration, [69] * len(onset), [80] * len(onset))),))
        sound = render.audio(score, RATE, synth="tones")
        at = RATE * onset[-1] // 960
        assert abs(sound[at : at + RATE // 50]).max() > 0.1


def test_pedal_is_heard() -> None:
    notes = note_table([0, 1920], [96, 96], [69, 40], [100, 1])
    dry = render.audio(Score((Track(notes=notes),)), RATE, synth="tones")
    held = render.audio(Score((Track(notes=notes, pedal=table(PEDAL, [10, 900], [127, 0])),)), RATE, synth="tones")
    window = slice(RATE // 2, RATE // 2 + 1000)
    assert abs(held[window]).max() > 10 * abs(dry[window]).max()


def test_events_are_in_order_and_every_note_is_struck_and_let_go() -> None:
    score = Score((Track(), Track(notes=note_table([0, 480, 480], [480, 0, 480], [60, 61, 60], [9, 9, 9]))))
    events = synth._events(score, 10**6, RATE)
    assert [e[0] for e in events] == sorted(e[0] for e in events)
    assert sum(e[1] for e in events) == 3 == sum(not e[1] for e in events)
    at = events.index([RATE // 2, 0, 0, 60, 9])
    assert at < events.index([RATE // 2, 1, 0, 60, 9])  # let go before it is struck again
    assert synth._events(Score(), 10, RATE) == []


def test_wav_is_a_16_bit_file_that_replaces(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    assert render.wav(a4(), path, RATE) == render.synthesiser()
    with wave.open(str(path)) as file:
        assert (file.getsampwidth(), file.getframerate(), file.getnframes()) == (2, RATE, 3 * RATE)
        samples = np.frombuffer(file.readframes(RATE), "<i2")
    assert abs(samples.astype(int)).max() > 5_000
    assert list(tmp_path.iterdir()) == [path]


def test_opus_is_read_back(tmp_path: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "a.opus"
    assert render.opus(a4(), path) == render.synthesiser()
    sound, rate = soundfile.read(path, always_2d=True)
    assert rate == 48_000 and abs(len(sound) - 3 * rate) < 1000 and path.stat().st_size < 200_000
    spectrum = abs(np.fft.rfft(sound[:rate].mean(axis=1) * np.hanning(rate)))
    assert abs(int(spectrum.argmax()) - 440) <= 1
    assert loudness(sound.astype(np.float32), rate) == pytest.approx(-16, abs=2)


def test_silence_stays_silent() -> None:
    assert not render.audio(Score(), RATE).any()


def test_limits() -> None:
    with pytest.raises(MelodyError, match="minutes"):
        render.audio(a4(4000))
    with pytest.raises(CallError, match="sample rate"):
        render.audio(a4(), 0)
