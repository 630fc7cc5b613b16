"""Where MIDI comes from: files, folders walked to the end, archives read in place. Bytes, never Scores: ``melody.midi`` reads those.

- ``find``: the MIDI files at and under paths, each a ``Source`` that reads its own bytes; ``Limits``: what may be read
- ``is_archive``: by name; ``MIDI_SUFFIXES``, ``ARCHIVE_SUFFIXES``: the names that count

Nothing is ever unpacked to disk, and no archive or link leads outside of what was given.
"""

from melody.sources.limits import Limits
from melody.sources.names import ARCHIVE_SUFFIXES, MIDI_SUFFIXES, is_archive
from melody.sources.walk import Source, find

__all__ = ["ARCHIVE_SUFFIXES", "MIDI_SUFFIXES", "Limits", "Source", "find", "is_archive"]
