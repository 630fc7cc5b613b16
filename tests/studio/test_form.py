"""The form is made of the requests: nothing of them is written twice."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from melody.compose import REQUESTS, Infill
from melody.compose.request import WithTune
from melody.errors import CallError, MelodyError
from melody.settings import setting, settings_of
from melody.studio import form as forms
from melody.studio import limits
from melody.studio.form import form, requests_of
from melody.studio.song import to_page


def test_every_verb_is_a_button_and_every_setting_a_control_or_chosen_in_the_roll(shipped):
    made = form(shipped.bundle)
    assert [v["name"] for v in made["verbs"]] == list(REQUESTS)
    controls = {s["id"]: s for s in made["settings"]}
    for verb in made["verbs"]:
        known = set(settings_of(REQUESTS[verb["name"]]))
        chosen = forms.CHOSEN | forms.WITHOUT | ({"bars", "part"} if verb["hole"] else set())
        assert known == set(verb["settings"]) | (known & chosen)
        assert set(verb["settings"].values()) <= set(controls) and verb["help"]
    for verb in made["verbs"]:
        for name, control in ((n, controls[i]) for n, i in verb["settings"].items()):
            found = settings_of(REQUESTS[verb["name"]])[name]
            assert (control["name"], control["low"], control["high"]) == (name, found.low, found.high) and control["help"]
    assert controls["style"]["choices"] == sorted(shipped.bundle.codec.styles)


def test_a_new_verb_and_a_new_setting_appear_by_themselves(shipped, monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class Vary(Infill):
        """Another version."""

        strength: float = setting(0.5, "How far away.", kind=float, low=0, high=1)
        mood: str | None = setting(None, "How it feels.", kind=str, choices=("calm", "wild"))

    monkeypatch.setitem(forms.REQUESTS, "vary", Vary)
    made = form(shipped.bundle)
    vary = made["verbs"][-1]
    assert (vary["label"], vary["help"], vary["tune"], vary["hole"]) == ("Vary", "Another version.", True, "from_bar")
    controls = {s["id"]: s for s in made["settings"]}
    assert controls["strength"] | {"help": ""} == {
        "id": "strength", "name": "strength", "label": "Strength", "help": "", "kind": "number", "low": 0, "high": 1, "choices": [],
        "suggestions": [], "default": 0.5, "place": "music",
    }  # fmt: skip  # as one row
    assert controls["mood"]["choices"] == ["calm", "wild"] and controls["mood"]["place"] == "more"


def test_bars_as_text_are_those_that_are_selected_and_settings_of_one_name_may_differ(shipped, monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class Vary(WithTune):
        """Another version."""

        bars: str = setting("", "Bars to vary.", kind=str)
        part: str = setting("", "Which part.", kind=str)
        tempo: str = setting("slow", "How fast.", kind=str)
        place: Path | None = setting(None, "A file.", kind=Path)

        def _task(self, bundle):
            raise AssertionError("only the form is made of it, no music")

    monkeypatch.setitem(forms.REQUESTS, "vary", Vary)
    made = form(shipped.bundle)
    vary = made["verbs"][-1]
    assert (vary["hole"], vary["part"]) == ("bars", "part")
    assert vary["settings"]["tempo"] == "vary-tempo" and "place" not in vary["settings"]
    kinds = {s["id"]: (s["label"], s["kind"]) for s in made["settings"]}
    assert kinds["tempo"] == ("Tempo", "number") and kinds["vary-tempo"] == ("Tempo (Vary)", "text")
    assert kinds["bars"] == ("Length in bars", "whole")


@pytest.mark.parametrize(
    "text", ["song.mid", "a.TXT", "../x.chords", "/etc/passwd", "~/chords", "C:\\x\\y", "x" * 400 + ".mid", ["fine", "a.musicxml"]]
)
def test_no_text_of_the_page_names_a_file(text):
    with pytest.raises(CallError, match="cannot name files"):
        requests_of({"verb": "generate", "settings": {"key": text}})


@pytest.mark.parametrize("text", ["Am7 | F . G/B . | C", "ii7 V7 I x4", "bass: range=E1-G3, density=2.5", "intro:4 A:8 A':8", "6/8"])
def test_music_as_text_names_none(text):
    with pytest.raises(CallError, match=r"unknown key|key is"):
        requests_of({"verb": "generate", "settings": {"key": text}})


def test_candidates_have_seeds_that_follow_each_other(scale):
    found = requests_of({"verb": "infill", "song": to_page(scale), "candidates": 3, "settings": {"seed": 5, "from_bar": 2, "to_bar": 3}})
    assert [r.seed for r in found] == [5, 6, 7] and all(r.source.score == scale for r in found)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (None, "object"),
        ([], "object"),
        ({}, "unknown verb"),
        ({"verb": []}, "unknown verb"),
        ({"verb": "__class__"}, "unknown verb"),
        ({"verb": "generate", "candidates": 0}, "candidates is 0"),
        ({"verb": "generate", "candidates": limits.CANDIDATES + 1}, "must be 1 to 8"),
        ({"verb": "generate", "candidates": True}, "candidates is True"),
        ({"verb": "generate", "settings": []}, "settings must be an object"),
        ({"verb": "generate", "settings": {"tune": "/etc/passwd"}}, "unknown setting"),
        ({"verb": "generate", "settings": {"fitting": 1}}, "unknown setting"),
        ({"verb": "generate", "settings": {"bars": 1e9}}, "bars is"),
        ({"verb": "generate", "settings": {"bars": "4"}}, "bars is '4'"),
        ({"verb": "generate", "settings": {"seed": -1}}, "seed is -1"),
        ({"verb": "generate", "settings": {"key": "H"}}, "unknown key"),
        ({"verb": "generate", "drawing": {"temperature": -1}}, "temperature is -1"),
        ({"verb": "generate", "drawing": {"fields": {}}}, "unknown setting"),
        ({"verb": "continue"}, "song"),
        ({"verb": "continue", "song": "/etc/passwd"}, "song"),
        ({"verb": "continue", "settings": {"max_notes": 10**6}}, "unknown setting"),
    ],
)
def test_a_wrong_request_is_one_line(asked, said):
    with pytest.raises(CallError, match=said) as fault:
        requests_of(asked)
    assert "\n" not in str(fault.value)


def test_a_hole_needs_its_bars(scale):
    with pytest.raises(MelodyError, match="is missing"):
        requests_of({"verb": "infill", "song": to_page(scale), "settings": {}})
