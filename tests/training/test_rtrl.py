"""Real-time recurrent learning gives the gradient of backpropagation through time, exactly, without keeping the past."""

import gc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from melody.training import rtrl

CELLS = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}
BATCH, INPUTS, UNITS = 3, 4, 5


def small(kind: str, **settings: object) -> tuple[nn.RNNBase, nn.Linear]:
    """A cell and a read-out, in double precision."""
    torch.manual_seed(1)
    return CELLS[kind](INPUTS, UNITS, **settings).double(), nn.Linear(UNITS, 2).double()


def task(read: nn.Linear, length: int) -> tuple[Tensor, Callable[[Tensor, int], Tensor]]:
    """Random inputs, and a loss at every step that looks at random targets."""
    torch.manual_seed(2)
    targets = torch.randn(length, BATCH, 2, dtype=torch.float64)
    return torch.randn(length, BATCH, INPUTS, dtype=torch.float64), lambda h, t: (read(h) - targets[t]).square().sum()


def backpropagated(cell: nn.RNNBase, read: nn.Linear, inputs: Tensor, loss: Callable[[Tensor, int], Tensor], cut: int) -> dict[str, Tensor]:
    """The gradient by torch, the state cut from the graph after every ``cut`` steps."""
    cell.zero_grad()
    read.zero_grad()
    state = None
    for begin in range(0, len(inputs), cut):
        out, state = cell(inputs[begin : begin + cut], state)
        sum(loss(h, begin + t) for t, h in enumerate(out)).backward()
        state = tuple(s.detach() for s in state) if isinstance(state, tuple) else state.detach()
    return {name: w.grad.clone() for name, w in (*cell.named_parameters(), *(("read." + n, w) for n, w in read.named_parameters()))}


def forward_mode(
    cell: nn.RNNBase, read: nn.Linear, inputs: Tensor, loss: Callable[[Tensor, int], Tensor], cut: int
) -> tuple[dict[str, Tensor], float]:
    """The gradient and the loss by real-time recurrent learning, in calls of ``cut`` steps."""
    read.zero_grad()
    carried, total = rtrl.start(cell, BATCH), 0.0
    sums = {name: torch.zeros_like(w) for name, w in cell.named_parameters()}
    for begin in range(0, len(inputs), cut):
        part, grads, carried = rtrl.gradients(cell, inputs[begin : begin + cut], lambda h, t, b=begin: loss(h, b + t), carried)
        total += part
        sums = {name: g + grads[name] for name, g in sums.items()}
    return sums | {"read." + n: w.grad.clone() for n, w in read.named_parameters()}, total


