"""A walk over files, folders and archives. Each find is a ``Source`` that reads its own bytes.

Nothing is opened while walking but folders and archives. What cannot be read is still yielded, so that a report has a
line for it: reading such a source raises the reason.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from melody.errors import MelodyError
from melody.files import clean_name, read_bytes, reason, shown
from melody.sources import archive
from melody.sources.entry import Entry
from melody.sources.limits import DEFAULT, Limits
from melody.sources.names import ARCHIVE_SUFFIXES, MIDI_SUFFIXES, suffix

Visited = set[tuple[int, int]]  # device and inode of the folders walked


@dataclass(frozen=True)
class Source:
    """One find. ``path`` is fit to print ("songs.zip!a/b.mid"); ``style`` is the name of the sub-folder of the walked
    folder (or archive) that holds it, at whatever depth, lower-case; the folder's own name for what lies directly in it.

    >>> Source("songs.zip!waltz/a.mid", "waltz")  # doctest: +SKIP
    """

    path: str
    style: str
    file: Path
    entry: Entry | None = None  # inside the archive ``file``
    fault: str = ""  # why there is nothing to read

    def read_bytes(self, limits: Limits = DEFAULT) -> bytes:
        """The bytes, bounded by ``limits``. Errors: ``MelodyError``, "path: reason"."""
        if self.fault:
            raise MelodyError(f"{self.path}: {self.fault}")
        if self.entry is None:
            return read_bytes(self.file, limits.max_bytes)
        try:
            return archive.unpack(self.file, self.entry, limits)
        except MelodyError as fault:
            raise MelodyError(f"{self.path}: {fault}") from None


def find(paths: Iterable[str | os.PathLike[str]], limits: Limits = DEFAULT) -> Iterator[Source]:
    """The MIDI files at and under ``paths``, each folder in order of names, links to folders last.

    Under a folder only names that end like MIDI (or archives) count; a file given itself is yielded whatever its name.
    A folder is walked once, however many links lead to it. Raises nothing: what cannot be read is a Source with its fault.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("waltz/1.mid", "waltz/notes.txt", "2.kar"):
    ...         (Path(folder) / name).parent.mkdir(exist_ok=True)
    ...         _ = (Path(folder) / name).write_bytes(b"MThd")
    ...     [(os.path.basename(s.path), s.style == "waltz", s.read_bytes()) for s in find([folder])]
    [('2.kar', False, b'MThd'), ('1.mid', True, b'MThd')]
    """
    visited: Visited = set()
    for path in map(Path, paths):
        if os.path.isdir(path):
            yield from _walk(path, visited, limits)
        elif suffix(path.name) in ARCHIVE_SUFFIXES:
            yield from _archived(path, limits, "")
        else:
            yield Source(shown(path), _style(path, path.parent), path)


def _walk(root: Path, visited: Visited, limits: Limits) -> Iterator[Source]:
    links: list[Path] = []  # folders behind links come last, so that each is met under its own name first
    yield from _tree(root, root, visited, links, limits)
    for link in links:  # grows while it is walked
        if _identity(link) in visited:
            yield _failed(link, root, "a link to a folder that was walked already")
        else:
            yield from _tree(link, root, visited, links, limits)


def _tree(top: Path, root: Path, visited: Visited, links: list[Path], limits: Limits) -> Iterator[Source]:
    """What lies under ``top``, a folder at or under ``root`` not yet walked. Links to folders are put in ``links``."""
    stack = [top]
    while stack:
        path = stack.pop()
        ends = suffix(path.name)
        if os.path.isdir(path):
            if path is not top and os.path.islink(path):
                links.append(path)
            elif _identity(path) not in visited:
                try:
                    visited.add(_identity(path))
                    names = sorted(os.listdir(path), reverse=True)
                except OSError as fault:
                    yield _failed(path, root, f"cannot be listed ({reason(fault)})")
                    continue
                if not names and ends in MIDI_SUFFIXES:
                    yield _failed(path, root, "is a folder, not a file")
                stack += [path / name for name in names if not _is_hidden_copy(name)]
        elif ends in ARCHIVE_SUFFIXES:
            yield from _archived(path, limits, "" if path.parent == root else _style(path, root))
        elif ends in MIDI_SUFFIXES:
            yield Source(shown(path), _style(path, root), path)


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode; (0, 0) for what cannot be looked at."""
    try:
        facts = os.stat(folder)
    except OSError:
        return 0, 0
    return facts.st_dev, facts.st_ino


def _failed(path: Path, root: Path, fault: str) -> Source:
    return Source(shown(path), _style(path, root), path, fault=fault)


def _archived(path: Path, limits: Limits, style: str) -> Iterator[Source]:
    """The MIDI entries of an archive; archives inside it are not opened. Without a ``style`` its own folders say it.

    What is no file (links, devices) has its line too, whatever its name.
    """
    try:
        entries = archive.entries(path, limits)
    except MelodyError as fault:
        yield _failed(path, path.parent, str(fault))
        return
    for entry in entries:
        steps = [s for s in entry.name.replace("\\", "/").split("/") if s not in ("", ".", "..") and not s.endswith(":")]
        ends = suffix(entry.name)
        if any(map(_is_hidden_copy, steps)) or not entry.special and ends not in MIDI_SUFFIXES + ARCHIVE_SUFFIXES:
            continue
        own = style or clean_name(steps[0] if len(steps) > 1 else path.name[: -len(suffix(path.name))]).lower()
        why = "an archive inside an archive; unpack it first" if ends in ARCHIVE_SUFFIXES and not entry.special else ""
        yield Source(shown(f"{path}!{entry.name}"), own, path, entry, why)


def _style(path: Path, root: Path) -> str:
    """The name of the folder just under ``root`` that leads to ``path``, or of ``root`` itself; "." and ".." are looked up."""
    steps = path.relative_to(root).parts
    name = steps[0] if len(steps) > 1 else root.absolute().resolve().name if root.name in ("", "..") else root.name
    return clean_name(name.encode("utf-8", "replace").decode()).lower()


def _is_hidden_copy(name: str) -> bool:
    """Whether macOS left it beside the real files."""
    return name == "__MACOSX" or name.startswith("._")
