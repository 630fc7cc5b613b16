"""The page of an evaluation: the figures of ``melody evaluate`` as tables and plots, with some of the samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from melody.render import charts
from melody.render.page import heading, page, paragraph, piece, table
from melody.score import Score

HELP = {
    "position": "With the past: the state is carried through the piece. Without: it is set to zero at every bar line. "
    "Where the two curves part, the model uses what came before the bar.",
    "calibration": "Confidence is the probability of the likeliest value; a calibrated model is right as often as it says (the dashed "
    "line). ECE: mean distance between the two (Guo et al., 2017).",
    "statistics": "Overlap: area that the densities of human pieces and samples share. OA: overlap area of the distances among human "
    "pieces and from them to the samples (Yang and Lerch, 2020). In brackets, the same for other human pieces: the "
    "ceiling. Repetition: share of notes that stood at the same place so many bars before; harmony: cosine of "
    "pitch classes with that bar; groove: Wu and Yang (2020).",
    "copying": "Share of notes in runs of 12 or more notes (intervals and times between onsets, in any key) that occur in the training "
    "split. Held-out human pieces are the base line: what music shares by chance and custom.",
}

MIN_EVENTS = 10  # of a bin that is drawn: fewer are chance


def evaluation_page(facts: Mapping[str, Any], samples: Mapping[str, Sequence[Score]]) -> str:
    """One HTML page of the facts that ``melody evaluate --json`` prints; ``samples``: by style, those to show."""
    likelihood = f"{facts['pieces']:,} pieces of the {facts['split']} split, {facts['notes']:,} notes"
    body = [paragraph(f"{likelihood}. {facts['made']}"), heading("Nats per note"), _nats(facts)]
    body += [paragraph(remark) for remark in facts["remarks"]]
    body += [heading("By position in the piece"), paragraph(HELP["position"]), *_position(facts)]
    body += [heading("Calibration"), paragraph(HELP["calibration"]), *_calibration(facts["calibration"])]
    if facts["statistics"]:
        body += [heading("Samples beside real pieces"), paragraph(HELP["statistics"])]
        for style, features in facts["statistics"].items():
            body += _statistics(style, features, samples.get(style, ()))
    if facts["copying"]:
        body += [heading("Copied from the training set"), paragraph(HELP["copying"]), _copying(facts["copying"])]
    return page(f"Evaluation of {facts['model']}", body)


def _nats(facts: Mapping[str, Any]) -> str:
    names = list(facts["nats_per_note"])
    rows: list[list[object]] = [["all", facts["pieces"], facts["notes"], *facts["nats_per_note"].values()]]
    if facts["bar_reset"]:
        rows.append(["all, without the past", facts["pieces"], facts["notes"], *facts["bar_reset"].values()])
    for style, mine in facts["styles"].items():
        nats = mine["nats_per_note"] or {}
        rows.append([style, mine["pieces"], mine["notes"], *(nats.get(n) for n in names)])
    return table(["", "pieces", "notes", *names], rows)


def _position(facts: Mapping[str, Any]) -> list[str]:
    known = [p for p in facts["position"] if p["notes"]]
    rows = [[p["bars"], p["notes"], p["nats_per_note"]["total"], (p["bar_reset"] or {}).get("total")] for p in known]
    out = [table(["bars from the start", "notes", "with the past", "without", "gain"], [[*r, _gain(r[2], r[3])] for r in rows])]
    chosen = {"all": facts} | (facts["styles"] if len(facts["styles"]) > 1 else {})
    for name, mine in chosen.items():
        spots = [(i, p) for i, p in enumerate(mine["position"]) if p["notes"]]
        labels = [p["bars"] for _, p in spots]
        series = {
            "with the past": [p["nats_per_note"]["total"] for _, p in spots],
            "without": [(p["bar_reset"] or {}).get("total") for _, p in spots],
        }
        out.append(charts.bars(labels, series, f"{name}: nats per note by bars from the start", size=(330, 190)))
    return out


def _gain(full: float | None, reset: float | None) -> float | None:
    return None if full is None or reset is None else reset - full


def _calibration(fields: Mapping[str, Any]) -> list[str]:
    rows = [[n, f["events"], f["confidence"], f["accuracy"], f["ece"]] for n, f in fields.items()]
    out = [table(["field", "events with a choice", "expected", "observed", "ECE"], rows)]
    for name, f in fields.items():
        points = [(b["confidence"], b["accuracy"]) for b in f["bins"] if b["events"] >= MIN_EVENTS]
        out.append(charts.lines({name: points}, f"{name}: observed against expected", size=(240, 230), span=(0, 1), dots=True, ideal=True))
    bins = [b["from"] for b in next(iter(fields.values()))["bins"]]
    header = ["confidence from", *(f"{n}: {what}" for n in fields for what in ("events", "right"))]
    reliability: list[list[object]] = []
    for b, low in enumerate(bins):
        reliability.append([f"{low:g}", *(v for f in fields.values() for v in (f["bins"][b]["events"], f["bins"][b]["accuracy"]))])
    return [*out, table(header, reliability)]


def _statistics(style: str, features: Mapping[str, Any], samples: Sequence[Score]) -> list[str]:
    out = [heading(style, 3)]
    rows: list[list[object]] = []
    for name, f in features["features"].items():
        values = [f[who] if f["kind"] == "values" else [] for who in ("human", "model")]
        shown = [" ".join(charts.number(v) if v is None else f"{v:.2f}" for v in mine) for mine in values]
        rows.append([name, *shown, *(_beside(f[v], f[f"{v}_human"]) for v in ("overlap", "oa"))])
    counts = f"{features['human_pieces']} human pieces, {features['samples']} samples, {features['other_pieces']} other human pieces"
    out += [paragraph(counts), table(["", "human", "model", "overlap (human)", "OA (human)"], rows)]
    for name, f in features["features"].items():
        if f["kind"] == "histogram":
            out.append(charts.bars(f["labels"], {"human": f["human"], "model": f["model"]}, f"{style}: {name}", size=(500, 180)))
    return out + [piece(score, f"{style}, sample {i}") for i, score in enumerate(samples, start=1)]


def _beside(value: float | None, ceiling: float | None) -> str:
    return f"{charts.number(value)} ({charts.number(ceiling)})"


def _copying(sets: Mapping[str, Any]) -> str:
    rows = []
    for name, by in sets.items():
        for who, f in by.items():
            row = [f"{name}: {who}", f["pieces"], f["notes"], f"{f['share']:.1%}", f["longest"], f["longest_median"]]
            rows.append(row)
    return table(["", "pieces", "notes", "copied", "longest run, notes", "median longest"], rows)
