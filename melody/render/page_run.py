"""The page of a training run: its curves, its last validation, and what it wrote on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from melody.render import charts
from melody.render.charts import text
from melody.render.page import heading, page, paragraph, piece, table
from melody.score import Score

MAX_POINTS = 800  # of a curve
MAX_NOTICES = 50  # the last ones


def run_page(rows: Sequence[Mapping[str, Any]], samples: Mapping[int, Sequence[Score]] | None = None, title: str = "run") -> str:
    """One HTML page. ``rows``: lines of metrics.jsonl as dictionaries, in order of step; ``samples``: Scores by step.

    Rows need a "step"; "nats", "norm", "rate", "notes", "notes_per_second", "seconds", "skipped", "notice" (a line of text) and
    "valid" (nats per note, "total" and by field) are shown where they are there.
    """
    body = [_head(rows)] if rows else [paragraph("No metrics yet.")]
    thin = rows[:: -(-len(rows) // MAX_POINTS) or 1]
    checked = [r for r in rows if r.get("valid")]
    if rows:
        training, valid = _curve(thin, "nats"), [(r["step"], r["valid"]["total"]) for r in checked]
        names = list(dict.fromkeys(n for r in checked for n in r["valid"] if n != "total"))
        fields = {n: [(r["step"], r["valid"][n]) for r in checked if n in r["valid"]] for n in names}
        body += [
            heading("Curves"),
            charts.lines({"training": training, "validation": valid}, "nats per note", x="step", span=_span(training, valid)),
            charts.lines(fields, "validation by field, nats per note", x="step"),
            charts.lines({"norm": _curve(thin, "norm")}, "gradient norm before clipping", x="step", log=True, size=(320, 190)),
            charts.lines({"rate": _curve(thin, "rate")}, "learning rate", x="step", size=(320, 190)),
            charts.lines({"notes": _curve(thin, "notes_per_second")}, "notes per second, mean so far", x="step", size=(320, 190)),
        ]
    if checked:
        best = min(checked, key=lambda r: float(r["valid"]["total"]))
        names = list(checked[-1]["valid"])
        shown = {"last": checked[-1], "best": best}
        body += [
            heading("Validation, nats per note"),
            table(["", "step", *names], [[n, r["step"], *(r["valid"].get(f) for f in names)] for n, r in shown.items()]),
        ]
    notices = [[r["step"], r["notice"]] for r in rows if r.get("notice")]
    if notices:
        body += [heading("Notices"), table(["step", ""], notices[-MAX_NOTICES:])]
    for step, scores in sorted((samples or {}).items(), reverse=True):
        body += [heading(f"Samples at step {step:,}")]
        body += [piece(score, f"step {step}, sample {i}") for i, score in enumerate(scores, start=1)]
    return page(f"Training: {title}", body)


def _head(rows: Sequence[Mapping[str, Any]]) -> str:
    last = rows[-1]
    facts = [f"{last['step']:,} steps"]
    if "notes" in last:
        facts.append(f"{int(last['notes']):,} notes")
    if "seconds" in last:
        facts.append(f"{last['seconds'] / 60:.1f} minutes")
    if last.get("skipped"):
        facts.append(f"{int(last['skipped'])} updates skipped because they were not finite")
    return f"<p>{text(', '.join(facts))}</p>"


def _curve(rows: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    return [(r["step"], r[name]) for r in rows if isinstance(r.get(name), int | float)]


def _span(training: list[tuple[float, float]], valid: list[tuple[float, float]]) -> tuple[float, float] | None:
    """The first steps of a run are so far off that they would press the rest flat: they may leave the picture at the top."""
    values = sorted(v for _, v in training + valid)
    if len(values) < 20:
        return None
    high = max(values[int(0.9 * len(values))], *(v for _, v in valid or [(0, values[0])]))
    room = 0.08 * (high - values[0]) or 0.5
    return values[0] - room, high + room
