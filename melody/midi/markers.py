"""Markers of a file: texts at ticks, such as the chords and the sections of a piece."""

from __future__ import annotations

import numpy as np

from melody.files import clean_name
from melody.midi.document import Document
from melody.midi.events import Damaged, length
from melody.midi.names import decoded
from melody.score import Marker, Score

TEXT, MARKER, CUE = 1, 6, 7  # kinds of metas
MAX_MARKERS = 20_000


def markers(score: Score, texts: bool = False) -> tuple[Marker, ...]:
    """The markers of a Score: those that are written with it, after those of its file, in order. ``texts``: its text and cue events too.

    >>> markers(Score(markers=((480, "Am"),)))
    ((480, 'Am'),)
    """
    found = () if score.document is None else _of_file(score.document, (TEXT, MARKER, CUE) if texts else (MARKER,))
    return tuple(sorted((*found, *score.markers), key=lambda one: one[0]))


def _of_file(document: Document, kinds: tuple[int, ...]) -> tuple[Marker, ...]:
    events, data = document.events, document.data
    here = (events.status == 0xFF) & np.isin(events.first, kinds)
    if document.sequence is not None:
        here &= events.track == document.sequence
    out = []
    for i in np.flatnonzero(here)[:MAX_MARKERS].tolist():
        end = int(events.end[i])
        try:
            size, start = length(data, int(events.at[i]) + 2, end)
        except Damaged:
            continue
        text = clean_name(decoded(data[start : min(end, start + size)])).strip()
        if text:
            out.append((int(events.tick[i]), text))
    return tuple(out)
