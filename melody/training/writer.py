"""What a run writes into its folder: the best weights and the last ones as bundles, its state, its metrics.

In a run of several processes only the first one writes. Knows how files change (training/folder.py), not when.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from melody import bundle
from melody.bundle import Bundle
from melody.corpus import Corpus
from melody.corpus.instruments import programs_seen, seen_before
from melody.corpus.priors import style_priors
from melody.errors import MelodyError
from melody.files import shown
from melody.model import EventLSTM
from melody.training import checkpoint, folder
from melody.training.callbacks import Progress
from melody.training.recipe import Recipe
from melody.training.state import Counters, RunState

METRICS_EVERY = 10  # steps between rows of metrics.jsonl


class RunWriter:
    """The folder of a run, and what is known of the run beside its weights."""

    def __init__(self, path: Path, recipe: Recipe, corpus: Corpus, origin: Bundle | None, writes: bool = True) -> None:
        """``origin``: the bundle that a fine-tuning began with. ``writes``: False in processes that write nothing."""
        self.path, self.recipe, self.corpus, self.origin = path, recipe, corpus, origin
        # Now, and not when a signal waits for the first save: many pieces take many seconds.
        self.priors = style_priors(corpus) if writes else {}
        self.seen = programs_seen(corpus) if writes else {}
        self._metrics: folder.Metrics | None = None

    def open(self, step: int, last_row: int) -> None:
        """Make the folder that of a run at ``step``: what a killed run wrote later goes, and metrics after step ``last_row``."""
        folder.tidy(self.path, step)
        self._metrics = folder.Metrics(self.path, last_row)

    def write_best(self, model: EventLSTM, counters: Counters, precision: str, valid: Mapping[str, float]) -> None:
        """Let the bundle of the run hold these weights; ``valid``: how they scored, where that is known. Raises MelodyError."""
        self._check_finite(model, counters)
        facts = self._facts(counters, precision, valid)
        folder.renew_bundle(self.path, lambda place: self._write(place, model, facts))

    def write_last(self, model: EventLSTM, counters: Counters, precision: str) -> None:
        """Keep these weights among the last ones, as many as the recipe says. Raises MelodyError."""
        keep = self.recipe.train.keep
        if not keep or (self.path / folder.LAST / f"{counters.step:08d}").exists():
            return
        self._check_finite(model, counters)
        facts = self._facts(counters, precision, {})
        folder.keep_last(self.path, counters.step, keep, lambda place: self._write(place, model, facts))

    def write_state(self, state: RunState) -> None:
        """Write all that is needed to go on. Raises MelodyError, and the older state stays."""
        checkpoint.save(self.path, state, self.recipe, self.corpus.digest)

    def write_metrics(self, progress: Progress) -> None:
        """Append a row for every tenth step and for every step with news. Raises MelodyError."""
        if self._metrics is None or (progress.step % METRICS_EVERY and progress.valid is None and not progress.notice):
            return
        row = {k: (None if isinstance(v, float) and not math.isfinite(v) else v) for k, v in asdict(progress).items()}
        self._metrics.add(row)

    def _check_finite(self, model: EventLSTM, counters: Counters) -> None:
        """A broken bundle is never written."""
        if not all(bool(torch.isfinite(t.sum())) for t in model.state_dict().values()):
            raise MelodyError(f"{shown(self.path)}: the weights of step {counters.step} are not finite and were not saved")

    def _write(self, place: Path, model: EventLSTM, facts: dict[str, object]) -> None:
        bundle.save(place, model, facts, self._data(), "that of the data it was trained on")

    def _facts(self, counters: Counters, precision: str, valid: Mapping[str, float]) -> dict[str, object]:
        facts: dict[str, object] = {
            "recipe": self.recipe.plain(),
            "step": counters.step,
            "notes": counters.notes,
            "seconds": round(counters.seconds, 1),
            "valid_nats_per_note": dict(valid),
            "corpus": self.corpus.digest,
            "precision": precision,
        }
        known, seen = {}, self.seen
        if self.origin:  # old styles stay known, but a model that was taught a style plays that one unless it is asked for another
            facts["began_as"] = self.origin.sha256
            known = {s: {**h, "pieces": 0} for s, h in self.origin.training.get("habits", {}).items()}
            seen = seen_before(self.origin.training.get("programs"), seen)
        return facts | {"habits": known | self.priors, "programs": seen}

    def _data(self) -> tuple[dict[str, object], ...]:
        """What the run learned from, by style."""
        train = [self.corpus.pieces[i] for i in self.corpus.split("train")]
        notes = {s: [p.note_count for p in train if p.style == s] for s in self.corpus.styles}
        data = {s: {"name": s, "pieces": len(n), "notes": sum(n), "licence": "unknown"} for s, n in notes.items()}
        before = {str(d["name"]): dict(d) for d in self.origin.data} if self.origin else {}
        return tuple((before | data).values())
