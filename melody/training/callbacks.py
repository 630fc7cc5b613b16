"""Callbacks: what a caller of a training run sees of it, how it stops the run, and how a run ended.

Knows nothing of the loop. A run calls ``update`` after every step and asks ``stop`` before every step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Protocol

from melody.corpus.batch import Batch
from melody.corpus.stream import Stream


@dataclass(frozen=True)
class Progress:
    """A run after a step; its fields are the keys of ``metrics.jsonl``."""

    step: int  # updates made
    share: float  # of the schedule that is done, 0..1
    nats: float  # training loss, nats per note, smoothed; nan before the first update
    norm: float  # gradient norm before clipping
    rate: float  # learning rate
    notes: int  # notes trained on
    notes_per_second: float  # mean over the whole run
    seconds: float  # spent training, over all resumed parts
    seconds_left: float  # estimated
    valid: Mapping[str, float] | None = None  # validation at this step, nats per note: "total" and by field
    skipped: int = 0  # updates skipped so far because they were not finite, or exploded
    notice: str = ""  # one line for the user: what went wrong since the last report, while the run goes on


class TrainingCallback(Protocol):
    """What a run calls. In a run of several processes only the first one's ``update`` is called."""

    def update(self, progress: Progress) -> None:
        """See a step; should be quick."""

    def stop(self) -> bool:
        """Whether to save and leave; asked before every step and at every batch of a validation."""


class NoCallback:
    """A ``TrainingCallback`` that looks at nothing and lets the run go on to its end."""

    def update(self, progress: Progress) -> None:
        """Nothing is done."""

    def stop(self) -> bool:
        """Never."""
        return False


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended."""

    ending: str  # "done", "stopped" (the callback asked for it) or "early" (validation got no better)
    step: int  # updates made
    best: float  # best validation, nats per note; inf where nothing was validated
    notes: int  # notes trained on
    seconds: float  # spent training
    before: float = math.nan  # validation of the model that a fine-tuning began with, nats per note


class ValidationInterrupted(Exception):  # noqa: N818  # not an error: the callback asked to stop while validating
    """A validation was left before its end."""


class InterruptibleStream(Stream):
    """The batches of a stream, ended by ``ValidationInterrupted`` once the callback says stop: a validation is a long wait."""

    def __init__(self, stream: Stream, callback: TrainingCallback) -> None:
        super().__init__(**{f.name: getattr(stream, f.name) for f in fields(stream)})
        self._callback = callback

    def __iter__(self) -> Iterator[Batch]:
        for batch in super().__iter__():
            if self._callback.stop():
                raise ValidationInterrupted
            yield batch
