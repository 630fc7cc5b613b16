"""The state of every channel while a file plays: one walk in time order over all tracks.

A channel belongs to a port, not to a track: what one MTrk says of it holds for the notes of all. Held are the program, the bank
(GM, GM2, GS, XG), whether the channel plays drums, and the zones of MPE recordings.

Conventions
    channel    0..15, plus 16 for each further port (meta 21)
    one tick   resets come before what other tracks say; what a note's own track says of its channel goes before what others say;
               notes come last
    bank       takes effect with the next program change, as the standard says
    drums      the tenth channel; bank MSB 120 (GM2), 127 (XG; not after a GS reset), 126 (XG); a part that a sysex turns into drums.
               Not: bank MSB 121 (GM2), a member of an MPE zone
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from melody.midi.events import Events, length
from melody.midi.sysex import PartMode, Reset, meaning

TENTH = 9
PORT = 0x21  # the meta that names a port
BANK, DATA, BANK_FINE, NRPN_FINE, NRPN, RPN_FINE, RPN, RESET_CONTROLLERS = 0, 6, 32, 98, 99, 100, 101, 121
MPE = (0, 6)  # registered parameter: how many channels belong to a zone
_OF_STATE = np.isin(np.arange(256), (BANK, DATA, BANK_FINE, NRPN_FINE, NRPN, RPN_FINE, RPN))
_SAYS = np.isin(np.arange(256), [*range(0xB0, 0xD0), 0xF0])
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Patch:
    """What a channel plays: General MIDI program, bank (MSB, LSB), drums or not, and whether a file said so."""

    program: int = 0
    bank: tuple[int, int] = (0, 0)
    drums: bool = False
    declared: bool = False


@dataclass
class Channel:
    """One channel during the walk, and the patches that it had: tick, track that said so (-1: all of them), patch."""

    number: int
    bank: tuple[int, int] = (0, 0)
    parameter: tuple[int, int] = (127, 127)
    part: bool | None = None  # what a sysex said: drums or not
    patches: list[tuple[int, int, Patch]] = field(default_factory=list)

    def reset(self, tick: int) -> None:
        """Back to the start."""
        self.bank, self.part = (0, 0), None
        self.patches.append((tick, -1, Patch(drums=self.number % 16 == TENTH)))

    def is_drums(self, mode: str) -> bool:
        """Whether the channel plays drums once its bank holds."""
        bank = self.bank[0]
        if bank == 120 or bank == 127 and mode != "gs" or bank == 126 and mode == "xg":
            return True
        if self.part is not None:
            return self.part
        return self.number % 16 == TENTH and bank != 121


class State:
    """The channels of a file after the walk."""

    def __init__(self, data: bytes, events: Events, tracks: int, only: int | None = None) -> None:
        """``only``: what one track says, of a file whose tracks do not belong together."""
        self.ports = ports(data, events, tracks)
        self.channels: dict[int, Channel] = {}
        self.members: dict[int, int] = {}  # of MPE zones: channel -> the channel that leads its zone
        self._walk(data, events, only)

    def channel(self, number: int) -> Channel:
        """One channel; made if nothing was said of it."""
        if number not in self.channels:
            self.channels[number] = Channel(number)
        return self.channels[number]

    def patches(self, number: int, track: int, ticks: Ints) -> tuple[list[Patch], Ints]:
        """Patches of a channel for the notes that a track plays at ``ticks`` (n,), and for each note which of them it has."""
        found = [Patch(drums=number % 16 == TENTH)]
        known = self.channels.get(number)
        points = [] if known is None else [(t, by == track, k, patch) for k, (t, by, patch) in enumerate(known.patches)]
        points.sort(key=lambda point: point[:3])
        found += [point[3] for point in points]
        if number in self.members:
            found = [_melodic(patch) for patch in found]
        if not points or points[-1][0] <= ticks.min():
            return found[-1:], np.zeros(len(ticks), np.int64)
        return found, np.searchsorted(np.array([point[0] for point in points], np.int64), ticks, side="right")

    def _walk(self, data: bytes, events: Events, only: int | None) -> None:
        said = _SAYS[events.status]
        said[said] = (events.status[said] & 0xF0 != 0xB0) | _OF_STATE[events.first[said]]
        if only is not None:
            said &= events.track == only
        index = np.flatnonzero(said)
        messages = {
            i: found
            for i in index[events.status[index] == 0xF0].tolist()
            if (found := meaning(data[length(data, int(events.at[i]) + 1, int(events.end[i]))[1] : int(events.end[i])]))
        }
        early = np.zeros(len(index), bool)  # resets, and what their own track says before them at their tick
        for i, message in messages.items():
            if isinstance(message, Reset):
                early |= (events.track[index] == events.track[i]) & (events.tick[index] == events.tick[i]) & (index <= i)
        index = index[np.lexsort((index, ~early, events.tick[index]))]
        columns = (events.tick, events.track, events.status, events.first, events.second)
        mode = ""
        for i, tick, track, status, first, second in zip(index.tolist(), *(c[index].tolist() for c in columns), strict=True):
            port = self.ports[track] * 16
            if status == 0xF0:
                mode = self._message(messages.get(i), tick, port, mode)
                continue
            channel = self.channel(port + (status & 15))
            if status & 0xF0 == 0xC0:
                channel.patches.append((tick, track, Patch(first, channel.bank, channel.is_drums(mode), declared=True)))
            else:
                self._control(channel, first, second)

    def _message(self, message: Reset | PartMode | None, tick: int, port: int, mode: str) -> str:
        """Carry out a sysex; the mode that holds after it."""
        if isinstance(message, Reset):
            for number in range(port, port + 16):
                self.channel(number).reset(tick)
            return message.mode
        if isinstance(message, PartMode):
            channel = self.channel(port + message.channel)
            channel.part = message.drums
            last = channel.patches[-1][2] if channel.patches else Patch()
            channel.patches.append((tick, -1, Patch(last.program, last.bank, message.drums, last.declared)))
        return mode

    def _control(self, channel: Channel, control: int, value: int) -> None:
        if control == BANK:
            channel.bank = (value, channel.bank[1])
        elif control == BANK_FINE:
            channel.bank = (channel.bank[0], value)
        elif control == RPN:
            channel.parameter = (value, channel.parameter[1])
        elif control == RPN_FINE:
            channel.parameter = (channel.parameter[0], value)
        elif control in (NRPN, NRPN_FINE):
            channel.parameter = (127, 127)
        elif control == DATA and channel.parameter == MPE and channel.number % 16 in (0, 15):
            self._zone(channel.number, value)

    def _zone(self, leader: int, size: int) -> None:
        """The first channel leads those above it, the sixteenth those below it. A zone that ends has been one all the same."""
        if not 0 < size <= 15:
            return
        step = 1 if leader % 16 == 0 else -1
        for number in [n for n, by in self.members.items() if by == leader]:
            del self.members[number]
        self.members |= {leader + step * k: leader for k in range(size + 1)}


def _melodic(patch: Patch) -> Patch:
    return Patch(patch.program, patch.bank, False, patch.declared)


def ports(data: bytes, events: Events, tracks: int) -> list[int]:
    """The port of each track: the last that it names; 0 where it names none."""
    found = [0] * tracks
    for i in np.flatnonzero((events.status == 0xFF) & (events.first == PORT)).tolist():
        if events.end[i] - events.at[i] == 4:  # FF 21 01, and the number
            found[int(events.track[i])] = data[int(events.end[i]) - 1]
    return found
