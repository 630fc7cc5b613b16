"""What a file may hold before it is refused, and which names are taken for MIDI.

The defaults let through everything that a collection of real music holds and stop what would eat time or memory.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ARCHIVE_SUFFIXES = (".zip", *TAR_SUFFIXES)


@dataclass(frozen=True)
class Limits:
    """Limits of one read; each field's line of help stands beside it."""

    max_bytes: int = field(default=16 * 2**20, metadata={"help": "largest MIDI file, in bytes"})
    max_notes: int = field(default=2_000_000, metadata={"help": "most notes in a piece"})
    max_tracks: int = field(default=4096, metadata={"help": "most tracks that have notes"})
    max_seconds: float = field(
        default=12 * 3600.0, metadata={"help": "latest onset, in seconds; a note that sounds on is cut there"}
    )  # more than the longest piece that melody writes
    max_quarters: int = field(default=250_000, metadata={"help": "latest onset, in quarter notes; a note that sounds on is cut there"})
    max_entries: int = field(default=20_000, metadata={"help": "most entries of an archive"})
    max_unpacked: int = field(default=2 * 2**30, metadata={"help": "most bytes that an archive unpacks to"})
    max_ratio: int = field(default=200, metadata={"help": "most bytes that one packed byte of an archive may unpack to"})


DEFAULT = Limits()


def suffix(name: str) -> str:
    """How a name ends, in small letters; of "songs.tar.gz" it is ".tar.gz"."""
    low = name.lower()
    return next((s for s in TAR_SUFFIXES if low.endswith(s) and len(low) > len(s)), os.path.splitext(low)[1])


def is_archive(name: str) -> bool:
    """Whether a file of this name is taken for an archive."""
    return suffix(name) in ARCHIVE_SUFFIXES
