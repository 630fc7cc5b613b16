"""What a run begins with: its network, and the rows of its batches. Knows recipes and corpora; does not know the loop."""

from __future__ import annotations

from typing import Any

import torch

from melody.codec import CodecConfig
from melody.corpus import Corpus
from melody.corpus.stream import Stream
from melody.errors import MelodyError
from melody.files import shown
from melody.model import EventLSTM
from melody.styles import grown
from melody.training.device import enough_memory
from melody.training.parallel import Group
from melody.training.recipe import Recipe


def network(corpus: Corpus, recipe: Recipe, base: EventLSTM | None, device: torch.device) -> EventLSTM:
    """A new network, or ``base`` with the styles of the corpus."""
    choice = recipe.codec
    clock: Any = choice.clock  # checked by the recipe
    codec = CodecConfig(clock, choice.grid, choice.velocity_bins, corpus.styles, choice.version)
    with enough_memory(recipe):
        model = EventLSTM(recipe.model, codec) if base is None else grown(base, corpus.styles, recipe.train.tune == "state")
        return model.to(device)


def rows_of(corpus: Corpus, codec: CodecConfig, recipe: Recipe, group: Group) -> Stream:
    """The rows of this process."""
    train, config = corpus.split("train"), recipe.train
    if not train:
        raise MelodyError(f"{shown(corpus.folder)}: no pieces to train on")
    total = min(config.batch, len(train))
    first, rows = group.share(total)
    varied = (recipe.augment, recipe.given)
    return Stream(corpus, codec, train, rows, config.chunk, config.seed, *varied, first=first, total=total, sampling=recipe.data)
