"""Dynamic evaluation: it learns, forgets when told, is the same every time, and bounds what it reads."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from melody import bundle, midi
from melody.compose import Composer
from melody.compose.engines import engine_for
from melody.corpus.piece import encode_score
from melody.errors import MelodyError
from melody.score import Score, Track, note_table
from melody.training import adapt
from melody.training.adapt import STYLE, AdaptConfig, Stepper, adapted, music


def tune(seed=0, notes=64):
    """An odd figure, over and over: nothing that a model expects."""
    pitch = np.array([61, 73, 54, 66, 78])[np.arange(notes) % 5] + seed
    return Score((Track("tune", 0, notes=note_table(np.arange(notes) * 160, [80] * notes, pitch, [33] * notes)),), 480)


@pytest.fixture
def began(model):
    origin = bundle.read(model)
    return origin, bundle.load_model(origin)


def nats(network, score, style=None):
    s = encode_score(score, network.codec, style)
    with torch.no_grad():
        return float(Stepper(network, AdaptConfig()).read(s, 0, len(s), None)[0].sum()) / score.note_count


@pytest.mark.slow
def test_what_was_read_is_expected_afterwards(began):
    origin, network = began
    before = nats(network, tune())
    known, changed, done = adapted(origin, network, [tune()], AdaptConfig(passes=3, segment=16))
    assert not any(p.requires_grad for p in changed.parameters())
    assert (done.pieces, done.notes, done.complete) == (1, 64, True)
    assert done.steps == 3 * math.ceil(done.steps / 3) >= 12
    assert nats(changed, tune()) < 0.9 * before
    assert nats(changed, tune(), STYLE) < 0.9 * before
    assert known.codec.styles[-1] == STYLE
    assert known.training["habits"].keys() == {STYLE}  # so that a new piece is in this style without being asked
    assert origin.training.get("habits") != known.training["habits"]


@pytest.mark.slow
def test_it_is_the_same_every_time(model):
    origin = bundle.read(model)
    one, two = (adapted(origin, bundle.load_model(origin), [tune()])[1].state_dict() for _ in range(2))
    assert all(torch.equal(one[n], two[n]) for n in one)


def test_a_stepper_puts_the_weights_back(began):
    _, network = began
    old = {n: t.clone() for n, t in network.state_dict().items()}
    stepper = Stepper(network, AdaptConfig())
    s = encode_score(tune(), network.codec, None)
    for _ in range(2):
        stepper.learn(stepper.read(s, 0, 40, None)[0])
    assert stepper.steps == 2
    assert any(not torch.equal(t, old[n]) for n, t in network.state_dict().items())
    stepper.restore()
    assert all(torch.equal(t, old[n]) for n, t in network.state_dict().items())
    assert stepper.steps == 0


def test_reading_in_segments_is_reading_at_once(began):
    _, network = began
    stepper = Stepper(network, AdaptConfig())
    s = encode_score(tune(), network.codec, None)
    whole, _ = stepper.read(s, 0, len(s), None)
    parts, state = [], None
    for first in range(0, len(s), 10):
        out, state = stepper.read(s, first, min(len(s), first + 10), state)
        parts.append(out)
    assert torch.allclose(torch.cat(parts), whole, atol=1e-4)


@pytest.mark.slow
def test_several_pieces_move_the_weights_half_the_way(model):
    origin = bundle.read(model)
    of = [adapted(origin, bundle.load_model(origin), [tune(), tune(3)], AdaptConfig(interpolation=r))[1].state_dict() for r in (0, 0.5, 1)]
    old = bundle.load_model(origin).state_dict()
    assert all(torch.equal(of[0][n][: len(t)], t) for n, t in old.items() if t.dim())
    assert all(torch.allclose(of[1][n], (of[0][n] + of[2][n]) / 2, atol=1e-6) for n in of[0])
    assert any(not torch.equal(of[0][n], of[2][n]) for n in of[0])
    one = [adapted(origin, bundle.load_model(origin), [tune()], AdaptConfig(interpolation=r))[1].state_dict() for r in (0.5, 1)]
    assert all(torch.equal(one[0][n], one[1][n]) for n in one[0])


def test_a_gradient_that_is_no_number_moves_nothing(began):
    _, network = began
    old = {n: t.clone() for n, t in network.state_dict().items()}
    stepper = Stepper(network, AdaptConfig())
    out, _ = stepper.read(encode_score(tune(), network.codec, None), 0, 20, None)
    stepper.learn(out * math.nan)
    assert stepper.steps == 0
    assert all(torch.equal(t, old[n]) for n, t in network.state_dict().items())


def test_where_a_tune_breaks_off_is_not_learned(began, monkeypatch):
    read = []
    monkeypatch.setattr(Stepper, "read", lambda self, s, first, last, state: (read.append((first, last, len(s))), None)[1] or (None, None))
    monkeypatch.setattr(Stepper, "learn", lambda self, nats: None)
    origin, network = began
    adapted(origin, network, [tune()], AdaptConfig(passes=1, segment=16))
    assert read[-1][1] == read[-1][2] - 1  # the END of the sequence is left out
    assert [first for first, _, _ in read] == list(range(0, read[-1][1], 16))


def test_a_folder_is_read_with_its_bad_files_left_out(tmp_path):
    for i in range(3):
        (tmp_path / f"{i}.mid").write_bytes(midi.to_bytes(tune(i)))
    (tmp_path / "bad.mid").write_bytes(b"MThd")
    scores, found = music(tmp_path)
    assert (len(scores), found) == (3, 4)
    assert [s.note_count for s in scores] == [64] * 3


def test_a_large_collection_is_sampled_and_always_alike(tmp_path, monkeypatch):
    monkeypatch.setattr(adapt, "MAX_PIECES", 4)
    for i in range(9):
        (tmp_path / f"{i}.mid").write_bytes(midi.to_bytes(tune(i)))
    (one, found), (two, _) = music(tmp_path), music(tmp_path)
    assert (len(one), found) == (4, 9)
    first = [[int(s.tracks[0].notes["pitch"][0]) for s in scores] for scores in (one, two)]
    assert first[0] == first[1]
    assert len(set(first[0])) == 4


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "no such file"),
        (lambda p: p.write_bytes(b"MThd"), "x.mid"),
        (lambda p: p.write_bytes(midi.to_bytes(replace(tune(), tracks=()))), "no notes"),
        (lambda p: p.mkdir(), "no MIDI files"),
    ],
)
def test_nothing_to_read_is_one_line(tmp_path, make, words):
    path = tmp_path / "x.mid" if words != "no MIDI files" else tmp_path / "x"
    make(path)
    with pytest.raises(MelodyError) as fault:
        music(path)
    assert words in str(fault.value)
    assert "\n" not in str(fault.value)


def test_music_is_bounded(began, monkeypatch):
    monkeypatch.setattr(adapt, "MAX_NOTES", 100)
    origin, network = began
    _, _, done = adapted(origin, network, [tune(), tune(1), tune(2)], AdaptConfig(passes=1), found=3)
    assert done.pieces == 2
    assert 64 < done.notes <= 100
    assert "2 of 3 pieces" in str(done)


def test_time_is_bounded_and_said(began, monkeypatch):
    monkeypatch.setattr(adapt, "MAX_SECONDS", -1.0)
    origin, network = began
    _, _, done = adapted(origin, network, [tune()])
    assert (done.steps, done.complete) == (0, False)
    assert "time was up" in str(done)


@pytest.mark.slow
def test_the_engine_is_torch_on_adapted_weights(model, tmp_path):
    path = tmp_path / "tune.mid"
    path.write_bytes(midi.to_bytes(tune()))
    origin = bundle.read(model)
    of = [Composer(*engine_for(origin, wanted, 1, None, music)) for wanted, music in (("torch", None), (None, path), ("torch", tune()))]
    assert [c.remark != "" for c in of] == [False, True, True]
    assert "nothing of it is kept" in of[1].remark
    pieces = [midi.to_bytes(c.generate(bars=2, seed=3)) for c in of]
    assert pieces[0] != pieces[1]
    assert pieces[1] == pieces[2]
    assert bundle.read(model).sha256 == origin.sha256
    with pytest.raises(MelodyError, match="the engine onnx cannot adapt"):
        engine_for(origin, "onnx", 1, None, path)
