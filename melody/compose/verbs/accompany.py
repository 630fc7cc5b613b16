"""``accompany``: a tune as it is, and everything else."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from melody import theory
from melody.bundle import Bundle
from melody.codec import encode
from melody.codec.columns import PartColumn
from melody.codec.given import given_notes
from melody.codec.table import DRUMS, MAX_PARTS, PROGRAM_BASE, Field, Role
from melody.compose.alignment import AlignedTune, align_to_grid, new_notes, with_new_tracks
from melody.compose.controls import SILENT_BARS, declared, key_in, scale_for, tune_conditions
from melody.compose.drawing import Drawing
from melody.compose.fitting import limits_of_new
from melody.compose.known import as_learned, drums_learned, learned_programs
from melody.compose.passes import in_passes_over
from melody.compose.request import WithTrack, WithVoices
from melody.compose.steering.steered import names_of_voices, steered
from melody.compose.task import Rows, Task
from melody.errors import MelodyError
from melody.generate.plan import NO_STOP, Plan
from melody.midi import free_channels
from melody.programs import program_name
from melody.score import Score
from melody.settings import setting

MAX_ADDED = 3  # parts that an accompaniment adds on its own
GUIDANCE = 5.0  # how closely it follows its tune (docs/log.md)


@dataclass(frozen=True, kw_only=True)
class Accompany(WithTrack, WithVoices):
    """Add an accompaniment to a tune; the tune itself stays as it was.

    >>> from melody.score import Score, Track, note_table
    >>> tune = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))
    >>> Accompany(tune=tune, voices=["piano", "bass"]).programs()
    ((0, False), (33, False))
    """

    track: str | int | None = setting(
        None, "Name, or number from 1, of the track that is the tune, if there are others; by default it is found."
    )

    def _task(self, bundle: Bundle) -> Task:
        if not self.voices and not free_channels(self.source.whole) and (there := _there(self.source.whole)):
            return replace(self, voices=(there,))._task(bundle)
        codec = bundle.codec
        fresh = len(self.voices) or 1
        tune = align_to_grid(self.source, codec, self.track_name, lead=True, reserve=fresh)
        piece = tune.piece
        channels = _free_channels(self, tune)
        count = len(piece.parts)
        held = tune.part_table
        held[:count, PartColumn.GIVEN] = 1
        known = encode(piece, np.zeros(len(piece.notes), bool)).rows[:-1]
        extra, parts = declared(held, self, count)
        last = theory.bar_of(tune.score, [tune.last_onset, max(tune.last_onset, tune.end - 1)])
        ending, stop = (int(t) for t in tune.bar_ticks(last + np.array([0, 1])))
        known_programs = learned_programs(bundle) if self.fitting.nearest else None
        learned, learned_parts = as_learned(extra, parts, known_programs)
        drawing = Drawing(bundle, self.style, self.sampling)
        made = Plan(
            parts=learned_parts,
            conditions=tune_conditions(self, tune, codec),
            metre=piece.metre,
            prime=np.concatenate([known, learned]),
            given=given_notes(piece, np.ones(len(piece.notes), bool)),
            stop=max(1, int(tune.steps(stop))),
            ending=int(tune.steps(ending)),
            declare=(0, 0) if self.voices else (1, min(MAX_ADDED, channels, MAX_PARTS - count)),
            max_silence=SILENT_BARS * piece.metre.bar_length(0) if self.voices else NO_STOP,
            scale=scale_for(self, tune, np.ones(len(piece.notes), bool)),
            limits=limits_of_new(piece, self.programs(), count, self.fitting, drums_learned(bundle)),
            seed=self.seed,
            sampling=drawing.of("notes").guided(GUIDANCE),
        )

        def finish(rows: Rows) -> Score:
            whole = np.concatenate([extra, rows])
            tables = new_notes(tune, whole, 0, (0, stop))
            mine = whole[whole[:, Field.ROLE] == Role.PART]
            programs = [int(r[Field.PITCH]) - PROGRAM_BASE for r in mine]
            new = [(p, tables[int(r[Field.PART])]) for p, r in zip(programs, mine, strict=True)]
            names = [program_name(min(p, 127), p == DRUMS) for p in programs]
            return with_new_tracks(tune.score, new, names)

        task = Task(made, finish, 60e6 / float(tune.score.tempi["mspq"][0]))
        names = names_of_voices(made, tuple(str(v) for v in self.voices), count)
        task = steered(self, task, piece, key_in(self, tune), tune.ticks, names, whole=False)
        return in_passes_over(task, drawing, piece) if self.passes else task


def _there(score: Score) -> str | None:
    """The program that most of a tune's tracks have: where no channel is free, one more of them shares theirs."""
    counts = Counter(t.program for t in score.tracks if not t.is_drum and len(t.notes))
    return str(counts.most_common(1)[0][0]) if counts else None


def _free_channels(request: Accompany, tune: AlignedTune) -> int:
    """How many instruments can be added to a tune before MIDI has no channel left. One that plays there already shares its channel."""
    free = free_channels(tune.score)
    there = {t.program for t in tune.score.tracks if not t.is_drum}
    wanted = {program for program, drums in request.programs() if not drums} - there
    if free < max(len(wanted), int(not request.voices)):
        raise MelodyError(f"{tune.name}: MIDI has channels for only {max(free, 0)} more instruments; leave out some of its tracks first")
    return free
