"""What does ``--memory`` (``melody/generate/cache.py``) buy, and what does it cost?

    python benchmarks/memory_built.py CORPUS [--model base] [--pieces 8] [--written 64] [--json]

Nats of test pieces by style and field, by the cache's own shares, sharpness and notes, legal values only; it is for ``memory.py`` to
say where those come from. Then new pieces of 32 bars with --memory 0 and 1, the same seeds, in one batch, and one piece alone: how much
of them comes back after 1, 2, 4 and 8 bars, beside human test pieces, and milliseconds of processor time a note.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import torch
from machine import machine
from melody.generate.cache import CACHED
from memory import BARS, MOST_EVENTS, Floats, Watched, pieces

from melody import bundle, compose
from melody.codec import FIELDS
from melody.codec.grammar import bounds
from melody.codec.table import MAX_PARTS, Field, Role
from melody.corpus import Corpus
from melody.corpus.sequence import Sequence
from melody.evaluation.beside import excerpt
from melody.evaluation.features import LAG_NAMES, features_of
from melody.generate import cache
from melody.model import Inputs
from melody.runtime.nats import batch
from melody.score import Score


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--model", default=None)
    parser.add_argument("--pieces", type=int, default=8, help="of a style that are scored")
    parser.add_argument("--written", type=int, default=64, help="of a style that are written")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    facts, corpus = bundle.read(options.model), Corpus(options.corpus)
    found: dict[str, Any] = {"machine": machine("onnxruntime")}
    found["nats"] = built(Watched.of(bundle.load_model(facts)), corpus, options.pieces)
    found["similarity"] = heard(facts, corpus, options.written) if options.written else {}
    print(json.dumps(found)) if options.json else table(found)


def built(model: Watched, corpus: Corpus, most: int) -> dict[str, Any]:
    """By style: notes, nats a note of the model, nats a note that ``--memory 1`` saves in each field."""
    sums: dict[str, Floats] = {}
    for style, s in pieces(corpus, model, "test", most):
        sums[style] = sums.get(style, 0) + shipped(model, s)
    return {style: {"notes": int(n), "model": nats / n, "saved": [v / n for v in saved]} for style, (n, nats, *saved) in sums.items()}


@torch.no_grad()
def shipped(model: Watched, s: Sequence) -> Floats:
    """Sums over the notes of a piece: notes, nats, nats saved in each field."""
    read = batch(s, MOST_EVENTS)
    nats, _ = model(Inputs(*(torch.from_numpy(read[name]) for name in Inputs._fields)))
    rows, target = read["rows"][:-1, 0], read["rows"][1:, 0]
    at = np.flatnonzero(target[:, Field.ROLE] == Role.NOTE)
    age = np.subtract.outer(np.arange(len(at)), np.arange(len(at)))
    held = (age > 0) & (age <= cache.SIZE)
    saved = []
    for field in CACHED:
        keys = cache.rounded(model.kept[int(field)][at, 0].numpy())
        low, high = bounds(model.codec, np, field, rows, target, np.full(len(rows), MAX_PARTS - 1))
        value = target[at, field]
        legal = (value >= np.broadcast_to(low, len(rows))[at, None]) & (value <= np.broadcast_to(high, len(rows))[at, None])
        weight = np.exp(cache.SHARPNESS[field] * (keys @ keys.T / np.float32(cache.STEPS**2) - 1)) * (held & legal)
        whole = weight.sum(1, dtype=np.float64)
        again = (weight * (value[:, None] == value)).sum(1, dtype=np.float64) / np.maximum(whole, 1e-30)
        share = cache.SHARES[field] * np.minimum(held.sum(1) / cache.RISE, 1) * (whole > 0)
        own = (-nats[at, 0, field]).double().exp().numpy()
        saved.append(float(np.log((1 - share) + share * again / own).sum()))
    return np.array([len(at), float(nats[:, 0].sum()), *saved])


def heard(facts: bundle.Bundle, corpus: Corpus, count: int) -> dict[str, Any]:
    """By style: who; mean repetition and harmony, and milliseconds of processor time a note, all in one batch and one piece alone."""
    out: dict[str, Any] = {}
    composer = compose.load(facts.folder)
    for style in facts.codec.styles:
        mine = [i for i in corpus.split("test") if corpus.pieces[i].style == style]
        made = {"human": [excerpt(corpus.score(i), BARS) for i in np.random.default_rng(1).permutation(mine)[: 3 * count].tolist()]}
        milliseconds, alone = {"human": 0.0}, {"human": 0.0}
        for memory in (0.0, 1.0):
            name, sampling = f"memory {memory:g}", compose.Sampling(memory=memory)
            requests = [compose.Generate(bars=BARS, style=style, seed=i, sampling=sampling) for i in range(count)]
            made[name], milliseconds[name] = timed(composer, requests)
            alone[name] = timed(composer, requests[:1])[1]
        out[style] = {}
        for who, scores in made.items():
            looked = [f for s in scores if (f := features_of(s))]
            out[style][who] = {n: np.nanmean([f[n] for f in looked], 0).tolist() for n in ("repetition", "harmony")}
            out[style][who]["ms"] = [milliseconds[who], alone[who]]
    return out


def timed(composer: compose.Composer, requests: list[compose.Generate]) -> tuple[list[Score], float]:
    """Pieces, and milliseconds of processor time a note, all in one batch and one piece alone."""
    begin = time.process_time()
    made = composer.many(requests)
    return made, 1000 * (time.process_time() - begin) / sum(p.note_count for p in made)


def table(found: dict[str, Any]) -> None:
    """Print as Markdown."""
    print(found["machine"], "\n")
    print("| style | notes | nats a note | with memory | " + " | ".join(FIELDS[f] for f in CACHED) + " |\n|---" + "|---" * 7 + "|")
    for style, row in found["nats"].items():
        shares = [-v / row["model"] for v in (sum(row["saved"]), *row["saved"])]
        print(f"| {style} | {row['notes']:,} | {row['model']:.3f} | " + " | ".join(f"{v:+.1%}" for v in shares) + " |")
    heads = [f"{what} {lag}" for what in ("repetition", "harmony") for lag in LAG_NAMES] + ["ms a note", "alone"]
    print("\n| style | who | " + " | ".join(heads) + " |\n|---" + "|---" * (1 + len(heads)) + "|")
    for style, who in found["similarity"].items():
        for name, values in who.items():
            figures = values["repetition"] + values["harmony"] + values["ms"]
            print(f"| {style} | {name} | " + " | ".join(f"{v:.3f}" for v in figures) + " |")


if __name__ == "__main__":
    main()
