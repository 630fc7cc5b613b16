"""A user's tune as it comes into a request: read once, bounded, with the name by which messages call it."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, Union

import numpy as np

from melody import edit, notation, theory
from melody.errors import CallError, MelodyError, Remedy, unknown
from melody.midi import Limits, ScoreLike
from melody.programs import program_name
from melody.score import Score

MAX_NOTES = 25_000  # that the network reads if nothing is said: 45 kB and 0.1 ms each
MAX_NOTES_ASKED = 1_000_000  # that can be asked for
MAX_QUARTERS = 10_000  # a bar of silence is a step of the network too
TuneLike = Union["Tune", ScoreLike]  # a name in quotes


BEATS = ("file", "estimate", "seconds")  # what a tune's beats are counted by
SECONDS_A_BEAT = 0.5  # where they are counted in seconds


class Doubt(NamedTuple):
    """What was read in one way and may be meant in another: a line on it, the setting and its value that say so, and what they do."""

    line: str
    setting: str
    value: str
    effect: str


@dataclass(frozen=True, eq=False)
class Tune:
    """A Score, and what messages call it. Of free playing the Score may be counted by ``beats``; ``file`` then has the file's own ticks."""

    score: Score
    name: str = "the piece"
    beats: edit.BeatMap | None = None
    file: Score | None = None

    @staticmethod
    def of(
        source: TuneLike,
        argument: str = "tune",
        drums: str | None = None,
        sequence: int | None = None,
        max_notes: int = MAX_NOTES,
        beats: str = "file",
    ) -> Tune:
        """From a path, bytes, a binary file, a Score, a PrettyMIDI, a MidiFile; a Tune is returned as it is, but for ``drums``.

        ``drums``: name, or number from 1, of a track that is a drum kit though its file plays it with pitches; several with commas between.
        ``sequence``: which one of a file of format 2, from 1. ``beats``: one of ``BEATS``; ignored for a Tune.
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
        return Tune(with_drums(score, drums, name), name).counted_by(beats)

    def counted_by(self, beats: str) -> Tune:
        """The tune counted by its file's beats, by those of the player (``"estimate"``), or by half seconds (``"seconds"``)."""
        if beats == "file" or not self.score.note_count:
            return self
        if beats == "estimate":
            seconds = theory.track_beats(self.score)
        else:
            seconds = np.arange(0.0, self.score.duration_seconds + 2 * SECONDS_A_BEAT, SECONDS_A_BEAT)
        counted = edit.BeatMap.of(self.score, seconds)
        if beats == "estimate":  # a bar begins with the first note, or where people notice that one begins
            counted = counted.later(theory.downbeat_shift(counted.on_beats(self.score)) // counted.quarter, self.score)
        return Tune(counted.on_beats(self.score), self.name, counted, self.score)

    @property
    def whole(self) -> Score:
        """The tune as its file has it."""
        return self.score if self.file is None else self.file

    def in_file(self, made: Score) -> Score:
        """A Score that was made out of this tune as an edit of its file."""
        return made if self.beats is None or self.file is None else self.beats.in_file(self.file, made)

    def doubts(self) -> list[Doubt]:
        """What was read in one way and may be meant in another."""
        out = []
        for index in theory.likely_drums(self.score):
            track = self.score.tracks[index]
            line = f"track {track.name!r} has the name and the notes of a drum kit, but plays {program_name(track.program)}"
            out.append(Doubt(line, "drums", track.name, "reads it as drums"))
        if self.beats is None and not theory.follows_file(self.score):
            line = "the notes do not follow the beat of the file, and what is new will"
            out.append(Doubt(line, "beats", "estimate", "lets it follow the player"))
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
