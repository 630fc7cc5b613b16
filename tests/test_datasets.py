"""The catalogue of collections: well-formed, complete, and in step with the archives that lie beside the checkout."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from melody.data import collections
from melody.sources.names import ARCHIVE_SUFFIXES, suffix

ROOT = Path(__file__).parents[1]
ARCHIVES = ROOT.parent / "shared" / "data"
CATALOGUE: list[dict[str, Any]] = tomllib.loads((ROOT / "datasets" / "catalogue.toml").read_text("utf-8"))["collection"]
TEXTS = ("name", "title", "what", "licence", "share", "reason", "address", "clock", "prepare", "credit")
STYLES = {
    *("pop", "lieder", "keyboard", "organ", "chorale", "hymn", "choir", "oratorio", "quartet", "chamber", "orchestra", "folk", "band"),
    *("drums", "guitar", "ragtime"),
}
FILE = {"archive", "bytes", "most", "sha256", "url"}

every = pytest.mark.parametrize("entry", CATALOGUE, ids=[e["name"] for e in CATALOGUE])


@every
def test_an_entry_is_complete(entry: dict[str, Any]) -> None:
    for name in TEXTS:
        assert isinstance(entry[name], str) and entry[name].strip() == entry[name] != "", name
    assert isinstance(entry["spdx"], str)
    assert entry["files"] >= 0 and entry["notes"] >= 0 and entry["hours"] >= 0
    assert entry["share"] in ("yes", "no", "unclear")
    assert entry["clock"] in ("beats", "seconds")
    assert entry["address"].startswith("https://")
    if "commit" in entry:
        assert re.fullmatch("[0-9a-f]{40}", entry["commit"]) and "github.com" in entry["address"]
    assert ({"archive", "bytes"} <= entry.keys()) is not ({"archive", "most"} <= entry.keys()) or not FILE & entry.keys()
    if "sha256" in entry:
        assert re.fullmatch("[0-9a-f]{64}", entry["sha256"])
    if "url" in entry:
        assert entry["url"].startswith("https://") and entry["url"].endswith((entry["archive"], entry.get("commit", "-") + ".zip"))
        assert suffix(entry["archive"]) in ARCHIVE_SUFFIXES and "/" not in entry["archive"]
    known = {*TEXTS, "spdx", "files", "notes", "hours", "commit", "split", "styles", *FILE}
    assert all(style in STYLES for style in entry.get("styles", {}).values())
    assert not entry.keys() - known


def test_the_program_reads_the_same_table() -> None:
    for entry, one in zip(CATALOGUE, collections().values(), strict=True):
        assert all(getattr(one, name) == value for name, value in entry.items())
        assert not one.url or 0 < one.limit <= 2 * 2**30


def test_names_are_names_and_differ() -> None:
    names = [e["name"] for e in CATALOGUE]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z0-9-]+", n) for n in names)


def test_only_free_licences_may_be_shared() -> None:
    for entry in CATALOGUE:
        restricted = any(word in entry["spdx"] for word in ("-NC", "-SA", "GPL", "-ND")) or not entry["spdx"]
        assert entry["share"] != "yes" or not restricted, entry["name"]


def test_the_readme_prepares_every_archive() -> None:
    text = (ROOT / "datasets" / "README.md").read_text("utf-8")
    for entry in CATALOGUE:
        if "archive" in entry:
            assert f"{entry['archive']} -o" in text, entry["name"]


@every
def test_the_archives_are_those_of_the_catalogue(entry: dict[str, Any]) -> None:
    file = ARCHIVES / entry.get("archive", "none")
    if not file.is_file():
        pytest.skip("this archive does not lie beside the checkout, in ../shared/data")
    assert file.stat().st_size == entry["bytes"]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == entry["sha256"]
