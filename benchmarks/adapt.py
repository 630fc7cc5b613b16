"""What does `--adapt` save? Dynamic evaluation of the shipped model on held-out music, nats a note.

    python benchmarks/adapt.py CORPUS [NAME=CORPUS ...] [--model base] [--pieces 20] [--parts online half collection]

CORPUS is that of the shipped model; the others are collections that it does not know (no piece of theirs whose notes are in CORPUS
is used). Test pieces, each alone, nothing given; weights go back to those of the model after each. *online*: a segment is scored,
then stepped on, over one piece. *half*: the second half of a piece (in notes) after `adapted` on the first, beside the model, which
reads and recalls the first half as well (with its style where it has one; the adapted model with none, as in `melody continue`).
*collection*: test pieces of an unknown collection after `adapted` on 10 training pieces; *known styles* is what the same does to
pieces of the styles that the model knew. *before*, *after*: nats a note; *s*: processor seconds of one thread.
"""

from __future__ import annotations

import copy
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from bench import Table, finish, parsed, pieces

from melody import bundle, edit
from melody.bundle import Bundle
from melody.codec import CodecConfig
from melody.codec.table import Field, Role
from melody.corpus import Corpus
from melody.corpus.piece import EncodedPiece, encode_score
from melody.model import EventLSTM
from melody.score import Score
from melody.training import adapt
from melody.training.adapt import STYLE, AdaptConfig, Stepper, adapted

MAX_EVENTS = 1024  # of a piece that are scored online
LEARN = 10  # pieces of a collection that are learned
TITLES = {
    "online": "Whole pieces, each segment learned after it was scored",
    "half": "The second half of a piece after adapting to its first",
    "collection": f"Other pieces of a collection after adapting to {LEARN} of it",
}
Scored = tuple[float, int]  # nats and notes of a piece
MIN_NOTES = 100


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    defaults = {"parts": list(PARTS), "passes": AdaptConfig.passes, "rate": AdaptConfig.rate, "split": "test"}
    options = parsed(__file__, __doc__, arguments, ["corpus", "others*"], {"pieces": 2}, model=None, pieces=20, **defaults)
    torch.set_num_threads(1)
    adapt.MAX_SECONDS = float("inf")  # what comes out is not to depend on how busy the machine is
    facts = bundle.read(options.model)
    music = Music(Corpus(options.corpus), dict(o.split("=", 1) for o in options.others))
    config = AdaptConfig(rate=options.rate, passes=options.passes)
    tables, answers = [], []
    for part in options.parts:
        found = list(PARTS[part](music, facts, options, config))
        more = {"known styles": "+.1%", "notes learned": ","} if part == "collection" else {"pieces that got better": ".0%"}
        columns = {"music": "", "pieces": ",", "notes": ",", "before": ".3f", "after": ".3f", "change": "+.1%", **more, "s": ".1f"}
        tables.append(Table(columns, found, TITLES[part]))
        changes = [row[5] for row in found]
        answers.append(f"{part} {min(changes):+.1%} to {max(changes):+.1%}")
    finish(options, "change of the nats: " + ", ".join(answers), tables, packages=["torch"])


class Music:
    """Pieces of the styles that the model knows and of collections that it does not."""

    def __init__(self, corpus: Corpus, others: dict[str, str]) -> None:
        self.corpora = dict.fromkeys(corpus.styles, corpus) | {name: Corpus(folder) for name, folder in others.items()}
        self.known = set(corpus.styles)
        self.contents = {p.content for p in corpus.pieces}

    def pieces(self, name: str, split: str, most: int) -> list[Score]:
        """Some pieces in an order of chance, always the same."""
        corpus, known = self.corpora[name], name in self.known
        mine = [i for i in pieces(corpus, split, name if known else None) if corpus.pieces[i].note_count >= MIN_NOTES]
        mine = mine if known else [i for i in mine if corpus.pieces[i].content not in self.contents]
        return [corpus.score(i) for i in np.random.default_rng(1).permutation(mine)[:most].tolist()]

    def style(self, name: str) -> str | None:
        """The style that the model is asked for with pieces of this name."""
        return name if name in self.known else None


def notes_in(s: EncodedPiece, first: int, last: int) -> int:
    """Notes among the events ``first`` to ``last``."""
    return int((s.steps.events[first + 1 : last + 1, Field.ROLE] == Role.NOTE).sum())


