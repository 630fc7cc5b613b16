"""A user's tune as it comes into a request: read once, bounded, with the name by which messages call it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from melody import midi
from melody.errors import MelodyError, Remedy
from melody.midi import Limits, ScoreLike
from melody.score import Score

MAX_NOTES = 25_000  # that the network reads if nothing is said: 45 kB and 0.1 ms each
MOST_NOTES = 1_000_000  # that can be asked for
MAX_QUARTERS = 10_000  # a bar of silence is a step of the network too
TuneLike = Union["Tune", ScoreLike]  # a name in quotes


@dataclass(frozen=True, eq=False)
class Tune:
    """A Score, and what messages call it."""

    score: Score
    name: str = "the piece"

    @staticmethod
    def of(source: TuneLike, argument: str = "tune", max_notes: int = MAX_NOTES) -> Tune:
        """From a path, bytes, a binary file, a Score, a PrettyMIDI, a MidiFile; a Tune is returned as it is.

        Errors: ``CallError`` that names ``argument`` for anything else; ``MelodyError`` for a file that cannot be read, or a piece of
        more than ``max_notes`` or 10,000 quarter notes.
        """
        if isinstance(source, Tune):
            return source
        score = midi.as_score(source, argument, Limits(max_notes=MOST_NOTES))
        name = Path(source).name if isinstance(source, str | os.PathLike) else "the piece"
        if score.note_count > max_notes:
            said = f"{name}: {score.note_count:,} notes, more than the limit of {max_notes:,}"
            raise MelodyError(said, Remedy.MORE_NOTES if max_notes < MOST_NOTES else None, most=MOST_NOTES)
        quarters = score.end_tick // score.ticks_per_quarter
        if quarters > MAX_QUARTERS:
            raise MelodyError(f"{name}: lasts {quarters:,} quarter notes, more than the limit of {MAX_QUARTERS:,}; cut it first")
        return Tune(score, name)
