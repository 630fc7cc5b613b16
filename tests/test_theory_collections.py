"""Lead and key on real collections, where they lie beside the checkout."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from melody import theory
from melody.score import Score

COLLECTIONS = Path(__file__).parents[1].parent / "shared" / "data"


def real(collection: str, count: int = 40) -> list[Score]:
    """Every so-maniest piece of a collection; skips the test where the collections are not at hand."""
    archive = COLLECTIONS / f"{collection}.zip"
    if not archive.is_file():
        pytest.skip(f"the collection {collection} is not at {archive}")
    from melody import midi

    with zipfile.ZipFile(archive) as pieces:
        names = sorted(n for n in pieces.namelist() if n.endswith(".mid"))
        return [midi.parse(pieces.read(n), n) for n in names[:: max(1, len(names) // count)]]


@pytest.mark.parametrize(
    ("collection", "name", "share"),
    [("pop909", "MELODY", 0.8), ("lieder", "Voice", 0.9), ("js-fakes", "Soprano", 1.0), ("nottingham", "Melody", 0.95)],
)
def test_rule_finds_the_named_melody(collection: str, name: str, share: float) -> None:
    known = [(s, [t.name for t in s.tracks]) for s in real(collection)]
    known = [(s, names) for s, names in known if name in names and len(names) > 1]
    assert all(theory.lead_track(s) == (names.index(name), "name") for s, names in known)
    right = [theory.lead_by_rule(s) == names.index(name) for s, names in known]
    assert np.mean(right) >= share


@pytest.mark.parametrize(("collection", "share"), [("pop909", 0.8), ("bach-chorales", 0.85)])
def test_estimate_agrees_with_key_signatures(collection: str, share: float) -> None:
    pieces = [s for s in real(collection) if len(np.unique(s.keys[["fifths", "minor"]])) == 1]
    signed = [12 * bool(s.keys["minor"][0]) + (int(s.keys["fifths"][0]) * 7 + 9 * bool(s.keys["minor"][0])) % 12 for s in pieces]
    assert np.mean([theory.estimate_key(s) == k for s, k in zip(pieces, signed, strict=True)]) >= share
