import pytest

from melody.errors import CallError, MelodyError, unknown


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
def test_an_unknown_name_is_told_the_nearest_one_or_all(name, known, words):
    fault = unknown("instrument", name, known)
    assert isinstance(fault, CallError)
    assert str(fault).startswith("unknown instrument") and words in str(fault)
    assert "\n" not in str(fault)
