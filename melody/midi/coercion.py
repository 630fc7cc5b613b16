"""Whatever a caller has that holds a piece of music, as a Score: one place for all that take a tune."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Union, cast

from melody.errors import CallError, MelodyError
from melody.files import reason, shown
from melody.midi.assemble import bounded
from melody.midi.interchange import from_mido, from_pretty_midi
from melody.midi.limits import DEFAULT, Limits
from melody.midi.reading import parse, read
from melody.score import Score

if TYPE_CHECKING:
    import mido  # type: ignore[import-untyped]  # has no stubs
    import pretty_midi  # type: ignore[import-untyped]  # has no stubs

ScoreLike = Union[  # names in quotes, so that neither library is imported for an annotation
    Score, str, "os.PathLike[str]", bytes, bytearray, memoryview, BinaryIO, "pretty_midi.PrettyMIDI", "mido.MidiFile"
]
KINDS = "a path, bytes, a file open in binary mode, a Score, a pretty_midi.PrettyMIDI or a mido.MidiFile"


def as_score(tune: ScoreLike, argument: str = "tune", limits: Limits = DEFAULT, sequence: int | None = None) -> Score:
    """The Score of a MIDI file given as a path, as bytes, as a file open in binary mode (read to its end, and left open),
    as a ``pretty_midi.PrettyMIDI`` or a ``mido.MidiFile``; a Score as it is, but for its bounds.

    ``argument``: what the caller calls it; errors name it where there is no better name. ``limits``: what the piece may hold.
    ``sequence``: which one of a file of format 2, from 1.
    Errors: ``CallError`` for anything else; ``MelodyError`` for a file that cannot be read, a piece past ``limits``, or values that no
    Score has.

    >>> from melody.midi import to_bytes
    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0], [480], [60], [80])),))
    >>> as_score(to_bytes(piece)) == piece
    True
    >>> import io
    >>> as_score(io.BytesIO(to_bytes(piece))) == piece
    True
    >>> as_score(None)
    Traceback (most recent call last):
        ...
    melody.errors.CallError: tune is of type NoneType, must be a path, bytes, ...
    """
    if isinstance(tune, Score):
        return _bounded(tune, argument, limits)
    if isinstance(tune, str | os.PathLike):
        path = os.fspath(tune)
        if isinstance(path, str) and path:
            return read(path, limits, sequence)
        kind = "an empty path" if path == "" else "a path in bytes"
        raise CallError(f"{argument} is {kind}, must be the name of a MIDI file", argument=argument)
    if isinstance(tune, bytes | bytearray | memoryview):
        return parse(bytes(tune), argument, limits, sequence)
    if _is_a("pretty_midi", "PrettyMIDI", tune):
        return _named(argument, from_pretty_midi, tune, limits)
    if _is_a("mido", "MidiFile", tune):
        return _named(argument, from_mido, tune, limits)
    if callable(getattr(tune, "read", None)) and not isinstance(tune, type):
        return parse(*_contents(cast("BinaryIO", tune), argument, limits.max_bytes), limits, sequence)
    raise CallError(f"{argument} is of type {type(tune).__name__}, must be {KINDS}", argument=argument)


def _is_a(module: str, name: str, thing: object) -> bool:
    """Whether ``thing`` is of a class of a module, which is imported already if so."""
    kind = getattr(sys.modules.get(module), name, None)
    return isinstance(kind, type) and isinstance(thing, kind)


def _named(argument: str, convert: Any, thing: object, limits: Limits) -> Score:
    try:
        score: Score = convert(thing, limits)
    except MelodyError as fault:
        raise MelodyError(f"{argument}: {fault}") from None
    return score


def _bounded(score: Score, argument: str, limits: Limits) -> Score:
    try:
        return bounded(score, limits)
    except MelodyError as fault:
        raise MelodyError(f"{argument}: {fault}") from None
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as fault:  # made by hand, of anything
        raise CallError(f"{argument} is not a valid Score ({reason(fault)})", argument=argument) from None


def _contents(file: BinaryIO, argument: str, limit: int) -> tuple[bytes, str]:
    """The rest of a file, one byte more than ``limit`` at most, and what to call it."""
    given = getattr(file, "name", None)
    name = given if isinstance(given, str) else argument
    text_mode = f"{argument} is a file open in text mode; open it with mode 'rb'"
    parts, size = [], 0
    try:
        while size <= limit and (part := file.read(limit + 1 - size)):
            if not isinstance(part, bytes):
                raise CallError(text_mode, argument=argument)
            parts.append(part)
            size += len(part)
    except UnicodeDecodeError:
        raise CallError(text_mode, argument=argument) from None
    except (OSError, TypeError, ValueError) as fault:  # ValueError: it is closed
        raise MelodyError(f"{shown(name)}: cannot be read ({reason(fault)})") from None
    return b"".join(parts), name
