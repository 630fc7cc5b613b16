"""How well is the music predicted? Held-out nats per note, by field, against three baselines.

    python benchmarks/likelihood.py CORPUS [--model base] [--notes 60000]

The events of test pieces (nothing given) are scored by *unigram*, each field by its frequency under the role in the training split;
*5-gram*, each field by the four values before it in the same field (interpolated Witten-Bell), given the role, counted on 1,500 pieces;
*bar reset*, the model with its state set to zero at every bar line: what is left without memory (recall keeps its own); *model*. The
unit is the note: rests, declarations and ends are paid for and divided by the number of notes. The n-grams do not know the grammar, and
pay for a field only where a role uses it; the role itself is a field.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from bench import Table, finish, parsed, pieces
from numpy.typing import NDArray

from melody import bundle
from melody.codec import FIELDS, CodecConfig, encode, quantise
from melody.codec.given import NOTHING
from melody.codec.table import Field, Role
from melody.corpus import Corpus
from melody.corpus.batch import Batch
from melody.evaluation.likelihood import bar_rows
from melody.model import EventLSTM, to_tensors
from melody.training.validate import Scores, validation_stream

ORDER = 5
MAX_TRAINING = 1500  # pieces that the n-grams count
CPU = torch.device("cpu")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    options = parsed(__file__, __doc__, arguments, ["corpus"], {"notes": 200}, model=None, notes=60_000)
    found = bundle.read(options.model)
    model, codec, corpus = bundle.load_model(found), found.codec, Corpus(options.corpus)
    batches, indices, notes = test_batches(corpus, codec, options.notes)
    with torch.no_grad():
        table = {"bar reset": score(model, batches, bars=True), "model": score(model, batches, bars=False)}
    train = [rows_of(corpus, codec, i) for i in pieces(corpus, "train", count=MAX_TRAINING, seed=0)]
    test = [rows_of(corpus, codec, i) for i in indices]
    table = {name: n_gram(train, test, codec, order) for name, order in (("unigram", 1), ("5-gram", ORDER))} | table
    columns = {"predicted by": "", "total": ".3f"} | dict.fromkeys(FIELDS, ".3f")
    rows = [[name, *(row[field] for field in ("total", *FIELDS))] for name, row in table.items()]
    answer = f"{table['model']['total']:.3f} nats a note; 5-gram {table['5-gram']['total']:.3f}"
    title = f"Nats a note, {len(indices)} test pieces, {notes:,} notes"
    finish(options, answer, [Table(columns, rows, title)], packages=["torch"])


def rows_of(corpus: Corpus, codec: CodecConfig, index: int) -> NDArray[np.int16]:
    """Events (n, 6) of a piece."""
    return encode(quantise(corpus.score(index, codec.clock == "seconds"), codec, corpus.pieces[index].lead)).rows


def test_batches(corpus: Corpus, codec: CodecConfig, notes: int) -> tuple[list[Batch], list[int], int]:
    """Batches of whole test pieces, in an order of chance, that together hold about ``notes`` notes; the pieces; the notes."""
    order = pieces(corpus, "test", seed=1)
    total = np.cumsum([corpus.pieces[i].note_count for i in order])
    chosen = order[: int(np.searchsorted(total, notes)) + 1]
    batches = list(validation_stream(corpus, codec, chosen, NOTHING, batch=16))
    return batches, chosen, sum(b.notes for b in batches)


def score(model: EventLSTM, batches: list[Batch], bars: bool) -> dict[str, float]:
    """Nats per note of the model; ``bars``: with its state set to zero at each bar line."""
    scores = Scores.none()
    state = None
    for batch in batches:
        if not bars:
            nats, state = model(to_tensors(batch, CPU), state)
            scores.add(nats.numpy(), batch)
            continue
        for cut, _ in bar_rows(batch, np.zeros(batch.valid.shape, np.int64)):
            nats, _ = model(to_tensors(cut, CPU))
            scores.add(nats.numpy(), cut)
    return scores.per_note()


def n_gram(train: list[NDArray[np.int16]], test: list[NDArray[np.int16]], codec: CodecConfig, order: int) -> dict[str, float]:
    """Nats per note of each field from its own past values, by order-``order`` interpolated Witten-Bell."""
    notes = sum(int((r[:, Field.ROLE] == Role.NOTE).sum()) for r in test)
    out = {}
    for field in Field:
        seen, asked = (np.concatenate([_contexts(r, field, order) for r in rows]) for rows in (train, test))
        size = codec.sizes[field]
        p = np.full(len(asked), 1 / size)
        for length in range(order):
            p = _interpolated(seen, asked, length, p)
        used = np.array([hi > lo for lo, hi in (codec.bounds(field).get(Role(r), (0, 0)) for r in range(4))]) if field else np.ones(4, bool)
        out[field.name.lower()] = float(-np.log(p)[used[asked[:, 0]]].sum() / notes)
    return {"total": sum(out.values()), **out}


def _contexts(rows: NDArray[np.int16], field: Field, order: int) -> NDArray[np.int64]:
    """(n, 1 + order): the role (0 for the field role itself), the value, then the values before it, the nearest first."""
    values = rows[:, field].astype(np.int64)
    before = [np.concatenate([np.full(k, -1), values[: len(values) - k]])[: len(values)] for k in range(1, order)]
    role = np.zeros_like(values) if field == Field.ROLE else rows[:, Field.ROLE].astype(np.int64)
    return np.stack([role, values, *before], 1)


def _interpolated(seen: NDArray[np.int64], asked: NDArray[np.int64], length: int, lower: NDArray[np.float64]) -> NDArray[np.float64]:
    """p(value | role, ``length`` values) = (count + kinds * lower) / (total + kinds)."""
    columns = [0, *range(2, 2 + length)]
    context, pair = _hash(seen[:, columns]), _hash(seen[:, [*columns, 1]])
    pairs, first, count = np.unique(pair, return_index=True, return_counts=True)
    contexts, total = np.unique(context, return_counts=True)
    owners, kinds = np.unique(context[first], return_counts=True)
    at = np.searchsorted(contexts, mine := _hash(asked[:, columns]))
    at = np.minimum(at, len(contexts) - 1)
    known = contexts[at] == mine
    hit = np.minimum(np.searchsorted(pairs, wanted := _hash(asked[:, [*columns, 1]])), len(pairs) - 1)
    n = np.where(pairs[hit] == wanted, count[hit], 0)
    k = kinds[np.minimum(np.searchsorted(owners, mine), len(owners) - 1)]
    return np.where(known, (n + k * lower) / (total[at] + k), lower)


def _hash(columns: NDArray[np.int64]) -> NDArray[np.uint64]:
    """One 64-bit number a row (collisions among a few million rows are rare enough for a baseline)."""
    out = np.full(len(columns), 14695981039346656037, np.uint64)
    for column in columns.T:
        out = (out ^ (column + 2).astype(np.uint64)) * np.uint64(1099511628211)
        out ^= out >> np.uint64(29)
    return out


if __name__ == "__main__":
    main()
