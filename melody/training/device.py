"""What the device can do: which precision is quicker, and one line where its memory is not enough."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from melody.errors import MelodyError

if TYPE_CHECKING:
    from melody.training.recipe import Recipe

FULL = ("out of memory", "not enough memory", "can't allocate memory", "alloc_failed")  # how torch and its libraries say it


def autocast_dtype(precision: str, device: torch.device) -> torch.dtype:
    """bf16 if asked for, or if it is quicker here; found by trying, because not every processor can."""
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
                raise MelodyError("bf16 does not work on this processor; use --precision fp32") from None
    if precision == "bf16":
        return torch.bfloat16
    return min(times, key=lambda d: times[d])


@contextmanager
def enough_memory(recipe: Recipe) -> Iterator[None]:
    """While inside, running out of memory is one line that says which setting to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as fault:
        if isinstance(fault, RuntimeError) and not any(words in str(fault).lower() for words in FULL):
            raise
        t = recipe.train
        lower = f"lower batch (now {t.batch}; --batch {max(1, t.batch // 2)})" if t.batch > 1 else "batch is 1 already"
        raise MelodyError(
            f"out of memory: {lower}, then chunk (now {t.chunk}) or the model's width (now {recipe.model.width}) in the recipe"
        ) from None
