"""Archives read in place: a bounded list of the entries, and one entry at a time as bytes. Nothing is ever written.

The name of an entry is text for the report. It never becomes a path, so it may say what it likes.
"""

from __future__ import annotations

from pathlib import Path

from melody.errors import MelodyError
from melody.sources import tars, zips
from melody.sources.entry import Entry
from melody.sources.limits import Limits
from melody.sources.names import TAR_SUFFIXES, suffix


def entries(path: Path, limits: Limits) -> list[Entry]:
    """All entries but folders: of a zip archive by name, of a tar archive as they lie, because it can only be read forwards.

    Errors: ``MelodyError`` with the reason only.
    """
    if suffix(path.name) in TAR_SUFFIXES:
        return tars.entries(path, limits)
    return sorted(zips.entries(path, limits), key=lambda e: e.name)


def unpack(path: Path, entry: Entry, limits: Limits) -> bytes:
    """The bytes of one entry, at most ``limits.max_bytes``. Errors: ``MelodyError`` with the reason only."""
    if entry.fault:
        raise MelodyError(entry.fault)
    if entry.size > limits.max_bytes:
        raise MelodyError(f"{entry.size:,} bytes, more than the limit of {limits.max_bytes:,}")
    return tars.unpack(path, entry, limits) if suffix(path.name) in TAR_SUFFIXES else zips.unpack(path, entry, limits)
