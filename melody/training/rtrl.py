"""Real-time recurrent learning: the exact gradient of a recurrent network, carried forwards in time.

Backpropagation through time keeps every step and walks back. Here nothing is kept: beside its state s the network carries
the sensitivity ds/dw of the state with respect to every recurrent weight, and moves both on with each step

    s'     = f(s, x, w)
    ds'/dw = df/ds ds/dw + df/dw          (total derivative; the chain rule, nothing left out)
    dL/dw += dL/ds' ds'/dw

so the gradient is there at every moment, of the whole past, at a memory that does not grow with the length. The price is
S * P numbers a row and S * S * P products a step (S units of state, P weights: n^3 and n^4 of the width): for small cells.

Takes the weights of ``nn.RNN``, ``nn.GRU`` and ``nn.LSTM`` as they are, stacked layers too, by torch's own cell functions;
one direction, no projection, no dropout between layers. Exact while the weights stand still: whoever updates them in the
middle of a sequence and carries the sensitivity on follows Williams and Zipser's online rule, which is close for small steps.

Shapes: T time, B batch, I inputs, H units, K = layers (twice that for lstm: hidden states, then cells).

Williams, Zipser: A learning algorithm for continually running fully recurrent neural networks, Neural Computation 1989.
Williams, Peng: An efficient gradient-based algorithm for on-line training of recurrent network trajectories, 1990.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

Weights = dict[str, Tensor]
Loss = Callable[[Tensor, int], Tensor]  # top layer's output (B, H) and the step's number -> a scalar
CELLS: dict[str, Callable[..., Tensor]] = {"GRU": torch.gru_cell, "RNN_TANH": torch.rnn_tanh_cell, "RNN_RELU": torch.rnn_relu_cell}


class Carried(NamedTuple):
    """All that goes from one step to the next."""

    state: Tensor  # (B, K, H)
    sensitivity: Weights  # name -> (B, K, H, *shape of the weight): d state / d weight


def start(cell: nn.RNNBase, batch: int, state: Tensor | tuple[Tensor, Tensor] | None = None) -> Carried:
    """Before the first step: zeros, or ``state`` as torch's cells give it, (L, B, H) or two of them. It does not depend on the weights."""
    if cell.bidirectional or cell.proj_size or (cell.dropout and cell.num_layers > 1):
        raise ValueError("real-time recurrent learning is for cells of one direction, without projection or dropout")
    weight = cell.get_parameter("weight_hh_l0")
    shape = (batch, cell.num_layers * (2 if cell.mode == "LSTM" else 1), cell.hidden_size)
    parts = state if isinstance(state, tuple) else (state,)
    own = weight.new_zeros(shape) if parts[0] is None else torch.cat([p for p in parts if p is not None]).transpose(0, 1)
    if own.shape != shape:
        raise ValueError(f"the state is {tuple(own.shape)} as (batch, layers, units), must be {shape}")
    return Carried(own.detach(), {name: weight.new_zeros(*shape, *w.shape) for name, w in cell.named_parameters()})


def as_torch(cell: nn.RNNBase, carried: Carried) -> Tensor | tuple[Tensor, Tensor]:
    """The state as torch's cells take it: (L, B, H), for lstm two of them."""
    hidden = carried.state.transpose(0, 1).contiguous()
    return (hidden[: cell.num_layers], hidden[cell.num_layers :]) if cell.mode == "LSTM" else hidden


def gradients(cell: nn.RNNBase, inputs: Tensor, loss: Loss, carried: Carried) -> tuple[float, Weights, Carried]:
    """Run over ``inputs`` (T, B, I; time first always), step by step: the summed loss, its gradient by weight, and what to carry on.

    ``loss(h, t)`` is called at every step and may give zero. Weights of its own (a read-out) get their gradients in
    ``.grad``, added up as by ``backward``: they do not recur, so theirs need no sensitivity. Chunks of a sequence give
    the parts of one gradient: those of all chunks, added up, are that of backpropagation through the whole.
    """
    weights = {name: w.detach() for name, w in cell.named_parameters()}
    total, sums = 0.0, {name: torch.zeros_like(w) for name, w in weights.items()}
    for t, x in enumerate(inputs):
        carried = step(cell, weights, x.detach(), carried)
        top = carried.state[:, cell.num_layers - 1].detach().requires_grad_()  # (B, H)
        nats = loss(top, t)
        total += float(nats.detach())
        if not nats.requires_grad:  # nothing to learn at this step
            continue
        torch.autograd.backward(nats)
        for name, sensitivity in carried.sensitivity.items():
            if top.grad is not None:
                sums[name] += torch.tensordot(top.grad, sensitivity[:, cell.num_layers - 1], 2)
    return total, sums, carried


@torch.no_grad()
def step(cell: nn.RNNBase, weights: Weights, x: Tensor, carried: Carried) -> Carried:
    """One step: inputs (B, I) and what was carried -> what is carried on."""

    def advance(weights: Weights, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        new = _advance(cell, weights, state, x)
        return new, new  # differentiated, and as it is

    every = vmap(jacrev(advance, argnums=(0, 1), has_aux=True), in_dims=(None, 0, 0))
    (by_weight, by_state), state = every(weights, carried.state, x)
    through = by_state.flatten(3, 4).flatten(1, 2)  # (B, K * H, K * H): df/ds
    sensitivity = {}
    for name, direct in by_weight.items():
        before = carried.sensitivity[name].flatten(3).flatten(1, 2)  # (B, K * H, P)
        sensitivity[name] = torch.baddbmm(direct.flatten(3).flatten(1, 2), through, before).view_as(direct)
    return Carried(state, sensitivity)


def _advance(cell: nn.RNNBase, weights: Weights, state: Tensor, x: Tensor) -> Tensor:
    """f(s, x, w) of one row: (K, H), (I,) -> (K, H)."""
    layers, x = cell.num_layers, x[None]
    hidden, cells = [], []
    for i in range(layers):
        own: list[Any] = [weights.get(f"{name}_l{i}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        if cell.mode == "LSTM":
            x, c = torch.lstm_cell(x, (state[i : i + 1], state[layers + i : layers + i + 1]), *own)
            cells.append(c)
        else:
            x = CELLS[cell.mode](x, state[i : i + 1], *own)
        hidden.append(x)
    return torch.cat(hidden + cells)
