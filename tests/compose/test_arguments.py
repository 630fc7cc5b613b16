"""Arguments of the Python API: what a wrong one says, and what may be given."""

from itertools import islice

import pytest

from melody import midi
from melody.compose import Generate, Sampling
from melody.errors import CallError

from .test_composer import TUNE

WRONG = [
    ("generate", {"bars": "4"}, "bars is '4', must be a whole number, 1 to 10,000"),
    ("generate", {"bars": 2.5}, "bars is 2.5, must be a whole number"),
    ("generate", {"bars": True}, "bars is True, must be a whole number"),
    ("generate", {"seconds": "x"}, "seconds is 'x', must be a number"),
    ("generate", {"tempo": "120"}, "tempo is '120', must be a number"),
    ("generate", {"tempo": float("nan")}, "tempo is nan, must be 10 to 500"),
    ("generate", {"style": 3}, "style is 3, must be text"),
    ("generate", {"key": 9}, "key is 9, must be text"),
    ("generate", {"meter": 3}, "meter is 3, must look like 3/4"),
    ("generate", {"meter": (3, "4")}, "meter is \\('?3"),
    ("generate", {"meter": b"3/4"}, "meter is b'3/4'"),
    ("generate", {"voices": 5}, "voices is 5, must be text like"),
    ("generate", {"voices": [None]}, "voices is \\[None\\]"),
    ("generate", {"voices": ["p" * 1000]}, "unknown instrument"),
    ("generate", {"seed": "1"}, "seed is '1', must be a whole number"),
    ("generate", {"seed": -1}, "seed is -1, must be 0 to"),
    ("generate", {"temperature": "hot"}, "temperature is 'hot', must be a number, 0 to 100"),
    ("generate", {"temperature": -1}, "temperature is -1, must be 0 to 100"),
    ("generate", {"top_p": 0}, "top_p is 0, must be above 0, at most 1"),
    ("generate", {"top_k": 1.5}, "top_k is 1.5, must be a whole number, 0 or more"),
    ("generate", {"sampling": 1}, "sampling is 1, must be a melody.Sampling"),
    ("generate", {"sampling": Sampling(), "top_k": 2}, "sampling and top_k contradict"),
    ("continue_", {"tune": None}, "tune is of type NoneType"),
    ("continue_", {"tune": 5}, "tune is of type int"),
    ("continue_", {"tune": ""}, "tune is an empty path"),
    ("accompany", {"tune": TUNE, "track": 1.5}, "track is 1.5, must be a name or a number"),
    ("infill", {"tune": TUNE, "from_bar": "1", "to_bar": 2}, "from_bar is '1', must be a whole number"),
    ("infill", {"tune": TUNE, "from_bar": 0, "to_bar": 2}, "from_bar is 0, must be 1 or more"),
    ("stream", {"tempo": "fast"}, "tempo is 'fast'"),
]


@pytest.mark.parametrize(("verb", "arguments", "words"), WRONG)
def test_a_wrong_argument_is_named_in_one_line(composer, verb, arguments, words):
    with pytest.raises(CallError, match=words) as fault:
        getattr(composer, verb)(**arguments)
    assert "\n" not in str(fault.value) and len(str(fault.value)) < 300


def test_a_keyword_that_there_is_not_is_a_type_error_as_in_any_function(composer):
    with pytest.raises(TypeError, match="bar"):
        composer.generate(bar=3)
    with pytest.raises(TypeError, match="temprature"):
        composer.generate(temprature=3)


def test_keywords_are_those_of_the_requests():
    """The signatures are written out for completion; the settings are the truth."""
    import inspect
    from dataclasses import fields

    from melody.compose import REQUESTS, Composer
    from melody.compose.keywords import Continuing, Drawing, OfTune, Sections

    methods = {name: getattr(Composer, name + "_" * (name == "continue")) for name in REQUESTS}
    for name, request in REQUESTS.items():
        further = {"generate": Sections, "continue": Continuing}.get(name, OfTune).__annotations__.keys() - Drawing.__annotations__.keys()
        taken = (set(inspect.signature(methods[name]).parameters) - {"self", "further"}) | further
        assert taken == {f.name for f in fields(request)} - {"fitting"}, name  # for measurements
    assert Drawing.__annotations__.keys() == {f.name for f in fields(Sampling)}


@pytest.mark.slow
def test_no_seed_is_another_piece_every_time(composer, monkeypatch):
    drawn = iter([3, 4])
    monkeypatch.setattr("melody.compose.composer.secrets.randbelow", lambda below: next(drawn))
    assert composer.generate(bars=2) == composer.many([Generate(bars=2, seed=3)])[0]
    assert composer.generate(bars=2) != composer.many([Generate(bars=2, seed=3)])[0]


@pytest.mark.slow
def test_a_tune_may_be_anything_that_holds_one(composer, tmp_path):
    import io

    midi.write(TUNE, tmp_path / "tune.mid")
    data = (tmp_path / "tune.mid").read_bytes()
    expected = composer.accompany(TUNE, seed=1)
    for tune in (str(tmp_path / "tune.mid"), tmp_path / "tune.mid", data, io.BytesIO(data), midi.to_mido(TUNE), midi.to_pretty_midi(TUNE)):
        assert composer.accompany(tune, seed=1).tracks[1:] == expected.tracks[1:]


@pytest.mark.slow
def test_streamed_notes_name_their_instruments(composer):
    notes = list(islice(composer.stream(voices="flute,drums", meter="4/4", tempo=90, seed=2), 60))
    assert {(n.name, n.program, n.is_drum) for n in notes} <= {("Melody", 73, False), ("Drums", 0, True)}
    assert all(n.onset_seconds == pytest.approx(n.onset_beats * 60 / 90) for n in notes)
