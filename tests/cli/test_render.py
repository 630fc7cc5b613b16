"""render: which files come out of which flags."""

import json
import sys
import wave
from pathlib import Path

import pytest

from melody.cli.render import _targets


@pytest.mark.slow
def test_a_picture_beside_the_file(melody, tune):
    pytest.importorskip("matplotlib")
    said = melody("render", tune)
    assert said.status == 0 and said.out.strip().endswith("tune.png")
    assert tune.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    again = melody("render", tune)
    assert again.status == 2 and "--force" in again.err
    assert melody("render", tune, "--force").status == 0


@pytest.mark.slow
def test_sound(melody, tune):
    facts = json.loads(melody("render", tune, "--wav", "-o", "x.wav", "--json").out)
    assert facts["files"] == ["x.wav"] and facts["synthesiser"] in ("midirenderer", "FluidSynth", "simple tones")
    with wave.open("x.wav") as file:
        assert file.getnframes() / file.getframerate() > facts["seconds"]


@pytest.mark.parametrize(
    ("asked", "output", "files"),
    [
        ([], None, ["in/a.png"]),
        (["svg", "wav"], None, ["in/a.svg", "in/a.wav"]),
        (["opus"], None, ["in/a.opus"]),
        ([], "b.svg", ["b.svg"]),
        (["png"], "b", ["b.png"]),
        (["png"], "v1.2", ["v1.2.png"]),
        (["png", "wav"], "b.wav", ["b.png", "b.wav"]),
        (["wav"], "folder", ["folder/a.wav"]),
    ],
)
def test_targets(here, asked, output, files):
    (here / "folder").mkdir()
    assert [str(p) for p in _targets(Path("in/a.mid"), asked, Path(output) if output else None)] == files


@pytest.mark.parametrize(("flags", "words"), [(("-o", "x.gif"), "does not end in"), (("--wav", "-o", "x.png"), "contradict")])
def test_calls_that_are_wrong(melody, tune, here, flags, words):
    said = melody("render", tune, *flags)
    assert said.status == 2 and words in said.err
    assert [p.name for p in here.iterdir()] == ["tune.mid"]


@pytest.mark.parametrize("name", ["", ".", "folder"])
def test_a_folder_is_no_file(melody, here, name):
    (here / "folder").mkdir()
    said = melody("render", name)
    assert said.status == 1 and "is a folder, not a file" in said.err and said.err.count("\n") == 1


def test_notation_out_and_in(melody, tune, here):
    said = melody("render", tune, "--musicxml")
    assert said.status == 0 and (here / "tune.musicxml").read_bytes().startswith(b"<?xml")
    facts = json.loads(melody("inspect", "tune.musicxml", "--json").out)
    assert facts["notes"] == json.loads(melody("inspect", tune, "--json").out)["notes"]
    said = melody("render", "tune.musicxml", "-o", "again.musicxml", "--json")
    assert json.loads(said.out)["files"] == ["again.musicxml"]


def test_a_sheet(melody, tune, here):
    pytest.importorskip("verovio")
    assert melody("render", tune, "--sheet").status == 0
    assert "<svg" in (here / "tune.sheet.svg").read_text("utf-8")[:200]
    assert melody("render", tune, "-o", "other.sheet.svg").status == 0


def test_a_sheet_without_verovio_is_one_line(melody, tune, here, monkeypatch):
    monkeypatch.setitem(sys.modules, "verovio", None)
    said = melody("render", tune, "--sheet")
    assert said.status == 1 and "pip install 'melody-lstm[notation]'" in said.err and said.err.count("\n") == 1
