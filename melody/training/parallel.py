"""Several processes that train one model: which one this is, and what they send each other.

On the cores of one machine a run starts them by itself (training/processes.py); over several machines, and on GPUs, torchrun does:

    torchrun --nproc-per-node 2 -m melody train CORPUS -o RUN

Each process holds the whole model and its own rows of every batch. Gradients are summed as one flat vector, weighted by
the events behind them, so that N processes make the update that one would make on all rows. In the same vector travel the
few numbers on which all must agree (has anyone been asked to stop, what time has the first one): one message a step.
A process alone sends nothing, and nothing here costs anything.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from melody.errors import MelodyError, Remedy
from melody.files import reason

Value = TypeVar("Value")
VARIABLES = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")  # what torchrun sets for each process
TIMEOUT = timedelta(hours=2)  # the others wait while the first one validates and saves
SEED_DISTANCE = 1_000_003  # between the seeds of two processes
LOOPBACK = {"linux": "lo", "darwin": "lo0"}  # what processes of one machine talk through: gloo would look up the machine's name
LEFT = 3  # status of a process that left because the others had gone


class Apart(MelodyError):  # noqa: N818  # it says what happened; who catches it goes on
    """Another process of the run has ended while this one was waiting for it."""


@dataclass(frozen=True)
class Group:
    """This process among ``world``. ``joined``: they are connected (torchrun may also start just one)."""

    rank: int = 0
    world: int = 1
    joined: bool = False

    @property
    def first(self) -> bool:
        """Whether this is the process that writes, validates and prints."""
        return self.rank == 0

    def share(self, rows: int) -> tuple[int, int]:
        """Of so many rows of a batch, the first one of this process and their number; the first processes take one more where need be."""
        each, more = divmod(rows, self.world)
        if not each:
            raise MelodyError(f"{rows} rows of a batch cannot be shared by {self.world} processes; raise batch or start fewer processes")
        return self.rank * each + min(self.rank, more), each + (self.rank < more)

    def sum_gradients(self, parameters: Sequence[Tensor], events: int, facts: Sequence[float]) -> list[float]:
        """Replace gradients (means over ``events``) by the mean over the events of all, and ``facts`` by their sums (fp32)."""
        used = [float(p.grad is not None) for p in parameters]
        own = [(torch.zeros_like(p) if p.grad is None else p.grad).flatten() for p in parameters]
        message = torch.tensor([float(events), *facts, *used], device=parameters[0].device)
        flat = torch.cat([*own, message])
        size = len(flat) - len(message)
        flat[:size] *= events
        with _communicating():
            dist.all_reduce(flat)
        flat[:size] /= flat[size].clamp(min=1)
        sums: list[float] = flat[size + 1 :].tolist()
        pieces = torch.split(flat[:size], [p.numel() for p in parameters])
        for p, piece, users in zip(parameters, pieces, sums[len(facts) :], strict=True):
            p.grad = piece.view_as(p) if users else None  # what nobody used must not decay, as with one process
        return sums[: len(facts)]

    def agree(self, value: Value) -> Value:
        """The first process's value, for all."""
        if not self.joined:
            return value
        box = [value]
        with _communicating():
            dist.broadcast_object_list(box, 0)
        return box[0]

    def gather(self, value: Value) -> list[Value]:
        """The values of all processes, in their order. Tensors should lie on the CPU."""
        if not self.joined:
            return [value]
        box: list[Any] = [None] * self.world
        with _communicating():
            dist.all_gather_object(box, value)
        return box

    def seed(self, seed: int) -> None:
        """Random numbers of this process: weights are drawn before this, alike for all; what is dropped differs."""
        if self.rank:
            torch.manual_seed((seed + self.rank * SEED_DISTANCE) % (1 << 63))


def join(device: str = "") -> tuple[Group, torch.device]:
    """The group that torchrun made, or one process alone; and the device of this process. Raises MelodyError."""
    cuda = torch.device(device).type == "cuda" if device else torch.cuda.is_available()
    if not all(name in os.environ for name in VARIABLES):
        return Group(), torch.device(device or ("cuda" if cuda else "cpu"))
    try:
        rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
        if cuda:
            own = torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank)) % torch.cuda.device_count())
            torch.cuda.set_device(own)
        if not dist.is_initialized():
            dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=TIMEOUT)
            atexit.register(leave)
    except (ValueError, RuntimeError) as fault:
        raise MelodyError(f"the processes of this run cannot be connected ({reason(fault)[:160]})") from None
    return Group(rank, world, joined=True), own if cuda else torch.device("cpu")


def connect(store: Path, rank: int, world: int) -> Group:
    """The group of ``world`` processes of this machine that meet at a file. Waits for all of them. Raises MelodyError."""
    name, own = "GLOO_SOCKET_IFNAME", os.environ.get("GLOO_SOCKET_IFNAME")
    try:
        if own is None and sys.platform in LOOPBACK:
            os.environ[name] = LOOPBACK[sys.platform]
        file = dist.FileStore(str(store), world)  # type: ignore[attr-defined]  # it is public, but torch does not list it
        dist.init_process_group("gloo", store=file, rank=rank, world_size=world, timeout=TIMEOUT)
    except (ValueError, RuntimeError) as fault:
        raise MelodyError(f"the processes of this run cannot be connected ({reason(fault)[:160]})") from None
    finally:
        if own is None:
            os.environ.pop(name, None)
    return Group(rank, world, joined=True)


def leave() -> None:
    """Leave the group, where there is one; the others are not waited for."""
    if dist.is_initialized():
        dist.destroy_process_group()


@contextmanager
def _communicating() -> Iterator[None]:
    try:
        yield
    except RuntimeError as fault:
        if isinstance(fault, torch.OutOfMemoryError):
            raise
        raise Apart(f"another process of this run has ended ({reason(fault)[:120]})", Remedy.RESUME) from None
