"""What a file may hold before it is refused, and which names are taken for MIDI.

The defaults let through everything that a collection of real music holds and stop what would eat time or memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
ARCHIVE_SUFFIXES = (".zip",)


@dataclass(frozen=True)
class Limits:
    """Limits of one read; each field's line of help stands beside it."""

    max_bytes: int = field(default=16 * 2**20, metadata={"help": "largest MIDI file, in bytes"})
    max_notes: int = field(default=1_000_000, metadata={"help": "most notes in a piece"})
    max_tracks: int = field(default=4096, metadata={"help": "most tracks that have notes"})
    max_seconds: float = field(default=4 * 3600.0, metadata={"help": "latest onset, in seconds; a note that sounds on is cut there"})
    max_quarters: int = field(default=250_000, metadata={"help": "latest onset, in quarter notes; a note that sounds on is cut there"})
    max_entries: int = field(default=20_000, metadata={"help": "most entries of a zip archive"})
    max_unpacked: int = field(default=2 * 2**30, metadata={"help": "most bytes that all MIDI entries of an archive unpack to"})
    max_ratio: int = field(default=200, metadata={"help": "most bytes that one packed byte of an archive may unpack to"})


DEFAULT = Limits()
