"""ABC tunes, each feature in a line."""

import pytest

from melody import notation
from melody.errors import MelodyError


def notes(body: str, head: str = "M:4/4\nL:1/4\nK:C") -> list[tuple[float, float, int]]:
    score = notation.parse(f"X:1\nT:t\n{head}\n{body}\n".encode())
    unit = score.ticks_per_quarter
    return [(n["onset"] / unit, n["duration"] / unit, int(n["pitch"])) for t in score.tracks for n in t.notes]


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("C c c' C,", [60, 72, 84, 48]),
        ("^F F | F", [66, 66, 65]),
        ("_B =B __A ^^C", [70, 71, 67, 62]),
        ('"Am"A !trill!B {cd}c ~d', [69, 71, 72, 74]),
    ],
)
def test_pitches(body, found) -> None:
    assert [n[2] for n in notes(body)] == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("C2 D/ E/4 F// G3/2", [2, 0.5, 0.25, 0.25, 1.5]),
        ("C>D E<F G>>A", [1.5, 0.5, 0.5, 1.5, 1.75, 0.25]),
        ("(3CDE F", [2 / 3, 2 / 3, 2 / 3, 1]),
        ("(3:2:2CD E", [2 / 3, 2 / 3, 1]),
        ("C-C D", [2, 1]),
        ("C4-|C2 D2", [6, 2]),
    ],
)
def test_lengths(body, found) -> None:
    assert [n[1] for n in notes(body)] == pytest.approx(found, abs=1e-3)


def test_chords_rests_and_bar_rests() -> None:
    assert notes("[CEG]2 z [Ac]|Z|B") == [(0, 2, 60), (0, 2, 64), (0, 2, 67), (3, 1, 69), (3, 1, 72), (8, 1, 71)]


@pytest.mark.parametrize(
    ("key", "sharp"), [("G", {66}), ("D", {66, 61}), ("Dm", {70}), ("Ador", {66}), ("Bb", {70, 63}), ("Emix", {66, 61, 68})]
)
def test_keys(key, sharp) -> None:
    pitches = {n[2] for n in notes("CDEFGAB", f"L:1/4\nK:{key}")}
    assert pitches - {60, 62, 64, 65, 67, 69, 71} == sharp


def test_voices_fields_and_the_first_of_several_tunes() -> None:
    text = 'X:1\nT:one\nM:3/4\nL:1/8\nQ:1/4=90\nK:F\nV:1\nc2B2A2|[M:2/4][K:C]B4|\nV:2 name="low"\nF,6|G,4|\n\nX:2\nK:C\nCCCC\n'
    score = notation.parse(text.encode())
    assert [len(t.notes) for t in score.tracks] == [4, 2] and [t.name for t in score.tracks] == ["one", "low"]
    assert score.meters[["numerator", "denominator"]].tolist() == [(3, 4), (2, 4)]
    assert score.keys["fifths"].tolist() == [-1, 0] and score.tempi["mspq"].tolist() == [666_667]
    assert score.tracks[0].notes["pitch"].tolist() == [72, 70, 69, 71]


def test_a_pickup_is_a_short_bar() -> None:
    score = notation.parse(b"X:1\nM:4/4\nL:1/4\nK:C\nG|cdef|gfed|c3|")
    assert score.meters["numerator"].tolist() == [1, 4] and score.meters["tick"][1] == score.ticks_per_quarter


def test_what_makes_no_sense_is_passed_over() -> None:
    assert [n[2] for n in notes("C @# ) D ] E \\\n")] == [60, 62, 64]
    assert notes("C9999999999 D")[0][1] > 1
    for text in (b"X:1\nK:C\n" + b"(" * 1000, b"X:1\nK:" + b"#" * 1000, b"X:1\nL:1/0\nM:0/0\nQ:1/0=0\nK:C\nC"):
        try:
            notation.parse(text)
        except MelodyError as fault:
            assert "\n" not in str(fault)
