"""The outline of a piece: what it says of a tune that was made for it, as features and as parts of their own, and back."""

import numpy as np
import pytest

from melody.codec import CodecConfig, decode, encode
from melody.codec.columns import Feature, feature_sizes
from melody.codec.decode import decode_piece
from melody.codec.encode import quantise
from melody.codec.outline import UNKNOWN, chord_piece, form_piece, nothing_known, outline_of, read_chords, read_form
from melody.codec.table import CHORD_CODES, CHORD_QUALITIES, CHORDS, FORM, Field, Role
from melody.score import METER, Score, Track, note_table, table

CODEC = CodecConfig(grid=4, velocity_bins=16, version=2)  # a bar of 4/4 has 16 steps
BAR = 16
CHORDS_OF_SONG = ("C", "F", "G7", "C", "C", "F", "G7", "C")  # a bar each: bars 5 to 8 bring back bars 1 to 4
NOTES = {"C": (48, 60, 64, 67), "F": (41, 57, 60, 65), "G7": (43, 59, 62, 65)}
C, F, G7 = 1, 1 + 5, 1 + 12 * 2 + 7


def song(loud=(64,) * 8, drums=False):
    onset, pitch, velocity = [], [], []
    for bar, (name, volume) in enumerate(zip(CHORDS_OF_SONG, loud, strict=True)):
        for i, note in enumerate(NOTES[name]):
            onset += [bar * BAR] if i == 0 else [bar * BAR, bar * BAR + 8]
            pitch += [note] if i == 0 else [note, note]
            velocity += [volume] if i == 0 else [volume, volume]
    order = np.lexsort((pitch, onset))
    lasts = np.where(np.array(pitch) < 50, BAR, 8)[order]
    notes = note_table(np.array(onset)[order], lasts, np.array(pitch)[order], np.array(velocity)[order])
    kit = Track("", 0, True, note_table([0, 4], [1, 1], [36, 42], [90, 90]))
    return quantise(Score((Track("", 0, False, notes), kit) if drums else (Track("", 0, False, notes),), 4), CODEC)


def features(outline, piece, steps):
    out = np.zeros((len(steps), len(Feature)), np.int16)
    outline.features(CODEC, piece.metre, np.array(steps), out)
    return out


def test_chords_and_form_of_a_song():
    found = outline_of(song())
    assert found.onset.tolist() == [bar * BAR for bar in range(8)]
    assert found.chord.tolist() == [C, F, G7, C, C, F, G7, C]
    assert found.bass.tolist() == [0, 5, 7, 0, 0, 5, 7, 0]
    assert found.form.tolist() == [0, 0, 0, 3, 4, 4, 4, 4]  # the fourth bar is the first one, too
    assert len(set(found.texture.tolist())) == 1 and set(found.loudness.tolist()) == {8}


def test_drums_count_only_where_there_is_nothing_else():
    assert outline_of(song(drums=True)).texture.tolist() == outline_of(song()).texture.tolist()
    kit = Track("", 0, True, note_table([0, 8, 16, 24], [1] * 4, [36, 38, 36, 38], [90] * 4))
    alone = outline_of(quantise(Score((kit,), 4), CODEC))
    assert alone.form.tolist() == [0, 1] and set(alone.chord.tolist()) == {0} and (alone.texture > 8).all()


def test_features_say_what_stands_at_a_step_and_what_comes_next():
    piece = song()
    found = features(outline_of(piece), piece, [0, 8, 15, 4 * BAR])
    assert found[:, Feature.CHORD].tolist() == [1 + C, 1 + C, 1 + C, 1 + C]
    assert found[:, Feature.NEXT_CHORD].tolist() == [1 + F] * 4
    assert found[:, Feature.CHORD_LEFT].tolist() == [1 + 8, 1 + 4, 1 + 1, 1 + 8]  # eighths, begun ones counted
    assert found[:, Feature.FORM].tolist() == [1, 1, 1, 1 + 4]
    assert found[:, Feature.BASS].tolist() == [1] * 4 and found[:, Feature.LOUDNESS].tolist() == [9] * 4
    last = features(outline_of(piece), piece, [7 * BAR, 9 * BAR])
    assert last[0, Feature.NEXT_CHORD] == 0 and last[1, Feature.FORM] == 0  # behind the end nothing is known
    assert (found < feature_sizes(CODEC)).all()


