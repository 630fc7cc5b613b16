"""Does an accompaniment go with its melody? Half bar by half bar, and where it stands between another song's and the human's own.

    hit        share of melody time whose pitch class sounds in the accompaniment in the same half bar, 0..1
    cosine     mean cosine between the two chroma vectors of each half bar, weighted by melody time, 0..1
    position   (value - wrong song) / (human - wrong song): 0 is the accompaniment of another song of the same mode, transposed
               to the same key, 1 the human's

Chroma vectors hold sounding time by pitch class, drums left out. Knows Scores; who wrote an accompaniment is for the caller to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody import edit, theory
from melody.corpus import Corpus
from melody.score import Score, Table

MIN_NOTES = 16  # of the melody, and of what accompanies it


@dataclass(frozen=True, eq=False)
class Song:
    """Some bars of a song: its melody alone, the tracks beside it, its key (0..23) and the edges of its half bars in ticks."""

    melody: Score
    human: Score
    key: int
    edges: NDArray[np.int64]


@dataclass(frozen=True)
class Agreement:
    """How an accompaniment goes with a melody, 0..1 each."""

    hit: float
    cosine: float


def songs_with_lead(corpus: Corpus, style: str, bars: int, count: int | None = None, split: str = "test") -> list[Song]:
    """The first ``count`` songs of a split and style whose lead track is named, ``bars`` bars of each from its first melody note on."""
    songs: list[Song] = []
    for index in corpus.split(split):
        facts = corpus.pieces[index]
        if facts.style == style and facts.lead is not None and facts.lead_rule == "name":
            song = excerpt_of(corpus.score(index), facts.lead, facts.key, bars)
            songs += [song] if song is not None else []
        if len(songs) == count:
            break
    return songs


def excerpt_of(score: Score, lead: int, key: int, bars: int) -> Song | None:
    """``bars`` bars from the bar of the first note of track ``lead`` on; None where there are too few bars or notes."""
    lines = theory.bar_ticks(score)
    first = int(np.searchsorted(lines, score.tracks[lead].notes["onset"][0], side="right")) - 1
    if first + bars >= len(lines):
        return None
    piece = edit.cut(score, int(lines[first]), int(lines[first + bars]))
    melody = edit.select_tracks(piece, [lead])
    human = edit.select_tracks(piece, [i for i in range(len(piece.tracks)) if i != lead])
    ends = lines[first : first + bars + 1] - lines[first]
    edges = np.sort(np.concatenate([ends, (ends[1:] + ends[:-1]) // 2]))
    return Song(melody, human, key, edges) if min(melody.note_count, human.note_count) >= MIN_NOTES else None


def agreement(melody: Score, accompaniment: Score, edges: NDArray[np.int64]) -> Agreement:
    """How ``accompaniment`` goes with ``melody`` between ``edges`` (ticks, rising). The melody must sound there."""
    own = theory.chroma(_pitched_notes(melody), edges).astype(float)
    other = theory.chroma(_pitched_notes(accompaniment), edges).astype(float)
    weight = own.sum(1)
    norm = np.linalg.norm(own, axis=1) * np.linalg.norm(other, axis=1)
    cosine = np.divide((own * other).sum(1), norm, out=np.zeros(len(own)), where=norm > 0)
    return Agreement(float((own * (other > 0)).sum() / own.sum()), float((cosine * weight).sum() / weight.sum()))


def wrong_song(songs: Sequence[Song], index: int) -> Score:
    """The accompaniment of the next song of the same mode (or the one before, if there is none), in the key of this one, on its ticks."""
    song = songs[index]
    others = [s for s in (*songs[index + 1 :], *songs[:index]) if s.key // 12 == song.key // 12] or [songs[index - 1]]
    shift = (song.key - others[0].key + 6) % 12 - 6
    return edit.scale_ticks(edit.transpose(others[0].human, shift), song.melody.ticks_per_quarter)


def mean(found: Sequence[Agreement]) -> Agreement:
    """The mean over songs, of at least one."""
    return Agreement(float(np.mean([a.hit for a in found])), float(np.mean([a.cosine for a in found])))


def position(value: Agreement, wrong: Agreement, human: Agreement) -> Agreement:
    """Where ``value`` stands: 0 at ``wrong``, 1 at ``human``; nan where the two are the same."""

    def place(of: float, low: float, high: float) -> float:
        return (of - low) / (high - low) if high != low else float("nan")

    return Agreement(place(value.hit, wrong.hit, human.hit), place(value.cosine, wrong.cosine, human.cosine))


def _pitched_notes(score: Score) -> Table:
    return np.concatenate([t.notes for t in score.tracks if not t.is_drum] or [score.tracks[0].notes[:0]])
