"""What the table of known collections says of files: their style, and whether their split is left as it was."""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase

from melody.data.catalogue import collections
from melody.errors import unknown

BY = ("folder", "catalogue")


def style_namer(by: str) -> Callable[[str, str], str]:
    """A function of a file's path and its folder's style: the style that it gets. Errors: ``CallError`` for an unknown ``by``.

    "folder"     the folder's name, as it is
    "catalogue"  for a file of a known collection (a folder of its name stands in the path) what its row says; else as "folder"

    >>> style_namer("catalogue")("../data/chopin.zip!chopin/song/017-1.mid", "chopin")
    'lieder'
    """
    if by not in BY:
        raise unknown("way to name styles", by, BY)
    if by == "folder":
        return lambda path, folder: folder
    tables = {name: known.styles for name, known in collections().items() if known.styles}

    def named(path: str, folder: str) -> str:
        steps = re.split(r"[/\\!]", path)
        for i in range(len(steps) - 2, -1, -1):
            patterns = tables.get(steps[i].lower())
            if patterns is not None:
                inside = "/".join(steps[i + 1 :])
                return next((style for pattern, style in patterns.items() if fnmatchcase(inside, pattern)), folder)
        return folder

    return named


def split_by_piece() -> frozenset[str]:
    """Names of the collections whose split stays as it was before near-copies were looked for."""
    return frozenset(name for name, known in collections().items() if known.split == "piece")
