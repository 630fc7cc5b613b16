"""Chord symbols, Roman numerals, progressions, keys with modes, sections, lead sheets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from melody import theory
from melody.errors import CallError
from melody.score import Score, Track, note_table
from melody.theory.chord_symbols import NOTHING, Symbol, from_code, parse_chord
from melody.theory.lead_sheet import estimated_chords, lead_sheet, lines_of_four, marked_chords
from melody.theory.modes import MODES, parse_scale
from melody.theory.progressions import MAX_CHORDS, named_progression, parse_progression, progressions
from melody.theory.sections import bars_back, form_text, parse_form, sections_by, sections_of

A_MINOR, C_MAJOR = 21, 0
PLAIN = ["C", "Am", "F#7", "Bbmaj7", "Dm7", "Bdim", "Caug", "Gsus4", "Esus2", "F#m7b5", "G#dim7", "G/B", "Am7/G", "N"]


@pytest.mark.parametrize("text", PLAIN)
def test_symbols_are_printed_as_they_are_read(text):
    symbol = parse_chord(text)
    assert text in (symbol.label(True), symbol.label(False)) and not symbol.nearest
    assert from_code(symbol.code, symbol.bass) == symbol


@given(st.integers(0, 11), st.sampled_from(theory.QUALITIES), st.integers(0, 11), st.sampled_from([True, False, None]))
def test_every_chord_there_is_can_be_written(root, quality, bass, flats):
    symbol = Symbol(root, quality, bass)
    assert parse_chord(symbol.label(flats)) == symbol


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("C13", "C7"),
        ("Cadd9", "C"),
        ("Am6", "Am"),
        ("Bbmaj9#11", "Bbmaj7"),
        ("G7(b9)", "G7"),
        ("Dm11", "Dm7"),
        ("Fm(maj7)", "Fm"),
        ("E7sus4", "Esus4"),
    ],
)
def test_richer_chords_become_the_nearest_and_say_so(text, nearest):
    symbol = parse_chord(text)
    assert symbol.label(True) == nearest and symbol.nearest


@pytest.mark.parametrize("text", ["H7", "Am/", "C/H", "Cfoo", "", "m7", "C7/", "Q", "C" * 60, "V7/x", "C\n"])
def test_what_is_no_chord_is_named(text):
    if text == "C\n":
        assert parse_chord(text) == parse_chord("C")  # space around is none of it
        return
    with pytest.raises(CallError, match="chord") as fault:
        parse_chord(text, C_MAJOR)
    assert "\n" not in str(fault.value) and fault.value.status == 2


@pytest.mark.parametrize(
    ("numerals", "key", "chords"),
    [
        ("I vi IV V7", C_MAJOR, "C Am F G7"),
        ("ii7 V7/V bVII vii°", C_MAJOR, "Dm7 D7 Bb Bdim"),
        ("i bVI bVII V", A_MINOR, "Am F G E"),
        ("i VI VII vii° #vi°", A_MINOR, "Am F G G#dim F#dim"),
        ("iiø7 V7 i", A_MINOR, "Bm7b5 E7 Am"),
    ],
)
def test_roman_numerals_are_those_of_the_key(numerals, key, chords):
    assert parse_progression(numerals, key).symbols == [parse_chord(text) for text in chords.split()]


def test_numerals_count_in_the_mode():
    scale = parse_scale("D dorian")
    assert [s.label(True) for s in parse_progression("i IV VII", scale.key, scale.degrees).symbols] == ["Dm", "G", "C"]


def test_numerals_need_a_key():
    with pytest.raises(CallError, match="needs a key"):
        parse_progression("I IV V")


def test_words_are_bars_and_lines_share_them_out():
    assert len(parse_progression("Am F C G").bars) == 4
    line = parse_progression("| Am7 | F . G/B . | C |")
    assert [line.beats(bar, 4) for bar in range(3)] == [
        [(0, parse_chord("Am7"))],
        [(0, parse_chord("F")), (2, parse_chord("G/B"))],
        [(0, parse_chord("C"))],
    ]
    assert line.beats(4, 4) == line.beats(1, 4)  # round and round
    assert parse_progression("C G | F").beats(0, 4) == [(0, parse_chord("C")), (2, parse_chord("G"))]
    assert parse_progression("C . G").beats(0, 3) != parse_progression("C . G |").beats(0, 3)  # without a line each word is a bar


def test_repeats_and_the_bar_before():
    assert [s.label() for s in parse_progression("C G x2 F x3").symbols] == ["C", "G", "C", "G", "F", "F", "F"]
    assert len(parse_progression("C | % | %").bars) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "must have a chord"),
        ("| |", "bar 1"),
        ("C | | G", "bar 2"),
        (". C", "dot"),
        ("% C", "before"),
        ("x4", "x4"),
        ("C x0", "x0"),
        ("C " * (MAX_CHORDS + 1), "at most"),
        ("C x9999", "at most"),
        ("C " * 20_000, "characters"),
    ],
)
def test_wrong_progressions(text, words):
    with pytest.raises(CallError, match=words):
        parse_progression(text)


def test_more_places_than_beats():
    with pytest.raises(CallError, match="5 places"):
        parse_progression("C D E F G |").beats(0, 4)


def test_the_named_progressions():
    assert len(progressions()) >= 40
    for name, row in progressions().items():
        read = parse_progression(row.chords, A_MINOR if row.minor else C_MAJOR)
        assert all(read.beats(bar, 4) for bar in range(len(read.bars))), name
        assert row.about and name == name.lower()
    with pytest.raises(CallError, match="did you mean 'blues'"):
        named_progression("bluse")


def test_modes_have_the_notes_of_their_signature():
    for name, (steps, _, _) in MODES.items():
        if len(steps) == 7 and "harmonic" not in name and "melodic" not in name:
            scale = parse_scale(f"D {name}")
            major = scale.fifths * 7 % 12
            assert set(scale.pitch_classes) == {(major + s) % 12 for s in (0, 2, 4, 5, 7, 9, 11)}, name
    assert parse_scale("Bb").key == 10 and parse_scale("f# minor").key == 18


@pytest.mark.parametrize("text", ["D doriann", "H dorian", "Cm dorian", "dorian", "C  dorian x"])
def test_wrong_modes(text):
    with pytest.raises(CallError):
        parse_scale(text)


def test_forms():
    assert form_text(parse_form("AABA", 32)) == "A:8 A:8 B:8 A:8"
    whole = parse_form("intro:4 A:8 A:8 B:8 A':8 outro:4")
    assert [(s.name, s.start, s.source, s.varied) for s in whole][4] == ("A'", 28, 4, True)
    assert sum(s.bars for s in whole) == 40
    assert bars_back(parse_form("A:2 B:2 A:4"), 64).tolist() == [0, 0, 0, 0, 4, 4, 0, 0]
    assert bars_back(parse_form("A:8 B:80 A:8"), 64).max() == 0  # too far back
    assert bars_back(parse_form("A:8 B:40 A:8 C:40 A:8"), 64)[-1] == 48  # the last time that it was there


@pytest.mark.parametrize(
    ("text", "bars"),
    [("A:0", None), ("", None), ("A:", None), ("8", None), ("A B C", 8), ("A:4 B:4", 9), ("A:9999", None), ("A " * 300, None)],
)
def test_wrong_forms(text, bars):
    with pytest.raises(CallError, match="form"):
        parse_form(text, bars)


def tune(pitches, length=480):
    return Score(
        (Track("tune", notes=note_table([length * i for i in range(len(pitches))], [length] * len(pitches), pitches, [80] * len(pitches))),)
    )


def test_sections_are_found_where_passages_come_back():
    a, b = list(range(60, 76)), list(range(59, 43, -1))
    assert form_text(sections_of(tune(a + a + b + a))) == "A:4 A:4 B:4 A:4"
    assert sections_of(Score()) == ()
    assert [s.source for s in sections_by(bars_back(parse_form("A:8 B:8 A:8"), 64))] == [-1, -1, 0]


def test_a_lead_sheet_is_read_back():
    chords = [(0, parse_chord("Am")), (1920, parse_chord("F")), (2880, parse_chord("G/B")), (5760, parse_chord("C"))]
    bars = lead_sheet(tune([60] * 16), chords)
    assert bars == ["Am", "F . G/B .", "G/B", "C"]
    read = parse_progression(" | ".join(bars))
    assert [s.label() for s in read.symbols] == ["Am", "F", "G/B", "G/B", "C"]
    assert lines_of_four(bars) == ["| Am | F . G/B . | G/B | C |"]


def test_chords_by_markers_come_before_those_by_notes():
    piece = tune([60, 64, 67, 64])
    assert theory.chords_in(piece, [(0, "verse"), (0, "Dm")]) == ([(0, parse_chord("Dm"))], True)
    found, written = theory.chords_in(piece, [(0, "verse")])
    assert not written and found == estimated_chords(piece) and found[0][1].root == 0
    assert marked_chords([(0, "N")]) == [(0, NOTHING)]
