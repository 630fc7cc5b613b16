"""The benchmark of large corpora: the corpus that it makes up, and what it measures on it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from melody import midi
from melody.corpus import Corpus

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    spec = importlib.util.spec_from_file_location("scale", FOLDER / "scale.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_few_pieces(scale: ModuleType, tmp_path: Path) -> None:
    scale.write(tmp_path, 110)
    corpus = Corpus(tmp_path)
    assert len(corpus) == 110 and len(corpus.split("valid")) == 2 and corpus.styles == ("one", "other")
    first, higher = (corpus.score(i).tracks[0].notes["pitch"].astype(int) for i in (0, scale.SONGS))
    assert set((higher - first).tolist()) == {1}
    row = scale.measure(tmp_path, tmp_path / "run", 2)
    assert row["pieces"] == 110 and 0 < row["imported"] <= row["opened"] <= row["made"] <= row["peak"] < 10_000
    assert set(scale.COLUMNS) == row.keys()


def test_one_file(scale: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scale", scale)  # a process of its own finds the function by this name
    scale.big_file(tmp_path / "big.mid", 1234)
    notes = midi.read(tmp_path / "big.mid").tracks[0].notes
    assert len(notes) == 1234 and set(notes["duration"].tolist()) == {6} and notes["onset"][-1] == 1233 * 6
    row = scale.in_a_process(scale.read_file, tmp_path, tmp_path, tmp_path, 0)
    assert row["count"] == 1234 and row["peak"] > 10 and row["cpu"] > 0
