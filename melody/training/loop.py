"""The training loop: truncated backpropagation through time with a carried state, validation, early stop.

Where the carried state is cut is decided by the stream (a chunk of events a batch, corpus/stream.py) and done in ``Learner.update``.
One process or several (training/parallel.py), which ``run`` starts by itself on the cores of this machine (training/processes.py);
the first one validates and writes the run's folder (training/writer.py). Does not print (see ``TrainingCallback``). Time is that of
``time.monotonic``: setting the clock changes nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from melody.bundle import Bundle
from melody.corpus import Corpus
from melody.errors import MelodyError, Remedy
from melody.files import shown
from melody.model import EventLSTM
from melody.training import checkpoint, parallel, schedule
from melody.training.batches import prefetched
from melody.training.callbacks import InterruptibleStream, Progress, TrainingCallback, TrainingResult, ValidationInterrupted
from melody.training.device import Placement, autocast_dtype, enough_memory
from melody.training.folder import hold
from melody.training.learner import Learner, StepTotals
from melody.training.parallel import Group
from melody.training.processes import Workers, processes_for
from melody.training.recipe import Recipe
from melody.training.setup import network, rows_of
from melody.training.stability import COPY_EVERY, MAX_ROLLBACKS, ROLLBACK_LR_SCALE, Stability
from melody.training.state import Counters, Known, RunState
from melody.training.tuning import restrict
from melody.training.validate import validate, validation_stream
from melody.training.writer import RunWriter

__all__ = ["Progress", "Trainer", "TrainingResult"]


class Trainer:
    """One run. ``run`` trains until the schedule ends, the callback says stop or validation gets no better. Each process makes one."""

    def __init__(
        self,
        corpus: Corpus,
        folder: Path,
        recipe: Recipe,
        *,
        base: EventLSTM | None = None,
        origin: Bundle | None = None,
        device: str = "",
        group: Group | None = None,
    ) -> None:
        """``base``: the model to start from, in place of a new one; ``origin``: the bundle that it came from, for its facts.
        ``group``: of a process that was started for a run, and takes it up with ``resume``; otherwise torchrun's, or this one alone.

        Raises MelodyError where the corpus holds nothing to train on, or the memory is not enough for the network.
        """
        config = recipe.train
        self.corpus, self.recipe = corpus, recipe
        started = group is not None
        group, on = (group, torch.device("cpu")) if group is not None else parallel.join(device)
        if on.type == "cpu":
            torch.set_num_threads(1)  # more cores are used by more processes: the threads of one wait for each other
        torch.manual_seed(config.seed)
        model = network(corpus, recipe, base, on).train()
        restrict(model, config.tune, corpus.styles)
        self.stream = rows_of(corpus, model.codec, recipe, group)
        self.position = self.stream.position  # after the last batch that was learned from; the stream itself runs ahead
        self.known = Known(0, self.position, [])
        place = Placement(group, on, torch.float32 if started else group.agree(autocast_dtype(config.precision, on)))
        self.learner = Learner(model, config, place, self.stream.batch, tuned=base is not None)
        self.counters = Counters(due=int(base is not None))
        self.stability = Stability()
        self.writer = RunWriter(folder, recipe, corpus, origin, group.first)
        self.notice = ""  # one line for the next report
        group.seed(config.seed)

    @property
    def share(self) -> float:
        """How much of the schedule is done, 0..1."""
        return schedule.share(self.recipe.train, self.counters)

    @property
    def rate(self) -> float:
        """The learning rate of the next update, lowered by rollbacks."""
        return schedule.rate(self.recipe.train, self.counters) * self.stability.lr_scale

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
            learner.put(saved)
            learner.averages.initial = {name: t.to(learner.place.device) for name, t in saved.initial.items()}
            learner.place = learner.place._replace(dtype=getattr(torch, saved.precision))
            self.counters, self.stability = saved.counters, saved.stability
            self._take_rows(learner.place.group, saved)

    def _take_rows(self, group: Group, whole: RunState) -> None:
        """Be one process of ``group`` from here on: with its rows of the state of all, and its random numbers."""
        first, rows = group.share(self.stream.total)
        mine = whole.share(first, rows)
        self.stream = replace(self.stream, first=first, batch=rows)
        self.stream.position = self.position = mine.position
        self.learner.place = self.learner.place._replace(group=group)
        self.learner.carry(mine.recurrent)
        self.learner.place.restore_random(mine.random)
        self.known = whole.known

    def run(self, callback: TrainingCallback) -> TrainingResult:
        """Train. Saves on every way out; on an early stop the best weights are what the bundle holds.

        Raises MelodyError where another process holds the folder, it cannot be written in the end, memory is not enough,
        or training does not hold (see ``TrainConfig.rollback``).
        """
        if not self.recipe.train.steps and not self.recipe.train.minutes:
            raise MelodyError("the recipe sets neither steps nor minutes", Remedy.LENGTH)
        first, c = self.learner.place.group.first, self.counters
        with enough_memory(self.recipe), hold(self.writer.path) if first else nullcontext(), self._others() as workers:
            if first:
                self.writer.open(c.step, c.step - c.due)
            try:
                if workers.count:
                    self._start(workers)
                ending = self._train(callback)
                self._end()
            except parallel.Apart as fault:
                if not workers.count:
                    raise
                # The rows of the others stand where they stood, and carry nothing.
                self._take_rows(Group(), self.state().of_all(self.stream, self.known, self.learner.model.blank_state(self.stream.total)))
                self._end()
                raise workers.fault(c.step) from fault
        return TrainingResult(ending, c.step, c.best, c.notes, c.seconds, c.before)

    def _others(self) -> Workers:
        """The other processes of this run, not yet started: none where it has its processes already, or nothing to do."""
        place, threads = self.learner.place, self.recipe.train.threads
        busy = place.group.joined or (self.share >= 1 and not self.counters.due)
        return Workers(0 if busy else processes_for(threads, self.stream.total, place.device) - 1)

    def _start(self, workers: Workers) -> None:
        """Share the rows with others; where they cannot be started, go on alone and say so."""
        whole = self.state()
        whole.random = self.known.random or whole.random
        try:
            group = workers.start(whole, self.recipe, self.corpus, self.learner.model)
        except MelodyError as fault:
            self.notice = f"training on one core only: {fault}"
            return
        self._take_rows(group, whole)

    def _end(self) -> None:
        """Save what was trained."""
        if self.counters.step:
            if not math.isfinite(self.counters.best):  # nothing was validated yet, or nothing was a number: keep what there is
                self._keep_best({})
            self._save()

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
            self.notice = self.notice or schedule.too_short(config, c)
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
        c, place, recipe, most = self.counters, self.learner.place, self.recipe, self.recipe.train.validate_notes
        c.due, pieces = 0, self.corpus.split("valid")
        if not pieces:
            self._try(lambda: self._keep_best({}))
            return None
        model = self.learner.averaged()
        stream = validation_stream(self.corpus, model.codec, pieces, recipe.given, sampling=recipe.data)
        try:
            scores = validate(model, InterruptibleStream(stream, callback), most, place.dtype, place.device).per_note()
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
        self.known = state.known
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
