"""The runtime without torch: a tiny model, exported, beside the same model in torch; and all the ways in which a file can be wrong."""

import sys
from dataclasses import replace

import numpy as np
import pytest

from melody.codec.columns import POINTERS, StepInputs, condition_sizes, distance_sizes, feature_sizes, recalled_sizes
from melody.codec.table import Field, Role
from melody.errors import CallError, MelodyError
from melody.generate.loop import write
from melody.generate.sampling import Sampling
from melody.generate.torch_engine import TorchEngine

from .conftest import check, held_notes, metre, plan
from .tiny import CODEC, SHAPES, bundle_of, engine_of

pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module", params=SHAPES)
def exported(request, tmp_path_factory):
    from melody.export import export

    found = bundle_of(tmp_path_factory.mktemp(request.param), **SHAPES[request.param])
    export(found)
    return found


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A bundle with its runtime file."""
    from melody.export import export

    found = bundle_of(tmp_path_factory.mktemp("one"), **SHAPES["recall"])
    return found, export(found)


def torch_engine(found):
    from melody.bundle import load_model

    return TorchEngine(load_model(found))


def inputs_of(rng, steps, rows, given=6):
    """Random but possible inputs (T, B)."""
    shape = (steps, rows)
    events = np.stack([rng.integers(0, n, shape) for n in CODEC.sizes], -1)
    metres = np.stack([rng.integers(0, n, shape) for n in feature_sizes(CODEC)], -1)
    lookups = np.stack(
        [rng.integers(0, given + 1, shape) for _ in range(2)] + [rng.integers(0, n, shape) for n in distance_sizes(CODEC)], -1
    )
    recalled = np.stack([rng.integers(0, n, (*shape, POINTERS)) for n in recalled_sizes(CODEC)], -1)
    return StepInputs(events, metres, lookups, recalled)


def pieces_by(rng, rows, given=6):
    """Arguments of ``context`` for rows that have nothing in common."""
    parts = np.stack([rng.integers(0, 128, (rows, 16)), *(rng.integers(0, 2, (rows, 16)) for _ in range(2))], -1)
    conditions = np.stack([rng.integers(0, n, rows) for n in condition_sizes(CODEC)], -1)
    columns = (16, 128, CODEC.max_duration, CODEC.velocity_bins, CODEC.rest, CODEC.positions, 8)
    notes = np.stack([rng.integers(0, n, (given, rows)) for n in columns], -1)
    notes[..., 2] += 1
    return parts, conditions, notes, rng.random(rows) < 0.3


def scores(engine, rng_seed, rows, cut=slice(None), steps=3):
    """Logits of every field after every step, and the last state, of some of the rows."""
    rng = np.random.default_rng(rng_seed)
    parts, conditions, given, causal = pieces_by(rng, rows)
    steps_read = inputs_of(rng, steps, rows).at((slice(None), cut))
    context = engine.context(parts[cut], conditions[cut], given[:, cut], causal[cut])
    state, out = engine.initial_state(conditions[cut]), []
    for t in range(steps):
        heads, state = engine.advance(context, state, steps_read.at(slice(t, t + 1)))
        events = steps_read.events[t].copy()
        events[:, Field.ROLE] = Role.NOTE
        for field in Field:
            if field == Field.PART:
                heads = engine.set_time(context, heads, steps_read.features[t], steps_read.lookups[t])
            out.append(np.array(engine.logits(context, heads, field)))
            heads = engine.embed_choice(context, heads, field, events[:, field], events[:, Field.ROLE])
    return out, state


@pytest.mark.slow
def test_logits_are_those_of_torch_up_to_rounding(exported):
    mine, theirs = (scores(e, 3, 9)[0] for e in (engine_of(exported), torch_engine(exported)))
    for a, b in zip(mine, theirs, strict=True):
        assert a.shape == b.shape
        assert np.abs(a - b).max() < 0.05 * max(1, float(np.abs(b).max()))
    assert max(float(b.std()) for b in theirs) > 0.1  # they say something


@pytest.mark.slow
def test_a_row_is_bit_for_bit_the_row_alone(exported):
    engine = engine_of(exported)
    together, state = scores(engine, 4, 64)
    for k in (0, 17, 63):
        alone, own = scores(engine, 4, 64, slice(k, k + 1))
        assert all(np.array_equal(a[k : k + 1], b) for a, b in zip(together, alone, strict=True))
        assert all(np.array_equal(a[:, k : k + 1], b) for a, b in zip(state, own, strict=True))


def test_many_steps_in_one_call_are_the_same_steps(exported):
    engine, rng = engine_of(exported), np.random.default_rng(5)
    parts, conditions, given, causal = pieces_by(rng, 4)
    steps_read = inputs_of(rng, 30, 4)
    context, state = engine.context(parts, conditions, given, causal), engine.initial_state(conditions)
    heads, whole = engine.advance(context, state, steps_read)
    for t in range(30):
        last, state = engine.advance(context, state, steps_read.at(slice(t, t + 1)))
    assert np.array_equal(heads.z, last.z) and all(np.array_equal(a, b) for a, b in zip(whole, state, strict=True))


def test_rows_can_leave_and_states_be_joined(exported):
    engine, rng = engine_of(exported), np.random.default_rng(6)
    arguments, steps_read = pieces_by(rng, 5), inputs_of(rng, 1, 5)
    context, state = engine.context(*arguments), engine.initial_state(arguments[1])
    rows = np.array([1, 4])
    few, own = engine.pick(context, state, rows)
    some = engine.advance(few, own, steps_read.at((slice(None), rows)))
    every = engine.advance(context, state, steps_read)
    assert np.array_equal(some[0].z, every[0].z[rows])
    joined = engine.join([engine.pick(context, state, np.array([r]))[1] for r in range(5)])
    assert all(np.array_equal(a, b) for a, b in zip(joined, state, strict=True))


def plans():
    """Plans of different lengths, with given notes, guidance and parts that are declared on the way."""
    usual = {
        "conditions": np.array([1, 3, 0, 1, 2], np.int16),
        "metre": metre(codec=CODEC),
        "sampling": Sampling(temperature=1, guidance=2),
    }
    own = [plan(stop=16 * (1 + s), ending=8 * s, seed=s, declare=(1, 4), **usual) for s in range(4)]
    return [*own, plan(0, held=[0], given=held_notes(0, 8, 20), declare=(1, 2), seed=9, **usual)]


def test_a_piece_in_a_batch_is_the_piece_alone(exported):
    engine = engine_of(exported)
    together = write(engine, plans())
    for made, rows in zip(plans(), together, strict=True):
        check(made, rows, CODEC)
        assert np.array_equal(write(engine, [made])[0], rows)


@pytest.mark.slow
def test_a_piece_that_takes_an_ended_ones_place_is_the_piece_alone(exported):
    from melody.generate.loop import pieces

    engine, many = engine_of(exported), [replace(made, seed=seed) for seed in range(3) for made in plans()]
    found = dict(pieces(engine, iter(many), capacity=4))
    for i, made in enumerate(many):
        assert np.array_equal(write(engine, [made])[0], found[i])


@pytest.mark.slow
def test_torch_pieces_take_places_too(one):
    from melody.generate.loop import pieces

    engine, many = torch_engine(one[0]), [replace(made, seed=seed) for seed in range(2) for made in plans()]
    found = dict(pieces(engine, iter(many), capacity=3))
    assert sorted(found) == list(range(len(many)))
    for i, made in enumerate(many):
        check(made, found[i], CODEC)


@pytest.mark.slow
def test_given_notes_that_nobody_uses_are_left_out(one, monkeypatch):
    from melody.generate.loop import pieces
    from melody.runtime import context

    monkeypatch.setattr(context, "MAX_UNUSED", 4)
    engine = engine_of(one[0])
    tunes = [replace(plans()[-1], given=held_notes(*range(0, 20 + s, 3 + s)), seed=s) for s in range(8)]
    found = dict(pieces(engine, iter(tunes), capacity=2))
    assert all(np.array_equal(write(engine, [made])[0], found[i]) for i, made in enumerate(tunes))


def test_the_export_compares_by_field(one):
    _, (found, path) = one
    assert path.name == "runtime.safetensors" and found.notes > 50 and found.difference <= 0.005
    names = [name for name, _, _ in found.rows()]
    assert names == ["role", "wait", "part", "pitch", "duration", "velocity", "total"]


@pytest.mark.slow
def test_a_runtime_that_says_something_else_is_not_written(tmp_path, monkeypatch):
    from melody import export as room

    found = bundle_of(tmp_path, **SHAPES["plain"])
    monkeypatch.setattr(room, "MAX_DIFFERENCE", -1.0)
    with pytest.raises(MelodyError, match="would differ from the model"):
        room.export(found)
    assert not (tmp_path / "runtime.safetensors").exists()


@pytest.mark.parametrize("cell", ["gru", "rnn"])
def test_other_cells_are_refused(tmp_path, cell):
    from melody.export import export

    with pytest.raises(MelodyError, match=f"no runtime for networks of {cell} cells"):
        export(bundle_of(tmp_path, cell=cell, **SHAPES["plain"]))


def test_without_onnxruntime_torch_takes_over_and_says_so(one, monkeypatch):
    from melody.compose import engines, load

    found, _ = one
    composer = load(found.folder)
    assert type(composer.engine).__name__ == "OnnxEngine" and composer.remark == ""
    monkeypatch.setattr(engines, "find_spec", lambda name: None if name == "onnxruntime" else object())
    composer = load(found.folder)
    assert type(composer.engine).__name__ == "TorchEngine" and "onnxruntime" in composer.remark
    with pytest.raises(MelodyError, match="onnxruntime"):
        load(found.folder, engine="onnx")


def test_the_engine_can_be_chosen(one, tmp_path):
    from melody.compose import load

    found, _ = one
    assert type(load(found.folder, engine="torch").engine).__name__ == "TorchEngine"
    with pytest.raises(CallError, match="did you mean 'onnx'"):
        load(found.folder, engine="onx")
    bare = bundle_of(tmp_path, **SHAPES["plain"])
    assert "melody export" in load(bare.folder).remark
    with pytest.raises(MelodyError, match="melody export"):
        load(bare.folder, engine="onnx")


@pytest.mark.slow
def test_nothing_of_it_imports_torch(one, tmp_path):
    import subprocess

    folder, tune = one[0].folder, tmp_path / "tune.mid"
    code = f"""
import sys
sys.modules["torch"] = None
from melody.cli import main
common = ["--model", {str(folder)!r}, "--seed", "1", "--quiet", "--output"]
calls = [["generate", "--bars", "4", *common, {str(tune)!r}]]
calls += [["continue", {str(tune)!r}, "--bars", "1", *common, {str(tmp_path / "c.mid")!r}]]
calls += [["accompany", {str(tune)!r}, "--track", "1", *common, {str(tmp_path / "a.mid")!r}]]
calls += [["infill", {str(tune)!r}, "--from-bar", "2", "--to-bar", "2", *common, {str(tmp_path / "i.mid")!r}]]
print([main(call) for call in calls])
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout.strip() == "[0, 0, 0, 0]", result.stderr
    assert result.stderr == ""
