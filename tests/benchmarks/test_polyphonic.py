"""The polyphonic task: an exactly normalised likelihood that looks at nothing but the past, and one JSON object."""

import itertools
import json

import numpy as np
import pytest
import torch


@pytest.fixture
def rolls(script):
    return script("polyphonic_rolls")


@pytest.fixture
def models(script):
    return script("polyphonic_models")


@pytest.fixture
def polyphonic(script):
    return script("polyphonic")


def nats(rolls, models, model, roll):
    """Nats of each frame of a piece."""
    ((new, batch),) = rolls.batches([rolls.describe(roll)], 4, 99)
    assert new
    state = models.State(torch.zeros(2, 1, 16), torch.zeros(2, 1, 16))
    with torch.no_grad():
        found, _ = model(batch, state)
    return torch.zeros(len(roll)).index_add(0, rolls.spell(batch.roll[batch.real])[0], found)


def small(models):
    torch.manual_seed(3)
    model = models.FrameLSTM(models.Config(width=16, channels=4, reach=3)).eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.4)
    return model


@pytest.mark.slow
def test_all_frames_together_have_probability_one(rolls, models, monkeypatch):
    for module in (rolls, models):
        monkeypatch.setattr(module, "KEYS", 6)
        monkeypatch.setattr(module, "END", 6)
    model = small(models)
    past = np.random.default_rng(1).random((4, 6)) < 0.4
    frames = np.array(list(itertools.product((False, True), repeat=6)))
    total = [np.exp(-float(nats(rolls, models, model, np.vstack([past, frame]))[-1])) for frame in frames]
    assert sum(total) == pytest.approx(1, abs=1e-5)
    assert max(total) < 0.9
    first = [np.exp(-float(nats(rolls, models, model, frame[None])[0])) for frame in frames]
    assert sum(first) == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_nothing_looks_ahead(rolls, models):
    model = small(models)
    piece = np.random.default_rng(2).random((24, 88)) < 0.04
    piece[12:18] = piece[:6]  # something to match
    changed = piece.copy()
    changed[14] = ~changed[14]
    difference = (nats(rolls, models, model, piece) - nats(rolls, models, model, changed)).abs()
    assert difference[:14].max() == 0
    assert difference[14] > 0 and difference[15:].max() > 0


@pytest.mark.slow
def test_no_future_of_any_frame_changes_the_nats_before_it(rolls, models, polyphonic):
    """Bit for bit, over chunks with carried state and pieces side by side, as the command scores them."""
    model, config = small(models), models.Config(width=16, rows=3, chunk=8)
    rng = np.random.default_rng(6)
    pieces = [rng.random((n, 88)) < 0.05 for n in (30, 26, 19)]
    for piece in pieces:
        piece[12:18] = piece[2:8]
    held = [rolls.describe(p) for p in pieces]
    ends = np.cumsum([0] + [int(batch.roll[batch.real].sum() + batch.real.sum()) for _, batch in rolls.batches(held, 3, 8)])
    before, count = polyphonic.held_out(model, held, config)
    assert count == sum(map(len, pieces)) and len(before) == ends[-1] == count + sum(int(p.sum()) for p in pieces)
    for t in range(1, 30):
        # Other notes, as many as there were: all shapes are as before, so that nothing but what is seen can make a difference.
        changed = [np.vstack([p[:t], rng.permuted(p[t:], axis=1)]) for p in pieces]
        after, _ = polyphonic.held_out(model, [rolls.describe(p) for p in changed], config)
        # Events stand frame after frame within a chunk (its rows side by side), chunk after chunk: all before frame t come first.
        first = sum(int(p[:t].sum()) + min(t, len(p)) for p in pieces)
        assert (before[:first] == after[:first]).all()
        assert (before[first:] != after[first:]).any()


def test_what_is_known_of_a_frame_is_made_of_those_before_it(rolls):
    rng = np.random.default_rng(7)
    piece = rng.random((40, 88)) < 0.04
    piece[20:30] = piece[5:15]
    whole = rolls.describe(piece)
    for t in (1, 2, 10, 21, 26, 39):
        start = rolls.describe(np.vstack([piece[:t], rng.random((9, 88)) < 0.3]))
        assert (start.history[: t + 1] == whole.history[: t + 1]).all()
        assert (start.facts[: t + 1] == whole.facts[: t + 1]).all()
    bare = rolls.describe(piece, match=False)
    assert not bare.history[:, 3:6].any() and not bare.facts.any()
    assert (bare.history[:, :3] == whole.history[:, :3]).all()


