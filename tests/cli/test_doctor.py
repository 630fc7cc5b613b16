"""``melody doctor``."""

import json
import sys
from pathlib import Path

import pytest

from melody import __version__, bundle
from melody.doctor import packages
from melody.extras import EXTRAS

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is loaded in processes of its own: tests/doctor/test_packages.py looks at that."""
    monkeypatch.setattr(packages, "loading_faults", lambda modules: {})


def test_the_report_names_what_a_fault_depends_on(melody):
    said = melody("doctor")
    assert said.status == 0 and said.err == ""
    lines = {line.split()[0]: line for line in said.out.splitlines() if not line.startswith(" ")}
    assert list(lines)[:6] == ["melody", "Python", "system", "processor", "cores", "memory"]
    assert __version__ in lines["melody"] and sys.version.split()[0] in lines["Python"]
    assert {*EXTRAS, "packages", "model", "self-test"} <= set(lines)
    assert "MISSING" not in lines["packages"] and "!" not in said.out
    assert "self-test    passed: " in said.out


def test_json_says_the_same(melody):
    facts = json.loads(melody("doctor", "--json").out)
    assert facts["works"] and set(facts) == {"works", "system", "packages", "extras", "model", "self_test"}
    assert facts["extras"]["train"]["missing"] == [] and facts["extras"]["train"]["install"] == "pip install 'melody-lstm[train]'"
    assert facts["model"]["sha256"] == bundle.read().sha256


def test_quiet_is_the_status_alone(melody):
    assert melody("doctor", "--quiet") == (0, "", "")


def test_a_missing_extra_says_what_it_would_give_and_how_to_get_it(melody, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = melody("doctor")
    assert said.status == 0
    assert f"render       not installed: {EXTRAS['render'].gives}\n" in said.out and "pip install 'melody-lstm[render]'" in said.out


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_without_its_model_the_status_is_1_and_the_report_complete(melody, monkeypatch, arguments):
    monkeypatch.setattr(bundle, "shipped", dict)
    said = melody("doctor", *arguments)
    assert said.status == 1 and said.err == "" and "unknown model 'base'" in said.out
    if arguments:
        assert json.loads(said.out)["works"] is False


def test_the_home_folder_is_not_shown(melody, monkeypatch):
    monkeypatch.setenv("HOME", str(Path(bundle.__file__).parents[1]))
    said = melody("doctor")
    assert str(Path(bundle.__file__).parents[1]) not in said.out.replace(sys.executable, "") and "~/melody" in said.out


def test_a_package_that_cannot_be_loaded_is_marked(melody, monkeypatch):
    monkeypatch.setattr(
        packages, "loading_faults", lambda modules: {m: "loading it ended its process with status -4" for m in modules if m == "torch"}
    )
    said = melody("doctor")
    assert said.status == 0 and "             ! torch: loading it ended its process with status -4\n" in said.out
