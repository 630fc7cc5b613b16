"""A piece of any length, written while it is composed: memory does not grow, and the file can be played at any moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from melody.bundle import Bundle
from melody.codec.decode import ticks_per_step
from melody.codec.encode import velocity_of
from melody.codec.table import DRUMS, PROGRAM_BASE, Field, Role
from melody.compose.planning import plan
from melody.compose.request import Generate
from melody.generate.engine import AnyEngine
from melody.generate.loop import Writer
from melody.midi.growing import Growing

END, PART, NOTE = int(Role.END), int(Role.PART), int(Role.NOTE)


def write_long(
    bundle: Bundle, engine: AnyEngine, request: Generate, path: Path, progress: Callable[[int, int], None], begun: Callable[[Growing], None]
) -> Growing:
    """Compose ``request`` into a new MIDI file (format 0: one track, a channel for each instrument). The file as it stands at the end.

    Whatever ends it early (KeyboardInterrupt, a full disk) leaves a file that ends there.
    ``progress``: steps written, steps in all.
    """
    task = plan(request, bundle)
    empty = task.finish(np.array([[END, 0, 0, 0, 0, 0]], np.int16))
    scale, bins = ticks_per_step(bundle.codec), bundle.codec.velocity_bins
    loudness = velocity_of(np.arange(bins, dtype=np.int16), bins).tolist()
    stop = task.plan.stop
    with Growing(path, empty) as file:
        begun(file)
        for row in task.plan.prime.tolist():
            file.instrument(row[Field.PART], row[Field.PITCH] - PROGRAM_BASE, row[Field.PITCH] - PROGRAM_BASE == DRUMS)
        for step in Writer(engine, [task.plan]):
            role, _, part, pitch, duration, velocity = step.rows[0].tolist()
            time = int(step.time[0])
            if role == PART:
                file.instrument(part, pitch - PROGRAM_BASE, pitch - PROGRAM_BASE == DRUMS)
            elif role == NOTE:
                file.note(part, time * scale, min(duration, stop - time) * scale, pitch, loudness[velocity])
                progress(time, stop)
    return file
