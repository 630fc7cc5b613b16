"""originality: the index of a corpus beside a model, what it says of a piece, and pieces that keep to it."""

import json
import shutil

import pytest

from melody.corpus import Corpus
from melody.originality.index import NAME


@pytest.fixture
def mine(model, here):
    shutil.copytree(model, here / "mine")
    return here / "mine"


@pytest.mark.slow
def test_an_index_is_made_and_asked(melody, mine, corpus, here):
    refused = melody("generate", "--model", "mine", "--bars", 1, "--original", 12, "-o", "x.mid")
    assert refused.status == 1 and "melody originality --index CORPUS --model mine" in refused.err
    assert melody("originality", "--index", corpus, "--model", "mine").status == 0 and (mine / NAME).is_file()
    music = Corpus(corpus)
    music.score(music.split("train")[0]).save(here / "known.mid")
    facts = json.loads(melody("originality", "known.mid", "--model", "mine", "--json").out)
    assert facts["longest"] > 20 and facts["share"] > 0.8 and facts["runs"][0]["first_bar"] == 1 and facts["shortest"] == 13
    said = melody("originality", "known.mid", "--model", "mine")
    assert "the longest has" in said.out and "bars 1 to" in said.out
    assert melody("generate", "--model", "mine", "--bars", 4, "--original", 12, "--seed", 1, "-o", "new.mid").status == 0
    assert json.loads(melody("originality", "new.mid", "--model", "mine", "--json").out)["longest"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [((), "give a piece"), (("a.mid", "--index", "x"), "one of the two")],
)
def test_what_cannot_be(melody, mine, words, says):
    said = melody("originality", *words, "--model", "mine")
    assert said.status == 2 and says in said.err and said.err.count("\n") == 1


def test_out_of_range(melody, here):
    said = melody("generate", "--original", 5)
    assert said.status == 2 and "--original is 5, must be 12 to 1,000" in said.err


def test_a_damaged_index(melody, mine, tune):
    (mine / NAME).write_bytes(b"MELODYOR" + bytes(500))
    said = melody("originality", tune, "--model", "mine")
    assert said.status == 1 and "originality.bin: damaged" in said.err and said.err.count("\n") == 1
