"""Two processes train as one: the same losses, the same weights, one writer, and a run that either number can resume."""

import json
import os
import socket
import subprocess
import sys

import pytest
import torch

from melody import bundle
from melody.corpus import Corpus
from melody.errors import MelodyError
from melody.train.parallel import Group
from melody.train.rows import RowStream

RECIPE = """\
base = "tiny"
[model]
dropout = 0.0
[train]
steps = {steps}
batch = 4
chunk = 40
precision = "fp32"
threads = 1
validate_every = 25
"""


def train(folder, name, corpus, world, *flags):
    """``melody train`` in so many processes, as torchrun starts them; their statuses and what they said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "melody", "train", str(corpus), "-o", name, *flags]
    group = {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    runs = [
        subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | (group | {"RANK": str(rank), "LOCAL_RANK": str(rank)} if world > 1 else {}),
        )
        for rank in range(world)
    ]  # fmt: skip
    said = [run.communicate(timeout=120) for run in runs]
    assert [run.returncode for run in runs] == [0] * world, said


def losses(folder):
    return {r["step"]: r["nats"] for r in map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())}


def test_two_processes_equal_one_at_the_same_global_batch(corpus, tmp_path):
    (tmp_path / "own.toml").write_text(RECIPE.format(steps=50))
    train(tmp_path, "one", corpus, 1, "--recipe", "own.toml")
    train(tmp_path, "two", corpus, 2, "--recipe", "own.toml")
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert one.keys() == two.keys() and len(one) == 6
    assert max(abs(one[s] - two[s]) for s in one) < 1e-4
    ours, theirs = (bundle.read(tmp_path / name).training for name in ("one", "two"))
    assert ours["valid_nats_per_note"]["total"] == pytest.approx(theirs["valid_nats_per_note"]["total"], abs=1e-4)
    assert ours["notes"] == theirs["notes"]
    train(tmp_path, "two", corpus, 1, "--resume", "--steps", "60")  # the state is that of all rows: one process goes on with it
    assert bundle.read(tmp_path / "two" / "last" / "00000060").training["step"] == 60


def streams(corpus, world, rows=6, chunk=48):
    pieces, each = Corpus(corpus), rows // world
    from melody.codec import CodecConfig

    config = CodecConfig(styles=pieces.styles)
    return [RowStream(pieces, config, list(range(8)), each, chunk, first=r * each, total=rows) for r in range(world)]


def test_rows_are_the_same_however_they_are_shared(corpus):
    [whole], parts = streams(corpus, 1), streams(corpus, 3)
    for _ in range(25):
        batch = whole._batch()
        for part in parts:
            own = part._batch()
            count, mine = len(own.valid), slice(part.first, part.first + part.batch)
            assert (batch.valid[:count, mine] == own.valid).all() and not batch.valid[count:, mine].any()
            assert (batch.rows[: count + 1, mine] == own.rows).all()
            assert (batch.piece[mine] == own.piece).all() and (batch.reset[mine] == own.reset).all()
    assert whole.position["rows"] == [row for part in parts for row in part.position["rows"]]
    assert whole.epoch > 1


def test_every_epoch_sees_every_piece_once(corpus):
    [stream] = streams(corpus, 1, rows=3)
    seen = [
        (row.ticket, int(b.piece[i])) for b in (stream._batch() for _ in range(120)) for i, row in enumerate(stream._rows) if b.reset[i]
    ]
    first = [piece for (epoch, _), piece in seen if epoch == 0]
    assert sorted(first) == list(range(8))


def test_a_stream_goes_on_from_its_position(corpus):
    [one], [other] = streams(corpus, 1), streams(corpus, 1)
    for _ in range(7):
        one._batch()
    other.position = json.loads(json.dumps(one.position))
    for _ in range(5):
        a, b = one._batch(), other._batch()
        assert (a.rows == b.rows).all() and (a.piece == b.piece).all()


def test_one_process_says_nothing_to_nobody():
    alone = Group()
    assert alone.agree(3) == 3 and alone.gather(3) == [3] and alone.first
    assert Group(1, 4).share(10) == (2, 2)
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
