"""``melody export``, and ``--engine``."""

import json
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

LENGTH = ("--bars", 1, "--seed", 1)


@pytest.fixture
def mine(model: Path, here: Path) -> Path:
    """A model of one's own."""
    return Path(shutil.copytree(model, here / "mine"))


def test_export_prints_a_table_and_the_verbs_use_the_file(melody, mine: Path, corpus: Path):
    said = melody("export", mine, "--corpus", corpus)
    assert said.status == 0 and said.err == ""
    lines = said.out.splitlines()
    assert [line.split()[0] for line in lines[1:8]] == ["role", "wait", "part", "pitch", "duration", "velocity", "total"]
    assert lines[-1].startswith(f"{mine}/runtime.safetensors: ")
    assert melody("generate", "--model", mine, *LENGTH, "-o", "x.mid").err == ""
    assert melody("generate", "--model", mine, *LENGTH, "--engine", "torch", "-o", "y.mid").err == ""

    blob = (mine / "runtime.safetensors").read_bytes()
    (mine / "runtime.safetensors").write_bytes(blob[: len(blob) // 2])
    said = melody("generate", "--model", mine, *LENGTH, "-o", "z.mid")
    assert said.status == 1 and "melody export" in said.err and said.err.count("\n") == 1
    assert melody("generate", "--model", mine, *LENGTH, "--engine", "torch", "-o", "z.mid").status == 0


def test_json(melody, mine: Path):
    facts = json.loads(melody("export", mine, "--json").out)
    assert facts["difference"] <= 0.005 and facts["notes"] > 0 and set(facts["nats_per_note"]["total"]) == {"torch", "onnx"}
    assert facts["file"] == str(mine / "runtime.safetensors") and facts["bytes"] > 1000


def test_a_model_without_a_runtime_says_how_to_get_one(melody, mine: Path):
    said = melody("generate", "--model", mine, *LENGTH, "-o", "x.mid")
    assert said.status == 0 and said.err.count("\n") == 1 and "melody export" in said.err
    said = melody("generate", "--model", mine, *LENGTH, "--engine", "onnx", "-o", "y.mid")
    assert said.status == 1 and "melody export" in said.err
    said = melody("generate", "--model", mine, *LENGTH, "--engine", "tensorflow", "-o", "y.mid")
    assert said.status == 2 and "engine" in said.err


def test_a_runtime_of_other_weights_is_refused(melody, mine: Path):
    from melody import bundle

    assert melody("export", mine).status == 0
    model = bundle.load_model(bundle.read(mine))
    bundle.save(mine, model, {}, half=True)
    said = melody("generate", "--model", mine, *LENGTH, "-o", "x.mid")
    assert said.status == 1 and "other weights" in said.err and "melody export" in said.err


def test_export_of_nothing(melody):
    assert melody("export", "nowhere").status == 2
    assert melody("export").status == 2
