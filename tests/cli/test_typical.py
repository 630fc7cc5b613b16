"""typical: what --best-of needs, for a model of one's own."""

import json
import shutil

import pytest

from melody import bundle
from melody.evaluation.typical import ALL, NAME, read_typical


@pytest.fixture
def mine(model, here):
    """A model without the file."""
    shutil.copytree(model, here / "mine")
    (here / "mine" / NAME).unlink(missing_ok=True)
    return here / "mine"


@pytest.mark.slow
def test_best_of_says_what_to_do_and_then_works(melody, mine, corpus):
    best = ("generate", "--model", "mine", "--bars", 1, "--best-of", 2, "--style", "waltz", "--seed", 1, "-o", "x.mid")
    refused = melody(*best)
    assert refused.status == 1 and "write it with: melody typical mine CORPUS" in refused.err
    said = melody("typical", "mine", corpus)
    assert said.status == 0 and "medians by style" in said.out and "waltz" in said.out
    assert set(read_typical(bundle.read(mine))) == {"pop909", "waltz", ALL}
    assert melody(*best).status == 0


@pytest.mark.slow
def test_figures_for_programs(melody, mine, corpus):
    facts = json.loads(melody("typical", mine, corpus, "--json").out)
    assert facts["files"] == [str(mine / NAME)] and set(facts["pieces"]) == {"pop909", "waltz"}
    assert all(low <= middle <= high for row in facts["styles"].values() for low, middle, high in row.values())
    assert "copied" in facts["styles"][ALL]


def test_what_cannot_be_measured(melody, mine, corpus, here):
    assert "not a corpus" in melody("typical", mine, "nope").err
    shutil.copytree(corpus, here / "other")
    index = here / "other" / "index.json"
    facts = json.loads(index.read_text().replace('"waltz"', '"tango"').replace('"pop909"', '"tango"'))
    del facts["sha256"]
    index.write_text(json.dumps(facts))
    said = melody("typical", mine, "other")
    assert said.status == 1 and "no training pieces of this model's styles (pop909, waltz)" in said.err
    assert not (mine / NAME).exists()
