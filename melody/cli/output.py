"""Where pieces go: their names, claimed before any work is done; then all of them written, or none.

One piece is a file, several are a folder of files whose names hold their number and their seed.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from melody.errors import CallError, MelodyError
from melody.files import claim, reason, shown, write_bytes

MOST_PIECES = 1000
SUFFIXES = (".mid", ".midi")
SEEDS = 2**31  # seeds that are drawn lie below


@dataclass(frozen=True)
class Targets:
    """Files to write, in order, and the folder that has to be made for them."""

    files: tuple[Path, ...]
    folder: Path | None = None


def drawn(seed: int | None) -> int:
    """``seed``, or a random one."""
    return secrets.randbelow(SEEDS) if seed is None else seed


def claimed(output: Path | None, stem: str, seed: int, count: int, force: bool) -> Targets:
    """Names for ``count`` pieces, checked: the folder can be written, and nothing is in the way unless ``force``.

    ``stem`` names them where ``output`` is not given: "generated" gives generated-7.mid, or the folder generated-7.
    """
    if not 1 <= count <= MOST_PIECES:
        raise CallError(f"-n is {count}, must be 1 to {MOST_PIECES}")
    if count == 1:
        return Targets((_one(output or Path(f"{stem}-{seed}.mid"), force),))
    folder = output or Path(f"{stem}-{seed}")
    if folder.suffix.lower() in SUFFIXES or folder.is_file():
        raise CallError(f"--output {shown(folder)} is a file, and -n {count} needs a folder")
    files = tuple(folder / f"{number:0{len(str(max(count, 100)))}}-seed-{seed + number - 1}.mid" for number in range(1, count + 1))
    if folder.is_dir():
        for file in files:
            claim(file, force)
        return Targets(files)
    claim(folder, force)
    return Targets(files, folder)


def _one(file: Path, force: bool) -> Path:
    if file.is_dir():
        raise CallError(f"--output {shown(file)} is a folder, and one piece needs a file, for example {shown(file / 'piece.mid')}")
    if file.suffix.lower() not in SUFFIXES:
        raise CallError(f"--output {shown(file)} does not end in .mid; a piece is written as MIDI (melody render makes pictures and sound)")
    return claim(file, force)


def write_all(targets: Targets, contents: Sequence[bytes]) -> None:
    """Write every file; if one fails, those that were not there before go away again."""
    new = [file for file in targets.files if not file.exists()]
    try:
        if targets.folder is not None:
            targets.folder.mkdir()
        for file, content in zip(targets.files, contents, strict=True):
            write_bytes(file, content)
    except BaseException as fault:
        for file in new:
            file.unlink(missing_ok=True)
        if targets.folder is not None and targets.folder.is_dir():
            targets.folder.rmdir()
        if isinstance(fault, OSError):
            raise MelodyError(f"{shown(targets.folder)}: cannot be written ({reason(fault)})") from None
        raise
