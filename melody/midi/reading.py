"""MIDI bytes -> Score, for any bytes: one ``MelodyError`` of one line is all that a bad file can do.

Chunks (``container``), events (``events``; ``tolerant`` for damaged tracks), notes (``pairing``), the state of channels (``state``), tracks
(``voices``). What they find is checked by ``assemble`` before anyone sees it, and the file itself goes along (``document``).
"""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from melody.errors import CallError, MelodyError, Remedy
from melody.files import read_bytes, shown
from melody.midi import assemble, events, tolerant
from melody.midi.conductor import conductor
from melody.midi.container import Container, opened
from melody.midi.document import Document
from melody.midi.events import Damaged, Events
from melody.midi.limits import DEFAULT, Limits
from melody.midi.markers import marker_events
from melody.midi.pairing import Notes, paired
from melody.midi.state import State
from melody.midi.voices import tracks_of
from melody.score import Score

MAX_TICK = 2**31  # more than two years at 120 a minute: such times come from damage


def read(path: str | os.PathLike[str], limits: Limits = DEFAULT, sequence: int | None = None) -> Score:
    """The Score of a MIDI file (.mid, .midi, .kar, .rmi; the content decides, not the name). Errors: ``MelodyError``.

    ``sequence``: which of the sequences of a file of format 2, from 1.

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
    return parse(read_bytes(path, limits.max_bytes), os.fspath(path), limits, sequence)


def parse(data: bytes, name: str = "MIDI data", limits: Limits = DEFAULT, sequence: int | None = None, keep_document: bool = True) -> Score:
    """The Score of the bytes of a MIDI file; ``name`` is what an error calls it. Errors: ``MelodyError``, "name: reason".

    ``sequence``: which of the sequences of a file of format 2, from 1. ``keep_document``: whether the file goes along, so that
    what is written is an edit of it.

    >>> parse(b"no music")
    Traceback (most recent call last):
        ...
    melody.errors.MelodyError: MIDI data: not a MIDI file (no MThd at its start)
    """
    try:
        if len(data) > limits.max_bytes:
            raise MelodyError(f"{len(data):,} bytes, more than the limit of {limits.max_bytes:,}")
        return _score(opened(data), limits, sequence, keep_document)
    except CallError:
        raise  # begins with the argument
    except MelodyError as fault:
        raise MelodyError(f"{shown(name)}: {fault.reason}", fault.remedy, **fault.details) from None


def _score(file: Container, limits: Limits, sequence: int | None, keep_document: bool) -> Score:
    if file.division & 0x8000:
        raise MelodyError("its time is in SMPTE frames, not in quarter notes, so it has no beats")
    if file.division == 0:
        raise MelodyError("its ticks per quarter note must be above 0")
    if file.fault:
        raise MelodyError(f"damaged MIDI ({file.fault})")
    only = _chosen(file, sequence)
    found = _events(file)
    last = _last_ticks(found, len(file.tracks))
    if last.max(initial=0) >= MAX_TICK:
        raise MelodyError("its times are out of range (beyond 32 bits)")
    notes = paired(found, last)
    if only is not None:
        mine = found.track[notes.on] == only
        notes = Notes(*(column[mine] for column in notes))
    _check_counts(found, notes, limits)
    state = State(file.data, found, len(file.tracks), only)
    form = 0 if only is not None or file.form == 0 else 1
    tracks = tracks_of(file.data, found, notes, state, form)
    end = int((last if only is None else last[[only]]).max(initial=0))
    raw = assemble.RawScore(file.division, tracks, *conductor(file.data, found, only), end)
    score = assemble.checked(raw, limits)
    score = replace(score, markers=tuple((one.tick, one.text) for one in marker_events(file.data, found, only)))
    if not keep_document:
        return replace(score, tracks=tuple(replace(t, origin=None) for t in score.tracks))
    document = Document(file, found, state, score.tracks, score.tempi, score.meters, score.keys, form, only)
    return replace(score, document=document)


def _chosen(file: Container, sequence: int | None) -> int | None:
    """Index of the one track of format 2 that is read, None for other formats."""
    if file.form != 2:
        if sequence is not None:
            raise CallError(
                f"sequence is {sequence}, and only files of format 2 have sequences; this one is of format {file.form}", argument="sequence"
            )
        return None
    count = len(file.tracks)
    if sequence is None and count > 1:
        raise MelodyError(f"a file of format 2: {count} sequences that do not belong together", Remedy.SEQUENCE, count=count)
    number = 1 if sequence is None else sequence
    if not 1 <= number <= count:
        raise CallError(f"sequence is {number}; the file has {count}", argument="sequence")
    return number - 1


def _events(file: Container) -> Events:
    try:
        return events.columns(file.data, file.tracks)
    except Damaged as fault:
        why = str(fault)
    try:
        return tolerant.columns(file.data, file.tracks)
    except Damaged:
        raise MelodyError(f"damaged MIDI ({why})") from None


def _last_ticks(found: Events, count: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The last tick of each track, 0 for one without events."""
    last = np.zeros(count, np.int64)
    if len(found):
        at = np.flatnonzero(np.append(found.track[1:] != found.track[:-1], True))
        last[found.track[at]] = found.tick[at]
    return last


def _check_counts(found: Events, notes: Notes, limits: Limits) -> None:
    """Errors: ``MelodyError`` for more than ``limits`` allow, before tracks are made of it."""
    if len(notes.on) > limits.max_notes:
        raise MelodyError(f"{len(notes.on):,} notes, more than the limit of {limits.max_notes:,}")
    track = found.track[notes.on]  # in order
    count = int(np.count_nonzero(track[1:] != track[:-1])) + min(1, len(track))
    if count > limits.max_tracks:
        raise MelodyError(f"{count:,} tracks, more than the limit of {limits.max_tracks:,}")
