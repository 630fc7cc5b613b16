"""A Score as sound, by the best of three synthesisers that is here.

    midirenderer   on the soundfont that comes with melody; a wheel, so nothing has to be installed on the system
    FluidSynth     needs pyfluidsynth and the system's library libfluidsynth; its soundfont, TimGM6mb.sf2, comes with pretty_midi
    simple tones   pretty_midi's ``synthesize``: no drums and one timbre, enough to check a piece by ear

Conventions
    audio      float32 (samples, channels) in -1..1 at -16 LUFS, no sample above -1 dB; two channels, one of simple tones
    length     the piece and ``TAIL`` seconds for the last notes and the room to fade
    pedal      applied beforehand (``edit.apply_pedal``), so all hold the same notes
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.edit import apply_pedal, map_notes, without_overlaps
from melody.errors import CallError, MelodyError, unknown
from melody.extras import lacking
from melody.files import shown
from melody.render import sampler
from melody.render.loudness import levelled
from melody.render.resample import resampled
from melody.score import Score

TAIL = 2.0  # seconds
FADE = 0.25  # seconds at the end of the tail, in which what still sounds goes down to nothing
MAX_SECONDS = 3600.0  # seconds: an hour in two channels takes 1.4 GB
SHORTEST = 0.03  # seconds a simple tone sounds at least: a note of no length sounds
RATES = (8_000, 192_000)
GAIN = 0.15  # FluidSynth answers in 16 bits: a full orchestra must stay below the top, levelling comes after
SOUNDFONT = "TimGM6mb.sf2"
DRUM_BANK = 128
SYNTHESISERS = {"midirenderer": "midirenderer", "fluidsynth": "FluidSynth", "tones": "simple tones"}  # the choice, and as it is shown

Audio = NDArray[np.float32]


def synthesiser(choice: str | None = None) -> str:
    """The name of the one that ``audio`` uses: "midirenderer", "FluidSynth" or "simple tones"; by default the first that is here.

    ``choice``: "midirenderer", "fluidsynth" or "tones". Errors: ``CallError`` for another; ``MelodyError`` for one that is not here.

    >>> synthesiser("tones")
    'simple tones'
    """
    if choice is not None and choice not in SYNTHESISERS:
        raise unknown("synthesiser", choice, SYNTHESISERS)
    if choice == "tones":
        return SYNTHESISERS["tones"]
    if choice != "fluidsynth" and sampler.available():
        return SYNTHESISERS["midirenderer"]
    if choice == "midirenderer":
        raise lacking("midirenderer", "sound")
    if _fluidsynth() is not None and _soundfont() is not None:
        return SYNTHESISERS["fluidsynth"]
    if choice == "fluidsynth":
        raise MelodyError("FluidSynth needs the package pyfluidsynth and the system's library libfluidsynth; one of them is missing")
    return SYNTHESISERS["tones"]


def audio(
    score: Score, sample_rate: int = sampler.RATE, soundfont: str | os.PathLike[str] | None = None, synth: str | None = None
) -> Audio:
    """The sound of a piece, float32 (samples, 2 or 1) in -1..1. ``synth``: one of ``SYNTHESISERS``, the best that is here by default.

    ``soundfont``: another file (.sf2, .sf3) for midirenderer or FluidSynth. Errors: ``MelodyError`` for a piece of more than an hour, a
    file that is no soundfont; ``CallError`` for a sample rate outside 8,000..192,000, an unknown synthesiser, a soundfont for tones.

    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> audio(piece, 8000, synth="tones").shape[1]  # channels
    1
    """
    if not RATES[0] <= sample_rate <= RATES[1]:
        raise CallError(f"a sample rate of {sample_rate} cannot be played; give {RATES[0]} to {RATES[1]}, usually {sampler.RATE}")
    seconds = score.duration_seconds
    if seconds > MAX_SECONDS:
        raise MelodyError(f"the piece lasts {seconds / 60:,.0f} minutes, audio is limited to {MAX_SECONDS / 60:.0f}; shorten it first")
    name = synthesiser(synth)
    if soundfont is not None and name == SYNTHESISERS["tones"]:
        raise CallError("simple tones need no soundfont; choose another synthesiser, or leave it out")
    rate = sampler.RATE if name == SYNTHESISERS["midirenderer"] else sample_rate
    samples = round((seconds + TAIL) * rate)
    sounding = map_notes(apply_pedal(score), without_overlaps)
    if name == SYNTHESISERS["midirenderer"]:
        tracks = [t for t in sounding.tracks if len(t.notes)]
        out = sampler.play(tracks, _events(sounding, samples, rate), samples, soundfont)
    elif name == SYNTHESISERS["fluidsynth"]:
        out = _with_fluidsynth(_fluidsynth(), Path(soundfont) if soundfont else _soundfont(), sounding, samples, rate)
    else:
        out = _with_simple_tones(sounding, samples, rate)
    out = levelled(resampled(_faded(out, rate), rate, sample_rate), sample_rate)
    return out[: round((seconds + TAIL) * sample_rate)]


def _faded(sound: Audio, rate: int) -> Audio:
    """The sound with its last ``FADE`` seconds going down to nothing."""
    count = min(round(FADE * rate), len(sound))
    sound[len(sound) - count :] *= np.linspace(1, 0, count, dtype=np.float32)[:, None]
    return sound


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


def _with_fluidsynth(fluid: Any, soundfont: Path | None, score: Score, samples: int, sample_rate: int) -> Audio:
    tracks = [t for t in score.tracks if len(t.notes)]
    channels = max(16, -(-len(tracks) // 16) * 16)  # the library wants whole groups of 16; one channel a track
    synth = fluid.Synth(gain=GAIN, samplerate=float(sample_rate), channels=channels)
    try:
        font = synth.sfload(str(soundfont))
        if font < 0:
            raise MelodyError(f"{shown(soundfont)}: FluidSynth cannot load it as a soundfont")
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
