"""Styles learned later: the table grows without a change for the old ones, and one style travels as a small file."""

import numpy as np
import pytest
import torch

from melody import bundle
from melody.codec import CodecConfig
from melody.errors import MelodyError
from melody.model import EventLSTM, ModelConfig
from melody.styles import MAX_BYTES, Style, grown, read_style, save_style, style_of, with_style

SMALL = ModelConfig(layers=2, width=16, head_width=8, given_width=8, recall_width=4)
CODEC = CodecConfig(grid=4, velocity_bins=4, styles=("folk", "pop"))
HABITS = {"pieces": 3, "tempo": [90.0, 110.0], "meters": [[3, 4, 1.0]]}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return EventLSTM(SMALL, CODEC).eval()


@pytest.fixture
def base(network, tmp_path):
    return bundle.save(tmp_path / "base", network, {"habits": {"folk": HABITS}})


def random_style(base, name="mine", size=16 * 5):
    rng = np.random.default_rng(1)
    values = rng.normal(size=size).astype(np.float32)
    return Style(name, base.sha256, values[:16], values[16:], HABITS)


def test_a_new_style_is_the_mean_of_the_old_ones(network):
    larger = grown(network, ["pop", "jazz"])
    assert larger.codec.styles == ("folk", "pop", "jazz")
    old, new = network.state_dict(), larger.state_dict()
    table = new["conditions.0.weight"]
    assert torch.equal(table[:3], old["conditions.0.weight"]) and torch.allclose(table[3], old["conditions.0.weight"][1:].mean(0))
    assert all(torch.equal(new[n], t) for n, t in old.items() if n != "conditions.0.weight")


def test_a_model_that_knows_the_styles_stays_itself(network):
    assert grown(network, ["folk"]) is network


def test_growing_draws_no_random_numbers(network):
    before = torch.get_rng_state()
    grown(network, ["jazz"], initial=True)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_state_of_its_own_begins_as_the_old_beginning(network):
    larger = grown(network, ["jazz"], initial=True)
    state = larger.initial_state(torch.tensor([[3, 0, 0, 0, 0], [0, 0, 0, 0, 0]]))
    assert all(t.shape == (2, 2, 16) and not t.any() for t in state)
    with torch.no_grad():
        larger.initial.weight[3] = torch.arange(64.0)
    hidden, cell = larger.initial_state(torch.tensor([[3, 0, 0, 0, 0], [0, 0, 0, 0, 0]]))
    assert torch.equal(hidden[:, 0].flatten(), torch.arange(32.0)) and torch.equal(cell[:, 0].flatten(), torch.arange(32.0, 64.0))
    assert not hidden[:, 1].any()


def test_a_style_travels(network, base, tmp_path):
    taught = grown(network, ["mine"], initial=True)
    style = random_style(base)
    with torch.no_grad():
        taught.conditions[0].weight[3], taught.initial.weight[3] = torch.from_numpy(style.vector), torch.from_numpy(style.initial)
    save_style(tmp_path / "mine.style", style_of(taught, "mine", base.sha256, HABITS))
    assert (tmp_path / "mine.style").stat().st_size < 4096
    known, model = with_style(base, network, read_style(tmp_path / "mine.style"))
    assert known.codec.styles == ("folk", "pop", "mine") and known.training["habits"] == {"folk": HABITS, "mine": HABITS}
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), taught.state_dict().values(), strict=True))


def test_a_style_of_another_model_is_refused(network, base):
    with pytest.raises(MelodyError, match="another model than base"):
        with_style(base, network, Style("mine", "0" * 64, np.zeros(16, np.float32), np.zeros(64, np.float32), HABITS))


def test_a_style_of_another_size_is_refused(network, base):
    with pytest.raises(MelodyError, match="does not fit the size"):
        with_style(base, network, random_style(base, size=90))


@pytest.mark.parametrize("cut", [0, 5, 9, 60, 300, 500])
def test_a_damaged_file_is_one_line(base, tmp_path, cut):
    path = tmp_path / "mine.style"
    save_style(path, random_style(base))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(MelodyError, match=r"mine\.style: not a style file") as fault:
        read_style(path)
    assert "\n" not in str(fault.value)


@pytest.mark.parametrize("blob", [b"\xff" * 100, b"\x00" * 64, b"MThd", b"\x08\0\0\0\0\0\0\0[[[[[[[["])
def test_what_is_no_style_file_is_one_line(tmp_path, blob):
    (tmp_path / "x.style").write_bytes(blob)
    with pytest.raises(MelodyError, match="not a style file"):
        read_style(tmp_path / "x.style")


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101])
def test_names_are_checked(base, tmp_path, name):
    save_style(tmp_path / "x.style", random_style(base, name))
    with pytest.raises(MelodyError, match="not a style file"):
        read_style(tmp_path / "x.style")


def test_values_that_are_not_numbers_are_refused(base, tmp_path):
    style = random_style(base)
    style.vector[3] = np.nan
    save_style(tmp_path / "x.style", style)
    with pytest.raises(MelodyError, match="not a style file"):
        read_style(tmp_path / "x.style")


def test_a_large_file_is_refused_unread(tmp_path):
    with (tmp_path / "x.style").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(MelodyError, match="limit"):
        read_style(tmp_path / "x.style")
