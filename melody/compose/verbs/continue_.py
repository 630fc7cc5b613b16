"""``continue``: a tune, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from melody import theory
from melody.bundle import Bundle
from melody.codec import encode
from melody.codec.table import DRUMS, Field
from melody.compose.alignment import AlignedTune, added, align_to_grid, clear_of, new_notes
from melody.compose.controls import key_in, scale_for, tune_conditions
from melody.compose.drawing import Drawing
from melody.compose.fitting import limits_around
from melody.compose.hole import near_bars
from melody.compose.known import drums_learned
from melody.compose.passes import in_passes
from melody.compose.pedal import pedalled
from melody.compose.request import WithLength, WithTune
from melody.compose.steering.chords import chord_bars
from melody.compose.steering.form import form_bars
from melody.compose.steering.steered import names_of_tracks, steered
from melody.compose.task import Rows, Task
from melody.compose.tune import Tune
from melody.generate.plan import Plan
from melody.score import Score, meter_table, tempo_table

CONTINUE_BARS = 8  # where nothing is said
OVERHANG = 4  # a tune that sounds on past a bar line for up to a quarter divided by this ends at the bar line


@dataclass(frozen=True, kw_only=True)
class Continue(WithTune, WithLength):
    """Continue a tune from its end, by 8 bars if no length is given; the tune itself stays as it was.

    >>> from melody.score import Score, Track, note_table
    >>> tune = Score((Track("tune", notes=note_table([0, 480], [480, 480], [60, 64], [80, 80])),))
    >>> Continue(tune=tune, bars=4, seed=1).source.score == tune
    True
    """

    def written_programs(self) -> Sequence[int]:
        """See Request."""
        chosen = self.source.score.tracks
        return [DRUMS if t.is_drum else t.program for t in chosen if len(t.notes)]

    def _task(self, bundle: Bundle) -> Task:
        codec = bundle.codec
        tune = align_to_grid(self.source, codec)
        begin, first_bar = _end_of(tune)
        if self.meter is not None or self.tempo is not None:
            changed = _changed_from(tune.score, self, int(tune.bar_ticks(first_bar)))
            tune = align_to_grid(Tune(changed, tune.name), codec)
        if self.seconds is None:
            bars = self.bars or form_bars(self) or max(CONTINUE_BARS, chord_bars(self))
            ending, stop = (int(t) for t in tune.bar_ticks([first_bar + bars - 1, first_bar + bars]))
        else:
            stop = max(begin + 1, int(tune.score.ticks_at(tune.score.seconds(begin) + self.seconds)))
            ending = max(begin, stop - int(np.diff(tune.bar_ticks([first_bar, first_bar + 1]))[0]))
        line = tune.end if tune.end > tune.score.end_tick else 0  # silence that ends a piece stays silent
        prime = encode(tune.piece).rows[:-1]
        reached = int(prime[:, Field.WAIT].sum(dtype=np.int64))
        earliest = max(int(tune.steps(begin)), reached + 1)
        every = np.ones(len(tune.piece.notes), bool)
        near = near_bars(tune.piece, earliest, earliest)
        drawing = Drawing(bundle, self.style, self.sampling)
        made = Plan(
            parts=tune.part_table,
            conditions=tune_conditions(self, tune, codec, dense=True),
            metre=tune.piece.metre,
            prime=prime,
            earliest=earliest,
            stop=max(int(tune.steps(stop)), earliest + 1),
            ending=int(tune.steps(ending)),
            declare=(0, 0),
            every_bar=tune.plays_in_every_bar(),
            scale=scale_for(self, tune, every),
            limits=limits_around(tune.piece, every, near, self.fitting, drums_learned(bundle)),
            seed=self.seed,
            sampling=drawing.of("notes"),
        )

        def finish(rows: Rows) -> Score:
            tables = new_notes(tune, rows, reached, (max(tune.last_onset + 1, line), stop))
            tracks = tune.score.tracks
            new = {index: clear_of(tracks[index].notes, tables[p]) for p, index in enumerate(tune.tracks)}
            return pedalled(tune.score, added(tune.score, new), stop)

        mspq = tune.score.tempi["mspq"][-1]
        task = Task(made, finish, 60e6 / float(mspq))
        names = names_of_tracks(made, [tune.score.tracks[i].name for i in tune.tracks])
        task = steered(self, task, tune.piece, key_in(self, tune), tune.ticks, names)
        return in_passes(task, drawing, tune.piece) if self.passes else task


def _end_of(tune: AlignedTune) -> tuple[int, int]:
    """Tick at which a tune is over, and the first bar (from 0) that starts there or later.

    Played notes are often held a little over the last bar line: the tune is over at the line, and the next bar keeps its first beat.
    """
    score, end = tune.score, tune.end
    bar = int(theory.bar_of(score, end))
    line = int(tune.bar_ticks(bar))
    if tune.last_onset < line and OVERHANG * (end - line) <= score.ticks_per_quarter:
        return line, bar
    return end, bar + int(end > line)


def _changed_from(score: Score, request: WithLength, tick: int) -> Score:
    """The Score with another tempo or meter from ``tick`` on."""
    tempi, meters = score.tempi, score.meters
    if request.tempo is not None:
        kept = tempi[tempi["tick"] < tick]
        tempi = tempo_table([*kept["tick"], tick], [*kept["mspq"], round(60e6 / request.tempo)])
    meter = request.parsed_meter()
    if meter is not None:
        kept = meters[meters["tick"] < tick]
        meters = meter_table([*kept["tick"], tick], [*kept["numerator"], meter[0]], [*kept["denominator"], meter[1]])
    return replace(score, tempi=tempi, meters=meters)
