"""The weights of a run as a bundle, with what is known of the run and its data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from melody import bundle
from melody.errors import MelodyError
from melody.files import shown

if TYPE_CHECKING:
    from melody.train.loop import Trainer


def write_bundle(run: Trainer, folder: Path, valid: Mapping[str, float]) -> None:
    """Write the averaged weights into ``folder``; ``valid``: how they scored, where that is known.

    Raises MelodyError where the disk does not take them, or where they are not numbers: a broken bundle is never written.
    """
    if not all(bool(torch.isfinite(t.sum())) for t in run.average.values()):
        raise MelodyError(f"{shown(run.folder)}: the weights of step {run.step} are not numbers and are not kept")
    facts = {"recipe": run.recipe.plain(), "step": run.step, "notes": run.notes, "seconds": round(run.seconds, 1)}
    facts |= {"valid_nats_per_note": dict(valid), "corpus": run.corpus.digest, "precision": str(run.dtype).removeprefix("torch.")}
    train = [run.corpus.pieces[i] for i in run.corpus.split("train")]
    mine = {s: [p.note_count for p in train if p.style == s] for s in run.corpus.styles}
    data = {s: {"name": s, "pieces": len(n), "notes": sum(n), "licence": "unknown"} for s, n in mine.items()}
    old = {}
    if run.origin:  # old styles stay known, but a model that was taught a style plays that one unless it is asked for another
        old = {s: {**h, "pieces": 0} for s, h in run.origin.training.get("habits", {}).items()}
        data = {str(d["name"]): dict(d) for d in run.origin.data} | data
        facts["began_as"] = run.origin.sha256
    facts["habits"] = old | run.priors
    bundle.save(folder, run.averaged(), facts, tuple(data.values()), "that of the data it was trained on")
