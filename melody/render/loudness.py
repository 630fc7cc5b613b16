"""How loud a sound is, and a sound made as loud as wanted without clipping.

Measure: ITU-R BS.1770-5 (2023), Algorithms to measure audio programme loudness, annex 1: two filters (K-weighting), mean squares of
blocks of 400 ms that overlap by 75 %, a gate at -70 LUFS and one 10 LU below what is left. The filters are applied to the spectrum
of each 100 ms, not to the samples: an IIR filter in numpy would be a loop. That changes the result by less than 0.1 LU.

Conventions
    sound     float32 (samples, channels), full scale 1.0; one channel counts as both of a stereo pair
    loudness  LUFS: a full-scale sine of 997 Hz in one of two channels has -3.01
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Audio = NDArray[np.float32]

TARGET = -16.0  # LUFS: what streaming services and podcasts play at, give or take 2
CEILING = 10 ** (-1 / 20)  # highest sample: -1 dB leaves room for what lossy files add
MAX_GAIN = 10 ** (60 / 20)  # a sound below -76 LUFS stays soft
ROUNDS = 4  # limiting takes loudness away: measured and given back so often
NEAR = 0.7  # LU from the target that are near enough
SILENCE = -70.0  # LUFS: the first gate
OFFSET = -0.691  # of the standard: makes the sine of 997 Hz what it must be
# Coefficients of the standard's tables 1 and 2, at 48 kHz: b then a.
SHELF = (1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585)
HIGH_PASS = (1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621)
DESIGNED_AT = 48_000
HOP = 0.1  # seconds
HOPS = 4  # of a block
LOOK_AHEAD = 0.005  # seconds over which the limiter goes down and up
STEP = 0.0005  # seconds for which it knows the peak


def loudness(sound: Audio, rate: int) -> float:
    """The integrated loudness in LUFS; -inf for silence, and for what is below -70 LUFS throughout.

    >>> at = np.arange(48_000) / 48_000
    >>> sine = np.sin(2 * np.pi * 997 * at).astype(np.float32)
    >>> round(loudness(np.column_stack([sine, 0 * sine]), 48_000), 1)
    -3.0
    """
    power = _block_power(sound, rate)
    level = OFFSET + 10 * np.log10(np.maximum(power, 1e-30))
    power, level = power[level > SILENCE], level[level > SILENCE]
    if not len(power):
        return -np.inf
    relative = OFFSET + 10 * np.log10(power.mean()) - 10
    return float(OFFSET + 10 * np.log10(power[level > relative].mean()))


def _block_power(sound: Audio, rate: int) -> NDArray[np.float64]:
    """K-weighted mean square (n,) of each block, all channels added; a sound shorter than a block is one."""
    size = round(HOP * rate)
    count = max(-(-len(sound) // size), HOPS)
    weights = _weights(size, rate)
    hops = np.zeros(count)
    for channel in range(sound.shape[1]):
        for first in range(0, count, 256):  # some MB at a time
            part = sound[first * size : (first + 256) * size, channel]
            rows = np.zeros((min(256, count - first), size), np.float32)
            rows.reshape(-1)[: len(part)] = part
            spectrum = np.fft.rfft(rows)
            hops[first : first + len(rows)] += (spectrum.real**2 + spectrum.imag**2) @ weights
    if sound.shape[1] == 1:
        hops *= 2
    sums = np.cumsum(np.append(0.0, hops))
    blocks: NDArray[np.float64] = np.maximum(sums[HOPS:] - sums[:-HOPS], 0) / HOPS
    return blocks


def _weights(size: int, rate: int) -> NDArray[np.float64]:
    """What the power at each frequency of a spectrum counts in the mean square, K-weighting included."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size, 1 / rate) / DESIGNED_AT)
    gain = np.ones(len(z))
    for b, a in (SHELF, HIGH_PASS):
        gain *= abs(_polynomial(b, z) / _polynomial(a, z)) ** 2
    twice = np.full(len(z), 2.0)  # a spectrum of real numbers shows half of itself
    twice[0] = 1
    if size % 2 == 0:
        twice[-1] = 1
    weights: NDArray[np.float64] = gain * twice / size**2
    return weights


def _polynomial(coefficients: tuple[float, ...], z: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Its values at ``z``, lowest power first."""
    return sum((c * z**power for power, c in enumerate(coefficients)), np.zeros_like(z))


def levelled(sound: Audio, rate: int, target: float = TARGET) -> Audio:
    """The sound at ``target`` LUFS with no sample above ``CEILING``; silence stays silent.

    Where peaks are in the way a limiter turns them down for some milliseconds.
    """
    gain, out = 1.0, sound
    for _ in range(ROUNDS):
        now = loudness(out, rate)
        if now == -np.inf and out is sound:
            now = _faint(sound)
        if now == -np.inf or abs(now - target) < NEAR and out is not sound:
            break
        gain = min(gain * 10 ** ((target - now) / 20), MAX_GAIN)
        out = limited(sound * np.float32(gain), rate)
    return out


def _faint(sound: Audio) -> float:
    """The level of a sound below the gate, without weights, in dB."""
    power = float(np.mean(np.square(sound, dtype=np.float64))) if sound.size else 0.0
    return float(10 * np.log10(power)) if power > 0 else -np.inf


def limited(sound: Audio, rate: int) -> Audio:
    """The sound turned down around its peaks so that none is above ``CEILING``; it may be changed in place."""
    size = max(round(STEP * rate), 1)
    count = -(-len(sound) // size)
    padded = np.zeros((count * size, sound.shape[1]), np.float32)
    padded[: len(sound)] = abs(sound)
    peak = padded.reshape(count, -1).max(axis=1)
    if not (peak > CEILING).any():
        return sound
    need = np.minimum(1, CEILING / np.maximum(peak, 1e-9))
    reach = round(LOOK_AHEAD / STEP)
    lowest = np.lib.stride_tricks.sliding_window_view(np.pad(need, reach + 1, mode="edge"), 2 * reach + 3).min(axis=1)
    window = np.hanning(2 * reach + 1)
    smooth = np.convolve(np.pad(lowest, reach, mode="edge"), window / window.sum(), "valid")  # below need: its window lies in lowest's
    gain = np.interp(np.arange(len(sound)), (np.arange(count) + 0.5) * size, smooth).astype(np.float32)
    sound *= gain[:, None]
    return sound
