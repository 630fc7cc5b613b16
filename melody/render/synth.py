"""A Score as sound: FluidSynth with a General MIDI soundfont where it is installed, simple tones otherwise.

Conventions
    audio      float32 (samples, channels) in -1..1, the peak at -1 dB; two channels from FluidSynth, one from simple tones
    length     the piece and ``TAIL`` seconds for the last notes and the room to fade
    pedal      applied beforehand (``edit.apply_pedal``), so both synthesisers hold the same notes

FluidSynth needs the package pyfluidsynth and the system library libfluidsynth; its soundfont, TimGM6mb.sf2, comes with
pretty_midi. Simple tones (pretty_midi's ``synthesize``) have no drums and one timbre: enough to check a piece by ear.
"""

from __future__ import annotations

import importlib.util
import os
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.edit import apply_pedal, map_notes, without_overlaps
from melody.errors import CallError, MelodyError
from melody.files import replace_file
from melody.score import Score

TAIL = 2.0  # seconds
MAX_SECONDS = 3600.0  # seconds: an hour in two channels takes 1.3 GB
PEAK = 10 ** (-1 / 20)
SHORTEST = 0.03  # seconds a simple tone sounds at least: a note of no length sounds
RATES = (8_000, 192_000)
GAIN = 0.15  # FluidSynth answers in 16 bits: a full orchestra must stay below the top, normalising comes after
SOUNDFONT = "TimGM6mb.sf2"
DRUM_BANK = 128

Audio = NDArray[np.float32]


def synthesiser() -> str:
    """``"FluidSynth"`` when package, library and soundfont are all there, otherwise ``"simple tones"``."""
    return "FluidSynth" if _fluidsynth() is not None and _soundfont() is not None else "simple tones"


def audio(score: Score, sample_rate: int = 44_100) -> Audio:
    """The sound of a piece, float32 (samples, 2 or 1) in -1..1; ``synthesiser()`` says which of the two it is.

    A piece of more than an hour raises ``MelodyError``, a sample rate outside 8,000..192,000 ``CallError``.
    """
    if not RATES[0] <= sample_rate <= RATES[1]:
        raise CallError(f"a sample rate of {sample_rate} cannot be played; give {RATES[0]} to {RATES[1]}, usually 44100")
    seconds = score.duration_seconds
    if seconds > MAX_SECONDS:
        raise MelodyError(f"the piece lasts {seconds / 60:,.0f} minutes, audio is limited to {MAX_SECONDS / 60:.0f}; cut it first")
    samples = round((seconds + TAIL) * sample_rate)
    sounding = map_notes(apply_pedal(score), without_overlaps)
    fluid, soundfont = _fluidsynth(), _soundfont()
    if fluid is not None and soundfont is not None:
        out = _with_fluidsynth(fluid, soundfont, sounding, samples, sample_rate)
    else:
        out = _with_simple_tones(sounding, samples, sample_rate)
    peak = max(float(out.max(initial=0.0)), -float(out.min(initial=0.0)))
    if peak > 0:
        out *= np.float32(PEAK / peak)
    return out


def wav(score: Score, path: str | os.PathLike[str], sample_rate: int = 44_100) -> str:
    """Write a piece as a 16-bit WAV file, replacing what is there; returns the name of the synthesiser."""
    sound = audio(score, sample_rate)
    with replace_file(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for start in range(0, len(sound), 1 << 20):  # in blocks: the whole in 16 bits would be half as much memory again
            file.writeframes(np.rint(sound[start : start + (1 << 20)] * 32767).astype("<i2").tobytes())
    return synthesiser()


def _fluidsynth() -> Any | None:
    """The module pyfluidsynth, or None where it or the library behind it is missing."""
    try:
        import fluidsynth  # type: ignore[import-not-found, unused-ignore]  # optional, and has no types
    except (ImportError, OSError, AttributeError):  # the package raises any of these where its library is absent or too old
        return None
    return fluidsynth if hasattr(fluidsynth, "Synth") else None  # an unrelated package has the same name


def _soundfont() -> Path | None:
    found = importlib.util.find_spec("pretty_midi")
    folder = Path(found.origin).parent if found and found.origin else None
    return folder / SOUNDFONT if folder and (folder / SOUNDFONT).is_file() else None


def _with_fluidsynth(fluid: Any, soundfont: Path, score: Score, samples: int, sample_rate: int) -> Audio:
    tracks = [t for t in score.tracks if len(t.notes)]
    channels = max(16, -(-len(tracks) // 16) * 16)  # the library wants whole groups of 16; one channel a track
    synth = fluid.Synth(gain=GAIN, samplerate=float(sample_rate), channels=channels)
    try:
        font = synth.sfload(str(soundfont))
        if font < 0:
            raise MelodyError(f"the soundfont {SOUNDFONT} cannot be loaded; install pretty_midi again")
        for channel, track in enumerate(tracks):
            synth.program_select(channel, font, DRUM_BANK if track.is_drum else 0, 0 if track.is_drum else track.program)
        out = np.zeros((samples, 2), np.float32)
        at = 0
        for when, on, channel, pitch, velocity in _events(score, samples, sample_rate):
            if when > at:
                out[at:when] = np.asarray(synth.get_samples(when - at), np.float32).reshape(-1, 2)
                at = when
            if on:
                synth.noteon(channel, pitch, velocity)
            else:
                synth.noteoff(channel, pitch)
        out[at:] = np.asarray(synth.get_samples(samples - at), np.float32).reshape(-1, 2)
    finally:
        synth.delete()
    return out


def _events(score: Score, samples: int, sample_rate: int) -> list[list[int]]:
    """[sample, on, channel, pitch, velocity] in order of time, ends before starts; one channel a sounding track."""
    rows = []
    for channel, track in enumerate(t for t in score.tracks if len(t.notes)):
        notes = track.notes
        start = np.rint(score.seconds(notes["onset"]) * sample_rate).astype(np.int64)
        end = np.rint(score.seconds(notes["onset"] + notes["duration"]) * sample_rate).astype(np.int64)
        end = np.maximum(end, start + 1)  # a note of no length still strikes
        for when, on in ((start, 1), (end, 0)):
            fixed = np.broadcast_to([on, channel], (len(notes), 2))
            rows.append(np.column_stack([np.minimum(when, samples), fixed, notes["pitch"], notes["velocity"]]))
    if not rows:
        return []
    table = np.concatenate(rows)
    ordered: list[list[int]] = table[np.lexsort((table[:, 1], table[:, 0]))].tolist()
    return ordered


def _with_simple_tones(score: Score, samples: int, sample_rate: int) -> Audio:
    def tone(phase: NDArray[np.float64]) -> NDArray[np.float64]:
        """Three partials: a plain sine is hard to hear in the bass and hides octaves."""
        out: NDArray[np.float64] = np.sin(phase) + 0.35 * np.sin(2 * phase) + 0.15 * np.sin(3 * phase)
        return out

    out = np.zeros((samples, 1), np.float32)
    for instrument in score.to_pretty_midi().instruments:  # one at a time: together they would fill the memory
        for note in instrument.notes:
            note.end = max(note.end, note.start + SHORTEST)
        part = instrument.synthesize(fs=sample_rate, wave=tone)[:samples]
        out[: len(part), 0] += part
    return out
