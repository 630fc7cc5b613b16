"""What a verdict says, for people: sentences, and facts that JSON holds."""

from __future__ import annotations

from typing import Any

from melody.evaluation.judge import Difference, Recognised, Verdict

SHOWN = 12  # differences
SHOWN_OF_GROUP = 3
ENOUGH = 100  # pieces of people's
WORDS = {"given": "how it goes with what was given"}  # a group in other words than its name


def sentences(verdict: Verdict) -> list[str]:
    """What was found, in words; the first sentence is the whole of it."""
    of = f"Of a window by the model and one by people, the judge finds the model's {_often(verdict.auc)}"
    controls = f"two halves of people {_hundred(verdict.halves)}; people with their bars shuffled {_hundred(verdict.shuffled)}"
    groups = ", ".join(f"{WORDS.get(name, name)} {_hundred(auc)}" for name, auc in verdict.groups.items())
    reasons = "; ".join(d.sentence() for d in verdict.differences[:SHOWN_OF_GROUP])
    rough = f" From {verdict.people_pieces} pieces figures are rough, and chance lies below 50." * (verdict.people_pieces < ENOUGH)
    return [
        f"{of} (chance: 50; {controls}).{rough}",
        f"By {groups}.",
        f"Distance from people: {verdict.distance:.1f} (two halves of people: 1).",
        f"What gives it away: {reasons}.",
    ]


def _hundred(auc: float) -> str:
    return f"{100 * auc:.0f}"


def _often(auc: float) -> str:
    return f"{_hundred(auc)} times in 100"


def facts(verdict: Verdict) -> dict[str, Any]:
    """All but the single windows of people, as JSON has it."""
    by_group: dict[str, list[Difference]] = {group: [] for group in verdict.groups}
    for difference in verdict.differences:
        by_group[difference.group].append(difference)
    return {
        "windows": verdict.model,
        "people_pieces": verdict.people_pieces,
        "auc": round(verdict.auc, 4),
        "groups": {group: round(auc, 4) for group, auc in verdict.groups.items()},
        "halves": round(verdict.halves, 4),
        "shuffled": round(verdict.shuffled, 4),
        "distance": round(verdict.distance, 3),
        "words": sentences(verdict),
        "differences": [_difference(d) for d in verdict.differences[:SHOWN]],
        "by_group": {group: [_difference(d) for d in mine[:SHOWN_OF_GROUP]] for group, mine in by_group.items()},
        "recognised": [_recognised(r) for r in verdict.recognised],
    }


def _difference(d: Difference) -> dict[str, Any]:
    numbers = {name: round(getattr(d, name), 4) for name in ("people", "model", "sd")}
    return {"name": d.name, "group": d.group, "words": d.words, **numbers, "sentence": d.sentence()}


def _recognised(r: Recognised) -> dict[str, Any]:
    return {"likely": round(r.likely, 4), "first_bar": r.start + 1, "reasons": [d.sentence() for d in r.reasons]}