def test_what_is_hidden_is_nothing():
    piece = song()
    known, metre = outline_of(piece), features(nothing_known(), piece, [0, 20])
    assert not metre.any()
    columns = {
        "chords": (Feature.CHORD, Feature.BASS, Feature.NEXT_CHORD, Feature.CHORD_LEFT),
        "form": (Feature.FORM,),
        "texture": (Feature.TEXTURE, Feature.LOUDNESS),
    }
    for name, mine in columns.items():
        found = features(known.without(**{name: True}), piece, [0, 20])
        others = [c for c in range(Feature.CHORD, len(Feature)) if c not in mine]
        assert not found[:, list(mine)].any() and found[:, others].all()
    hole = features(known.without_between(piece.metre, BAR, 3 * BAR), piece, [8, BAR, 2 * BAR + 8, 3 * BAR])
    assert hole[1:3, [Feature.CHORD, Feature.BASS, Feature.FORM, Feature.TEXTURE, Feature.LOUDNESS]].sum() == 0
    assert hole[0, Feature.CHORD] == hole[3, Feature.CHORD] == 1 + C and hole[2, Feature.NEXT_CHORD] == 1 + C


@pytest.mark.parametrize("semitones", [-5, 0, 3, 6])
def test_an_outline_moves_with_its_piece(semitones):
    piece = song()
    moved, found = outline_of(piece).transposed(semitones), outline_of(piece.transposed(semitones))
    assert moved.chord.tolist() == found.chord.tolist() and moved.bass.tolist() == found.bass.tolist()
    assert outline_of(piece).louder(9, CODEC).loudness.tolist() == [15] * 8


def test_form_and_chords_are_written_and_read_back():
    piece = song(loud=(40, 50, 60, 70, 80, 90, 100, 110))
    known = outline_of(piece)
    form = form_piece(piece, known)
    rows = encode(form).rows
    assert (rows[0, Field.PITCH], (rows[:, Field.ROLE] == Role.NOTE).sum()) == (128 + FORM - 1, 8)
    back = read_form(piece.metre, decode_piece(rows, CODEC).notes, 8)
    assert all(np.array_equal(getattr(back, name), getattr(known, name)) for name in ("form", "texture", "loudness"))
    chords, given = chord_piece(piece, known)
    rows = encode(chords).rows
    assert not given.any() and rows[0, Field.PITCH] == 128 + CHORDS - 1
    again = read_chords(decode_piece(rows, CODEC), back)
    assert again.chord.tolist() == known.chord.tolist() and again.bass.tolist() == known.bass.tolist()


def test_chords_to_given_notes_are_a_part_after_theirs():
    piece = song(drums=True)
    held = piece.notes["part"] == 1
    chords, given = chord_piece(piece, outline_of(piece), held)
    assert chords.parts["program"].tolist() == [128, CHORDS] and chords.notes["part"][given].tolist() == [0, 0]
    assert (chords.notes["part"][~given] == 1).all() and int((~given).sum()) == 8


def test_a_form_that_was_written_wrong_is_read_as_far_as_it_goes():
    piece = song()
    notes = form_piece(piece, outline_of(piece)).notes[[0, 1, 3]].copy()
    notes["pitch"] = [9, 1, 2]
    found = read_form(piece.metre, notes, 4)
    assert found.form.tolist() == [0, 1, 0, 2]  # there is nothing before the first bar, and a bar without a note is new
    assert found.texture[2] == 0 and found.loudness[2] == UNKNOWN


def test_without_bars_there_is_no_outline():
    seconds = CodecConfig("seconds", 20, 8, version=2)
    piece = quantise(Score((Track("", 0, False, note_table([0], [480], [60], [80])),)), seconds)
    assert not seconds.outlined and not len(outline_of(piece).form)
    empty = quantise(Score((Track(),)), CODEC)
    assert not len(outline_of(empty).form)


def test_bars_without_a_middle_have_one_chord():
    notes = note_table([0, 6, 12, 18], [6] * 4, [60, 67, 65, 69], [80] * 4)
    piece = quantise(Score((Track("", 0, False, notes),), 4, meters=table(METER, [0], [3], [4])), CODEC)
    assert outline_of(piece).onset.tolist() == [0, 12]


def test_the_codes_of_chords_are_those_of_the_names():
    from melody import theory

    assert set(theory.QUALITIES) <= set(CHORD_QUALITIES)  # new ones go to the end: the codes of old ones stay
    assert CHORD_QUALITIES == ("", "m", "7", "maj7", "m7", "dim", "aug", "sus4", "sus2", "m7b5", "dim7") and CHORD_CODES == 133


def test_drums_come_back_as_they_were():
    piece = song(drums=True)
    rows = encode(piece).rows
    assert rows[rows[:, Field.PART] == 1][1:, Field.PITCH].tolist() == [259 + 36, 259 + 42]
    assert decode(rows, CODEC).tracks[1].notes["pitch"].tolist() == [36, 42]
