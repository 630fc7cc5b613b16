"""A sound at another sample rate, by the discrete Fourier transform of overlapping stretches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

STRETCH = 3  # seconds that are transformed; the middle one is kept, so that the ends, where the transform wraps around, are not


def resampled(sound: Audio, old: int, new: int) -> Audio:
    """The sound (samples, channels) at ``new`` samples a second; what lies above half of that is cut off.

    >>> tone = np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000).astype(np.float32)[:, None]
    >>> resampled(tone, 48_000, 16_000).shape
    (16000, 1)
    """
    if old == new or not len(sound):
        return sound
    seconds = -(-len(sound) // old)
    padded = np.zeros(((seconds + 2) * old, sound.shape[1]), np.float32)
    padded[old : old + len(sound)] = sound
    out = np.empty((seconds * new, sound.shape[1]), np.float32)
    for second in range(seconds):
        spectrum = np.fft.rfft(padded[second * old : (second + STRETCH) * old], axis=0)
        shorter = spectrum[: STRETCH * min(old, new) // 2 + 1] * (new / old)
        out[second * new : (second + 1) * new] = np.fft.irfft(shorter, STRETCH * new, axis=0)[new : 2 * new]
    return out[: round(len(sound) * new / old)]