def same(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> None:
    """Every gradient, to rounding."""
    assert ours.keys() == theirs.keys()
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-9, atol=1e-12, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", CELLS)
def test_equals_backpropagation_through_time_at_every_length_from_1_to_50(kind: str) -> None:
    cell, read = small(kind)
    inputs, loss = task(read, 50)
    carried, total = rtrl.start(cell, BATCH), 0.0
    sums = {name: torch.zeros_like(w) for name, w in cell.named_parameters()}
    for t in range(50):  # one pass: the gradient of the past is there after every step
        part, grads, carried = rtrl.gradients(cell, inputs[t : t + 1], lambda h, _, t=t: loss(h, t), carried)
        total += part
        sums = {name: g + grads[name] for name, g in sums.items()}
        theirs = backpropagated(cell, read, inputs[: t + 1], loss, t + 1)
        same(sums, {n: g for n, g in theirs.items() if not n.startswith("read.")})
    losses = [float(loss(h, t).detach()) for t, h in enumerate(cell(inputs)[0])]
    assert total == pytest.approx(sum(losses), rel=1e-12)


@pytest.mark.parametrize("kind", CELLS)
@pytest.mark.parametrize("length", [1, 2, 7, 50])
def test_equals_backpropagation_in_one_call_read_out_included(kind: str, length: int) -> None:
    cell, read = small(kind)
    inputs, loss = task(read, length)
    ours, _ = forward_mode(cell, read, inputs, loss, length)
    same(ours, backpropagated(cell, read, inputs, loss, length))


@pytest.mark.parametrize("settings", [{"num_layers": 3}, {"bias": False}, {"num_layers": 2, "bias": False}])
@pytest.mark.parametrize("kind", CELLS)
def test_equals_backpropagation_in_stacks_and_without_biases(kind: str, settings: dict[str, object]) -> None:
    cell, read = small(kind, **settings)
    inputs, loss = task(read, 9)
    ours, _ = forward_mode(cell, read, inputs, loss, 9)
    same(ours, backpropagated(cell, read, inputs, loss, 9))


def test_equals_backpropagation_with_relu() -> None:
    cell, read = small("rnn", nonlinearity="relu")
    inputs, loss = task(read, 12)
    ours, _ = forward_mode(cell, read, inputs, loss, 12)
    same(ours, backpropagated(cell, read, inputs, loss, 12))


@pytest.mark.slow
@pytest.mark.parametrize("kind", CELLS)
def test_chunks_with_carried_sensitivity_give_the_whole_gradient_and_truncated_backpropagation_does_not(kind: str) -> None:
    cell, read = small(kind)
    inputs, loss = task(read, 30)
    whole = backpropagated(cell, read, inputs, loss, 30)
    truncated = backpropagated(cell, read, inputs, loss, 5)
    ours, _ = forward_mode(cell, read, inputs, loss, 5)
    same(ours, whole)
    assert not torch.allclose(truncated["weight_hh_l0"], whole["weight_hh_l0"], rtol=1e-3)
    torch.testing.assert_close(truncated["read.weight"], whole["read.weight"])  # does not recur: no past to lose


@pytest.mark.parametrize("kind", CELLS)
def test_state_is_that_of_torch_before_and_after(kind: str) -> None:
    cell, read = small(kind, num_layers=2)
    inputs, loss = task(read, 8)
    first = cell(inputs[:3])[1]
    carried = rtrl.gradients(cell, inputs[3:], loss, rtrl.start(cell, BATCH, first))[2]
    torch.testing.assert_close(rtrl.as_torch(cell, carried), cell(inputs)[1])


def test_a_loss_at_the_last_step_only() -> None:
    cell, read = small("lstm")
    inputs, every = task(read, 20)
    ours, _ = forward_mode(cell, read, inputs, lambda h, t: every(h, t) if t == 19 else torch.zeros(()), 20)
    cell.zero_grad()
    read.zero_grad()
    every(cell(inputs)[0][19], 19).backward()
    same(ours, {n: w.grad for n, w in cell.named_parameters()} | {"read." + n: w.grad for n, w in read.named_parameters()})


def test_does_not_touch_the_cell() -> None:
    cell, read = small("gru")
    inputs, loss = task(read, 4)
    before = {n: w.detach().clone() for n, w in cell.named_parameters()}
    rtrl.gradients(cell, inputs, loss, rtrl.start(cell, BATCH))
    assert all(w.grad is None and torch.equal(w, before[n]) for n, w in cell.named_parameters())


class Living(TorchDispatchMode):
    """While inside, knows of every tensor that is made, and so how many bytes of them are still there."""

    def __init__(self) -> None:
        super().__init__()
        self.made: dict[StorageWeakRef, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self.made[StorageWeakRef(storage)] = storage.nbytes()
        return out

    def bytes(self) -> int:
        gc.collect()
        return sum(size for storage, size in self.made.items() if not storage.expired())


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length() -> None:
    cell, inputs = nn.LSTM(INPUTS, UNITS), torch.randn(12, BATCH, INPUTS)
    carried, sizes = rtrl.start(cell, BATCH), {}

    def loss(h: Tensor, t: int) -> Tensor:
        if t in (2, 11):
            sizes[t] = living.bytes()
        return h.square().mean()

    with Living() as living:
        rtrl.gradients(cell, inputs, loss, carried)
    kept = sum(s.nbytes for s in carried.sensitivity.values())  # what every step would add if the past were kept
    assert sizes[11] == sizes[2] >= kept


@pytest.mark.parametrize("settings", [{"bidirectional": True}, {"proj_size": 3}, {"num_layers": 2, "dropout": 0.1}])
def test_refuses_what_it_cannot_do(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="one direction"):
        rtrl.start(nn.LSTM(4, 5, **settings), 2)  # type: ignore[arg-type]


def test_refuses_a_state_of_another_shape() -> None:
    with pytest.raises(ValueError, match="must be"):
        rtrl.start(nn.GRU(4, 5), 2, torch.zeros(1, 2, 6))
