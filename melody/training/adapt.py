"""Dynamic evaluation: a model learns a user's music at the moment of generation. Nothing of it is kept.

After B. Krause, E. Kahembwe, I. Murray, S. Renals, Dynamic evaluation of neural sequence models, ICML 2018: the music is read in short
segments, and after each the weights take one step of its gradient, the state carried on. ``benchmarks/adapt.py`` says what it saves
and how rule and rate were chosen.

The music gets a style of its own, ``STYLE``, which starts as the mean of the others; it is named in half of the passes only, since a
continuation asks for none. What the bundle says of usual tempi and meters becomes that of the music.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from melody import edit, notation, sources, theory
from melody.bundle import Bundle
from melody.codec.table import MAX_PARTS
from melody.corpus.batch import as_batch
from melody.corpus.piece import EncodedPiece, encode_score
from melody.corpus.priors import tempo_and_meters
from melody.errors import MelodyError
from melody.files import shown
from melody.model import EventLSTM, State, to_tensors
from melody.score import Score
from melody.styles import grown

STYLE = "adapted"
MAX_PIECES = 32  # that are read; of a larger collection some by chance, always the same ones
MAX_NOTES = 12_000  # of all of them together; the pieces come one after the other, the last one is cut
MAX_SECONDS = 120.0  # after which it goes no further


@dataclass(frozen=True)
class AdaptConfig:
    """How the weights move."""

    rate: float = 3e-4  # how far a weight moves in a step, times its gradient over the gradient's root mean square
    passes: int = 2  # times that the music is read
    segment: int = 64  # events between steps
    memory: float = 0.98  # of the mean square of the gradient, by step
    least: float = 1e-4  # added to its root: weights that hardly matter hardly move
    clip: float = 5.0  # largest norm of a gradient
    interpolation: float = 0.5  # of several pieces: how far to go from the old weights (0) to the learned ones (1); of one: all the way


@dataclass(frozen=True)
class Adapted:
    """What was done."""

    pieces: int
    notes: int
    steps: int
    seconds: float
    found: int  # MIDI files there were; some may have been bad, or too many
    complete: bool  # False: time was up

    def __str__(self) -> str:
        """For people, one line."""
        of = f" of {self.found}" if self.found > self.pieces else ""
        cut = "" if self.complete else "; time was up, so that another run may end elsewhere"
        return f"adapted to {self.pieces}{of} piece{'s' * (self.found > 1)}, {self.notes:,} notes, in {self.seconds:.1f} s{cut}"


class Stepper:
    """Moves the weights of a model by the gradients of segments, and puts them back."""

    def __init__(self, model: EventLSTM, config: AdaptConfig) -> None:
        self.model, self.config = model, config
        self.weights = [p.requires_grad_() for p in model.parameters()]
        self.began = [p.detach().clone() for p in self.weights]
        self.restore()

    @torch.no_grad()
    def restore(self) -> None:
        """The weights as they were at first, and nothing remembered of gradients."""
        torch._foreach_copy_(self.weights, self.began)
        self.mean = [torch.zeros_like(p) for p in self.weights]
        self.square = [torch.zeros_like(p) for p in self.weights]
        self.steps = 0

    @torch.no_grad()
    def interpolate(self, share: float) -> None:
        """Weights between those at first (0) and those learned (1): pieces that differ pull in many directions (Wortsman et al., 2022)."""
        for weight, old in zip(self.weights, self.began, strict=True):
            weight.copy_(torch.lerp(old, weight, share))

    def read(self, s: EncodedPiece, first: int, last: int, state: State | None) -> tuple[torch.Tensor, State]:
        """Nats (T, 6) of events ``first`` to ``last``, and the state after."""
        nats, state = self.model(to_tensors(as_batch(s, first, last), next(iter(self.weights)).device), state)
        return nats[:, 0], state.detach()

    def learn(self, nats: torch.Tensor) -> None:
        """One step from the nats of a segment."""
        c = self.config
        self.model.zero_grad(set_to_none=True)
        torch.autograd.backward(nats.sum() / len(nats))
        known = [i for i, p in enumerate(self.weights) if p.grad is not None]
        weights, gradients = [self.weights[i] for i in known], [p.grad for i in known if (p := self.weights[i]).grad is not None]
        if not torch.isfinite(torch.nn.utils.clip_grad_norm_(weights, c.clip)):
            return
        self.steps += 1
        with torch.no_grad():
            mean, square = [self.mean[i] for i in known], [self.square[i] for i in known]
            torch._foreach_lerp_(mean, gradients, 0.1)
            torch._foreach_mul_(square, c.memory)
            torch._foreach_addcmul_(square, gradients, gradients, 1 - c.memory)
            root = torch._foreach_div(square, 1 - c.memory**self.steps)
            torch._foreach_sqrt_(root)
            torch._foreach_add_(root, c.least)
            torch._foreach_addcdiv_(weights, mean, root, -c.rate / (1 - 0.9**self.steps))


def music(path: str | os.PathLike[str]) -> tuple[list[Score], int]:
    """What can be read at a path (a file, a folder, an archive), bounded, and how many MIDI files there are.

    Raises MelodyError: a file's own line if it is the only one, or none could be read.
    """
    found = list(sources.find([Path(path)]))
    if not found:
        raise MelodyError(f"{shown(path)}: no MIDI files ({' '.join(sources.MIDI_SUFFIXES)}) found to adapt to")
    order = np.random.default_rng(1).permutation(len(found)) if len(found) > MAX_PIECES else np.arange(len(found))
    scores: list[Score] = []
    first: MelodyError | None = None
    for i in order.tolist():
        try:
            score = notation.parse(found[i].read_bytes(), found[i].path, keep_document=False)
            if not score.note_count:
                raise MelodyError(f"{found[i].path}: no notes to adapt to")
            scores.append(edit.busiest_tracks(score, MAX_PARTS) if len(score.tracks) > MAX_PARTS else score)
        except MelodyError as fault:
            first = first or fault
        if len(scores) == MAX_PIECES:
            break
    if not scores:
        raise first or MelodyError(f"{shown(path)}: nothing in it can be read")
    return scores, len(found)


def adapted(
    bundle: Bundle, model: EventLSTM, scores: Sequence[Score], config: AdaptConfig = AdaptConfig(), found: int = 0
) -> tuple[Bundle, EventLSTM, Adapted]:
    """Bundle and model after some passes over some pieces, and what was done. The model given may be changed."""
    begin = time.monotonic()
    model = grown(model, [STYLE]).eval()
    stepper = Stepper(model, config)
    scores = _bounded(scores)
    readings = [(score, None if number % 2 else STYLE) for number in range(config.passes) for score in scores]
    read = 0
    for score, style in readings:
        if time.monotonic() - begin > MAX_SECONDS:
            break
        _learn(stepper, encode_score(score, model.codec, style))
        read += 1
    if len(scores) > 1:
        stepper.interpolate(config.interpolation)
    for weight in stepper.weights:
        weight.requires_grad_(False)
    priors: Mapping[str, Any] = {STYLE: {"pieces": len(scores)} | tempo_and_meters(scores)}
    known = replace(bundle, codec=model.codec, training={**bundle.training, "habits": priors})
    notes = sum(s.note_count for s in scores)
    return (
        known,
        model,
        Adapted(len(scores), notes, stepper.steps, time.monotonic() - begin, max(found, len(scores)), read == len(readings)),
    )


def _learn(stepper: Stepper, s: EncodedPiece) -> None:
    """Read a piece but for its END: where a tune that is to go on breaks off is not to be learned."""
    state, size = None, stepper.config.segment
    for first in range(0, len(s) - 1, size):
        nats, state = stepper.read(s, first, min(len(s) - 1, first + size), state)
        stepper.learn(nats)


def _bounded(scores: Sequence[Score]) -> list[Score]:
    """Pieces until they hold MAX_NOTES notes, the last one cut at a bar."""
    out: list[Score] = []
    left = MAX_NOTES
    for score in scores:
        piece = score if score.note_count <= left else _beginning(score, left)
        if piece.note_count:
            out.append(piece)
        left -= score.note_count
        if left <= 0:
            break
    return out


def _beginning(score: Score, notes: int) -> Score:
    """The bars of a piece that hold at most so many notes together; one bar at least."""
    onsets = np.sort(np.concatenate([t.notes["onset"] for t in score.tracks]))
    bar = int(theory.bar_of(score, onsets[notes]))
    return edit.cut(score, 0, int(theory.bar_start(score, max(1, bar))))
