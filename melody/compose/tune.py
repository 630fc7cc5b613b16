"""A user's tune as it comes into a request: read once, bounded, with the name by which messages call it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from melody import notation
from melody.errors import MelodyError
from melody.midi import Limits, ScoreLike
from melody.score import Score

MAX_NOTES = 25_000  # that the network reads: 45 kB and 0.1 ms each
MAX_QUARTERS = 10_000  # a bar of silence is a step of the network too
TuneLike = Union["Tune", ScoreLike]  # a name in quotes


@dataclass(frozen=True, eq=False)
class Tune:
    """A Score, and what messages call it."""

    score: Score
    name: str = "the piece"

    @staticmethod
    def of(source: TuneLike, argument: str = "tune") -> Tune:
        """From a path, bytes, a binary file, a Score, a PrettyMIDI, a MidiFile; a Tune is returned as it is.

        Errors: ``CallError`` that names ``argument`` for anything else; ``MelodyError`` for a file that cannot be read, or a piece of
        more than 25,000 notes or 10,000 quarter notes.
        """
        if isinstance(source, Tune):
            return source
        score = notation.as_score(source, argument, Limits(max_notes=MAX_NOTES))
        name = Path(source).name if isinstance(source, str | os.PathLike) else "the piece"
        quarters = score.end_tick // score.ticks_per_quarter
        if quarters > MAX_QUARTERS:
            raise MelodyError(f"{name}: lasts {quarters:,} quarter notes, more than the limit of {MAX_QUARTERS:,}; cut it first")
        return Tune(score, name)
