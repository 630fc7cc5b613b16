"""Soundfonts made for the tests: a sine for each preset."""

import numpy as np

from melody.render.soundfont import GENERATOR, MODULATOR, NAMES_INSTRUMENT, NAMES_SAMPLE, Sample, SoundFont, Zones

FRAMES = 480


def rows(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(list(pairs), GENERATOR)


def sine(cycles: int) -> bytes:
    return np.rint(20_000 * np.sin(2 * np.pi * cycles * np.arange(FRAMES) / FRAMES)).astype("<i2").tobytes()


def small(*keys: tuple[int, int]) -> SoundFont:
    """A preset for each key; the n-th plays instrument n, which is a sine of n + 4 cycles (at 48 kHz: 400 Hz, 500 Hz, ...)."""
    none = (np.zeros(0, MODULATOR),)
    samples = [Sample(b"sine", sine(n + 4), (0, FRAMES), 48_000, 67, 0, 1) for n in range(len(keys))]
    # 54: looped while it is held
    instruments = [Zones(b"i", (rows((54, 1), (NAMES_SAMPLE, n)),), none) for n in range(len(keys))]
    presets = {key: Zones(b"p", (rows((NAMES_INSTRUMENT, n)),), none) for n, key in enumerate(keys)}
    return SoundFont(presets, instruments, samples, {"INAM": b"small\0"})
