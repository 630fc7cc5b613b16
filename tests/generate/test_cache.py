"""The neural cache: rings of rows that come and go, and what they change, beside plain formulas."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from melody.codec.table import Field, Role
from melody.errors import CallError
from melody.generate import cache as room
from melody.generate.cache import CACHED, SIZE, Cache, rounded
from melody.generate.loop import Writer, pieces, write
from melody.generate.sampling import Sampling

from .conftest import CODEC, FakeEngine, check, held_notes, metre, plan
from .tiny import CODEC as TINY
from .tiny import SHAPES, bundle_of, engine_of

WITH, WITHOUT = Sampling(memory=1), Sampling()


def note(**values):
    event = np.zeros(len(Field), np.int64)
    event[Field.ROLE] = Role.NOTE
    for name, value in values.items():
        event[Field[name.upper()]] = value
    return event


def filled(rng, counts, width=24, values=12):
    """A cache whose rows hold so many random notes, and what was put in: (row, key by field, event)."""
    cache = Cache(len(counts))
    for b in range(len(counts)):
        cache.begin(b, 1.0, None)
    told = []
    for i in range(max(counts)):
        keys = {field: rounded(rng.random((len(counts), width), np.float32)) for field in CACHED}
        events = np.stack([note(wait=w, pitch=w, duration=w, velocity=w) for w in rng.integers(0, values, len(counts))])
        events[i >= np.array(counts), Field.ROLE] = Role.REST
        cache.after(events, keys.__getitem__)
        told += [(b, keys, events[b]) for b in range(len(counts)) if i < counts[b]]
    return cache, told


def slowly(told, b, field, query, logits, first, last, legal):
    """The mixture of one row, value by value, from what was put in: probabilities of first..last."""
    own = {v: np.exp(float(logits[v])) for v in range(first, last + 1) if legal is None or legal[v - first]}
    mine = [(keys[field][b], int(event[field])) for row, keys, event in told if row == b]
    sums = dict.fromkeys(own, 0.0)
    for key, value in mine[-SIZE:]:
        if value in sums:
            alike = float(key @ query / np.linalg.norm(key) / np.linalg.norm(query))
            sums[value] += np.exp(room.SHARPNESS[field] * (alike - 1))
    share = room.SHARES[field] * min(1, len(mine) / room.RISE) if sum(sums.values()) else 0
    whole = sum(sums.values()) or 1
    return [(1 - share) * own[v] / sum(own.values()) + share * sums[v] / whole if v in own else 0.0 for v in range(first, last + 1)]


@pytest.mark.parametrize("field", CACHED)
def test_the_mixture_is_that_of_the_formula(field, monkeypatch):
    monkeypatch.setattr(room, "SIZE", 40)
    monkeypatch.setitem(globals(), "SIZE", 40)
    rng = np.random.default_rng(1)
    cache, told = filled(rng, (90, 17, 0, 40))
    query = rounded(rng.random((4, 24), np.float32))
    logits = rng.normal(size=(4, 20)).astype(np.float32)
    legal = rng.random((4, 13)) < 0.7
    legal[:, 0] = True
    for allowed in (None, legal):
        mixed = logits.copy()
        cache.mix(field, query, mixed, 2, 14, allowed, np.array([True, True, True, True]))
        for b in range(4):
            wanted = slowly(told, b, field, query[b], logits[b], 2, 14, None if allowed is None else allowed[b])
            own = np.exp(mixed[b, 2:15].astype(float)) * (1 if allowed is None else allowed[b])
            assert own / own.sum() == pytest.approx(np.array(wanted), rel=1e-2, abs=1e-6)
        assert np.array_equal(mixed[:, :2], logits[:, :2]) and np.array_equal(mixed[:, 15:], logits[:, 15:])
        assert np.array_equal(mixed[2], logits[2])  # nothing is held
        assert not np.array_equal(mixed[1], logits[1])


def test_a_cache_full_of_one_value_raises_it_by_its_share():
    cache = Cache(1)
    cache.begin(0, 0.5, None)
    key = rounded(np.ones((1, 8), np.float32))
    for _ in range(SIZE + 20):
        cache.after(note(pitch=3)[None], lambda field: key)
    logits = np.zeros((1, 5), np.float32)
    cache.mix(Field.PITCH, key, logits, 0, 4, None, np.array([True]))
    share = 0.5 * room.SHARES[Field.PITCH]
    assert np.exp(logits[0]) == pytest.approx((1 - share) / 5 + share * (np.arange(5) == 3), rel=1e-5)
    before = logits.copy()
    cache.mix(Field.PITCH, key, logits, 0, 4, None, np.array([False]))  # no note
    cache.mix(Field.PITCH, key, logits, 0, 2, None, np.array([True]))  # what it holds is not legal here
    assert np.array_equal(logits, before)


def test_the_ring_is_bounded_and_only_notes_go_in(monkeypatch):
    monkeypatch.setattr(room, "SIZE", 100)
    cache, _ = filled(np.random.default_rng(2), (350, 20))
    assert cache.count.tolist() == [350, 20]
    for field in CACHED:
        assert cache.keys[field].shape == (2, 100, 24) and cache.values[field].shape == (2, 100)
    cache.after(np.zeros((2, len(Field)), np.int64) + Role.REST, lambda field: pytest.fail("asked for a key"))
    cache.keep(np.array([1]))
    assert cache.count.tolist() == [20] and cache.keys[Field.WAIT].shape == (1, 100, 24)


def test_products_of_keys_are_exact_in_any_order():
    keys = rounded(np.random.default_rng(3).random((50, 512), np.float32) ** 4)
    products = keys.astype(np.int64) @ keys.astype(np.int64).T
    assert products.max() < 1 << 24 and keys.min() >= 0
    assert np.array_equal(keys @ keys.T, products) and np.array_equal(keys[:, ::-1] @ keys[:, ::-1].T, products)
    assert np.array_equal(rounded(np.zeros((1, 4), np.float32)), np.zeros((1, 4)))


def plans(sampling, codec=CODEC, **settings):
    usual = {"metre": metre(codec=codec), "sampling": sampling, "conditions": np.array([1, 3, 0, 1, 2], np.int16)} | settings
    lengths = (16, 200, 90, 120)
    return [plan(stop=n, ending=n - 8, most_notes=60, seed=s, declare=(1, 4), **usual) for s, n in enumerate(lengths)]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    pytest.importorskip("onnxruntime")
    from melody.export import export

    found = bundle_of(tmp_path_factory.mktemp("cache"), **SHAPES["recall"])
    export(found)
    return found


@pytest.fixture
def early(monkeypatch):
    """The cache counts from the first notes on, and its ring is soon full."""
    monkeypatch.setattr(room, "RISE", 4)
    monkeypatch.setattr(room, "SIZE", 20)


def engines(exported):
    return ((FakeEngine(), CODEC), (engine_of(exported), TINY))


def test_off_it_does_not_exist(monkeypatch):
    written = write(FakeEngine(), plans(WITHOUT))
    monkeypatch.setattr(FakeEngine, "key", None)
    monkeypatch.setattr(FakeEngine, "review", None)
    monkeypatch.setattr(room, "Cache", None)
    assert Writer(FakeEngine(), plans(WITHOUT)).cache is None
    assert all(np.array_equal(a, b) for a, b in zip(written, write(FakeEngine(), plans(WITHOUT)), strict=True))


def test_on_it_changes_what_is_written_and_it_stays_legal(exported, early):
    for engine, codec in engines(exported):
        without, written = write(engine, plans(WITHOUT, codec)), write(engine, plans(WITH, codec))
        assert not all(np.array_equal(a, b) for a, b in zip(without, written, strict=True))
        for made, rows in zip(plans(WITH, codec), written, strict=True):
            check(made, rows, codec)


def mixed_plans(codec):
    """With the cache and without, guided and not, some with a prime: what they share a batch with."""
    first, second, third, fourth = plans(WITH, codec)
    prime = write(FakeEngine(codec), [first])[0][:-1]
    guided = plan(0, held=[0], given=held_notes(0, 8, 20), declare=(1, 2), seed=9, metre=first.metre, sampling=WITH)
    after = [replace(third, prime=prime, seed=seed) for seed in (5, 6)]
    return [first, replace(second, sampling=WITHOUT), third, guided, *after, replace(fourth, sampling=Sampling(memory=2))]


def test_a_row_of_a_batch_is_the_row_alone(exported, early):
    for engine, codec in engines(exported):
        for made, rows in zip(mixed_plans(codec), write(engine, mixed_plans(codec)), strict=True):
            check(made, rows, codec)
            assert np.array_equal(write(engine, [made])[0], rows)


def test_a_piece_that_takes_an_ended_ones_place_begins_with_nothing(exported, early):
    for engine, codec in engines(exported):
        many = [replace(made, seed=seed) for seed in range(3) for made in mixed_plans(codec)]
        found = dict(pieces(engine, iter(many), rows=3, guided=True))
        for i, made in enumerate(many):
            assert np.array_equal(write(engine, [made])[0], found[i])
    writer = Writer(FakeEngine(), iter([replace(p, seed=s) for s in range(2) for p in plans(WITH)]), rows=3)
    seen = [(step.index.tolist(), writer.cache.count.tolist()) for step in writer]
    fresh = [
        new
        for (before, old), (after, counts) in pairwise(seen)
        if len(before) == len(after)
        for a, b, new in zip(before, after, counts, strict=True)
        if a != b and max(old) > 5
    ]
    assert fresh and max(fresh) <= 1


def test_what_is_read_is_held_as_if_it_had_been_written(exported):
    """The keys of a prime are those that the same events leave when they are chosen."""
    for engine, codec in engines(exported):
        settings = {"metre": metre(codec=codec), "conditions": np.array([1, 3, 0, 1, 2], np.int16), "sampling": WITH, "seed": 3}
        made = plan(0, 24, stop=200, ending=192, **settings)
        writer = Writer(engine, [made])
        rows = []
        for step in writer:
            rows.append(step.rows[0])
            if writer.cache.count[0] == 8:
                break
        primed = Writer(engine, [replace(made, prime=np.concatenate([made.prime, rows]))])
        assert primed.cache.count.tolist() == writer.cache.count.tolist() == [8]
        for field in CACHED:
            held = slice(int(writer.cache.count[0]))
            assert np.array_equal(primed.cache.values[field][0, held], writer.cache.values[field][0, held])
            assert np.array_equal(primed.cache.keys[field][0, held], writer.cache.keys[field][0, held])


def test_the_torch_engine_has_the_same_keys_up_to_rounding(exported):
    pytest.importorskip("torch")
    from melody.bundle import load_model
    from melody.generate.engine import TorchEngine

    made = replace(plans(WITH, TINY)[2], prime=write(engine_of(exported), plans(WITH, TINY))[1][:40])
    ours, theirs = (Writer(e, [made]).cache for e in (engine_of(exported), TorchEngine(load_model(exported))))
    held = slice(int(ours.count[0]))
    assert held.stop > 8 and ours.count.tolist() == theirs.count.tolist()
    for field in CACHED:
        assert np.array_equal(ours.values[field][0, held], theirs.values[field][0, held])
        assert np.abs(ours.keys[field][0, held] - theirs.keys[field][0, held]).max() < 0.05 * room.STEPS


@pytest.mark.parametrize("memory", [-0.1, 2.1, float("nan")])
def test_settings_out_of_range_are_refused(memory):
    with pytest.raises(CallError, match="memory"):
        Sampling(memory=memory)
