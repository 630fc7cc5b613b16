"""``melody evaluate --judge``: how music by a model can be distinguished from people's, in words and on a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from melody.cli import report
from melody.cli.options import Flag, Printing
from melody.errors import MelodyError
from melody.extras import require
from melody.files import shown

if TYPE_CHECKING:
    from melody.bundle import Bundle
    from melody.compose.judged import Judged
    from melody.corpus import Corpus

PAGE = "judge.html"
WORST = 3  # pieces of a style that the page shows, and one that passed best


@Parameter(name="*", group="Judge")
@dataclass(frozen=True, kw_only=True)
class Judging:
    """Whether, and on what, the judge decides."""

    judge: Flag = False
    """Say how music by the model can be distinguished from people's, instead of all else (extra judge)."""
    verb: str = "generate"
    """With --judge: generate (new pieces), continue (16 bars after 16) or accompany (16 bars of a melody)."""
    windows: int = 150
    """With --judge: windows of 16 bars that the model writes in each style, 40 or more."""


def judge_model(
    bundle: str, corpus: Path, target: Path, judging: Judging, *, split: str, style: str | None, seed: int, printing: Printing
) -> None:
    """Judge a model style by style, write the page to ``target`` and report. Errors: as ``compose.judged``."""
    require("judge", "melody evaluate --judge")
    from melody import compose
    from melody.compose.judged import JudgeSettings, judged
    from melody.corpus import Corpus

    settings = JudgeSettings(verb=judging.verb, windows=judging.windows, seed=seed)
    music = Corpus(corpus)
    composer = compose.load(bundle)
    found: dict[str, Judged] = {}
    faults: dict[str, MelodyError] = {}
    for name in _styles(music, split, style):
        pieces = [i for i in music.split(split) if music.pieces[i].style == name]
        with report.bar(printing, f"judging {shown(name)}") as progress:
            try:
                found[name] = judged(composer, music, pieces, settings, progress=progress)
            except MelodyError as fault:
                faults[name] = fault
    if not found:
        raise next(iter(faults.values()))
    remarks = _remarks(composer.bundle, music, found, faults, split)
    head: dict[str, Any] = {"files": [str(target)], "model": composer.bundle.name, "sha256": composer.bundle.sha256, "corpus": music.digest}
    facts = head | {"split": split, "seed": seed, "verb": settings.verb, "bars": 16, "remarks": remarks, "styles": _facts(found)}
    _write(target, facts, found)
    lines = [f"{shown(name)}: {words}" for name, mine in facts["styles"].items() for words in mine["words"]]
    report.result(printing, facts, [*lines, *remarks, shown(target)])


def _styles(music: Corpus, split: str, style: str | None) -> Sequence[str]:
    from melody.errors import Remedy, unknown

    if style is not None and style not in music.styles:
        raise unknown("style", style, music.styles)
    there = sorted({music.pieces[i].style for i in music.split(split)})
    chosen = [name for name in there if style in (None, name)]
    if not chosen:
        raise MelodyError(f"{shown(music.folder)}: no pieces in its {split} split", Remedy.OTHER_SPLIT, split="train")
    return chosen


def _remarks(bundle: Bundle, music: Corpus, found: dict[str, Judged], faults: dict[str, MelodyError], split: str) -> list[str]:
    out = [f"{shown(name)} is left out: {fault}" for name, fault in faults.items()]
    strange = [shown(name) for name in found if name not in bundle.codec.styles]
    if strange:
        out.append(f"The model does not know {', '.join(strange)}: its pieces there are of no style.")
    if split != "test" or bundle.training.get("corpus") != music.digest:
        out.append("The model may have learned from the pieces that it is laid beside.")
    return out


def _facts(found: dict[str, Judged]) -> dict[str, Any]:
    from melody.evaluation.judge_words import facts

    out = {}
    for name, mine in found.items():
        numbers = facts(mine.verdict)
        for row, of in zip(numbers["recognised"], mine.names, strict=True):
            row["piece"] = of
        out[name] = {"meter": "/".join(map(str, mine.material.meter)), **numbers}
    return out


def _write(target: Path, facts: dict[str, Any], found: dict[str, Judged]) -> None:
    from melody.files import write_bytes
    from melody.render.page_judge import judge_page

    clouds, pieces = {}, {}
    for name, mine in found.items():
        clouds[name] = {
            who: [(float(a), float(b)) for a, b in cloud] for who, cloud in zip(("people", "model"), mine.verdict.clouds, strict=True)
        }
        rows, last = facts["styles"][name]["recognised"], len(mine.pieces) - 1
        chosen = dict.fromkeys([*range(min(WORST, last + 1)), last])
        pieces[name] = [(rows[i]["piece"], _said(rows[i]), mine.pieces[i]) for i in chosen]
    write_bytes(target, judge_page(facts, clouds, pieces).encode())


def _said(row: dict[str, Any]) -> str:
    return f"Held for the model's with {row['likely']:.2f}. {'; '.join(row['reasons'])}."
