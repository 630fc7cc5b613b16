"""Score <-> ``pretty_midi.PrettyMIDI``, whose times are exact seconds by our tempo map, and ``mido.MidiFile``."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.files import reason
from melody.midi import assemble
from melody.midi.limits import DEFAULT, Limits
from melody.midi.reading import parse
from melody.midi.saving import to_bytes
from melody.midi.writing import SUSTAIN
from melody.score import Score, Track, note_table

if TYPE_CHECKING:
    import mido  # type: ignore[import-untyped]  # has no stubs
    import pretty_midi  # type: ignore[import-untyped]  # has no stubs

MAX_PRETTY_TICK = 10_000_000  # pretty_midi holds an array with the time of every tick


def to_mido(score: Score) -> mido.MidiFile:
    """``score`` as a ``mido.MidiFile``, ready to save or to play. Errors: ``MelodyError`` for what MIDI cannot hold.

    >>> from melody.score import Score, Track, note_table
    >>> file = to_mido(Score((Track("tune", notes=note_table([0], [480], [60], [80])),)))
    >>> [message.type for message in file.tracks[1]]
    ['track_name', 'program_change', 'note_on', 'note_off', 'end_of_track']
    """
    import mido  # 0.16 s

    return mido.MidiFile(file=io.BytesIO(to_bytes(score)), charset="utf-8")


def from_mido(file: mido.MidiFile, limits: Limits = DEFAULT) -> Score:
    """The Score of a ``mido.MidiFile``, read as the file that it would save. Errors: ``MelodyError``, as ``melody.midi.read``.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0], [480], [60], [80])),))
    >>> from_mido(to_mido(piece)) == piece
    True
    """
    out = io.BytesIO()
    try:
        file.save(file=out)
    except Exception as fault:  # noqa: BLE001  # mido checks messages as it saves them, and raises several kinds
        raise MelodyError(f"the mido.MidiFile cannot be saved ({reason(fault)})") from None
    return parse(out.getvalue(), "the mido.MidiFile", limits)


def to_pretty_midi(score: Score) -> pretty_midi.PrettyMIDI:
    """``score`` with its tempo map, meters, keys, names and pedals; one instrument a track, also for a track without notes.

    Errors: ``MelodyError`` past 10,000,000 ticks, which pretty_midi does not take.

    >>> from melody.score import Score, Track, note_table
    >>> to_pretty_midi(Score((Track("tune", notes=note_table([0], [480], [60], [80])),))).instruments[0].notes
    [Note(start=0.000000, end=0.500000, pitch=60, velocity=80)]
    """
    import pretty_midi

    last = max([score.end_tick, *(int(t["tick"].max()) for t in (score.tempi, score.meters, score.keys) if len(t))])
    if last > MAX_PRETTY_TICK:
        raise MelodyError(f"{last:,} ticks, more than the {MAX_PRETTY_TICK:,} that pretty_midi takes")
    out = pretty_midi.PrettyMIDI(resolution=score.ticks_per_quarter)
    # pretty_midi has no public way to set a tempo map; this is what its own reader does.
    out._tick_scales = [(tick, mspq / (1e6 * score.ticks_per_quarter)) for tick, mspq in score.tempi.tolist()]
    out._update_tick_to_time(last)
    for (_, numerator, denominator), time in zip(score.meters.tolist(), score.seconds(score.meters["tick"]).tolist(), strict=True):
        out.time_signature_changes.append(pretty_midi.TimeSignature(numerator, denominator, time))
    for (_, fifths, minor), time in zip(score.keys.tolist(), score.seconds(score.keys["tick"]).tolist(), strict=True):
        out.key_signature_changes.append(pretty_midi.KeySignature(key_number(fifths, minor), time))
    out.instruments = [_instrument(score, track) for track in score.tracks]
    return out


def _instrument(score: Score, track: Track) -> pretty_midi.Instrument:
    import pretty_midi

    notes, pedal = track.notes, track.pedal
    starts, ends = score.seconds(notes["onset"]).tolist(), score.seconds(notes["onset"] + notes["duration"]).tolist()
    out = pretty_midi.Instrument(track.program, track.is_drum, track.name)
    columns = zip(notes["velocity"].tolist(), notes["pitch"].tolist(), starts, ends, strict=True)
    out.notes = [pretty_midi.Note(*row) for row in columns]
    times = score.seconds(pedal["tick"]).tolist()
    out.control_changes = [pretty_midi.ControlChange(SUSTAIN, value, t) for value, t in zip(pedal["value"].tolist(), times, strict=True)]
    return out


def from_pretty_midi(pm: pretty_midi.PrettyMIDI, limits: Limits = DEFAULT) -> Score:
    """The Score of a PrettyMIDI object, on its own ticks. Instruments without notes are left out.

    Errors: ``MelodyError`` for values that a Score does not take (no notes, a pitch of 128, times below 0, past ``limits``).

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0], [480], [60], [80])),))
    >>> from_pretty_midi(to_pretty_midi(piece)) == piece
    True
    """
    try:
        return assemble.bounded(assemble.checked(_raw(pm), limits), limits)
    except MelodyError as fault:
        raise MelodyError(f"the PrettyMIDI: {fault}") from None
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as fault:  # its lists may hold anything
        raise MelodyError(f"the PrettyMIDI cannot be read ({reason(fault)})") from None


def _raw(pm: pretty_midi.PrettyMIDI) -> assemble.RawScore:
    times, per_minute = pm.get_tempo_changes()
    tempi = _ticks(pm, times), np.rint(60e6 / per_minute).astype(np.int64)
    meters = pm.time_signature_changes
    keys = [(k.time, *fifths_of(k.key_number)) for k in pm.key_signature_changes]
    return assemble.RawScore(
        int(pm.resolution),
        [_track(pm, instrument) for instrument in pm.instruments],
        tempi,
        (_ticks(pm, [m.time for m in meters]), _integers([m.numerator for m in meters]), _integers([m.denominator for m in meters])),
        (_ticks(pm, [k[0] for k in keys]), _integers([k[1] for k in keys]), _integers([k[2] for k in keys])),
    )


def _track(pm: pretty_midi.PrettyMIDI, instrument: pretty_midi.Instrument) -> Track:
    notes, pedal = instrument.notes, sorted((c for c in instrument.control_changes if c.number == SUSTAIN), key=lambda c: c.time)
    onsets, ends = _ticks(pm, [n.start for n in notes]), _ticks(pm, [n.end for n in notes])
    table = note_table(onsets, ends - onsets, _integers([n.pitch for n in notes]), _integers([n.velocity for n in notes]))
    pedals = assemble.pedal_table(_ticks(pm, [c.time for c in pedal]), _integers([c.value for c in pedal]))
    return Track(str(instrument.name or ""), int(instrument.program), bool(instrument.is_drum), table, pedals)


def _ticks(pm: pretty_midi.PrettyMIDI, times: list[float]) -> NDArray[np.int64]:
    return _integers([-1 if t < 0 else pm.time_to_tick(t) for t in times])


def _integers(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, np.int64).reshape(-1)


def key_number(fifths: int, minor: bool) -> int:
    """pretty_midi's number of a key: 0..11 the major keys from C upwards, 12..23 the minor ones.

    >>> key_number(2, False), key_number(0, True)  # D major, A minor
    (2, 21)
    """
    return (7 * fifths) % 12 if not minor else (7 * fifths + 9) % 12 + 12


def fifths_of(number: int) -> tuple[int, int]:
    """Fifths (-5..6) and minor (0 or 1) of pretty_midi's number of a key, which knows no spelling.

    >>> fifths_of(2), fifths_of(21)
    ((2, 0), (0, 1))
    """
    minor = int(number >= 12)
    tonic = (number - 9 * minor) % 12
    return (tonic * 7 + 5) % 12 - 5, minor
