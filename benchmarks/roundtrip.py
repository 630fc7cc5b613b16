"""What do events lose of real music? Every collection, to events and back.

    python benchmarks/roundtrip.py [COLLECTION ...] [--data ../shared/data] [--limit N]

Each piece of an archive or a folder is put on the grid, encoded, decoded and encoded again, as events and by way of a Score. *unequal*:
pieces whose second encoding differs; *lost*: notes that are on the grid and not in the decoded piece, or the other way round; *doubled*:
notes that fall on one step, part and pitch with another and are merged with it; *past 16*: notes of tracks beyond the 16 busiest; *moved*:
share of onsets that do not lie on the grid (by more than 0.01 ms); *mean* and *largest*: from each onset of the file to the nearest decoded
one of its track and pitch, through the piece's own tempo map; *cut*: notes as long as the longest duration of the codec, or longer. On the
seconds clock the sustain pedal is applied first, as in training.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from bench import DATA, Table, Target, finish, parsed
from numpy.typing import NDArray

from melody import edit, midi, sources
from melody.codec import CodecConfig, Piece, encode, quantise
from melody.codec.decode import decode_piece, piece_score
from melody.codec.table import MAX_PARTS
from melody.errors import MelodyError
from melody.score import Score

CLOCKS = {"24 a quarter": CodecConfig(), "12 a quarter": CodecConfig(grid=12), "100 a second": CodecConfig("seconds", 100)}
PLAYED = ("maestro", "pop909-original")  # collections whose ticks are not on the beat
ON_GRID = 1e-5  # seconds
COLUMNS = {"collection": "", "grid": ""} | dict.fromkeys(("unequal", "lost", "pieces", "unread", "notes", "doubled", "past 16"), ",")
COLUMNS |= {"moved": ".1%", "mean ms": ".2f", "largest ms": ".1f", "cut": ","}


@dataclass
class Tally:
    """Sums over the pieces of one collection under one codec."""

    pieces: int = 0
    notes: int = 0
    doubled: int = 0
    lost: int = 0
    unequal: int = 0
    cut: int = 0
    moved: int = 0
    error: float = 0.0  # sum over notes, seconds
    largest: float = 0.0  # seconds


@dataclass
class Collection:
    """A collection's tallies by clock, and what was left out before."""

    name: str
    unread: int = 0
    past: int = 0
    tallies: dict[str, Tally] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    options = parsed(__file__, __doc__, arguments, ["collections*"], {"limit": 3}, data=str(DATA), limit=0)
    places = [Path(c) for c in options.collections] or sorted(Path(options.data).glob("*.zip"))
    if not places:
        sys.exit(f"{options.data}: no archives; name a folder of MIDI, or give --data")
    collections = [measure(place, options.limit or None) for place in places]
    rows = [row(collection, clock, tally) for collection in collections for clock, tally in collection.tallies.items()]
    tallies = [tally for collection in collections for tally in collection.tallies.values()]
    failures = {"notes lost": sum(t.lost for t in tallies), "pieces unequal": sum(t.unequal for t in tallies)}
    targets = [Target(name, count, 0, ".0f", most=True) for name, count in failures.items()]
    answer = f"{failures['notes lost']} notes lost, {failures['pieces unequal']} pieces unequal"
    finish(options, answer, [Table(COLUMNS, rows)], targets, ["symusic"])
    sys.exit(any(failures.values()))


def measure(place: Path, limit: int | None) -> Collection:
    """All pieces of an archive or folder under every clock that suits it."""
    name = place.stem
    out = Collection(name)
    clocks = {c: config for c, config in CLOCKS.items() if config.clock == "beats" or name in PLAYED}
    out.tallies = {c: Tally() for c in clocks}
    for source in list(sources.find([place]))[:limit]:
        try:
            score = midi.parse(source.read_bytes(), source.path)
        except MelodyError:
            out.unread += 1
            continue
        if len(score.tracks) > MAX_PARTS:
            kept = edit.busiest_tracks(score, MAX_PARTS)
            out.past += score.note_count - kept.note_count
            score = kept
        for clock, config in clocks.items():
            add(out.tallies[clock], score if config.clock == "beats" else edit.apply_pedal(score), config)
    return out


def add(tally: Tally, score: Score, config: CodecConfig) -> None:
    """One piece there and back."""
    piece = quantise(score, config)
    rows = encode(piece).rows
    back = decode_piece(rows, config, piece.meters)
    again = encode(quantise(piece_score(back), config)).rows
    same = len(back.notes) == len(piece.notes) and bool((back.notes == piece.notes).all())
    tally.lost += 0 if same else len(np.setxor1d(back.notes, piece.notes))
    tally.unequal += not (np.array_equal(encode(back).rows, rows) and np.array_equal(again, rows))
    tally.pieces += 1
    tally.notes += score.note_count
    tally.doubled += score.note_count - len(back.notes)
    tally.cut += int((piece.notes["duration"] == config.max_duration).sum())
    error = onset_errors(score, back)
    tally.moved += int((error > ON_GRID).sum())
    tally.error += float(error.sum())
    tally.largest = max(tally.largest, float(error.max(initial=0.0)))


def onset_errors(score: Score, piece: Piece) -> NDArray[np.float64]:
    """(n,) seconds from each note of ``score`` to the nearest note of its track and pitch in ``piece``."""
    grid, resolution = piece.config.grid, score.ticks_per_quarter
    if piece.config.clock == "beats":  # on a scale of ticks that holds both exactly
        tempi = score.tempi.copy()
        tempi["tick"] *= grid
        fine = replace(score, ticks_per_quarter=resolution * grid, tempi=tempi)
        found = fine.seconds(piece.notes["onset"].astype(np.int64) * resolution)
        real = fine.seconds(np.concatenate([t.notes["onset"] for t in score.tracks]) * grid)
    else:
        found = piece.notes["onset"] / grid
        real = score.seconds(np.concatenate([t.notes["onset"] for t in score.tracks]))
    part = np.repeat(np.arange(len(score.tracks)), [len(t.notes) for t in score.tracks])
    pitch = np.concatenate([t.notes["pitch"] for t in score.tracks])
    far = 1e6  # seconds between one (track, pitch) and the next on a common axis; doubles still hold 1e-7 s there
    axis = np.sort((piece.notes["part"].astype(np.float64) * 128 + piece.notes["pitch"]) * far + found)
    wanted = (part * 128.0 + pitch) * far + real
    after = np.searchsorted(axis, wanted)
    below, above = axis[np.maximum(after - 1, 0)], axis[np.minimum(after, len(axis) - 1)]
    nearest: NDArray[np.float64] = np.minimum(abs(wanted - below), abs(above - wanted))
    return nearest


def row(collection: Collection, clock: str, tally: Tally) -> list[str | float | int]:
    """One row of the table."""
    notes = max(1, tally.notes)
    counts = [tally.unequal, tally.lost, tally.pieces, collection.unread, tally.notes, tally.doubled, collection.past]
    errors = [tally.moved / notes, tally.error / notes * 1000, tally.largest * 1000]
    return [collection.name, clock, *counts, *errors, tally.cut]


if __name__ == "__main__":
    main()
