"""A Score played on a soundfont, by the wheel midirenderer (a binding of rustysynth): no library of the system is needed.

midirenderer reads version 2 of soundfonts and a whole MIDI file, and answers in 16 bits at 48 kHz, cut at the last event. So a font
of just the instruments at hand is unpacked for it, the file is one whose ticks are samples and whose end comes after the tail, and
the voices play as loud as 16 bits allow: again, softer, where they hit the top.
"""

from __future__ import annotations

import io
import os
import struct
import wave
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.files import read_bytes, reason, shown
from melody.render import soundfont
from melody.score import Track

RATE = 48_000  # samples a second, fixed in midirenderer
TICKS_PER_QUARTER = 24_000  # at 120 quarters a minute a tick is a sample
MELODIC = [c for c in range(16) if c != 9]
DRUMS = 9
LEVELS = (127, 80, 50, 32)  # channel volumes that are tried: each 8 dB below the one before
FULL = 32_767
NOTE_OFF, NOTE_ON, CONTROL, PROGRAM = 0x80, 0x90, 0xB0, 0xC0
VOLUME = 7
SHIPPED = "melody.sf3"

Audio = NDArray[np.float32]
Event = list[int]  # sample, on, track, pitch, velocity


def available() -> bool:
    """Whether midirenderer and the decoder of samples are here and load."""
    try:
        import midirenderer  # noqa: F401  # is it there?
        import soundfile  # type: ignore[import-untyped]  # noqa: F401  # is it there? has no types
    except (ImportError, OSError):  # OSError: its library is for another system
        return False
    return True


def shipped() -> Path:
    """The soundfont that comes with melody; it lies at the top of a checkout, and inside the package once that is installed."""
    package = Path(__file__).resolve().parents[1]
    places = [folder / "soundfont" / SHIPPED for folder in (package.parent, package)]
    return next((p for p in places if p.is_file()), places[-1])


def play(tracks: Sequence[Track], events: Sequence[Event], samples: int, font: str | os.PathLike[str] | None = None) -> Audio:
    """The sound (samples, 2) of sounding ``tracks`` at 48 kHz. ``events``: [sample, on, track, pitch, velocity] in order of time.

    ``font``: a file, the shipped one by default. Errors: ``MelodyError`` for a file that is no soundfont.
    """
    name = shipped() if font is None else font
    try:
        return _played(tracks, events, samples, _read(os.fspath(name), _stamp(name)))
    except MelodyError as fault:
        text = str(fault)
        raise (fault if text.startswith(shown(name)) else MelodyError(f"{shown(name)}: {text}")) from None


@lru_cache(maxsize=1)
def _read(path: str, stamp: tuple[int, int]) -> soundfont.SoundFont:
    """The font of a file; the last one is kept while the file stays as it was."""
    return soundfont.read(read_bytes(path, soundfont.MAX_BYTES))


def _stamp(path: str | os.PathLike[str]) -> tuple[int, int]:
    try:
        facts = os.stat(path)
    except (OSError, ValueError):
        return 0, 0  # reading it says what is wrong
    return facts.st_mtime_ns, facts.st_size


def _played(tracks: Sequence[Track], events: Sequence[Event], samples: int, font: soundfont.SoundFont) -> Audio:
    """In groups of 15 pitched tracks, a channel each; all drum tracks are on one channel of the first group."""
    pitched = [i for i, t in enumerate(tracks) if not t.is_drum]
    places = {track: divmod(nth, len(MELODIC)) for nth, track in enumerate(pitched)}
    channels = {track: (group, MELODIC[place]) for track, (group, place) in places.items()}
    channels |= {i: (0, DRUMS) for i, t in enumerate(tracks) if t.is_drum}
    out = np.zeros((samples, 2), np.float32)
    for group in sorted({group for group, _ in channels.values()}):
        inside = {track: channel for track, (at, channel) in channels.items() if at == group}
        keys = {inside[i]: soundfont.nearest(font, tracks[i].program, tracks[i].is_drum) for i in inside}
        wanted: dict[soundfont.Key, soundfont.Key] = {}
        programs: dict[int, int] = {}
        for track, channel in inside.items():
            source = keys[channel]
            if source is None:
                continue  # drums, and the font has none
            programs[channel] = 0 if channel == DRUMS else tracks[track].program
            wanted[soundfont.DRUM_BANK if channel == DRUMS else 0, programs[channel]] = source
        part = [[when, on, inside[track], pitch, velocity] for when, on, track, pitch, velocity in events if inside.get(track) in programs]
        if part:
            out += _rendered(soundfont.to_bytes(soundfont.unpacked(soundfont.subset(font, wanted))), programs, part, samples)
    return out


def _rendered(font: bytes, programs: Mapping[int, int], events: Sequence[Event], samples: int) -> Audio:
    """The sound (samples, 2) of one file, as loud as it goes without hitting the top."""
    import midirenderer

    for level in LEVELS:
        try:
            data = midirenderer.render_wave_from(font, _file(programs, events, samples, level))
        except Exception as fault:  # noqa: BLE001  # whatever it raises on a font that it cannot play
            raise MelodyError(f"the soundfont cannot be played ({reason(fault)})") from None
        with wave.open(io.BytesIO(data)) as file:
            numbers = np.frombuffer(file.readframes(samples), "<i2").reshape(-1, 2)
        if max(int(numbers.max(initial=0)), -int(numbers.min(initial=0))) < FULL:
            break
    out = np.zeros((samples, 2), np.float32)
    out[: len(numbers)] = numbers[:samples]
    out *= np.float32((LEVELS[0] / level) ** 2 / FULL)  # the volume of a channel goes by its square
    return out


def _file(programs: Mapping[int, int], events: Sequence[Event], samples: int, level: int) -> bytes:
    """A MIDI file of one track that lasts ``samples`` ticks."""
    parts = [bytes((0, CONTROL | c, VOLUME, level, 0, PROGRAM | c, number)) for c, number in programs.items()]
    at = 0
    for when, on, channel, pitch, velocity in events:
        parts += [_quantity(when - at), bytes(((NOTE_ON if on else NOTE_OFF) | channel, pitch, velocity if on else 0))]
        at = when
    body = b"".join(parts) + _quantity(max(samples - at, 0)) + b"\xff\x2f\x00"
    return struct.pack(">4sLHHH4sL", b"MThd", 6, 0, 1, TICKS_PER_QUARTER, b"MTrk", len(body)) + body


def _quantity(value: int) -> bytes:
    """A number as MIDI writes times: seven bits a byte, the last one below 128."""
    out = [value & 127]
    while value := value >> 7:
        out.append(value & 127 | 128)
    return bytes(reversed(out))
