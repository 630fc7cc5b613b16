"""The resume state of a run: weights, averages, optimiser, carried state, loader position, counters.

Written beside and renamed, with a digest; read with ``weights_only=True`` and checked before anything is used.
"""

from __future__ import annotations

import hashlib
import io
import json
from typing import TYPE_CHECKING, Any

import torch

from melody.errors import MelodyError
from melody.files import read_bytes, reason, shown, write_bytes
from melody.model import State

if TYPE_CHECKING:
    from melody.train.loop import Trainer

COUNTERS = ("step", "notes", "seconds", "skipped", "best", "stale", "nats")
MOST = 4 << 30


def save(run: Trainer) -> None:
    """Write ``resume.pt`` and then ``resume.json``, which holds its digest and the settings of the run."""
    tensors = {
        "model": run.model.state_dict(),
        "average": run.average,
        "optimiser": run.optimiser.state_dict(),
        "state": tuple(run.state),
        "random": torch.get_rng_state(),
    }
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    blob = buffer.getvalue()
    facts = {
        "sha256": hashlib.sha256(blob).hexdigest(),
        "recipe": run.recipe.plain(),
        "corpus": run.corpus.digest,
        "position": run.position,
        "counters": {name: repr(float(getattr(run, name))) for name in COUNTERS},
    }
    write_bytes(run.folder / "resume.pt", blob)
    write_bytes(run.folder / "resume.json", json.dumps(facts).encode())


def load(run: Trainer) -> None:
    """Put a fresh Trainer where a saved one stood. Raises MelodyError where the saved run was another one."""
    where = shown(run.folder)
    try:
        facts: dict[str, Any] = json.loads(read_bytes(run.folder / "resume.json", 1 << 26))
        blob = read_bytes(run.folder / "resume.pt", MOST)
        if hashlib.sha256(blob).hexdigest() != facts["sha256"]:
            raise MelodyError(f"{where}: resume.pt is not the file that resume.json vouches for; start the run anew")
        if facts["corpus"] != run.corpus.digest:
            raise MelodyError(
                f"{where}: the corpus has changed since this run was saved; start a new run (--from {where} goes on from its weights)"
            )
        saved = torch.load(io.BytesIO(blob), map_location=run.device, weights_only=True)
        run.model.load_state_dict(saved["model"])
        run.average = saved["average"]
        run.optimiser.load_state_dict(saved["optimiser"])
        run.state = State(*saved["state"])
        if run.state.hidden.shape != run.model.initial_state(run.stream.batch).hidden.shape:
            raise MelodyError(f"{where}: the saved state has another shape; resume with the settings of the saved run")
        torch.set_rng_state(saved["random"].cpu())
        run.stream.position = run.position = facts["position"]
        for name in COUNTERS:
            value = float(facts["counters"][name])
            setattr(run, name, value if name in ("seconds", "best", "nats") else int(value))
    except MelodyError:
        raise
    except Exception as fault:  # noqa: BLE001  # a hostile resume file can fail in any way
        raise MelodyError(f"{where}: the saved run cannot be read ({type(fault).__name__}: {reason(fault)[:120]}); start it anew") from None
