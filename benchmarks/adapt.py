"""What does ``--adapt`` save? Dynamic evaluation of the shipped model on held-out music, nats a note.

    python benchmarks/adapt.py CORPUS [NAME=CORPUS ...] [--model base] [--pieces 20] [--parts online half collection] [--quick] [--json]
    python benchmarks/adapt.py CORPUS [NAME=CORPUS ...] --choose        compare rules and rates on validation pieces

CORPUS is that of the shipped model; the others are collections that it does not know (no piece of theirs whose notes are in CORPUS
is used). Test pieces, each alone, nothing given; weights go back to those of the model after each.

    online       a segment is scored, then stepped on, over one piece; the first segments have nothing to learn from
    half         ``adapted`` on the first half of a piece (in notes), the second half scored, after the first was read; beside the model,
                 which reads the first half as well and recalls it (told the style where it has one; the adapted model is told none, as by
                 ``melody continue``)
    collection   ``adapted`` on 10 training pieces of an unknown collection, its test pieces scored (their style told as the adapted one);
                 "known" is what the same does to pieces of the styles that the model knew

Seconds are processor time of one thread.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from machine import machine

from melody import bundle, edit
from melody.bundle import Bundle
from melody.codec.table import Field, Role
from melody.corpus import Corpus
from melody.corpus.piece import EncodedPiece, encode_score
from melody.model import EventLSTM
from melody.score import Score
from melody.training import adapt
from melody.training.adapt import STYLE, AdaptConfig, Stepper, adapted

MAX_EVENTS = 1024  # of a piece that are scored online
LEARN = 10  # pieces of a collection that are learned
MIN_NOTES = 100


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("others", nargs="*", metavar="NAME=CORPUS")
    parser.add_argument("--model", default=None)
    parser.add_argument("--pieces", type=int, default=20, help="of a style or collection that are scored")
    parser.add_argument("--parts", nargs="+", default=["online", "half", "collection"])
    parser.add_argument("--passes", type=int, default=AdaptConfig.passes)
    parser.add_argument("--rate", type=float, default=AdaptConfig.rate)
    parser.add_argument("--split", default="test")
    parser.add_argument("--choose", action="store_true")
    parser.add_argument("--quick", action="store_true", help="2 pieces of each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.pieces = 2
    torch.set_num_threads(1)
    adapt.MAX_SECONDS = float("inf")  # what comes out is not to depend on how busy the machine is
    facts = bundle.read(options.model)
    music = Music(Corpus(options.corpus), dict(o.split("=", 1) for o in options.others))
    if options.choose:
        choose(music, facts, options.pieces)
        return
    config = AdaptConfig(rate=options.rate, passes=options.passes)
    out: dict[str, Any] = {"machine": machine("torch"), "config": vars(config), "split": options.split}
    for part in options.parts:
        out[part] = PARTS[part](music, facts, options, config)
    print(json.dumps(out)) if options.json else table(out)


class Music:
    """Pieces of the styles that the model knows and of collections that it does not."""

    def __init__(self, corpus: Corpus, others: dict[str, str]) -> None:
        self.corpora = dict.fromkeys(corpus.styles, corpus) | {name: Corpus(folder) for name, folder in others.items()}
        self.known = set(corpus.styles)
        self.contents = {p.content for p in corpus.pieces}

    def pieces(self, name: str, split: str, most: int) -> list[Score]:
        """Some pieces in an order of chance, always the same."""
        corpus = self.corpora[name]
        mine = [i for i in corpus.split(split) if corpus.pieces[i].note_count >= MIN_NOTES]
        mine = [
            i for i in mine if (corpus.pieces[i].style == name if name in self.known else corpus.pieces[i].content not in self.contents)
        ]
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


def online_part(music: Music, facts: Bundle, options: argparse.Namespace, config: AdaptConfig) -> dict[str, Any]:
    """By name: nats a note before and after, the share of pieces that got better, seconds a piece."""
    stepper = Stepper(bundle.load_model(facts), config)
    rows = {}
    for name in music.corpora:
        pieces = [encode_score(p, facts.codec, music.style(name)) for p in music.pieces(name, options.split, options.pieces)]
        plain = [online(stepper, s, False) for s in pieces]
        begin = time.process_time()
        moved = [online(stepper, s, True) for s in pieces]
        rows[name] = row(plain, moved) | {"seconds": (time.process_time() - begin) / len(pieces)}
    return rows


def row(plain: Sequence[tuple[float, int]], moved: Sequence[tuple[float, int]]) -> dict[str, float]:
    """Nats a note before and after, and how many pieces got better."""
    notes = sum(n for _, n in plain)
    better = float(np.mean([a < b for (a, _), (b, _) in zip(moved, plain, strict=True)]))
    return {
        "pieces": len(plain),
        "notes": notes,
        "before": sum(x for x, _ in plain) / notes,
        "after": sum(x for x, _ in moved) / notes,
        "better": better,
    }


@torch.no_grad()
def scored(model: EventLSTM, s: EncodedPiece, since: int, end: int) -> tuple[float, int]:
    """Nats and notes of the events from ``since`` to ``end``, the ones before read too."""
    stepper = Stepper.__new__(Stepper)
    stepper.model, stepper.weights = model, list(model.parameters())
    nats, _ = stepper.read(s, 0, end, None)
    return float(nats[since:].double().sum()), notes_in(s, since, end)


def half_part(music: Music, facts: Bundle, options: argparse.Namespace, config: AdaptConfig) -> dict[str, Any]:
    """By name: the second halves of pieces before and after learning the first."""
    model = bundle.load_model(facts)
    rows = {}
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
            for which, codec, style, out in (
                (model, facts.codec, music.style(name), plain),
                (changed, new.codec, None, moved),
            ):
                s = encode_score(piece, codec, style)
                notes = np.cumsum(s.steps.events[1:, Field.ROLE] == Role.NOTE)
                since, end = (int(np.searchsorted(notes, n)) for n in (first.note_count + 1, len(onsets)))
                out.append(scored(which, s, since, end))
        rows[name] = row(plain, moved) | {"seconds": float(np.mean(seconds))}
    return rows


def collection_part(music: Music, facts: Bundle, options: argparse.Namespace, config: AdaptConfig) -> dict[str, Any]:
    """By name: other pieces of the collection, and pieces of the known styles, before and after learning some."""
    model = bundle.load_model(facts)
    rows = {}
    known = [(n, p) for n in sorted(music.known) for p in music.pieces(n, options.split, max(1, options.pieces // 4))]
    before = [scored(model, s, 0, min(len(s), MAX_EVENTS)) for s in (encode_score(p, facts.codec, n) for n, p in known)]
    for name in (n for n in music.corpora if n not in music.known):
        learn = music.pieces(name, "train", LEARN)
        begin = time.process_time()
        new, changed, done = adapted(facts, copy.deepcopy(model), learn, config)
        seconds = time.process_time() - begin
        test = music.pieces(name, options.split, options.pieces)
        plain = [scored(model, s, 0, min(len(s), MAX_EVENTS)) for s in (encode_score(p, facts.codec, music.style(name)) for p in test)]
        moved = [scored(changed, s, 0, min(len(s), MAX_EVENTS)) for s in (encode_score(p, new.codec, STYLE) for p in test)]
        after = [scored(changed, s, 0, min(len(s), MAX_EVENTS)) for s in (encode_score(p, new.codec, n) for n, p in known)]
        old = row(before, after)
        rows[name] = row(plain, moved) | {
            "seconds": seconds,
            "learned": done.notes,
            "steps": done.steps,
            "known": old["after"] / old["before"] - 1,
        }
    return rows


PARTS = {"online": online_part, "half": half_part, "collection": collection_part}


class Sgd(Stepper):
    """The plain gradient."""

    def learn(self, nats: torch.Tensor) -> None:
        """See Stepper."""
        self.model.zero_grad(set_to_none=True)
        torch.autograd.backward(nats.sum() / len(nats))
        torch.nn.utils.clip_grad_norm_(self.weights, self.config.clip)
        with torch.no_grad():
            for p in self.weights:
                if p.grad is not None:
                    p.add_(p.grad, alpha=-self.config.rate)


class Rms(Sgd):
    """The gradient over its root mean square on training pieces, as in the paper (without the pull back to the first weights)."""

    root: list[torch.Tensor]

    def learn(self, nats: torch.Tensor) -> None:
        """See Stepper."""
        self.model.zero_grad(set_to_none=True)
        torch.autograd.backward(nats.sum() / len(nats))
        torch.nn.utils.clip_grad_norm_(self.weights, self.config.clip)
        with torch.no_grad():
            for p, root in zip(self.weights, self.root, strict=True):
                if p.grad is not None:
                    p.addcdiv_(p.grad, root, value=-self.config.rate)

    def look(self, pieces: Sequence[EncodedPiece]) -> None:
        """Learn the root mean squares: of each weight, and a tenth of its tensor's mean so that none is zero."""
        square, steps = [torch.zeros_like(p) for p in self.weights], 0
        for s in pieces:
            state = None
            for first in range(0, min(512, len(s)), self.config.segment):
                nats, state = self.read(s, first, min(len(s), first + self.config.segment), state)
                self.model.zero_grad(set_to_none=True)
                torch.autograd.backward(nats.sum() / len(nats))
                for mean, p in zip(square, self.weights, strict=True):
                    if p.grad is not None:
                        mean.add_(p.grad**2)
                steps += 1
        self.root = [root + 0.1 * float(root.mean()) + 1e-6 for root in ((s / steps).sqrt() for s in square)]


