"""What one MIDI file may hold before it is refused.

The defaults let through everything that a collection of real music holds and stop what would eat time or memory.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of one read, each inclusive.

    >>> Limits(max_notes=25_000)
    Limits(max_bytes=16777216, max_notes=25000, max_tracks=4096, max_seconds=43200.0, max_quarters=250000)
    """

    max_bytes: int = 16 * 2**20
    """Size of the file in bytes."""
    max_notes: int = 2_000_000
    """Notes in the piece."""
    max_tracks: int = 4096
    """Tracks that have notes."""
    max_seconds: float = 12 * 3600.0  # more than the longest piece that melody writes
    """Latest onset in seconds; a note that sounds on is cut there."""
    max_quarters: int = 250_000
    """Latest onset in quarter notes; a note that sounds on is cut there."""


DEFAULT = Limits()
