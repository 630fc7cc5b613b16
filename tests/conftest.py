"""Made once a session for all tests: a handful of songs, a corpus of them and a model that has seen it for some seconds."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from melody import midi
from melody.score import KEY, Score, Track, meter_table, note_table, table, tempo_table

SONGS = 8
TRIADS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))  # I IV V I
SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
QUARTER = 480


def song(seed: int, beats: int, bars: int = 12) -> Score:
    """A random walk over a scale, named MELODY, above three chords and their return: ``beats`` quarters to the bar."""
    rng = np.random.default_rng(seed)
    tonic = 60 + int(rng.integers(-5, 7))
    degrees = np.abs(np.cumsum(rng.integers(-2, 3, bars * beats)) % 14 - 7)
    onsets = np.arange(bars * beats) * QUARTER
    tune = note_table(
        onsets, np.full(len(onsets), QUARTER - 40), [tonic + 7 + SCALE[d] for d in degrees], rng.integers(60, 100, len(onsets))
    )
    chords = [(bar * beats * QUARTER, tonic - 12 + step) for bar in range(bars) for step in TRIADS[bar % 4]]
    under = note_table([c[0] for c in chords], np.full(len(chords), beats * QUARTER - 40), [c[1] for c in chords], np.full(len(chords), 60))
    fifths = (tonic % 12 * 7 + 5) % 12 - 5
    return Score(
        (Track("MELODY", 73, notes=tune), Track("PIANO", 0, notes=under)),
        QUARTER,
        tempo_table([0], [int(rng.integers(450_000, 650_000))]),
        meter_table([0], [beats], [4]),
        table(KEY, [0], [fifths], [False]),
    )


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two styles, pop909 (4/4; the name is one that the pages use) and waltz (3/4)."""
    folder = tmp_path_factory.mktemp("songs")
    for style, beats in (("pop909", 4), ("waltz", 3)):
        (folder / style).mkdir()
        for seed in range(SONGS // 2):
            midi.write(song(10 * beats + seed, beats), folder / style / f"{seed}.mid")
    return folder


@pytest.fixture(scope="session")
def corpus(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The songs, prepared."""
    from melody.corpus.prepare import PrepareConfig, prepare

    folder = tmp_path_factory.mktemp("prepared") / "corpus"
    prepare([songs], folder, PrepareConfig(workers=1))
    return folder


@pytest.fixture(scope="session")
def model(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the recipe ``tiny`` after a few steps: it writes notes, not music."""
    from melody.corpus import Corpus
    from melody.training.loop import Trainer
    from melody.training.recipe import changed, load_recipe

    class Nobody:
        def update(self, progress: Any) -> None: ...

        def stop(self) -> bool:
            return False

    folder = tmp_path_factory.mktemp("trained") / "model"
    folder.mkdir()
    recipe = changed(load_recipe("tiny"), {"train": {"steps": 40, "threads": 1, "precision": "fp32", "validate_every": 40}})
    Trainer(Corpus(corpus), folder, recipe).run(Nobody())
    return folder
