"""Events -> Piece -> Score. Any sequence that the grammar allows decodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.codec.encode import GRID_NOTE, PART, Piece, velocity_of
from melody.codec.table import BASES, DRUMS, CodecConfig, Field, Role, declared_program
from melody.score import METER, Score, Table, Track, meter_table, note_table, table, tempo_table


def decode_piece(rows: NDArray[np.int16], config: CodecConfig, meters: Table | None = None, start: int = 0) -> Piece:
    """Events (n, 6) -> notes on the grid. ``meters`` in steps (4/4 if not said). Later declarations of a part win."""
    time = start + np.cumsum(rows[:, Field.WAIT], dtype=np.int64)
    note = rows[:, Field.ROLE] == Role.NOTE
    declared = rows[rows[:, Field.ROLE] == Role.PART]
    count = 1 + int(max(declared[:, Field.PART].max(initial=-1), rows[note, Field.PART].max(initial=-1)))
    parts = np.zeros(count, PART)
    parts["program"][declared[:, Field.PART]] = declared_program(declared[:, Field.PITCH])
    parts["lead"][declared[:, Field.PART]] = declared[:, Field.VELOCITY] > 0
    picked = rows[note]
    pitch = pitches_of(picked[:, Field.PITCH])
    notes = table(GRID_NOTE, time[note], picked[:, Field.PART], pitch, picked[:, Field.DURATION], picked[:, Field.VELOCITY])
    if meters is None:
        meters = table(METER, [0], [4], [4])
    return Piece(config, notes, parts, meters)


def pitches_of(values: NDArray[np.int16]) -> NDArray[np.int16]:
    """Values of notes in the pitch field (n,) -> pitches, keys of drums, codes of chords or bars back."""
    kinds = np.searchsorted(BASES, values, side="right") - 1
    pitches: NDArray[np.int16] = values - np.array(BASES, np.int16)[kinds]
    return pitches


def ticks_per_step(config: CodecConfig) -> int:
    """Ticks of a step in the Scores that are made here."""
    return max(1, (480 if config.clock == "beats" else 1000) // config.grid)


def piece_score(piece: Piece, bpm: float = 120.0, names: tuple[str, ...] = ()) -> Score:
    """Notes on the grid -> Score with one tempo, a track for every part (those without notes too).

    Beats clock: 480 ticks a quarter where the grid divides 480. Seconds clock: 1,000 ticks a second, ``bpm`` is not used.
    """
    config, scale = piece.config, ticks_per_step(piece.config)
    if config.clock == "beats":
        per_quarter, mspq = scale * config.grid, round(60e6 / bpm)
        meters = meter_table(piece.meters["tick"] * scale, piece.meters["numerator"], piece.meters["denominator"])
    else:
        per_quarter, mspq = scale * config.grid // 2, 500_000
        meters = meter_table([], [], [])
    tracks = []
    for index, part in enumerate(piece.parts):
        mine = piece.notes[piece.notes["part"] == index]
        notes = note_table(
            mine["onset"].astype(np.int64) * scale,
            mine["duration"].astype(np.int64) * scale,
            mine["pitch"],
            velocity_of(mine["velocity"], config.velocity_bins),
        )
        drums = int(part["program"]) == DRUMS
        name = names[index] if index < len(names) else ("Melody" if part["lead"] else "")
        tracks.append(Track(name, 0 if drums else int(part["program"]), drums, notes))
    return Score(tuple(tracks), per_quarter, tempo_table([0], [mspq]), meters)


def decode(rows: NDArray[np.int16], config: CodecConfig, bpm: float = 120.0, meters: Table | None = None) -> Score:
    """Events (n, 6) -> Score: ``piece_score(decode_piece(rows))``."""
    return piece_score(decode_piece(rows, config, meters), bpm)
