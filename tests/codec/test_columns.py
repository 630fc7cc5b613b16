"""The table of columns: what it says is what the arrays hold, and a further column needs no change elsewhere."""

import numpy as np
import pytest
import torch

from melody.codec import CodecConfig, columns
from melody.codec.columns import (
    POINTERS,
    STEP_SHAPES,
    Condition,
    Feature,
    GivenColumn,
    Lookup,
    Recalled,
    StepInputs,
    blank_steps,
    condition_sizes,
    distance_sizes,
    feature_sizes,
    given_sizes,
    recalled_sizes,
)
from melody.codec.metre import Metre

CODEC = CodecConfig(grid=4, velocity_bins=4, styles=("folk",), version=2)


def test_every_column_has_a_size():
    assert len(feature_sizes(CODEC)) == len(Feature)
    assert len(distance_sizes(CODEC)) == len(Lookup) - 2
    assert len(recalled_sizes(CODEC)) == len(Recalled)
    assert len(given_sizes(CODEC)) == len(GivenColumn) - 1
    assert len(condition_sizes(CODEC)) == len(Condition)


def test_steps_keep_their_axes():
    steps = blank_steps(5, 2)
    assert [a.shape for a in steps] == [(5, 2, *tail) for tail in STEP_SHAPES]
    assert [a.shape for a in steps.at(slice(1, 3))] == [(2, 2, *tail) for tail in STEP_SHAPES]
    assert StepInputs._fields == ("events", "features", "lookups", "recalled") and steps.recalled.shape[-2] == POINTERS


@pytest.fixture
def dummy_feature(monkeypatch):
    """A fifth feature, 0 or 1 by turns, as somebody would add it: its size in the table, its value where features are computed."""
    import melody.generate.timeline as timeline
    import melody.model.network as network
    import melody.runtime.layout as layout

    def sizes(config):
        return (*feature_sizes(config), 2)

    plain = Metre.features

    def features(self, steps, stop):
        out = plain(self, steps, stop)
        return np.concatenate([out, (steps[:, None] % 2).astype(np.int16)], -1)

    for module in (columns, network, layout):
        monkeypatch.setattr(module, "feature_sizes", sizes)
    monkeypatch.setattr(columns, "STEP_SHAPES", (STEP_SHAPES[0], (len(Feature) + 1,), *STEP_SHAPES[2:]))
    monkeypatch.setattr(Metre, "features", features)
    moved = {name: getattr(timeline, name) + 1 for name in ("BAR", "POSITION", "AFTER_NEXT", "WIDTH")}
    for name in ("LOOKUPS", "AGO"):
        moved[name] = slice(getattr(timeline, name).start + 1, getattr(timeline, name).stop + 1)
    moved["FEATURES"] = slice(0, len(Feature) + 1)
    for name, value in moved.items():
        for module in (timeline, __import__("melody.generate.rows", fromlist=["x"]), __import__("melody.generate.loop", fromlist=["x"])):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, value)


def test_a_further_feature_goes_all_the_way(dummy_feature, tmp_path):
    """From the piece through the network and the loop to a Score; nothing but the table and the meter knew of it."""
    from melody import bundle
    from melody.compose import Composer
    from melody.generate.torch_engine import TorchEngine
    from melody.model import EventLSTM, ModelConfig

    torch.manual_seed(0)
    model = EventLSTM(ModelConfig(layers=1, width=16, head_width=8, given_width=8, recall_width=4), CODEC)
    assert len(model.metre_body) == len(Feature) + 1
    made = bundle.save(tmp_path, model, {})
    piece = Composer(made, TorchEngine(bundle.load_model(made))).generate(bars=2, seed=1)
    assert piece.note_count
