"""Would a neural cache over past hidden states add anything to what the model recalls?

    python benchmarks/memory.py CORPUS [--model base] [--pieces 20] [--written 20] [--quick] [--json]

The cache of Grave, Joulin and Usunier (Improving neural language models with a continuous cache, ICLR 2017), per field of a note:

    p = (1 - l) p_model + l p_cache,   p_cache(v) = sum of exp(t cos(h, h_i)) over the last N notes i whose value was v, normalised

"h" is the body's output before the note ("body"), or what the field's own head makes of it, once the earlier fields are chosen
("head": it knows time and part). l, t and N are chosen on validation pieces, for each field, each kind of h and each state of recall;
the table is of test pieces, each alone, nothing given. "with recall" is the model as it is; "withheld" the same weights with all five
pointers silenced: not a model trained without them, but it shows that the cache finds what there is to find.

Below, what that means for new pieces of 32 bars: share of notes that stood at the same place and pitch 1, 2, 4 and 8 bars before,
and likeness of the harmony (``melody/evaluation/features.py``), human test pieces, the model, the model with recall withheld.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from machine import machine
from numpy.typing import NDArray
from torch import Tensor

from melody import bundle, compose
from melody.codec import FIELDS
from melody.codec.given import NOTHING
from melody.codec.table import Field, Role
from melody.corpus import Corpus
from melody.corpus.sequence import AugmentConfig, Sequence, training_sequence
from melody.evaluation.beside import excerpt
from melody.evaluation.features import LAG_NAMES, features_of
from melody.generate.engine import Seen, TorchEngine
from melody.model import Context, EventLSTM, Inputs
from melody.runtime.nats import batch

CACHED = (Field.WAIT, Field.PITCH, Field.DURATION, Field.VELOCITY)
SIZES = (100, 1000)  # notes that the cache holds
SHARPNESS = (5.0, 10.0, 20.0, 40.0, 80.0)
SHARES = np.array([0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5])
KINDS = ("body", "head")
MOST_EVENTS = 1000
BARS = 32
Floats = NDArray[np.float64]


class Watched(EventLSTM):
    """A model, its weights shared, that keeps what the heads start from and what each makes of it."""

    kept: dict[int | str, Tensor]

    @classmethod
    def of(cls, model: EventLSTM) -> Watched:
        """A watched model on the weights of ``model``."""
        new = cls.__new__(cls)
        new.__dict__.update(model.eval().__dict__)
        new.kept = {}
        return new

    def _begin(self, y: Tensor) -> Tensor:
        self.kept["body"] = y
        return super()._begin(y)

    def _score(self, context: Context, z: Tensor, told: Tensor, chosen: Tensor, field: Field) -> Tensor:
        self.kept[int(field)] = z
        return super()._score(context, z, told, chosen, field)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model", default=None)
    parser.add_argument("--pieces", type=int, default=20, help="of a style that are scored, in each split")
    parser.add_argument("--written", type=int, default=20, help="of a style that are written")
    parser.add_argument("--quick", action="store_true", help="2 pieces a style")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.quick:
        options.pieces, options.written = 2, 2
    torch.set_num_threads(1)
    facts = bundle.read(options.model)
    model, corpus = bundle.load_model(facts), Corpus(options.corpus)
    out: dict[str, Any] = {"machine": machine("torch"), "cache": {}, "chosen": {}}
    for name, silent in (("with recall", False), ("withheld", True)):
        out["cache"][name], out["chosen"][name] = cached(Watched.of(model), corpus, options.pieces, silent)
    if options.written:
        out["similarity"] = similarity(model, facts, corpus, options.written)
    print(json.dumps(out)) if options.json else table(out)


def pieces(corpus: Corpus, model: EventLSTM, split: str, most: int) -> Iterator[tuple[str, Sequence]]:
    """Some pieces of each style, as in validation."""
    for style in model.codec.styles:
        mine = [i for i in corpus.split(split) if corpus.pieces[i].style == style]
        for i in np.random.default_rng(1).permutation(mine)[:most].tolist():
            yield style, training_sequence(corpus, i, model.codec, np.random.default_rng([1, i]), AugmentConfig.none(), NOTHING)


def cached(model: Watched, corpus: Corpus, most: int, silent: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """By style: nats a note of the model alone and with the best cache of each kind; and which cache that is."""
    grids: dict[str, dict[str, Floats]] = {"valid": {}, "test": {}}
    plain: dict[str, NDArray[np.float64]] = {}
    for split, found in grids.items():
        for style, s in pieces(corpus, model, split, most):
            grid, nats, notes = looked(model, s, silent)
            found[style] = found.get(style, 0) + grid
            if split == "test":
                plain[style] = plain.get(style, 0) + np.append(nats, notes)
    total = sum(grids["valid"].values())  # (kinds, fields, sizes, sharpness, shares): one choice for all styles
    best = {(k, f): np.unravel_index(int(total[k, f].argmin()), total.shape[2:]) for k in range(len(KINDS)) for f in range(len(CACHED))}
    rows: dict[str, Any] = {}
    for style, sums in plain.items():
        nats, notes = sums[:-1], sums[-1]
        rows[style] = {"notes": int(notes), "model": nats.sum() / notes, "fields": {}}
        for k, kind in enumerate(KINDS):
            saved = [grids["test"][style][k, f, 0, 0, 0] - grids["test"][style][(k, f, *best[k, f])] for f in range(len(CACHED))]
            rows[style][kind] = (nats.sum() - sum(saved)) / notes
            rows[style]["fields"][kind] = {FIELDS[f]: float(v / notes) for f, v in zip(CACHED, saved, strict=True)}
    chosen = {
        f"{KINDS[k]}, {FIELDS[CACHED[f]]}": {"notes": SIZES[a], "sharpness": SHARPNESS[b], "share": float(SHARES[c])}
        for (k, f), (a, b, c) in best.items()
    }
    return rows, chosen


@torch.no_grad()
def looked(model: Watched, s: Sequence, silent: bool) -> tuple[Floats, Floats, int]:
    """Sums over the notes of a piece: nats of every cache (kinds, fields, sizes, sharpness, shares); nats by field (6,); notes."""
    read = batch(s, MOST_EVENTS)
    if silent:
        read["recall"] = np.zeros_like(read["recall"])
    nats, _ = model(Inputs(*(torch.from_numpy(read[name]) for name in Inputs._fields)))
    target = torch.from_numpy(read["rows"][1:, 0])
    at = torch.nonzero(target[:, Field.ROLE] == Role.NOTE)[:, 0]
    out = np.zeros((len(KINDS), len(CACHED), len(SIZES), len(SHARPNESS), len(SHARES)))
    age = torch.arange(len(at))[:, None] - torch.arange(len(at))[None]
    for k, kind in enumerate(KINDS):
        for f, field in enumerate(CACHED):
            h = model.kept[kind if kind == "body" else int(field)][at, 0]
            h = torch.nn.functional.normalize(h, dim=-1)
            like = h @ h.T
            value = target[at, field]
            equal = value[:, None] == value[None]
            own = (-nats[at, 0, field]).double().exp().numpy()
            for b, sharp in enumerate(SHARPNESS):
                weight = torch.exp(sharp * (like - 1))
                for a, size in enumerate(SIZES):
                    held = torch.where((age > 0) & (age <= size), weight, 0.0)
                    whole = held.sum(1).double().numpy()
                    cache = np.where(whole > 0, (held * equal).sum(1).double().numpy() / np.maximum(whole, 1e-30), own)
                    mixed = (1 - SHARES) * own[:, None] + SHARES * cache[:, None]
                    out[k, f, a, b] = -np.log(np.maximum(mixed, 1e-30)).sum(0)
    return out, nats[:, 0].sum(0).double().numpy(), len(at)


class Forgetful(TorchEngine):
    """The engine with every pointer into the past silenced."""

    def advance(self, context: Any, state: Any, seen: Seen) -> tuple[Any, Any]:
        """See Engine."""
        return super().advance(context, state, seen._replace(told=np.zeros_like(seen.told)))


def similarity(model: EventLSTM, facts: bundle.Bundle, corpus: Corpus, count: int) -> dict[str, Any]:
    """By style: who, and the mean repetition and harmony at 1, 2, 4 and 8 bars."""
    out: dict[str, Any] = {}
    for style in model.codec.styles:
        requests = [compose.Generate(bars=BARS, style=style, seed=i) for i in range(count)]
        mine = [i for i in corpus.split("test") if corpus.pieces[i].style == style]
        made = {
            "human": [excerpt(corpus.score(i), BARS) for i in np.random.default_rng(1).permutation(mine)[: 3 * count].tolist()],
            "with recall": compose.Composer(facts, TorchEngine(model)).many(requests),
            "withheld": compose.Composer(facts, Forgetful(model)).many(requests),
        }
        out[style] = {}
        for who, scores in made.items():
            looked = [f for s in scores if (f := features_of(s))]
            out[style][who] = {n: np.nanmean([f[n] for f in looked], 0).tolist() for n in ("repetition", "harmony")}
    return out


def table(facts: dict[str, Any]) -> None:
    """Print as Markdown."""
    print(facts["machine"], "\n")
    print(
        "| style | notes | "
        + " | ".join(f"{n}: model | + body cache | + head cache" for n in facts["cache"])
        + " |\n|---"
        + "|---" * 7
        + "|"
    )
    for style in facts["cache"]["with recall"]:
        rows = [facts["cache"][n][style] for n in facts["cache"]]
        cells = [f"{r['model']:.3f} | {-share(r, 'body'):+.1%} | {-share(r, 'head'):+.1%}" for r in rows]
        print(f"| {style} | {rows[0]['notes']:,} | " + " | ".join(cells) + " |")
    print(
        "\n| recall | cache | "
        + " | ".join(f"{FIELDS[f]} saved" for f in CACHED)
        + " | chosen: notes, sharpness, share |\n|---"
        + "|---" * 6
        + "|"
    )
    for name, styles in facts["cache"].items():
        for kind in KINDS:
            notes = sum(r["notes"] for r in styles.values())
            saved = [sum(r["fields"][kind][FIELDS[f]] * r["notes"] for r in styles.values()) / notes for f in CACHED]
            mine = [facts["chosen"][name][f"{kind}, {FIELDS[f]}"] for f in CACHED]
            what = "; ".join(f"{c['notes']}, {c['sharpness']:g}, {c['share']:g}" for c in mine)
            print(f"| {name} | {kind} | " + " | ".join(f"{v:.4f}" for v in saved) + f" | {what} |")
    if "similarity" in facts:
        heads = [f"{what} {lag}" for what in ("repetition", "harmony") for lag in LAG_NAMES]
        print("\n| style | who | " + " | ".join(heads) + " |\n|---" + "|---" * (1 + len(heads)) + "|")
        for style, who in facts["similarity"].items():
            for name, values in who.items():
                print(f"| {style} | {name} | " + " | ".join(f"{v:.3f}" for v in values["repetition"] + values["harmony"]) + " |")


def share(row: dict[str, Any], kind: str) -> float:
    """What a cache saves, as a share of the model's nats."""
    return (row["model"] - row[kind]) / row["model"]


if __name__ == "__main__":
    main()
