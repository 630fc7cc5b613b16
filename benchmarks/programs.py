"""Which instruments has a model learned, and how well does it know them?

    python benchmarks/programs.py CORPUS [--model base] [--least 5000]
    python benchmarks/programs.py CORPUS --write [--model base]

CORPUS is what the model was trained on. *Heard*: pieces and notes of the training split that an instrument plays. *Nats*: nats a note of
that instrument in the test split, as `melody evaluate` reads it (empty where fewer than 200 notes are there). An instrument counts as
learned from some thousand notes on (`melody/compose/known.py`). --write puts the table into the bundle's own facts, where `melody inspect`
and the verbs look for it; it refuses a corpus whose pieces and notes are not those that the bundle names as its data.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from bench import Table, finish, parsed

from melody import bundle, compose
from melody.codec.columns import PartColumn
from melody.codec.table import DRUMS, Field, Role
from melody.compose.known import LEARNED
from melody.corpus import Corpus
from melody.corpus.batch import as_batch
from melody.corpus.instruments import programs_seen
from melody.corpus.piece import encode_score
from melody.generate.engine import AnyEngine
from melody.programs import program_name

LEAST_TEST = 200  # notes


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, or write the table."""
    options = parsed(
        __file__, __doc__, arguments, ["corpus"], {"pieces": 3}, model=None, least=LEARNED, pieces=1000, events=4000, write=False
    )
    corpus, composer = Corpus(options.corpus), compose.load(options.model)
    heard = programs_seen(corpus)
    nats = nats_of_programs(corpus, composer.engine, options.pieces, options.events)
    table: dict[str, dict[str, Any]] = {
        program: dict(row) | ({"nats": round(nats[program], 3)} if program in nats else {}) for program, row in heard.items()
    }
    if options.write:
        check(composer.bundle, corpus)
        bundle.renew_facts(composer.bundle.folder, {"programs": table})
        print(f"{composer.bundle.folder}: {len(table)} programs")
        return
    rows: list[list[Any]] = [
        [name_of(int(p)), row["pieces"], row["notes"], row.get("nats"), "yes" if row["notes"] >= options.least else "no"]
        for p, row in table.items()
    ]
    columns = {"instrument": "", "pieces": ",", "notes": ",", "nats": ".2f", "learned": ""}
    learned = sum(row[-1] == "yes" for row in rows)
    finish(options, f"{learned} of {len(rows)} instruments that were heard are learned", [Table(columns, rows)], packages=["onnxruntime"])


def name_of(program: int) -> str:
    """The name of a program, or of drums."""
    return program_name(min(program, 127), program == DRUMS)


def nats_of_programs(corpus: Corpus, engine: AnyEngine, most: int, events: int) -> dict[str, float]:
    """Nats a note by program over pieces of the test split, the first events of each."""
    sums: dict[str, list[float]] = defaultdict(lambda: [0.0, 0])
    for index in corpus.split("test")[:most]:
        read = encode_score(corpus.score(index), engine.codec, corpus.pieces[index].style)
        nats = engine.nats(as_batch(read, last=events)).sum(-1)
        rows = read.steps.events[1 : 1 + len(nats)]
        programs = np.where(rows[:, Field.ROLE] == Role.NOTE, read.parts[rows[:, Field.PART], PartColumn.PROGRAM], -1)
        for program in np.unique(programs[programs >= 0]).tolist():
            mine = sums[str(program)]
            mine[0] += float(nats[programs == program].sum())
            mine[1] += int((programs == program).sum())
    return {program: total / count for program, (total, count) in sums.items() if count >= LEAST_TEST}


def check(found: bundle.Bundle, corpus: Corpus) -> None:
    """Raises SystemExit where a corpus is not what a bundle was trained on."""
    for row in found.data:
        mine = [corpus.pieces[i].note_count for i in corpus.split("train") if corpus.pieces[i].style == row["name"]]
        if (len(mine), sum(mine)) != (row["pieces"], row["notes"]):
            raise SystemExit(f"{row['name']}: {len(mine)} pieces, {sum(mine)} notes; the bundle says {row['pieces']}, {row['notes']}")


if __name__ == "__main__":
    main()
