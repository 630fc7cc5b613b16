"""The table of extras is that of pyproject.toml, and what is missing is said in one line with the command that brings it."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

import melody
from melody.cli.guard import guarded
from melody.errors import MelodyError
from melody.extras import CORE, DISTRIBUTION, EXTRAS, lacking, require

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
DEVELOPMENT = {"test", "bench", "all"}  # for who works on melody, and all at once: nothing that a verb could miss


def name(requirement: str) -> str:
    return re.match(r"[\w.-]+", requirement).group().lower().replace("_", "-")


def test_the_distribution_is_that_of_the_project():
    assert PROJECT["name"] == DISTRIBUTION == "melody-lstm"
    assert set(PROJECT["scripts"]) == {"melody", DISTRIBUTION} and len(set(PROJECT["scripts"].values())) == 1


def test_the_table_is_that_of_the_project():
    declared = PROJECT["optional-dependencies"]
    assert set(declared) == set(EXTRAS) | DEVELOPMENT
    for extra in EXTRAS.values():
        assert sorted(map(name, declared[extra.name])) == sorted(extra.packages)
    assert declared["all"] == [f"{DISTRIBUTION}[{','.join(EXTRAS)}]"]


def test_what_always_comes_along_knows_no_extra():
    always = {name(r) for r in PROJECT["dependencies"]}
    assert not always & {p for e in EXTRAS.values() for p in e.packages}


@pytest.mark.parametrize("extra", EXTRAS.values(), ids=lambda e: e.name)
def test_a_missing_module_is_one_line_with_the_command(extra, monkeypatch):
    for module in extra.modules:
        monkeypatch.setitem(sys.modules, module, None)
    assert extra.missing() == list(extra.modules)
    with pytest.raises(MelodyError) as said:
        require(extra.name, "this verb")
    assert str(said.value) == (
        f"this verb needs {extra.modules[0]}, which is not installed; install it with: pip install '{DISTRIBUTION}[{extra.name}]'"
    )


def test_what_is_there_is_no_error():
    assert EXTRAS["train"].missing() == []
    require("train", "the tests")


def test_a_module_of_no_extra_is_one_that_always_comes_along():
    assert {name(r) for r in PROJECT["dependencies"]} == {name(c) for c in CORE}
    assert str(lacking("numpy", "melody")).endswith("install it with: pip install 'melody-lstm'")


def ends(capsys: pytest.CaptureFixture[str], fault: BaseException) -> tuple[int, str]:
    """Status and line of a verb that raises ``fault``."""

    def work() -> None:
        raise fault

    return guarded(work), capsys.readouterr().err


def test_an_import_that_fails_is_one_line_whoever_tried_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    status, line = ends(capsys, ModuleNotFoundError("import of torch halted", name="torch"))
    assert (status, line) == (1, "melody: this needs torch, which is not installed; install it with: pip install 'melody-lstm[train]'\n")
    status, line = ends(capsys, ModuleNotFoundError("No module named 'mido.midifiles'", name="mido.midifiles"))
    assert status == 1 and line.startswith("melody: mido cannot be loaded (")
    status, line = ends(capsys, ImportError("libgomp.so.1: cannot open shared object file\nmore", name="torch._C"))
    assert status == 1 and line.startswith("melody: torch cannot be loaded (libgomp.so.1: ") and "melody doctor" in line
    assert line.count("\n") == 1


def test_a_module_of_its_own_that_is_missing_stays_a_fault_of_melody(capsys):
    status, line = ends(capsys, ModuleNotFoundError("No module named 'melody.nothing'", name="melody.nothing"))
    assert status == 1 and line.startswith("melody: a bug in melody") and "pip install" not in line


def test_the_version_stands_in_one_place():
    assert PROJECT["dynamic"] == ["version"]
    citation, changelog = ((ROOT / name).read_text("utf-8") for name in ("CITATION.cff", "CHANGELOG.md"))
    assert re.search(r"^version: (.*)$", citation, re.MULTILINE).group(1) == melody.__version__
    assert re.search(rf"^## {re.escape(melody.__version__)}\b", changelog, re.MULTILINE)
