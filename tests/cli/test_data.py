"""data: the table, and a download as the command line shows it."""

import gzip
import hashlib
import io
import json
import tarfile

import pytest

from melody import data


@pytest.fixture
def offered(monkeypatch, songs):
    """``fetch`` without a net: "groove" is a small archive of songs."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.add(songs, "songs")
    content = gzip.compress(out.getvalue())

    def fetched(one, folder, force, progress):
        progress(len(content), len(content))
        (folder / "songs.tar.gz").write_bytes(content)
        return data.Fetched(folder / "songs.tar.gz", len(content), hashlib.sha256(content).hexdigest(), False)

    monkeypatch.setattr(data, "fetch", fetched)


def test_list(melody, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    said = melody("data", "list")
    assert said.status == 0 and said.err == "" and "58.4 MB" in said.out and "CC BY 4.0" in said.out
    rows = json.loads(melody("data", "list", "--json").out)["collections"]
    assert {row["name"] for row in rows} == set(data.collections()) and all("share" in row for row in rows)
    assert melody("data", "list", "--quiet") == (0, "", "")


def test_fetch_and_prepare(melody, offered):
    said = melody("data", "fetch", "groove")
    assert said.status == 0 and "not checked" in said.out and said.out.endswith("next: melody prepare songs.tar.gz -o corpus\n")
    assert melody("prepare", "songs.tar.gz", "-o", "corpus", "--workers", 1, "--quiet") == (0, "", "")
    assert json.loads(melody("inspect", "corpus", "--json").out)["pieces"] == 8
    facts = json.loads(melody("data", "fetch", "groove", "--json").out)
    assert facts["files"] == ["songs.tar.gz"] and facts["share"] == "yes" and facts["checked"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grove"], "did you mean 'groove'?"),
        ([], "NAME"),
        (["lakh"], "cannot be downloaded as one file"),
        (["groove", "--url", "x"], "--url"),
    ],
)
def test_calls_that_are_wrong(melody, arguments, words):
    said = melody("data", "fetch", *arguments)
    assert said.status == 2 and words in said.err and said.err.count("\n") == 1 and said.out == ""
