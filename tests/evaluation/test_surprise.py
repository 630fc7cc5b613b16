"""Surprise: the nats of a piece's notes are those of its likelihood, alternatives are probabilities, a wrong note stands out."""

import numpy as np
import pytest

from melody import bundle, midi
from melody.corpus import Corpus
from melody.errors import CallError, MelodyError
from melody.evaluation.likelihood import likelihood
from melody.evaluation.surprise import surprise
from melody.score import Score, Track, note_table
from melody.theory import pitch_name


@pytest.fixture(scope="module")
def network(model):
    return bundle.load_model(bundle.read(model))


def test_notes_cost_what_they_cost_in_evaluation(network, corpus, songs):
    music = Corpus(corpus)
    index = next(i for i, p in enumerate(music.pieces) if p.source.endswith("pop909/0.mid"))
    found = surprise(network, midi.read(songs / "pop909" / "0.mid"), style="pop909")
    facts = likelihood(network, music, [index])
    assert len(found.notes) == facts["notes"] == music.pieces[index].note_count
    for name in ("wait", "duration"):  # declarations and the end choose nothing there
        assert found.per_note()[name] == pytest.approx(facts["nats_per_note"][name], abs=1e-4)


def test_what_was_expected(network, songs):
    found = surprise(network, midi.read(songs / "waltz" / "1.mid"))
    for note in found.notes:
        assert set(note.expected) == {"wait", "pitch", "duration"}
        for mine in note.expected.values():
            shares = [e.probability for e in mine]
            assert shares == sorted(shares, reverse=True) and 0 < sum(shares) <= 1.0005
        named = {e.name: e.probability for e in note.expected["pitch"]}
        if note.name in named:
            assert named[note.name] == pytest.approx(np.exp(-note.nats[3]), abs=1e-3)
    assert found.notes[0].bar == 0 and found.notes[-1].bar == 11
    assert found.lines[:3].tolist() == [0, 72, 144]
    word = found.shaded()[1].title
    assert word.startswith("bar 1, beat ") and "nats" in word and "Expected wait:" in word
    assert found.plain()[0]["bar"] == 1 and set(found.plain()[0]["nats"]) >= {"total", "pitch"}


def test_rests_are_paid_by_the_next_note(network):
    notes = note_table([0, 480, 480 * 30], [400] * 3, [60, 62, 64], [80] * 3)
    found = surprise(network, Score((Track(notes=notes),)))
    assert [n.onset for n in found.notes] == [0, 24, 720] and found.notes[2].nats[0] > 1


def test_pieces_that_cannot_be_read(network):
    with pytest.raises(MelodyError, match="no notes in it"):
        surprise(network, Score(), "empty.mid")
    many = note_table(np.arange(50_001), np.ones(50_001), np.full(50_001, 60), np.full(50_001, 60))
    with pytest.raises(MelodyError, match="shorten it first"):
        surprise(network, Score((Track(notes=many),)))
    with pytest.raises(CallError, match="did you mean 'waltz'"):
        surprise(network, Score((Track(notes=many[:3]),)), style="waltzz")


def test_more_tracks_than_parts_and_drums(network):
    notes = note_table([0, 480], [400] * 2, [40, 42], [80] * 2)
    score = Score(tuple(Track(f"T{i}", i, i == 3, notes) for i in range(20)))
    found = surprise(network, score)
    assert len(found.notes) == 32 and len(found.score.tracks) == 16
    assert {n.name for n in found.notes if n.part == 3} == {"Snare", "Hi-hat"}


def test_names():
    assert [pitch_name(p) for p in (0, 60, 61, 127)] == ["C-1", "C4", "C#4", "G9"]
