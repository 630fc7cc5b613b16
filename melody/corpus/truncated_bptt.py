"""Truncated back-propagation through time: where a piece is cut into the chunks that gradients run through.

A chunk begins where the one before it ended. The network's state is carried from the one to the other and its gradient is not
(``training/learner.py`` detaches it): what a note owes to the chunk before is used and never learned from.
Williams, Peng: An efficient gradient-based algorithm for on-line training of recurrent network trajectories, 1990.
"""

from __future__ import annotations

import numpy as np

from melody.codec.columns import Lookup
from melody.corpus.batch import Chunk
from melody.corpus.piece import EncodedPiece

GIVEN_BEFORE, GIVEN_AFTER, MAX_GIVEN = 16, 24, 256  # given notes that a chunk brings along


def next_chunk(piece: EncodedPiece, start: int, length: int) -> Chunk:
    """At most ``length`` events from event ``start`` on, with the given notes around them; fewer where the given notes are many."""
    count = min(length, len(piece) - start)
    lookups = piece.steps.lookups[start : start + count + 1]
    if not len(piece.given):
        return Chunk(piece, start, count, piece.given.rows, lookups)
    low = max(0, int(lookups[0, Lookup.LAST]) - 1 - GIVEN_BEFORE)
    fits = int(np.searchsorted(lookups[:, Lookup.LAST], low + MAX_GIVEN, side="right")) - 1
    count = max(1, min(count, fits))
    lookups = lookups[: count + 1].copy()
    high = min(len(piece.given), int(lookups[-1, Lookup.LAST]) + (0 if piece.causal else GIVEN_AFTER) + 1)
    if high - low > MAX_GIVEN + GIVEN_AFTER + 1:  # one wait that leaps over hundreds of given notes: keep the near end
        low = high - MAX_GIVEN - GIVEN_AFTER - 1
    indices = lookups[:, : Lookup.SINCE]  # of the last and the next given note
    indices[:] = np.where(indices > low, indices - low, 0)
    return Chunk(piece, start, count, piece.given.rows[low:high], lookups)