def online(stepper: Stepper, s: EncodedPiece, learn: bool) -> tuple[float, int]:
    """Nats of a piece and its notes; each segment is learned after it was scored."""
    stepper.restore()
    total, state, size = 0.0, None, stepper.config.segment
    end = min(len(s), MAX_EVENTS)
    for first in range(0, end, size):
        with torch.set_grad_enabled(learn):
            nats, state = stepper.read(s, first, min(end, first + size), state)
        total += float(nats.detach().sum())
        if learn:
            stepper.learn(nats)
    return total, notes_in(s, 0, end)


def online_part(music: Music, facts: Bundle, options: Namespace, config: AdaptConfig) -> Iterator[list[Any]]:
    """Whole pieces, without learning and with it."""
    stepper = Stepper(bundle.load_model(facts), config)
    for name in music.corpora:
        encoded = [encode_score(p, facts.codec, music.style(name)) for p in music.pieces(name, options.split, options.pieces)]
        plain = [online(stepper, s, False) for s in encoded]
        begin = time.process_time()
        moved = [online(stepper, s, True) for s in encoded]
        yield [name, *row(plain, moved), better(plain, moved), (time.process_time() - begin) / len(encoded)]


def row(plain: Sequence[Scored], moved: Sequence[Scored]) -> list[Any]:
    """Pieces, notes, nats a note before and after, and their change."""
    notes = sum(n for _, n in plain)
    before, after = (sum(x for x, _ in found) / notes for found in (plain, moved))
    return [len(plain), notes, before, after, after / before - 1]


def better(plain: Sequence[Scored], moved: Sequence[Scored]) -> float:
    """Share of the pieces that got better."""
    return float(np.mean([a < b for (a, _), (b, _) in zip(moved, plain, strict=True)]))


@torch.no_grad()
def scored(model: EventLSTM, s: EncodedPiece, since: int, end: int) -> tuple[float, int]:
    """Nats and notes of the events from ``since`` to ``end``, the ones before read too."""
    stepper = Stepper.__new__(Stepper)
    stepper.model, stepper.weights = model, list(model.parameters())
    nats, _ = stepper.read(s, 0, end, None)
    return float(nats[since:].double().sum()), notes_in(s, since, end)


def half_part(music: Music, facts: Bundle, options: Namespace, config: AdaptConfig) -> Iterator[list[Any]]:
    """The second halves of pieces before and after learning the first."""
    model = bundle.load_model(facts)
    for name in music.corpora:
        plain, moved, seconds = [], [], []
        for piece in music.pieces(name, options.split, options.pieces):
            onsets = np.sort(np.concatenate([t.notes["onset"] for t in piece.tracks]))[:MAX_EVENTS]
            first = edit.cut(piece, 0, int(onsets[len(onsets) // 2]))
            if not first.note_count:
                continue
            begin = time.process_time()
            new, changed, _ = adapted(facts, copy.deepcopy(model), [first], config)
            seconds.append(time.process_time() - begin)
            for which, codec, style, out in ((model, facts.codec, music.style(name), plain), (changed, new.codec, None, moved)):
                s = encode_score(piece, codec, style)
                notes = np.cumsum(s.steps.events[1:, Field.ROLE] == Role.NOTE)
                since, end = (int(np.searchsorted(notes, n)) for n in (first.note_count + 1, len(onsets)))
                out.append(scored(which, s, since, end))
        yield [name, *row(plain, moved), better(plain, moved), float(np.mean(seconds))]


def collection_part(music: Music, facts: Bundle, options: Namespace, config: AdaptConfig) -> Iterator[list[Any]]:
    """Other pieces of the collection, and pieces of the known styles, before and after learning some."""
    model = bundle.load_model(facts)

    def all_of(model: EventLSTM, codec: CodecConfig, pieces: list[tuple[str | None, Score]]) -> list[Scored]:
        return [scored(model, s, 0, min(len(s), MAX_EVENTS)) for s in (encode_score(p, codec, style) for style, p in pieces)]

    known = [(n, p) for n in sorted(music.known) for p in music.pieces(n, options.split, max(1, options.pieces // 4))]
    before = all_of(model, facts.codec, known)
    for name in (n for n in music.corpora if n not in music.known):
        begin = time.process_time()
        new, changed, done = adapted(facts, copy.deepcopy(model), music.pieces(name, "train", LEARN), config)
        seconds = time.process_time() - begin
        test = music.pieces(name, options.split, options.pieces)
        plain = all_of(model, facts.codec, [(music.style(name), p) for p in test])
        moved = all_of(changed, new.codec, [(STYLE, p) for p in test])
        forgotten = row(before, all_of(changed, new.codec, known))[-1]
        yield [name, *row(plain, moved), forgotten, done.notes, seconds]


PARTS = {"online": online_part, "half": half_part, "collection": collection_part}

if __name__ == "__main__":
    main()
