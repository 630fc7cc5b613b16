"""Whatever holds a piece, as a Score: MIDI, MusicXML and ABC, known by their first bytes."""

from __future__ import annotations

import os
import re
from typing import Any

from melody import midi
from melody.errors import MelodyError
from melody.files import read_bytes, shown
from melody.midi import Limits, ScoreLike
from melody.score import Score

SUFFIXES = (".musicxml", ".mxl", ".abc")
DEFAULT = Limits()
_HEAD = 4096  # bytes in which the header of an ABC tune begins


def read(path: str | os.PathLike[str], limits: Limits = DEFAULT, **options: Any) -> Score:
    """The Score of a file: MIDI, MusicXML (.musicxml, .xml, .mxl) or ABC. ``options``: of ``midi.read``. Errors: ``MelodyError``.

    >>> read("missing.musicxml")
    Traceback (most recent call last):
        ...
    melody.errors.MelodyError: missing.musicxml: no such file
    """
    return parse(read_bytes(path, limits.max_bytes), os.fspath(path), limits, **options)


def parse(data: bytes, name: str = "music", limits: Limits = DEFAULT, **options: Any) -> Score:
    r"""The Score of a file's bytes; ``name`` is what an error calls it. Errors: ``MelodyError``, "name: reason".

    >>> parse(b"X:1\nK:C\nCDEF|").note_count
    4
    """
    if not is_notation(data):
        return midi.parse(data, name, limits, **options)
    try:
        if len(data) > limits.max_bytes:
            raise MelodyError(f"{len(data):,} bytes, more than the limit of {limits.max_bytes:,}")
        score = _score(data, limits)
    except MelodyError as fault:
        raise MelodyError(f"{shown(name)}: {fault}") from None
    return midi.as_score(score, shown(name), limits)


def is_notation(data: bytes) -> bool:
    r"""Whether the bytes begin as MusicXML, a zip archive or ABC does.

    >>> is_notation(b"X:1\nK:C\nCDEF|"), is_notation(b"MThd")
    (True, False)
    """
    return _is_xml(data) or data[:4] == b"PK\3\4" or _is_abc(data[:_HEAD])


def _is_xml(data: bytes) -> bool:
    head = data[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    return head.startswith((b"<", b"\xff\xfe<\0", b"\xfe\xff\0<"))


def _is_abc(head: bytes) -> bool:
    """Whether a text begins as a tune does: with X: (after comments and directives), and a key follows."""
    if b"K:" not in head:
        return False
    text = head.decode("latin-1").lstrip("\xef\xbb\xbf \t\r\n")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("%")]
    return text.startswith("%abc") or bool(lines) and bool(re.match(r"X:\s*\d*", lines[0]))


def _score(data: bytes, limits: Limits) -> Score:
    # The parsers are imported here: nearly all that is read is MIDI, and a command should start at once.
    from melody.notation import abc, musicxml, safe_xml
    from melody.notation.sheet import to_score

    if data[:4] == b"PK\3\4":
        data = safe_xml.unpacked(data, limits.max_bytes)
    if _is_xml(data):
        return to_score(musicxml.sheet(safe_xml.parse(data), limits.max_notes))
    return to_score(abc.sheet(data, limits.max_notes))


def as_score(tune: ScoreLike, argument: str = "tune", limits: Limits = DEFAULT, **options: Any) -> Score:
    r"""As ``midi.as_score``, for notation too: a path, bytes, a binary file, a Score, a PrettyMIDI, a MidiFile.

    >>> as_score(b"X:1\nK:C\nCDEF|").note_count
    4
    """
    if isinstance(tune, str) and tune or isinstance(tune, os.PathLike) and isinstance(os.fspath(tune), str):
        return read(tune, limits, **options)
    if isinstance(tune, bytes | bytearray | memoryview):
        data = bytes(tune)
        return parse(data, argument, limits, **options) if is_notation(data) else midi.as_score(data, argument, limits, **options)
    if callable(getattr(tune, "seek", None)) and callable(getattr(tune, "read", None)) and not isinstance(tune, type):
        file: Any = tune
        try:
            place = file.tell()
            data = file.read(limits.max_bytes + 1)
            if isinstance(data, bytes) and is_notation(data):
                return parse(data, argument, limits, **options)
            file.seek(place)
        except (OSError, ValueError, TypeError):  # a pipe, or in text mode: for midi to say
            pass
    return midi.as_score(tune, argument, limits, **options)
