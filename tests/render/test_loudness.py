"""Loudness against the standard's own facts and a filter in the time domain; the limiter; other sample rates."""

import numpy as np
import pytest

from melody.render import loudness as measure
from melody.render.loudness import CEILING, levelled, limited, loudness
from melody.render.resample import resampled

RATE = 48_000


def sine(hertz: float, seconds: float, level: float, rate: int = RATE) -> np.ndarray:
    """Two equal channels; ``level`` in dB of full scale."""
    wave = 10 ** (level / 20) * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)
    return np.column_stack([wave, wave]).astype(np.float32)


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000, 96_000])
def test_the_standards_sine(rate: int) -> None:
    """A full-scale sine of 997 Hz: -3.01 in one channel, so 0.0 in both (BS.1770, annex 1)."""
    assert loudness(sine(997, 5, 0, rate), rate) == pytest.approx(0.0, abs=0.05)
    assert loudness(sine(997, 5, -23, rate), rate) == pytest.approx(-23.0, abs=0.05)
    assert loudness(sine(997, 5, -23, rate)[:, :1], rate) == pytest.approx(-23.0, abs=0.05)


def test_the_gates() -> None:
    """EBU Tech 3341, cases 3 and 4: soft stretches of 10 s around one of 60 s at -23 do not count."""
    for soft in (-36, -72):
        sound = np.concatenate([sine(1000, 10, soft), sine(1000, 60, -23), sine(1000, 10, soft)])
        assert loudness(sound, RATE) == pytest.approx(-23.0, abs=0.1)


def test_as_a_filter_in_the_time_domain() -> None:
    lfilter = pytest.importorskip("scipy.signal").lfilter
    rng = np.random.default_rng(1)
    sound = (rng.standard_normal((5 * RATE, 2)) * np.sin(np.arange(5 * RATE) / RATE)[:, None] * 0.1).astype(np.float32)
    sound += sine(55, 5, -20)
    weighted = sound.astype(float)
    for b, a in (measure.SHELF, measure.HIGH_PASS):
        weighted = lfilter(b, a, weighted, axis=0)
    blocks = [weighted[i : i + 19_200] for i in range(0, len(weighted) - 19_199, 4800)]
    power = np.array([np.square(b).mean(axis=0).sum() for b in blocks])
    relative = power.mean() / 10
    assert loudness(sound, RATE) == pytest.approx(-0.691 + 10 * np.log10(power[power > relative].mean()), abs=0.1)


def test_silence_has_none() -> None:
    assert loudness(np.zeros((RATE, 2), np.float32), RATE) == -np.inf
    assert loudness(np.zeros((0, 2), np.float32), RATE) == -np.inf
    assert not levelled(np.zeros((RATE, 2), np.float32), RATE).any()


@pytest.mark.parametrize("level", [-72, -60, -30, -3])
def test_levelled(level: float) -> None:
    sound = levelled(sine(440, 3, level), RATE)
    assert loudness(sound, RATE) == pytest.approx(-16, abs=0.5) and abs(sound).max() < CEILING


def test_peaks_are_limited_and_the_rest_is_as_loud_as_wanted() -> None:
    sound = sine(440, 5, -40)
    sound[::12_000] = 1.0  # clicks
    out = levelled(sound.copy(), RATE)
    assert abs(out).max() <= CEILING + 1e-6 and loudness(out, RATE) == pytest.approx(-16, abs=2)


def test_the_limiter_leaves_what_is_low_and_keeps_every_peak_down() -> None:
    low = sine(440, 1, -6)
    assert np.array_equal(limited(low.copy(), RATE), low)
    rng = np.random.default_rng(2)
    loud = (rng.standard_normal((RATE + 7, 2)) * 3).astype(np.float32)
    assert abs(limited(loud, RATE)).max() <= CEILING + 1e-6
    one = sine(440, 1, -40)
    one[30_000] = 5
    out = limited(one.copy(), RATE)
    assert np.array_equal(out[:29_000], one[:29_000]) and np.array_equal(out[31_000:], one[31_000:])


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 96_000])
def test_resampled(rate: int) -> None:
    out = resampled(sine(440, 2.5, -6), RATE, rate)
    assert out.shape == (round(2.5 * rate), 2)
    inside = slice(rate // 10, -rate // 10)
    assert abs(out - sine(440, 2.5, -6, rate))[inside].max() < 0.003
    assert resampled(out, rate, rate) is out
