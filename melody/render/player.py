"""A sound out of the loudspeaker: by the package miniaudio, else by a program of the system that plays WAV files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError, Remedy
from melody.extras import EXTRAS
from melody.render.recording import sixteen_bits, write_wav
from melody.render.synth import Audio

PLAYERS = (  # program, and what comes between it and the file; the first that is here and works is used
    ("pw-play", ()),
    ("paplay", ()),
    ("aplay", ("-q",)),
    ("afplay", ()),
    ("ffplay", ("-nodisp", "-autoexit", "-loglevel", "error")),
)
POWERSHELL = "(New-Object Media.SoundPlayer $args[0]).PlaySync()"


def play(sound: Audio, rate: int) -> str:
    """Play a sound (samples, channels) to its end; returns what played it. An interrupt ends it.

    Errors: ``MelodyError`` where there is no sound device, or nothing that plays through it.

    >>> from melody import load, render
    >>> play(render.audio(load().generate(bars=4, seed=1)), 48_000)  # doctest: +SKIP
    """
    if _through_miniaudio(sound, rate):
        return "miniaudio"
    with tempfile.TemporaryDirectory(prefix="melody-") as folder:
        path = Path(folder) / "sound.wav"
        write_wav(sound, path, rate)
        for name, command in _commands(path):
            if _ran(command):
                return name
    reason = "nothing here plays sound: it takes a sound device, and a player such as aplay or the package miniaudio"
    raise MelodyError(reason, Remedy.INSTALL, requirement=EXTRAS["play"].requirement)


def _commands(path: Path) -> Iterator[tuple[str, list[str]]]:
    for name, options in PLAYERS:
        if program := shutil.which(name):
            yield name, [program, *options, str(path)]
    if sys.platform == "win32" and (program := shutil.which("powershell")):
        yield "powershell", [program, "-NoProfile", "-Command", f"& {{{POWERSHELL}}}", str(path)]


def _ran(command: list[str]) -> bool:
    """Whether the program played the file to its end."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False).returncode == 0  # noqa: S603  # a program of PLAYERS, a file of our own
    except OSError:
        return False


def _through_miniaudio(sound: Audio, rate: int) -> bool:
    """Whether miniaudio is here, found a device, and played the sound to its end."""
    try:
        import miniaudio  # type: ignore[import-untyped, import-not-found, unused-ignore]  # optional, and has no types
    except (ImportError, OSError):  # OSError: its library is for another system
        return False
    real = [backend for backend in miniaudio.Backend if backend.name != "NULL"]  # that one plays to nobody
    try:
        with _quiet():
            device = miniaudio.PlaybackDevice(
                output_format=miniaudio.SampleFormat.SIGNED16, nchannels=sound.shape[1], sample_rate=rate, backends=real
            )
    except miniaudio.MiniaudioError:
        return False
    with device:
        ended = threading.Event()
        feed = _feed(sound, ended)
        next(feed)
        device.start(feed)
        ended.wait()
    return True


def _feed(sound: Audio, ended: threading.Event) -> Generator[Any, int, None]:
    """The samples, as many at a time as the device asks for; ``ended`` once all of them were taken and silence followed."""
    numbers: NDArray[np.int16] = np.concatenate([*sixteen_bits(sound), np.zeros((0, sound.shape[1]), "<i2")])
    count, at = (yield b""), 0
    while at < len(numbers):
        part = numbers[at : at + count]
        at += count
        count = yield part
    for _ in range(4):  # buffers of the device that are still playing
        count = yield np.zeros((count, sound.shape[1]), "<i2")
    ended.set()
    while True:
        count = yield np.zeros((count, sound.shape[1]), "<i2")


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing on standard error meanwhile: ALSA writes a page there where it finds no card."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
