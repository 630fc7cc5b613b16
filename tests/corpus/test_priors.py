"""Habits: quartiles and shares of each style, from a bounded number of pieces."""

import pytest

from melody.corpus import Corpus, priors
from melody.corpus.priors import style_priors as habits_of


@pytest.fixture
def looked(corpus, monkeypatch):
    """A corpus that notes which of its pieces are read."""
    pieces, seen = Corpus(corpus), []
    score = pieces.score
    monkeypatch.setattr(pieces, "score", lambda i: seen.append(i) or score(i))
    return pieces, seen


def test_every_style_has_its_own(looked):
    pieces, seen = looked
    found = habits_of(pieces)
    train = pieces.split("train")
    assert seen == sorted(train, key=lambda i: (pieces.pieces[i].style, i))
    assert {s: h["pieces"] for s, h in found.items()} == {s: sum(pieces.pieces[i].style == s for i in train) for s in found}
    assert found["waltz"]["meters"] == [[3, 4, 1.0]] and found["pop909"]["meters"] == [[4, 4, 1.0]]
    assert all(92 < low <= high < 134 for low, high in (h["tempo"] for h in found.values()))


def test_of_many_pieces_some_are_looked_at_and_all_are_counted(looked, monkeypatch):
    pieces, seen = looked
    monkeypatch.setattr(priors, "MAX_PIECES", 2)
    train = [i for i in pieces.split("train") if pieces.pieces[i].style == "waltz"]
    first, again = habits_of(pieces), habits_of(pieces)
    assert first == again and first["waltz"]["pieces"] == len(train) > 2
    assert [i for i in seen if i in train] == 2 * [train[0], train[len(train) // 2]]
