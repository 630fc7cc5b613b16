"""What pieces of a style are like: quartiles of a few numbers, in a small file beside a model (``typical.json``).

    nats        nats a note, of the piece read back as a whole (nothing given, its style, tempo, key, meter and density known)
    density     notes a bar
    polyphony   notes at once, over the time in which any sounds
    range       semitones from the 5th to the 95th percentile of pitch
    key         share of notes in the scale of the piece's own key (minor: natural, harmonic and melodic)
    groove      how alike the rhythms of its bars are, 0..1
    repetition  share of notes that stood at the same place one bar before; ``return``: four bars before
    harmony     cosine between the pitch classes of neighbouring bars
    empty       share of bars in which no note starts
    copied      share of notes in runs of 12 that occur in the training set (only where that is at hand)

Measured on beginnings of ``BARS`` bars. Knows no torch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from melody import theory
from melody.bundle import Bundle
from melody.corpus import Corpus
from melody.corpus.batch import as_batch
from melody.corpus.piece import encode_score
from melody.errors import MelodyError, Remedy
from melody.evaluation.beside import excerpt
from melody.evaluation.copying import copied, training_runs
from melody.evaluation.features import features_of
from melody.files import read_bytes, reason, shown, write_bytes
from melody.generate.engine import AnyEngine
from melody.score import Score, merged_notes

NAME = "typical.json"
FORMAT = 1
MAX_BYTES = 1 << 16
MAX_EVENTS = 4000  # of a piece that are read back
BARS = 16
PIECES = 100  # training pieces of a style that are measured, and held-out ones that are looked for among them
ORDER_SEED = 1  # of the order of chance in which pieces are taken
ALL = "all"  # the row over all styles
MEASURES = ("nats", "density", "polyphony", "range", "key", "groove", "repetition", "return", "harmony", "empty", "copied")

Quartiles = tuple[float, float, float]
Typical = Mapping[str, Quartiles]  # by measure; what is not known is left out
Measures = dict[str, float]


def measures(score: Score, engine: AnyEngine, style: str | None) -> Measures:
    """All measures of a piece but ``copied``; a piece without notes has none. ``style``: one of the model's, or None."""
    found = features_of(score, engine.codec.clock == "seconds")
    if not found:
        return {}
    _, notes = merged_notes([t for t in score.tracks if not t.is_drum])
    _, every = merged_notes(score.tracks)
    bars = np.unique(theory.bar_of(score, every["onset"]))
    out = {"nats": nats_a_note(score, engine, style), "empty": 1 - len(bars) / float(bars[-1] - bars[0] + 1)}
    if len(notes):
        key = theory.estimate_key(notes)
        low, high = np.quantile(notes["pitch"], [0.05, 0.95])
        out |= {"range": float(high - low), "key": float(np.isin(notes["pitch"] % 12, theory.scale_of(key)).mean())}
    for name, feature, index in (
        ("density", "density", 0),
        ("polyphony", "polyphony", 0),
        ("groove", "groove", 0),
        ("repetition", "repetition", 0),
        ("return", "repetition", 2),
        ("harmony", "harmony", 0),
    ):
        out[name] = float(found[feature][index])
    return {name: value for name, value in out.items() if np.isfinite(value)}


def nats_a_note(score: Score, engine: AnyEngine, style: str | None) -> float:
    """Of a piece as the engine reads it; nan where it holds no note."""
    read = as_batch(encode_score(score, engine.codec, style), last=MAX_EVENTS)
    return float(engine.nats(read).sum() / read.notes) if read.notes else float("nan")