def test_a_piece_has_the_same_nats_whatever_stands_beside_it(rolls, models, polyphonic):
    model, config = small(models), models.Config(width=16, rows=4, chunk=8)
    rng = np.random.default_rng(8)
    held = [rolls.describe(rng.random((n, 88)) < 0.05) for n in (30, 26, 19)]
    together, _ = polyphonic.held_out(model, held, config)
    alone = [polyphonic.held_out(model, [piece], config)[0] for piece in held]
    assert np.sort(together) == pytest.approx(np.sort(np.concatenate(alone)), abs=1e-4)


def test_frames_are_spelled_rising_then_end(rolls):
    frames = torch.zeros(3, 88, dtype=torch.bool)
    frames[0, [40, 3]] = True
    frames[2, 87] = True
    index, choice, lowest = rolls.spell(frames)
    assert index.tolist() == [0, 0, 0, 1, 2, 2]
    assert choice.tolist() == [3, 40, 88, 88, 87, 88]
    assert lowest.tolist() == [0, 4, 41, 0, 0, 88]


def test_repeats_are_found_in_every_key(rolls):
    piece = np.zeros((9, 88), bool)
    piece[np.arange(9), [40, 44, 47, 52, 40, 44, 47, 52, 40]] = True
    found = rolls.describe(piece)
    assert (found.history[5:, 5] == piece[5:]).all()  # what followed an equal past
    assert (found.history[5:, 3] == piece[5:]).all()
    higher = rolls.describe(np.roll(piece, 5, -1))
    assert (np.roll(found.history, 5, -1) == higher.history).all()


def test_batches_hold_every_frame_once(rolls):
    rng = np.random.default_rng(4)
    pieces = [rolls.describe(rng.random((n, 88)) < 0.05) for n in (5, 70, 33, 12, 64)]
    held = list(rolls.batches(pieces, 2, 16, rng, transpose=True))
    assert sum(int(b.real.sum()) for _, b in held) == 184
    assert sum(int(b.roll[b.real].sum()) for _, b in held) == sum(int(p.roll.sum()) for p in pieces)
    assert sum(new for new, _ in held) == 3


@pytest.mark.slow
@pytest.mark.parametrize("flags", [(), ("--no-match",), ("--independent",)])
def test_figures_are_those_of_keys_that_nobody_can_foresee(polyphonic, tmp_path, capsys, flags):
    scipy_io = pytest.importorskip("scipy.io")
    rng = np.random.default_rng(5)
    content = {}
    for split, count in (("train", 6), ("valid", 2), ("test", 2)):
        pieces = np.empty((1, count), object)
        for i in range(count):
            pieces[0, i] = (rng.random((10 + 3 * i, 88)) < 0.04).astype(np.uint8)
        content[f"{split}data"] = pieces
    scipy_io.savemat(tmp_path / "tiny.mat", content)
    curve = tmp_path / "curve.tsv"
    # As few minutes as there are: a time that is over ends each model after its first batch, however quick the machine is.
    assert not polyphonic.main([str(tmp_path / "tiny.mat"), "--minutes", "1e-9", "--members", "2", "--json", "--curve", str(curve), *flags])
    (table,) = json.loads(capsys.readouterr().out)["tables"]
    found = dict(zip(table["columns"], table["rows"][0], strict=True))
    # Keys drawn independently cannot be foreseen: whoever has fewer nats than their entropy (14.8) has looked.
    entropy = -88 * (0.04 * np.log(0.04) + 0.96 * np.log(0.96))
    assert 0.8 * entropy < found["valid"] < 100 and 0.8 * entropy < found["test"] < 100
    rows = [line.split("\t") for line in curve.read_text().splitlines()]
    assert {row[0] for row in rows} == ({"1"} if "--independent" in flags else {"1", "2"}) and found["models"] == len(
        {row[0] for row in rows}
    )
    assert all(len(row) == 3 and float(row[1]) > 0 and 0 < float(row[2]) < 100 for row in rows)
    assert found["parameters"] > 0 and found["minutes"] > 0


@pytest.mark.parametrize("content", [b"", b"not a matlab file" * 40, None])
def test_bad_file_is_one_line(polyphonic, tmp_path, capsys, content):
    pytest.importorskip("scipy.io")
    path = tmp_path / "bad.mat"
    if content is not None:
        path.write_bytes(content)
    assert polyphonic.main([str(path)]) == 1
    out, error = capsys.readouterr()
    assert not out and len(error.splitlines()) == 1 and "bad.mat" in error
