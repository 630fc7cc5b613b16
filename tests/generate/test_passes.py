"""Plans of form and chords: what they declare, where their notes may stand, and what is read back."""

import numpy as np
import pytest

from melody.codec import CodecConfig, encode
from melody.codec.columns import Feature
from melody.codec.encode import blank_piece, quantise
from melody.codec.given import given_notes
from melody.codec.metre import Metre
from melody.codec.outline import nothing_known, outline_of
from melody.codec.table import CHORD_BASE, CHORDS, DRUM_BASE, DRUMS, FORM, FORM_BASE, UNDECLARED, Field, Role
from melody.generate.loop import Writer, pieces, write
from melody.generate.passes import chord_plan, chords_written, form_plan, form_written
from melody.generate.sampling import Sampling
from melody.score import METER, Score, Track, note_table, table

from .conftest import FakeEngine, part_table, plan

CODEC = CodecConfig(grid=4, velocity_bins=16, version=2)
BAR = 16
PLAIN = Sampling(repetition=0)


def of_notes(meter=(4, 4), bars=4, **settings):
    meters = table(METER, [0], [meter[0]], [meter[1]])
    metre = Metre(CODEC, meters)
    return plan(metre=metre, stop=metre.bar_start(bars), ending=metre.bar_start(bars - 1), **settings), blank_piece(CODEC, meters)


def engine():
    return FakeEngine(CODEC)


@pytest.mark.parametrize("meter", [(4, 4), (3, 4), (6, 8), (5, 4)])
def test_a_form_has_one_note_on_every_bar_line(meter):
    made, piece = of_notes(meter, 6)
    form = form_plan(made, piece, nothing_known(), PLAIN)
    (rows,) = write(engine(), [form])
    notes = rows[rows[:, Field.ROLE] == Role.NOTE]
    assert (notes[:, Field.PITCH] >= FORM_BASE).all() and form.parts[0, 0] == FORM
    time = np.cumsum(rows[:, Field.WAIT])[rows[:, Field.ROLE] == Role.NOTE]
    assert time.tolist() == [form.metre.bar_start(bar) for bar in range(6)]
    outline = form_written(form, rows)
    assert len(outline.form) == 6 and (outline.form <= np.arange(6)).all() and (outline.texture > 0).all()


def test_chords_stand_on_bar_lines_and_in_the_middle_and_know_the_form():
    made, piece = of_notes(bars=6)
    form = form_plan(made, piece, nothing_known(), PLAIN)
    outline = form_written(form, write(engine(), [form])[0])
    chords = chord_plan(made, piece, nothing_known(), outline, PLAIN)
    fake = engine()
    (rows,) = write(fake, [chords])
    notes = rows[:, Field.ROLE] == Role.NOTE
    assert ((rows[notes, Field.PITCH] >= CHORD_BASE) & (rows[notes, Field.PITCH] < FORM_BASE)).all() and chords.parts[0, 0] == CHORDS
    assert (np.cumsum(rows[:, Field.WAIT])[notes] % 8 == 0).all()
    assert any(features[..., Feature.FORM].any() for _, features, _ in fake.read)
    whole = chords_written(chords, rows, outline)
    assert whole.form is outline.form and len(whole.chord) == notes.sum()
    assert ((whole.bass >= 0) == (whole.chord > 0)).all()


def test_no_notes_play_a_part_of_an_outline():
    made, _ = of_notes()
    for seed in range(6):
        (rows,) = write(engine(), [plan(metre=made.metre, seed=seed)])
        assert (rows[:, Field.PITCH] < CHORD_BASE).all()


def test_drums_play_their_own_keys():
    made, _ = of_notes()
    (rows,) = write(engine(), [plan(0, DRUMS, metre=made.metre)])
    notes = rows[rows[:, Field.ROLE] == Role.NOTE]
    for part, (low, high) in enumerate([(0, 128), (DRUM_BASE, CHORD_BASE)]):
        mine = notes[notes[:, Field.PART] == part, Field.PITCH]
        assert ((mine >= low) & (mine < high)).all()
    assert len(set(notes[:, Field.PART])) == 2


