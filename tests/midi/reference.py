"""A second opinion: a small, strict reader of standard MIDI files, written from the standard and sharing nothing with melody.

It reads a file as the standard says or not at all (``Unclear``); where the standard lets a reader go on (other chunks, tracks
that are not counted, no end of track, bytes after it, notes that never end) it does, and says so in ``remarks``.

Conventions: times are ticks from the start of the track. A note is a note-on of velocity 1 or more and the first note-off (or note-on
of velocity 0) after it of the same track, channel and pitch that no earlier note has taken: first on, first off. A note without such an
end lasts to the next event of its pitch and channel, else to where its channel is silenced (controllers 120, 123), else to the end of the
track; one of no length counts. Of two tempi at one tick the later in the file holds; the tempi of all tracks count.
Seconds are sums of whole numbers (ticks times microseconds a quarter), divided once: nothing is rounded on the way.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

DATA_BYTES = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
START_TEMPO = 500_000  # microseconds a quarter, until the file says another


class Unclear(ValueError):  # noqa: N818  # it is no error of anyone's: the standard does not say
    """The bytes are not what the standard describes."""


@dataclass(frozen=True, order=True)
class Note:
    """Ticks of its start and end, and what it is."""

    start: int
    end: int
    pitch: int
    velocity: int
    channel: int
    track: int


@dataclass
class Reading:
    """What a file says."""

    division: int  # ticks a quarter
    notes: list[Note] = field(default_factory=list)
    tempi: dict[int, int] = field(default_factory=dict)  # tick: microseconds a quarter
    remarks: list[str] = field(default_factory=list)

    def seconds(self, ticks: list[int]) -> list[float]:
        """Where ticks lie in time."""
        tempi = {0: START_TEMPO} | self.tempi
        steps = sorted(tempi)
        sums = [0]  # microseconds times ticks a quarter
        for here, following in pairwise(steps):
            sums.append(sums[-1] + (following - here) * tempi[here])
        unit = self.division * 1_000_000
        out = []
        for tick in ticks:
            k = bisect_right(steps, tick) - 1
            out.append(float(Fraction(sums[k] + (tick - steps[k]) * tempi[steps[k]], unit)))
        return out


class Bytes:
    """A place in some bytes, which must not be passed by."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def left(self) -> int:
        return len(self.data) - self.at

    def take(self, count: int) -> bytes:
        if self.left() < count:
            raise Unclear("the bytes end too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        """A number of ``size`` bytes, the highest first."""
        return int.from_bytes(self.take(size), "big")

    def quantity(self) -> int:
        """A number of one to four bytes of seven bits, all but the last with their highest bit set."""
        value = 0
        for _ in range(4):
            byte = self.number(1)
            value = value * 128 + byte % 128
            if byte < 128:
                return value
        raise Unclear("a variable-length quantity of more than four bytes")


def read(data: bytes) -> Reading:
    """The notes and tempi of a file. Errors: ``Unclear``."""
    file = Bytes(data)
    if file.take(4) != b"MThd":
        raise Unclear("no header")
    size = file.number(4)
    header = Bytes(file.take(size))
    form, said, division = header.number(2), header.number(2), header.number(2)
    if form > 2 or (form == 0 and said != 1):
        raise Unclear(f"format {form} of {said} tracks")
    if not 0 < division < 0x8000:
        raise Unclear("no ticks a quarter")
    found = Reading(division)
    tracks = 0
    for body in chunks(file, found):
        Track(tracks, found).read(Bytes(body))
        tracks += 1
    if not tracks:
        raise Unclear("no tracks")
    if tracks != said:
        found.remarks.append(f"{tracks} tracks, not {said}")
    found.notes.sort()
    return found


def chunks(file: Bytes, found: Reading) -> Iterator[bytes]:
    """The bodies of the tracks; of other chunks, which the standard wants skipped, nothing."""
    while file.left() >= 8:
        kind, size = file.take(4), file.number(4)
        if kind == b"MTrk":
            yield file.take(size)
            continue
        found.remarks.append("a chunk that is no track")
        file.take(min(size, file.left()))
    if file.left():
        found.remarks.append("bytes after the last chunk")


class Track:
    """One track while it is read."""

    def __init__(self, number: int, found: Reading) -> None:
        self.number, self.found = number, found
        self.tick = 0
        self.running = 0  # the status that a data byte goes on with; 0: none
        self.sounding: dict[tuple[int, int], list[tuple[int, int, int]]] = {}  # channel and pitch: start, velocity, place; the first first
        self.place = 0  # of the event
        self.mentions: dict[tuple[int, int], list[tuple[int, int]]] = {}  # channel and pitch: place and tick of all its events
        self.silences: dict[int, list[tuple[int, int]]] = {}  # channel: the same of what silences it

    def read(self, events: Bytes) -> None:
        while events.left():
            self.tick += events.quantity()
            if self.event(events):
                break
        else:
            self.found.remarks.append("no end of track")
        if events.left():
            self.found.remarks.append("bytes after the end of a track")
        if any(self.sounding.values()):
            self.found.remarks.append("notes that never end")
        for (channel, pitch), waiting in self.sounding.items():
            for start, loud, place in waiting:
                stops = self.mentions[channel, pitch], self.silences.get(channel, [])
                later = [[tick for at, tick in stop if at > place] for stop in stops]
                end = next((ticks[0] for ticks in later if ticks), self.tick)
                self.found.notes.append(Note(start, end, pitch, loud, channel, self.number))

    def event(self, events: Bytes) -> bool:
        """One event; whether it ends the track."""
        status = events.number(1)
        if status == 0xFF:
            self.running = 0
            return self.meta(events.number(1), events.take(events.quantity()))
        if status in (0xF0, 0xF7):
            self.running = 0
            events.take(events.quantity())
            return False
        if status > 0xF0:
            raise Unclear(f"status {status:x} in a file")
        if status >= 0x80:
            self.running = status
        elif self.running:
            events.at -= 1
        else:
            raise Unclear("a data byte where no status runs on")
        values = events.take(DATA_BYTES[self.running & 0xF0])
        if max(values) > 127:
            raise Unclear("a data byte above 127")
        self.channel_event(self.running & 0xF0, self.running & 0x0F, values)
        return False

    def meta(self, kind: int, body: bytes) -> bool:
        if kind > 127:
            raise Unclear(f"meta event {kind:x}")
        if kind == 0x51:
            tempo = int.from_bytes(body, "big")
            if len(body) != 3 or not tempo:
                raise Unclear("a tempo that is none")
            self.found.tempi[self.tick] = tempo  # tracks are read in order: a later one replaces
        return kind == 0x2F

    def channel_event(self, kind: int, channel: int, values: bytes) -> None:
        self.place += 1
        if kind == 0xB0 and values[0] in (120, 123):
            self.silences.setdefault(channel, []).append((self.place, self.tick))
        if kind not in (0x80, 0x90):
            return
        pitch, velocity = values
        waiting = self.sounding.setdefault((channel, pitch), [])
        self.mentions.setdefault((channel, pitch), []).append((self.place, self.tick))
        if kind == 0x90 and velocity:
            waiting.append((self.tick, velocity, self.place))
        elif waiting:
            start, loud, _ = waiting.pop(0)
            self.found.notes.append(Note(start, self.tick, pitch, loud, channel, self.number))
