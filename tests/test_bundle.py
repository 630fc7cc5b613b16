"""Bundles: what is saved comes back; whatever is wrong with a folder is one MelodyError of one line."""

import functools
import hashlib
import json
import os
import shutil
import struct

import pytest
import torch
from safetensors.torch import load, save

from melody import bundle
from melody.codec import CodecConfig
from melody.errors import CallError, MelodyError
from melody.model import EventLSTM, ModelConfig

SMALL = ModelConfig(layers=1, width=16, head_width=8, given_width=8)
CODEC = CodecConfig(grid=4, velocity_bins=4, styles=("folk", "jazz"))


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    torch.manual_seed(0)
    model = EventLSTM(SMALL, CODEC).eval()
    folder = tmp_path_factory.mktemp("bundle") / "mine"
    bundle.save(folder, model, {"step": 3}, ({"name": "folk", "licence": "CC0"},), "CC0", "# A card\n")
    return folder, model


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved[0], tmp_path / "copy")


def facts(folder, **changes):
    """Change the facts, and their digest with them."""
    path = folder / bundle.FACTS
    changed = json.loads(path.read_text()) | changes
    path.write_text(json.dumps(changed | {"digest": bundle.facts_digest(changed)}))


def weights(folder, blob):
    """Put other weights in, with their digest."""
    (folder / bundle.WEIGHTS).write_bytes(blob)
    facts(folder, sha256=hashlib.sha256(blob).hexdigest())


def refused(folder, *words):
    with pytest.raises(MelodyError) as fault:
        bundle.load_model(bundle.read(folder))
    message = str(fault.value)
    assert "\n" not in message and len(message) < 600
    assert all(w in message for w in words), message
    assert fault.value.status == 1


@pytest.fixture
def renewal(copy):
    """The folder of a run, and the bundle that is to take its place."""
    torch.manual_seed(1)
    beside = copy / bundle.NEXT
    bundle.save(beside, EventLSTM(SMALL, CODEC), {"step": 4})
    return copy, beside


def test_a_renewal_is_seen_as_the_old_bundle_or_the_new_one(renewal):
    folder, beside = renewal
    steps = [bundle.read(folder).training["step"]]
    for name in (bundle.WEIGHTS, bundle.FACTS):
        os.replace(beside / name, folder / name)
        steps.append(bundle.read(folder).training["step"])
        assert bundle.load_model(bundle.read(folder))
    assert steps == [3, 4, 4]


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 1}'])
def test_facts_beside_that_vouch_for_nothing_help_nobody(renewal, damage):
    folder, beside = renewal
    (folder / bundle.WEIGHTS).write_bytes(b"other")
    refused(folder, bundle.WEIGHTS, "sha256")
    (beside / bundle.FACTS).write_text(damage)
    refused(folder, bundle.WEIGHTS, "sha256")


def test_a_reader_whom_a_renewal_overtakes_looks_again(renewal, monkeypatch):
    folder, beside = renewal
    reads, seen = {name: getattr(bundle, name) for name in ("read_bytes", "sha256")}, []

    def overtaken(path, limit, kind):
        seen.append(path.name)
        if seen == [bundle.FACTS, bundle.WEIGHTS]:
            for name in (bundle.WEIGHTS, bundle.FACTS):
                os.replace(beside / name, folder / name)
        return reads[kind](path, limit)

    for kind in reads:
        monkeypatch.setattr(bundle, kind, functools.partial(overtaken, kind=kind))
    assert bundle.read(folder).training["step"] == 4
    assert seen.count(bundle.WEIGHTS) == 2


def test_round_trip(saved):
    folder, model = saved
    read = bundle.read(folder)
    assert (read.name, read.codec, read.licence, read.training["step"]) == ("mine", CODEC, "CC0", 3)
    again = bundle.load_model(read)
    assert not again.training and again.config == SMALL
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))
    assert sorted(p.name for p in folder.iterdir()) == ["README.md", "bundle.json", "model.safetensors"]


def test_halves(saved, tmp_path):
    model = saved[1]
    bundle.save(tmp_path / "half", model, {}, half=True)
    again = bundle.load_model(bundle.read(tmp_path / "half"))
    for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True):
        assert b.dtype is torch.float32 and torch.equal(b, a.bfloat16().float())
    full, half = (f.stat().st_size for f in (saved[0] / bundle.WEIGHTS, tmp_path / "half" / bundle.WEIGHTS))
    assert half < 0.7 * full


@pytest.mark.parametrize("name", [bundle.WEIGHTS, bundle.FACTS])
def test_missing_files(copy, name):
    (copy / name).unlink()
    refused(copy, "copy")


def test_missing_folders(tmp_path):
    with pytest.raises(MelodyError, match="no such folder"):
        bundle.read(tmp_path / "none")
    with pytest.raises(MelodyError, match="not a bundle"):
        bundle.read(tmp_path)
    with pytest.raises(CallError, match="unknown model"):
        bundle.read("no-such-model")


def test_another_digest(copy):
    blob = bytearray((copy / bundle.WEIGHTS).read_bytes())
    blob[-1] ^= 1
    (copy / bundle.WEIGHTS).write_bytes(blob)
    refused(copy, "sha256")


