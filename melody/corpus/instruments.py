"""Which instruments a corpus holds, and how much of each: what a model's card says it has seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from melody.codec.table import DRUMS
from melody.corpus.tables import Corpus


def programs_seen(corpus: Corpus, split: str = "train") -> dict[str, dict[str, int]]:
    """By General MIDI program as text ("128": drums): ``pieces`` of a split that hold it, and its ``notes``; the most notes first."""
    notes, pieces = Counter[int](), Counter[int]()
    for index in corpus.split(split):
        found = [(DRUMS if t.is_drum else t.program, t.notes) for t in corpus.pieces[index].tracks if t.notes]
        for program, count in found:
            notes[program] += count
        pieces.update({program for program, _ in found})
    return {str(program): {"pieces": pieces[program], "notes": count} for program, count in notes.most_common()}


def seen_before(programs: Any, seen: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The same with what a model had seen before: the larger number of each, since the old music may be among the new."""
    old = programs if isinstance(programs, Mapping) else {}
    out = {str(p): {"pieces": int(row["pieces"]), "notes": int(row["notes"])} for p, row in old.items()}
    for program, row in seen.items():
        mine = out.setdefault(program, {"pieces": 0, "notes": 0})
        out[program] = {name: max(mine[name], row[name]) for name in mine}
    return dict(sorted(out.items(), key=lambda item: -item[1]["notes"]))
