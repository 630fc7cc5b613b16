"""Notes as they are sampled, for who listens: with their instrument, and their time in beats and in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody.codec import CodecConfig
from melody.codec.columns import PartColumn
from melody.codec.decode import pitches_of
from melody.codec.encode import velocity_of
from melody.codec.table import DRUMS, PROGRAM_BASE, Field, Role
from melody.compose.task import Task
from melody.generate.engine import AnyEngine
from melody.generate.loop import Writer
from melody.programs import program_name


@dataclass(frozen=True)
class StreamedNote:
    """One note of a stream. Times are counted from the start of the piece; a beat is a quarter note."""

    onset_beats: float
    duration_beats: float
    onset_seconds: float
    duration_seconds: float
    part: int  # number of the part, from 0
    name: str  # of the part: "Melody", or its instrument
    program: int  # General MIDI, 0..127; 0 for drums
    is_drum: bool
    pitch: int  # 0..127
    velocity: int  # 1..127


class Listener:
    """Hears the steps of one task, and says which notes they are: ``note`` of each event in turn."""

    def __init__(self, codec: CodecConfig, task: Task) -> None:
        beats = codec.clock == "beats"
        self.per_beat = codec.grid if beats else codec.grid * 60 / task.tempo  # steps
        self.per_second = codec.grid * task.tempo / 60 if beats else codec.grid
        self.velocity_bins = codec.velocity_bins
        self.parts = {
            number: _described(int(row[PartColumn.PROGRAM]), bool(row[PartColumn.LEAD]))
            for number, row in enumerate(task.plan.parts)
            if row[PartColumn.PROGRAM] <= DRUMS
        }

    def note(self, event: NDArray[np.int64], time: int) -> StreamedNote | None:
        """The note of an event (6,) at a step; None where it is none, or one of an outline. A part that is declared is remembered."""
        role, _, part, pitch, duration, velocity = event.tolist()
        if role == Role.PART and pitch - PROGRAM_BASE <= DRUMS:
            self.parts[part] = _described(pitch - PROGRAM_BASE, velocity > 0)
        if role != Role.NOTE or part not in self.parts:
            return None
        loudness = int(velocity_of(event[Field.VELOCITY :].astype(np.int16), self.velocity_bins)[0])
        times = (time / self.per_beat, duration / self.per_beat, time / self.per_second, duration / self.per_second)
        sounding = int(pitches_of(event[Field.PITCH : Field.PITCH + 1].astype(np.int16))[0])
        return StreamedNote(*times, part, *self.parts[part], sounding, loudness)


def streamed(engine: AnyEngine, task: Task) -> Iterator[StreamedNote]:
    """The notes of a task that never ends, each as soon as it is chosen, in constant memory."""
    listener = Listener(engine.codec, task)
    for step in Writer(engine, [task.endless()]):
        note = listener.note(step.rows[0], int(step.time[0]))
        if note is not None:
            yield note


def _described(program: int, lead: bool) -> tuple[str, int, bool]:
    """Name, program, whether it is drums."""
    drums = program == DRUMS
    name = "Melody" if lead else program_name(0 if drums else program, drums)
    return name, 0 if drums else program, drums
