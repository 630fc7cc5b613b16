"""Nats per note on held-out pieces: by field, by style, by position in the piece, with and without the past; calibration.

The unit is the note: rests, declarations and ends are paid for, and divided by the number of notes. Nothing is given to the
model; style, tempo, key, meter and density of each piece are known, the bars left are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from melody.codec import FIELDS
from melody.codec.columns import Feature, StepInputs
from melody.codec.table import BAR_CLASSES, Field, Role
from melody.corpus import Corpus
from melody.corpus.batch import Batch
from melody.errors import MelodyError, Remedy, unknown
from melody.evaluation.reader import Reading, readings, stream_of
from melody.files import shown
from melody.model import EventLSTM, to_tensors

BUCKETS = (0, 4, 8, 16, 32, 64)  # bars from the start at which a bucket begins
CONFIDENCES = 10  # bins of the reliability table
BAR_ROWS = 64  # bars that are scored at once when the state is reset at each
ORDER_SEED = 1  # the order of benchmarks/likelihood.py: the same pieces for the same number of notes

Ints = NDArray[np.int64]
Progress = Callable[[int, int], None]  # notes done, notes in all


@dataclass
class Tally:
    """Sums by style and bucket: ``nats`` (S, P, 6) and ``notes`` (S, P)."""

    nats: NDArray[np.float64]
    notes: NDArray[np.float64]

    @staticmethod
    def empty(styles: int) -> Tally:
        """Nothing counted yet."""
        return Tally(np.zeros((styles, len(BUCKETS), len(Field))), np.zeros((styles, len(BUCKETS))))

    def add(self, nats: NDArray[np.float32], batch: Batch, group: Ints) -> None:
        """Add events (T, B, 6) by ``group`` (T, B): style * buckets + bucket."""
        valid, size = batch.valid, self.notes.size
        of = group[valid]
        for f in Field:
            self.nats.reshape(size, -1)[:, f] += np.bincount(of, nats[..., f][valid], size)
        self.notes.reshape(size)[:] += np.bincount(of, (batch.steps.events[1:, :, Field.ROLE] == Role.NOTE)[valid], size)

    def per_note(self, style: int | slice = slice(None), bucket: int | slice = slice(None)) -> dict[str, float] | None:
        """Nats per note, "total" and by field, of a part of the table; None where it holds no note."""
        notes = float(self.notes[style, bucket].sum())
        if not notes:
            return None
        each = self.nats[style, bucket].reshape(-1, len(Field)).sum(0) / notes
        return {"total": float(each.sum()), **{name: float(v) for name, v in zip(FIELDS, each, strict=True)}}


@dataclass
class Calibration:
    """Is the model right as often as it says? By field and bin of confidence (10 equal ones): sums over events with a choice.

    After C. Guo et al., On calibration of modern neural networks, ICML 2017: the confidence is the probability of the
    likeliest value, ECE the mean distance between confidence and accuracy, weighted by the events in each bin.
    """

    count: NDArray[np.float64] = field(default_factory=lambda: np.zeros((len(Field), CONFIDENCES)))
    confidence: NDArray[np.float64] = field(default_factory=lambda: np.zeros((len(Field), CONFIDENCES)))
    correct: NDArray[np.float64] = field(default_factory=lambda: np.zeros((len(Field), CONFIDENCES)))

    def add(self, reading: Reading) -> None:
        """Add a batch. Where the grammar leaves one value only there is nothing to be sure of: not counted."""
        target = torch.from_numpy(reading.batch.steps.events[1:].astype(np.int64))
        valid = torch.from_numpy(reading.batch.valid)
        for f, logs in enumerate(reading.log_probs):
            best, value = (t.cpu() for t in logs.max(-1))
            asked = valid & ((logs > -torch.inf).sum(-1).cpu() > 1)
            sure = best[asked].exp().numpy().astype(np.float64)
            right = (value[asked] == target[..., f][asked]).numpy()
            at = np.minimum((sure * CONFIDENCES).astype(np.int64), CONFIDENCES - 1)
            self.count[f] += np.bincount(at, minlength=CONFIDENCES)
            self.confidence[f] += np.bincount(at, sure, CONFIDENCES)
            self.correct[f] += np.bincount(at, right, CONFIDENCES)

    def facts(self) -> dict[str, Any]:
        """By field: ``ece``, ``events``, mean ``confidence`` and ``accuracy``, and the bins."""
        out = {}
        for f, name in enumerate(FIELDS):
            count = self.count[f]
            events = max(1.0, float(count.sum()))
            bins = [
                {
                    "from": round(b / CONFIDENCES, 3),
                    "events": int(n),
                    "confidence": float(self.confidence[f, b] / n) if n else None,
                    "accuracy": float(self.correct[f, b] / n) if n else None,
                }
                for b, n in enumerate(count.tolist())
            ]
            out[name] = {
                "ece": float(np.abs(self.confidence[f] - self.correct[f]).sum() / events),
                "events": int(count.sum()),
                "confidence": float(self.confidence[f].sum() / events),
                "accuracy": float(self.correct[f].sum() / events),
                "bins": bins,
            }
        return out


def chosen_pieces(corpus: Corpus, split: str, notes: int, style: str | None = None) -> list[int]:
    """Whole pieces of a split, in an order of chance that is always the same, until they hold ``notes`` notes (0: all of them)."""
    mine = corpus.split(split)
    if not mine:
        other = next((s for s in ("valid", "train", "test") if corpus.split(s)), None)
        if other:
            raise MelodyError(f"{shown(corpus.folder)}: no pieces in its {split} split", Remedy.OTHER_SPLIT, split=other)
        raise MelodyError(f"{shown(corpus.folder)}: no pieces in its {split} split; prepare it again with more music")
    if style is not None:
        if style not in corpus.styles:
            raise unknown("style", style, corpus.styles)
        mine = [i for i in mine if corpus.pieces[i].style == style]
        if not mine:
            raise MelodyError(f"{shown(corpus.folder)}: no pieces of {style!r} in its {split} split")
    order: list[int] = np.random.default_rng(ORDER_SEED).permutation(mine).tolist()
    total = np.cumsum([corpus.pieces[i].note_count for i in order])
    return order if not notes else order[: int(np.searchsorted(total, notes)) + 1]


def likelihood(model: EventLSTM, corpus: Corpus, pieces: Sequence[int], progress: Progress = lambda done, total: None) -> dict[str, Any]:
    """Score whole pieces: nats per note in every cut of the table, the same with the state reset at every bar, calibration.

    Memory does not grow with the pieces. Raises MelodyError if the pieces hold no event that can be scored.
    """
    styles = sorted({corpus.pieces[i].style for i in pieces})
    style_of = {i: styles.index(corpus.pieces[i].style) for i in pieces}
    full, reset, calibration = Tally.empty(len(styles)), Tally.empty(len(styles)), Calibration()
    stream = stream_of(corpus, model.codec, list(pieces))
    total, done = corpus.note_count(pieces), 0
    bar = np.zeros(stream.batch, np.int64)
    for reading in readings(model, stream):
        batch = reading.batch
        bars, bar = unwrapped(batch, bar)
        style = np.array([style_of.get(int(i), 0) for i in batch.piece])
        group = style * len(BUCKETS) + np.searchsorted(BUCKETS, bars[1:], side="right") - 1
        full.add(reading.nats.cpu().numpy(), batch, group)
        calibration.add(reading)
        for cut, of in bar_rows(batch, group):
            reset.add(_without_past(model, cut), cut, of)
        done += batch.notes
        progress(done, total)
    if not full.notes.sum():
        raise MelodyError(f"{shown(corpus.folder)}: these pieces hold no notes to score")
    return {
        "pieces": len(pieces),
        "notes": int(full.notes.sum()),
        "nats_per_note": full.per_note(),
        "bar_reset": reset.per_note(),
        "styles": {name: _style(full, reset, s, sum(style_of[i] == s for i in pieces)) for s, name in enumerate(styles)},
        "position": _positions(full, reset, slice(None)),
        "calibration": calibration.facts(),
    }


def _style(full: Tally, reset: Tally, style: int, pieces: int) -> dict[str, Any]:
    facts = {"pieces": pieces, "notes": int(full.notes[style].sum()), "nats_per_note": full.per_note(style)}
    return facts | {"bar_reset": reset.per_note(style), "position": _positions(full, reset, style)}


def _positions(full: Tally, reset: Tally, style: int | slice) -> list[dict[str, Any]]:
    ends = [f"-{b - 1}" for b in BUCKETS[1:]] + ["+"]
    return [
        {
            "bars": f"{first}{end}",
            "notes": int(full.notes[style, p].sum()),
            "nats_per_note": full.per_note(style, p),
            "bar_reset": reset.per_note(style, p),
        }
        for p, (first, end) in enumerate(zip(BUCKETS, ends, strict=True))
    ]


def unwrapped(batch: Batch, before: Ints) -> tuple[Ints, Ints]:
    """Bars from the start of the piece (T + 1, B), and where each row stands after the batch (B,), from the bar classes.

    The classes are exact below 16 and count modulo 16 from there on; no event passes that many bars.
    """
    half = BAR_CLASSES // 2
    classes = batch.steps.features[:, :, Feature.BAR].astype(np.int64)
    start = np.where(batch.reset, 0, before)
    bars = start + np.concatenate([np.zeros((1, len(start)), np.int64), np.cumsum(np.diff(classes, axis=0) % half, 0)])
    count = batch.valid.sum(0)
    return bars, bars[count, np.arange(len(start))]


@torch.no_grad()
def _without_past(model: EventLSTM, batch: Batch) -> NDArray[np.float32]:
    device = next(model.parameters()).device
    nats: NDArray[np.float32] = model(to_tensors(batch, device))[0].cpu().numpy()
    return nats


def bar_rows(batch: Batch, group: Ints) -> Iterator[tuple[Batch, Ints]]:
    """The events of a batch again, every bar a row of its own in which nothing is recalled, and their groups (T, B) cut alike."""
    spans = []
    for b, count in enumerate(batch.valid.sum(0).tolist()):
        cuts = [0, *(1 + np.flatnonzero(np.diff(batch.steps.features[:count, b, Feature.BAR]))).tolist(), count]
        spans += [(b, i, j) for i, j in pairwise(cuts) if j > i]
    spans.sort(key=lambda s: s[2] - s[1])
    for first in range(0, len(spans), BAR_ROWS):
        mine = spans[first : first + BAR_ROWS]
        yield _recut(batch, mine), _padded(group, mine, 0)


def _recut(batch: Batch, spans: list[tuple[int, int, int]]) -> Batch:
    of = [b for b, _, _ in spans]
    steps = StepInputs(*(_padded(array, spans, 1) for array in batch.steps))
    steps.recalled[:] = 0  # what is recalled is of the past: zeros are "nothing"
    valid = _padded(batch.valid, spans, 0)
    beyond = ~np.concatenate([np.ones((1, len(of)), bool), valid])  # the padding behind each span
    steps.events[:, :, Field.ROLE][beyond] = Role.END
    return replace(
        batch,
        steps=steps,
        parts=batch.parts[of],
        conditions=batch.conditions[of],
        given=batch.given[:, of],
        causal=batch.causal[of],
        reset=np.ones(len(of), bool),
        valid=valid,
        piece=batch.piece[of],
    )


def _padded(array: NDArray[Any], spans: list[tuple[int, int, int]], more: int) -> NDArray[Any]:
    """(T, B, ...) -> (longest span + ``more``, spans, ...), zeros behind the end of each."""
    longest = max(j - i for _, i, j in spans)
    out = np.zeros((longest + more, len(spans), *array.shape[2:]), array.dtype)
    for k, (b, i, j) in enumerate(spans):
        out[: j - i + more, k] = array[i : j + more, b]
    return out
