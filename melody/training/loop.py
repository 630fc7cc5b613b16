"""The training loop: truncated backpropagation through time with a carried state, validation, early stop.

Where the carried state is cut is decided by the stream (a chunk of events a batch, corpus/stream.py) and done in ``Learner.update``.
One process or several (training/parallel.py); the first one validates and writes the run's folder (training/writer.py). Does not
print (see ``TrainingCallback``). Time is that of ``time.monotonic``: setting the clock changes nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path

import torch

from melody.bundle import Bundle
from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.corpus.stream import Stream
from melody.errors import MelodyError, Remedy
from melody.files import shown
from melody.model import EventLSTM
from melody.styles import grown
from melody.training import checkpoint, parallel
from melody.training.batches import prefetched
from melody.training.callbacks import InterruptibleStream, Progress, TrainingCallback, TrainingResult, ValidationInterrupted
from melody.training.device import Placement, autocast_dtype, enough_memory
from melody.training.folder import hold
from melody.training.learner import Learner, StepTotals
from melody.training.recipe import Recipe
from melody.training.stability import COPY_EVERY, MAX_ROLLBACKS, ROLLBACK_LR_SCALE, Stability
from melody.training.state import Counters, RunState
from melody.training.tuning import restrict
from melody.training.validate import validate, validation_stream
from melody.training.writer import RunWriter

__all__ = ["Progress", "Trainer", "TrainingResult"]


class Trainer:
    """One run. ``run`` trains until the schedule ends, the callback says stop or validation gets no better.

    Under torchrun each process makes one, with the same arguments.
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
        """``base``: the model to start from, in place of a new one; ``origin``: the bundle that it came from, for its facts.

        Raises MelodyError where the corpus holds nothing to train on, or the memory is not enough for the network.
        """
        config = recipe.train
        self.corpus, self.recipe = corpus, recipe
        group, on = parallel.join(device)
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        model = _network(corpus, recipe, base, on).train()
        restrict(model, config.tune, corpus.styles)
        self.stream = _stream(corpus, model.codec, recipe, group)
        self.position = self.stream.position  # after the last batch that was learned from; the stream itself runs ahead
        place = Placement(group, on, group.agree(autocast_dtype(config.precision, on)))
        self.learner = Learner(model, config, place, self.stream.batch, tuned=base is not None)
        self.counters = Counters(due=int(base is not None))
        self.stability = Stability()
        self.writer = RunWriter(folder, recipe, corpus, origin)
        self.notice = ""  # one line for the next report
        group.seed(config.seed)

    @property
    def share(self) -> float:
        """How much of the schedule is done, 0..1: the further of steps and minutes."""
        config = self.recipe.train
        by_steps = self.counters.step / config.steps if config.steps else 0.0
        by_time = self.counters.seconds / (60 * config.minutes) if config.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    @property
    def rate(self) -> float:
        """The learning rate of the next update: a linear warm-up, then a cosine; lowered by rollbacks."""
        config = self.recipe.train
        warm = min(1.0, (self.counters.step + 1) / max(1, config.warmup))
        cosine = 0.5 * (1 + math.cos(math.pi * self.share))
        return config.rate * self.stability.lr_scale * warm * (config.final_rate + (1 - config.final_rate) * cosine)

    def state(self) -> RunState:
        """The run as it stands, with the rows of this process. The tensors are the run's own: use them at once, or copy them."""
        learner, device = self.learner, self.learner.place.device
        random = {"cpu": torch.get_rng_state()}
        if device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(device)
        return RunState(
            weights=learner.model.state_dict(),
            averages=learner.averages.weights,
            initial=learner.averages.initial,
            moments=learner.moments(),
            recurrent=learner.recurrent,
            position=self.position,
            counters=self.counters,
            stability=self.stability,
            random=[random],
            precision=learner.place.precision,
        )

    def resume(self) -> None:
        """Take up the run that was saved in the folder. Raises MelodyError where it was another one, or is damaged."""
        learner = self.learner
        with checkpoint.readable(self.writer.path):
            saved = checkpoint.load(self.writer.path, self.corpus.digest)
            saved.check(learner.model, learner.parameters(), self.stream.total, self.recipe.train.interpolation)
            mine = saved.share(self.stream.first, self.stream.batch)
            learner.put(mine)
            learner.carry(mine.recurrent)
            learner.averages.initial = {name: t.to(learner.place.device) for name, t in mine.initial.items()}
            learner.place = learner.place._replace(dtype=getattr(torch, mine.precision))
            self.stream.position = self.position = mine.position
            self.counters, self.stability = mine.counters, mine.stability
            learner.place.restore_random(mine.random)

    def run(self, callback: TrainingCallback) -> TrainingResult:
        """Train. Saves on every way out; on an early stop the best weights are what the bundle holds.

        Raises MelodyError where another process holds the folder, it cannot be written in the end, memory is not enough,
        or training does not hold (see ``TrainConfig.rollback``).
        """
        if not self.recipe.train.steps and not self.recipe.train.minutes:
            raise MelodyError("the recipe sets neither steps nor minutes", Remedy.LENGTH)
        first, c = self.learner.place.group.first, self.counters
        with enough_memory(self.recipe), hold(self.writer.path) if first else nullcontext():
            if first:
                self.writer.open(c.step, c.step - c.due)
            ending = self._train(callback)
            if c.step:
                if not math.isfinite(c.best):  # nothing was validated yet, or nothing was a number: keep what there is
                    self._keep_best({})
                self._save()
        return TrainingResult(ending, c.step, c.best, c.notes, c.seconds, c.before)

    def _train(self, callback: TrainingCallback) -> str:
        """The loop itself; how it ended."""
        config, c, alone = self.recipe.train, self.counters, self.learner.place.group.world == 1
        copy = self.state().copy()  # what a rollback returns to
        saved = time.monotonic()
        begin = saved - c.seconds
        if c.due:
            self._report(callback, math.nan, self._validate(callback))
            c.before = c.best if c.step == 0 else c.before
        for batch, position in prefetched(self.stream):
            stop = callback.stop()
            if config.patience and c.stale >= config.patience:
                return "early"
            if self.share >= 1 and not c.due:
                return "done"
            if c.due or (stop and alone):
                return "stopped"
            save = time.monotonic() - saved > 60 * config.save_minutes
            save = save or bool(config.save_every and (c.step + 1) % config.save_every == 0)
            norm, totals, skipped = self.learner.update(batch, self.rate, c.step, self.stability, StepTotals(stop=stop, save=save), begin)
            self.position = position
            c.count(totals.nats, totals.notes, totals.seconds, skipped)
            if config.rollback and self.stability.streak >= config.rollback:
                self._rollback(copy)
            elif c.step % COPY_EVERY == 0 and not self.stability.streak:
                copy = self.state().copy()
            valid = None
            if c.step % config.validate_every == 0 or self.share >= 1:
                valid = self._validate(callback)
            self._report(callback, norm, valid)
            if totals.save:
                self._try(self._save)
                saved = time.monotonic()
            if totals.stop and not alone and self.share < 1:
                return "stopped"
        return "done"

    def _rollback(self, copy: RunState) -> None:
        """Return to the weights of ``copy`` at a lower rate; the data go on. Raises MelodyError where that has not helped before."""
        streak, config = self.stability.streak, self.recipe.train
        if self.stability.exhausted:
            raise MelodyError(
                f"{shown(self.writer.path)}: stopped at step {self.counters.step}: {streak} updates in a row were not finite or exploded, "
                f"after {MAX_ROLLBACKS} rollbacks; "
                f"lower rate (now {config.rate:g}) or clip (now {config.clip:g}) in the recipe, or try precision fp32"
            )
        self.notice = (
            f"{streak} bad updates in a row: rolled back to the weights of step {copy.counters.step}, "
            f"at {ROLLBACK_LR_SCALE:g} of the learning rate"
        )
        self.learner.put(copy)
        self.learner.forget()
        self.stability.rollback(copy.stability.loss)

    def _validate(self, callback: TrainingCallback) -> dict[str, float] | None:
        """The first process scores held-out pieces and keeps the weights if they are the best; all learn how it went."""
        group, c = self.learner.place.group, self.counters
        valid = self._score(callback) if group.first else None
        c.best, c.stale, c.due = group.agree((c.best, c.stale, c.due))
        return valid

    def _score(self, callback: TrainingCallback) -> dict[str, float] | None:
        """Nats per note on held-out pieces, "total" and by field; None where there are none, or the callback said stop."""
        pieces, c, place = self.corpus.split("valid"), self.counters, self.learner.place
        c.due = 0
        if not pieces:
            self._try(lambda: self._keep_best({}))
            return None
        model = self.learner.averaged()
        stream = InterruptibleStream(validation_stream(self.corpus, model.codec, pieces, self.recipe.given), callback)
        try:
            scores = validate(model, stream, self.recipe.train.validate_notes, place.dtype, place.device).per_note()
        except ValidationInterrupted:
            c.due = 1
            return None
        if not scores["total"] < c.best:
            c.stale += 1
        elif self._try(lambda: self._keep_best(scores)):  # what could not be written is not the best that there is
            c.best, c.stale = scores["total"], 0
        return scores

    def _keep_best(self, valid: Mapping[str, float]) -> None:
        if self.learner.place.group.first:
            self.writer.write_best(self.learner.averaged(), self.counters, self.learner.place.precision, valid)

    def _save(self) -> None:
        """The last weights as a bundle, and then all that is needed to go on."""
        place = self.learner.place
        if place.group.first:
            self.writer.write_last(self.learner.averaged(), self.counters, place.precision)
        state = self.state().gathered(place.group.gather)
        if place.group.first:
            self.writer.write_state(state)

    def _try(self, work: Callable[[], None]) -> bool:
        """Do ``work``; where it fails (a full disk) the run goes on and says so: there will be another time, at the latest the end."""
        try:
            work()
        except MelodyError as fault:
            self.notice = f"not saved: {fault}; the run goes on and tries again"
            return False
        return True

    def _report(self, callback: TrainingCallback, norm: float, valid: dict[str, float] | None) -> None:
        """Show a step to the callback and the metrics."""
        if not self.learner.place.group.first:
            return
        c, share = self.counters, self.share
        left = c.seconds * (1 - share) / max(share, 1e-9)
        speed = c.notes / max(c.seconds, 1e-9)
        progress = Progress(c.step, share, c.nats, norm, self.rate, c.notes, speed, c.seconds, left, valid, c.skipped, self.notice)
        self.notice = ""
        callback.update(progress)
        self._try(lambda: self.writer.write_metrics(progress))


def _network(corpus: Corpus, recipe: Recipe, base: EventLSTM | None, device: torch.device) -> EventLSTM:
    """A new network, or ``base`` with the styles of the corpus."""
    choice = recipe.codec
    codec = CodecConfig(choice.clock, choice.grid, choice.velocity_bins, corpus.styles, choice.version)  # type: ignore[arg-type]  # checked by the recipe
    with enough_memory(recipe):
        model = EventLSTM(recipe.model, codec) if base is None else grown(base, corpus.styles, recipe.train.tune == "state")
        return model.to(device)


def _stream(corpus: Corpus, codec: CodecConfig, recipe: Recipe, group: parallel.Group) -> Stream:
    """The rows of this process."""
    train, config = corpus.split("train"), recipe.train
    if not train:
        raise MelodyError(f"{shown(corpus.folder)}: no pieces to train on")
    first, rows = group.share(min(config.batch, len(train)))
    varied = (recipe.augment, recipe.given)
    return Stream(corpus, codec, train, rows, config.chunk, config.seed, *varied, first=first, total=rows * group.world)
