"""Tracks that are drums by their name and their notes, whatever channel they play on.

A bass line lies in the same octaves as a kit, so notes alone say nothing: the name has to say drums, and the notes have to be a kit.
"""

from __future__ import annotations

import re

import numpy as np

from melody.score import Score, Track

NAMES = re.compile(
    r"(?<!steel )(?<!\w)(drums?|drum ?(kit|set|track)|drumkit|kit|percussion|perc|beats?|"
    r"batterie|bater[i\u00ed]a|batteria|schlagzeug|trommeln?)(?!\w)|\u0443\u0434\u0430\u0440\u043d|\u0431\u0430\u0440\u0430\u0431\u0430\u043d|\u30c9\u30e9\u30e0|\u9f13"
)
KIT = np.array([*range(35, 52), *range(53, 58), 59])  # of General MIDI, without what is hardly ever struck
HEART = {35, 36, 37, 38, 40, 42, 44, 46}  # bass drum, snare, hi-hat
MIN_SHARE = 0.9  # of the notes


def looks_like_drums(track: Track) -> bool:
    """Whether a track that its file plays with pitches has the name and the notes of a drum kit."""
    pitches = track.notes["pitch"]
    if track.is_drum or not len(pitches) or not NAMES.search(" ".join(re.split(r"[_\-.\d\s]+", track.name.casefold()))):
        return False
    return bool(np.isin(pitches, KIT).mean() >= MIN_SHARE and len(HEART.intersection(pitches.tolist())) >= 2)


def likely_drums(score: Score) -> list[int]:
    """Indices of the tracks that look like drums and are none.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> likely_drums(piece)
    []
    """
    return [index for index, track in enumerate(score.tracks) if looks_like_drums(track)]
