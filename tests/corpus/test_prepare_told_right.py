"""What ``prepare`` makes of whole collections: styles by the table, bar lines that are heard, splits that stay, odd collections."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from melody import edit, midi
from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.corpus.prepare import PrepareConfig, prepare
from melody.corpus.sampling import SamplingConfig
from melody.corpus.stream import Stream
from melody.errors import CallError
from melody.score import Score, Track, meter_table, note_table

from ..test_theory_downbeats import QUARTER, song

ONE = PrepareConfig(workers=1)
ARCHIVES = Path(__file__).parents[2].parent / "shared" / "data"
SHIPPED = "8af4a72daee2950ae41950569bcf0db4b0a9196b7e0fafade529a2e06784a067"  # of the files and splits of the corpus of 0.1.0


def varied(score: Score, seed: int) -> Score:
    """The same rhythm with another melody, so that it is no duplicate."""
    rng = np.random.default_rng(seed)
    tune = score.tracks[0]
    pitch = 67 + rng.integers(0, 12, len(tune.notes))
    notes = note_table(tune.notes["onset"], tune.notes["duration"], pitch, tune.notes["velocity"])
    return edit.with_tracks(score, [replace(tune, notes=notes), *score.tracks[1:]])


def test_bars_are_put_where_they_are_heard_and_the_report_says_so(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    early = edit.cut(song(), 3 * QUARTER)
    early.save(tmp_path / "in" / "early.mid")
    varied(song(), 1).save(tmp_path / "in" / "right.mid")
    made = prepare([tmp_path / "in"], tmp_path / "out", ONE)
    assert made.moved_bars == 1
    text = (tmp_path / "out" / "report.csv").read_text()
    assert "early.mid,read,bar lines 1 quarters later" in text and "right.mid,read,," in text
    stored = {Path(p.source).name: Corpus(tmp_path / "out").score(i) for i, p in enumerate(Corpus(tmp_path / "out").pieces)}
    assert stored["early.mid"] == edit.bars_later(early, QUARTER)
    left = prepare([tmp_path / "in"], tmp_path / "left", replace(ONE, find_bars=False))
    assert left.moved_bars == 0
    kept = {Path(p.source).name: Corpus(tmp_path / "left").score(i) for i, p in enumerate(Corpus(tmp_path / "left").pieces)}
    assert kept["early.mid"] == early


def test_the_table_names_styles_of_known_collections(tmp_path: Path) -> None:
    for name in ("chopin/song", "chopin/nocturne", "mine"):
        (tmp_path / name).mkdir(parents=True)
        varied(song(), len(name)).save(tmp_path / name / "a.mid")
    by_table = prepare([tmp_path / "chopin", tmp_path / "mine"], tmp_path / "out", replace(ONE, styles="catalogue"))
    assert by_table.styles == {"keyboard": 1, "lieder": 1, "mine": 1}
    by_folder = prepare([tmp_path / "chopin", tmp_path / "mine"], tmp_path / "out2", ONE)
    assert by_folder.styles == {"mine": 1, "nocturne": 1, "song": 1}
    with pytest.raises(CallError, match="unknown way to name styles"):
        prepare([tmp_path / "mine"], tmp_path / "out3", replace(ONE, styles="genre"))


def drums(seed: int) -> Score:
    rng = np.random.default_rng(seed)
    onset = np.arange(200) * 120
    return Score((Track("Drums", 0, True, note_table(onset, [60] * 200, rng.choice([36, 38, 42], 200), [80] * 200)),), QUARTER)


def crowd(seed: int) -> Score:
    rng = np.random.default_rng(seed)
    onset = np.arange(20) * 480
    tracks = (Track(f"Part {i}", i % 15, False, note_table(onset, [400] * 20, rng.integers(40, 90, 20), [70] * 20)) for i in range(200))
    return Score(tuple(tracks), QUARTER)


def one_line(seed: int) -> Score:
    rng = np.random.default_rng(seed)
    notes = note_table(np.arange(150) * 240, [240] * 150, rng.integers(60, 80, 150), [80] * 150)
    return Score((Track("Tune", 0, False, notes),), QUARTER)


ODD = {
    "drums only": drums,
    "200 tracks": crowd,
    "no chord": one_line,
    "seven eighths": lambda seed: replace(one_line(seed), meters=meter_table([0], [7], [8])),
    "no bar lines": lambda seed: replace(one_line(seed), meters=meter_table([0], [255], [1])),
}


@pytest.mark.parametrize("kind", ODD)
def test_odd_collections_of_ten_pieces_are_prepared_and_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for seed in range(10):
        (tmp_path / "in" / f"{seed}.mid").write_bytes(midi.to_bytes(ODD[kind](seed)))
    made = prepare([tmp_path / "in"], tmp_path / "out", ONE)
    assert made.pieces == 10 and made.splits == {"test": 1, "train": 8, "valid": 1}
    corpus = Corpus(tmp_path / "out")
    sampling = SamplingConfig(style_power=0.5, window=64, weights={"in": 2.0})
    for clock in ("beats", "seconds"):
        stream = Stream(corpus, CodecConfig(clock, 24, styles=corpus.styles), corpus.split("train"), 4, 32, sampling=sampling, epochs=1)
        assert sum(batch.notes for batch in stream) > 0


def test_a_corpus_from_before_has_no_collections(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    song().save(tmp_path / "in" / "a.mid")
    prepare([tmp_path / "in"], tmp_path / "out", ONE)
    index = tmp_path / "out" / "index.json"
    raw = json.loads(index.read_bytes())
    for piece in raw["pieces"]:
        del piece["collection"]
    del raw["files"], raw["sha256"]
    index.write_text(json.dumps(raw))
    assert Corpus(tmp_path / "out").pieces[0].collection == ""


@pytest.mark.slow
def test_the_test_pieces_of_the_first_model_stay_test_pieces(tmp_path: Path) -> None:
    archives = [ARCHIVES / f"{name}.zip" for name in ("js-fakes", "lieder", "mutopia", "pop909")]
    if not all(a.is_file() for a in archives):
        pytest.skip("the archives do not lie beside the checkout, in ../shared/data")
    prepare(archives, tmp_path / "out")
    splits = "".join(sorted(p.sha256 + p.split for p in Corpus(tmp_path / "out").pieces))
    assert hashlib.sha256(splits.encode()).hexdigest() == SHIPPED
