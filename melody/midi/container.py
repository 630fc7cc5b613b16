"""The chunks of a standard MIDI file: where its header and tracks lie, and the file with some of its tracks exchanged.

Nothing is thrown away: a RIFF wrapper, a longer header, chunks that are no tracks, bytes behind the last one all stay where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from melody.errors import MelodyError

MAX_TRACKS = 2**16 - 1  # two bytes of the header
MAX_TRACK_BYTES = 2**32 - 1  # four bytes before the track


@dataclass(frozen=True)
class Container:
    """The bytes of a file, where in them the MIDI lies, its header's fields, and the bounds of its tracks' bodies in file order."""

    data: bytes
    start: int  # of the header
    end: int
    form: int
    said: int  # tracks, as the header counts them
    division: int
    tracks: tuple[tuple[int, int], ...]
    fault: str = ""  # what is wrong with its chunks


def opened(data: bytes) -> Container:
    """The chunks of a file. A track that is cut ends with the file. Errors: ``MelodyError`` for what has no header."""
    if not data:
        raise MelodyError("the file is empty")
    start, end = _inside(data)
    if data[start : start + 4] != b"MThd":
        raise MelodyError("not a MIDI file (no MThd at its start)")
    if end - start < 14:
        raise MelodyError("cut short inside its header")
    form, said, division = (int.from_bytes(data[start + k : start + k + 2], "big") for k in (8, 10, 12))
    tracks, whole = _tracks(data, start, end)
    if tracks and int.from_bytes(data[tracks[-1][0] - 4 : tracks[-1][0]], "big") != tracks[-1][1] - tracks[-1][0]:
        fault = "its last track is cut short"
    else:
        fault = "" if whole or len(tracks) >= said else f"{len(tracks):,} tracks, not {said:,} as its header says"
    return Container(data, start, end, form, said, division, tracks, fault)


def _inside(data: bytes) -> tuple[int, int]:
    """Bounds of the MIDI inside a RIFF wrapper (.rmi), or of the whole file. Sizes that lie are cut to what is there."""
    if data[:4] == b"RIFF" and data[8:12] == b"RMID":
        at = 12
        while at + 8 <= len(data):
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            if data[at : at + 4] == b"data":
                return at + 8, min(at + 8 + size, len(data))
            at += 8 + size + size % 2
    return 0, len(data)


def _tracks(data: bytes, start: int, end: int) -> tuple[tuple[tuple[int, int], ...], bool]:
    """Bounds of the tracks' bodies, and whether all that follows the header is whole chunks with names that can be one."""
    found, whole = [], True
    at = start + 8 + int.from_bytes(data[start + 4 : start + 8], "big")
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        kind = data[at : at + 4]
        if kind == b"MTrk":
            found.append((at + 8, min(at + 8 + size, end)))
        whole = whole and all(32 <= byte < 127 for byte in kind)
        at += 8 + size
    return tuple(found[:MAX_TRACKS]), whole and at == end


def exchanged(file: Container, bodies: Mapping[int, bytes | None], added: Sequence[bytes] = (), form: int | None = None) -> bytes:
    """The file with other bodies for some of its tracks (by index; None takes a track out) and with tracks added behind its last one.

    Errors: ``MelodyError`` for what the format cannot hold.
    """
    data = file.data
    gone = sum(body is None for body in bodies.values())
    count = len(file.tracks) - gone + len(added)
    if count > MAX_TRACKS:
        raise MelodyError(f"{count:,} tracks cannot be written to MIDI; {MAX_TRACKS:,} can")
    said = count if gone or added else file.said
    shape = file.form if form is None else form
    out = [data[file.start : file.start + 8], shape.to_bytes(2, "big"), said.to_bytes(2, "big")]
    at = file.start + 12
    for index, (start, end) in enumerate(file.tracks):
        if index in bodies:
            body = bodies[index]
            out.append(data[at : start - 8])
            if body is not None:
                out.append(chunk(body))
            at = end
    last = (
        file.tracks[-1][1]
        if file.tracks
        else max(at, min(file.start + 8 + int.from_bytes(data[file.start + 4 : file.start + 8], "big"), file.end))
    )
    out += [data[at:last], *map(chunk, added), data[last : file.end]]
    return _wrapped(file, b"".join(out))


def chunk(body: bytes) -> bytes:
    """A body as an MTrk."""
    if len(body) > MAX_TRACK_BYTES:
        raise MelodyError(f"a track of {len(body):,} bytes cannot be written to MIDI; {MAX_TRACK_BYTES:,} can")
    return b"MTrk" + len(body).to_bytes(4, "big") + body


def _wrapped(file: Container, midi: bytes) -> bytes:
    """The MIDI back in its RIFF wrapper, if it has one; the sizes there are those of what it holds now."""
    before, behind = file.data[: file.start], file.data[file.end :]
    if not before:
        return midi + behind
    padded = (file.end - file.start) % 2 and behind[:1] == b"\0"
    rest = behind[1:] if padded else behind
    whole = before[:-4] + len(midi).to_bytes(4, "little") + midi + (b"\0" if len(midi) % 2 else b"") + rest
    if midi == file.data[file.start : file.end]:
        return file.data
    return whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:]
