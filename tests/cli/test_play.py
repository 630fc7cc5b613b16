"""play: through what is here, or one line."""

import json

import numpy as np

from melody.errors import MelodyError
from melody.render import player


def test_what_is_played(melody, tune, monkeypatch):
    played = []
    monkeypatch.setattr("melody.render.play", lambda sound, rate: played.append((sound, rate)) or "aplay")
    facts = json.loads(melody("play", tune, "--synth", "tones", "--json").out)
    assert facts["player"] == "aplay" and facts["synthesiser"] == "simple tones"
    (sound, rate), *_ = played
    assert len(sound) / rate > facts["seconds"] and np.abs(sound).max() > 0.1


def test_no_player_is_one_line(melody, tune, monkeypatch):
    monkeypatch.setattr(player, "_through_miniaudio", lambda sound, rate: False)
    monkeypatch.setattr(player, "_commands", lambda path: iter(()))
    said = melody("play", tune, "--synth", "tones")
    assert said.status == MelodyError.status and said.err.startswith("melody: nothing here plays sound") and said.err.count("\n") == 1
    assert not said.out


def test_wrong_calls(melody, tune, here):
    said = melody("play", tune, "--synth", "organ")
    assert said.status == 2 and "unknown synthesiser" in said.err
    said = melody("play", "nothing.mid")
    assert said.status == 1 and "no such file" in said.err
    (here / "bad.sf2").write_bytes(b"no font")
    said = melody("render", tune, "--wav", "--soundfont", "bad.sf2")
    assert said.status in (1, 2) and said.err.count("\n") == 1 and not (here / "tune.wav").exists()
    said = melody("render", tune, "--png", "--soundfont", "bad.sf2")
    assert said.status == 2 and "for sound" in said.err
