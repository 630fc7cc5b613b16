"""What the two kinds of archive have in common: an entry, and the regular file that holds it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, NamedTuple

from melody.errors import MelodyError

LINK = "is a link, and is not followed"


class Entry(NamedTuple):
    """Where an entry lies and what the archive says of it: bytes, bytes, bytes, zlib's checksum. ``fault``: why it is not read.

    ``offset`` counts from the start of a zip archive, and from the start of what a tar archive unpacks to. ``special`` entries
    are no files (links, devices): they are reported whatever their name.
    """

    name: str
    offset: int
    packed: int
    size: int
    deflated: bool
    checksum: int
    fault: str
    special: bool = False


def opened(path: Path) -> BinaryIO:
    """A regular file to read from; a pipe or a device would wait for ever, and is not opened."""
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise MelodyError("is not a regular file")
    return open(path, "rb")
