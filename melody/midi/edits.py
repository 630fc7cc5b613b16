"""A Score that was read from a file, and changed -> that file, edited.

What differs between the tracks of the Score and those of its document becomes events that go and events that come; all else keeps its
bytes. New notes of a track play on its own channel, new tracks on channels that are free (``placing``). Where notes go on after the
last one of their track, what a fade, a bend or a pedal left at an extreme is set back once (``joint``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from melody.midi.channels import audible
from melody.midi.container import exchanged
from melody.midi.document import Document
from melody.midi.joint import neutral
from melody.midi.markers import changed
from melody.midi.placing import Part, Placing
from melody.midi.splice import AFTER, BEFORE, FIRST, Insertion, spliced
from melody.midi.voices import NAME, SUSTAIN, Voice
from melody.midi.writing import check, marker_event, name_event
from melody.score import Score, Table, Track

PEDALS, STARTS = AFTER + 1, AFTER + 2  # ranks at one tick, after what a channel is set to
Ints = NDArray[np.int64]


def edited(score: Score, document: Document) -> bytes:
    """The file of ``document`` with what the Score changes. Errors: ``MelodyError`` for what MIDI cannot hold."""
    edits = _Edits(document)
    own = {id(track.origin): number for number, track in enumerate(document.tracks)}
    kept: dict[int, Track] = {}
    new: list[Track] = []
    for track in score.tracks:
        number = own.get(id(track.origin), -1)
        if number < 0 or number in kept or track.program != document.tracks[number].program:
            new.append(track)
        else:
            kept[number] = track
    edits.conductor(score)
    edits.tracks(kept)
    edits.new_tracks([t for t in new if len(t.notes)])
    return edits.to_bytes()


def difference(old: Table, new: Table, *names: str) -> tuple[Ints, Ints]:
    """Rows of ``old`` that ``new`` lacks, and rows of ``new`` that ``old`` lacks, as indices; rows that are there twice count twice."""
    none = np.zeros(0, np.int64)
    if old is new or len(old) == len(new) and all((old[name] == new[name]).all() for name in names):
        return none, none
    columns = [np.concatenate([old[name], new[name]]) for name in names]
    side = np.repeat([0, 1], [len(old), len(new)])
    order = np.lexsort((side, *columns))
    changes = np.zeros(len(order), bool)
    changes[:1] = True
    for column in columns:
        changes[1:] |= np.diff(column[order]) != 0
    group = np.cumsum(changes) - 1
    count = len(group) and int(group[-1]) + 1
    olds, news = (np.bincount(group[side[order] == which], minlength=count) for which in (0, 1))
    place = np.arange(len(order)) - np.flatnonzero(changes)[group]
    gone = (side[order] == 0) & (place >= news[group])
    come = (side[order] == 1) & (place - olds[group] >= olds[group])
    return np.sort(order[gone]), np.sort(order[come]) - len(old)


class _Edits:
    """What goes and what comes, by MTrk."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.dropped: dict[int, set[int]] = defaultdict(set)
        self.inserted: dict[int, list[Insertion]] = defaultdict(list)
        self.bodies: list[bytes] = []
        self.first = document.sequence or 0  # the MTrk for tempi, and for all that is new in a file of one track
        self.pedals: set[tuple[int, int, int]] = set()

    def drop(self, index: Iterable[int]) -> None:
        """Events that go, by their indices; -1 is none."""
        track = self.document.events.track
        for i in index:
            if i >= 0:
                self.dropped[int(track[i])].add(i)

    def tracks(self, kept: dict[int, Track]) -> None:
        """Notes and pedals of the file's own tracks."""
        document, come, moves = self.document, {}, {}
        placing = Placing(document)
        for number, base in enumerate(document.tracks):
            track = kept.get(number)
            voice = base.origin
            assert voice is not None
            if track is None:
                gone = np.arange(len(base.notes))
            else:
                gone, fresh = difference(base.notes, track.notes, "onset", "pitch", "duration", "velocity")
                if len(fresh):
                    come[number] = audible(track.notes[fresh])
                    check(come[number], track)
                moves[number] = self._pedals(base, track, voice)
                if track.name != base.name and voice.alone and document.form == 1:
                    self._rename(voice.mtrk, track.name)
            self.drop(voice.on[gone].tolist())
            self.drop(voice.off[gone].tolist())
            placing.gone[number] = gone
        joints: set[int] = set()
        for number, notes in come.items():
            voice = document.tracks[number].origin
            assert voice is not None
            parts = placing.placed(number, notes)
            last = int(document.tracks[number].notes["onset"].max())
            for part in parts:
                self.play(self.inserted[voice.mtrk], part, moves[number])
                later = part.notes["onset"][part.notes["onset"] > last]
                if len(later) and not part.setup and part.channel not in joints:
                    joints.add(part.channel)
                    self.inserted[voice.mtrk] += neutral(document, part.channel, int(later.min()), document.tracks[number].notes)
        for number, rows in moves.items():
            voice = document.tracks[number].origin
            if number not in come and voice is not None:
                self._move(self.inserted[voice.mtrk], voice.channels[0], rows)
        self.placing = placing

    def _pedals(self, base: Track, track: Track, voice: Voice) -> Table:
        """Drop what is gone of a track's pedal; what comes."""
        gone, fresh = difference(base.pedal, track.pedal, "tick", "value")
        index = voice.pedal[gone]
        self.drop(index[self.document.events.first[index] == SUSTAIN].tolist())
        rows: Table = track.pedal[fresh]
        return rows

    def play(self, out: list[Insertion], part: Part, pedal: Table) -> None:
        """The events of new notes on a channel, and of the pedal there."""
        channel, notes = part.channel & 15, part.notes
        out += [Insertion(part.tick, AFTER, event) for event in part.setup]
        on, off = 0x90 | channel, 0x80 | channel
        columns = (notes["onset"], notes["onset"] + notes["duration"], notes["pitch"], notes["velocity"])
        for onset, end, pitch, velocity in zip(*(c.tolist() for c in columns), strict=True):
            out.append(Insertion(onset, STARTS, bytes((on, pitch, velocity))))
            out.append(Insertion(end, BEFORE, bytes((off, pitch, 0))))
        self._move(out, part.channel, pedal)

    def _move(self, out: list[Insertion], channel: int, pedal: Table) -> None:
        """Pedal events on a channel, each once though several tracks play there."""
        for tick, value in pedal.tolist():
            if (channel, tick, value) not in self.pedals:
                self.pedals.add((channel, tick, value))
                out.append(Insertion(tick, PEDALS, bytes((0xB0 | channel & 15, SUSTAIN, value))))

    def new_tracks(self, tracks: list[Track]) -> None:
        """Tracks that the file does not have: an MTrk each, or part of the one that there is."""
        one = self.document.form != 1
        for track, parts in zip(tracks, self.placing.new(tracks), strict=True):
            out: list[Insertion] = self.inserted[self.first] if one else []
            if not one and (name := name_event(track.name)):
                out.append(Insertion(0, FIRST, name))
            for part in parts:
                check(part.notes, track)
                self.play(out, part, track.pedal)
            if not one:
                self.bodies.append(spliced(b"", self.document.events, (0, 0), b"", (), out))

    def conductor(self, score: Score) -> None:
        """Tempi, meters, keys and markers that were changed."""
        document, events = self.document, self.document.events
        for kind, old, new, event in (
            (0x51, document.tempi, score.tempi, _tempo),
            (0x58, document.meters, score.meters, _meter),
            (0x59, document.keys, score.keys, _key),
        ):
            gone, come = difference(old, new, *(old.dtype.names or ()))
            if len(gone):
                here = (events.status == 0xFF) & (events.first == kind) & np.isin(events.tick, old["tick"][gone])
                if document.sequence is not None:
                    here &= events.track == document.sequence
                self.drop(np.flatnonzero(here).tolist())
            self.inserted[self.first] += [Insertion(int(row[0]), FIRST, event(*row[1:])) for row in new[come].tolist()]
        lost, fresh = changed(score, document)
        self.drop(lost)
        self.inserted[self.first] += [Insertion(tick, FIRST, marker_event(text)) for tick, text in fresh]

    def _rename(self, mtrk: int, name: str) -> None:
        events, (low, high) = self.document.events, self.document.bounds(mtrk)
        self.drop((low + np.flatnonzero((events.status[low:high] == 0xFF) & (events.first[low:high] == NAME))).tolist())
        if event := name_event(name):
            self.inserted[mtrk].append(Insertion(0, FIRST, event))

    def to_bytes(self) -> bytes:
        """The file with all edits; the very bytes that it had where there are none."""
        document = self.document
        bodies: dict[int, bytes | None] = {}
        for mtrk in sorted({n for n in (*self.dropped, *self.inserted) if self.dropped[n] or self.inserted[n]}):
            bounds = document.bounds(mtrk)
            start, end = document.file.tracks[mtrk]
            behind = int(document.events.end[bounds[1] - 1]) if bounds[1] > bounds[0] else start
            rest = document.data[min(behind, end) : end]
            bodies[mtrk] = spliced(document.data, document.events, bounds, rest, self.dropped[mtrk], self.inserted[mtrk])
        return exchanged(document.file, bodies, self.bodies) if bodies or self.bodies else document.data


def _tempo(mspq: int) -> bytes:
    return b"\xff\x51\x03" + mspq.to_bytes(3, "big")


def _meter(numerator: int, denominator: int) -> bytes:
    return bytes((0xFF, 0x58, 4, numerator, denominator.bit_length() - 1, 24, 8))


def _key(fifths: int, minor: bool) -> bytes:
    return bytes((0xFF, 0x59, 2, fifths & 255, minor))
