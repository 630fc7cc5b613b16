"""``melody train``: ``melody.train`` with flags, a bar or lines while it works, and a report."""

from __future__ import annotations

import shlex
import signal
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from melody.cli import report
from melody.cli.guard import INTERRUPTED, TERMINATED
from melody.cli.options import Printing, flags_of, said
from melody.cli.watch import Watch
from melody.files import shown
from melody.workflows.settings import TrainSettings
from melody.workflows.train import Interrupted, TrainedRun, is_first_process, train

EXAMPLES = """\
Examples:
  melody train corpus -o run --minutes 60
  melody train corpus -o run --recipe tiny --steps 200 --seed 1
  melody train corpus -o run --resume
  melody train my-songs/ -o mine --from base --minutes 20
  melody train my-songs/ -o mine --from base --tune state

MIDI files are made a corpus first (RUN/corpus). Ctrl-C saves the run and says how to resume it.
RUN is a model's folder: melody generate --model RUN. On several GPUs: torchrun --nproc-per-node 2 -m melody train ...\
"""

app = App(name="train", help_epilogue=EXAMPLES)
Flags: Any = flags_of(TrainSettings, "Training")


def command(
    corpus: Path,
    /,
    *,
    output: Annotated[Path, Parameter(name=["--output", "-o"], group="Output")],
    settings: Any = Flags(),
    printing: Printing = Printing(),
) -> int:
    """Train a model on a corpus, resume a run, fine-tune a model.

    Parameters
    ----------
    corpus
        Folder made by melody prepare, or MIDI files (a folder or an archive), which are prepared first.
    output
        Folder of the run: the model, its metrics, and what is needed to resume.
    """
    status = 0
    with Watch(printing) as watch:
        try:
            run = train(corpus, output, **said(settings), callback=watch)
        except Interrupted as stopped:
            run, status = stopped.run, TERMINATED if stopped.signal == signal.SIGTERM else INTERRUPTED
    if is_first_process():
        report.result(printing, _facts(run), _lines(run, corpus, settings.from_ or "MODEL"))
    return status


command.__name__ = "train"
command.__annotations__["settings"] = Flags
app.default(command)


def _facts(run: TrainedRun) -> dict[str, Any]:
    facts = {
        "files": [str(run.folder), *map(str, run.styles)] if run.steps else [],
        "seed": run.seed,
        "notes": run.notes,
        "seconds": round(run.seconds, 1),
        "steps": run.steps,
        "nats_per_note": _rounded(run.nats_per_note),
        "ending": run.ending,
    }
    if run.before is not None:
        facts["nats_per_note_before"] = _rounded(run.before)
    if run.old is not None:
        facts["old_nats_per_note"] = [_rounded(v) for v in run.old]
    return facts


def _rounded(nats: float | None) -> float | None:
    return None if nats is None else round(nats, 4)


def _lines(run: TrainedRun, corpus: Path, base: str) -> list[str]:
    if run.ending == "stopped" and not run.steps:
        return ["stopped before the first step; nothing was saved"]
    folder, score = shown(run.folder), "" if run.nats_per_note is None else f", {run.nats_per_note:.3f} nats a held-out note"
    lines = [f"{folder}: {run.steps} steps, {run.notes:,} notes in {report.clock(run.seconds)}{score}"]
    for what, pair in {"held-out pieces": (run.before, run.nats_per_note), "old pieces": run.old or (None, None)}.items():
        before, after = pair
        if before is not None and after is not None:
            lines.append(f"{what}: {before:.3f} nats a note before, {after:.3f} after ({100 * (after / before - 1):+.1f} %)")
    if run.ending == "stopped":
        return [*lines, f"stopped and saved; to resume: melody train {shlex.quote(shown(corpus))} -o {shlex.quote(folder)} --resume"]
    if run.styles:
        next_ = [f"next: melody generate --model {shlex.quote(shown(base))} --style {shlex.quote(shown(path))}" for path in run.styles]
        return lines + next_
    return [*lines, f"next: melody generate --model {shlex.quote(folder)}"]
