"""Score -> MIDI file, format 1: a first MTrk with tempi, meters and keys, then one MTrk a track (see ``channels``).

The bytes depend on the Score only. Reading them back gives the same Score, unless a track has notes that overlap on one
pitch (it comes back as several tracks), has no notes (it is left out) or has notes of no length (they get one tick).
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from melody.errors import MelodyError
from melody.files import claim, write_bytes
from melody.midi.assemble import MAX_MSPQ, clean_name
from melody.midi.channels import Part, layout
from melody.score import Score

if TYPE_CHECKING:
    import mido  # type: ignore[import-untyped]  # has no stubs

MAJOR = ("Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#")  # from 7 flats to 7 sharps
MINOR = ("Abm", "Ebm", "Bbm", "Fm", "Cm", "Gm", "Dm", "Am", "Em", "Bm", "F#m", "C#m", "G#m", "D#m", "A#m")
MAX_GAP = 2**28 - 1  # ticks between two events: four bytes of seven bits
SUSTAIN = 64
OFF, PEDAL, ON = 0, 1, 2  # order at one tick: a pedal that goes down does not catch the notes that end there


def write(score: Score, path: str | os.PathLike[str], force: bool = True) -> None:
    """Write ``score`` as a MIDI file, whole or not at all. Errors: ``MelodyError``; ``CallError`` if it exists and not ``force``."""
    write_bytes(claim(path, force), to_bytes(score))


def to_bytes(score: Score) -> bytes:
    """The MIDI file of ``score``. Errors: ``MelodyError`` for what MIDI cannot hold."""
    out = io.BytesIO()
    to_mido(score).save(file=out)
    return out.getvalue()


def to_mido(score: Score) -> mido.MidiFile:
    """``score`` as a ``mido.MidiFile``, ready to save or to play. Errors: ``MelodyError`` for what MIDI cannot hold."""
    import mido  # 0.16 s

    if not 1 <= score.ticks_per_quarter <= 32767:
        raise MelodyError(f"{score.ticks_per_quarter} ticks per quarter note cannot be written to MIDI; 1 to 32767 can")
    file = mido.MidiFile(type=1, ticks_per_beat=score.ticks_per_quarter, charset="utf-8")
    file.tracks.append(_chained(conductor(score)))
    for part in layout(score.tracks):
        _check(part)
        file.tracks.append(_chained(_head(part) + _body(part)))
    return file


Timed = tuple[int, Any]  # tick, mido message


def conductor(score: Score) -> list[Timed]:
    """Keys, meters and tempi, in this order at one tick."""
    from mido import MetaMessage

    events: list[Timed] = []
    for tick, fifths, minor in score.keys.tolist():
        if not -7 <= fifths <= 7:
            raise MelodyError(f"a key of {fifths} fifths cannot be written to MIDI; -7 to 7 can")
        events.append((tick, MetaMessage("key_signature", key=(MINOR if minor else MAJOR)[fifths + 7])))
    for tick, numerator, denominator in score.meters.tolist():
        if not 1 <= numerator <= 255 or denominator < 1 or denominator & (denominator - 1):
            raise MelodyError(f"a meter of {numerator}/{denominator} cannot be written to MIDI; the lower number must be 1, 2, 4, 8, ...")
        events.append((tick, MetaMessage("time_signature", numerator=numerator, denominator=denominator)))
    for tick, mspq in score.tempi.tolist():
        if not 1 <= mspq <= MAX_MSPQ:
            raise MelodyError(f"a tempo of {mspq} microseconds a quarter note cannot be written to MIDI; 1 to {MAX_MSPQ:,} can")
        events.append((tick, MetaMessage("set_tempo", tempo=mspq)))
    return sorted(events, key=lambda event: event[0])


def _check(part: Part) -> None:
    """Errors: ``MelodyError`` for a pitch, velocity, program or pedal value that has no place in MIDI."""
    notes, pedal = part.notes, part.track.pedal
    ranges = [("pitch", notes["pitch"], 0), ("velocity", notes["velocity"], 1), ("pedal", pedal["value"], 0)]
    for what, values, lowest in ranges:
        if len(values) and not lowest <= values.min() <= values.max() <= 127:
            raise MelodyError(f"{what} {values.min()} to {values.max()} cannot be written to MIDI; {lowest} to 127 can")
    if not 0 <= part.track.program <= 127:
        raise MelodyError(f"program {part.track.program} cannot be written to MIDI; 0 to 127 can")


def _head(part: Part) -> list[Timed]:
    from mido import Message, MetaMessage

    name = clean_name(part.track.name.encode("utf-8", "replace").decode())
    named = [(0, MetaMessage("track_name", name=name))] if name else []
    return [*named, (0, Message("program_change", channel=part.channel, program=part.track.program))]


def _body(part: Part) -> list[Timed]:
    """Notes and pedal: ends before pedal before starts at one tick, by pitch."""
    from mido import Message

    onsets, durations, pitches, velocities = (part.notes[name].tolist() for name in ("onset", "duration", "pitch", "velocity"))
    rows = [(tick, ON, pitch, velocity) for tick, pitch, velocity in zip(onsets, pitches, velocities, strict=True)]
    rows += [(tick + length, OFF, pitch, 0) for tick, length, pitch in zip(onsets, durations, pitches, strict=True)]
    rows += [(tick, PEDAL, place, value) for place, (tick, value) in enumerate(part.track.pedal.tolist())]
    channel = part.channel
    events: list[Timed] = []
    for tick, kind, pitch, value in sorted(rows):
        if kind == PEDAL:
            events.append((tick, Message("control_change", channel=channel, control=SUSTAIN, value=value)))
        else:
            events.append((tick, Message("note_on" if kind == ON else "note_off", channel=channel, note=pitch, velocity=value)))
    return events


def _chained(events: list[Timed]) -> mido.MidiTrack:
    """Events in order of tick as a track of deltas with an end."""
    from mido import MetaMessage, MidiTrack

    track, now = MidiTrack(), 0
    for tick, message in events:
        if not 0 <= tick - now <= MAX_GAP:
            raise MelodyError(f"tick {tick:,} cannot be written to MIDI; times from 0 and gaps of up to {MAX_GAP:,} ticks can")
        message.time = tick - now
        track.append(message)
        now = tick
    track.append(MetaMessage("end_of_track", time=0))
    return track
