import pickle
import string

import pytest

from melody.cli.remedies import COMMANDS, FLAGS, in_flags
from melody.errors import CallError, MelodyError, Remedy, unknown


def test_a_wrong_call_is_a_kind_of_failure_with_its_own_status():
    assert issubclass(CallError, MelodyError)
    assert (MelodyError.status, CallError.status) == (1, 2)


@pytest.mark.parametrize(
    ("name", "known", "words"),
    [
        ("bas", ["bass", "piano"], "did you mean 'bass'?"),
        ("PIANO", ["bass", "Piano"], "did you mean 'Piano'?"),
        ("xyzzy", ["bass", "piano"], "known: bass, piano"),
        ("xyzzy", [f"style{i:02}" for i in range(20)], "style11 ..."),
        ("xyzzy", [], "known: none"),
        ("two\nlines", ["bass"], "'two\\nlines'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_one_or_all(name, known, words):
    fault = unknown("instrument", name, known)
    assert isinstance(fault, CallError)
    assert str(fault).startswith("unknown instrument") and words in str(fault)
    assert "\n" not in str(fault)


def test_each_face_words_the_remedy_in_its_own_way():
    fault = CallError("x.mid exists", Remedy.REPLACE)
    assert str(fault) == "x.mid exists; pass force=True to replace it, or choose another path"
    assert in_flags(fault) == "x.mid exists; add --force to replace it, or choose another --output"
    assert fault.worded({Remedy.REPLACE: "press Replace"}) == "x.mid exists; press Replace"


def test_details_fill_the_gaps_and_may_hold_braces():
    fault = MelodyError("no {pieces}", Remedy.OTHER_SPLIT, split="{train}")
    assert (str(fault), in_flags(fault)) == ("no {pieces}; try the split '{train}'", "no {pieces}; try --split {train}")
    assert str(MelodyError("a {brace}")) == in_flags(MelodyError("a {brace}")) == "a {brace}"


def test_a_note_goes_before_the_remedy():
    fault = CallError("x.mid exists", Remedy.REPLACE).noting("1 of 2 pieces are finished")
    assert isinstance(fault, CallError)
    assert in_flags(fault).startswith("x.mid exists; 1 of 2 pieces are finished; add --force")


def test_an_error_survives_the_way_between_processes():
    fault = pickle.loads(pickle.dumps(CallError("no pieces", Remedy.OTHER_SPLIT, split="valid")))
    assert isinstance(fault, CallError)
    assert (str(fault), in_flags(fault)) == ("no pieces; try the split 'valid'", "no pieces; try --split valid")


@pytest.mark.parametrize("remedy", Remedy, ids=lambda r: r.name)
def test_every_remedy_has_words_for_both_faces(remedy):
    assert (remedy in FLAGS) != (remedy in COMMANDS)
    assert "--" not in remedy.value
    wording = FLAGS.get(remedy, remedy.value)
    assert not wording.endswith(".") and "\n" not in wording
    assert remedy in COMMANDS or "--" in wording


def gaps(words: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(words) if name}


DETAILS = {
    Remedy.INSTALL: {"requirement"},
    Remedy.EXPORT: {"folder"},
    Remedy.SEQUENCE: {"count"},
    Remedy.MEASURE_STYLES: {"folder"},
    Remedy.INDEX_NOTES: {"folder"},
    Remedy.OTHER_SPLIT: {"split"},
    Remedy.SMALLER_BATCH: {"batch", "half", "chunk", "width"},
    Remedy.SMALLER_CHUNK: {"chunk", "width"},
    Remedy.NEW_RUN: {"folder"},
    Remedy.MORE_NOTES: {"most"},
}  # what who raises it has to give; nothing where it is not here


@pytest.mark.parametrize("remedy", Remedy, ids=lambda r: r.name)
def test_the_gaps_of_a_remedy_are_its_details(remedy):
    assert gaps(remedy.value) | gaps(FLAGS.get(remedy, "")) <= DETAILS.get(remedy, set())
