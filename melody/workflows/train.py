"""``melody.train``: from a folder of MIDI or a corpus to a model: prepare, train or resume, and what is measured at the end.

What a run leaves in its folder, training/folder.py says. Does not print: a ``TrainCallback`` sees what goes on.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from melody.errors import CallError, MelodyError, Remedy
from melody.extras import require
from melody.files import shown
from melody.settings import value_shown
from melody.workflows.callback import TrainCallback
from melody.workflows.interrupts import Interrupts
from melody.workflows.settings import TrainSettings

if TYPE_CHECKING:
    from melody.corpus import Corpus
    from melody.training.loop import Trainer, TrainingResult

RUN_FILES = ("bundle.json", "model.safetensors", "resume.json", "metrics.jsonl", "report.html", "typical.json", "runtime.safetensors")
RUN_FOLDERS = ("last", ".next")
CORPUS = "corpus"  # in the folder of a run that was given MIDI files
OWN_VALID = 0.15  # of a user's own pieces, held out to stop by


@dataclass(frozen=True)
class TrainedRun:
    """How a run ended, and what it made. Nats a note are those of pieces that were held out."""

    folder: Path  # the model: melody.load(run.folder)
    ending: str  # "done", "early" (held-out pieces got no better) or "stopped" (a signal or the callback asked for it)
    steps: int  # updates made, over all resumed parts
    notes: int  # trained on
    seconds: float  # spent training
    seed: int
    nats_per_note: float | None = None  # of the best weights, which are those of the model; None where nothing was scored
    before: float | None = None  # the same of the model that a fine-tuning began with
    old: tuple[float, float] | None = None  # nats a note on the corpus ``old``: of the model that it began with, and of what it became
    styles: tuple[Path, ...] = ()  # files of the styles that were learned (tune="state")


class Interrupted(KeyboardInterrupt):
    """A signal ended the run, which was saved: ``run`` says how far it came."""

    def __init__(self, run: TrainedRun, signal: int) -> None:
        saved = f"stopped and saved in {shown(run.folder)}; resume=True goes on" if run.steps else "stopped before the first step"
        super().__init__(saved)
        self.run, self.signal = run, signal


def train(
    music: str | os.PathLike[str] | Corpus,
    output: str | os.PathLike[str],
    *,
    recipe: str | os.PathLike[str] | None = None,
    steps: int | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    precision: str | None = None,
    threads: int | None = None,
    batch: int | None = None,
    resume: bool = False,
    from_: str | os.PathLike[str] | None = None,
    tune: str | None = None,
    old: str | os.PathLike[str] | None = None,
    save_every: int | None = None,
    sample_bars: int = 8,
    tensorboard: bool = False,
    force: bool = False,
    callback: TrainCallback | None = None,
) -> TrainedRun:
    """Train a model on music, go on with a run, or fine-tune a model; ``output`` is then a model's folder (``melody.load``).

    ``music``: MIDI files (a folder or an archive; they are made a corpus first, ``output``/corpus) or a prepared corpus.
    ``minutes`` or ``steps``: how long; by default what the recipe says. ``resume``: go on with the run in ``output``.
    ``from_``: the model to fine-tune. Each setting is described in ``TrainSettings`` (melody/workflows/settings.py).
    ``callback``: sees steps and samples, and can stop the run.
    In the main thread Ctrl-C and SIGTERM let the run save, and raise ``Interrupted``, a KeyboardInterrupt that holds the ``TrainedRun``.
    At the end ``typical.json`` is written too, which ``Composer.best`` needs.
    Errors: ``CallError`` for wrong arguments, ``MelodyError`` where torch is missing, nothing can be read, another run writes to
    ``output``, the disk is full or training does not hold. What a failed run saved before stays, and can be resumed.

    >>> run = train("my-songs", "my-model", minutes=60)  # doctest: +SKIP
    >>> run.nats_per_note, melody.load(run.folder).generate(bars=8)  # doctest: +SKIP
    """
    settings = TrainSettings(
        recipe=recipe, steps=steps, minutes=minutes, seed=seed, precision=precision, threads=threads, batch=batch, resume=resume,
        from_=from_, tune=tune, old=old, save_every=save_every, sample_bars=sample_bars, tensorboard=tensorboard, force=force,  # type: ignore[arg-type]  # a text becomes a Path
    )  # fmt: skip
    folder = _path("output", output)
    source = music if not isinstance(music, str | os.PathLike) else _path("music", music)
    callback = TrainCallback() if callback is None else callback
    require("train", "training")

    from melody.corpus import Corpus
    from melody.workflows.starting import starting_model, trainer_for

    if not isinstance(source, Path | Corpus):
        raise CallError(f"music is {value_shown(source)}, must be a path or a melody.Corpus", argument="music")
    ready = isinstance(source, Corpus) or _is_corpus(source)
    _check_folder(folder, settings)
    if settings.old is not None:
        Corpus(settings.old)  # it is wanted at the end; whether it is one is checked now
    base = starting_model(folder, settings)
    with _held(folder, is_first_process()):
        if isinstance(source, Path):
            source = Corpus(source if ready else _prepare(source, folder, settings.resume, callback))
        callback.working("starting", 0, 0)
        return _run(trainer_for(source, folder, settings, base), folder, settings, callback)


def is_first_process() -> bool:
    """Whether this process writes and speaks; of those that torchrun starts only one does."""
    return os.environ.get("RANK", "0") == "0"


def _run(trainer: Trainer, folder: Path, settings: TrainSettings, callback: TrainCallback) -> TrainedRun:
    """Train, and finish what a run leaves behind."""
    from melody.training.folder import set_aside
    from melody.workflows.finishing import forgotten, measure, write_styles
    from melody.workflows.samples import Beside

    first = is_first_process()
    aside = set_aside(folder, RUN_FILES + RUN_FOLDERS) if first and not settings.resume else nullcontext()
    place = folder if first else None
    with aside, Interrupts() as interrupts, Beside(callback, interrupts, place, settings.sample_bars, settings.tensorboard) as beside:
        result = trainer.run(beside)
    run = _run_facts(trainer, result, folder)
    if result.ending == "stopped":
        if interrupts.caught is not None:
            raise Interrupted(run, interrupts.caught)
        return run
    if not first:
        return run
    try:
        styles = write_styles(trainer, folder)
        old = forgotten(settings.old, str(settings.from_), folder) if settings.old else None
        measure(trainer.corpus, folder, callback)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; {shown(folder)} holds the trained model, but not all that is measured at the end") from None
    return _run_facts(trainer, result, folder, tuple(styles), old)


def _run_facts(
    trainer: Trainer, result: TrainingResult, folder: Path, styles: tuple[Path, ...] = (), old: tuple[float, float] | None = None
) -> TrainedRun:
    best, before = (nats if math.isfinite(nats) else None for nats in (result.best, result.before))
    seed = trainer.recipe.train.seed
    return TrainedRun(folder, result.ending, result.step, result.notes, result.seconds, seed, best, before, old, styles)


def _path(name: str, value: object) -> Path:
    if not isinstance(value, str | os.PathLike) or not isinstance(text := os.fspath(value), str) or not text:
        raise CallError(f"{name} is {value_shown(value)}, must be a path", argument=name)
    return Path(text)


def _is_corpus(path: Path) -> bool:
    """Whether this is a corpus already, and not MIDI; several processes need one."""
    from melody.corpus.tables import INDEX

    ready = (path / INDEX).is_file() or not path.exists()
    if not ready and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise CallError(f"{shown(path)}: not a corpus; several processes need a prepared one: melody prepare {shown(path)} -o CORPUS")
    return ready


def _check_folder(folder: Path, settings: TrainSettings) -> None:
    """Whether a run can be in this folder, and is or is not there already."""
    if folder.exists() and not folder.is_dir():
        raise CallError(f"output {shown(folder)} is a file, and a run needs a folder", argument="output")
    if not folder.absolute().parent.is_dir():
        raise MelodyError(f"{shown(folder.parent)}: no such folder", Remedy.MAKE_FOLDER)
    if settings.resume and not (folder / "resume.json").is_file():
        raise MelodyError(f"{shown(folder)}: no run to resume here", Remedy.NO_RESUME)
    if not settings.resume and not settings.force and any((folder / name).exists() for name in RUN_FILES):
        raise CallError(f"{shown(folder)} already holds a run", Remedy.RESUME_OR_REPLACE)


def _prepare(source: Path, folder: Path, resume: bool, callback: TrainCallback) -> Path:
    """The corpus of some MIDI files, in the folder of the run; a run that goes on keeps its own."""
    from melody.corpus.prepare import PrepareConfig, prepare

    target = folder / CORPUS
    if not (resume and target.is_dir()):
        config = PrepareConfig(valid=OWN_VALID, test=0.0)
        callback.prepared(prepare([source], target, config, lambda done, total: callback.working("reading", done, total)))
    return target


@contextmanager
def _held(folder: Path, first: bool) -> Iterator[None]:
    """The folder, held by this process; where a run ended before anything was saved there is none."""
    from melody.training.folder import hold

    try:
        with hold(folder) if first else nullcontext():
            yield
    finally:
        if first and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
