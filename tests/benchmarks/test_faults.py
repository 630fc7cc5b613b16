"""The benchmark of faults: it sees what it is there to see, and its rows are wanted in this form."""

import os
import time
from pathlib import Path

import pytest

from melody.errors import MelodyError

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import faults

    return faults


def refuse(text="no such thing"):
    raise MelodyError(text)


def nothing():
    """Made without trouble."""


def test_every_way_to_end_is_told_apart(faults, monkeypatch):
    run = faults.faults_bundles.tried.__globals__
    monkeypatch.setitem(run, "PATIENCE", 1.0)
    cases = {
        "refused": refuse,
        "two lines": lambda: refuse("one\ntwo"),
        "long": lambda: refuse("x" * 1000),
        "same": lambda: "same",
        "taken": lambda: "something else",
        "bug": lambda: {}[1],
        "dies": lambda: os._exit(7),
        "hangs": lambda: time.sleep(30),
        "refused again": refuse,
    }
    tally = run["tried"]([(name, nothing, case) for name, case in cases.items()])
    assert (tally.cases, tally.refused, tally.same) == (9, 2, ["same"])
    wrong = dict(w.split(": ", 1) for w in tally.wrong if not w.startswith("hangs: 1.0 s"))
    assert list(wrong) == ["two lines", "long", "taken", "bug", "dies", "hangs"]
    assert "KeyError" in wrong["bug"] and "status 7" in wrong["dies"] and not tally.ok


def test_a_small_bundle_is_read_as_before_and_its_lies_are_refused(faults, tmp_path):
    bundles, lies = faults.faults_bundles, faults.faults_bundles.lies
    made = bundles.made(tmp_path / "made")
    before = bundles.bundle.read(made)
    place = tmp_path / "place"
    place.mkdir()
    for engine in bundles.ENGINES:
        bundles.damaged(lambda folder: None, made, place)
        assert bundles.attempt(engine, made, place, before) == "same"
        for name, lie in {"a weight that is NaN": lies.WEIGHTS, "a width of 2^40": lies.FACTS}.items():
            bundles.damaged(lie[name], made, place)
            with pytest.raises(MelodyError):
                bundles.attempt(engine, made, place, before)
    assert len(lies.WEIGHTS) + len(lies.FACTS) >= 70


def test_bits_and_cuts_are_what_they_say(faults, tmp_path):
    bundles = faults.faults_bundles
    made = bundles.made(tmp_path / "made")
    (tmp_path / "place").mkdir()
    whole = (made / "bundle.json").read_bytes()
    for number, (_, make, _) in enumerate(bundles._flips(made, tmp_path / "place", "bundle.json", 5, 0)):
        make()
        found = (tmp_path / "place" / "made" / "bundle.json").read_bytes()
        assert sum((a ^ b).bit_count() for a, b in zip(found, whole, strict=True)) == 1, number
    sizes = [len(whole) * i // 40 for i in range(20)] + [len(whole) - n for n in range(20, 0, -1)]
    for size, (_, make, _) in zip(
        [s for s in sizes for _ in range(2)], bundles._cuts(made, tmp_path / "place", "bundle.json", 40), strict=True
    ):
        make()
        assert (tmp_path / "place" / "made" / "bundle.json").read_bytes() == whole[:size]
