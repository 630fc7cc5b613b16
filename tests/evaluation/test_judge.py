"""The judge: cannot tell people from people, can tell what is different and says by what; too little music is one line."""

import numpy as np
import pytest

from melody import edit
from melody.errors import MelodyError
from melody.evaluation.judge import Difference, judge, judge_views
from melody.evaluation.judge_features import GROUPS
from melody.evaluation.judge_given import AFTER
from melody.evaluation.judge_numbers import distinguish, frechet, space_of
from melody.evaluation.judge_view import View
from melody.evaluation.judge_windows import cut_window, windows_of
from melody.evaluation.judge_words import facts, sentences
from melody.score import Score
from tests.conftest import song

FOUR = (4, 4)


def test_frechet_of_clouds_that_are_known():
    rng = np.random.default_rng(0)
    cloud = rng.normal(size=(4000, 4))
    assert frechet(cloud, cloud) == pytest.approx(0, abs=1e-9)
    assert frechet(cloud, cloud + 2) == pytest.approx(16)
    assert frechet(cloud, 3 * cloud) == pytest.approx(4 * (3 - 1) ** 2, rel=0.1)  # (s - t)^2 for each axis
    scipy_linalg = pytest.importorskip("scipy.linalg")
    other = cloud[:500] @ rng.normal(size=(4, 4)) + 1
    one, two = np.cov(cloud.T), np.cov(other.T)
    by_roots = ((cloud.mean(0) - other.mean(0)) ** 2).sum() + np.trace(one + two - 2 * np.real(scipy_linalg.sqrtm(one @ two)))
    assert frechet(cloud, other) == pytest.approx(by_roots)


def test_the_space_is_that_of_people():
    rng = np.random.default_rng(0)
    people = rng.normal(size=(50, 3)) * [1, 10, 0] + [5, 0, 7]
    space = space_of(people)
    assert space.in_sd(people).mean(0) == pytest.approx([0, 0, 0], abs=1e-9) and space.project(people).shape == (50, 3)
    assert space.in_sd(np.array([[1e6, -1e6, 8]])).tolist() == [[8, -8, 8]]  # a number that never varies counts at once


def test_what_is_the_same_is_not_distinguished_and_a_shift_is():
    pytest.importorskip("sklearn")
    rng = np.random.default_rng(0)
    people, same, other = rng.normal(size=(3, 60, 5)) + np.reshape([0, 0, 2], (3, 1, 1)) * np.eye(5)[2]
    pieces = np.arange(120)
    assert 0.3 < distinguish(people, same, pieces)[0] < 0.65
    auc, likely = distinguish(people, other, pieces)
    assert auc > 0.85 and likely.shape == (120,) and likely[60:].mean() > 0.6 > 0.4 > likely[:60].mean()
    assert distinguish(people, other, pieces)[0] == auc  # nothing is left to chance


def test_no_piece_stands_on_both_sides():
    """Rows that say only which piece they are from give nothing away."""
    pytest.importorskip("sklearn")
    pieces = np.repeat([*range(0, 20, 2), *range(1, 20, 2)], 4)
    rows = pieces[:, None] + np.zeros((80, 2))
    assert distinguish(rows[:40], rows[40:], pieces)[0] < 0.75


def people(count=60, bars=20):
    return [song(seed, 4, bars) for seed in range(count)]


def wild(count=48):
    """Songs in which every other note lies a semitone higher."""

    def change(notes):
        notes = notes.copy()
        notes["pitch"][::2] += 1
        return notes

    return [edit.map_notes(song(1000 + seed, 4, 20), change) for seed in range(count)]


@pytest.mark.slow
def test_a_verdict():
    pytest.importorskip("sklearn")
    verdict = judge(people(100), wild(), windows=48)
    assert verdict.people == verdict.model == 48 and verdict.people_pieces == 48
    assert verdict.auc > 0.95 and verdict.groups["harmony"] > 0.95 and set(verdict.groups) == set(GROUPS)
    assert verdict.groups["velocity"] < 0.7 and verdict.halves < 0.7 and verdict.distance > 2
    assert "harmony" in {d.group for d in verdict.differences[:5]} and abs(verdict.differences[4].sd) > 2
    assert abs(verdict.differences[0].sd) >= abs(verdict.differences[1].sd)
    likely = [r.likely for r in verdict.recognised]
    assert likely == sorted(likely, reverse=True) and len(likely) == 48 and len(verdict.recognised[0].reasons) == 3
    said = sentences(verdict)
    assert "times in 100" in said[0] and "harmony" in said[1] and verdict.differences[0].words in said[3]
    found = facts(verdict)
    assert found["windows"] == 48 and len(found["recognised"]) == 48 and len(found["by_group"]["harmony"]) == 3
    assert [cloud.shape[1] for cloud in verdict.clouds] == [2, 2]
    same = judge(people(100), people(160)[100:], windows=48)
    assert same.auc < 0.75 and same.distance < 2 < verdict.distance


@pytest.mark.slow
def test_given_music_is_a_group_of_its_own():
    pytest.importorskip("sklearn")
    rows, scores = [], people(12, 64)
    for number, score in enumerate(scores):
        rows += [View(cut_window(score, FOUR, at, piece=number), cut_window(score, FOUR, at - 16)) for at in (16, 32, 48)]
    louder = [
        View(cut_window(edit.map_notes(scores[v.window.piece], _louder), FOUR, v.window.start, piece=v.window.piece), v.given) for v in rows
    ]
    verdict = judge_views(rows, louder, 40, given=AFTER, least=20)
    assert verdict.groups["given"] > 0.9 and verdict.groups["form"] < 0.7 and list(verdict.groups)[-1] == "given"


def _louder(notes):
    notes = notes.copy()
    notes["velocity"] += 24
    return notes


def test_too_little_music_is_one_line():
    for human, made in ((people(9), wild()), (people(), wild(12))):
        with pytest.raises(MelodyError, match="and needs 40 each and 10 pieces; give it more music") as said:
            judge(human, made)
        assert "\n" not in str(said.value)
    with pytest.raises(MelodyError, match="no piece of people's is in one meter"):
        judge([Score()][:0], wild(2))


def test_without_scikit_learn(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "sklearn", None)
    views = [View(w) for w in windows_of(people(), FOUR, 60)]
    with pytest.raises(MelodyError, match=r"needs sklearn, which is not installed; install it with: pip install 'melody-lstm\[judge\]'"):
        judge_views(views, views)


def test_a_difference_in_words():
    assert Difference("x", "form", "bars that return", 0.97, 0.88, -1.8, share=True).sentence() == (
        "bars that return: 88 %, people 97 % (-1.8 sd)"
    )
    assert Difference("x", "form", "notes a quarter", 2.5, 3, 1).sentence() == "notes a quarter: 3.00, people 2.50 (+1.0 sd)"