def tune(drums=False):
    notes = note_table([0, 8, 16, 24], [8] * 4, [60, 64, 67, 60], [64] * 4)
    return quantise(Score((Track("", 0, drums, notes),), 4), CODEC, 0)


def test_a_tune_is_gone_on_with():
    """What it has of form and chords is read first, then the new bars follow."""
    piece = tune()
    known = outline_of(piece)
    made = plan(0, metre=piece.metre, prime=encode(piece).rows[:-1], earliest=32, stop=6 * BAR, ending=5 * BAR)
    form = form_plan(made, piece, known, PLAIN)
    assert (form.prime[:, Field.ROLE] == Role.NOTE).sum() == 2
    (rows,) = write(engine(), [form])
    outline = form_written(form, rows)
    assert (rows[:, Field.ROLE] == Role.NOTE).sum() == 4 and outline.form[:2].tolist() == known.form.tolist()
    chords = chord_plan(made, piece, known, outline, PLAIN)
    (rows,) = write(engine(), [chords])
    whole = chords_written(chords, rows, outline)
    assert whole.chord[: len(known.chord)].tolist() == known.chord.tolist() and whole.onset[len(known.onset)] >= 32


def test_chords_to_a_tune_are_given_the_tune():
    piece = tune()
    given = given_notes(piece, np.ones(len(piece.notes), bool))
    made = plan(0, held=(0,), metre=piece.metre, given=given, stop=32, ending=16)
    chords = chord_plan(made, piece, nothing_known(), outline_of(piece).without(chords=True, texture=True), PLAIN)
    assert chords.parts[:2, 0].tolist() == [0, CHORDS] and chords.parts[0, 2] == 1 and len(chords.given) == 4
    (rows,) = write(engine(), [chords])
    assert set(rows[rows[:, Field.ROLE] == Role.NOTE, Field.PART]) == {1}
    full = plan(*range(16), held=range(16), metre=piece.metre, given=given)
    assert chord_plan(full, piece, nothing_known(), nothing_known(2), PLAIN) is None


def test_passes_in_a_batch_are_those_alone():
    made, piece = of_notes(bars=5)
    forms = [form_plan(plan(metre=made.metre, stop=5 * BAR, ending=4 * BAR, seed=seed), piece, nothing_known(), PLAIN) for seed in range(4)]
    mixed = [plan(0, metre=made.metre, seed=9), *forms, plan(0, DRUMS, metre=made.metre, seed=8)]
    for p, together in zip(mixed, write(engine(), mixed), strict=True):
        assert np.array_equal(write(engine(), [p])[0], together)


def test_a_plan_that_goes_on_keeps_its_number():
    made, _ = of_notes()
    first = [plan(0, metre=made.metre, seed=seed) for seed in range(3)]
    left = {0: 2, 2: 1}  # how often they go on

    def follow(index, events):
        assert events[-1, Field.ROLE] == Role.END
        left[index] = left.get(index, 0) - 1
        return plan(0, metre=made.metre, seed=100 + index + 10 * left[index]) if left[index] >= 0 else None

    found = dict(pieces(engine(), first, 2, None, follow))
    assert sorted(found) == [0, 1, 2]
    assert np.array_equal(found[0], write(engine(), [plan(0, metre=made.metre, seed=100)])[0])
    assert np.array_equal(found[1], write(engine(), [first[1]])[0])
    assert Writer(engine()).add(first[0]) == 0


def test_undeclared_parts_are_undeclared():
    made, piece = of_notes()
    assert (form_plan(made, piece, nothing_known(), PLAIN).parts[1:, 0] == UNDECLARED).all()
    assert part_table(0)[1, 0] == UNDECLARED