def measured(
    corpus: Corpus, engine: AnyEngine, styles: Sequence[str], progress: Callable[[int, int], None] = lambda done, total: None
) -> tuple[dict[str, dict[str, Quartiles]], dict[str, int]]:
    """Quartiles by style and of ``ALL``, and how many pieces of each style were measured; styles without pieces are left out.

    Measured are training pieces; what is usual of copying, held-out ones say. Raises MelodyError where there is no piece of these styles.
    """
    by_seconds = engine.codec.clock == "seconds"
    chosen = {(style, held): _chosen(corpus, style, held) for style in styles for held in (False, True)}
    if not any(chosen[style, False] for style in styles):
        known = ", ".join(shown(s) for s in styles[:12])
        raise MelodyError(f"{shown(corpus.folder)}: no training pieces of this model's styles ({known or 'it has none'})")
    total, done = sum(len(mine) for mine in chosen.values()), 0
    training = training_runs(corpus, engine.codec)
    rows: dict[str, list[Measures]] = {}
    for (style, held), mine in chosen.items():
        pieces = [excerpt(corpus.score(i, by_seconds), BARS, by_seconds) for i in mine]
        pieces = [piece for piece in pieces if piece.note_count > 1]
        if held:
            rows[style] += [{"copied": share} for share in copied(pieces, training, engine.codec)]
        else:
            rows[style] = []
            for nth, piece in enumerate(pieces):
                rows[style].append(measures(piece, engine, style))
                progress(done + nth, total)
        done += len(mine)
        progress(done, total)
    rows = {style: mine for style, mine in rows.items() if any("nats" in row for row in mine)}
    table = {style: quartiles(mine) for style, mine in rows.items()} | {ALL: quartiles(row for mine in rows.values() for row in mine)}
    return table, {style: sum("nats" in row for row in mine) for style, mine in rows.items()}


def _chosen(corpus: Corpus, style: str, held: bool) -> list[int]:
    """Some pieces of a style, from the training split or from what was held out, always the same ones."""
    out: list[int] = []
    for split in ("valid", "test") if held else ("train",):
        mine = [i for i in corpus.split(split) if corpus.pieces[i].style == style]
        out += np.random.default_rng(ORDER_SEED).permutation(mine).tolist()[:PIECES]
    return [int(i) for i in out]


def quartiles(pieces: Iterable[Mapping[str, float]]) -> dict[str, Quartiles]:
    """By measure, over the pieces that have it."""
    rows = list(pieces)
    known = {name: [r[name] for r in rows if name in r] for name in MEASURES}
    out: dict[str, Quartiles] = {}
    for name, values in known.items():
        if values:
            low, middle, high = (round(float(q), 5) for q in np.quantile(values, [0.25, 0.5, 0.75]))
            out[name] = (low, middle, high)
    return out


def write_typical(bundle: Bundle, table: Mapping[str, Typical], pieces: Mapping[str, int]) -> None:
    """Put the table of some styles beside the model that it was measured with."""
    facts = {"format": FORMAT, "model": bundle.sha256, "bars": BARS, "pieces": dict(pieces), "styles": table}
    write_bytes(bundle.folder / NAME, (json.dumps(facts, indent=1) + "\n").encode())


def read_typical(bundle: Bundle) -> dict[str, dict[str, Quartiles]]:
    """The table of a model, by style, ``ALL`` among them. Raises MelodyError, one line."""
    path = bundle.folder / NAME
    remedy, folder = Remedy.MEASURE_STYLES, shown(bundle.folder)
    if not path.is_file():
        raise MelodyError(f"{shown(bundle.name)} has no {NAME}, which says what its styles are like", remedy, folder=folder)
    try:
        raw = json.loads(read_bytes(path, MAX_BYTES))
        if raw["format"] != FORMAT:
            raise ValueError(f"format {raw['format']!r}")
        styles = {str(style): {str(n): _checked(q) for n, q in rows.items()} for style, rows in raw["styles"].items()}
        if ALL not in styles:
            raise ValueError("nothing said of all styles")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as fault:
        raise MelodyError(f"{shown(path)}: damaged ({reason(fault)[:120]})", remedy, folder=folder) from None
    if raw["model"] != bundle.sha256:
        raise MelodyError(f"{shown(path)}: measured with other weights than those of {shown(bundle.name)}", remedy, folder=folder)
    return styles


def _checked(row: Any) -> Quartiles:
    low, middle, high = (float(q) for q in row)
    if not -1e6 < low <= middle <= high < 1e6:
        raise ValueError("quartiles that do not rise")
    return low, middle, high


def around(table: Typical, own: Mapping[str, float]) -> dict[str, Quartiles]:
    """What is typical of one tune: its own values, as far around them as pieces of the table lie apart."""
    out = {}
    for name, (low, _, high) in table.items():
        if name in own:
            half = (high - low) / 2
            out[name] = (own[name] - half, own[name], own[name] + half)
        elif name == "copied":
            out[name] = table[name]
    return out
