"""What the model thinks of a piece: the nats of every note, and what it expected in its place.

The piece is read as in validation: nothing given, the bars left not known. What is paid for rests before a note is counted to
the note; what is expected is asked with the true earlier fields chosen (the pitch once time and part are known).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from melody import edit, theory
from melody.codec import FIELDS, CodecConfig
from melody.codec.decode import pitches_of
from melody.codec.encode import Piece, quantise
from melody.codec.table import DRUMS, MAX_PARTS, Field, Role
from melody.corpus.batch import as_batch
from melody.corpus.piece import encode_score
from melody.errors import MelodyError, unknown
from melody.evaluation.reader import readings
from melody.files import shown, write_bytes
from melody.model import EventLSTM
from melody.render import page_surprise
from melody.render.page_surprise import ShadedNote
from melody.render.style import drum_name, label
from melody.score import Score
from melody.theory import pitch_name

ALTERNATIVES = 4  # values that are named for a field
MAX_NOTES = 50_000  # a page of more is of no use, and too large to open
CHUNK = 256  # events that are read at once
TOLD = (Field.WAIT, Field.PITCH, Field.DURATION)  # fields whose expected values are worth reading


@dataclass(frozen=True)
class Expected:
    """A value that the model thought of: how it reads, and its probability."""

    name: str
    probability: float


@dataclass(frozen=True)
class SurprisingNote:
    """A note on the grid, ``nats`` by field, and what was expected of wait, pitch and duration, the likeliest first."""

    onset: int
    duration: int
    part: int
    pitch: int
    bar: int
    beat: float
    lasting: float  # quarters, or seconds on that clock
    name: str
    nats: tuple[float, ...]
    expected: dict[str, tuple[Expected, ...]]

    @property
    def total(self) -> float:
        """Nats of the note in all."""
        return sum(self.nats)

    def words(self, track: str) -> str:
        """One line: where the note stands, what it cost by field, what was expected instead."""
        cost = ", ".join(f"{name} {v:.2f}" for name, v in zip(FIELDS, self.nats, strict=True) if v >= 0.01)
        best = "; ".join(f"{f}: " + ", ".join(f"{e.name} {e.probability:.0%}" for e in mine) for f, mine in self.expected.items())
        where = f"bar {self.bar + 1}, beat {self.beat:.3g}"
        return f"{where}: {self.name} ({track}), lasting {self.lasting:.3g}, {self.total:.2f} nats ({cost}). Expected {best}"


@dataclass(frozen=True, eq=False)
class Surprise:
    """A piece as the model read it: the Score that was seen, its bar lines in steps, and its notes in the model's order."""

    score: Score
    lines: NDArray[np.int64]
    notes: tuple[SurprisingNote, ...]

    def shaded(self) -> list[ShadedNote]:
        """The notes as ``render.page_surprise`` draws them, with a word on each."""
        names = [label(t) for t in self.score.tracks]
        return [
            ShadedNote(n.onset, n.duration, n.pitch, n.total, n.words(names[n.part]), sum(n.nats[: Field.DURATION])) for n in self.notes
        ]

    def plain(self) -> list[dict[str, Any]]:
        """The notes as plain values, for JSON: onset and duration in steps, bar and beat from 1."""
        return [
            {
                **{name: getattr(n, name) for name in ("onset", "duration", "part", "pitch", "name")},
                "bar": n.bar + 1,
                "beat": round(n.beat, 4),
                "nats": dict(zip(("total", *FIELDS), (round(v, 4) for v in (n.total, *n.nats)), strict=True)),
                "expected": {field: {e.name: e.probability for e in best} for field, best in n.expected.items()},
            }
            for n in self.notes
        ]

    def per_note(self) -> dict[str, float]:
        """Nats per note: "total" and by field (declarations and the end of the piece are not counted here)."""
        each = np.array([n.nats for n in self.notes]).mean(0)
        return {"total": float(each.sum()), **{name: float(v) for name, v in zip(FIELDS, each, strict=True)}}

    def save(self, path: Path, title: str) -> None:
        """Write the piece coloured by surprise: a page (.html), or a picture (.svg, .png). Raises MelodyError."""
        notes, bars = self.shaded(), self.lines.tolist()
        if path.suffix.lower() == ".png":
            page_surprise.surprise_picture(path, title, notes, bars)
        elif path.suffix.lower() == ".svg":
            write_bytes(path, page_surprise.surprise_roll(notes, bars, alone=True).encode())
        else:
            write_bytes(path, page_surprise.surprise_page(title, self.score, notes, bars, self.per_note()).encode())


