"""Tiny models with random weights, in torch, and the engine of their runtime files."""

from melody.codec import CodecConfig

STYLES = ("one", "two")
CODEC = CodecConfig(grid=4, velocity_bins=4, styles=STYLES, version=2)
SHAPES = {
    "recall": {"layers": 2, "width": 32, "head_width": 24, "given_width": 16, "recall_width": 8},
    "plain": {"layers": 1, "width": 40, "head_width": 16, "given_width": 8},
    "initial": {"layers": 2, "width": 32, "head_width": 16, "given_width": 8, "recall_width": 4, "initial": True},
}


def bundle_of(folder, **shape):
    """A bundle with random weights, larger than at the start of training, so that they have something to say."""
    import torch

    from melody import bundle
    from melody.model import EventLSTM, ModelConfig

    torch.manual_seed(1)
    model = EventLSTM(ModelConfig(embedding_sd=0.3, **shape), CODEC)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if name.startswith(("initial", "recall.trust", "encoder.nothing")):
                weights.normal_(std=0.4)
    return bundle.save(folder, model, {})


def engine_of(bundle):
    from melody.runtime.engine import OnnxEngine

    return OnnxEngine(bundle)
