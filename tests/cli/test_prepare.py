"""prepare: counts, report, replacing."""

import csv
import json
import shutil

import pytest

from melody.corpus import Corpus

pytestmark = pytest.mark.slow


def test_counts_and_report(melody, songs, here):
    mixed = here / "mixed"
    shutil.copytree(songs, mixed)
    shutil.copy(mixed / "pop909" / "0.mid", mixed / "pop909" / "again.mid")
    (mixed / "pop909" / "empty.mid").write_bytes(b"")
    said = melody("prepare", "mixed", "-o", "corpus", "--workers", 1, "--json")
    facts = json.loads(said.out)
    assert said.status == 0 and said.err == ""
    assert (facts["pieces"], facts["skipped"], facts["duplicates"]) == (8, 2, 1)
    assert facts["notes"] == Corpus(here / "corpus").note_count()
    assert facts["report"] == "corpus/report.csv"
    with open(facts["report"], newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    assert {r["status"] for r in rows} == {"read", "duplicate", "skipped"}


def test_for_people(melody, songs):
    said = melody("prepare", songs / "pop909", songs / "waltz", "-o", "corpus", "--workers", 1)
    assert said.status == 0
    assert "8 pieces" in said.out and "pop909 4, waltz 4" in said.out and "melody train corpus" in said.out


def test_only_a_corpus_is_replaced(melody, songs, here):
    assert melody("prepare", songs, "-o", "corpus", "--workers", 1, "--quiet") == (0, "", "")
    said = melody("prepare", songs, "-o", "corpus", "--workers", 1)
    assert said.status == 2 and "--force" in said.err
    assert melody("prepare", songs, "-o", "corpus", "--workers", 1, "--force").status == 0
    (here / "photos").mkdir()
    (here / "photos" / "cat.jpg").write_bytes(b"cat")
    said = melody("prepare", songs, "-o", "photos", "--force")
    assert said.status == 2 and "not a corpus" in said.err
    assert (here / "photos" / "cat.jpg").read_bytes() == b"cat"


@pytest.mark.parametrize(
    "flags", [("--workers", -1), ("--workers", 10**20), ("--least-notes", 0), ("--max-notes", 0), ("--max-seconds", "nan")]
)
def test_flags_out_of_range(melody, songs, here, flags):
    assert melody("prepare", songs, "-o", "corpus", *flags).status == 2
    assert not (here / "corpus").exists()


def test_limits_are_settings(melody, songs, here):
    said = melody("prepare", songs, "-o", "corpus", "--max-bytes", 100, "--quiet")
    assert said.status == 1 and "more than the limit of 100" in said.err
    assert melody("prepare", songs, "-o", "corpus", "--max-seconds", 9, "--quiet").status == 1
    assert melody("prepare", songs, "-o", "corpus", "--max-seconds", 3600, "--quiet").status == 0
