"""Written music <-> Score: MusicXML (plain and .mxl) and ABC, and one way to read whatever holds a piece.

- ``read``, ``parse``, ``as_score``: as those of ``melody.midi``, for MIDI, MusicXML and ABC alike; the content decides, not the name
- ``to_musicxml``, ``write``: a Score as MusicXML 4.0
- ``SUFFIXES``: how the names of notation usually end

What is read is what is written on the page: repeats are not played, ornaments and chord symbols are passed over, a crescendo is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from melody.notation.reading import SUFFIXES, as_score, is_notation, parse, read

if TYPE_CHECKING:
    from melody.notation.writing import to_musicxml, write

__all__ = ["SUFFIXES", "as_score", "is_notation", "parse", "read", "to_musicxml", "write"]


def __getattr__(name: str) -> Any:
    """What writes is imported when it is asked for: every command reads, and few write notation."""
    if name in ("to_musicxml", "write"):
        from melody.notation import writing

        return getattr(writing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
