"""Which names are taken for music and for archives of them."""

from __future__ import annotations

import os

MIDI_SUFFIXES = (".mid", ".midi", ".kar", ".rmi", ".musicxml", ".mxl", ".abc")  # notation is taken like MIDI
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ARCHIVE_SUFFIXES = (".zip", *TAR_SUFFIXES)


def suffix(name: str) -> str:
    """How a name ends, in small letters; a packed tar archive's ending counts as one.

    >>> suffix("Songs.TAR.gz"), suffix("a/b.mid")
    ('.tar.gz', '.mid')
    """
    low = name.lower()
    return next((s for s in TAR_SUFFIXES if low.endswith(s) and len(low) > len(s)), os.path.splitext(low)[1])


def is_archive(name: str) -> bool:
    """Whether a file of this name is taken for an archive.

    >>> is_archive("songs.zip"), is_archive("song.mid")
    (True, False)
    """
    return suffix(name) in ARCHIVE_SUFFIXES
