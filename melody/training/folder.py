"""The folder of a run: who may write it, and how its files change so that none is ever half there.

    model.safetensors, bundle.json   the best weights so far, a bundle
    last/00001200/                   the weights at the last saves, bundles too
    resume.json, resume-DIGEST.pt    all that is needed to go on (training/checkpoint.py)
    metrics.jsonl                    one row a report (callbacks.Progress)
    .lock                            held by the process that writes
    .next/                           the next bundle, until it takes the place of the one in the folder
    .old/                            the run that stood here, until the one that starts anew has saved something

Files are written beside, forced to the disk and renamed. Knows no torch.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from melody.bundle import FACTS, NEXT, WEIGHTS
from melody.errors import MelodyError, Remedy
from melody.files import lock_file, reason, replace_file, replace_folder, shown

LOCK, LAST, METRICS, OLD, GOING = ".lock", "last", "metrics.jsonl", ".old", ".old.going"
RESUME = "resume.json"  # written by training/checkpoint.py
MAX_ROW_BYTES = 1 << 16  # of metrics.jsonl
_held: set[tuple[int, int]] = set()  # lock files of this process: flock would refuse even itself


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Make the folder if need be and hold it for this process; may be nested. Raises MelodyError where another holds it.

    A lock dies with its process: a run that was killed leaves none.
    """
    path = folder / LOCK
    try:
        folder.mkdir(exist_ok=True)
        handle = _locked(path)
    except BlockingIOError:
        raise MelodyError(f"{shown(folder)}: another run writes here ({_holder(path)})", Remedy.WAIT) from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL inside the path
        raise MelodyError(f"{shown(folder)}: cannot be written ({reason(fault)})") from None
    if handle is None:
        yield
        return
    facts = os.fstat(handle)
    _held.add((facts.st_dev, facts.st_ino))
    try:
        with suppress(OSError):  # a full disk: the lock holds without the name of its holder
            os.ftruncate(handle, 0)
            os.write(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
        yield
    finally:
        path.unlink(missing_ok=True)
        _held.discard((facts.st_dev, facts.st_ino))
        os.close(handle)


def _locked(path: Path) -> int | None:
    """A locked file, or None where this process holds it already. BlockingIOError: another process does."""
    with suppress(FileNotFoundError):
        facts = os.lstat(path)
        if (facts.st_dev, facts.st_ino) in _held:
            return None
    while (handle := lock_file(path)) is None:  # the holder left, and took the file with it: there is a new one to make
        pass
    return handle


def _holder(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return shown(file.read(200).decode("utf-8", "replace").strip()) or "an unknown process"
    except OSError:
        return "an unknown process"


def write_whole(path: Path, data: bytes | memoryview) -> None:
    """Write a file beside, force it to the disk, rename it. Raises MelodyError."""
    with replace_file(path) as temporary, open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def renew_bundle(folder: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a folder with a bundle and put its files into ``folder``: weights first, facts last.

    Between the two renames ``.next`` holds the facts alone: ``tidy`` then finishes the work.
    """
    beside = folder / NEXT
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        write(beside)
        names = sorted((p.name for p in beside.iterdir()), key=lambda n: (n == FACTS, n != WEIGHTS))
        for name in names:
            _force(beside / name)
        for name in names:
            os.replace(beside / name, folder / name)
        beside.rmdir()
    except OSError as fault:
        raise MelodyError(f"{shown(folder)}: cannot be written ({reason(fault)})") from None
    finally:
        if (beside / WEIGHTS).exists() or not (beside / FACTS).exists():
            shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def set_aside(folder: Path, names: Sequence[str]) -> Iterator[None]:
    """While a run starts anew, what an older one left lies in ``.old``; it comes back where the new one ends without having saved."""
    aside, going = folder / OLD, folder / GOING
    try:
        _put_back(folder, names)  # of a run that was killed before it saved
        going.mkdir()
        _move(folder, going, names)
        os.replace(going, aside)
    except OSError as fault:
        raise MelodyError(f"{shown(folder)}: cannot be written ({reason(fault)})") from None
    try:
        yield
    finally:
        with suppress(OSError):
            _put_back(folder, names)


def _put_back(folder: Path, names: Sequence[str]) -> None:
    """End what ``set_aside`` began, or was killed in: the old run goes where there is a new one, and comes back where there is none."""
    aside, going, spoilt = folder / OLD, folder / GOING, folder / f"{OLD}.spoilt"
    if aside.is_dir() and not any((folder / name).exists() for name in (FACTS, RESUME)):
        shutil.rmtree(spoilt, ignore_errors=True)
        spoilt.mkdir()
        _move(folder, spoilt, names)
        os.replace(aside, going)
    if going.is_dir():
        _move(going, folder, names)
    for gone in (aside, going, spoilt):
        shutil.rmtree(gone, ignore_errors=True)


def _move(source: Path, target: Path, names: Sequence[str]) -> None:
    """The facts that vouch for the others come last."""
    found = {*(p for name in names if os.path.lexists(p := source / name)), *source.glob("resume-*.pt")}
    for path in sorted(found, key=lambda p: p.name in (FACTS, RESUME)):
        os.replace(path, target / path.name)


def keep_last(folder: Path, step: int, count: int, write: Callable[[Path], object]) -> None:
    """Let ``write`` make the bundle ``last/STEP``, and keep the newest ``count`` of them. Raises MelodyError."""
    last = folder / LAST
    try:
        last.mkdir(exist_ok=True)
    except OSError as fault:
        raise MelodyError(f"{shown(last)}: cannot be written ({reason(fault)})") from None
    with replace_folder(last / f"{step:08d}") as temporary:
        write(temporary)
    for old in _steps(last)[:-count]:
        shutil.rmtree(last / f"{old:08d}", ignore_errors=True)


def tidy(folder: Path, step: int) -> None:
    """What a killed run left: finish a bundle that was being renewed, remove half files and checkpoints later than ``step``."""
    beside = folder / NEXT
    with suppress(OSError):
        if (folder / RESUME).exists():
            shutil.rmtree(folder / OLD, ignore_errors=True)
        if (beside / FACTS).is_file() and not (beside / WEIGHTS).exists():
            os.replace(beside / FACTS, folder / FACTS)
        shutil.rmtree(beside, ignore_errors=True)
        for later in _steps(folder / LAST):
            if later > step:
                shutil.rmtree(folder / LAST / f"{later:08d}", ignore_errors=True)
        for half in [*folder.glob(".*.part"), *(folder / LAST).glob(".*")]:
            shutil.rmtree(half) if half.is_dir() and not half.is_symlink() else half.unlink()


def _steps(last: Path) -> list[int]:
    return sorted(int(p.name) for p in last.glob("[0-9]*") if p.name.isdecimal() and p.name.isascii())


class Metrics:
    """``metrics.jsonl``: rows are added at the end. Rows later than ``step``, of a run that was killed, are cut off first."""

    def __init__(self, folder: Path, step: int) -> None:
        self.path = folder / METRICS
        self._waiting = b""  # rows that the disk had no room for
        try:
            if os.path.lexists(self.path):
                with open(self.path, "r+b") as file:
                    end = 0
                    while (row := file.readline(MAX_ROW_BYTES)) and _step(row) <= step:
                        end += len(row)
                    file.truncate(end)
        except OSError as fault:
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)})") from None

    def add(self, row: dict[str, Any]) -> None:
        """Append a row. Raises MelodyError where it cannot be written; it is then written with the next one."""
        self._waiting = (self._waiting + json.dumps(row).encode() + b"\n")[-MAX_ROW_BYTES:]
        try:
            with open(self.path, "ab", buffering=0) as file:
                end = file.tell()
                try:
                    if file.write(self._waiting) != len(self._waiting):
                        raise OSError(28, "No space left on device")
                except OSError:
                    file.truncate(end)
                    raise
        except OSError as fault:
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)})") from None
        self._waiting = b""


def _step(row: bytes) -> float:
    """The step of a row; later than any where the row is torn."""
    try:
        return float(json.loads(row)["step"]) if row.endswith(b"\n") else float("inf")
    except (ValueError, KeyError, TypeError, RecursionError):
        return float("inf")


def _force(path: Path) -> None:
    with open(path, "rb") as file:
        os.fsync(file.fileno())
