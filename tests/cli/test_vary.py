"""vary, and infill with several holes, from flags to files; pieces in the order of their score."""

import json
import shutil
from pathlib import Path

import pytest

from melody import midi
from melody.workflows.typical import measure_typical

from ..conftest import song


@pytest.fixture
def tune(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    midi.write(song(3, 4, 8), "tune.mid")
    return Path("tune.mid")


def test_strength_0_gives_the_same_bytes(melody, model, tune):
    said = melody("vary", tune, "--model", model, "--strength", 0, "--seed", 1)
    assert said.status == 0 and Path("tune-varied-1.mid").read_bytes() == tune.read_bytes()


def test_holes_and_parts_can_be_given_several_times(melody, model, tune):
    flags = ("--bars", "2-3", "--bars", "6:1", "--part", "1", "--keep", "rhythm", "--seed", 1, "-o", "x.mid")
    assert melody("infill", tune, "--model", model, *flags).status == 0
    before, after = midi.read(tune), midi.read("x.mid")
    assert before.tracks[1:] == after.tracks[1:] and before.tracks[0] != after.tracks[0]
    assert before.tracks[0].notes["onset"].tolist() == after.tracks[0].notes["onset"].tolist()


def test_ranked_pieces_stand_in_the_order_of_their_score(melody, model, corpus, tune, tmp_path):
    shutil.copytree(model, "measured", ignore=shutil.ignore_patterns(".lock", "last"))
    measure_typical(tmp_path / "measured", corpus)
    said = melody("vary", tune, "--model", "measured", "--strength", 0.8, "-n", 3, "--rank", "--seed", 1, "--json")
    assert said.status == 0
    found = json.loads(said.out)["pieces"]
    assert [p["rank"] for p in found] == [1, 2, 3] and sorted(p["seed"] for p in found) == [1, 2, 3]
    assert [p["score"] for p in found] == sorted(p["score"] for p in found) and all("typical" in p["why"] for p in found)


def test_pieces_are_not_ranked_where_nothing_is_known_of_what_is_typical(melody, model, tune, tmp_path):
    shutil.copytree(model, "bare", ignore=shutil.ignore_patterns(".lock", "last", "typical.json"))
    said = melody("vary", tune, "--model", "bare", "-n", 2, "--rank", "--seed", 1)
    assert said.status == 1 and "typical.json" in said.err and said.err.count("\n") == 1 and not Path("tune-varied-1").exists()
