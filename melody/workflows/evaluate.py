"""``melody.evaluate``: how well a model knows held-out music, its own pieces beside real ones, and what it copied."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from melody.errors import CallError
from melody.extras import require
from melody.files import claim, shown, write_bytes
from melody.settings import value_shown
from melody.workflows.settings import EvaluateSettings

if TYPE_CHECKING:
    from melody.bundle import Bundle
    from melody.corpus import Corpus
    from melody.model import EventLSTM
    from melody.score import Score

SHOWN = 4  # samples of a style that the page shows
Progress = Callable[[str, int, int], None]  # what is done, how much of it, of how much (0 where that is not known)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What was measured. Nats a note are means over the notes that were read: "total", and the part of each field of an event."""

    model: str  # its name
    sha256: str  # of its weights
    corpus: str  # digest of the corpus
    settings: EvaluateSettings
    likelihood: Mapping[str, Any]  # pieces, notes, nats_per_note, bar_reset, styles, position, calibration (evaluation/likelihood.py)
    statistics: Mapping[str, Any]  # by style: samples beside real pieces (evaluation/beside.py)
    copying: Mapping[str, Any]  # by style: what of both occurs in the training split
    samples: Mapping[str, Sequence[Score]]  # by style: what the model wrote
    remarks: tuple[str, ...]  # what one has to know to trust the figures

    @property
    def nats_per_note(self) -> dict[str, float]:
        """Over all pieces: "total" and by field."""
        return dict(self.likelihood["nats_per_note"])

    def plain(self) -> dict[str, Any]:
        """All figures as plain values, for JSON."""
        head = {"model": self.model, "sha256": self.sha256, "corpus": self.corpus}
        head |= {name: value for name, value in asdict(self.settings).items() if name in ("split", "seed", "bars")}
        tail = {"remarks": list(self.remarks), "statistics": self.statistics, "copying": self.copying}
        return {**head, **self.likelihood, **tail}

    def save(self, path: str | os.PathLike[str], force: bool = False) -> Path:
        """Write a page (.html) that shows all of it, with some samples. Errors: ``CallError``, ``MelodyError``."""
        target = page_path(path, force)
        from melody.render.page_evaluate import evaluation_page

        settings = self.settings
        made = f"Samples of {settings.bars} bars, seeds from {settings.seed}." if self.samples else "No samples were asked for."
        page = evaluation_page({**self.plain(), "made": made}, {style: mine[:SHOWN] for style, mine in self.samples.items()})
        write_bytes(target, page.encode())
        return target


def page_path(path: str | os.PathLike[str], force: bool, endings: Sequence[str] = (".html", ".htm")) -> Path:
    """The path of a page that may be written. Raises CallError for another kind of file, and for one that exists."""
    target = Path(path)
    if target.suffix.lower() not in endings:
        raise CallError(f"output {shown(target)} does not end in {' or '.join(e for e in endings if e != '.htm')}", argument="output")
    if target.is_dir():
        raise CallError(f"output {shown(target)} is a folder, and a page is a file", argument="output")
    return claim(target, force)


def evaluate(
    model: str | os.PathLike[str] | None,
    corpus: str | os.PathLike[str] | Corpus,
    *,
    split: str = "test",
    notes: int = 60_000,
    samples: int = 16,
    bars: int = 16,
    style: str | None = None,
    seed: int = 1,
    progress: Progress = lambda what, done, total: None,
) -> Evaluation:
    """Read held-out music with a model, and lay pieces that it writes beside real ones.

    ``model``: a name, a folder, or None for the shipped one. ``corpus``: prepared music (``melody prepare``). Each setting is described
    in ``EvaluateSettings`` (melody/workflows/settings.py). ``progress``: hears what is done, and how much of it.
    Errors: ``CallError`` for wrong arguments; ``MelodyError`` where torch is missing, or nothing can be read.

    >>> found = evaluate("my-model", "my-corpus", samples=4)  # doctest: +SKIP
    >>> found.nats_per_note["total"], found.save("page.html")  # doctest: +SKIP
    """
    settings = EvaluateSettings(split=split, notes=notes, samples=samples, bars=bars, style=style, seed=seed)
    if model is not None and not isinstance(model, str | os.PathLike):
        raise CallError(f"model is {value_shown(model)}, must be the name of a model, or its folder", argument="model")
    require("train", "evaluating")

    from melody import bundle as bundles
    from melody.corpus import Corpus
    from melody.evaluation.likelihood import chosen_pieces, likelihood

    if not isinstance(corpus, str | os.PathLike | Corpus):
        raise CallError(f"corpus is {value_shown(corpus)}, must be a path or a melody.Corpus", argument="corpus")
    music = corpus if isinstance(corpus, Corpus) else Corpus(Path(corpus))
    found = bundles.read(model)
    progress("loading the model", 0, 0)
    pieces = chosen_pieces(music, settings.split, settings.notes, settings.style)
    network = bundles.load_model(found)
    facts = likelihood(network, music, pieces, partial(progress, "reading held-out notes"))
    written = _samples(found, network, list(facts["styles"]), settings, progress)
    statistics, copies = _beside(music, found, written, settings, progress)
    remarks = tuple(_remarks(found, music, facts["styles"], settings))
    return Evaluation(found.name, found.sha256, music.digest, settings, facts, statistics, copies, written, remarks)


def _samples(found: Bundle, model: EventLSTM, styles: list[str], settings: EvaluateSettings, progress: Progress) -> dict[str, list[Score]]:
    """Pieces by style; of a style that the model does not know, pieces of no style. A seed that gives no note gives no piece."""
    if not settings.samples:
        return {}
    from melody.compose import Composer, Generate
    from melody.generate.torch_engine import TorchEngine
    from melody.score import Score

    composer = Composer(found, TorchEngine(model))
    out: dict[str, list[Score]] = {}
    for nth, style in enumerate(styles):
        seeds = range(settings.seed, settings.seed + settings.samples)
        asked = style if style in found.codec.styles else None
        requests = [Generate(bars=settings.bars, style=asked, seed=seed) for seed in seeds]

        def show(done: int, of: int, nth: int = nth) -> None:
            progress("writing samples", nth * of + done, of * len(styles))

        out[style] = [score for score in composer.results(requests, show) if isinstance(score, Score)]
    return out


def _beside(
    music: Corpus, found: Bundle, samples: Mapping[str, Sequence[Score]], settings: EvaluateSettings, progress: Progress
) -> tuple[dict[str, Any], dict[str, Any]]:
    if not samples:
        return {}, {}
    from melody.evaluation.beside import beside
    from melody.evaluation.likelihood import chosen_pieces

    pieces = chosen_pieces(music, settings.split, 0, settings.style)
    return beside(music, found.codec, samples, pieces, settings.bars, partial(progress, "looking for copies"))


def _remarks(found: Bundle, music: Corpus, styles: Mapping[str, Any], settings: EvaluateSettings) -> list[str]:
    """What a reader has to know to trust the figures."""
    out = []
    strange = [s for s in styles if s not in found.codec.styles]
    if strange:
        out.append(f"The model does not know {', '.join(strange)}: no style is asked for there, and its samples are of no style.")
    if settings.split != "test":
        what = "was trained on these pieces" if settings.split == "train" else "was chosen by these pieces"
        out.append(f"The model {what}: the figures are not those of unseen music.")
    if found.training.get("corpus") != music.digest:
        out.append("The model was trained on another corpus than this one: pieces of this split may have been in its training.")
    return out
