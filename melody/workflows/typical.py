"""``typical.json``, which the choice of the best of several pieces needs: measured for a model and the corpus that it learned from."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from melody import bundle
from melody.compose.engines import engine_for
from melody.corpus import Corpus
from melody.evaluation.typical import NAME, Typical, measured, write_typical


def measure_typical(
    model: str | os.PathLike[str] | None,
    corpus: str | os.PathLike[str] | Corpus,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Path, Mapping[str, Typical], Mapping[str, int]]:
    """Measure what is typical of a model's styles, and write it into the model's folder: the file, its table, and pieces by style.

    ``corpus``: prepared music of the model's styles, best that which it learned from. Needs torch only where the model has no
    runtime file. Errors: ``MelodyError``.
    """
    found = bundle.read(model)
    music = corpus if isinstance(corpus, Corpus) else Corpus(Path(corpus))
    found, engine, _ = engine_for(found, None, 1, None)
    table, counts = measured(music, engine, found.codec.styles, progress)
    write_typical(found, table, counts)
    return found.folder / NAME, table, counts
