"""Where pieces go: their names, claimed before any work is done; then each is written as it is done, whole or not at all.

One piece is a file (or goes to standard output), several are a folder of files whose names hold their number and their seed.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from melody.errors import CallError, MelodyError
from melody.files import claim, reason, shown, write_bytes

NAMED = 5  # finished pieces that are named
MAX_PIECES = 1000
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
    if not 1 <= count <= MAX_PIECES:
        raise CallError(f"-n is {count}, must be 1 to {MAX_PIECES}")
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


def claimed_folder(targets: Targets, place: int) -> Path:
    """The file of one of the pieces, in the folder that is made for the first of them."""
    if targets.folder is not None:
        try:
            targets.folder.mkdir(exist_ok=True)
        except OSError as fault:
            raise MelodyError(f"{shown(targets.folder)}: cannot be made ({reason(fault)})") from None
    return targets.files[place]


def put(targets: Targets, place: int, content: bytes) -> Path:
    """Write one of the pieces, whole or not at all."""
    file = claimed_folder(targets, place)
    write_bytes(file, content)
    return file


def finished(targets: Targets, places: Sequence[int]) -> str:
    """What is to be said of pieces that were finished before something ended the work."""
    names = [shown(targets.files[place].name) for place in places]
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    folder = shown(targets.files[0].parent)
    return f"{len(names)} of {len(targets.files)} pieces are finished and kept in {folder}: {', '.join(names[:NAMED])}{more}"


def pipe(output: Path | None, count: int, json: bool) -> BinaryIO:
    """Standard output for a piece. Raises CallError where it cannot be that."""
    for flag, said in (("--output", output is not None), (f"-n {count}", count != 1), ("--json", json)):
        if said:
            raise CallError(f"--stdout and {flag} contradict each other: standard output takes one piece and nothing else")
    if sys.stdout is None:
        raise CallError("standard output is closed, so there is nowhere to send the piece; write a file with --output")
    if sys.stdout.isatty():
        raise CallError("standard output is a terminal, which cannot show MIDI; send it to a program or a file")
    return sys.stdout.buffer
