import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from melody import bundle
from melody.doctor import model as doctor
from melody.doctor.model import check_model, run_self_test
from melody.runtime.file import NAME as RUNTIME


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the shipped model in its place."""
    folder = Path(shutil.copytree(bundle.find("base"), tmp_path / "base"))
    monkeypatch.setattr(bundle, "shipped", lambda: {"base": folder})
    return folder


@pytest.mark.slow
def test_the_shipped_model_is_whole_and_works():
    found = check_model()
    assert found.name == "base" and found.parameters > 1_000_000 and not found.fault and found.remarks == ()
    tried = run_self_test()
    assert (tried.fault, tried.remark, tried.engine) == ("", "", "onnx")
    assert tried.notes > 0 and tried.seconds > 0 and len(tried.digest) == 16
    assert tried.digest == run_self_test().digest


def test_weights_that_changed_are_a_fault(base):
    blob = bytearray((base / bundle.WEIGHTS).read_bytes())
    blob[-1] ^= 1
    (base / bundle.WEIGHTS).write_bytes(blob)
    assert "damaged or replaced" in check_model().fault
    assert "damaged or replaced" in run_self_test().fault


def test_a_model_that_is_not_there_is_a_fault(monkeypatch):
    monkeypatch.setattr(bundle, "shipped", dict)
    assert check_model().fault == run_self_test().fault == "unknown model 'base'; known: none"


@pytest.mark.parametrize(("name", "works"), [("typical.json", True), (RUNTIME, False)])
def test_what_else_is_damaged_is_a_remark(base, name, works):
    (base / name).write_bytes(b"no")
    found = check_model()
    assert not found.fault and len(found.remarks) == 1 and name in found.remarks[0]
    assert bool(run_self_test().fault) != works


@pytest.mark.slow
def test_a_slower_engine_is_told_of(base):
    (base / RUNTIME).unlink()
    tried = run_self_test()
    assert tried.fault == "" and tried.engine == "torch" and RUNTIME in tried.remark


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda piece, call: replace(piece, tracks=()), "the piece has no notes"),
        (lambda piece, call: longer(piece), "bars, not 2"),
        (lambda piece, call: piece if call == 1 else upside_down(piece), "the same seed"),
    ],
    ids=["silent", "long", "other"],
)
def test_a_piece_that_is_not_right_is_a_fault(monkeypatch, change, words):
    from melody.compose import Composer

    generate, calls = Composer.generate, iter((1, 2))
    monkeypatch.setattr(Composer, "generate", lambda self, **wishes: change(generate(self, **wishes), next(calls)))
    assert words in run_self_test().fault


def with_notes(piece, change):
    """The piece with every track's notes changed in place by ``change``."""
    tracks = []
    for track in piece.tracks:
        notes = track.notes.copy()
        change(notes)
        tracks.append(replace(track, notes=notes))
    return replace(piece, tracks=tuple(tracks))


def longer(piece):
    def later(notes):
        notes["onset"] += 36 * piece.ticks_per_quarter

    return with_notes(piece, later)


def upside_down(piece):
    def turned(notes):
        notes["pitch"] = 127 - notes["pitch"]

    return with_notes(piece, turned)


def test_whatever_goes_wrong_is_in_the_report(monkeypatch):
    def broken(*arguments):
        raise RuntimeError("Illegal\ninstruction")

    monkeypatch.setattr(doctor, "load", broken)
    assert run_self_test().fault == "RuntimeError: Illegal instruction"
