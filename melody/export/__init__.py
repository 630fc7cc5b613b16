"""``melody export``: a bundle's runtime file, written only if it says what the model says. Needs torch."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from melody import bundle as bundles
from melody.bundle import Bundle
from melody.errors import MelodyError, Remedy
from melody.export.check import Agreement
from melody.files import shown, write_bytes
from melody.runtime.file import NAME, packed_tables
from melody.runtime.layout import Layout

MAX_DIFFERENCE = 0.005  # of the nats per note, in total
NOTES = 6000  # of a corpus that both are compared on

__all__ = ["MAX_DIFFERENCE", "Agreement", "export"]


def export(bundle: Bundle, corpus: Path | None = None, notes: int = NOTES) -> tuple[Agreement, Path]:
    """Write ``runtime.safetensors`` into a bundle's folder.

    corpus   a prepared corpus, on whose held-out pieces the two are compared; without one, on pieces that the model writes
    notes    how many notes of it are looked at
    Raises MelodyError where the model cannot be exported, or the two differ by more than MAX_DIFFERENCE.
    """
    if bundle.model.get("cell", "lstm") != "lstm":
        raise MelodyError(f"{shown(bundle.folder)}: there is no runtime for networks of {bundle.model['cell']} cells", Remedy.TORCH_ENGINE)
    from melody.corpus import Corpus
    from melody.export.check import activation_maxima, agreement, from_corpus, from_model
    from melody.export.quantise import graph_tables
    from melody.export.tables import numpy_tables
    from melody.runtime.engine import OnnxEngine

    model = bundles.load_model(bundle)
    sequences = from_model(model) if corpus is None else from_corpus(Corpus(corpus), bundle.codec, notes)
    layout = Layout.of(bundle.codec, bundle.model)
    weights = {name: t.float().numpy() for name, t in model.state_dict().items()}
    tables = numpy_tables(weights, layout) | graph_tables(weights, layout, activation_maxima(model, sequences))
    data = packed_tables(tables, bundle)
    with tempfile.TemporaryDirectory() as folder:  # tried out where nobody looks for a model
        (Path(folder) / NAME).write_bytes(data)
        found = agreement(model, OnnxEngine(replace(bundle, folder=Path(folder))), sequences)
    if not found.difference <= MAX_DIFFERENCE:
        raise MelodyError(
            f"{shown(bundle.folder)}: the runtime would differ from the model by {found.difference:.2%} in nats per note "
            f"(at most {MAX_DIFFERENCE:.1%}); not written"
        )
    write_bytes(bundle.folder / NAME, data)
    return found, bundle.folder / NAME