@pytest.mark.parametrize("version", [2, 0, "1", None, [1]])
def test_another_format(copy, version):
    facts(copy, format=version)
    refused(copy, "bundle format")


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"model": {"layers": 1, "wings": 2}}, "wings"),
        ({"model": {"cell": "transformer"}}, "transformer"),
        ({"model": {"layers": 0}}, "layers"),
        ({"model": {"width": 1 << 40}}, "width"),
        ({"model": {"width": "16"}}, "width"),
        ({"model": {"dropout": float("nan")}}, "dropout"),
        ({"model": None}, "damaged"),
        ({"codec": {"clock": "sundial", "styles": []}}, "codec"),
        ({"codec": {"grid": 0, "styles": []}}, "codec"),
        ({"codec": {"grid": 4.5, "styles": []}}, "codec"),
        ({"codec": {"wheels": 1, "styles": []}}, "wheels"),
        ({"codec": {"styles": 3}}, "styles"),
        ({"codec": {"styles": "ab"}}, "styles"),
        ({"codec": {"styles": [["folk"], ["jazz"]]}}, "styles"),
        ({"codec": {"styles": ["x" * 1000]}}, "styles"),
        ({"model": {"width": 10**4000}}, "width"),
        ({"model": {"cell": "x" * 5000}}, "cell"),
        ({"data": ["words"]}, "damaged"),
        ({"codec": []}, "damaged"),
        ({"training": 5}, "damaged"),
        ({"data": 5}, "damaged"),
        ({"sha256": 5}, "sha256"),
    ],
)
def test_facts_that_are_wrong(copy, changes, word):
    facts(copy, **changes)
    refused(copy, word)


def test_facts_that_were_changed_without_their_digest(copy):
    path = copy / bundle.FACTS
    text = path.read_text()
    for old, new in (('"CC0"', '"CC1"'), ('"step": 3', '"step": 2'), ('"folk"', '"fork"'), ('"data"', '"dota"'), ('"digest"', '"digesu"')):
        assert old in text
        path.write_text(text.replace(old, new, 1))
        refused(copy, bundle.FACTS, "damaged")
    path.write_text(text.replace("\n", " "))  # the same facts, set otherwise
    assert bundle.read(copy).licence == "CC0"


def test_facts_of_before_there_was_a_digest_are_read(copy):
    path = copy / bundle.FACTS
    old = json.loads(path.read_text())
    del old["digest"]
    path.write_text(json.dumps(old))
    assert bundle.load_model(bundle.read(copy))
    path.write_text(json.dumps(old | {"extra": 1}))
    refused(copy, "unknown field 'extra'")


def test_facts_that_are_said_twice(copy):
    path = copy / bundle.FACTS
    path.write_text(path.read_text().replace('"licence"', '"licence": "MIT",\n "licence"'))
    refused(copy, "twice")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 1}', b"[" * 100_000, b"1" * 5000])
def test_facts_that_are_no_facts(copy, text):
    (copy / bundle.FACTS).write_bytes(text)
    refused(copy, bundle.FACTS)


@pytest.mark.parametrize("share", [0, 0.00001, 0.01, 0.5, 0.999])
def test_truncated_weights(copy, share):
    blob = (copy / bundle.WEIGHTS).read_bytes()
    weights(copy, blob[: int(len(blob) * share)])
    refused(copy, bundle.WEIGHTS)


def header(**tensors):
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "blob",
    [
        struct.pack("<Q", 1 << 62) + b"{}",  # a header longer than the file
        header(a={"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}) + b"\0" * 4,
        header(a={"dtype": "F32", "shape": [1 << 62, 4], "data_offsets": [0, 4]}) + b"\0" * 4,
        header(a={"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}) + b"\0" * 4,
        header(a={"dtype": "F999", "shape": [1], "data_offsets": [0, 4]}) + b"\0" * 4,
        header(a={"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}) + b"\0" * 4,
        header(a={"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}) + b"\0" * 12,  # four bytes that belong to nothing
        header(a={"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, b={"dtype": "F32", "shape": [1], "data_offsets": [0, 4]})
        + b"\0" * 4,
        header(a={"dtype": "F32", "shape": [9] * 100_000, "data_offsets": [0, 4]}) + b"\0" * 4,
        header(a=5),
        header(),
        header()[:-2] + b"[]",
    ],
)
def test_a_header_that_lies(copy, blob):
    weights(copy, blob)
    refused(copy, "copy")


def changed(copy, change):
    tensors = load((copy / bundle.WEIGHTS).read_bytes())
    change(tensors)
    weights(copy, save(tensors))


@pytest.mark.parametrize("dtype", [torch.float8_e4m3fn, torch.float16, torch.float64, torch.int8])
def test_other_number_formats_load_or_are_refused(copy, dtype):
    changed(copy, lambda t: t.update({n: v.to(dtype) for n, v in t.items()}))
    try:
        model = bundle.load_model(bundle.read(copy))
    except MelodyError:
        return
    assert all(t.dtype is torch.float32 for t in model.state_dict().values())


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.pop("to_heads.bias"),
        lambda t: t.update({"extra": torch.zeros(1)}),
        lambda t: t.update({"to_heads.bias": torch.zeros(3)}),
        lambda t: t.update({"to_heads.weight": t["to_heads.weight"].T.contiguous()}),
    ],
)
def test_wrong_shapes(copy, change):
    changed(copy, change)
    refused(copy, "shapes")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_numbers(copy, value):
    changed(copy, lambda t: t["to_heads.bias"].fill_(value))
    refused(copy, "not finite")


def test_facts_that_claim_another_network(copy):
    facts(copy, model={"layers": 32, "width": 8192, "head_width": 8, "given_width": 8})
    refused(copy, "shapes")


def test_a_folder_that_cannot_be_written(saved, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MelodyError, match="cannot be written"):
        bundle.save(tmp_path / "file" / "x", saved[1], {})
