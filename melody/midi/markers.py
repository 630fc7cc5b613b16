"""Markers of a file: texts at ticks, such as the chords and the sections of a piece."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from melody.files import clean_name
from melody.midi.document import Document
from melody.midi.events import Damaged, Events, length
from melody.midi.names import decoded
from melody.score import Marker, Score

TEXT, MARKER, CUE = 1, 6, 7  # kinds of metas
MAX_MARKERS = 20_000


class MarkerEvent(NamedTuple):
    """A marker, and the place of its event among those of the file."""

    tick: int
    text: str
    place: int


def marker_events(data: bytes, events: Events, sequence: int | None = None, kinds: tuple[int, ...] = (MARKER,)) -> list[MarkerEvent]:
    """The markers of a file in order of their ticks; empty ones are left out. ``sequence``: the track of format 2 that is the piece."""
    here = (events.status == 0xFF) & np.isin(events.first, kinds)
    if sequence is not None:
        here &= events.track == sequence
    out = []
    for i in np.flatnonzero(here)[:MAX_MARKERS].tolist():
        end = int(events.end[i])
        try:
            size, start = length(data, int(events.at[i]) + 2, end)
        except Damaged:
            continue
        text = clean_name(decoded(data[start : min(end, start + size)])).strip()
        if text:
            out.append(MarkerEvent(int(events.tick[i]), text, i))
    return sorted(out, key=lambda one: one.tick)


def markers(score: Score, texts: bool = False) -> tuple[Marker, ...]:
    """The markers of a Score in order. ``texts``: the text and cue events of its file too, where other programs put chords.

    >>> markers(Score(markers=((480, "Am"),)))
    ((480, 'Am'),)
    """
    if not texts or score.document is None:
        return score.markers
    document = score.document
    found = marker_events(document.data, document.events, document.sequence, (TEXT, CUE))
    return tuple(sorted((*score.markers, *((one.tick, one.text) for one in found)), key=lambda one: one[0]))


def changed(score: Score, document: Document) -> tuple[list[int], list[Marker]]:
    """Places of the events of markers that a Score has no more, and the markers that its file has not."""
    new = list(score.markers)
    gone = []
    for one in marker_events(document.data, document.events, document.sequence):
        if (one.tick, one.text) in new:
            new.remove((one.tick, one.text))
        else:
            gone.append(one.place)
    return gone, new
