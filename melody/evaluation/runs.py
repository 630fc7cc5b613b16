"""Training runs as they lie on the disk: what their metrics say, how they compare, the page of a run. No torch.

A run is a folder with metrics.jsonl (one JSON object a line, written while it trains), bundle.json (the best weights' facts)
or both. Whatever is damaged costs that part of that run: a line torn by a crash is passed over.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from melody import bundle
from melody.codec import FIELDS
from melody.errors import MelodyError
from melody.files import read_bytes, shown, write_bytes
from melody.render.page_run import run_page
from melody.score import Score

METRICS = "metrics.jsonl"
PAGE = "report.html"
MAX_METRICS = 1 << 28  # bytes: a million steps
MAX_NOTICE = 300  # letters
DEEPEST = 4  # folders below DIR in which runs are looked for
VALUES = ("total", *FIELDS)


@dataclass(frozen=True)
class Run:
    """A run as far as it can be read. ``best``: nats per note, "total" and by field; ``recipe``: flat, "train.rate" and so on."""

    name: str
    folder: Path
    step: int = 0
    notes: int = 0
    minutes: float = 0.0
    parameters: int | None = None
    best: Mapping[str, float] = field(default_factory=dict)
    best_step: int | None = None
    skipped: int = 0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    fault: str = ""


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl in order of step, torn and foreign lines passed over; [] where there is no such file.

    Where a run was taken up again from before its last line, the later account of a step counts.
    """
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = []
    for line in read_bytes(path, MAX_METRICS).splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(row, dict) or not _is_count(row.get("step")):
            continue
        while rows and rows[-1]["step"] >= row["step"]:
            rows.pop()
        rows.append({k: v for k, v in row.items() if k == "step" or k == "valid" or _is_number(v)})
        rows[-1]["valid"] = _valid(row.get("valid"))
        if isinstance(row.get("notice"), str) and row["notice"]:
            rows[-1]["notice"] = row["notice"][:MAX_NOTICE]
    return rows


def _valid(raw: Any) -> dict[str, float] | None:
    if not isinstance(raw, dict) or not _is_number(raw.get("total")):
        return None
    return {name: float(raw[name]) for name in VALUES if _is_number(raw.get(name))}


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def write_run_page(folder: Path, samples: Mapping[int, Sequence[bytes | Score]] | None = None) -> Path:
    """Write ``folder/report.html`` from its metrics.jsonl: curves, the last validation, and rolls of the samples by step.

    ``samples``: by step, Scores or the bytes of MIDI files. Raises MelodyError if the page cannot be written.
    """
    from melody import midi

    scores = {
        step: [midi.parse(s, f"sample of step {step}") if isinstance(s, bytes) else s for s in pieces]
        for step, pieces in (samples or {}).items()
    }
    path = folder / PAGE
    write_bytes(path, run_page(read_metrics(folder / METRICS), scores, folder.name).encode())
    return path


def find_runs(folder: Path) -> list[Run]:
    """All runs at and below a folder, the best validation first, those without one last. MelodyError where there is none."""
    if not folder.is_dir():
        raise MelodyError(f"{shown(folder)}: no such folder; give one that holds runs of melody train")
    runs = [read_run(place, folder) for place in _places(folder)]
    if not runs:
        raise MelodyError(f"{shown(folder)}: no runs here (a run is a folder with {METRICS} or {bundle.FACTS})")
    return sorted(runs, key=lambda r: (r.best.get("total", math.inf), r.name))


def _places(root: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(root):
        place = Path(here)
        if METRICS in files or bundle.FACTS in files:
            yield place
            folders.clear()  # what lies in a run are its checkpoints
        depth = len(place.relative_to(root).parts)
        folders[:] = [] if depth >= DEEPEST else sorted(f for f in folders if not f.startswith("."))


def read_run(place: Path, root: Path) -> Run:
    """One run; ``fault`` says what of it could not be read."""
    name = str(place.relative_to(root)) if place != root else place.resolve().name
    facts: dict[str, Any] = {}
    faults = []
    try:
        rows = read_metrics(place / METRICS)
    except MelodyError as fault:
        rows = []
        faults.append(str(fault))
    if (place / bundle.FACTS).exists():
        try:
            facts = _from_bundle(bundle.read(place, verify=False))
        except MelodyError as fault:
            faults.append(str(fault))
    if not rows and not facts and not faults:
        faults.append(f"{shown(place / METRICS)}: damaged, no line of it can be read")
    if rows:
        last = rows[-1]
        facts |= {"step": last["step"], "notes": int(last.get("notes", facts.get("notes", 0))), "skipped": int(last.get("skipped", 0))}
        facts["minutes"] = last.get("seconds", 60 * facts.get("minutes", 0.0)) / 60
        validated = [r for r in rows if r["valid"]]
        if validated:
            best = min(validated, key=lambda r: float(r["valid"]["total"]))
            facts |= {"best": best["valid"], "best_step": best["step"]}
    return Run(name, place, **facts, fault="; ".join(faults))


def _from_bundle(found: bundle.Bundle) -> dict[str, Any]:
    training = found.training
    best = _valid(training.get("valid_nats_per_note")) or {}
    numbers = {k: training[k] for k in ("step", "notes") if _is_count(training.get(k))}
    recipe = training.get("recipe")
    flat = _flat(recipe if isinstance(recipe, dict) else {"model": dict(found.model)})
    if isinstance(training.get("corpus"), str):
        flat["corpus"] = training["corpus"][:12]  # runs on other music cannot be compared by their nats
    seconds = training.get("seconds")
    minutes = float(seconds) / 60 if isinstance(seconds, int | float) and _is_number(seconds) else 0.0
    return {**numbers, "minutes": minutes, "parameters": _parameters(found), "best": best, "recipe": flat}


def _parameters(found: bundle.Bundle) -> int | None:
    """Number of weights by the header of their file; None where that cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(found.folder / bundle.WEIGHTS, framework="numpy") as file:
            return int(sum(math.prod(file.get_slice(key).get_shape()) for key in file.keys()))  # noqa: SIM118  # the file is no dict
    except (SafetensorError, OSError):
        return None


def _flat(nested: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in nested.items():
        if isinstance(value, dict):
            out |= _flat(value, f"{before}{name}.")
        else:
            out[f"{before}{name}"] = value
    return out


def differences(runs: Sequence[Run]) -> dict[str, dict[str, Any]]:
    """By run: the settings in which not all runs agree, with its value; None where it does not say."""
    known = [r for r in runs if r.recipe]
    names = sorted({name for r in known for name in r.recipe})
    differ = [n for n in names if len({json.dumps(r.recipe.get(n), sort_keys=True, default=str) for r in known}) > 1]
    return {r.name: {n: r.recipe.get(n) for n in differ} if r.recipe else {} for r in runs}
