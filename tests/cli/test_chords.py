"""``melody chords``, chords in ``inspect`` and in reports, and requests given back."""

import json

import pytest


def test_the_named_progressions(melody):
    said = melody("chords", "--list")
    assert said.status == 0 and "andalusian" in said.out and "i bVII bVI V" in said.out
    assert len(json.loads(melody("chords", "--list", "--json").out)["progressions"]) >= 40


def test_a_lead_sheet_of_a_tune(melody, tune):
    said = melody("chords", tune)
    lines = said.out.splitlines()
    assert said.status == 0 and "estimated" in lines[0] and lines[1].count("|") == 5
    found = json.loads(melody("chords", tune, "--json").out)
    assert found["written"] is False and len(found["bars"]) == json.loads(melody("inspect", tune, "--json").out)["bars"]


@pytest.mark.parametrize("arguments", [(), ("x.mid", "--list")])
def test_a_file_or_the_list(melody, arguments):
    said = melody("chords", *arguments)
    assert said.status == 2 and "give a file, or --list" in said.err


@pytest.mark.slow
def test_what_was_asked_for_stands_in_the_file_and_can_be_asked_for_again(melody, here, model):
    asked = (
        "generate",
        "--model",
        model,
        "--voices",
        "piano,bass",
        "--chords",
        "Am | F . G/B .",
        "--range",
        "C2-C6",
        "--bars",
        4,
        "--seed",
        3,
    )
    asked = (*asked, "--meter", "4/4", "--part", "bass: polyphony=1", "--part", "piano: range=C3-C6", "--temperature", 0.9)
    first = melody(*asked, "-o", "a.mid", "--json")
    assert first.status == 0
    request = json.loads(first.out)["request"]
    assert request["chords"] == "Am | F . G/B ." and request["part"] == ["bass: polyphony=1", "piano: range=C3-C6"]
    assert request["sampling"] == {"temperature": 0.9} and request["version"] == 1
    (here / "ask.json").write_text(first.out)
    assert melody("generate", "--model", model, "--request", "ask.json", "-o", "b.mid").status == 0
    assert (here / "a.mid").read_bytes() == (here / "b.mid").read_bytes()
    assert melody("generate", "--model", model, "--request", "ask.json", "--seed", 4, "-o", "c.mid").status == 0
    assert (here / "a.mid").read_bytes() != (here / "c.mid").read_bytes()
    assert "| Am | F . G/B . |" in melody("chords", "a.mid").out
    facts = json.loads(melody("inspect", "a.mid", "--json").out)
    assert facts["chords"] == {"written": True, "bars": ["Am", "F . G/B .", "Am", "F . G/B ."]} and facts["form"]
    assert "chords by its markers" in melody("inspect", "a.mid").out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--chords", "H7"), "H7"),
        (("--form", "A:0"), "--form"),
        (("--range", "C5-C3"), "--range"),
        (("--density", "99"), "--density"),
        (("--chords", "C", "--progression", "pop"), "--chords and --progression"),
        (("--part", "bass: range=C9-C1", "--voices", "bass"), "range of bass"),
        (("--request", "ask.toml"), "unknown setting"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(melody, here, flags, words):
    (here / "ask.toml").write_text('version = 1\nverb = "generate"\nbarz = 2\n')
    said = melody("generate", *flags, "-o", "x.mid")
    assert said.status == 2 and words in said.err and said.err.count("\n") == 1 and not (here / "x.mid").exists()


def test_a_request_of_another_verb(melody, here, tune):
    (here / "ask.toml").write_text('version = 1\nverb = "generate"\n')
    said = melody("continue", tune, "--request", "ask.toml")
    assert said.status == 2 and "melody generate" in said.err


@pytest.mark.slow
def test_an_infill_given_back(melody, here, model, tune):
    bars = ("--from-bar", 3, "--to-bar", 4)
    first = melody("infill", tune, "--model", model, *bars, "--chords", "F | G", "--seed", 1, "-o", "a.mid", "--json")
    (here / "ask.json").write_text(first.out)
    assert melody("infill", tune, "--model", model, "--request", "ask.json", "-o", "b.mid").status == 0
    assert (here / "a.mid").read_bytes() == (here / "b.mid").read_bytes()


def test_bars_of_an_infill_have_to_be_said(melody, tune):
    said = melody("infill", tune)
    assert said.status == 2 and "--bars is missing" in said.err
