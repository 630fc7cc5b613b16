"""The training loop: truncated backpropagation through time with a carried state, averaged weights, early stop.

A run folder holds the best averaged weights as a bundle, ``resume/`` with everything needed to go on, and
``metrics.jsonl``. Knows streams and the model; does not print (see ``Watcher``).
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from melody import bundle
from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.corpus.habits import habits
from melody.corpus.stream import Stream
from melody.errors import MelodyError
from melody.files import reason, shown
from melody.model import EventLSTM
from melody.train import resume
from melody.train.batches import prefetched, to_tensors
from melody.train.recipe import Recipe
from melody.train.validate import validate, validation_stream


@dataclass(frozen=True)
class Progress:
    """One look at a run, as written to ``metrics.jsonl``."""

    step: int
    share: float  # of the schedule, 0..1
    nats: float  # training nats per note, smoothed
    norm: float  # gradient norm before clipping
    rate: float  # learning rate
    notes: int  # notes seen so far
    notes_per_second: float
    seconds: float  # spent training, over all resumed parts
    seconds_left: float
    valid: Mapping[str, float] | None = None  # nats per note: total and by field
    skipped: int = 0  # updates that were not finite


class Watcher(Protocol):
    """Who looks on: ``update`` after every step (cheap), ``stop`` asked before every step."""

    def update(self, progress: Progress) -> None:
        """Look at a step."""

    def stop(self) -> bool:
        """Whether to save and leave."""


@dataclass(frozen=True)
class Result:
    """How a run ended: "done", "stopped" (asked to) or "early" (no better validation)."""

    ending: str
    step: int
    best: float
    notes: int
    seconds: float


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype:
    """bf16 if asked for, or if it is quicker here; found by trying, because not every processor can."""
    if precision == "fp32":
        return torch.float32
    probe = torch.nn.LSTM(256, 256).to(device)
    x = torch.randn(32, 32, 256, device=device)
    times = {}
    for dtype in (torch.float32, torch.bfloat16):
        try:
            with torch.autocast(device.type, dtype, enabled=dtype is torch.bfloat16):
                probe(x)[0].float().sum().backward()
                begin = time.perf_counter()
                for _ in range(3):
                    probe(x)[0].float().sum().backward()
                if device.type == "cuda":
                    torch.cuda.synchronize()
            times[dtype] = time.perf_counter() - begin
        except RuntimeError:  # "could not create a primitive descriptor" where the processor has no bf16
            if precision == "bf16":
                raise MelodyError("bf16 does not work on this processor; use --precision fp32") from None
    if precision == "bf16":
        return torch.bfloat16
    return min(times, key=lambda d: times[d])


class Trainer:
    """One run. ``run`` trains until the schedule ends, the watcher says stop or validation gets no better."""

    def __init__(self, corpus: Corpus, folder: Path, recipe: Recipe, *, base: EventLSTM | None = None, device: str = "") -> None:
        config = recipe.train
        self.corpus, self.folder, self.recipe = corpus, folder, recipe
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        choice = recipe.codec
        codec = CodecConfig(choice.clock, choice.grid, choice.velocity_bins, corpus.styles)  # type: ignore[arg-type]  # checked by the recipe
        self.model = (base or EventLSTM(recipe.model, codec)).to(self.device).train()
        self.codec = self.model.codec
        self.average = {n: t.detach().clone() for n, t in self.model.state_dict().items()}
        self.optimiser = torch.optim.AdamW(_groups(self.model, config.weight_decay), lr=config.rate, betas=(0.9, 0.98), fused=True)
        train = corpus.split("train")
        if not train:
            raise MelodyError(f"{shown(corpus.folder)}: no pieces to train on")
        self.stream = Stream(
            corpus, self.codec, train, min(config.batch, len(train)), config.chunk, config.seed, recipe.augment, recipe.given
        )
        self.dtype = autocast_dtype(config.precision, self.device)
        self.state = self.model.initial_state(self.stream.batch)
        self.step, self.notes, self.seconds, self.skipped = 0, 0, 0.0, 0
        self.best, self.stale, self.nats = math.inf, 0, math.nan
        self.habits = habits(corpus)

    def share(self) -> float:
        """How much of the schedule is done, 0..1: the further of steps and minutes."""
        config = self.recipe.train
        by_steps = self.step / config.steps if config.steps else 0.0
        by_time = self.seconds / (60 * config.minutes) if config.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def run(self, watcher: Watcher) -> Result:
        """Train. Saves on every way out; on an early stop the best weights are what the bundle holds."""
        config = self.recipe.train
        if not config.steps and not config.minutes:
            raise MelodyError("the recipe says neither steps nor minutes; give --steps or --minutes")
        begin = saved = time.monotonic()
        before = self.seconds
        ending = "done"
        for batch, position in prefetched(self.stream):
            if self.share() >= 1:
                break
            if watcher.stop():
                ending = "stopped"
                break
            norm = self._update(to_tensors(batch, self.device), torch.from_numpy(batch.reset), torch.from_numpy(batch.valid), batch.notes)
            self.position = position
            self.step += 1
            self.notes += batch.notes
            self.seconds = before + time.monotonic() - begin
            valid = None
            if self.step % config.validate_every == 0 or self.share() >= 1:
                valid = self._validate()
            progress = self._progress(norm, valid)
            watcher.update(progress)
            self._log(progress)
            if config.patience and self.stale >= config.patience:
                ending = "early"
                break
            if time.monotonic() - saved > 60 * config.save_minutes:
                resume.save(self)
                saved = time.monotonic()
        if self.step:
            if not math.isfinite(self.best):  # nothing was validated yet, or nothing was a number: keep what there is
                self._keep({})
            resume.save(self)
        return Result(ending, self.step, self.best, self.notes, self.seconds)

    def _update(self, inputs: Any, reset: Tensor, valid: Tensor, notes: int) -> float:
        config = self.recipe.train
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        state = self.state.detach().where_not(reset.to(self.device))
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16):
            nats, state = self.model(inputs, state)
        mask = valid.to(self.device)
        # Padding holds rows that the grammar forbids (infinite nats): chosen away, not multiplied by zero.
        loss = torch.where(mask, nats.sum(-1), 0.0).sum() / mask.sum().clamp(min=1)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = float(torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip))
        if not math.isfinite(norm):
            self.skipped += 1
            self.state = self.model.initial_state(self.stream.batch)
            return norm
        self.optimiser.step()
        self.state = state.detach()
        self._average()
        per_note = float(loss.detach()) * float(mask.sum()) / max(1, notes)
        self.nats = per_note if math.isnan(self.nats) else 0.98 * self.nats + 0.02 * per_note
        return norm

    def _average(self) -> None:
        """Exponential average of the weights, with a shorter memory at first."""
        decay = min(self.recipe.train.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            own = self.model.state_dict()
            torch._foreach_lerp_(list(self.average.values()), [own[n] for n in self.average], 1 - decay)

    def _rate(self) -> float:
        config = self.recipe.train
        warm = min(1.0, (self.step + 1) / max(1, config.warmup))
        cosine = 0.5 * (1 + math.cos(math.pi * self.share()))
        return config.rate * warm * (config.final_rate + (1 - config.final_rate) * cosine)

    def averaged(self) -> EventLSTM:
        """A copy of the model with the averaged weights."""
        # A copy, because making a new network would draw random numbers: a run that saves would no longer be the run that does not.
        model = copy.deepcopy(self.model)
        model.load_state_dict(self.average)
        return model.eval()

    def _validate(self) -> dict[str, float] | None:
        pieces = self.corpus.split("valid")
        if not pieces:
            self._keep({})
            return None
        model = self.averaged()
        stream = validation_stream(self.corpus, self.codec, pieces, self.recipe.given)
        scores = validate(model, stream, self.recipe.train.validate_notes, self.dtype, self.device)
        facts = scores.per_note()
        if facts["total"] < self.best:
            self.best, self.stale = facts["total"], 0
            self._keep(facts)
        else:
            self.stale += 1
        return facts

    def _keep(self, valid: Mapping[str, float]) -> None:
        facts = {"recipe": self.recipe.plain(), "step": self.step, "notes": self.notes, "seconds": round(self.seconds, 1)}
        facts |= {"valid_nats_per_note": dict(valid), "corpus": self.corpus.digest, "precision": str(self.dtype).removeprefix("torch.")}
        facts["habits"] = self.habits
        train = [self.corpus.pieces[i] for i in self.corpus.split("train")]
        mine = {s: [p.note_count for p in train if p.style == s] for s in self.corpus.styles}
        data = tuple({"name": s, "pieces": len(n), "notes": sum(n), "licence": "unknown"} for s, n in mine.items())
        bundle.save(self.folder, self.averaged(), facts, data, "that of the data it was trained on")

    def _progress(self, norm: float, valid: dict[str, float] | None) -> Progress:
        share = self.share()
        left = self.seconds * (1 - share) / max(share, 1e-9)
        rate = self.notes / max(self.seconds, 1e-9)
        return Progress(self.step, share, self.nats, norm, self._rate(), self.notes, rate, self.seconds, left, valid, self.skipped)

    def _log(self, progress: Progress) -> None:
        if progress.step % 10 and progress.valid is None:
            return
        row = {k: (None if isinstance(v, float) and not math.isfinite(v) else v) for k, v in asdict(progress).items()}
        try:
            with open(self.folder / "metrics.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        except OSError as fault:
            raise MelodyError(f"{shown(self.folder)}/metrics.jsonl: cannot be written ({reason(fault)})") from None


def _groups(model: EventLSTM, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices of the layers only: not for embeddings, norms and biases."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    matrices = [p for p in model.parameters() if p.dim() > 1 and id(p) not in embeddings]
    others = [p for p in model.parameters() if p.dim() <= 1 or id(p) in embeddings]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
