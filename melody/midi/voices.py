"""Which notes of a file are one track.

Format 1     One MTrk is one track, on however many channels it plays (a guitar with a channel a string, an MPE recording) and
             whatever program changes it has. Drums in it are a track of their own. An MTrk whose channels play different instruments
             is really a file of format 0: each of its channels is a track.
Format 0     Each channel and program is a track; the zone of an MPE recording is one. Its one name belongs to none of several.

A channel without a program of its own in an MTrk that has one goes with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from melody.midi.events import Events
from melody.midi.names import decoded
from melody.midi.pairing import Notes
from melody.midi.state import TENTH, Patch, State
from melody.score import NOTE, PEDAL, Table, Track, table

NAME = 0x03  # the meta that names a track
SUSTAIN, RESET_CONTROLLERS, BRIGHTNESS = 64, 121, 74
MIN_MPE = 5  # channels of one MTrk that bend for themselves: a recording with a channel a note, also where no message says so
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Voice:
    """Where the notes of a track stand in its file: its MTrk, its channels (the busiest first), and for each note its events."""

    mtrk: int
    channels: tuple[int, ...]  # 0..15, plus 16 for each further port
    patch: Patch
    on: Ints  # (n,) index of the event that starts it
    off: Ints  # (n,) of the event that ends it, -1 where none does
    pedal: Ints  # index of the event of each row of the track's pedal
    alone: bool  # whether its MTrk has no other voice


@dataclass(frozen=True, eq=False)
class _Block:
    """The notes of one channel of one MTrk, its patches, and which of them each note has."""

    number: int
    notes: slice
    patches: list[Patch]
    at: Ints

    @property
    def patch(self) -> Patch:
        """That of most notes."""
        return self.patches[0 if len(self.patches) == 1 else int(np.bincount(self.at).argmax())]

    @property
    def used(self) -> list[int]:
        """Indices of the patches that its notes have."""
        return [0] if len(self.patches) == 1 else np.unique(self.at).tolist()

    @property
    def programs(self) -> frozenset[int]:
        """All that its notes have, if the file says any."""
        return frozenset(p.program for k in self.used if (p := self.patches[k]).declared)


def tracks_of(data: bytes, events: Events, notes: Notes, state: State, form: int) -> list[Track]:
    """The tracks with notes, in the order of the file, each with its ``Voice`` as ``origin``."""
    names = _names(data, events)
    pedals = _Pedals(events, state)
    found = []
    notes, by_mtrk = _blocks(events, notes, state)
    made = table(NOTE, notes.onset, notes.end - notes.onset, events.first[notes.on], events.second[notes.on])
    for mtrk, blocks in by_mtrk.items():
        groups = _groups(events, mtrk, blocks, state, form)
        several = len(groups) > 1
        name = names.get(mtrk, "")
        if several and (form != 1 or len(by_mtrk) == 1):
            name = ""
        found += [_track(made, notes, mtrk, group, name, pedals, not several) for group in groups]
    return found


def _blocks(events: Events, notes: Notes, state: State) -> tuple[Notes, dict[int, list[_Block]]]:
    """Notes by MTrk, channel, onset and pitch, and their blocks by MTrk. They come in order of MTrk and channel."""
    if not len(notes.on):
        return notes, {}
    track, channel = events.track[notes.on], events.status[notes.on] & 15
    place = track * 16 + channel
    edges = np.append(0, np.flatnonzero(place[1:] != place[:-1]) + 1)
    rank = notes.onset * 128 + events.first[notes.on]
    rank += np.repeat(np.arange(len(edges)) * (int(rank.max()) + 1), np.diff(edges, append=len(rank)))  # ticks have 31 bits
    order = np.zeros(len(events), np.int64)
    order[notes.on] = np.arange(1, len(rank) + 1)
    order = order[order > 0] - 1  # as the file has them: by MTrk and time, which is nearly what is wanted
    if (np.diff(rank[order]) < 0).any():
        order = order[np.argsort(rank[order], kind="stable")]
    notes = Notes(*(column[order] for column in notes))
    out: dict[int, list[_Block]] = {}
    for first, last in zip(edges.tolist(), [*edges[1:].tolist(), len(track)], strict=True):
        mtrk = int(track[first])
        number = int(channel[first]) + 16 * state.ports[mtrk]
        patches, at = state.patches(number, mtrk, notes.onset[first:last])
        out.setdefault(mtrk, []).append(_Block(number, slice(first, last), patches, at))
    return notes, out


Group = list[tuple[_Block, NDArray[np.bool_] | None]]  # blocks, and which of their notes (None: all)


def _groups(events: Events, mtrk: int, blocks: list[_Block], state: State, form: int) -> list[Group]:
    """The blocks of one MTrk by track."""
    zones: dict[int, Group] = {}
    rest: list[_Block] = []
    own_bends = len(blocks) >= MIN_MPE and _channel_a_note(events, mtrk, blocks)
    for block in blocks:
        leader = state.members.get(block.number, 0 if own_bends else None)
        if leader is None:
            rest.append(block)
        else:
            zones.setdefault(leader, []).append((block, None))
    found = list(zones.values())
    if form != 1:
        return found + [part for block in rest for part in _by_program(block)]
    drums = [b for b in rest if b.patch.drums]
    pitched = [b for b in rest if not b.patch.drums]
    found += [[(b, None) for b in pitched]] if _one_instrument(pitched) else [[(b, None)] for b in pitched]
    found += [[(b, None) for b in drums]] if drums else []
    return sorted(found, key=lambda group: group[0][0].notes.start)


def _by_program(block: _Block) -> list[Group]:
    """A channel of format 0, by what it plays."""
    kinds = {k: (p.program, p.drums) for k, p in enumerate(block.patches)}
    used = sorted({kinds[k] for k in block.used})
    if len(used) == 1:
        return [[(block, None)]]
    return [[(block, np.isin(block.at, [k for k, kind in kinds.items() if kind == one]))] for one in used]


def _one_instrument(blocks: list[_Block]) -> bool:
    """Whether channels hang together by the programs that they share; one without a program goes with any."""
    sets = [b.programs for b in blocks if b.programs]
    joined: set[int] = set(sets[0]) if sets else set()
    rest = sets[1:]
    while near := [s for s in rest if s & joined]:
        joined.update(*near)
        rest = [s for s in rest if not s & joined]
    return bool(blocks) and not rest


def _channel_a_note(events: Events, mtrk: int, blocks: list[_Block]) -> bool:
    """Whether an MTrk reads like an MPE recording: neighbouring channels, most of which bend or swell for themselves, one instrument."""
    numbers = [b.number for b in blocks]
    if numbers[-1] - numbers[0] + 1 != len(numbers) or len({p for b in blocks for p in b.programs}) > 1:
        return False
    low, high = np.searchsorted(events.track, [mtrk, mtrk + 1])
    status, first = events.status[low:high], events.first[low:high]
    kind = status & 0xF0
    bending = (kind == 0xE0) | (kind == 0xD0) | ((kind == 0xB0) & (first == BRIGHTNESS))
    return 4 * len(np.unique(status[bending] & 15)) >= 3 * len(numbers)


def _track(made: Table, notes: Notes, mtrk: int, group: Group, name: str, pedals: _Pedals, alone: bool) -> Track:
    group = sorted(group, key=lambda part: part[0].notes.start)
    if len(group) == 1 and group[0][1] is None:
        rows: slice | Ints = group[0][0].notes
    else:
        rows = np.concatenate([np.arange(b.notes.start, b.notes.stop)[slice(None) if m is None else m] for b, m in group])
        mine = made[rows]
        rows = rows[np.argsort(mine["onset"] * 128 + mine["pitch"], kind="stable")]
    by_size = sorted(group, key=lambda part: part[0].notes.start - part[0].notes.stop if part[1] is None else -int(part[1].sum()))
    main = by_size[0][0]
    patch = main.patch if by_size[0][1] is None else main.patches[int(main.at[by_size[0][1]][0])]
    if not patch.declared:
        patch = next((b.patch for b, _ in by_size if b.patch.declared and b.patch.drums == patch.drums), patch)
    drums = patch.drums and not any(b.number % 16 != TENTH and not b.patch.drums for b, _ in group)
    if drums != patch.drums:
        patch = Patch(patch.program, patch.bank, drums, patch.declared)
    channels = tuple(b.number for b, _ in by_size)
    pedal, index = pedals.of(channels)
    voice = Voice(mtrk, channels, patch, notes.on[rows], notes.off[rows], index, alone)
    return Track(name, patch.program, drums, made[rows], pedal, voice)


class _Pedals:
    """The sustain pedal of every channel, whichever MTrk moves it. A reset of all controllers lifts it."""

    def __init__(self, events: Events, state: State) -> None:
        control = (events.status & 0xF0) == 0xB0
        index = np.flatnonzero(control & ((events.first == SUSTAIN) | (events.first == RESET_CONTROLLERS)))
        if len(index) and events.track[index[0]] != events.track[index[-1]]:
            index = index[np.argsort(events.tick[index], kind="stable")]
        moved = events.first[index] == SUSTAIN
        self.index = index
        self.channel = (events.status[index] & 15).astype(np.int64) + 16 * np.array(state.ports, np.int64)[events.track[index]]
        self.tick, self.moved = events.tick[index], moved
        self.value = np.where(moved, events.second[index], 0)
        self.none = table(PEDAL, [], []), np.zeros(0, np.int64)

    def of(self, channels: tuple[int, ...]) -> tuple[Table, Ints]:
        """PEDAL rows (p,) of some channels, and the event of each. What all channels of a track do at once is there once."""
        if not len(self.index):
            return self.none
        mine = np.flatnonzero(self.channel == channels[0] if len(channels) == 1 else np.isin(self.channel, channels))
        if not self.moved[mine].any():
            return self.none
        tick, value = self.tick[mine], self.value[mine]
        down = np.append(0, value[:-1]) >= 64
        keep = self.moved[mine] | down
        if len(channels) > 1:
            keep &= np.append(True, (tick[1:] != tick[:-1]) | (value[1:] != value[:-1]))
        mine = mine[keep]
        return table(PEDAL, self.tick[mine], self.value[mine]), self.index[mine]


def _names(data: bytes, events: Events) -> dict[int, str]:
    """The last name of each track that has one."""
    found = {}
    for i in np.flatnonzero((events.status == 0xFF) & (events.first == NAME)).tolist():
        found[int(events.track[i])] = decoded(body(data, events, i))
    return found


def body(data: bytes, events: Events, index: int) -> bytes:
    """The content of a meta."""
    at, end = int(events.at[index]) + 2, int(events.end[index])
    while data[at] > 127:
        at += 1
    return data[at + 1 : end]
