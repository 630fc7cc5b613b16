"""Where a process computes: which device, in which precision (the quicker one), and one line where its memory is not enough."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch

from melody.errors import MelodyError, Remedy
from melody.training.parallel import Group

if TYPE_CHECKING:
    from melody.training.recipe import Recipe

OUT_OF_MEMORY = ("out of memory", "not enough memory", "can't allocate memory", "alloc_failed")  # how torch and its libraries say it


class Placement(NamedTuple):
    """Which process of a run this is, where it computes and in which precision."""

    group: Group
    device: torch.device
    dtype: torch.dtype  # of the matrix products: float32 or bfloat16

    @property
    def precision(self) -> str:
        """Name of the dtype: "float32" or "bfloat16"."""
        return str(self.dtype).removeprefix("torch.")

    def restore_random(self, states: Sequence[Mapping[str, torch.Tensor]]) -> None:
        """Draw on from the states of the random number generators that were saved, one for each process.

        Where there are more or fewer processes now, they draw on from their own: what they drop cannot be the same.
        """
        if len(states) != self.group.world:
            return
        mine = states[self.group.rank]
        torch.set_rng_state(mine["cpu"])
        if self.device.type == "cuda" and "cuda" in mine:
            torch.cuda.set_rng_state(mine["cuda"], self.device)


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype:
    """The dtype of a setting: bf16 if asked for, or ("auto") if it is quicker here, which is found by trying.

    Raises MelodyError where bf16 was asked for and does not work.
    """
    if precision == "fp32":
        return torch.float32
    probe = torch.nn.LSTM(256, 256).to(device)
    x = torch.randn(32, 32, 256, device=device)
    times = {}
    for dtype in (torch.float32, torch.bfloat16):
        try:
            with torch.autocast(device.type, dtype, enabled=dtype is torch.bfloat16):
                probe(x)[0].float().sum().backward()
                begin = time.perf_counter()
                for _ in range(3):
                    probe(x)[0].float().sum().backward()
                if device.type == "cuda":
                    torch.cuda.synchronize()
            times[dtype] = time.perf_counter() - begin
        except RuntimeError:  # "could not create a primitive descriptor" where the processor has no bf16
            if precision == "bf16":
                raise MelodyError("bf16 does not work on this processor", Remedy.FULL_PRECISION) from None
    if precision == "bf16":
        return torch.bfloat16
    return min(times, key=lambda d: times[d])


@contextmanager
def enough_memory(recipe: Recipe) -> Iterator[None]:
    """While inside, running out of memory is one line that says which setting to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as fault:
        if isinstance(fault, RuntimeError) and not any(words in str(fault).lower() for words in OUT_OF_MEMORY):
            raise
        t = recipe.train
        remedy = Remedy.SMALLER_BATCH if t.batch > 1 else Remedy.SMALLER_CHUNK
        raise MelodyError("out of memory", remedy, batch=t.batch, half=t.batch // 2, chunk=t.chunk, width=recipe.model.width) from None
