"""A download that is not whole yet: NAME.part, and NAME.part.json beside it, which says where it came from."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from melody.errors import MelodyError
from melody.files import lock_file, read_bytes, reason, shown, write_bytes

MAX_NOTE_BYTES = 1 << 16
MAX_VALIDATOR = 1000  # characters


class PartialDownload:
    """The partial file beside ``target``, locked by this process. ``validator``: the server's name for the content, "" if it gave none.

    Where the work fails, what a later attempt can resume stays: with a validator, or ``checked`` by a digest at the end.
    Errors: ``MelodyError``.
    """

    def __init__(self, target: Path, url: str, checked: bool) -> None:
        self.target, self.url, self.checked = target, url, checked
        self.path = target.with_name(target.name + ".part")
        self.note = target.with_name(target.name + ".part.json")
        self.size, self.validator = 0, ""
        self._handle = -1

    @property
    def resumable(self) -> bool:
        """Whether a later attempt can go on from here."""
        return self.size > 0 and (self.checked or self.validator != "")

    def __enter__(self) -> Self:
        try:
            handle = lock_file(self.path)
        except BlockingIOError:
            handle = None
        except (OSError, ValueError) as fault:
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)})") from None
        if handle is None:  # held, or put in place by its holder a moment ago
            raise MelodyError(f"{shown(self.path)}: another download writes here; wait for it")
        self._handle = handle
        validator = self._noted_validator()
        self.size, self.validator = os.fstat(handle).st_size, validator or ""
        if validator is None or not self.resumable:
            self.restart()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        if not self.resumable and self._handle >= 0:
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
        """Throw away what there is, and note which content the next bytes belong to."""
        self.restart()
        self.validator = validator
        write_bytes(self.note, json.dumps({"url": self.url, "validator": validator}).encode())

    def append(self, block: bytes) -> None:
        """Write at the end. What a full disk still took counts."""
        view = memoryview(block)
        try:
            os.lseek(self._handle, self.size, os.SEEK_SET)
            while view:
                written = os.write(self._handle, view)
                self.size += written
                view = view[written:]
        except OSError as fault:
            raise MelodyError(f"{shown(self.path)}: cannot be written ({reason(fault)}); make room and run it again") from None

    def digest(self) -> str:
        """sha256 of what there is, in hex."""
        with open(self.path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def finish(self) -> None:
        """Rename the partial file to the target."""
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

    def _noted_validator(self) -> str | None:
        """The validator of a partial file of this very address; None where nothing is noted."""
        try:
            note = json.loads(read_bytes(self.note, MAX_NOTE_BYTES))
            validator = note["validator"] if note["url"] == self.url else None
        except (MelodyError, ValueError, KeyError, TypeError, RecursionError):
            return None
        return validator if validator == "" or is_validator(validator) else None

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle = -1


def is_validator(value: object) -> bool:
    r"""Whether a value may stand in a header: what a server sends, and a note on the disk, may hold anything.

    >>> is_validator('"a1b2"'), is_validator("two\nlines"), is_validator(None)
    (True, False, False)
    """
    return isinstance(value, str) and 0 < len(value) <= MAX_VALIDATOR and value.isascii() and value.isprintable()
