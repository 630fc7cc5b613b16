"""The table of known collections, which lies in datasets/ of a checkout and inside the package once it is installed."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from melody.errors import MelodyError, unknown
from melody.files import read_bytes

_MAX_TABLE_BYTES = 1 << 20  # bytes


@dataclass(frozen=True)
class Collection:
    """A row of the table; datasets/catalogue.toml says what its fields are."""

    name: str
    title: str
    what: str
    files: int
    notes: int
    hours: float
    licence: str
    spdx: str
    share: str
    reason: str
    address: str
    clock: str
    prepare: str
    credit: str
    commit: str = ""
    archive: str = ""
    url: str = ""
    bytes: int = 0  # 0: not known
    most: int = 0  # where the size is not known: more is refused
    sha256: str = ""
    split: str = "work"
    styles: Mapping[str, str] = field(default_factory=dict)  # by pattern of the path inside it

    @property
    def limit(self) -> int:
        """The most bytes that a download may have."""
        return self.bytes or self.most


def collections() -> dict[str, Collection]:
    """All known collections by name, in the order of the table. Errors: ``MelodyError`` where the table is missing.

    >>> collections()["groove"].clock
    'beats'
    """
    here = Path(__file__).resolve().parents[1]
    places = [root / "datasets" / "catalogue.toml" for root in (here.parent, here)]
    for place in places:
        if place.is_file():
            rows = tomllib.loads(read_bytes(place, _MAX_TABLE_BYTES).decode("utf-8"))["collection"]
            return {row["name"]: Collection(**row) for row in rows}
    raise MelodyError("the table of collections is not there (datasets/catalogue.toml); reinstall melody")


def find(name: str) -> Collection:
    """A collection by its name. Errors: ``CallError`` with the nearest one that is known.

    >>> find("grove")
    Traceback (most recent call last):
        ...
    melody.errors.CallError: unknown collection 'grove'; did you mean 'groove'?
    """
    known = collections()
    if name not in known:
        raise unknown("collection", name, known)
    return known[name]
