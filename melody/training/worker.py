"""One of the other processes of a run: ``python -m melody.training.worker FOLDER RANK WORLD``, started by training/processes.py.

Not for people. It takes up the run that lies in FOLDER and trains its own rows until the first process ends the run, or is gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import torch

from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.model import EventLSTM
from melody.training import parallel
from melody.training.callbacks import NoCallback
from melody.training.checkpoint import saved_recipe
from melody.training.loop import Trainer
from melody.training.processes import FACTS, READY, STORE


def main(folder: Path, rank: int, world: int) -> int:
    """Train until the end of the run; the status to leave with."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_leave_with_the_first, daemon=True).start()
    torch.set_num_threads(1)
    try:
        facts = json.loads((folder / FACTS).read_text("utf-8"))
        recipe = saved_recipe(folder)
        codec = CodecConfig(**facts["codec"] | {"styles": tuple(facts["codec"]["styles"])})
        corpus = Corpus(facts["corpus"])
        print(READY, flush=True)
        group = parallel.connect(folder / STORE, rank, world)
        trainer = Trainer(corpus, folder, recipe, base=EventLSTM(recipe.model, codec), group=group)
        trainer.resume()
        trainer.run(NoCallback())
    except parallel.Apart:
        return parallel.LEFT
    except MelodyError as fault:
        print(fault, file=sys.stderr)
        return fault.status
    return 0


def _leave_with_the_first() -> None:
    """The first process holds the other end of standard input; where it is gone, so is the run."""
    sys.stdin.buffer.read()
    os._exit(parallel.LEFT)


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
