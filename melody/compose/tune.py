"""A user's tune as it comes into a request: read once, bounded, with the name by which messages call it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Union

from melody import edit, notation, theory
from melody.errors import CallError, MelodyError, Remedy, unknown
from melody.midi import Limits, ScoreLike
from melody.programs import program_name
from melody.score import Score

MAX_NOTES = 25_000  # that the network reads if nothing is said: 45 kB and 0.1 ms each
MAX_NOTES_ASKED = 1_000_000  # that can be asked for
MAX_QUARTERS = 10_000  # a bar of silence is a step of the network too
TuneLike = Union["Tune", ScoreLike]  # a name in quotes


@dataclass(frozen=True, eq=False)
class Tune:
    """A Score, and what messages call it."""

    score: Score
    name: str = "the piece"

    @staticmethod
    def of(
        source: TuneLike, argument: str = "tune", drums: str | None = None, sequence: int | None = None, max_notes: int = MAX_NOTES
    ) -> Tune:
        """From a path, bytes, a binary file, a Score, a PrettyMIDI, a MidiFile; a Tune is returned as it is, but for ``drums``.

        ``drums``: name, or number from 1, of a track that is a drum kit though its file plays it with pitches; several with commas between.
        ``sequence``: which one of a file of format 2, from 1.
        Errors: ``CallError`` that names ``argument`` for anything else; ``MelodyError`` for a file that cannot be read, or a piece of
        more than ``max_notes`` or 10,000 quarter notes.
        """
        if isinstance(source, Tune):
            return replace(source, score=with_drums(source.score, drums, source.name))
        score = notation.as_score(source, argument, Limits(max_notes=MAX_NOTES_ASKED), sequence=sequence)
        name = Path(source).name if isinstance(source, str | os.PathLike) else "the piece"
        if score.note_count > max_notes:
            said = f"{name}: {score.note_count:,} notes, more than the limit of {max_notes:,}"
            raise MelodyError(said, Remedy.MORE_NOTES if max_notes < MAX_NOTES_ASKED else None, most=MAX_NOTES_ASKED)
        quarters = score.end_tick // score.ticks_per_quarter
        if quarters > MAX_QUARTERS:
            raise MelodyError(f"{name}: lasts {quarters:,} quarter notes, more than the limit of {MAX_QUARTERS:,}; shorten it first")
        return Tune(with_drums(score, drums, name), name)

    def doubts(self) -> list[tuple[str, str]]:
        """What was read in one way and may be meant in another: the name of the setting that says so and its value, and a line."""
        out = []
        for index in theory.likely_drums(self.score):
            track = self.score.tracks[index]
            out.append(
                (track.name, f"track {track.name!r} has the name and the notes of a drum kit, but plays {program_name(track.program)}")
            )
        return out


def with_drums(score: Score, wanted: str | None, name: str) -> Score:
    """The Score with some of its tracks as drums: names or numbers from 1, with commas between."""
    if wanted is None:
        return score
    whole = [t.name.casefold() for t in score.tracks]
    parts = [wanted] if wanted.casefold() in whole else [part.strip() for part in wanted.split(",")]
    chosen = {find_track(score, part, name) for part in parts}
    return edit.with_tracks(score, [replace(t, is_drum=t.is_drum or i in chosen) for i, t in enumerate(score.tracks)])


def find_track(score: Score, wanted: str, name: str) -> int:
    """Index of a track by its name (upper and lower case alike) or its number from 1."""
    names = [t.name for t in score.tracks]
    same = [i for i, n in enumerate(names) if n.casefold() == wanted.casefold()]
    if same:
        return same[0]
    if wanted.isascii() and wanted.isdigit():
        if not 1 <= int(wanted[:6]) <= len(names):
            raise CallError(f"{name}: no track {wanted[:20]}, it has {len(names)}")
        return int(wanted) - 1
    raise unknown("track", wanted, [n for n in names if n] or [str(i + 1) for i in range(len(names))])
