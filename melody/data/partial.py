"""A download that is not whole yet: NAME.part, and NAME.part.json beside it, which says what it is a part of."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from melody.errors import MelodyError
from melody.files import read_bytes, reason, shown, write_bytes

try:
    import fcntl
except ImportError:  # not on Windows, where two downloads of one file are the user's own affair
    fcntl = None  # type: ignore[assignment]  # looked at before it is used

_LARGEST_NOTE = 1 << 16  # bytes


class Part:
    """The part beside ``target``, held by this process. ``validator`` is the server's name for the content, "" if it gave none.

    Raises MelodyError. Where the work fails, what can be gone on with stays: with a validator, or ``checked`` by a digest at the end.
    """

    def __init__(self, target: Path, url: str, checked: bool) -> None:
        self.target, self.url, self.checked = target, url, checked
        self.path = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")
        self.size, self.validator = 0, ""
        self._handle = -1

    @property
    def lasting(self) -> bool:
        """Whether a later attempt can go on from here."""
        return self.size > 0 and (self.checked or self.validator != "")

    def __enter__(self) -> Self:
        try:
            # Somebody else's link under this name must not lead the writing elsewhere, nor a pipe hold it up.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
            self._handle = os.open(self.path, flags, 0o666)
            facts = os.fstat(self._handle)
            if not stat.S_ISREG(facts.st_mode):
                raise OSError("is not a regular file")
            if fcntl is not None:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(self.path).st_ino != facts.st_ino:  # the holder finished, and renamed it, between opening and locking
                raise BlockingIOError
        except BlockingIOError:
            self._close()
            raise MelodyError(f"{shown(self.path)}: another download writes here; wait for it") from None
        except (OSError, ValueError) as fault:
            self._close()
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)})") from None
        noted = self._noted()
        self.size, self.validator = facts.st_size, noted or ""
        if noted is None or not self.lasting:
            self.restart()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        if not self.lasting and self._handle >= 0:
            self._remove()
        self._close()

    def restart(self) -> None:
        """Throw away what there is."""
        try:
            os.ftruncate(self._handle, 0)
        except OSError as fault:
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)})") from None
        self.size, self.validator = 0, ""
        self.note.unlink(missing_ok=True)

    def begin(self, validator: str) -> None:
        """Throw away what there is, and note what the next bytes are a part of."""
        self.restart()
        self.validator = validator
        write_bytes(self.note, json.dumps({"url": self.url, "validator": validator}).encode())

    def append(self, piece: bytes) -> None:
        """Write at the end. What a full disk still took counts."""
        view = memoryview(piece)
        try:
            os.lseek(self._handle, self.size, os.SEEK_SET)
            while view:
                written = os.write(self._handle, view)
                self.size += written
                view = view[written:]
        except OSError as fault:
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)}); make room and run it again") from None

    def digest(self) -> str:
        """sha256 of what there is."""
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def finish(self) -> None:
        """Put the part in the place of the target."""
        try:
            os.fsync(self._handle)
            if os.name == "nt":  # an open file cannot be renamed there
                self._close()
            os.replace(self.path, self.target)
        except OSError as fault:
            raise MelodyError(f"{shown(self.target)}: cannot be written ({reason(fault)})") from None
        self.note.unlink(missing_ok=True)
        self._close()

    def _remove(self) -> None:
        for path in (self.path, self.note):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _noted(self) -> str | None:
        """The validator of a part of this very address; None where nothing is noted."""
        try:
            note = json.loads(read_bytes(self.note, _LARGEST_NOTE))
            validator = note["validator"] if note["url"] == self.url else None
        except (MelodyError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return validator if validator == "" or is_validator(validator) else None

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


def is_validator(value: object) -> bool:
    """Whether a value may stand in a header: what a server sends, and a note on the disk, may hold anything."""
    return isinstance(value, str) and 0 < len(value) <= 1000 and value.isascii() and value.isprintable()
