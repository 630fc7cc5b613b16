"""Files in and out: bounded reads of regular files, writes beside the target and then a rename.

Knows nothing of MIDI or weights. Every verb writes through ``replace_file`` (or ``replace_folder``), so that an
interrupted or failed write leaves what stood there before. A process that is killed in ``replace_folder`` leaves its folder
beside; the next one that writes there removes it, or puts the old folder back where the kill came between the two renames.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from melody.errors import CallError, MelodyError, Remedy

try:
    import fcntl
except ImportError:  # not on Windows, where what a kill left stays
    fcntl = None  # type: ignore[assignment]  # looked at before it is used

MAX_NAME = 100  # characters of a name that is kept


def shown(path: object) -> str:
    """A path or name as it may be printed: no control characters, no raw surrogates, at most 300 characters."""
    text = str(path).encode("utf-8", "backslashreplace").decode("utf-8")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if len(text) <= 300 else text[:140] + "..." + text[-140:]


def clean_name(name: str) -> str:
    r"""A name of a track or style as it may be shown and kept: printable characters only, single spaces, at most 100 characters.

    >>> clean_name("  lead\tguitar\x00 ")
    'lead guitar'
    """
    if len(name) <= MAX_NAME and name.isascii() and name.isprintable() and name == name.strip() and "  " not in name:
        return name
    text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in name[: 10 * MAX_NAME])
    return " ".join(text.split())[:MAX_NAME].strip()


def read_bytes(path: str | os.PathLike[str], limit: int) -> bytes:
    """The bytes of a regular file of at most ``limit`` bytes; a pipe, a device or a folder is refused unopened."""
    with open_regular(path, limit) as file:
        data = file.read(limit + 1)  # the file may have grown since it was opened
    if len(data) > limit:
        raise MelodyError(f"{shown(path)}: more than the limit of {limit:,} bytes")
    return data


def sha256(path: str | os.PathLike[str], limit: int) -> str:
    """The digest of a regular file of at most ``limit`` bytes, in constant memory. Raises MelodyError as ``read_bytes`` does."""
    with open_regular(path, limit) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def open_regular(path: str | os.PathLike[str], limit: int) -> Iterator[BufferedReader]:
    """A regular file of at most ``limit`` bytes, open for reading; whatever fails while it is read is a MelodyError."""
    try:
        facts = os.stat(path)
        if stat.S_ISDIR(facts.st_mode):
            raise MelodyError(f"{shown(path)}: is a folder, not a file")
        if not stat.S_ISREG(facts.st_mode):
            raise MelodyError(f"{shown(path)}: is not a regular file")
        if facts.st_size > limit:
            raise MelodyError(f"{shown(path)}: {facts.st_size:,} bytes, more than the limit of {limit:,}")
        with open(path, "rb") as file:
            yield file
    except FileNotFoundError:
        raise MelodyError(f"{shown(path)}: no such file") from None
    except (OSError, ValueError) as fault:  # ValueError: a NUL inside the path
        raise MelodyError(f"{shown(path)}: cannot be read ({reason(fault)})") from None


def reason(fault: BaseException) -> str:
    """The short cause of an ``OSError`` (or any exception) without its path, on one line."""
    text = getattr(fault, "strerror", None) or str(fault) or type(fault).__name__
    return " ".join(text.split())


def claim(path: str | os.PathLike[str], force: bool) -> Path:
    """Check that ``path`` may be written before any work is done: its folder exists, and it is free or ``force`` is set."""
    target = Path(path)
    # The functions of os.path say "no" where a Path raises: a name that is too long, a folder that cannot be searched.
    if os.path.exists(target):
        if not force:
            raise CallError(f"{shown(target)} exists", Remedy.REPLACE)
        if not os.path.isfile(target) and not os.path.isdir(target):
            raise CallError(f"{shown(target)}: is a device or a pipe, which cannot be replaced", Remedy.OTHER_PATH)
    parent = target.parent
    if not os.path.isdir(parent):
        raise MelodyError(f"{shown(parent)}: no such folder", Remedy.MAKE_FOLDER)
    if not os.access(parent, os.W_OK | os.X_OK):
        raise MelodyError(f"{shown(parent)}: folder cannot be written", Remedy.OTHER_PATH)
    return target


@contextmanager
def replace_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is renamed onto ``path``, on failure it is removed."""
    target = Path(path)
    try:
        handle, name = tempfile.mkstemp(prefix=_hidden(target), suffix=".part", dir=target.parent)
        os.close(handle)
    except (OSError, ValueError) as fault:  # ValueError: a NUL inside the path
        raise MelodyError(f"{shown(target)}: cannot be written ({reason(fault)})") from None
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as fault:
        raise MelodyError(f"{shown(target)}: cannot be written ({reason(fault)})") from None
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a whole file at once, beside and then renamed."""
    with replace_file(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def replace_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a new folder beside ``path``; on success it takes the place of ``path``, on failure it is removed."""
    target = Path(path)
    try:
        _tidy(target)
        temporary = Path(tempfile.mkdtemp(prefix=_hidden(target), suffix=".part", dir=target.parent))
    except (OSError, ValueError) as fault:
        raise MelodyError(f"{shown(target)}: cannot be written ({reason(fault)})") from None
    locks = [_locked(temporary)]
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        old = target.with_name(f"{_hidden(target)}old.{os.getpid()}")
        if target.exists():
            locks.append(_locked(target))
            os.replace(target, old)
        try:
            os.replace(temporary, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
        if old.is_file():
            old.unlink()
        shutil.rmtree(old, ignore_errors=True)
    except OSError as fault:
        raise MelodyError(f"{shown(target)}: cannot be written ({reason(fault)})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        for lock in locks:
            if lock is not None:
                os.close(lock)


def _tidy(target: Path) -> None:
    """What processes that were killed left beside ``target``. What a living one works on is locked, and stays."""
    prefix = re.escape(_hidden(target))
    with os.scandir(target.parent) as found:
        left = sorted(
            e.name for e in found if re.fullmatch(rf"{prefix}([a-z0-9_]{{8}}\.part|old\.\d+)", e.name) and e.is_dir(follow_symlinks=False)
        )
    for name in left:
        path = target.with_name(name)
        lock = _locked(path)
        if lock is None:
            continue
        try:
            if name.endswith(".part") or target.exists():
                shutil.rmtree(path, ignore_errors=True)
            elif _hidden(target) == f".{target.name}.":  # a longer name is cut, and may be that of another folder
                os.replace(path, target)
        finally:
            os.close(lock)


def lock(handle: int) -> None:
    """Lock an open file or folder for this process, without waiting, until ``handle`` is closed (at the latest when the process ends).

    Does nothing on Windows. Errors: ``BlockingIOError`` where another handle
    holds it; another ``OSError`` from a file system without locks.
    """
    if fcntl is not None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_file(path: Path) -> int | None:
    """A handle on a regular file, made if it is not there, open for reading and writing and locked until it is closed.

    None where the file was moved or removed between opening and locking, as a holder that has finished does. On a file system without
    locks the handle is open and not locked. Errors: ``BlockingIOError`` where another handle holds it, ``OSError``, ``ValueError`` (a NUL
    in the path).
    """
    # A link under this name must not lead the writing elsewhere, nor a pipe hold it up.
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags, 0o666)
    kept = False
    try:
        facts = os.fstat(handle)
        if not stat.S_ISREG(facts.st_mode):
            raise OSError("is not a regular file")
        try:
            lock(handle)
        except BlockingIOError:
            raise
        except OSError:  # a file system without locks
            pass
        kept = os.path.exists(path) and os.path.samestat(os.stat(path), facts)
    finally:
        if not kept:
            os.close(handle)
    return handle if kept else None


def _locked(path: Path) -> int | None:
    """Lock a folder until the returned handle is closed; None where it cannot be locked: another's, or a file system without locks."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        lock(handle)
    except OSError:
        os.close(handle)
        return None
    return handle


def _hidden(target: Path) -> str:
    """How names beside ``target`` begin: short, because a name of 255 bytes has no room for more."""
    return f".{target.name[:40]}."


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
