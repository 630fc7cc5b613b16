"""The best of several: the score, the choice, the seeds, the table of what is typical, and what is read back."""

import json
import shutil

import numpy as np
import pytest

from melody import bundle, edit, midi
from melody.compose import Accompany, Composer, Continue, Generate, best, load
from melody.compose.best import MAX_COST, Rating, candidates, choose, score
from melody.corpus import Corpus
from melody.errors import CallError, MelodyError
from melody.evaluation.copying import copied, training_runs
from melody.evaluation.typical import ALL, MEASURES, NAME, around, measures, read_typical
from melody.score import Score, Track, note_table
from melody.workflows.typical import measure_typical

TYPICAL = {"nats": (2.0, 3.0, 4.0), "density": (8.0, 10.0, 12.0), "copied": (0.0, 0.1, 0.2)}


def figure(count=64, step=240, pitch=(60, 62, 64, 65)):
    pitches = np.array(pitch)[np.arange(count) % len(pitch)]
    return Score((Track("tune", 0, notes=note_table(np.arange(count) * step, [step - 20] * count, pitches, [80] * count)),), 480)


@pytest.mark.parametrize(
    ("found", "total"),
    [
        ({"nats": 3.0, "density": 8.0}, 0),  # inside the quartiles nothing costs
        ({"nats": 1.0, "density": 10}, 0.25),  # too likely: half a width below, over two measures
        ({"nats": 5.0, "density": 10}, 0.25),  # and too unlikely costs as much
        ({"density": 400.0}, MAX_COST),  # nothing costs more than so much
        ({"copied": 0.0}, 0),  # copying less than people do is no fault
        ({"copied": 0.4}, 1),
        ({}, float("inf")),  # no notes
    ],
)
def test_the_score_is_the_distance_outside_the_quartiles(found, total):
    assert score(found, TYPICAL).total == pytest.approx(total)


def test_what_is_not_known_of_a_style_does_not_count():
    card = score({"nats": 9.0, "range": 50.0}, TYPICAL)
    assert card.costs == {"nats": pytest.approx(2.5)}
    assert card.measures["range"] == 50.0


def test_equal_quartiles_are_no_division_by_zero():
    assert np.isfinite(score({"key": 0.5}, {"key": (1.0, 1.0, 1.0)}).total)


def test_the_nearest_is_chosen_and_of_equals_the_first():
    ratings = [Rating(t, {}) for t in (0.5, 0.2, float("inf"), 0.2)]
    assert choose(ratings) == 1
    assert choose([Rating(float("inf"), {})]) == 0


def test_candidates_differ_in_their_seeds_only_and_follow_from_the_first():
    request = Generate(bars=4, seed=7, key="A minor")
    group = candidates(request, 5)
    assert group[0] is request
    assert len({r.seed for r in group}) == 5
    assert [r.seed for r in candidates(request, 3)] == [r.seed for r in group[:3]]  # more candidates, the same ones first
    assert {(r.bars, r.key) for r in group} == {(4, "A minor")}
    assert not {r.seed for r in group[1:]} & {r.seed for r in candidates(Generate(seed=8), 5)[1:]}


@pytest.mark.parametrize("count", [0, -1, 65])
def test_the_number_of_candidates_is_bounded(count):
    with pytest.raises(CallError, match="best_of"):
        candidates(Generate(), count)


@pytest.fixture(scope="module")
def typical(model, corpus, tmp_path_factory):
    """A bundle with a table of its own music."""
    folder = tmp_path_factory.mktemp("typical") / "model"
    shutil.copytree(model, folder, ignore=shutil.ignore_patterns(".lock", "last"))
    measure_typical(folder, corpus)
    return folder


@pytest.mark.slow
def test_measures_of_a_piece(typical):
    engine = load(typical).engine
    found = measures(figure(), engine, "pop909")
    assert set(found) == set(MEASURES) - {"copied"}
    assert found["density"] == 8
    assert found["repetition"] == found["return"] == 1
    assert (found["empty"], found["polyphony"], found["key"]) == (0, 1, 1)
    assert measures(Score((), 480), engine, None) == {}
    gaps = edit.overlay([figure(8), edit.cut(figure(), 0)])
    assert measures(gaps, engine, None)["nats"] > 0
    late = Score((Track("t", 0, notes=note_table([0, 1920 * 9], [400, 400], [60, 61], [80, 80])),), 480)
    assert measures(late, engine, None)["empty"] == pytest.approx(0.8)


