"""Likelihood: the reader says what the model says, the cuts add up, bars are counted, calibration is what it should be."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from melody.codec.given import GivenConfig
from melody.codec.table import FIELDS, Field, Role
from melody.corpus import Corpus
from melody.corpus.piece import AugmentConfig
from melody.corpus.stream import Stream
from melody.errors import CallError, MelodyError
from melody.evaluation.likelihood import BUCKETS, Calibration, bar_rows, chosen_pieces, likelihood, unwrapped
from melody.evaluation.reader import NOTHING, Reading, read, readings, stream_of
from melody.model import to_tensors
from melody.training.validate import validate, validation_stream

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def network(model):
    from melody import bundle

    return bundle.load_model(bundle.read(model))


@pytest.fixture
def music(corpus):
    return Corpus(corpus)


def test_a_reading_says_what_the_model_says(network, music):
    given = GivenConfig(nothing=1, lead=1, part=1, others=1, window=2, causal=0.5)
    stream = Stream(music, network.codec, [0, 1, 4, 5], 4, 64, 3, AugmentConfig(), given, epochs=1)
    state = None
    for batch in stream:
        reading, _ = read(network, batch, state)
        with torch.no_grad():
            expected, state = network(to_tensors(batch, CPU), state)
        valid = torch.from_numpy(batch.valid)
        torch.testing.assert_close(reading.nats[valid], expected[valid])
        for logs in reading.log_probs:
            torch.testing.assert_close(logs[valid].exp().sum(-1), torch.ones(int(valid.sum())))


def test_totals_agree_with_validation_and_cuts_add_up(network, music):
    pieces = [0, 1, 2, 4, 5]
    facts = likelihood(network, music, pieces)
    scores = validate(network, validation_stream(music, network.codec, pieces, NOTHING), 1 << 30, torch.float32, CPU)
    assert facts["notes"] == scores.notes and facts["pieces"] == 5
    for name, value in scores.per_note().items():
        assert facts["nats_per_note"][name] == pytest.approx(value, abs=1e-4)
    assert sum(s["pieces"] for s in facts["styles"].values()) == 5
    for parts in (list(facts["styles"].values()), facts["position"]):
        known = [p for p in parts if p["notes"]]
        for nats in ("nats_per_note", "bar_reset"):
            total = sum(p["notes"] * p[nats]["total"] for p in known) / facts["notes"]
            assert total == pytest.approx(facts[nats]["total"])
    assert [p["bars"] for p in facts["position"]] == ["0-3", "4-7", "8-15", "16-31", "32-63", "64+"]
    assert facts["position"][3]["nats_per_note"] is None  # the songs have 12 bars


def test_bars_are_counted_past_the_classes(network, music):
    """A piece of 12 bars, 9 times: what stands in the classes modulo 16 is known again as a number of bars."""
    from melody import edit, theory

    score = music.score(0)
    long = edit.concatenate([score] * 9, [int(theory.bar_start(score, [12])[0])] * 9)
    music.pieces = [replace(music.pieces[0], rows={"notes": (0, long.note_count)})]
    music.score = lambda index, sustained=False: long
    before, seen = np.zeros(1, np.int64), []
    for batch in stream_of(music, network.codec, [0], chunk=50):
        bars, before = unwrapped(batch, before)
        seen += bars[1:, 0][(batch.steps.events[1:, 0, Field.ROLE] == Role.NOTE) & batch.valid[:, 0]].tolist()
    onsets = np.sort(np.concatenate([t.notes["onset"] for t in long.tracks]))
    assert seen == theory.bar_of(long, onsets).tolist() and max(seen) == 107 > BUCKETS[-1]


def test_every_event_is_in_one_bar_row(network, music):
    for batch in stream_of(music, network.codec, [0, 4], chunk=64):
        group = np.arange(batch.valid.size).reshape(batch.valid.shape)
        seen = []
        for cut, of in bar_rows(batch, group):
            assert cut.reset.all() and cut.steps.events.shape[:2] == (of.shape[0] + 1, of.shape[1])
            inside = of[cut.valid]
            assert (cut.steps.events[1:][cut.valid] == batch.steps.events[1:].reshape(-1, 6)[inside]).all()
            seen += inside.tolist()
        assert sorted(seen) == group[batch.valid].tolist()


def test_calibration_of_a_model_that_knows_and_of_one_that_boasts(network, music):
    batch = next(iter(stream_of(music, network.codec, [0, 1])))
    target = torch.from_numpy(batch.steps.events[1:].astype(np.int64))
    size, boast = 16, Calibration()
    honest = Calibration()
    spread = torch.full((*target.shape[:2], size), math.log(0.5 / (size - 1)))
    spread[..., 3] = math.log(0.5)
    right = torch.zeros(target.shape[:2], dtype=torch.long) + 3
    right[::2] = 4
    rows = np.repeat(right[..., None].numpy(), 6, -1)
    fake = replace(
        batch, steps=batch.steps._replace(events=np.concatenate([batch.steps.events[:1], rows])), valid=np.ones(target.shape[:2], bool)
    )
    honest.add(Reading(fake, torch.zeros(1), (spread,) * 6))
    facts = honest.facts()["pitch"]
    assert facts["confidence"] == pytest.approx(0.5) and facts["ece"] == pytest.approx(abs(facts["accuracy"] - 0.5), abs=1e-6)
    sure = torch.full_like(spread, math.log(0.1 / (size - 1)))
    sure[..., 5] = math.log(0.9)
    boast.add(Reading(fake, torch.zeros(1), (sure,) * 6))
    assert boast.facts()["pitch"]["ece"] == pytest.approx(0.9, abs=1e-6)


def test_forced_values_are_not_counted_as_right(network, music):
    calibration = Calibration()
    events = 0
    for reading in readings(network, stream_of(music, network.codec, [0])):
        calibration.add(reading)
        events += int(reading.batch.valid.sum())
    facts = calibration.facts()
    assert list(facts) == list(FIELDS) and 0 < facts["pitch"]["events"] < events
    assert all(sum(b["events"] for b in f["bins"]) == f["events"] for f in facts.values())


def test_which_pieces(music):
    assert sorted(chosen_pieces(music, "train", 0)) == sorted(music.split("train"))
    few = chosen_pieces(music, "train", 100)
    assert len(few) == 2 and few == chosen_pieces(music, "train", 0)[:2]
    assert {music.pieces[i].style for i in chosen_pieces(music, "train", 0, "waltz")} == {"waltz"}
    with pytest.raises(CallError, match="did you mean 'waltz'"):
        chosen_pieces(music, "train", 0, "wals")
    music.pieces = [replace(p, split="train") for p in music.pieces]
    with pytest.raises(MelodyError, match="no pieces in its test split; try the split 'train'"):
        chosen_pieces(music, "test", 0)
