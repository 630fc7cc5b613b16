"""Steering: what a person says of chords, form, key, density, polyphony, range and single parts, and requests as files."""

import json

import numpy as np
import pytest

from melody import midi, theory
from melody.compose import Accompany, Continue, Generate, Infill
from melody.compose.request_file import plain_request, read_request
from melody.compose.steering.amounts import parse_range
from melody.compose.steering.chords import chords_of_file
from melody.compose.steering.form import exact
from melody.compose.steering.steered import _merged
from melody.errors import CallError, MelodyError
from melody.score import Score, Track, note_table
from melody.theory.sections import parse_form

TUNE = Score(
    (
        Track("Lead", 0, notes=note_table(np.arange(32) * 480, [480] * 32, 60 + np.arange(32) % 12, [80] * 32)),
        Track("Low", 33, notes=note_table(np.arange(8) * 1920, [1900] * 8, [36, 43] * 4, [70] * 8)),
    ),
    markers=((0, "C"), (7680, "G"), (9600, "verse")),
)

WRONG = [
    ({"chords": "H7"}, "unknown chord 'H7'"),
    ({"chords": "Am/"}, "after the slash"),
    ({"chords": "C " * 1000}, "at most"),
    ({"chords": "| |"}, "no chord and no beat"),
    ({"chords": "I IV"}, "needs a key"),
    ({"chords": 3}, "chords is 3, must be text"),
    ({"chords": "C", "progression": "pop"}, "contradict"),
    ({"progression": "popp"}, "did you mean 'pop'"),
    ({"form": "A:0"}, "1 to 999 bars"),
    ({"form": "AABA", "bars": 30}, "share 30 bars"),
    ({"form": "A:4 B:4", "bars": 9}, "form has 8 bars and bars is 9"),
    ({"form": "AABA", "seconds": 9.0}, "contradicts seconds"),
    ({"returns": "exact"}, "give form too"),
    ({"returns": "often"}, "one of: varied, exact"),
    ({"range": "C5-C3"}, "the lower pitch comes first"),
    ({"range": "C3"}, "must be two pitches"),
    ({"range": "H3-C5"}, "must be two pitches"),
    ({"range": "C3-C12"}, "must be two pitches"),
    ({"density": "lots"}, "must be low, medium, high, or 0.1 to 16"),
    ({"density": 0}, "0.1 to 16"),
    ({"density": float("nan")}, "0.1 to 16"),
    ({"density": True}, "0.1 to 16"),
    ({"polyphony": 0}, "polyphony is 0, must be 1 to 7"),
    ({"part": "bass"}, "must look like"),
    ({"part": "bass: rnage=C1-C2"}, "did you mean 'range'"),
    ({"part": "bass: range=C3-C1"}, "range of bass is 'C3-C1'"),
    ({"part": "bass: polyphony=9"}, "polyphony of bass is '9'"),
    ({"part": "bass: density=99"}, "density of bass is '99'"),
    ({"part": [3]}, "must be text like"),
    ({"key": "D doriann"}, "did you mean 'dorian'"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_what_cannot_be_is_said_before_any_work(arguments, words):
    with pytest.raises(CallError, match=words) as fault:
        Generate(**arguments)
    assert "\n" not in str(fault.value) and fault.value.status == 2


def pitches(score):
    return np.concatenate([t.notes["pitch"] for t in score.tracks if not t.is_drum])


def test_what_is_written_has_the_range_the_voices_and_the_chords_asked_for(composer):
    piece = composer.generate(bars=4, voices="piano,bass", chords="Am | F . G/B .", range="C2-C5", polyphony=1, seed=1, meter="4/4")
    low, high = parse_range("C2-C5")
    assert low <= pitches(piece).min() and pitches(piece).max() <= high
    for track in piece.tracks:
        notes = track.notes
        assert (notes["onset"][1:] >= (notes["onset"] + notes["duration"])[:-1]).all()
    assert [text for _, text in piece.markers] == ["Am", "F", "G/B", "Am", "F", "G/B"]
    assert [tick for tick, _ in piece.markers] == [0, 1920, 2880, 3840, 5760, 6720]
    again = midi.parse(midi.to_bytes(piece))
    assert theory.chords_in(again, midi.markers(again))[1] and again.markers == piece.markers


def test_a_part_has_its_own_range_whatever_holds_for_the_others(composer):
    piece = composer.generate(bars=4, voices="piano,bass", range="C4-C6", part=["bass: range=E1-E2"], seed=2)
    by_program = {t.program: t.notes["pitch"] for t in piece.tracks}
    assert by_program[33].max() <= 40 and by_program[0].min() >= 60


def test_parts_that_there_are_not_are_named(composer):
    with pytest.raises(CallError, match="unknown part"):
        composer.generate(bars=2, voices="piano,bass", part="bast: range=C1-C2", seed=1)
    with pytest.raises(CallError, match="say which there are with voices"):
        composer.generate(bars=2, part="bass: range=C1-C2", seed=1)
    with pytest.raises(CallError, match="drums"):
        composer.generate(bars=2, voices="piano,drums", part="drums: range=C1-C2", seed=1)


def test_more_chords_than_beats_are_refused(composer):
    with pytest.raises(CallError, match="5 places"):
        composer.generate(bars=2, meter="3/4", chords="C D E F G |", seed=1)


def test_the_length_is_that_of_form_or_chords_where_nothing_is_said(composer):
    assert theory.bar_count(composer.generate(form="A:3 A:3 B:2", returns="exact", meter="4/4", seed=1)) == 8
    bars = theory.bar_count(composer.generate(chords="C F G", meter="4/4", seed=1))
    assert bars % 3 == 0 or bars < 18  # whole rounds, or an ending before the last bar is over


def test_sections_come_back_note_for_note(composer):
    piece = composer.generate(form="A:2 A:2 B:2 A:2", returns="exact", meter="4/4", voices="piano", seed=3)
    notes = piece.tracks[0].notes
    first = notes[notes["onset"] < 3840]
    for bar in (2, 6):
        mine = notes[(notes["onset"] >= bar * 1920) & (notes["onset"] < bar * 1920 + 3840)]
        assert (mine["pitch"] == first["pitch"]).all() and (mine["onset"] - bar * 1920 == first["onset"]).all()
    assert [text for _, text in piece.markers] == ["section A", "section A", "section B", "section A"]


def test_a_section_with_a_prime_is_not_copied():
    sections = parse_form("A:2 A':2 A:2")
    out = exact(TUNE, sections, 0).tracks[0].notes
    assert (out["pitch"][16:24] == out["pitch"][:8]).all() and (out["pitch"][8:16] == TUNE.tracks[0].notes["pitch"][8:16]).all()


def test_markers_of_a_span_give_way_and_what_held_after_it_goes_on():
    old = ((0, "C"), (1920, "section A"), (9600, "G"))
    assert _merged(old, [(1920, "F"), (2880, "Bb")], (1920, 3840)) == (
        (0, "C"),
        (1920, "section A"),
        (1920, "F"),
        (2880, "Bb"),
        (3840, "C"),
        (9600, "G"),
    )
    assert _merged(old, [(0, "section B")], (0, 19200)) == ((0, "C"), (0, "section B"), (9600, "G"))


@pytest.mark.parametrize("verb", ["continue", "accompany", "infill"])
def test_chords_of_every_verb_about_a_tune(composer, verb):
    kinds = {
        "continue": lambda: Continue(tune=TUNE, bars=2, chords="Dm | G7", seed=1),
        "accompany": lambda: Accompany(tune=TUNE, voices="piano", chords="ii V", seed=1),
        "infill": lambda: Infill(tune=TUNE, from_bar=3, to_bar=4, chords="Dm | G7", seed=1),
    }
    piece = composer.many([kinds[verb]()])[0]
    where = {"continue": 8, "accompany": 0, "infill": 2}[verb]
    assert (where * 1920, "Dm") in piece.markers
    assert (9600, "verse") in piece.markers
    if verb == "infill":
        assert (4 * 1920, "G") in piece.markers and (0, "C") in piece.markers


def test_nothing_asked_changes_nothing(composer):
    plain = composer.generate(bars=2, seed=5)
    assert plain == composer.generate(bars=2, seed=5, part=(), chords=None) and plain.markers == ()


def test_a_mode_is_a_scale_and_a_signature(composer):
    piece = composer.generate(bars=4, key="D dorian", voices="piano", meter="4/4", seed=2)
    assert (piece.keys["fifths"][0], bool(piece.keys["minor"][0])) == (0, True)
    inside = np.isin(pitches(piece) % 12, [0, 2, 4, 5, 7, 9, 11])
    assert inside.mean() > 0.9


def test_a_model_without_form_says_so(untrained, composer):
    with pytest.raises(CallError, match="no bars"):
        untrained.generate(chords="C", seed=1)
    if not composer.bundle.codec.outlined:
        with pytest.raises(CallError, match="learned no form"):
            composer.generate(form="AABA", seed=1)
        with pytest.raises(MelodyError, match="learned no chords"):
            composer.next_chords("C F")


def test_chords_of_files(tmp_path):
    (tmp_path / "song.txt").write_text("Am7 | F . G/B .\nC | %\n")
    assert Generate(chords=str(tmp_path / "song.txt")).chords == "Am7 | F . G/B .\nC | %"
    midi.write(Score(TUNE.tracks, markers=((0, "C"), (1920, "F"), (2880, "G"))), tmp_path / "song.mid")
    assert chords_of_file(tmp_path / "song.mid").startswith("C | F . G . | G")
    (tmp_path / "none.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MelodyError, match="no text"):
        Generate(chords=str(tmp_path / "none.txt"))
    with pytest.raises(MelodyError, match="no such file"):
        Generate(chords="nothing.mid")


def test_a_request_given_back_is_the_same_request(tmp_path, composer):
    asked = Generate(
        bars=2, voices="piano,bass", chords="Am F", density=2.0, range="C2-C6", part=["bass: range=E1-G3"], seed=4, meter="4/4"
    )
    (tmp_path / "ask.json").write_text(json.dumps(plain_request(asked)))
    (tmp_path / "report.json").write_text(json.dumps({"files": [], "request": plain_request(asked)}))
    lines = [f"{k} = {json.dumps(v)}" for k, v in plain_request(asked).items()]
    (tmp_path / "ask.toml").write_text("\n".join(lines))
    expected = midi.to_bytes(composer.many([asked])[0])
    for name in ("ask.json", "report.json", "ask.toml"):
        again = read_request(tmp_path / name)
        assert again == asked and midi.to_bytes(composer.many([again])[0]) == expected


BROKEN = [
    ("version = 2\nverb = 'generate'", CallError, "version is 2, must be 1"),
    ("verb = 'generate'", CallError, "version is None"),
    ("version = 1\nverb = 'compose'", CallError, "unknown verb"),
    ("version = 1\nverb = 'generate'\nbarz = 3", CallError, "did you mean 'bars'"),
    ("version = 1\nverb = 'generate'\ntune = 'x.mid'", CallError, "unknown setting"),
    ("version = 1\nverb = 'generate'\n[sampling]\nheat = 1", CallError, "unknown sampling"),
    ("version = 1\nverb = 'generate'\nsampling = 1", CallError, "must be a table"),
    ("version = 1\nverb = 'generate'\nbars = 'x'", CallError, "bars is 'x'"),
    ("version = 1\nverb = 'infill'", CallError, "bars is missing"),
    ("version == 1", MelodyError, "is no toml"),
]


@pytest.mark.parametrize(("text", "kind", "words"), BROKEN)
def test_broken_request_files(tmp_path, text, kind, words):
    (tmp_path / "ask.toml").write_text(text)
    with pytest.raises(kind, match=words) as fault:
        read_request(tmp_path / "ask.toml", TUNE if "infill" in text else None)
    assert "\n" not in str(fault.value)


def test_the_page_names_every_setting():
    """docs/steering.md, and what a request has beside the settings that there were before."""
    from pathlib import Path

    from melody.compose.keywords import Drawing, Sections

    page = (Path(__file__).resolve().parents[2] / "docs" / "steering.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in Sections.__annotations__.keys() - {"original", "passes"} - Drawing.__annotations__.keys())


def test_chords_with_dots_say_the_meter_where_nobody_does(composer):
    for text, meter in (("C . . F | C", (4, 4)), ("Am . G | C", (3, 4))):
        for seed in range(4):
            made = composer.generate(chords=text, bars=2, seed=seed)
            assert (int(made.meters["numerator"][0]), int(made.meters["denominator"][0])) == meter
    with pytest.raises(CallError, match="4 places"):
        composer.generate(chords="C . . F | C", meter="3/4", bars=2, seed=1)