@pytest.mark.slow
def test_both_engines_read_the_same(typical):
    from melody.generate.torch_engine import TorchEngine

    torch = load(typical, engine="torch").engine
    assert isinstance(torch, TorchEngine)
    one, two = (measures(figure(), e, "waltz")["nats"] for e in (load(typical).engine, torch))
    assert one == pytest.approx(two, rel=0.02)


def test_a_piece_that_the_model_has_heard_is_likelier_than_noise(typical, corpus):
    composer, pieces = load(typical), Corpus(corpus)
    noise = figure(pitch=np.random.default_rng(0).integers(30, 100, 64))
    assert measures(pieces.score(0), composer.engine, None)["nats"] < measures(noise, composer.engine, None)["nats"]


@pytest.mark.slow
def test_the_best_of_some_is_one_of_them_and_can_be_made_alone(typical):
    composer = load(typical)
    requests = [Generate(bars=3, seed=s) for s in (1, 2)]
    kept = list(best.best(composer.results, composer.engine, composer.bundle, requests, 4))
    for request, one in zip(requests, kept, strict=True):
        assert one.request.seed in [r.seed for r in candidates(request, 4)]
        assert one.rating.total == min(c.total for c in one.ratings)
        assert midi.to_bytes(composer.many([one.request])[0]) == midi.to_bytes(one.score)
    assert len({c.total for c in kept[0].ratings}) > 1


@pytest.mark.slow
def test_every_verb_has_a_measure(typical):
    composer = load(typical)
    tune = figure(32)
    requests = [Continue(tune=tune, bars=2, seed=1), Accompany(tune=tune, seed=1)]
    kept = list(best.best(composer.results, composer.engine, composer.bundle, requests, 2))
    assert all(np.isfinite(c.total) and len(c.costs) >= 8 for k in kept for c in k.ratings)


def test_copies_are_found_and_cost(typical, corpus):
    composer, pieces = load(typical), Corpus(corpus)
    training = training_runs(pieces, composer.bundle.codec)
    own = pieces.score(pieces.split("train")[0])
    one_note = figure(1)
    shares = copied([own, figure(pitch=(40, 90, 41, 88, 47)), one_note], training, composer.bundle.codec)
    assert shares == [1.0, 0.0, 0.0]


def test_a_candidate_that_comes_to_nothing_is_left_out(typical):
    composer = load(typical)
    group = candidates(Generate(bars=2, seed=5), 3)

    def results(requests):
        fault = MelodyError("the model wrote no note")
        return [fault if r.seed == group[0].seed else composer.many([r])[0] for r in requests]

    kept = next(best.best(results, composer.engine, composer.bundle, [group[0]], 3))
    assert len(kept.ratings) == 2
    with pytest.raises(MelodyError, match="no note"):
        list(best.best(results, composer.engine, composer.bundle, [group[0]], 1))


def test_without_a_table_there_is_one_line_with_what_to_do(composer):
    with pytest.raises(MelodyError, match=f"has no {NAME}.*write it with"):
        list(best.best(composer.results, composer.engine, composer.bundle, [Generate()], 2))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: f | {"format": 2}, "damaged"),
        (lambda f: f | {"model": "0" * 64}, "other weights"),
        (lambda f: f | {"styles": {}}, "damaged"),
        (lambda f: f | {"styles": {ALL: {"nats": [3, 2, 1]}}}, "damaged"),
        (lambda f: f | {"styles": {ALL: {"nats": [float("nan")] * 3}}}, "damaged"),
        (lambda f: f | {"styles": [1]}, "damaged"),
        (lambda f: [], "damaged"),
    ],
)
def test_a_broken_table_is_one_line(typical, tmp_path, change, words):
    folder = tmp_path / "model"
    shutil.copytree(typical, folder)
    path = folder / NAME
    path.write_text(json.dumps(change(json.loads(path.read_text("utf-8")))), "utf-8")
    with pytest.raises(MelodyError, match=words) as fault:
        read_typical(bundle.read(folder))
    assert "\n" not in str(fault.value)


def test_what_is_typical_of_a_tune_lies_around_it():
    assert around(TYPICAL, {"nats": 10.0}) == {"nats": (9.0, 10.0, 11.0), "copied": TYPICAL["copied"]}


def test_a_composer_without_best_of_needs_no_table(composer):
    assert isinstance(composer, Composer)
    assert composer.generate(bars=1, seed=1).note_count
