"""Which weights a run may change: all, the heads, or only what belongs to the styles of its corpus."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch

from melody.model import EventLSTM

HEADS = ("to_heads", "chosen", "part_query", "logits", "metre_head", "distance_head", "given_head", "recall.gates", "recall.trust")
STYLE = ("conditions.0.weight", "initial.weight")  # tables with a row for every style


def restrict(model: EventLSTM, tune: str, styles: Sequence[str]) -> None:
    """Leave only those weights trainable that ``tune`` names; of the tables of styles, only the rows of ``styles``.

    all     everything
    heads   the heads, and the vectors of the styles
    state   the vectors of the styles, and the states in which their pieces begin
    """
    if tune == "all":
        return
    rows = torch.tensor([1 + model.codec.styles.index(s) for s in styles])
    for name, weight in model.named_parameters():
        weight.requires_grad_(name in STYLE or (tune == "heads" and name.startswith(HEADS)))
        if name in STYLE:
            mine = torch.zeros(len(weight), 1, device=weight.device).index_fill_(0, rows.to(weight.device), 1.0)
            weight.register_hook(partial(torch.mul, mine))  # type: ignore[no-untyped-call]  # torch does not say its types there
