"""Sound as files: WAV (16 bits) by the standard library, Opus by soundfile."""

from __future__ import annotations

import os
import wave
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.extras import lacking
from melody.files import reason, replace_file
from melody.render import sampler
from melody.render.synth import Audio, audio, synthesiser
from melody.score import Score

BLOCK = 1 << 20  # samples: the whole in 16 bits would be half as much memory again
OPUS_RATE = 48_000  # what Opus works at

PathLike = str | os.PathLike[str]


def wav(score: Score, path: PathLike, sample_rate: int = sampler.RATE, soundfont: PathLike | None = None, synth: str | None = None) -> str:
    """Write a piece as a 16-bit WAV file, replacing what is there; returns the name of the synthesiser. See ``audio``.

    >>> import tempfile
    >>> from melody.score import Score, Track, note_table
    >>> piece = Score((Track("tune", notes=note_table([0, 480, 960], [480, 480, 960], [60, 64, 67], [80, 80, 80])),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     wav(piece, f"{folder}/piece.wav", 8000, synth="tones")
    'simple tones'
    """
    write_wav(audio(score, sample_rate, soundfont, synth), path, sample_rate)
    return synthesiser(synth)


def opus(score: Score, path: PathLike, soundfont: PathLike | None = None, synth: str | None = None) -> str:
    """Write a piece as Opus in an Ogg file, about 1 MB a minute, replacing what is there; returns the name of the synthesiser.

    Errors: as of ``audio``, and ``MelodyError`` without the package soundfile.

    >>> from melody import load
    >>> opus(load().generate(bars=4, seed=1), "piece.opus")  # doctest: +SKIP
    """
    try:
        import soundfile  # type: ignore[import-untyped]  # has no types
    except (ImportError, OSError):  # OSError: its library is for another system
        raise lacking("soundfile", "Opus") from None
    sound = audio(score, OPUS_RATE, soundfont, synth)
    with replace_file(path) as temporary:
        try:
            shape = {"samplerate": OPUS_RATE, "channels": sound.shape[1], "format": "OGG", "subtype": "OPUS"}
            with soundfile.SoundFile(str(temporary), "w", **shape) as file:
                for start in range(0, len(sound), OPUS_RATE):
                    file.write(sound[start : start + OPUS_RATE])
        except soundfile.SoundFileError as fault:
            raise MelodyError(f"{os.fspath(path)}: cannot be written ({reason(fault)})") from None
    return synthesiser(synth)


def write_wav(sound: Audio, path: PathLike, sample_rate: int) -> None:
    """Write a sound as a 16-bit WAV file, replacing what is there."""
    with replace_file(path) as temporary, wave.open(str(temporary), "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        for part in sixteen_bits(sound):
            file.writeframes(part.tobytes())


def sixteen_bits(sound: Audio) -> Iterator[NDArray[np.int16]]:
    """The sound as whole numbers, a block at a time."""
    for start in range(0, len(sound), BLOCK):
        yield np.rint(sound[start : start + BLOCK] * 32767).astype("<i2")
