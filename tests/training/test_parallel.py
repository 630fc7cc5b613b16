"""Two processes train as one: the same losses, the same weights, one writer, and a run that either number can resume."""

import json
import os
import subprocess
import sys

import pytest
import torch
from torch.distributed import TCPStore

from melody import bundle
from melody.cli import main
from melody.errors import MelodyError
from melody.training.parallel import Group

RECIPE = """\
base = "tiny"
[model]
dropout = 0.0
[train]
steps = 50
batch = 4
chunk = 40
precision = "fp32"
threads = 1
validate_every = 25
"""


LONG = 300  # seconds after which two processes do not end any more, however busy the machine is


def alone(*arguments):
    """``melody train`` in this process."""
    assert main(["train", *map(str, arguments), "--quiet"]) == 0


def together(folder, *arguments):
    """``melody train`` in two processes, as torchrun starts them; they meet at a port that this process holds, so that it stays theirs."""
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "melody", "train", *map(str, arguments)],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | group | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    said = [run.communicate(timeout=LONG) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], said


def losses(folder):
    return {r["step"]: r["nats"] for r in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())}


@pytest.mark.slow
def test_two_processes_equal_one_at_the_same_global_batch(corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.toml").write_text(RECIPE)
    alone(corpus, "-o", "one", "--recipe", "own.toml")
    together(tmp_path, corpus, "-o", "two", "--recipe", "own.toml")
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert one.keys() == two.keys() and len(one) == 6
    assert max(abs(one[s] - two[s]) for s in one) < 1e-4
    ours, theirs = (bundle.read(tmp_path / name).training for name in ("one", "two"))
    assert ours["valid_nats_per_note"]["total"] == pytest.approx(theirs["valid_nats_per_note"]["total"], abs=1e-4)
    assert ours["notes"] == theirs["notes"]
    alone(corpus, "-o", "two", "--resume", "--steps", "60")  # the state is that of all rows: one process goes on with it
    assert bundle.read(tmp_path / "two" / "last" / "00000060").training["step"] == 60


def test_one_process_says_nothing_to_nobody():
    alone = Group()
    assert alone.agree(3) == 3 and alone.gather(3) == [3] and alone.first
    assert [Group(rank, 4).share(10) for rank in range(4)] == [(0, 3), (3, 3), (6, 2), (8, 2)]
    with pytest.raises(MelodyError, match="cannot be shared by 4 processes"):
        Group(0, 4).share(3)


def test_other_processes_drop_other_units():
    torch.manual_seed(1)
    expected = torch.rand(3)
    draws = []
    for rank in range(3):
        torch.manual_seed(1)
        Group(rank, 3).seed(1)
        draws.append(torch.rand(3))
    assert torch.equal(draws[0], expected) and not torch.equal(draws[1], expected) and not torch.equal(draws[1], draws[2])
