"""What may be read from a folder or an archive before it is refused.

The defaults let through everything that a collection of real music holds and stop what would eat time, memory or the disk.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one file, and of one archive, each inclusive.

    >>> Limits(max_entries=100)
    Limits(max_bytes=16777216, max_entries=100, max_unpacked=2147483648, max_ratio=200)
    """

    max_bytes: int = 16 * 2**20  # as in midi.Limits: what is larger is not worth reading
    """Size of one file, or of one entry of an archive once it is unpacked, in bytes."""
    max_entries: int = 20_000
    """Entries of an archive."""
    max_unpacked: int = 2 * 2**30
    """Bytes that an archive unpacks to."""
    max_ratio: int = 200
    """Bytes that one packed byte of an archive may unpack to."""


DEFAULT = Limits()
