"""``recall`` note by note, for the pieces of a batch that are being written.

The pointers by bars are one binary search for all rows: the keys of all rows' notes lie in one rising array, each row's in a block of its
own. The pointer by passages asks a dictionary for each row. Of a piece without end the last MAX_KEPT to twice MAX_KEPT notes are kept.
For one row alone the same is done in plain numbers, which takes a third of the time; both are bit for bit the same (tests).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.codec.columns import LAGS, POINTERS, PREDICTED_OFFSET, Recalled
from melody.codec.metre import Metre
from melody.codec.passages import (
    LAST_PITCH,
    MASK,
    MIX_PASSAGE,
    NONE,
    ORDERS,
    PLAIN_MIX_PASSAGE,
    Passages,
    intervals,
    note_hashes,
    passage_hashes,
    plain_hash,
)
from melody.codec.recall import LONGEST_STREAK, PITCHES, STREAK_CLASS, Ints, recall, streaks
from melody.codec.table import MAX_PARTS, CodecConfig, Field
from melody.score import Table

MAX_KEPT = 4096  # notes of a piece without end that are kept at least
INITIAL_CAPACITY = 256  # notes of a row
NOTES_PER_STEP = MAX_PARTS * PITCHES  # different notes that can begin at one step
BLOCK = 1 << 44  # keys of a row: more than steps times NOTES_PER_STEP
# Columns of a kept note: its onset in the place of the wait, and the others as they are predicted.
ONSET, PART, PITCH, DURATION, VELOCITY = range(Recalled.STREAK)
STREAK = int(Recalled.STREAK)
OFFSETS = np.array([PREDICTED_OFFSET[field] for field in (Field.PART, Field.PITCH, Field.DURATION, Field.VELOCITY)])
STREAK_CLASSES = STREAK_CLASS.tolist()


class IncrementalRecall:
    """What may be recalled of B pieces. Rows are set by ``begin``; ``after`` is called once for every event of all rows."""

    def __init__(self, config: CodecConfig, rows: int) -> None:
        self.config = config
        self._size(rows, INITIAL_CAPACITY)
        self.notes = np.zeros((rows, INITIAL_CAPACITY, STREAK), np.int64)
        self.stands = np.zeros((rows, INITIAL_CAPACITY), np.int64)  # the pitch that each note stands on (``passages.intervals``)
        self.hashes = np.zeros((rows, INITIAL_CAPACITY, 1 + len(ORDERS)), np.uint64)  # of each note, and of the passages that it ends
        self.count = np.zeros(rows, np.int64)
        self.time = np.zeros(rows, np.int64)  # step of the event before
        self.streaks = np.zeros((rows, POINTERS), np.int64)  # how often in a row each pointer was right
        self.recalled = np.zeros((rows, POINTERS, len(Recalled)), np.int64)
        self.passages = [Passages() for _ in range(rows)]
        self.keys = self._keys()

    def _size(self, rows: int, capacity: int) -> None:
        self.capacity, self.all = capacity, np.arange(rows)
        self.blocks, self.begins = self.all * BLOCK, self.all * capacity

    def _keys(self) -> Ints:
        """(B, capacity): onset, part and pitch of a note as one number, rising over all rows; the block's end where there is none."""
        keys = (self.notes[..., ONSET] * MAX_PARTS + self.notes[..., PART] - 1) * PITCHES + self.notes[..., PITCH] - 1
        there = np.arange(self.capacity) < self.count[:, None]
        found: Ints = np.where(there, keys, BLOCK - 1) + self.blocks[:, None]
        return found

    def begin(
        self,
        b: int,
        metre: Metre,
        notes: Table,
        notes_so_far: Ints,
        time: Ints,
        plays: NDArray[np.bool_],
        form: NDArray[np.int16] | None = None,
    ) -> NDArray[np.int16]:
        """Row ``b`` has read n events (see ``recall``; all of ``notes`` have sounded): what was predicted after each, (n, 5, 6)."""
        predicted = recall(self.config, metre, notes, notes_so_far, time, plays, form)
        kept = notes[-MAX_KEPT:] if len(notes) > 2 * MAX_KEPT else notes
        self.passages[b] = passages = Passages()
        count = len(kept)
        self._reserve(count)
        onset, pitch, part = (kept[name].astype(np.int64) for name in ("onset", "pitch", "part"))
        between, self.stands[b, :count] = intervals(pitch)
        self.hashes[b, :count, 0] = note_hashes(between, np.diff(onset, prepend=onset[:1]), part)
        self.hashes[b, :count, 1:] = passage_hashes(onset, pitch, part)
        for at, hashes in enumerate(self.hashes[b, :count, 1:].tolist()):
            passages.add(at, hashes)
        self.count[b] = count
        columns = (kept["onset"], kept["part"] + 1, kept["pitch"] + 1, kept["duration"], kept["velocity"] + 1)
        for column, values in enumerate(columns):
            self.notes[b, :count, column] = values
        self.keys = self._keys()
        self.time[b], self.recalled[b] = time[-1], predicted[-1]
        self.streaks[b] = streaks(predicted, notes, notes_so_far, time, plays)[-1] if plays.any() else 0
        return predicted

    def pick(self, origin: Ints) -> None:
        """Row i is what row ``origin[i]`` was; -1: to be set by ``begin``."""
        self._size(len(origin), self.capacity)
        for name in ("notes", "stands", "hashes", "count", "time", "streaks", "recalled"):
            setattr(self, name, picked(getattr(self, name), origin))
        self.passages = [self.passages[b] if b >= 0 else Passages() for b in origin.tolist()]
        self.keys = self._keys()

    def after(self, rows: Ints, events: Ints, time: Ints, ago: Ints) -> Ints:
        """An event of every row has been chosen: what is predicted after it, (B, 5, 6).

        rows    indices (n,) of the rows whose event is a note
        events  (B, 6)
        time    (B,): the step that the event reached
        ago     (B, 4): ``bars_ago`` of it
        """
        if len(time) == 1:
            return self._after_one(len(rows) == 1, events[0].tolist(), int(time[0]), ago[0].tolist())
        add = self.blocks.copy()
        if len(rows):
            came = events[:, Field.WAIT : Field.PITCH + 1] + 1
            came[:, Recalled.WAIT] = time - self.time + 1
            right = (self.recalled[..., :DURATION] == came[:, None]).all(-1)
            self.streaks[rows] = (self.streaks[rows] + 1) * right[rows]
            add[rows] += self._add(rows, events[rows], time[rows]) + 1
        self.time = time
        source = np.array([p.source for p in self.passages])
        at = np.empty((len(time), POINTERS + 2), np.int64)  # the predicted notes, the last one, the one that ends the earlier passage
        at[:, : len(LAGS)] = self.keys.ravel().searchsorted(ago * NOTES_PER_STEP + add[:, None]) - self.begins[:, None]
        at[:, -3], at[:, -2], at[:, -1] = source + 1, self.count - 1, source
        there = at[:, :POINTERS] < self.count[:, None]
        there[:, : len(LAGS)] &= ago >= 0
        places = at.clip(0, self.capacity - 1) + self.begins[:, None]
        found = self.notes.reshape(-1, STREAK).take(places.ravel(), 0).reshape(*at.shape, STREAK)
        stands = self.stands.ravel().take(places[:, -2:].ravel()).reshape(-1, 2)
        out = np.empty((len(time), POINTERS, len(Recalled)), np.int64)
        out[..., :STREAK] = found[:, :POINTERS]
        last, earlier = found[:, -2], found[:, -1]
        out[:, :-1, ONSET] -= ago  # from here on a wait
        out[:, -1, ONSET] -= earlier[:, ONSET] + time - last[:, ONSET]
        pitch = out[:, -1, PITCH]
        fixed = pitch > LAST_PITCH + 1
        pitch += np.where(fixed, 0, stands[:, 0] - stands[:, 1])
        there[:, -1] &= (source >= 0) & (out[:, -1, ONSET] >= 0) & (fixed | ((pitch > 0) & (pitch <= LAST_PITCH + 1)))
        out[..., ONSET] = np.minimum(out[..., ONSET], self.config.rest) + 1
        out *= there[..., None]  # 0 stands for "nothing"
        out[..., Recalled.STREAK] = STREAK_CLASS[np.minimum(self.streaks, LONGEST_STREAK)]
        self.recalled = out
        return out

    def _after_one(self, plays: bool, event: list[int], time: int, ago: list[int]) -> Ints:
        """``after`` for one row alone, in plain numbers: a third of the time."""
        counts = self.streaks[0].tolist()
        add = 0
        if plays:
            came = [1 + time - int(self.time[0]), 1 + event[2], 1 + event[3]]
            counts = [count + 1 if t[:DURATION] == came else 0 for count, t in zip(counts, self.recalled[0].tolist(), strict=True)]
            self.streaks[0] = counts
            add = self._add_one(event, time) + 1
        self.time[0] = time
        count, source, rest = int(self.count[0]), self.passages[0].source, self.config.rest
        places = self.keys[0].searchsorted([then * NOTES_PER_STEP + add for then in ago]).tolist()
        found = self.notes[0].take([*places, source + 1, source, count - 1], 0, mode="clip").tolist()
        last, earlier = found.pop(), found.pop()
        out = [[0, 0, 0, 0, 0, STREAK_CLASSES[min(count, LONGEST_STREAK)]] for count in counts]
        for predicted, then, place, note in zip(out, ago, places, found, strict=False):
            if then >= 0 and place < count:
                note[ONSET] = 1 + min(note[ONSET] - then, rest)
                predicted[:STREAK] = note
        if source >= 0:
            note = found[-1]
            wait, pitch = note[ONSET] - earlier[ONSET] - time + last[ONSET], note[PITCH]
            fixed, stands = pitch > LAST_PITCH + 1, self.stands[0]
            if not fixed:
                pitch += int(stands[self.count[0] - 1] - stands[source])
            if wait >= 0 and (fixed or 0 < pitch <= LAST_PITCH + 1):
                out[-1][:STREAK] = 1 + min(wait, rest), note[PART], pitch, note[DURATION], note[VELOCITY]
        self.recalled = np.array([out])
        return self.recalled

    def _add(self, rows: Ints, events: Ints, time: Ints) -> Ints:
        """Notes sound in some rows, in canonical order: their places among the notes of one step."""
        self._reserve(1 + int(self.count.max()))
        part, pitch = events[:, 2], events[:, 3]
        place: Ints = part * PITCHES + pitch
        at = self.count[rows]
        first = at == 0
        stood, fixed = np.where(first, NONE, self.stands[rows, at - 1]), pitch > LAST_PITCH
        between = np.where(fixed, pitch, np.where(stood == NONE, 0, pitch - stood))
        self.stands[rows, at] = np.where(fixed, stood, pitch)
        hashed = note_hashes(between, np.where(first, 0, time - self.notes[rows, at - 1, ONSET]), part)
        hashes = self.hashes
        hashes[rows, at, 0] = hashed
        for level, order in enumerate(ORDERS):
            hashed = hashed * MIX_PASSAGE + hashes[rows, at - order // 2, level]
            hashes[rows, at, level + 1] = hashed
        for b, place_of, found in zip(rows.tolist(), at.tolist(), hashes[rows, at, 1:].tolist(), strict=True):
            self.passages[b].add(place_of, found)
        self.keys[rows, at] = time * NOTES_PER_STEP + place + self.blocks[rows]
        self.notes[rows, at, ONSET] = time
        self.notes[rows, at, PART:] = events[:, 2:] + OFFSETS
        self.count[rows] += 1
        return place

    def _add_one(self, event: list[int], time: int) -> int:
        """``_add`` for one row alone."""
        _, _, part, pitch, duration, velocity = event
        self._reserve(1 + int(self.count[0]))
        at = int(self.count[0])
        onset_before, stood = (int(self.notes[0, at - 1, ONSET]), int(self.stands[0, at - 1])) if at else (time, NONE)
        fixed = pitch > LAST_PITCH
        self.stands[0, at] = stood if fixed else pitch
        between = pitch if fixed else 0 if stood == NONE else pitch - stood
        hashed, hashes = plain_hash(between, time - onset_before, part), self.hashes[0]
        found = [hashed]
        for level, order in enumerate(ORDERS):
            hashed = hashed * PLAIN_MIX_PASSAGE + int(hashes[at - order // 2, level]) & MASK
            found.append(hashed)
        hashes[at] = found
        self.passages[0].add(at, found[1:])
        self.keys[0, at] = time * NOTES_PER_STEP + part * PITCHES + pitch
        self.notes[0, at] = (time, 1 + part, 1 + pitch, duration, 1 + velocity)
        self.count[0] = at + 1
        return part * PITCHES + pitch

    def _reserve(self, count: int) -> None:
        """For so many notes in a row, or for what is remembered at most."""
        if count > 2 * MAX_KEPT:
            for b in np.flatnonzero(self.count >= 2 * MAX_KEPT).tolist():
                for table in (self.notes, self.stands, self.hashes):
                    table[b, :MAX_KEPT] = table[b, MAX_KEPT : 2 * MAX_KEPT]
                self.count[b] = MAX_KEPT
                self.passages[b].forget(MAX_KEPT)
            self.keys = self._keys()
        elif count > self.capacity:
            more = min(max(count, 2 * self.capacity), 2 * MAX_KEPT) - self.capacity
            self._size(len(self.all), self.capacity + more)
            self.notes = np.pad(self.notes, ((0, 0), (0, more), (0, 0)))
            self.stands = np.pad(self.stands, ((0, 0), (0, more)))
            self.hashes = np.pad(self.hashes, ((0, 0), (0, more), (0, 0)))
            self.keys = self._keys()


def picked(array: NDArray[Any], origin: Ints) -> NDArray[Any]:
    """Rows of an array in another order; zeros where ``origin`` is -1."""
    out = np.zeros((len(origin), *array.shape[1:]), array.dtype)
    old = origin >= 0
    out[old] = array[origin[old]]
    return out
