"""The resume state of a run: weights, averages, optimiser, carried state, loader position, counters, random numbers.

``resume-DIGEST.pt`` holds the tensors; ``resume.json``, written after it, names it by its digest and holds the rest. So at any
moment there is one whole state: the older or the newer one. Read with ``weights_only=True`` after the digest was checked,
and compared with the network before anything is used. It is the same file however many processes wrote it.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from melody.errors import MelodyError
from melody.files import read_bytes, reason, shown
from melody.model import State
from melody.train.folder import write_whole

if TYPE_CHECKING:
    from melody.train.loop import Trainer

FORMAT = 2
FACTS = "resume.json"
COUNTERS: dict[str, type[int | float]] = {"step": int, "notes": int, "skipped": int, "stale": int, "due": int}
COUNTERS |= dict.fromkeys(("seconds", "best", "nats", "before"), float)
GUARD = {"level": float, "streak": int, "returns": int, "lowered": float}
MOST = 4 << 30  # bytes of the tensors
MAX_FACTS = 1 << 26
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def save(run: Trainer) -> None:
    """Write the state of a run; every process calls it, the first one writes. Raises MelodyError, and the older state stays."""
    random = {"cpu": torch.get_rng_state()}
    if run.device.type == "cuda":
        random["cuda"] = torch.cuda.get_rng_state(run.device)
    parts = run.group.gather((run.state.hidden.cpu(), run.state.cell.cpu(), random, run.position["rows"]))
    if not run.group.first:
        return
    tensors = {
        "model": run.model.state_dict(),
        "average": run.average,
        "began": run.began,
        "optimiser": run.optimiser.state_dict()["state"],
        "state": (torch.cat([p[0] for p in parts], 1), torch.cat([p[1] for p in parts], 1)),
        "random": [p[2] for p in parts],
    }
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    blob = buffer.getbuffer()
    digest = hashlib.sha256(blob).hexdigest()
    facts = {
        "format": FORMAT,
        "sha256": digest,
        "recipe": run.recipe.plain(),
        "corpus": run.corpus.digest,
        "precision": str(run.dtype).removeprefix("torch."),
        "position": {"rows": [row for p in parts for row in p[3]]},
        "counters": {name: repr(float(getattr(run, name))) for name in COUNTERS},
        "guard": {name: repr(float(getattr(run.guard, name))) for name in GUARD},
    }
    name = _name(digest)
    write_whole(run.folder / name, blob)
    write_whole(run.folder / FACTS, json.dumps(facts).encode())
    for older in {*run.folder.glob("resume-*.pt"), run.folder / "resume.pt"} - {run.folder / name}:
        with suppress(OSError):
            older.unlink(missing_ok=True)


def load(run: Trainer) -> None:
    """Put a fresh Trainer where a saved one stood. Raises MelodyError where the saved run was another one, or is damaged."""
    where = shown(run.folder)
    try:
        facts: dict[str, Any] = json.loads(read_bytes(run.folder / FACTS, MAX_FACTS))
        if facts.get("format") != FORMAT:
            raise MelodyError(f"{where}: saved by another version of melody; start a new run (--from {where} uses its weights)")
        name = _name(facts["sha256"])
        blob = read_bytes(run.folder / name, MOST)
        if hashlib.sha256(blob).hexdigest() != facts["sha256"]:
            raise MelodyError(f"{where}: {name} is not the file that {FACTS} vouches for; start the run anew")
        if facts["corpus"] != run.corpus.digest:
            raise MelodyError(
                f"{where}: the corpus has changed since this run was saved; start a new run (--from {where} goes on from its weights)"
            )
        _restore(run, facts, torch.load(io.BytesIO(blob), map_location="cpu", weights_only=True))
    except MelodyError:
        raise
    except Exception as fault:  # noqa: BLE001  # a hostile resume file can fail in any way
        raise MelodyError(f"{where}: the saved run cannot be read ({type(fault).__name__}: {reason(fault)[:120]}); start it anew") from None


def _restore(run: Trainer, facts: Mapping[str, Any], saved: Mapping[str, Any]) -> None:
    own = run.model.state_dict()
    _alike(saved["model"], own)
    _alike(saved["average"], own)
    _alike(saved["began"], own if run.recipe.train.reach < 1 and saved["began"] else {})
    groups = run.optimiser.state_dict()["param_groups"]  # our own: rates and decays come from the recipe
    parameters = [p for group in run.optimiser.param_groups for p in group["params"]]
    for number, moments in saved["optimiser"].items():
        like = parameters[number]
        _alike(moments, {"step": torch.zeros(()), "exp_avg": like, "exp_avg_sq": like})
    hidden, cell = saved["state"]
    total = run.stream.total
    expected = run.model.blank_state(total)
    if hidden.shape != expected.hidden.shape or cell.shape != expected.cell.shape or len(facts["position"]["rows"]) != total:
        raise MelodyError(f"{shown(run.folder)}: the saved state has another shape; resume with the settings of the saved run")
    mine = slice(run.stream.first, run.stream.first + run.stream.batch)
    run.model.load_state_dict(saved["model"])
    run.average = {name: saved["average"][name].to(run.device) for name in own}
    run.began = {name: t.to(run.device) for name, t in saved["began"].items()}
    run.optimiser.load_state_dict({"state": saved["optimiser"], "param_groups": groups})
    run.state = State(hidden[:, mine].to(run.device, torch.float32), cell[:, mine].to(run.device, torch.float32))
    run.stream.position = run.position = {"rows": facts["position"]["rows"][mine]}
    run.dtype = DTYPES[facts["precision"]]  # what was quicker that day
    for target, kinds, values in ((run, COUNTERS, facts["counters"]), (run.guard, GUARD, facts["guard"])):
        for name, kind in kinds.items():
            value = kind(float(values[name]))
            if value < 0 and name not in ("best", "nats"):
                raise ValueError(f"{name} is negative")
            setattr(target, name, value)
    if not (math.isfinite(run.seconds) and 0 < run.guard.lowered <= 1):
        raise ValueError("times or rates that make no sense")
    if len(saved["random"]) == run.group.world:  # otherwise other processes go on: what they drop cannot be the same
        random = saved["random"][run.group.rank]
        if not isinstance(random, dict):
            raise ValueError("no state of the random numbers")
        torch.set_rng_state(random["cpu"])
        if run.device.type == "cuda" and "cuda" in random:
            torch.cuda.set_rng_state(random["cuda"], run.device)


def _alike(saved: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> None:
    """The same names, shapes and kinds of numbers, all finite."""
    if saved.keys() != own.keys():
        raise ValueError("other weights than those of the network")
    for name, tensor in saved.items():
        if tensor.shape != own[name].shape or tensor.dtype != own[name].dtype:
            raise ValueError(f"{name} has another shape than in the network")
        if not bool(torch.isfinite(tensor.sum())):
            raise ValueError(f"{name} holds values that are not numbers")


def _name(digest: str) -> str:
    """File of the tensors; the digest comes from a file that anybody may have written."""
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError("no digest")
    return f"resume-{digest[:16]}.pt"
