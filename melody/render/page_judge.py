"""The page of the judge: how music by a model differs from people's, in words, bars and clouds, with pieces to listen to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from melody.render import charts
from melody.render.page import heading, page, paragraph, piece, table
from melody.score import Score

VERBS = {
    "generate": "New pieces, asked for in the style and nothing else.",
    "continue": "16 bars after 16 bars of a piece that were given, beside those that people wrote there.",
    "accompany": "What goes with 16 bars of a melody, beside what people wrote to it.",
}
HELP = {
    "judge": "A classifier looks at windows of 16 bars, as numbers, on a common grid, and says of windows that it did not learn from "
    "which are the model's. AUC: how often it is right about a pair of one each, 0.5 by chance, 1 always.",
    "clouds": "Each point is a window, seen along the two directions in which people's music varies most, in standard deviations.",
    "sd": "Bars show how far the model's mean lies from people's, in standard deviations of people (sd).",
    "pieces": "The windows that were recognised most easily, and the one that passed best for people's. What lies farthest off is named.",
}
FARTHEST = 4.0  # sd that the bars show

Pieces = Sequence[tuple[str, str, Score]]  # title, what is said of it, the piece
Clouds = Mapping[str, Sequence[tuple[float, float]]]


def judge_page(facts: Mapping[str, Any], clouds: Mapping[str, Clouds], pieces: Mapping[str, Pieces]) -> str:
    """One HTML page of the facts that ``melody evaluate --judge --json`` prints; by style, clouds of points and pieces to show."""
    body = [paragraph(VERBS[facts["verb"]]), paragraph(HELP["judge"]), *(paragraph(remark) for remark in facts["remarks"])]
    styles = facts["styles"]
    if len(styles) > 1:
        groups = list(next(iter(styles.values()))["groups"])
        rows = [[style, f["windows"], f["auc"], *(f["groups"][g] for g in groups), f["distance"]] for style, f in styles.items()]
        body.append(table(["", "windows", "all", *groups, "distance"], rows))
    for style, mine in styles.items():
        body += _style(style, mine, clouds.get(style, {}), pieces.get(style, ()))
    return page(f"{facts['model']} before the judge", body)


def _style(style: str, facts: Mapping[str, Any], clouds: Clouds, pieces: Pieces) -> list[str]:
    counted = f"{facts['windows']} windows each, in {facts['meter']}; people's are from {facts['people_pieces']} pieces."
    out = [heading(style), *(paragraph(words) for words in facts["words"][:3]), paragraph(counted)]
    labels = ["all", *facts["groups"], "people, halves", "people, shuffled"]
    values = [facts["auc"], *facts["groups"].values(), facts["halves"], facts["shuffled"]]
    wide = 60 + 78 * len(labels)
    out.append(charts.bars(labels, {"AUC": values}, "How surely the two are distinguished (chance: 0.5)", size=(wide, 210)))
    out += [charts.points(clouds, "People's windows and the model's"), paragraph(HELP["clouds"])]
    out += [heading("What gives it away", 3), paragraph(HELP["sd"])]
    shown = {d["sentence"]: float(d["sd"]) for d in facts["differences"]}
    out.append(charts.deviations(shown, "Less than people's, or more", farthest=FARTHEST))
    rows = [[group, facts["groups"][group], *_padded([d["sentence"] for d in mine])] for group, mine in facts["by_group"].items()]
    out.append(table(["by group", "AUC", "farthest off", "second", "third"], rows))
    if pieces:
        out += [heading("Recognised most easily", 3), paragraph(HELP["pieces"])]
        out += [part for title, words, score in pieces for part in (piece(score, title), paragraph(words))]
    return out


def _padded(sentences: list[str], count: int = 3) -> list[str]:
    return (sentences + [""] * count)[:count]