def choose(music: Music, facts: Bundle, most: int) -> None:
    """Rules and rates, online, on validation pieces: change of the nats by name."""
    names = [n for n in music.corpora if len(music.pieces(n, "valid", 1))]
    pieces = {n: [encode_score(p, facts.codec, music.style(n)) for p in music.pieces(n, "valid", most)] for n in names}
    model = bundle.load_model(facts)
    train = [encode_score(p, facts.codec, n) for n in sorted(music.known) for p in music.pieces(n, "train", 20)]
    print("| rule | rate | " + " | ".join(names) + " | mean | s |\n|---" + "|---" * (3 + len(names)) + "|")
    plain: dict[str, float] = {}
    for rule, kind, rates in (("sgd", Sgd, (0.003, 0.01, 0.03)), ("rms", Rms, (3e-5, 1e-4, 3e-4)), ("adam", Stepper, (1e-4, 3e-4, 1e-3))):
        for rate in rates:
            stepper = kind(model, AdaptConfig(rate=rate))
            if isinstance(stepper, Rms):
                stepper.look(train)
            begin = time.process_time()
            for n in names if not plain else ():
                plain[n] = sum(online(stepper, s, False)[0] for s in pieces[n])
            change = [sum(online(stepper, s, True)[0] for s in pieces[n]) / plain[n] - 1 for n in names]
            cells = " | ".join(f"{c:+.1%}" for c in [*change, float(np.mean(change))])
            print(f"| {rule} | {rate:g} | {cells} | {time.process_time() - begin:.0f} |", flush=True)
            stepper.restore()


def table(out: dict[str, Any]) -> None:
    """Print as Markdown."""
    print(out["machine"], "\n")
    for part in PARTS:
        if part not in out:
            continue
        more = " | known styles | notes learned" if part == "collection" else " | pieces that got better"
        print(f"{part}\n\n| music | pieces | notes | before | after | change{more} | s |\n|---" + "|---" * (6 + more.count("|")) + "|")
        for name, r in out[part].items():
            tail = f"{r['known']:+.1%} | {r['learned']:,}" if part == "collection" else f"{r['better']:.0%}"
            cells = f"{r['before']:.3f} | {r['after']:.3f} | {r['after'] / r['before'] - 1:+.1%} | {tail} | {r['seconds']:.1f}"
            print(f"| {name} | {r['pieces']} | {r['notes']:,} | {cells} |")
        print()


if __name__ == "__main__":
    main()
