"""The schedule of a run: how much of it is done, and the learning rate there. Plain numbers; does not know the loop."""

from __future__ import annotations

import math

from melody.training.config import TrainConfig
from melody.training.state import Counters

MIN_UPDATES = 100  # updates with which a network learns next to nothing
SURE = 3  # updates after which their time is known well enough


def share(config: TrainConfig, counters: Counters) -> float:
    """How much of the schedule is done, 0..1: the further of steps and minutes."""
    by_steps = counters.step / config.steps if config.steps else 0.0
    by_time = counters.seconds / (60 * config.minutes) if config.minutes else 0.0
    return min(1.0, max(by_steps, by_time))


def rate(config: TrainConfig, counters: Counters) -> float:
    """The learning rate of the next update: a linear warm-up, then a cosine."""
    warm = min(1.0, (counters.step + 1) / max(1, config.warmup))
    cosine = 0.5 * (1 + math.cos(math.pi * share(config, counters)))
    return config.rate * warm * (config.final_rate + (1 - config.final_rate) * cosine)


def too_short(config: TrainConfig, counters: Counters) -> str:
    """One line for a run whose minutes are too few to learn, as soon as that is seen; otherwise nothing.

    >>> too_short(TrainConfig(minutes=4), Counters(step=3, seconds=80))
    'only about 9 updates in 4 minutes, too few to learn much: give it 89 minutes or more, or a smaller batch (now 32)'
    """
    updates = int(60 * config.minutes * counters.step / max(counters.seconds, 1e-9))
    wanted = max(MIN_UPDATES, 2 * config.warmup)
    if counters.step != SURE or not config.minutes or config.steps or updates >= wanted:
        return ""
    minutes = math.ceil(wanted * counters.seconds / counters.step / 60)
    less = f", or a smaller batch (now {config.batch})" if config.batch > 1 else ""
    return f"only about {updates} updates in {config.minutes:g} minutes, too few to learn much: give it {minutes} minutes or more{less}"