def surprise(model: EventLSTM, score: Score, name: str = "the piece", style: str | None = None) -> Surprise:
    """Read a piece with a model. ``style``: one of the model's styles, or None for any.

    Of more than 16 tracks the busiest are read. Raises MelodyError for a piece without notes or with more than 50,000 of them.
    """
    codec = model.codec
    if style is not None and style not in codec.styles:
        raise unknown("style", style, codec.styles)
    if not score.note_count:
        raise MelodyError(f"{shown(name)}: no notes in it")
    if score.note_count > MAX_NOTES:
        raise MelodyError(f"{shown(name)}: {score.note_count:,} notes, more than {MAX_NOTES:,}; shorten it first")
    score = edit.busiest_tracks(score, MAX_PARTS) if len(score.tracks) > MAX_PARTS else score
    piece = quantise(edit.apply_pedal(score) if codec.clock == "seconds" else score, codec, theory.lead_track(score)[0])
    encoded = encode_score(score, codec, style)
    batches = (as_batch(encoded, first, first + CHUNK) for first in range(0, len(encoded), CHUNK))
    notes: list[SurprisingNote] = []
    onset, rests = 0, np.zeros(len(Field))
    for reading in readings(model, batches):
        nats, rows = reading.nats[:, 0].cpu().numpy().astype(np.float64), reading.batch.steps.events[1:, 0]
        best = {f: _best(reading.log_probs[f][:, 0]) for f in TOLD}
        for t, row in enumerate(rows.tolist()):
            onset += row[Field.WAIT]
            if row[Field.ROLE] == Role.REST:
                rests += nats[t]
            elif row[Field.ROLE] == Role.NOTE:
                expected = {f: [(int(v), float(p)) for v, p in zip(best[f][0][t], best[f][1][t], strict=True) if p > 0] for f in TOLD}
                notes.append(_note(piece, codec, onset, row, nats[t] + rests, expected))
                rests = np.zeros(len(Field))
    last = int(piece.metre.bar(np.array([piece.end - 1]))[0][0])
    lines = np.array([piece.metre.bar_start(b) for b in range(last + 2)], np.int64)
    return Surprise(score, lines, tuple(notes))


def _best(logs: Tensor) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(T, V) -> the likeliest values (T, n) and their probabilities."""
    with torch.no_grad():
        top = logs.topk(min(ALTERNATIVES, logs.shape[-1]), -1)
    return top.indices.cpu().numpy(), top.values.exp().cpu().numpy().astype(np.float64)


def _pitch(value: int) -> int:
    """The pitch, or the key of a drum, that a value of the pitch field stands for."""
    return int(pitches_of(np.array([value], np.int16))[0])


def _note(
    piece: Piece, codec: CodecConfig, onset: int, row: list[int], nats: NDArray[np.float64], best: dict[Field, list[tuple[int, float]]]
) -> SurprisingNote:
    part, pitch = row[Field.PART], _pitch(row[Field.PITCH])
    drums = bool(piece.parts["program"][part] == DRUMS)
    bar, position, index = (int(a[0]) for a in piece.metre.bar(np.array([onset])))
    naming = {
        Field.WAIT: lambda v: f"+{v / codec.grid:.3g}" if v < codec.rest else "a rest",
        Field.PITCH: lambda v: drum_name(_pitch(v)) if drums else pitch_name(v),
        Field.DURATION: lambda v: f"{v / codec.grid:.3g}",
    }
    expected = {FIELDS[f]: tuple(Expected(naming[f](v), round(p, 4)) for v, p in best[f]) for f in TOLD}
    beat = 1 + position / int(piece.metre.beat[index])
    name = drum_name(pitch) if drums else pitch_name(pitch)
    lasting = row[Field.DURATION] / codec.grid
    return SurprisingNote(onset, row[Field.DURATION], part, pitch, bar, beat, lasting, name, tuple(nats.tolist()), expected)
