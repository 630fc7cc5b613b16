"""The corpus that the benchmark of large ones makes up, and what it measures on it."""

import pytest

from melody.corpus import Corpus

pytestmark = pytest.mark.slow


def test_a_few_pieces(script, tmp_path):
    scale = script("scale")
    scale.write(tmp_path, 110)
    corpus = Corpus(tmp_path)
    assert len(corpus) == 110 and len(corpus.split("valid")) == 2 and corpus.styles == ("one", "other")
    first, higher = (corpus.score(i).tracks[0].notes["pitch"].astype(int) for i in (0, scale.SONGS))
    assert set((higher - first).tolist()) == {1}
    row = scale.measure(tmp_path, tmp_path / "run", 2)
    assert row["pieces"] == 110 and 0 < row["imported"] <= row["opened"] <= row["made"] <= row["peak"]
    assert set(scale.COLUMNS) == row.keys()
