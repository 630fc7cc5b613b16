"""Turn a run into a shipped model: bf16 weights, a runtime, what is typical of its styles, licences, a card with figures by style.

    python benchmarks/release.py RUN CORPUS checkpoints/base [--notes 20000]

The licences come from datasets/catalogue.toml by the names of the styles. Prints the card; refuses if storing the weights as
bf16 costs more than 0.2 % in nats per note on the test split.
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path

import torch

from melody import bundle
from melody.codec import FIELDS
from melody.codec.given import NOTHING
from melody.corpus import Corpus
from melody.corpus.priors import style_priors
from melody.export import export
from melody.model import EventLSTM
from melody.training.validate import validate, validation_stream
from melody.workflows.typical import measure_typical

ROOT = Path(__file__).resolve().parents[1]
MAX_LOSS = 1.002
CPU = torch.device("cpu")


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--notes", type=int, default=20_000, help="test notes a style")
    options = parser.parse_args()
    source = bundle.read(options.run)
    model = bundle.load_model(source)
    corpus = Corpus(options.corpus)
    exact = by_style(model, corpus, options.notes)
    catalogue = {d["name"]: d for d in tomllib.loads((ROOT / "datasets/catalogue.toml").read_text("utf-8"))["collection"]}
    data = tuple(facts_of(corpus, style, catalogue[style]) for style in corpus.styles)
    training = {
        **source.training,
        "habits": style_priors(corpus),
        "test_nats_per_note": {s: round(v["total"], 4) for s, v in exact.items()},
    }
    made = bundle.save(options.output, model, training, data, "MIT", half=True)
    stored = by_style(bundle.load_model(made), corpus, options.notes)
    worst = max(stored[s]["total"] / exact[s]["total"] for s in exact)
    if worst > MAX_LOSS:
        raise SystemExit(f"bf16 weights cost {worst - 1:.2%} in nats per note; nothing should be shipped")
    card = write_card(made, model, data, exact, worst)
    bundle.save(options.output, model, training, data, "MIT", card, half=True)
    export(bundle.read(options.output), options.corpus)
    measure_typical(options.output, corpus)
    print(card)


def facts_of(corpus: Corpus, style: str, entry: dict[str, str]) -> dict[str, object]:
    """What of a collection was trained on, and under which terms."""
    pieces = [i for i in corpus.split("train") if corpus.pieces[i].style == style]
    terms = {name: entry[name] for name in ("licence", "address")}
    return {"name": style, "pieces": len(pieces), "notes": corpus.note_count(pieces), **terms}


def by_style(model: EventLSTM, corpus: Corpus, notes: int) -> dict[str, dict[str, float]]:
    """Nats per note on the test split of each style, nothing given."""
    out = {}
    for style in corpus.styles:
        pieces = [i for i in corpus.split("test") if corpus.pieces[i].style == style]
        out[style] = validate(model, validation_stream(corpus, model.codec, pieces, NOTHING), notes, torch.float32, CPU).per_note()
    return out


def write_card(
    made: bundle.Bundle, model: EventLSTM, data: tuple[dict[str, object], ...], scores: dict[str, dict[str, float]], cost: float
) -> str:
    """The card as Markdown."""
    training = made.training
    parameters = sum(p.numel() for p in model.parameters())
    rows = "\n".join(f"| {d['name']} | {d['pieces']:,} | {d['notes']:,} | {d['licence']} | {d['address']} |" for d in data)
    table = "\n".join(f"| {s} | {v['total']:.3f} | " + " | ".join(f"{v[f]:.3f}" for f in FIELDS) + " |" for s, v in scores.items())
    unit = "quarter note" if made.codec.clock == "beats" else "second"
    config = ", ".join(f"{k} {v}" for k, v in made.model.items())
    return f"""# {made.folder.name}

A stacked-LSTM model of compound MIDI events: {parameters / 1e6:.1f} M parameters, stored as bf16 ({cost - 1:+.2%} nats per note
against fp32).
Clock: {made.codec.clock}, {made.codec.grid} steps a {unit}. Styles: {", ".join(made.codec.styles)}.

It writes piano arrangements of pop songs, 19th-century songs, keyboard pieces and four-part chorales, and continues and accompanies
melodies of that kind. It has heard little else: other instruments can be asked for, and play what these styles would play.

## Data

| style | training pieces | training notes | licence | source |
|---|---|---|---|---|
{rows}

The split is by piece, duplicates by note content removed. js-fakes is credited to Omar Peracha (CC BY 4.0); CC BY pieces of
mutopia are credited to their maintainers at the Mutopia Project. js-fakes was made by a program that repeats itself: most of its
test notes stand in runs that also occur in training pieces, so its figure flatters any model. The pop909 songs are
recent pop; its arrangements are published under MIT, the songs' authors were not asked.

## Licence

The weights: MIT, like the code.

## Recipe

`recipes/base.toml`: {config}.
{training["step"]:,} updates, {training["notes"]:,} notes seen, {training["seconds"] / 60:.0f} minutes of one CPU core
(AMD EPYC, AVX-512, no AMX) in {training["precision"]}.

## Figures

Nats per note on the test split (nothing given), total and by field:

| style | total | {" | ".join(FIELDS)} |
|---|---|---|---|---|---|---|---|
{table}

More in `benchmarks/README.md`.
"""


if __name__ == "__main__":
    main()
