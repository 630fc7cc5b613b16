"""``generate``: a new piece from nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from melody import edit
from melody.bundle import Bundle
from melody.codec.conditions import conditions
from melody.codec.decode import decode_piece, piece_score, ticks_per_step
from melody.codec.encode import blank_piece
from melody.codec.given import no_parts
from melody.codec.metre import Metre
from melody.codec.table import DRUMS, CodecConfig
from melody.compose.alignment import fitted
from melody.compose.controls import SILENT_BARS, asked_scale, declared, default_conditions, scale_of_key, signature_of, usual_key
from melody.compose.drawing import Drawing
from melody.compose.fitting import limits_of_voices, starts
from melody.compose.known import as_learned, drums_learned, learned_programs
from melody.compose.passes import in_passes
from melody.compose.request import WithLength, WithVoices
from melody.compose.steering.chords import chord_bars, key_by_chords, meter_by_chords
from melody.compose.steering.form import form_bars
from melody.compose.steering.steered import names_of_voices, steered
from melody.compose.task import Rows, Task
from melody.errors import CallError
from melody.generate.plan import NO_STOP, Plan
from melody.programs import program_name
from melody.score import KEY, METER, Score, table

FREE_BARS = (16, 32)  # without a length: a number of bars is drawn, and the model knows it and ends the piece there


@dataclass(frozen=True, kw_only=True)
class Generate(WithVoices, WithLength):
    """A new piece.

    >>> request = Generate(bars=8, voices="piano,bass", meter=(3, 4), seed=1)
    >>> request.programs(), request.parsed_meter()
    (((0, False), (33, False)), (3, 4))
    """

    def _task(self, bundle: Bundle) -> Task:
        codec = bundle.codec
        if codec.clock == "seconds" and (self.tempo is not None or self.meter is not None):
            raise CallError("tempo, meter: this model counts in seconds and knows neither; leave them out, or use another model")
        style, tempo, meter = default_conditions(self, bundle)
        meter = meter_by_chords(self) or meter
        by_chords = key_by_chords(self) if self.key is None else self.parsed_key()
        key = by_chords if by_chords is not None else usual_key(bundle, style, self.seed)
        drawing = Drawing(bundle, style, self.sampling)
        meters = table(METER, [0], [meter[0]], [meter[1]])
        metre = Metre(codec, meters)
        prime, parts = declared(no_parts(), self, 0)
        stop, ending = self._span(metre, tempo, codec)
        known = learned_programs(bundle) if self.fitting.nearest else None
        learned, learned_parts = as_learned(prime, parts, known)
        limits = limits_of_voices(self.programs(), 0, self.fitting, drums_learned(bundle))
        made = Plan(
            parts=learned_parts,
            conditions=conditions(codec, style, tempo, key, meter),
            metre=metre,
            prime=learned,
            stop=stop,
            ending=ending,
            declare=(0, 0) if self.voices else (1, 4),
            every_bar=True,
            max_silence=SILENT_BARS * metre.bar_length(0) if self.voices else NO_STOP,
            scale=scale_of_key(key) if self.key is None else asked_scale(self),
            limits=replace(limits, first=starts(metre, codec)) if self.fitting.start else limits,
            seed=self.seed,
            sampling=drawing.of("notes"),
        )

        def finish(rows: Rows) -> Score:
            piece = decode_piece(np.concatenate([prime, rows]), codec, meters)
            names = tuple("Melody" if p["lead"] else program_name(min(127, int(p["program"])), p["program"] == DRUMS) for p in piece.parts)
            score = piece_score(replace(piece, notes=fitted(piece.notes, stop, codec)), tempo, names)
            score = edit.map_notes(score, edit.without_overlaps)
            keys = score.keys if key is None else table(KEY, [0], *([v] for v in signature_of(self, key)))
            return replace(score, tracks=tuple(t for t in score.tracks if len(t.notes)), keys=keys)

        task = Task(made, finish, tempo)
        names = names_of_voices(made, tuple(str(v) for v in self.voices), 0)
        task = steered(self, task, blank_piece(codec, meters), self.parsed_scale(), lambda steps: steps * ticks_per_step(codec), names)
        return in_passes(task, drawing, blank_piece(codec, meters)) if self.passes else task

    def _span(self, metre: Metre, tempo: float, codec: CodecConfig) -> tuple[int, int]:
        """(stop, ending) of a new piece in steps: no note from ``stop`` on, no end before ``ending``."""
        if self.seconds is not None:
            per_second = codec.grid * tempo / 60 if codec.clock == "beats" else codec.grid
            stop = max(1, int(self.seconds * per_second + 1e-6))
            return stop, max(0, stop - metre.bar_length(0))
        bars = (
            self.bars
            or form_bars(self)
            or _whole_rounds(chord_bars(self))
            or int(np.random.default_rng([self.seed, 2]).integers(FREE_BARS[0], FREE_BARS[1] + 1))
        )
        return metre.bar_start(bars), metre.bar_start(bars - 1)


def _whole_rounds(bars: int) -> int:
    """Bars of chords that go round until there are enough of them; 0 where there are no chords."""
    return bars * max(1, -(-FREE_BARS[0] // bars)) if bars else 0
