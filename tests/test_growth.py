"""A larger network begins where the smaller one stands, and can learn from there."""

from dataclasses import replace

import pytest
import torch

from melody.codec import CodecConfig
from melody.errors import CallError
from melody.model import EventLSTM, ModelConfig
from melody.model.growth import enlarged
from tests.test_model import batch, sequence_of
from tests.test_model import piece as a_piece

CODEC = CodecConfig(grid=4, velocity_bins=4, styles=("folk", "pop"))
CONFIG = ModelConfig(layers=1, width=32, head_width=16, given_width=8, recall_width=8, dropout=0.0)


@pytest.fixture
def small():
    torch.manual_seed(0)
    model = EventLSTM(CONFIG, CODEC)
    with torch.no_grad():
        for parameter in model.parameters():  # as after training: nothing is at its first value, the norms neither
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture
def inputs():
    return batch(sequence_of(a_piece(0, codec=CODEC), (0,)), sequence_of(a_piece(1, codec=CODEC)))


def test_it_scores_as_before(small, inputs):
    codec = replace(CODEC, styles=("folk", "pop", "rock", "jazz"))
    large = enlarged(small, replace(CONFIG, layers=3), codec)
    with torch.no_grad():
        before, state = small(inputs)
        after, grown = large(inputs)
    assert torch.allclose(before, after, atol=1e-5)
    assert grown.hidden.shape == (3, 2, 32) and not grown.hidden[1:].any()
    assert torch.allclose(state.hidden[0], grown.hidden[0], atol=1e-6)


def test_what_is_new_can_learn(small, inputs):
    large = enlarged(small, replace(CONFIG, layers=2), CODEC).train()
    large(inputs)[0].sum().backward()
    gradient = large.cells[1].get_parameter("weight_ih_l0").grad
    assert gradient[2 * 32 : 3 * 32].abs().max() > 0


def test_styles_are_carried_over_by_name(small):
    codec = replace(CODEC, styles=("rock", "folk", "songs"))
    large = enlarged(small, CONFIG, codec, {"songs": ["pop"]})
    old, new = (m.conditions[0].weight.detach() for m in (small, large))
    assert torch.equal(new[0], old[0]) and torch.equal(new[2], old[1]) and torch.equal(new[3], old[2])
    assert torch.allclose(new[1], old[1:].mean(0))


def test_it_draws_no_random_numbers(small):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    enlarged(small, replace(CONFIG, layers=2), CODEC)
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("config", "codec", "words"),
    [
        (replace(CONFIG, width=64), CODEC, "width is 64, must be 32"),
        (replace(CONFIG, cell="gru", layers=2), CODEC, "cell is gru"),
        (CONFIG, replace(CODEC, grid=24), "grid is 24, must be 4"),
        (CONFIG, replace(CODEC, clock="seconds"), "clock is seconds"),
    ],
)
def test_another_shape_is_refused(small, config, codec, words):
    with pytest.raises(CallError, match=words):
        enlarged(small, config, codec)


def test_fewer_layers_are_refused(small):
    large = enlarged(small, replace(CONFIG, layers=2), CODEC)
    with pytest.raises(CallError, match="layers is 1, must be at least 2"):
        enlarged(large, CONFIG, CODEC)
