"""How fast does training go, against a bare nn.LSTM of the same shape and dtype in the same run?

    python benchmarks/train.py CORPUS [--recipe base] [--rounds 7] [--threads 1] [--precision bf16]

*bare*: forward and backward of `nn.LSTM(width, width, layers)` on random input of the recipe's batch and chunk: no embeddings, no heads, no
loss but a sum, no optimiser; one step is one event of one row. *whole*: what `melody train` does a step: loading and encoding (in its
thread), embeddings, encoder of given notes, recall, body, heads, grammar, loss, gradients, clipping, AdamW, averaged weights. The two take
turns; medians over the rounds, and of the rounds' ratios. Seconds are processor time of this process times the threads' share, so
that other work on the machine counts little; on a GPU wall time.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import torch
from bench import Table, Target, finish, parsed

from melody.corpus import Corpus
from melody.corpus.batch import Batch
from melody.model import ModelConfig
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


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure."""
    a = parsed(
        __file__, __doc__, arguments, ["corpus"], {"recipe": "tiny", "rounds": 1}, recipe="base", rounds=7, threads=1, precision="auto"
    )
    recipe = changed(load_recipe(a.recipe), {"train": {"threads": a.threads, "precision": a.precision, "keep": 0}})
    with tempfile.TemporaryDirectory() as folder:
        run = Trainer(Corpus(a.corpus), Path(folder), recipe)
        rows = in_turns(run, recipe.model, a.rounds, a.threads)
    bare, whole, padded = (statistics.median(r[i] for r in rows) for i in range(3))
    ratios, with_padding = (sorted(r[i] / r[0] for r in rows) for i in (1, 2))
    share, counted = statistics.median(ratios), statistics.median(with_padding)
    columns = {"what": "", "a second": ",.0f", "of bare": ".0%", "lowest": ".0%", "highest": ".0%"}
    found = [
        ["bare nn.LSTM, forward and backward, steps", bare, 1.0, None, None],
        ["whole training, steps (padding counted, as in the bare one)", padded, counted, with_padding[0], with_padding[-1]],
        ["whole training, events", whole, share, ratios[0], ratios[-1]],
    ]
    title = (
        f"{recipe.model.layers} x {recipe.model.width}, batch {recipe.train.batch}, chunk {recipe.train.chunk}, {run.learner.place.dtype}"
    )
    targets = [Target("of the bare steps, events", share, 0.6, ".0%"), Target("of the bare steps, padding counted", counted, 0.6, ".0%")]
    answer = f"{counted:.0%} of the rate of a bare LSTM with padding counted, {share:.0%} without"
    finish(a, answer, [Table(columns, found, title)], targets, ["torch"])


def in_turns(run: Trainer, model: ModelConfig, rounds: int, threads: int) -> list[tuple[float, float, float]]:
    """A round: bare steps, events and steps of training a second."""
    begin_run, train, place = time.monotonic(), run.recipe.train, run.learner.place
    layers = torch.nn.LSTM(model.width, model.width, model.layers).to(place.device)
    x = torch.randn(train.chunk, train.batch, model.width, device=place.device)
    batches, rows = prefetched(run.stream), []
    for batch, _ in islice(batches, STEPS):
        step(run, batch, begin_run)
        bare_step(layers, x, place.dtype)
    for _ in range(rounds):
        begin = clock(place.device, threads)
        for _ in range(STEPS):
            bare_step(layers, x, place.dtype)
        bare = STEPS * x.shape[0] * x.shape[1] / (clock(place.device, threads) - begin)
        begin, events, steps = clock(place.device, threads), 0, 0
        for batch, _ in islice(batches, STEPS):
            step(run, batch, begin_run)
            events += int(batch.valid.sum())
            steps += batch.valid.size
        seconds = clock(place.device, threads) - begin
        rows.append((bare, events / seconds, steps / seconds))
    batches.close()
    return rows


if __name__ == "__main__":
    main()
