"""Bytes <-> Score: the only place that knows symusic, mido and pretty_midi, each imported when it is first needed.

- ``read``, ``parse``: a file, or its bytes, as a Score
- ``write``, ``to_bytes``: a Score as a file, or its bytes
- ``sources``: the MIDI files at and under paths, archives included, and ``is_archive`` by name
- ``to_pretty_midi``, ``from_pretty_midi``, ``to_mido``: for other tools
"""

from melody.midi.interchange import from_pretty_midi, to_pretty_midi
from melody.midi.limits import MIDI_SUFFIXES, Limits, is_archive
from melody.midi.read import parse, read
from melody.midi.sources import Source, sources
from melody.midi.write import to_bytes, to_mido, write

__all__ = [
    "MIDI_SUFFIXES",
    "Limits",
    "Source",
    "from_pretty_midi",
    "is_archive",
    "parse",
    "read",
    "sources",
    "to_bytes",
    "to_mido",
    "to_pretty_midi",
    "write",
]
