"""A run's state on the disk: ``save`` writes a RunState into the folder of a run, ``load`` reads it back. Values in, values out.

``resume-DIGEST.pt`` holds the tensors; ``resume.json``, written after it, names it by its digest and holds the rest. So at any
moment there is one whole state: the older or the newer one. Read with ``weights_only=True`` after the digest was checked; what was
read is compared with the run by ``RunState.check``. It is the same file however many processes wrote it.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import torch

from melody.errors import MelodyError, Remedy
from melody.files import read_bytes, reason, shown
from melody.model import State
from melody.training.folder import RESUME, write_whole
from melody.training.recipe import Recipe, changed
from melody.training.stability import Stability
from melody.training.state import Counters, RunState

FORMAT = 3
MAX_TENSOR_BYTES = 4 << 30  # of resume-DIGEST.pt
MAX_FACTS_BYTES = 1 << 26  # of resume.json
PRECISIONS = ("float32", "bfloat16")
TENSORS = ("weights", "averages", "initial", "moments", "recurrent", "random")  # fields of RunState that resume-DIGEST.pt holds
OLD_NAMES = {  # of format 2: what stands there under another name
    "weights": "model",
    "averages": "average",
    "initial": "began",
    "moments": "optimiser",
    "recurrent": "state",
    "stability": "guard",
    "loss": "level",
    "rollbacks": "returns",
    "lr_scale": "lowered",
}

Numbers = TypeVar("Numbers", Counters, Stability)


def save(folder: Path, state: RunState, recipe: Recipe, corpus: str) -> None:
    """Write the state of all processes of a run; ``corpus``: the digest of the corpus. Raises MelodyError, and the older state stays."""
    tensors = {name: getattr(state, name) for name in TENSORS}
    buffer = io.BytesIO()
    torch.save(tensors | {"recurrent": tuple(state.recurrent)}, buffer)
    blob = buffer.getbuffer()
    digest = hashlib.sha256(blob).hexdigest()
    facts = {
        "format": FORMAT,
        "sha256": digest,
        "recipe": recipe.plain(),
        "corpus": corpus,
        "precision": state.precision,
        "position": state.position,
        "counters": _plain(state.counters),
        "stability": _plain(state.stability),
    }
    name = _tensor_file(digest)
    write_whole(folder / name, blob)
    write_whole(folder / RESUME, json.dumps(facts).encode())
    for older in {*folder.glob("resume-*.pt"), folder / "resume.pt"} - {folder / name}:
        with suppress(OSError):
            older.unlink(missing_ok=True)


def load(folder: Path, corpus: str) -> RunState:
    """The saved state of all processes of a run, its tensors on the CPU.

    Raises MelodyError where the corpus (by its digest) was another one, or the files are damaged. Files of the version before are
    read; older ones are refused.
    """
    with readable(folder):
        facts = _facts(folder)
        name = _tensor_file(facts["sha256"])
        blob = read_bytes(folder / name, MAX_TENSOR_BYTES)
        if hashlib.sha256(blob).hexdigest() != facts["sha256"]:
            raise MelodyError(f"{shown(folder)}: {name} is not the file that {RESUME} vouches for; start the run anew")
        if facts["corpus"] != corpus:
            where = shown(folder)
            raise MelodyError(f"{where}: the corpus has changed since this run was saved", Remedy.NEW_RUN, folder=where)
        saved = torch.load(io.BytesIO(blob), map_location="cpu", weights_only=True)
        names = OLD_NAMES if facts["format"] == 2 else {}
        tensors = {name: saved[names.get(name, name)] for name in TENSORS}
        if facts["precision"] not in PRECISIONS:
            raise ValueError(f"precision {facts['precision']!r}")
        hidden, cell = tensors["recurrent"]
        return RunState(
            **tensors | {"recurrent": State(hidden.float(), cell.float())},
            position={"rows": list(facts["position"]["rows"])},
            counters=_numbers(Counters, facts["counters"], names),
            stability=_numbers(Stability, facts[names.get("stability", "stability")], names),
            precision=facts["precision"],
        )


def saved_recipe(folder: Path) -> Recipe:
    """The recipe of the run that was saved in a folder. Raises MelodyError."""
    try:
        facts = _facts(folder)
        if not isinstance(facts["recipe"], dict):
            raise ValueError("no recipe")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise MelodyError(f"{shown(folder)}/{RESUME}: damaged; start the run anew") from None
    return changed(Recipe(), facts["recipe"], shown(folder))


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """While inside, whatever a saved run does to its reader is one line: a hostile file can fail in any way."""
    try:
        yield
    except MelodyError:
        raise
    except Exception as fault:  # noqa: BLE001  # see above
        said = f"{type(fault).__name__}: {reason(fault)[:120]}"
        raise MelodyError(f"{shown(folder)}: the saved run cannot be read ({said}); start it anew") from None


def _facts(folder: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(read_bytes(folder / RESUME, MAX_FACTS_BYTES))
    if facts["format"] not in (2, FORMAT):
        where = shown(folder)
        raise MelodyError(f"{where}: saved by another version of melody", Remedy.NEW_RUN, folder=where)
    return facts


def _plain(numbers: Counters | Stability) -> dict[str, str]:
    """Numbers as text: JSON has no infinity, and no reader rounds them."""
    return {name: repr(float(value)) for name, value in asdict(numbers).items()}


def _numbers(kind: type[Numbers], values: Mapping[str, Any], names: Mapping[str, str]) -> Numbers:
    """The inverse of ``_plain``."""
    read: dict[str, Any] = {f.name: float(values[names.get(f.name, f.name)]) for f in fields(kind)}
    return kind(**{f.name: read[f.name] if isinstance(f.default, float) else int(read[f.name]) for f in fields(kind)})


def _tensor_file(digest: str) -> str:
    """File of the tensors; the digest comes from a file that anybody may have written."""
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError("no digest")
    return f"resume-{digest[:16]}.pt"
