"""MIDI bytes -> Score, for any bytes: one ``MelodyError`` of one line is all that a bad file can do.

Three readers in turn: symusic; symusic with data bytes clamped; mido for small files. What they find is checked by
``assemble`` before anyone sees it.
"""

from __future__ import annotations

import os

from melody.errors import MelodyError
from melody.files import read_bytes, shown
from melody.midi import assemble, chunks, fast, tolerant
from melody.midi.limits import DEFAULT, Limits
from melody.score import Score

READERS = (fast.read, fast.read_clamped, tolerant.read)


def read(path: str | os.PathLike[str], limits: Limits = DEFAULT) -> Score:
    """The Score of a MIDI file (.mid, .midi, .kar, .rmi; the content decides, not the name). Errors: ``MelodyError``.

    >>> import tempfile
    >>> from melody.score import Score, Track, note_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Score((Track("tune", notes=note_table([0], [480], [60], [80])),)).save(f"{folder}/tune.mid")
    ...     read(f"{folder}/tune.mid").note_count
    1
    >>> read("missing.mid")
    Traceback (most recent call last):
        ...
    melody.errors.MelodyError: missing.mid: no such file
    """
    return parse(read_bytes(path, limits.max_bytes), os.fspath(path), limits)


def parse(data: bytes, name: str = "MIDI data", limits: Limits = DEFAULT) -> Score:
    """The Score of the bytes of a MIDI file; ``name`` is what an error calls it. Errors: ``MelodyError``, "name: reason".

    >>> parse(b"no music")
    Traceback (most recent call last):
        ...
    melody.errors.MelodyError: MIDI data: not a MIDI file (no MThd at its start)
    """
    try:
        if len(data) > limits.max_bytes:
            raise MelodyError(f"{len(data):,} bytes, more than the limit of {limits.max_bytes:,}")
        return assemble.checked(_raw_score(_prepared(data)), limits)
    except MelodyError as fault:
        raise MelodyError(f"{shown(name)}: {fault}") from None


def _prepared(data: bytes) -> bytes:
    """Bytes that the fast reader reads rightly: unwrapped, with a plain header and no sysex packets."""
    if not data:
        raise MelodyError("the file is empty")
    data = chunks.unwrapped(data)
    if data[:4] != b"MThd":
        raise MelodyError("not a MIDI file (no MThd at its start)")
    if len(data) < 14:
        raise MelodyError("cut short inside its header")
    if data[12] & 0x80:
        raise MelodyError("its time is in SMPTE frames, not in quarter notes, so it has no beats")
    data = chunks.regular(data)
    if chunks.has_packets(data):
        data = chunks.without_sysex(data)
    if chunks.may_pass_32_bits(data) and chunks.last_tick(data) >= 2**31:
        raise MelodyError("its times are out of range (beyond 32 bits)")
    return data


def _raw_score(data: bytes) -> assemble.RawScore:
    """What the first reader that can make sense of ``data`` finds."""
    why = ""
    for reader in READERS:
        try:
            return reader(data)
        except MelodyError:
            raise  # a limit, not a fault of the reader
        except Exception as fault:  # noqa: BLE001  # a reader may raise anything on hostile bytes; nothing of it may reach the user
            why = why or _why(fault)
    raise MelodyError(f"damaged MIDI ({why})")


def _why(fault: Exception) -> str:
    """symusic's reason without its name and its trailer."""
    text = str(fault).removeprefix("MiniMidi: ").removesuffix(": iostream error").split("!")[0]
    return shown(text.replace("Invaild", "invalid") or type(fault).__name__)[:120]
