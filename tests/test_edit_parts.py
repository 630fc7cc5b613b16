"""Full scores in sixteen parts: doublings first, then desks of one instrument, then the least busy."""

from __future__ import annotations

import numpy as np

from melody.edit import fewer_tracks
from melody.score import Score, Track, note_table


def track(name: str, program: int, seed: int, notes: int = 40, is_drum: bool = False) -> Track:
    rng = np.random.default_rng(seed)
    return Track(name, program, is_drum, note_table(np.arange(notes) * 240, [200] * notes, rng.integers(40, 90, notes), [80] * notes))


def test_what_fits_stays_as_it_is() -> None:
    score = Score(tuple(track(str(i), i, i) for i in range(16)))
    assert fewer_tracks(score, 16) == (score, "")


def test_a_part_in_unison_goes_into_the_one_that_it_doubles() -> None:
    violin, oboe = track("Violin", 40, 0, 50), track("Oboe", 68, 0, 50)
    oboe.notes["pitch"][:5] += 1  # nine tenths in unison
    made, remark = fewer_tracks(Score((violin, oboe, track("Cello", 42, 1))), 2)
    assert [t.name for t in made.tracks] == ["Violin", "Cello"] or [t.name for t in made.tracks] == ["Oboe", "Cello"]
    assert len(made.tracks[0].notes) == 55  # each note once, and those that were not doubled
    assert remark == "3 tracks to 2: 1 doubling others in unison"


def test_desks_of_one_instrument_are_joined_before_any_is_lost() -> None:
    tracks = (track("Horn 1", 60, 0, 10), track("Horn 2", 60, 1, 12), track("Flute", 73, 2, 5), track("Horn 3", 60, 3, 90))
    made, remark = fewer_tracks(Score(tracks), 3)
    assert [(t.name, len(t.notes)) for t in made.tracks] == [("Horn 1", 22), ("Flute", 5), ("Horn 3", 90)]
    assert remark == "4 tracks to 3: 1 joined with one of the same instrument"


def test_in_the_end_the_busiest_stay() -> None:
    score = Score(tuple(track(str(i), i, i, 10 + i) for i in range(100)))
    made, remark = fewer_tracks(score, 16)
    assert [t.name for t in made.tracks] == [str(i) for i in range(84, 100)]
    assert remark == "100 tracks to 16: 84 left out"


def test_drums_and_instruments_do_not_mix() -> None:
    drums, bass = track("Drums", 0, 0, is_drum=True), track("Piano", 0, 0)
    made, remark = fewer_tracks(Score((drums, bass, track("Flute", 73, 2, 5))), 2)
    assert [t.name for t in made.tracks] == ["Drums", "Piano"] and remark.endswith("1 left out")
