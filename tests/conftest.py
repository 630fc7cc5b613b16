"""For all tests: what makes a run of them repeatable, and, made once a session, some songs, a corpus and a small trained model."""

import os

# Before numpy and torch are there, and for the processes that tests start: many small products, for which a second thread only waits.
os.environ["OMP_NUM_THREADS"] = "1"

import random
import secrets
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from melody import midi
from melody.score import KEY, Score, Track, meter_table, note_table, table, tempo_table

# Every run of ``make test`` tries the same examples: it is red because of a change, never because of a draw. ``make explore``
# draws new ones, ten times as many, and remembers in .hypothesis/ those that failed. Neither looks at the clock: the machine may be busy.
PATIENT = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("repeatable", PATIENT, derandomize=True, database=None)
settings.register_profile("quick", settings.get_profile("repeatable"), max_examples=20)
settings.register_profile("explore", PATIENT, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

# What the shell of a user may hold: the width and colours of output, and the settings of melody itself.
UNSET = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "MELODY_TRACEBACK", "MELODY_SHORT")

SONGS = 8
TRIADS = ((0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7))  # I IV V I
SCALE = (0, 2, 4, 5, 7, 9, 11, 12)
QUARTER = 480


def examples(count: int) -> settings:
    """Settings of a test that tries ``count`` examples where others try 100: fewer in a quick run, more in an exploration."""
    return settings(max_examples=max(1, count * settings().max_examples // 100))


@pytest.fixture(autouse=True)
def alike(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins alike, whatever ran before it and whoever runs it.

    Global generators begin anew (the network's first weights come from torch's), a seed that was not given is no surprise,
    torch computes in one thread, and the environment says nothing about output.
    """
    random.seed(0)
    monkeypatch.setattr(secrets, "randbelow", random.Random(0).randrange)
    np.random.seed(0)  # noqa: NPY002  # libraries may draw from it; the tests themselves do not
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
        torch.set_num_threads(1)
    for name in UNSET:
        monkeypatch.delenv(name, raising=False)


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
    from melody.training.callbacks import NoCallback
    from melody.training.loop import Trainer
    from melody.training.recipe import changed, load_recipe

    folder = tmp_path_factory.mktemp("trained") / "model"
    folder.mkdir()
    recipe = changed(load_recipe("tiny"), {"train": {"steps": 40, "threads": 1, "precision": "fp32", "validate_every": 40}})
    Trainer(Corpus(corpus), folder, recipe).run(NoCallback())
    return folder


@pytest.fixture
def hasty_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    """A judge that does not look closely, at short pieces."""
    from melody.compose import judged
    from melody.evaluation import judge_numbers

    monkeypatch.setattr(judge_numbers, "ROUNDS", 5)
    monkeypatch.setattr(judge_numbers, "DIVISIONS", 1)
    monkeypatch.setattr(judged, "PIECE_BARS", 17)
