"""Random event sequences: whatever the grammar allows becomes MIDI that symusic, mido, pretty_midi and our reader read alike."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

import mido
import numpy as np
import pretty_midi
import symusic
from numpy.typing import NDArray

from melody import midi
from melody.codec import CodecConfig, decode
from melody.codec.table import Field, Role
from melody.generate.uniform import random_pieces
from tests.robustness.child import Row

COUNT, STEPS = 64, 120  # pieces that are drawn side by side, events of each
CONFIGS = (CodecConfig(), CodecConfig(grid=12), CodecConfig("seconds", 100), CodecConfig(grid=1, velocity_bins=1))
PRETTY_TICKS = 10_000_000  # pretty_midi refuses more
Rows = NDArray[np.int16]


def fault_of(rows: Rows, config: CodecConfig) -> str:
    """Why a sequence does not decode, or its MIDI is not read alike; "" where all is well."""
    score = decode(rows, config)
    data = midi.to_bytes(score)
    counts = {"melody": midi.parse(data).note_count, "symusic": symusic.Score.from_midi(data).note_num()}
    file = mido.MidiFile(file=io.BytesIO(data))
    counts["mido"] = sum(m.type == "note_on" and m.velocity > 0 for track in file.tracks for m in track)
    end = max(sum(m.time for m in track) for track in file.tracks)
    if end <= PRETTY_TICKS:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            counts["pretty_midi"] = sum(len(i.notes) for i in pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments)
    wrong = {name: count for name, count in counts.items() if count != score.note_count}
    return f"{score.note_count} notes, but {wrong}" if wrong else ""


def rows(sequences: int = 100_000, seed: int = 1) -> Iterator[Row]:
    """One seed."""
    tried, notes, faults = run(sequences, seed)
    figure = f"{tried:,} sequences, {notes:,} notes, {len(faults)} findings"
    yield Row("random event sequences in three parsers", "; ".join([figure, *faults[:3]]), not faults and tried > 0)


def run(count: int, seed: int) -> tuple[int, int, list[str]]:
    """Sequences tried, notes in them, and what went wrong."""
    rng, tried, notes, faults = np.random.default_rng(seed), 0, 0, list[str]()
    while tried < count:
        config = CONFIGS[int(rng.integers(len(CONFIGS)))]
        drawn = [p for p in random_pieces(config, rng, COUNT, STEPS) if (p[:, Field.ROLE] == Role.NOTE).any()]
        for piece in drawn[: count - tried]:
            tried += 1
            notes += int((piece[:, Field.ROLE] == Role.NOTE).sum())
            try:
                fault = fault_of(piece, config)
            except Exception as wrong:  # noqa: BLE001  # whatever a parser raises is a finding
                fault = f"{type(wrong).__name__}: {wrong}"
            if fault:
                faults.append(f"{config.clock} {config.grid}, sequence {tried}: {fault[:160]}")
    return tried, notes, faults
