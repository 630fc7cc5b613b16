"""Statistics of new bars, on pieces whose values are known."""

import numpy as np
import pytest

from melody.corpus import Corpus
from melody.evaluation.continuation import STATISTICS, Comparison, beside_human, primes, statistics
from melody.score import Score, Track, note_table

BAR = 4 * 480
SCALE = [60, 62, 64, 65, 67, 69, 71, 72]  # C major


def piece(*bars):
    """A bar is a list of pitches, spread over it evenly; each note is as long as its place."""
    onsets = np.concatenate([b * BAR + np.arange(len(bar)) * (BAR // max(1, len(bar))) for b, bar in enumerate(bars)]).astype(int)
    lengths = np.concatenate([np.full(len(bar), BAR // max(1, len(bar))) for bar in bars]).astype(int)
    pitches = [p for bar in bars for p in bar]
    return Score((Track(notes=note_table(onsets, lengths, pitches, [80] * len(pitches))),))


def test_all_in_the_key_and_nothing_new():
    found = statistics(piece(SCALE, SCALE[::-1], SCALE, SCALE[::-1]), 2, 2)
    assert found == {"key": 1, "density": 1, "repeated": 1, "empty": 0, "range": 12}


def test_what_is_new():
    # Foreign notes for half of the time, half as many notes, one bar of silence; the last bar repeats a bar that is new itself.
    found = statistics(piece(SCALE, SCALE, [61, 60, 63, 64], [], [67, 68, 70, 72], [61, 60, 63, 64]), 2, 4)
    assert found["density"] == 12 / 4 / 8 and found["empty"] == 0.25 and found["repeated"] == 0.25
    assert found["key"] == pytest.approx(6 / 12)


def test_a_minor_key_has_both_sixths_and_sevenths():
    minor = [69, 71, 72, 74, 76, 77, 80, 81]
    assert statistics(piece(minor, minor, [77, 78, 79, 80]), 2, 1)["key"] == 1
    assert statistics(piece(minor, minor, [70, 73]), 2, 1)["key"] == 0


def test_nothing_new_at_all():
    assert statistics(piece(SCALE, []), 1, 1) == {"key": 0, "density": 0, "repeated": 0, "empty": 1, "range": 0}


def test_bars_after_those_that_count_do_not_count():
    assert statistics(piece(SCALE, SCALE, [61] * 9), 1, 1) == statistics(piece(SCALE, SCALE), 1, 1)


def test_quartiles():
    rows = [dict.fromkeys(STATISTICS, float(value)) for value in range(5)]
    found = beside_human(rows, [dict.fromkeys(STATISTICS, 3.0), dict.fromkeys(STATISTICS, 3.2)])
    assert found["key"] == Comparison(1, 2, 3, 2, pytest.approx(3.1)) and not found["key"].within
    assert beside_human(rows, rows)["range"].within and beside_human(rows, rows[1:2])["range"].within
    assert not beside_human(rows, rows[:1])["range"].within


def test_primes_of_a_corpus(corpus):
    music = Corpus(corpus)
    pairs = primes(music, "waltz", 6, 4, split="train")
    assert pairs and len(primes(music, "waltz", 6, 4, 1, "train")) == 1
    for prime, whole in pairs:
        assert prime.end_tick <= 6 * 3 * 480 < whole.end_tick <= 10 * 3 * 480
        notes = prime.tracks[0].notes
        assert (whole.tracks[0].notes["pitch"][: len(notes)] == notes["pitch"]).all()
    assert not primes(music, "waltz", 6, 40, split="train") and not primes(music, "no such style", 6, 4, split="train")
