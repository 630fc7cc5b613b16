"""Which channels of a file new notes play on.

A track goes on where it plays: on its own channel, as long as that still has its program and no note of the same pitch sounds there; of
several channels (strings of a guitar, MPE) on one that is silent, the nearest in pitch. Else on a channel that nobody needs, set up like
its own, in the same MTrk. A new track takes a channel of which the file says nothing, then one without notes, then it shares one of
its program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from melody.midi.channels import DRUMS, MELODIC, audible, lanes_of, merged, too_many
from melody.midi.document import Document
from melody.midi.voices import Voice
from melody.score import NOTE, Table, Track

COPIED = (7, 10, 11, 91, 93)  # controllers that a further channel of a track takes over: volume, pan, expression, reverb, chorus
NEUTRAL = ((7, 100), (10, 64), (11, 127), (64, 0), (1, 0))  # of a channel that the file has touched
_SHIFT = 48  # of a number that holds a tick below a pitch
Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]


class Part(NamedTuple):
    """New notes on one channel (0..15, plus 16 for each further port), and what sets it up at ``tick``."""

    channel: int
    notes: Table
    setup: tuple[bytes, ...] = ()
    tick: int = 0


class Placing:
    """The channels of a document while notes are put on them."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.gone: dict[int, Ints] = {}  # of each track: its notes that are taken out
        self._busy: dict[int, Table] = {}  # of each channel: what sounds there
        self._used = {c for t in document.tracks if t.origin for c in t.origin.channels}
        self._touched = set(np.unique(document.channels()).tolist())
        self._programs: dict[int, int] = {}  # of channels that were taken here

    def placed(self, number: int, notes: Table) -> list[Part]:
        """New notes of one of the document's tracks."""
        voice = self.document.tracks[number].origin
        assert voice is not None
        at_home = self._at_home(number, voice, notes)
        rest = notes[~at_home]
        home = notes[at_home]
        out = self._on_several(number, voice, home) if len(voice.channels) > 1 else [Part(voice.channels[0], home)]
        parts = []
        for part in out:
            lanes = lanes_of(part.notes)
            free = (lanes == 0) & ~self.clashes(part.channel, part.notes)
            rest = np.concatenate([rest, part.notes[~free]])
            self._take(part.channel, part.notes[free])
            parts.append(Part(part.channel, part.notes[free]))
        rest = rest[np.argsort(rest["onset"] * 128 + rest["pitch"], kind="stable")]
        while len(rest):
            channel = self._spare(voice.channels[0] // 16)
            if channel is None:
                parts.append(Part(voice.channels[0], self._squeezed(voice.channels[0], rest)))
                break
            free = lanes_of(rest) == 0
            self._take(channel, rest[free])
            tick = int(rest["onset"][0])
            parts.append(Part(channel, rest[free], self._like(voice, number, channel, tick), tick))
            self._programs[channel] = voice.patch.program
            rest = rest[~free]
        return [p for p in parts if len(p.notes)]

    def new(self, tracks: Sequence[Track]) -> list[list[Part]]:
        """New tracks. Errors: ``MelodyError`` that names those for which there is no channel."""
        out, left = [], []
        for track in tracks:
            notes = audible(track.notes)
            channel = self._for(track)
            if channel is None:
                left.append(track)
                continue
            if channel not in self._programs:
                self._programs[channel] = -1 if track.is_drum else track.program
            tick, setup = (0, ()) if track.is_drum else self._fresh(channel, track, int(notes["onset"][0]))
            if not track.is_drum:
                notes = merged(notes)
            self._take(channel, notes)
            out.append([Part(channel, notes, setup, tick)])
        if left:
            raise too_many(left, len(self._used) + len(left))
        return out

    def free(self) -> int:
        """How many instruments can be added."""
        return len(self._spares(0))

    def clashes(self, channel: int, notes: Table) -> Mask:
        """Which notes (n,) would sound while the same pitch sounds on a channel."""
        busy = self._sounding(channel)
        if not len(busy) or not len(notes):
            return np.zeros(len(notes), bool)
        pitch = busy["pitch"].astype(np.int64) << _SHIFT
        order = np.argsort(pitch + busy["onset"], kind="stable")
        starts = (pitch + busy["onset"])[order]
        ends = np.maximum.accumulate((pitch + busy["onset"] + busy["duration"])[order])
        mine = notes["pitch"].astype(np.int64) << _SHIFT
        before = np.searchsorted(starts, mine + notes["onset"] + notes["duration"], side="left") - 1
        clash: Mask = np.asarray((before >= 0) & (ends[np.maximum(before, 0)] > mine + notes["onset"]))
        return clash

    def _sounding(self, channel: int) -> Table:
        if channel not in self._busy:
            parts = [np.zeros(0, NOTE)]
            for number, track in enumerate(self.document.tracks):
                voice = track.origin
                if voice is not None and channel in voice.channels:
                    mine = self.document.note_channels(voice) == channel
                    mine[self.gone.get(number, [])] = False
                    parts.append(track.notes[mine])
            self._busy[channel] = np.concatenate(parts)
        return self._busy[channel]

    def _take(self, channel: int, notes: Table) -> None:
        self._busy[channel] = np.concatenate([self._sounding(channel), notes])
        self._used.add(channel)

    def _at_home(self, number: int, voice: Voice, notes: Table) -> Mask:
        """Which notes (n,) find their track's program on its channel: it may have gone to another MTrk, or to another track of format 0."""
        state, channel = self.document.state, voice.channels[0]
        patches, at = state.patches(channel, voice.mtrk, notes["onset"])
        if len({p.program for p in patches}) == 1:
            return np.ones(len(notes), bool)
        if self.document.form != 1:
            return np.array([p.program == voice.patch.program for p in patches])[at]
        known = state.channels[channel].patches
        own = np.array([tick for tick, by, _ in known if by == voice.mtrk], np.int64)
        others = np.array([tick for tick, by, _ in known if by != voice.mtrk], np.int64)
        last_own, last_other = (_last(ticks, notes["onset"]) for ticks in (own, others))
        same = np.array([p.program == voice.patch.program for p in patches])[at]
        home: Mask = (last_own >= last_other) | same
        return home

    def _on_several(self, number: int, voice: Voice, notes: Table) -> list[Part]:
        """Notes on the channels of one track: on those that are silent, the nearest in pitch."""
        base = self.document.tracks[number].notes
        played = self.document.note_channels(voice)
        means = {c: float(base["pitch"][played == c].mean()) for c in voice.channels}
        spans = {c: self._sounding(c) for c in voice.channels}
        until = dict.fromkeys(voice.channels, -1)
        chosen = []
        for onset, duration, pitch, _ in notes.tolist():

            def cost(c: int, onset: int = onset, end: int = onset + duration, pitch: int = pitch) -> tuple[bool, float]:
                busy = spans[c]
                sounds = until[c] > onset or bool(((busy["onset"] < end) & (busy["onset"] + busy["duration"] > onset)).any())
                return sounds, abs(means[c] - pitch)

            best = min(voice.channels, key=cost)
            until[best] = max(until[best], onset + duration)
            chosen.append(best)
        where = np.array(chosen)
        return [Part(c, notes[where == c]) for c in voice.channels if (where == c).any()]

    def _squeezed(self, channel: int, notes: Table) -> Table:
        """Notes for which no channel is left: cut where the same pitch starts again; those that a sounding note covers are left out."""
        notes = merged(notes)
        busy = self._sounding(channel)
        kept = []
        for onset, duration, pitch, velocity in notes.tolist():
            same = busy[busy["pitch"] == pitch]
            if ((same["onset"] <= onset) & (same["onset"] + same["duration"] > onset)).any():
                continue
            later = same["onset"][same["onset"] > onset]
            kept.append((onset, min(duration, int(later.min()) - onset) if len(later) else duration, pitch, velocity))
        out = np.array(kept, NOTE)
        self._take(channel, out)
        return out

    def _spares(self, port: int) -> list[int]:
        """Melodic channels of a port without notes, those of which the file says nothing first. A port that another track names counts."""
        found = [port * 16 + c for c in MELODIC if port * 16 + c not in self._used]
        state = self.document.state
        found = [
            c for c in found if c not in state.members and not (c in state.channels and any(p[2].drums for p in state.channels[c].patches))
        ]
        return sorted(found, key=lambda c: c in self._touched)

    def _spare(self, port: int) -> int | None:
        return next(iter(self._spares(port)), None)

    def _for(self, track: Track) -> int | None:
        """The channel of a new track."""
        drums = [c for t in self.document.tracks if t.origin and t.origin.patch.drums for c in t.origin.channels]
        if track.is_drum:
            busy = [t for t in self.document.tracks if t.origin and DRUMS in t.origin.channels and not t.origin.patch.drums]
            return drums[0] if drums else None if busy else DRUMS
        spare = self._spare(0)
        if spare is not None:
            return spare
        for own in self.document.tracks:
            voice = own.origin
            if voice and not own.is_drum and voice.patch.program == track.program and voice.channels[0] < 16:
                return voice.channels[0]
        return next((c for c, program in self._programs.items() if program == track.program), None)

    def _fresh(self, channel: int, track: Track, onset: int) -> tuple[int, tuple[bytes, ...]]:
        """What sets up a channel for a new track, and when: at the start, or at its first note if the file has said something of it."""
        if any(channel in t.origin.channels for t in self.document.tracks if t.origin):
            return onset, ()  # shared with a track of the same program
        program = bytes((0xC0 | channel & 15, track.program))
        known = self.document.state.channels.get(channel)
        if channel not in self._touched and not (known and any(tick > 0 for tick, _, _ in known.patches)):
            return 0, (program,)
        control = 0xB0 | channel & 15
        banks = (bytes((control, 0, 0)), bytes((control, 32, 0)))
        bend = bytes((0xE0 | channel & 15, 0, 64))
        return onset, (*banks, program, *(bytes((control, c, v)) for c, v in NEUTRAL), bend)

    def _like(self, voice: Voice, number: int, channel: int, tick: int) -> tuple[bytes, ...]:
        """What makes a further channel sound like the track's own at ``tick``."""
        document, home = self.document, voice.channels[0]
        events = document.events
        patches, at = document.state.patches(home, voice.mtrk, np.array([tick]))
        patch = patches[int(at[0])] if document.form == 1 and self._at_home(number, voice, _one(tick))[0] else voice.patch
        control = 0xB0 | channel & 15
        out = []
        if patch.bank != (0, 0) or channel in self._touched:
            out += [bytes((control, 0, patch.bank[0])), bytes((control, 32, patch.bank[1]))]
        out.append(bytes((0xC0 | channel & 15, patch.program)))
        mine = ((events.status & 0xF0) == 0xB0) & (document.channels() == home) & (events.tick <= tick)
        index = np.flatnonzero(mine & np.isin(events.first, COPIED))
        index = index[np.argsort(events.tick[index], kind="stable")]
        last = dict(zip(events.first[index].tolist(), events.second[index].tolist(), strict=True))
        neutral = dict(NEUTRAL) if channel in self._touched else {}
        return (*out, *(bytes((control, c, v)) for c, v in (neutral | last).items()))


def _last(ticks: Ints, at: Ints) -> Ints:
    """The latest of some ticks at or before each of ``at``, -1 where there is none."""
    ticks = np.sort(ticks)
    return np.append(ticks, -1)[np.searchsorted(ticks, at, side="right") - 1]


def _one(tick: int) -> Table:
    note = np.zeros(1, NOTE)
    note["onset"] = tick
    return note
