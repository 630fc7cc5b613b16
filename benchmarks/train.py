"""How fast does training go, against a bare ``nn.LSTM`` of the same shape and dtype in the same run?

    python benchmarks/train.py CORPUS [--recipe base] [--rounds 7] [--threads 1]

bare    forward and backward of ``nn.LSTM(width, width, layers)`` on random input of the recipe's batch and chunk: no embeddings,
        no heads, no loss but a sum, no optimiser. Steps a second (one step: one event of one row).
whole   what ``melody train`` does a step: loading and encoding (in its thread), embeddings, encoder of given notes, recall, body, heads,
        grammar, loss, gradients, clipping, AdamW, averaged weights. Events a second, padding not counted.

The two take turns; the table gives medians over the rounds, and the ratio is the median of the rounds' ratios. Seconds are processor
time of this process (``time.process_time``) times the threads' share, so that other work on the machine counts little; on a GPU wall time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch
from machine import machine

from melody.corpus import Corpus
from melody.corpus.batch import Batch
from melody.training.batches import prefetched
from melody.training.learner import StepTotals
from melody.training.loop import Trainer
from melody.training.recipe import changed, load_recipe

STEPS = 4  # updates of a round


def bare_step(layers: torch.nn.LSTM, x: torch.Tensor, dtype: torch.dtype) -> None:
    """Forward and backward, nothing else."""
    with torch.autocast(x.device.type, torch.bfloat16, enabled=dtype is torch.bfloat16):
        out, _ = layers(x)
        loss = out.float().sum()
    torch.autograd.backward(loss)
    layers.zero_grad()


def clock(device: torch.device, threads: int) -> float:
    """Seconds: of the processor on a CPU, of the wall on a GPU."""
    if device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time() / threads


def step(run: Trainer, batch: Batch, begin: float) -> None:
    """One update, as the loop makes it."""
    run.learner.update(batch, run.rate, run.counters.step, run.stability, StepTotals(), begin)


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--recipe", default="base")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="auto")
    a = parser.parse_args()
    recipe = changed(load_recipe(a.recipe), {"train": {"threads": a.threads, "precision": a.precision, "keep": 0}})
    model = recipe.model
    with tempfile.TemporaryDirectory() as folder:
        run = Trainer(Corpus(a.corpus), Path(folder), recipe)
        begin_run = time.monotonic()
        place = run.learner.place
        layers = torch.nn.LSTM(model.width, model.width, model.layers).to(place.device)
        x = torch.randn(recipe.train.chunk, recipe.train.batch, model.width, device=place.device)
        batches = prefetched(run.stream)
        for batch, _ in islice(batches, STEPS):
            step(run, batch, begin_run)
            bare_step(layers, x, place.dtype)
        rows = []
        for _ in range(a.rounds):
            begin = clock(place.device, a.threads)
            for _ in range(STEPS):
                bare_step(layers, x, place.dtype)
            bare = STEPS * x.shape[0] * x.shape[1] / (clock(place.device, a.threads) - begin)
            begin, events, places = clock(place.device, a.threads), 0, 0
            for batch, _ in islice(batches, STEPS):
                step(run, batch, begin_run)
                events += int(batch.valid.sum())
                places += batch.valid.size
            seconds = clock(place.device, a.threads) - begin
            rows.append((bare, events / seconds, places / seconds))
        batches.close()
    bare, whole, padded = (statistics.median(r[i] for r in rows) for i in range(3))
    ratios = sorted(r[1] / r[0] for r in rows)
    print(machine())
    shape = f"{model.layers} x {model.width}, batch {recipe.train.batch}, chunk {recipe.train.chunk}"
    print(f"{shape}, {place.dtype}, {a.threads} threads, {a.rounds} rounds\n")
    print("| what | a second |\n|---|---|")
    print(
        f"| bare nn.LSTM, steps | {bare:,.0f} |\n| whole training, events | {whole:,.0f} |\n| the same, padding counted | {padded:,.0f} |\n"
    )
    print(f"whole / bare: {statistics.median(ratios):.0%} ({ratios[0]:.0%} to {ratios[-1]:.0%})")


if __name__ == "__main__":
    main()
