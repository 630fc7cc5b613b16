"""Score -> bytes and files: an edit of the file that the Score was read from, or a new file."""

from __future__ import annotations

import os

from melody.files import claim, write_bytes
from melody.midi.channels import MELODIC
from melody.midi.edits import edited
from melody.midi.placing import Placing
from melody.midi.writing import made
from melody.score import Score


def write(score: Score, path: str | os.PathLike[str], force: bool = True) -> None:
    """Write ``score`` as a MIDI file, whole or not at all. Errors: ``MelodyError``; ``CallError`` if it exists and not ``force``.

    >>> import tempfile
    >>> from melody.midi import read
    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(piece, f"{folder}/tune.mid")
    ...     read(f"{folder}/tune.mid") == piece
    True
    """
    write_bytes(claim(path, force), to_bytes(score))


def to_bytes(score: Score) -> bytes:
    """The MIDI file of ``score``. A Score that was read from a file and not changed gives the bytes of that file.

    Errors: ``MelodyError`` for what MIDI cannot hold.

    >>> from melody.score import Score, Track, note_table
    >>> data = to_bytes(Score((Track(notes=note_table([0], [480], [60], [80])),)))
    >>> data[:14].hex(" ", 2)  # MThd, 6 bytes: format 1, 2 tracks, 480 ticks a quarter
    '4d54 6864 0000 0006 0001 0002 01e0'
    >>> data[-16:].hex(" ")  # program 0 on channel 0, C4 on, 480 ticks later off, end
    '00 c0 00 00 90 3c 50 83 60 80 3c 00 00 ff 2f 00'
    """
    document = score.document
    if document is None or document.file.division != score.ticks_per_quarter:
        return made(score)
    return edited(score, document)


def free_channels(score: Score) -> int:
    """How many melodic channels there are for new tracks.

    >>> free_channels(Score())
    15
    """
    if score.document is not None:
        return Placing(score.document).free()
    return max(0, len(MELODIC) - sum(len(t.notes) > 0 and not t.is_drum for t in score.tracks))
