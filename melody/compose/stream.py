"""Notes as they are sampled, for who listens: with their instrument, and their time in beats and in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from melody.codec import CodecConfig
from melody.codec.columns import PartColumn
from melody.codec.decode import pitches_of
from melody.codec.encode import velocity_of
from melody.codec.table import DRUMS, PROGRAM_BASE, UNDECLARED, Field, Role
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


def streamed(engine: AnyEngine, task: Task) -> Iterator[StreamedNote]:
    """The notes of a task that never ends, each as soon as it is chosen, in constant memory."""
    codec: CodecConfig = engine.codec
    per_beat = codec.grid if codec.clock == "beats" else codec.grid * 60 / task.tempo  # steps
    per_second = codec.grid * task.tempo / 60 if codec.clock == "beats" else codec.grid
    parts = {
        number: _described(int(row[PartColumn.PROGRAM]), bool(row[PartColumn.LEAD]))
        for number, row in enumerate(task.plan.parts)
        if row[PartColumn.PROGRAM] != UNDECLARED
    }
    for step in Writer(engine, [task.endless()]):
        role, _, part, pitch, duration, velocity = step.rows[0].tolist()
        if role == Role.PART:
            parts[part] = _described(pitch - PROGRAM_BASE, velocity > 0)
        elif role == Role.NOTE:
            time = float(step.time[0])
            loudness = int(velocity_of(step.rows[0, Field.VELOCITY :].astype(np.int16), codec.velocity_bins)[0])
            times = (time / per_beat, duration / per_beat, time / per_second, duration / per_second)
            sounding = int(pitches_of(step.rows[0, Field.PITCH : Field.PITCH + 1].astype(np.int16))[0])
            yield StreamedNote(*times, part, *parts[part], sounding, loudness)


def _described(program: int, lead: bool) -> tuple[str, int, bool]:
    """Name, program, whether it is drums."""
    drums = program == DRUMS
    name = "Melody" if lead else program_name(0 if drums else program, drums)
    return name, 0 if drums else program, drums
