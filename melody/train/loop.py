"""The training loop: truncated backpropagation through time with a carried state, averaged weights, early stop.

One process or several (train/parallel.py); the first one validates and writes the run's folder (train/folder.py). Knows
streams and the model; does not print (see ``Watcher``). Time is that of ``time.monotonic``: setting the clock changes nothing.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch

from melody.bundle import Bundle
from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.corpus.batch import Batch
from melody.corpus.priors import style_priors
from melody.corpus.stream import Stream
from melody.errors import MelodyError
from melody.files import shown
from melody.model import EventLSTM, to_tensors
from melody.styles import grown
from melody.train import folder as files
from melody.train import parallel, resume
from melody.train.batches import prefetched
from melody.train.device import autocast_dtype, enough_memory
from melody.train.keep import write_bundle
from melody.train.look import Asked, Interruptible, Progress, Result, Watcher
from melody.train.recipe import Recipe
from melody.train.steady import EVERY, Guard
from melody.train.tuning import STYLE, restrict
from melody.train.validate import validate, validation_stream

__all__ = ["Progress", "Result", "Trainer", "Watcher", "autocast_dtype"]


class Told(NamedTuple):
    """What the processes of a run tell each other at every step: sums over all of them."""

    nats: float
    events: float
    notes: float
    seconds: float = 0.0  # told by the first process only: its clock is that of the schedule
    stop: float = 0.0  # more than 0: somebody was asked to stop
    save: float = 0.0  # likewise: time to save


class Trainer:
    """One run. ``run`` trains until the schedule ends, the watcher says stop or validation gets no better.

    Under torchrun each process makes one, with the same arguments; ``group`` says which it is.
    """

    def __init__(
        self,
        corpus: Corpus,
        folder: Path,
        recipe: Recipe,
        *,
        base: EventLSTM | None = None,
        origin: Bundle | None = None,
        device: str = "",
    ) -> None:
        """``base``: the model to start from, in place of a new one; ``origin``: the bundle that it came from, for what is told of it."""
        config = recipe.train
        self.corpus, self.folder, self.recipe, self.origin = corpus, folder, recipe, origin
        self.group, self.device = parallel.join(device)
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        choice = recipe.codec
        codec = CodecConfig(choice.clock, choice.grid, choice.velocity_bins, corpus.styles)  # type: ignore[arg-type]  # checked by the recipe
        with enough_memory(recipe):
            model = EventLSTM(recipe.model, codec) if base is None else grown(base, corpus.styles, config.tune == "state")
            self.model = model.to(self.device).train()
        restrict(self.model, config.tune, corpus.styles)
        self.codec = self.model.codec
        self.average = {n: t.detach().clone() for n, t in self.model.state_dict().items()}
        # What a fine-tuning began with, where it does not go all the way.
        self.began = {n: t.clone() for n, t in self.average.items()} if base is not None and config.reach < 1 else {}
        self.optimiser = torch.optim.AdamW(_groups(self.model, config.weight_decay), lr=config.rate, betas=(0.9, 0.98), fused=True)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        train = corpus.split("train")
        if not train:
            raise MelodyError(f"{shown(corpus.folder)}: no pieces to train on")
        first, rows = self.group.share(min(config.batch, len(train)))
        self.stream = Stream(
            corpus, self.codec, train, rows, config.chunk, config.seed, recipe.augment, recipe.given,
            first=first, total=rows * self.group.world,
        )  # fmt: skip
        self.position = self.stream.position
        self.dtype = self.group.agree(autocast_dtype(config.precision, self.device))
        self.state = self.model.blank_state(rows)
        self.step, self.notes, self.seconds, self.skipped = 0, 0, 0.0, 0
        self.best, self.stale, self.nats = math.inf, 0, math.nan
        self.due = int(base is not None)  # 1: this step is still to be validated: a signal came, or it is what a model began with
        self.before = math.nan  # how the model that the run started from scored
        self.guard = Guard()
        self.priors = style_priors(corpus)  # now, and not when a signal waits for the first save: many pieces take many seconds
        self._notice = ""
        self.group.seed(config.seed)

    def share(self) -> float:
        """How much of the schedule is done, 0..1: the further of steps and minutes."""
        config = self.recipe.train
        by_steps = self.step / config.steps if config.steps else 0.0
        by_time = self.seconds / (60 * config.minutes) if config.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def run(self, watcher: Watcher) -> Result:
        """Train. Saves on every way out; on an early stop the best weights are what the bundle holds.

        Raises MelodyError where another process holds the folder, it cannot be written in the end, memory is not enough,
        or training does not hold (see ``TrainConfig.rollback``).
        """
        config = self.recipe.train
        if not config.steps and not config.minutes:
            raise MelodyError("the recipe says neither steps nor minutes; give --steps or --minutes")
        with enough_memory(self.recipe), files.hold(self.folder) if self.group.first else nullcontext():
            if self.group.first:
                files.tidy(self.folder, self.step)
                self._metrics = files.Metrics(self.folder, self.step - self.due)
            ending = self._train(watcher)
            if self.step:
                if not math.isfinite(self.best):  # nothing was validated yet, or nothing was a number: keep what there is
                    self._keep({})
                self._save()
        return Result(ending, self.step, self.best, self.notes, self.seconds, self.before)

    def _train(self, watcher: Watcher) -> str:
        config = self.recipe.train
        self.guard.remember(self)
        saved = time.monotonic()
        self._begin = saved - self.seconds
        if self.due:
            self._look(watcher, math.nan, self._validate(watcher))
            self.before = self.best if self.step == 0 else self.before
        for batch, position in prefetched(self.stream):
            stop = watcher.stop()
            if config.patience and self.stale >= config.patience:
                return "early"
            if self.share() >= 1 and not self.due:
                return "done"
            if self.due or (stop and self.group.world == 1):
                return "stopped"
            save = time.monotonic() - saved > 60 * config.save_minutes
            norm, told = self._update(batch, stop, save or bool(config.save_every and (self.step + 1) % config.save_every == 0))
            self.position = position
            self.step += 1
            self.notes += int(told.notes)
            self.seconds = told.seconds
            if config.rollback and self.guard.streak >= config.rollback:
                self._notice = self.guard.back(self)
            elif self.step % EVERY == 0 and not self.guard.streak:
                self.guard.remember(self)
            valid = None
            if self.step % config.validate_every == 0 or self.share() >= 1:
                valid = self._validate(watcher)
            self._look(watcher, norm, valid)
            if told.save:
                self._try(self._save)
                saved = time.monotonic()
            if told.stop and self.group.world > 1 and self.share() < 1:
                return "stopped"
        return "done"

    def _update(self, batch: Batch, stop: bool, save: bool) -> tuple[float, Told]:
        """One step: the norm of the gradient, and what all processes told each other."""
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        mask, events = torch.from_numpy(batch.valid).to(self.device), int(batch.valid.sum())
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype is torch.bfloat16):
            nats, state = self.model(to_tensors(batch, self.device), self.state.detach())
        # Padding holds rows that the grammar forbids (infinite nats): chosen away, not multiplied by zero.
        loss = torch.where(mask, nats.sum(-1), 0.0).sum() / max(1, events)
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        seconds = time.monotonic() - self._begin if self.group.first else 0.0
        told = Told(float(loss.detach()) * events, events, batch.notes, seconds, stop, save and self.group.first)
        if self.group.joined:
            told = Told(*self.group.sum_gradients(self.parameters, events, told))
        norm = float(torch.nn.utils.clip_grad_norm_(self.parameters, self.recipe.train.clip))
        if self.guard.bad(told.nats / max(1, told.events), norm):
            self.skipped += 1
            self.state = self.model.blank_state(self.stream.batch)
            return norm, told
        self.optimiser.step()
        self.state = state.detach()
        self._average()
        per_note = told.nats / max(1, told.notes)
        self.nats = per_note if math.isnan(self.nats) else 0.98 * self.nats + 0.02 * per_note
        return norm, told

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
        return config.rate * self.guard.lowered * warm * (config.final_rate + (1 - config.final_rate) * cosine)

    def averaged(self) -> EventLSTM:
        """A copy of the model with the averaged weights; of a fine-tuning, as far towards them as ``reach`` says.

        Weights between two models that one training connects are good at what either is good at (Wortsman et al., 2022).
        """
        # A copy, because making a new network would draw random numbers: a run that saves would no longer be the run that does not.
        model = copy.deepcopy(self.model)
        weights = self.average
        if self.began:
            reach = self.recipe.train.reach
            weights = {n: t if n in STYLE else torch.lerp(self.began[n], t, reach) for n, t in weights.items()}
        model.load_state_dict(weights)
        return model.eval()

    def _validate(self, watcher: Watcher) -> dict[str, float] | None:
        """The first process scores held-out pieces and keeps the weights if they are the best; all learn how it went."""
        valid = self._scored(watcher) if self.group.first else None
        self.best, self.stale, self.due = self.group.agree((self.best, self.stale, self.due))
        return valid

    def _scored(self, watcher: Watcher) -> dict[str, float] | None:
        pieces, self.due = self.corpus.split("valid"), 0
        if not pieces:
            self._try(lambda: self._keep({}))
            return None
        stream = Interruptible(validation_stream(self.corpus, self.codec, pieces, self.recipe.given), watcher)
        try:
            scores = validate(self.averaged(), stream, self.recipe.train.validate_notes, self.dtype, self.device)
        except Asked:
            self.due = 1
            return None
        facts = scores.per_note()
        if not facts["total"] < self.best:
            self.stale += 1
        elif self._try(lambda: self._keep(facts)):  # what could not be written is not the best that there is
            self.best, self.stale = facts["total"], 0
        return facts

    def _keep(self, valid: Mapping[str, float]) -> None:
        if self.group.first:
            files.renew_bundle(self.folder, lambda folder: write_bundle(self, folder, valid))

    def _save(self) -> None:
        """The last weights as a bundle, and then all that is needed to go on."""
        keep = self.recipe.train.keep
        if keep and self.group.first and not (self.folder / files.LAST / f"{self.step:08d}").exists():
            files.keep_last(self.folder, self.step, keep, lambda folder: write_bundle(self, folder, {}))
        resume.save(self)

    def _try(self, work: Callable[[], None]) -> bool:
        """Do ``work``; where it fails (a full disk) the run goes on and says so: there will be another time, at the latest the end."""
        try:
            work()
        except MelodyError as fault:
            self._notice = f"not saved: {fault}; the run goes on and tries again"
            return False
        return True

    def _look(self, watcher: Watcher, norm: float, valid: dict[str, float] | None) -> None:
        """Show a step; every tenth, and those with news, are written to the metrics."""
        if not self.group.first:
            return
        share = self.share()
        left = self.seconds * (1 - share) / max(share, 1e-9)
        rate = self.notes / max(self.seconds, 1e-9)
        progress = Progress(
            self.step, share, self.nats, norm, self._rate(), self.notes, rate, self.seconds, left, valid, self.skipped, self._notice
        )
        self._notice = ""
        watcher.update(progress)
        if not (progress.step % 10 and valid is None and not progress.notice):
            row = {k: (None if isinstance(v, float) and not math.isfinite(v) else v) for k, v in asdict(progress).items()}
            self._try(lambda: self._metrics.add(row))


def _groups(model: EventLSTM, decay: float) -> list[dict[str, Any]]:
    """Weight decay for matrices of the layers only: not for embeddings, norms and biases."""
    embeddings = {id(m.weight) for m in model.modules() if isinstance(m, torch.nn.Embedding)}
    mine = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in mine if p.dim() > 1 and id(p) not in embeddings]
    others = [p for p in mine if p.dim() <= 1 or id(p) in embeddings]
    return [{"params": matrices, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
