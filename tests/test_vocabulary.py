"""The glossary of docs/architecture.md is the law: words that it replaced stay away from code, help and documents."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BROUGHT = {"checkpoints", "recipes", "examples", "datasets", "soundfont"}  # lie inside the package where it is installed
FILES = [
    *(p for p in sorted((ROOT / "melody").rglob("*.py")) if not BROUGHT & set(p.parts)),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "README.md",
]
HISTORY = {"log.md"}  # says what was called how at the time
RETIRED = {  # word: what is said instead
    "told": "recalled, known, reported, by what is meant",
    "foretell(s)?|foretold|FORETOLD": "predict",
    "heard": "notes_so_far, last_onset",
    "blinded|twin(s)?|without_held": "unconditional row",
    "rails|RAILS": "range anchors",
    "wishes|customs": "controls, settings; default_conditions",
    "Recollection|recollection": "IncrementalRecall",
    "Seen": "StepInputs, AlignedTune",
    "FOREVER": "NO_HORIZON",
    "MOST|LEAST|LONGEST|FEW": "MAX_<what>, MIN_<what>",
    "MOST_[A-Z]+|LEAST_[A-Z]+": "MAX_<what>, MIN_<what>",
    "_settle|without_held|tell_left": "_commit, _warm_up, bars_left_known",
    "Growing|write_long": "Running: what is interrupted is written as far as it goes",
    "as_read|_OnePiece": "encode_score, as_batch",
    "dial": "https",
    "TroubleError": "TransientError",
    "steady|Interruptible": "stability; callbacks",
}
METHODS = ("tell", "arrive", "declare")  # of an engine: embed_choice, set_time, update_parts


@pytest.mark.slow
def test_retired_words_are_gone():
    found = []
    for path in FILES:
        if path.name in HISTORY:
            continue
        text = path.read_text("utf-8")
        for words, instead in RETIRED.items():
            found += [f"{path.relative_to(ROOT)}: {m[0]!r}, say {instead}" for m in re.finditer(rf"\b({words})\b", text)]
        found += [f"{path.relative_to(ROOT)}: a method {m[1]!r}" for m in re.finditer(rf"def ({'|'.join(METHODS)})\(self", text)]
    assert not found, "\n".join(found)


def test_the_glossary_has_one_line_a_word():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \|$", page[page.index("## Glossary") :], re.MULTILINE)[2:]
    words = [w.strip() for row in rows for w in row.split(",")]
    assert len(words) > 20 and len(words) == len(set(words))
