"""The blues benchmark: its music, its check, and a short run of every cell."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

PATH = Path(__file__).resolve().parents[2] / "benchmarks" / "blues.py"


@pytest.fixture(scope="module")
def blues() -> ModuleType:
    spec = importlib.util.spec_from_file_location("blues", PATH)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["blues"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def music(blues: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, set[bytes]]:
    return blues.make_corpus(tmp_path_factory.mktemp("music"), 8, seed=1)


def two_choruses(blues: ModuleType) -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.array(blues.chorus(rng, 0) + blues.chorus(rng, 96))


def test_music_keeps_its_own_form(blues: ModuleType) -> None:
    notes = two_choruses(blues)
    assert blues.right_bars(notes, 2).all()
    assert not blues.right_bars(notes, 3)[2].any()
    assert set(notes[notes[:, 2] == blues.MELODY][:, 3] % 12) <= {0, 3, 5, 7, 10}
    assert len({blues.melody_of(notes, k) for k in (0, 1)}) == 2


@pytest.mark.parametrize(
    ("column", "by", "wrong"),
    [(0, 1, [4]), (1, -1, [4]), (3, 1, [4]), (0, 8, [4, 5])],  # late, short, another pitch, a bar late
)
def test_one_wrong_chord_note_is_one_wrong_bar(blues: ModuleType, column: int, by: int, wrong: list[int]) -> None:
    notes = two_choruses(blues)
    which = np.flatnonzero((notes[:, 2] == blues.PIANO) & (notes[:, 0] == 4 * 8))[-1]
    notes[which, column] += by
    assert np.flatnonzero(~blues.right_bars(notes, 2).ravel()).tolist() == wrong


def test_who_slips_by_a_bar_loses_the_form(blues: ModuleType) -> None:
    late = two_choruses(blues) + np.array([8, 0, 0, 0])
    judged = blues.judged([late], 2, set())
    assert judged["choruses"] == 0 and 0 < judged["bars"] < 1


def test_an_extra_note_of_the_chord_part_is_seen(blues: ModuleType) -> None:
    extra = np.concatenate([two_choruses(blues), [[12, 1, blues.PIANO, 60]]])
    assert np.flatnonzero(~blues.right_bars(extra, 2).ravel()).tolist() == [1]


def test_short_run_of_every_cell(
    blues: ModuleType, music: tuple[Any, set[bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(blues, "make_corpus", lambda *_: music)
    short = ["--steps", "3", "--width", "16", "--samples", "2", "--choruses", "1", "--chunk", "32"]
    blues.main([*short, "--cells", "rnn,gru", "--settings", "metre", "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [r["cell"] for r in rows] == ["rnn", "gru"]
    assert all(r["steps"] == 3 and 0 <= r["choruses"] <= r["bars"] <= 1 and np.isfinite(r["nats"]) for r in rows)
    blues.main([*short, "--cells", "lstm", "--settings", "events", "--save", str(tmp_path)])
    assert "| events | lstm |" in capsys.readouterr().out
    assert [p.name for p in tmp_path.iterdir()] == ["blues-events-lstm.mid"]


def test_corpus_holds_the_music_and_knows_its_melodies(blues: ModuleType, music: tuple[Any, set[bytes]]) -> None:
    corpus, known = music
    assert len(corpus) == 8 and len(known) == sum(round(corpus.score(i).end_tick / (12 * 1920)) for i in range(8))
    assert corpus.split("valid") and not corpus.split("test")


def test_a_network_that_is_told_events_alone_sees_no_metre(blues: ModuleType, music: tuple[Any, set[bytes]], tmp_path: Path) -> None:
    corpus, _ = music
    options = argparse.Namespace(layers=1, width=16, steps=2, minutes=0.0, chunk=32, rate=1e-2, seed=1)
    for setting in ("events", "metre"):
        model = blues.trained(corpus, tmp_path / setting, "rnn", setting, options).learner.averaged()
        tables = [*model.metre_body, *model.metre_head]
        assert all(bool((t.weight == 0).all()) == (setting == "events") for t in tables)
