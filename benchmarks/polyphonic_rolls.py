"""Piano rolls of the polyphonic task: files, what may be known before each frame, batches, and the spelling of frames as events.

Shapes: T frames, B rows of a batch, N frames of a batch that are not padding, E their events. Key 0 = MIDI pitch 21.
Knows nothing of models.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

KEYS = 88
END = KEYS  # the event "frame end"
SPLITS = ("train", "valid", "test")
HISTORY = ("frame before", "the one before it", "for how long", "soft match", "mean of soft matches", "exact match", "share of the past")
FACTS = 4  # of a frame: how good the matches are
FADE = 0.9  # how much a frame counts in a match, beside the one after it


class Piece(NamedTuple):
    """A piece and what each of its frames may know of those before it."""

    roll: NDArray[np.bool_]  # (T, 88)
    history: NDArray[np.float16]  # (T, 7, 88)
    facts: NDArray[np.float32]  # (T, 4)


class Batch(NamedTuple):
    """A chunk of some pieces: T frames, B rows."""

    roll: Tensor  # (T, B, 88) bool
    history: Tensor  # (T, B, 7, 88)
    facts: Tensor  # (T, B, 4)
    clock: Tensor  # (T,) frames since the start
    real: Tensor  # (T, B) bool: not padding


def read(path: str) -> dict[str, list[NDArray[np.bool_]]]:
    """The rolls (T, 88) of each split."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        content = loadmat(path)
    except (MatReadError, zlib.error) as error:
        raise ValueError(str(error)) from error
    rolls: dict[str, list[NDArray[np.bool_]]] = {}
    for split in SPLITS:
        if f"{split}data" not in content:
            raise ValueError(f"holds no {split}data")
        found = [np.asarray(piece) for piece in content[f"{split}data"].ravel()]
        if sum(map(np.size, found)) == 0 or any(
            piece.ndim != 2 or piece.shape[1] != KEYS or not np.isin(piece, (0, 1)).all() for piece in found
        ):
            raise ValueError(f"{split}data is not a list of (frames, {KEYS}) matrices of 0 and 1")
        rolls[split] = [piece.astype(bool) for piece in found if len(piece)]
    return rolls


def describe(roll: NDArray[np.bool_], match: bool = True) -> Piece:
    """What stands before each frame: ``HISTORY`` and how good the matches in it are. Row t is made of frames before t only.

    Without ``match`` the matches and the facts about them are zero.
    """
    frames, count = roll.astype(np.float32), len(roll)
    history = np.zeros((count, len(HISTORY), KEYS), np.float16)
    facts = np.zeros((count, FACTS), np.float32)
    size = frames.sum(1)
    age, past = np.zeros(KEYS, np.float32), np.zeros(KEYS, np.float32)
    # For each earlier frame s: how alike the frames before s and before t are, fading with distance; for how long they are equal.
    alike, equal = np.zeros(count + 1, np.float32), np.zeros(count + 1, np.int64)
    for t in range(1, count):
        last = frames[t - 1]
        age, past = (age + 1) * last, 0.95 * past + 0.05 * last
        history[t, :3] = last, frames[t - 2] if t > 1 else 0 * last, np.minimum(age, 8) / 8
        history[t, 6] = 4 * past
        if t == 1 or not match:
            continue
        common = frames[: t - 1] @ last
        union = size[: t - 1] + size[t - 1] - common
        overlap = np.where(union > 0, common / np.maximum(union, 1), 1)
        same = overlap == 1
        alike[1:t] = FADE * alike[: t - 1] + (overlap + same) / 2
        equal[1:t] = np.where(same, equal[: t - 1] + 1, 0)
        now, run = alike[1:t], equal[1:t]
        weight = np.exp(4 * (now - now.max()))
        weight /= weight.sum()
        history[t, 3] = frames[t - 1 - np.argmax(now[::-1])]  # the latest of the best
        history[t, 4] = weight @ frames[1:t]
        history[t, 5] = frames[t - 1 - np.argmax(run[::-1])]
        facts[t] = now.max() * (1 - FADE), (weight**2).sum(), math.log1p(run.max()) / 3, run.max() > 0
    return Piece(roll, history, facts)


def batches(
    pieces: list[Piece], rows: int, chunk: int, rng: np.random.Generator | None = None, transpose: bool = False
) -> Iterator[tuple[bool, Batch]]:
    """(new pieces?, ``chunk`` frames of ``rows`` pieces); rows of like length together; a row whose piece is over drops out.

    With ``rng`` shuffled, and if wanted transposed.
    """
    order = np.arange(len(pieces)) if rng is None else rng.permutation(len(pieces))
    pool = len(pieces) if rng is None else 8 * rows
    groups = []
    for i in range(0, len(order), pool):
        near = sorted(order[i : i + pool], key=lambda j: -len(pieces[j].roll))
        groups += [near[k : k + rows] for k in range(0, len(near), rows)]
    if rng is not None:
        rng.shuffle(groups)
    sounding = np.flatnonzero(np.any([p.roll.any(0) for p in pieces], 0))
    low, high = (sounding[0], sounding[-1]) if len(sounding) else (0, KEYS - 1)
    for group in groups:
        members = [pieces[j] for j in group]
        steps = [_transposition(p.roll, low, high, rng) if rng is not None and transpose else 0 for p in members]
        for a in range(0, len(members[0].roll), chunk):
            cut = slice(a, a + chunk)
            causal = [(p.roll[cut], p.history[cut], p.facts[cut], k) for p, k in zip(members, steps, strict=True) if len(p.roll) > a]
            shape = (len(causal[0][0]), len(causal))
            batch = Batch(
                torch.zeros(*shape, KEYS, dtype=torch.bool),
                torch.zeros(*shape, causal[0][1].shape[1], KEYS),
                torch.zeros(*shape, FACTS),
                torch.arange(a, a + shape[0]),
                torch.zeros(shape, dtype=torch.bool),
            )
            for b, (roll, history, facts, k) in enumerate(causal):
                n = len(roll)
                batch.roll[:n, b] = torch.from_numpy(np.roll(roll, k, -1))
                batch.history[:n, b] = torch.from_numpy(np.roll(history, k, -1))
                batch.facts[:n, b] = torch.from_numpy(facts)
                batch.real[:n, b] = True
            yield a == 0, batch


def _transposition(roll: NDArray[np.bool_], low: int, high: int, rng: np.random.Generator) -> int:
    """Semitones -6..5 that keep the piece within the range ``low..high`` of all pieces, or a semitone beyond."""
    sounding = np.flatnonzero(roll.any(0))
    if not len(sounding):
        return 0
    first, last = max(0, low - 1) - sounding[0], min(KEYS - 1, high + 1) - sounding[-1]
    return int(rng.choice(np.arange(max(-6, first), min(5, last) + 1)))


def spell(frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Frames (N, 88) -> their events (E,): the frame, the choice (key or ``END``), the lowest key that is still allowed."""
    index, key = frames.nonzero(as_tuple=True)
    places = torch.cat([index * (KEYS + 1) + key, torch.arange(len(frames)) * (KEYS + 1) + END]).sort().values
    index, choice = places // (KEYS + 1), places % (KEYS + 1)
    lowest = torch.zeros_like(choice)
    lowest[1:] = torch.where(index[1:] == index[:-1], choice[:-1] + 1, 0)
    return index, choice, lowest
