"""Score -> Score: move, stretch, cut and join pieces. Each function returns a new Score and leaves its argument as it was.

Conventions
    ticks      integers of the piece's own resolution, windows are [start, end)
    overlap    two notes of one pitch in one track that sound at once; a MIDI synthesiser cannot play them apart
    errors     a call that makes no sense (an end before its start, a tempo of 0) raises ``CallError``

``notes`` changes what sounds, ``timeline`` changes when. Knows no file format and no musical analysis.
"""

from melody.edit.beats import BeatMap
from melody.edit.notes import (
    apply_pedal,
    busiest_tracks,
    map_notes,
    overlay,
    pedal_spans,
    select_tracks,
    transpose,
    with_tracks,
    without_overlaps,
)
from melody.edit.parts import fewer_tracks
from melody.edit.timeline import bars_later, concatenate, cut, scale_ticks, set_tempo, shift, stretch

__all__ = [
    "BeatMap",
    "apply_pedal",
    "bars_later",
    "busiest_tracks",
    "concatenate",
    "cut",
    "fewer_tracks",
    "map_notes",
    "overlay",
    "pedal_spans",
    "scale_ticks",
    "select_tracks",
    "set_tempo",
    "shift",
    "stretch",
    "transpose",
    "with_tracks",
    "without_overlaps",
]
