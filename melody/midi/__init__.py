"""Bytes <-> Score: the only place that knows mido and pretty_midi, each imported when it is first needed.

A Score that was read carries its file (``document``), and what is written is an edit of that.

- ``read``, ``parse``: a file, or its bytes, as a Score; ``Limits``: what it may hold
- ``write``, ``to_bytes``: a Score as a file, or its bytes
- ``as_score``: whatever holds a piece (``ScoreLike``) as a Score
- ``markers``: texts at ticks, such as chords
- ``to_pretty_midi``, ``from_pretty_midi``, ``to_mido``, ``from_mido``: for other tools
"""

from melody.midi.coercion import ScoreLike, as_score
from melody.midi.interchange import from_mido, from_pretty_midi, to_mido, to_pretty_midi
from melody.midi.limits import Limits
from melody.midi.markers import markers
from melody.midi.reading import parse, read
from melody.midi.saving import free_channels, to_bytes, write

__all__ = [
    "Limits",
    "ScoreLike",
    "as_score",
    "free_channels",
    "from_mido",
    "from_pretty_midi",
    "markers",
    "parse",
    "read",
    "to_bytes",
    "to_mido",
    "to_pretty_midi",
    "write",
]
