"""``recall`` note by note, for the pieces of a batch: what pieces that are being written remember of themselves.

The pointers by bars are one binary search for all rows: the keys of all rows' notes lie in one rising array, each row's in a block of its
own. The pointer by passages asks a dictionary for each row. Of a piece without end the last MOST to twice MOST notes are kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from melody.codec.metre import Metre
from melody.codec.passages import MASK, MIX_PASSAGE, ORDERS, PLAIN_MIX_PASSAGE, Passages, note_marks, passage_marks, plain_mark
from melody.codec.recall import LAGS, LONG_RUN, POINTERS, RUN_CLASS, Whole, recall, runs
from melody.codec.table import MAX_PARTS, CodecConfig
from melody.score import Table

MOST = 4096  # notes that a piece without end remembers at least
FIRST_ROOM = 256  # notes of a row for which there is room at the beginning
PLACES = MAX_PARTS * 128  # notes that can begin at one step
BLOCK = 1 << 42  # keys of a row: more than steps times PLACES
ONSET, PART, PITCH, DURATION, VELOCITY = range(5)
FORETOLD = np.array([1, 1, 0, 1])  # what is added to part, pitch, duration and velocity: 0 stands for "nothing"
RUNS_BY_COUNT = RUN_CLASS.tolist()
Notes = NDArray[np.int64]  # (n, 5): onset, 1 + part, 1 + pitch, duration, 1 + velocity bin, as they are foretold


class IncrementalRecall:
    """What B pieces remember. Rows are set by ``begin``; ``after`` is called once for every event of all rows."""

    def __init__(self, config: CodecConfig, rows: int) -> None:
        self.config = config
        self._size(rows, FIRST_ROOM)
        self.notes = np.zeros((rows, FIRST_ROOM, 5), np.int64)
        self.marks = np.zeros((rows, FIRST_ROOM, 1 + len(ORDERS)), np.uint64)  # of each note, and of the passages that it ends
        self.count = np.zeros(rows, np.int64)
        self.time = np.zeros(rows, np.int64)  # step of the event before
        self.right = np.zeros((rows, POINTERS), np.int64)  # how often in a row each pointer was
        self.told = np.zeros((rows, POINTERS, 6), np.int64)
        self.passages = [Passages() for _ in range(rows)]
        self.keys = self._keys()

    def _size(self, rows: int, room: int) -> None:
        self.room, self.all = room, np.arange(rows)
        self.blocks, self.begins = self.all * BLOCK, self.all * room

    def _keys(self) -> Whole:
        """(B, room): onset, part and pitch of every note as one number, rising over all rows; the block's end where there is no note."""
        keys = (self.notes[..., ONSET] * MAX_PARTS + self.notes[..., PART] - 1) * 128 + self.notes[..., PITCH] - 1
        there = np.arange(self.room) < self.count[:, None]
        found: Whole = np.where(there, keys, BLOCK - 1) + self.blocks[:, None]
        return found

    def begin(self, b: int, metre: Metre, notes: Table, heard: Whole, time: Whole, plays: NDArray[np.bool_]) -> NDArray[np.int16]:
        """Row ``b`` has read n events (see ``recall``; all of ``notes`` are heard in the end): what was foretold after each, (n, 5, 6)."""
        told = recall(self.config, metre, notes, heard, time, plays)
        kept = notes[-MOST:] if len(notes) > 2 * MOST else notes
        self.passages[b] = passages = Passages()
        count = len(kept)
        self._make_room(count)
        onset, pitch, part = (kept[name].astype(np.int64) for name in ("onset", "pitch", "part"))
        self.marks[b, :count, 0] = note_marks(np.diff(pitch, prepend=pitch[:1]), np.diff(onset, prepend=onset[:1]), part)
        self.marks[b, :count, 1:] = passage_marks(onset, pitch, part)
        for at, marks in enumerate(self.marks[b, :count, 1:].tolist()):
            passages.add(at, marks)
        self.count[b] = count
        columns = (kept["onset"], kept["part"] + 1, kept["pitch"] + 1, kept["duration"], kept["velocity"] + 1)
        for column, values in enumerate(columns):
            self.notes[b, :count, column] = values
        self.keys = self._keys()
        self.time[b], self.told[b] = time[-1], told[-1]
        self.right[b] = runs(told, notes, heard, time, plays)[-1] if plays.any() else 0
        return told

    def keep(self, rows: Whole) -> None:
        """Leave the other rows out."""
        self._size(len(rows), self.room)
        for name in ("notes", "marks", "count", "time", "right", "told"):
            setattr(self, name, getattr(self, name)[rows])
        self.passages = [self.passages[b] for b in rows.tolist()]
        self.keys = self._keys()

    def after(self, rows: Whole, events: Whole, time: Whole, ago: Whole) -> Whole:
        """Tell of an event for every row; what is foretold then: (B, 5, 6).

        rows    indices (n,) of the rows whose event is a note
        events  (B, 6)
        time    (B,): the step that the event reached
        ago     (B, 4): ``bars_ago`` of it
        """
        if len(time) == 1:
            return self._after_one(len(rows) == 1, events[0].tolist(), int(time[0]), ago[0].tolist())
        add = self.blocks.copy()
        if len(rows):
            came = events[:, 1:4] + 1
            came[:, 0] = time - self.time + 1
            right = (self.told[..., :3] == came[:, None]).all(-1)
            self.right[rows] = (self.right[rows] + 1) * right[rows]
            add[rows] += self._remember(rows, events[rows], time[rows]) + 1
        self.time = time
        source = np.array([p.source for p in self.passages])
        at = np.empty((len(time), POINTERS + 2), np.int64)  # the foretold notes, the last one, the one that ends the earlier passage
        at[:, : len(LAGS)] = self.keys.ravel().searchsorted(ago * PLACES + add[:, None]) - self.begins[:, None]
        at[:, -3], at[:, -2], at[:, -1] = source + 1, self.count - 1, source
        there = at[:, :POINTERS] < self.count[:, None]
        there[:, : len(LAGS)] &= ago >= 0
        found = self.notes.reshape(-1, 5).take((at.clip(0, self.room - 1) + self.begins[:, None]).ravel(), 0).reshape(*at.shape, 5)
        out = np.empty((len(time), POINTERS, 6), np.int64)
        out[..., :5] = found[:, :POINTERS]
        last, earlier = found[:, -2], found[:, -1]
        out[:, :-1, 0] -= ago
        out[:, -1, 0] -= earlier[:, ONSET] + time - last[:, ONSET]
        out[:, -1, PITCH] += last[:, PITCH] - earlier[:, PITCH]
        pitch = out[:, -1, PITCH]
        there[:, -1] &= (source >= 0) & (out[:, -1, 0] >= 0) & (pitch > 0) & (pitch <= 128)
        out[..., 0] = np.minimum(out[..., 0], self.config.rest) + 1
        out *= there[..., None]
        out[..., 5] = RUN_CLASS[np.minimum(self.right, LONG_RUN)]
        self.told = out
        return out

    def _after_one(self, plays: bool, event: list[int], time: int, ago: list[int]) -> Whole:
        """``after`` for one row alone, in plain numbers: a third of the time."""
        rights = self.right[0].tolist()
        add = 0
        if plays:
            came = [1 + time - int(self.time[0]), 1 + event[2], 1 + event[3]]
            rights = [run + 1 if t[:3] == came else 0 for run, t in zip(rights, self.told[0].tolist(), strict=True)]
            self.right[0] = rights
            add = self._remember_one(event, time) + 1
        self.time[0] = time
        count, source, rest = int(self.count[0]), self.passages[0].source, self.config.rest
        places = self.keys[0].searchsorted([then * PLACES + add for then in ago]).tolist()
        found = self.notes[0].take([*places, source + 1, source, count - 1], 0, mode="clip").tolist()
        last, earlier = found.pop(), found.pop()
        out = [[0, 0, 0, 0, 0, RUNS_BY_COUNT[min(run, LONG_RUN)]] for run in rights]
        for told, then, place, note in zip(out, ago, places, found, strict=False):
            if then >= 0 and place < count:
                note[ONSET] = 1 + min(note[ONSET] - then, rest)
                told[:5] = note
        if source >= 0:
            note = found[-1]
            wait, pitch = note[ONSET] - earlier[ONSET] - time + last[ONSET], note[PITCH] + last[PITCH] - earlier[PITCH]
            if wait >= 0 and 0 < pitch <= 128:
                out[-1][:5] = 1 + min(wait, rest), note[PART], pitch, note[DURATION], note[VELOCITY]
        self.told = np.array([out])
        return self.told

    def _remember(self, rows: Whole, events: Whole, time: Whole) -> Whole:
        """Notes sound in some rows, in canonical order: their places among the notes of one step."""
        self._make_room(1 + int(self.count.max()))
        place: Whole = events[:, 2] * 128 + events[:, 3]
        at = self.count[rows]
        before = self.notes[rows, at - 1]
        first = at == 0
        mark = note_marks(
            np.where(first, 0, events[:, 3] + 1 - before[:, PITCH]), np.where(first, 0, time - before[:, ONSET]), events[:, 2]
        )
        marks = self.marks
        marks[rows, at, 0] = mark
        for level, order in enumerate(ORDERS):
            mark = mark * MIX_PASSAGE + marks[rows, at - order // 2, level]
            marks[rows, at, level + 1] = mark
        for b, place_of, found in zip(rows.tolist(), at.tolist(), marks[rows, at, 1:].tolist(), strict=True):
            self.passages[b].add(place_of, found)
        self.keys[rows, at] = time * PLACES + place + self.blocks[rows]
        self.notes[rows, at, ONSET] = time
        self.notes[rows, at, PART:] = events[:, 2:] + FORETOLD
        self.count[rows] += 1
        return place

    def _remember_one(self, event: list[int], time: int) -> int:
        """``_remember`` for one row alone."""
        _, _, part, pitch, duration, velocity = event
        self._make_room(1 + int(self.count[0]))
        at = int(self.count[0])
        onset_before, _, pitch_before, _, _ = self.notes[0, at - 1].tolist() if at else (time, 0, 1 + pitch, 0, 0)
        mark, marks = plain_mark(1 + pitch - pitch_before, time - onset_before, part), self.marks[0]
        found = [mark]
        for level, order in enumerate(ORDERS):
            mark = mark * PLAIN_MIX_PASSAGE + int(marks[at - order // 2, level]) & MASK
            found.append(mark)
        marks[at] = found
        self.passages[0].add(at, found[1:])
        self.keys[0, at] = time * PLACES + part * 128 + pitch
        self.notes[0, at] = (time, 1 + part, 1 + pitch, duration, 1 + velocity)
        self.count[0] = at + 1
        return part * 128 + pitch

    def _make_room(self, count: int) -> None:
        """For so many notes in a row, or for what is remembered at most."""
        if count > 2 * MOST:
            for b in np.flatnonzero(self.count >= 2 * MOST).tolist():
                for table in (self.notes, self.marks):
                    table[b, :MOST] = table[b, MOST : 2 * MOST]
                self.count[b] = MOST
                self.passages[b].forget(MOST)
            self.keys = self._keys()
        elif count > self.room:
            more = min(max(count, 2 * self.room), 2 * MOST) - self.room
            self._size(len(self.all), self.room + more)
            self.notes = np.pad(self.notes, ((0, 0), (0, more), (0, 0)))
            self.marks = np.pad(self.marks, ((0, 0), (0, more), (0, 0)))
            self.keys = self._keys()
