"""Agreement of an accompaniment with its melody, on pieces whose values are known."""

import numpy as np
import pytest

from melody import edit
from melody.corpus import Corpus
from melody.evaluation.accompaniment import Agreement, Song, agreement, excerpt_of, mean, position, songs_with_lead, wrong_song
from melody.score import Score, Track, note_table

Q, HALF_BAR = 480, 960
EDGES = np.arange(0, 4 * Q + 1, HALF_BAR)  # one bar of 4/4


def voice(onsets, pitches, length=Q, **track):
    return Track(notes=note_table(onsets, [length] * len(onsets), pitches, [80] * len(onsets)), **track)


TUNE = Score((voice([0, Q, 2 * Q, 3 * Q], [72, 76, 77, 81]),))  # C E | F A


def test_each_half_bar_has_its_own_harmony():
    chords = Score((voice([0, 0, 2 * Q, 2 * Q], [48, 52, 53, 57], 2 * Q),))  # C and E, then F and A: what the tune plays, at any octave
    found = agreement(TUNE, chords, EDGES)
    assert (found.hit, found.cosine) == (1, pytest.approx(1))
    swapped = Score((voice([2 * Q, 2 * Q, 0, 0], [48, 52, 53, 57], 2 * Q),))
    assert agreement(TUNE, swapped, EDGES) == Agreement(0, 0)


def test_half_of_the_tune_agrees():
    bass = Score((voice([0, 2 * Q], [36, 41], 2 * Q),))  # C, F: half of each half bar
    found = agreement(TUNE, bass, EDGES)
    assert found.hit == 0.5 and found.cosine == pytest.approx(np.sqrt(0.5))


def test_silence_and_drums_agree_with_nothing():
    assert agreement(TUNE, Score((voice([0], [72], is_drum=True),)), EDGES) == Agreement(0, 0)
    assert agreement(TUNE, Score((voice([], []),)), EDGES) == Agreement(0, 0)


def test_half_bars_in_which_the_tune_sounds_longer_count_more():
    tune = Score((voice([0, 2 * Q], [72, 74], 2 * Q), voice([Q], [72], Q // 2)))
    chord = Score((voice([0], [48], 2 * Q),))
    assert agreement(tune, chord, EDGES).cosine == pytest.approx(2.5 / 4.5)


def test_an_excerpt_begins_in_the_bar_of_the_first_melody_note():
    beats = np.arange(16) * Q
    score = Score((voice(4 * 4 * Q + beats[4:], [72] * 12), voice(np.arange(40) * Q, [48] * 40)))
    song = excerpt_of(score, 0, 3, 4)
    assert song is None  # twelve notes of melody are too few
    score = Score((voice(4 * 4 * Q + Q + np.arange(20) * Q, [72] * 20), voice(np.arange(60) * Q, [48] * 60)))
    song = excerpt_of(score, 0, 3, 5)
    assert song.melody.tracks[0].notes["onset"][0] == Q and song.human.note_count == 20 and song.key == 3
    assert song.edges.tolist() == list(range(0, 5 * 4 * Q + 1, HALF_BAR))
    assert excerpt_of(score, 0, 3, 50) is None


def test_the_wrong_song_is_of_the_same_mode_in_the_same_key_on_the_same_ticks():
    def song(key, pitch, ticks=Q):
        return Song(Score(TUNE.tracks, ticks), Score((voice([0, ticks], [pitch, pitch], ticks),), ticks), key, EDGES)

    songs = [song(0, 60), song(12, 61), song(5, 62, 2 * Q), song(2, 63)]
    wrong = wrong_song(songs, 0)  # the minor one is passed over; from F down to C
    assert wrong.ticks_per_quarter == Q
    assert wrong.tracks[0].notes["pitch"].tolist() == [57, 57] and wrong.tracks[0].notes["onset"].tolist() == [0, Q]
    assert wrong_song(songs, 3).tracks[0].notes["pitch"].tolist() == [62, 62]  # round to the first: C up to D
    assert wrong_song(songs, 1).tracks[0].notes["pitch"][0] == 60  # no other minor song: the one before, from C to C minor


def test_where_a_value_stands():
    wrong, human = Agreement(0.5, 0.2), Agreement(0.75, 0.6)
    assert position(mean([Agreement(0.5, 0.4), Agreement(0.75, 0.4)]), wrong, human) == Agreement(0.5, pytest.approx(0.5))
    assert np.isnan(position(human, wrong, Agreement(0.5, 0.6)).hit)


def test_songs_of_a_corpus(corpus):
    music = Corpus(corpus)
    songs = songs_with_lead(music, "pop909", 6, split="train")
    assert songs and all((s.melody.note_count, s.human.note_count, len(s.edges)) == (24, 18, 13) for s in songs)
    assert len(songs_with_lead(music, "pop909", 6, count=1, split="train")) == 1
    assert not songs_with_lead(music, "no such style", 6, split="train")
    assert all(agreement(s.melody, s.human, s.edges).hit > agreement(s.melody, edit.transpose(s.human, 1), s.edges).hit for s in songs)
