"""``originality.bin`` in a model's folder: what the model learned from, as an index of runs."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from melody.bundle import Bundle
from melody.errors import MelodyError, Remedy
from melody.files import read_bytes, shown, write_bytes
from melody.originality.index import MAX_BYTES, NAME, Index, read_index


def write_originality(bundle: Bundle, index: Index) -> Path:
    """Put an index beside the model that learned from its music."""
    path = bundle.folder / NAME
    write_bytes(path, index.to_bytes())
    return path


def read_originality(bundle: Bundle) -> Index:
    """The index of a model, checked. Raises ``MelodyError`` where there is none, or it is damaged, or on another grid."""
    path = bundle.folder / NAME
    if not path.is_file():
        raise MelodyError(
            f"{shown(bundle.name)} has no {NAME}, which says what it learned from", Remedy.INDEX_NOTES, folder=shown(bundle.folder)
        )
    facts = path.stat()
    index = _read(path, facts.st_mtime_ns, facts.st_size)
    if (index.grid, index.seconds) != (bundle.codec.grid, bundle.codec.clock == "seconds"):
        raise MelodyError(f"{shown(path)}: on another grid than the model's", Remedy.INDEX_NOTES, folder=shown(bundle.folder))
    return index


@lru_cache(2)
def _read(path: Path, changed: int, size: int) -> Index:
    return read_index(read_bytes(path, MAX_BYTES), shown(path))
