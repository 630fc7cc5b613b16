"""Who looks on at a run, what they see, and how they stop it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Protocol

from melody.corpus.batch import Batch
from melody.corpus.stream import Stream


@dataclass(frozen=True)
class Progress:
    """One look at a run, as written to ``metrics.jsonl``."""

    step: int
    share: float  # of the schedule, 0..1
    nats: float  # training nats per note, smoothed
    norm: float  # gradient norm before clipping
    rate: float  # learning rate
    notes: int  # notes seen so far
    notes_per_second: float
    seconds: float  # spent training, over all resumed parts
    seconds_left: float
    valid: Mapping[str, float] | None = None  # nats per note: total and by field
    skipped: int = 0  # updates that were not finite, or exploded
    notice: str = ""  # one line for the user: what went wrong since the last look, while the run goes on


class Watcher(Protocol):
    """Who looks on: ``update`` after every step (cheap), ``stop`` asked before every step and while validating."""

    def update(self, progress: Progress) -> None:
        """Look at a step. In a run of several processes only the first one's is called."""

    def stop(self) -> bool:
        """Whether to save and leave."""


@dataclass(frozen=True)
class Result:
    """How a run ended: "done", "stopped" (asked to) or "early" (no better validation)."""

    ending: str
    step: int
    best: float
    notes: int
    seconds: float
    before: float = math.nan  # nats a held-out note of the model that a fine-tuning started from


class Asked(Exception):  # noqa: N818  # not an error: a signal came while validating
    """Validation is left."""


class Interruptible(Stream):
    """The batches of ``stream``, which end by ``Asked`` once the watcher says stop: a validation is longer than a user waits."""

    def __init__(self, stream: Stream, watcher: Watcher) -> None:
        super().__init__(**{f.name: getattr(stream, f.name) for f in fields(stream)})
        self._watcher = watcher

    def __iter__(self) -> Iterator[Batch]:
        for batch in super().__iter__():
            if self._watcher.stop():
                raise Asked
            yield batch
