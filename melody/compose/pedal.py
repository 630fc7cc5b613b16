"""The sustain pedal of what goes on: as long and as often down as in the tune, changed where the bass moves, as a pianist does.

The model writes keys, not pedals; it reads notes as long as they sound. That alone does not make what it writes ring: on free playing
it goes on with keys as short as a step (20 pieces of maestro: 48 % under 30 ms, in the pieces 2 %). So the pedal of new notes is made
after them, from the habit of the tune: how long it stays down, how soon it is down again; and a key is held at least as long as
the shortest tenth of the tune's. To let the network write the pedal would need training data with pedals: of the shipped model's
collections one has any.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from melody.edit import pedal_spans, with_tracks, without_overlaps
from melody.edit.notes import PEDAL_DOWN
from melody.score import PEDAL, Score, Table

HELD = 127  # value of a pedal that is down
LAST = 16  # times that the pedal of the tune was down, from which its habit is taken
PEDALLED = 0.25  # share of the tune's notes whose keys are let go under the pedal; a tune with less is not pedalled
QUICK = 0.1  # share of the tune's keys that are the short ones
MAX_QUARTERS_DOWN = 8  # quarters that a pedal stays down
SLACK = 16  # a quarter divided by this: how late after a change the pedal is down again, at most
EARLY, LATE = 0.6, 1.5  # times its usual length that the pedal may stay down until the bass moves


def pedalled(tune: Score, grown: Score, stop: int) -> Score:
    """``grown``, whose tracks go on where those of ``tune`` end, with the pedal of what is new. Tracks with one pedal keep one.

    ``stop``: tick at which all keys are let go.
    """
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index, (old, new) in enumerate(zip(tune.tracks, grown.tracks, strict=True)):
        if (old.pedal["value"] >= PEDAL_DOWN).any() and len(new.notes) > len(old.notes):
            groups[old.pedal.tobytes()].append(index)
    tracks = list(grown.tracks)
    for indices in groups.values():
        before = tune.tracks[indices[0]].pedal
        earlier = np.concatenate([tune.tracks[i].notes for i in indices])
        goes_on = is_pedalled(before, earlier)
        if goes_on:
            for i in indices:
                tracks[i] = replace(tracks[i], notes=_held(tune.tracks[i].notes, tracks[i].notes, stop))
        fresh = np.concatenate([tracks[i].notes[len(tune.tracks[i].notes) :] for i in indices])
        rows = np.concatenate([before, added(before, fresh, tune.ticks_per_quarter, goes_on)])
        rows = rows[np.argsort(rows["tick"], kind="stable")]
        for i in indices:
            tracks[i] = replace(tracks[i], pedal=rows)
    return with_tracks(grown, tracks)


def is_pedalled(pedal: Table, notes: Table) -> bool:
    """Whether enough keys are let go under the pedal."""
    ends = notes["onset"] + notes["duration"]
    down, up = pedal_spans(pedal, int(ends.max(initial=0)))
    at = np.searchsorted(down, ends, side="left") - 1
    under = (at >= 0) & (up[np.maximum(at, 0)] > ends) if len(down) else np.zeros(0, bool)
    return bool(len(under) and under.mean() >= PEDALLED)


def _held(earlier: Table, notes: Table, stop: int) -> Table:
    """All notes of a track, the new ones behind those that were ``earlier`` held at least as long as the shortest tenth of these."""
    fresh = notes[len(earlier) :].copy()
    shortest = int(np.quantile(earlier["duration"], QUICK)) if len(earlier) else 0
    longer = np.minimum(np.maximum(fresh["duration"], shortest), np.maximum(stop - fresh["onset"], fresh["duration"]))
    fresh["duration"] = longer
    return np.concatenate([notes[: len(earlier)], without_overlaps(fresh)])


def added(old: Table, fresh: Table, quarter: int, goes_on: bool) -> Table:
    """PEDAL rows for the notes ``fresh`` after the pedal ``old``: up where they begin if it is down; then as before if it ``goes_on``."""
    rows = []
    begin = max(int(old["tick"][-1]), int(fresh["onset"].min()))
    if old["value"][-1] >= PEDAL_DOWN:
        rows.append((begin, 0))
    if goes_on:
        down, up = pedal_spans(old, begin)
        usual = float(np.median((np.asarray(up, np.int64) - np.asarray(down, np.int64))[-LAST:]))
        rows += _going_on(fresh, begin, min(max(usual, quarter / 2), MAX_QUARTERS_DOWN * quarter), max(1, quarter // SLACK))
    return np.array(rows, PEDAL)


def _going_on(fresh: Table, begin: int, usual: float, late: int) -> list[tuple[int, int]]:
    """Down after an onset, up at the onset of the lowest note some ``usual`` ticks later, and so on from ``begin`` to the end."""
    order = np.argsort(fresh["onset"], kind="stable")
    onset, pitch, duration = (fresh[name][order] for name in ("onset", "pitch", "duration"))
    rows = []
    at = int(np.searchsorted(onset, begin))
    while at < len(onset):
        start = int(onset[at])
        together = slice(at, int(np.searchsorted(onset, start, side="right")))
        down = start + max(1, min(late, int(duration[together].min()) - 1))  # it still catches the shortest of them
        first, last = np.searchsorted(onset, [start + EARLY * usual, start + LATE * usual], side="right").tolist()
        first = max(first, together.stop)
        at = first + int(pitch[first:last].argmin()) if last > first else first
        stop = int(onset[at]) if at < len(onset) else max(down + 1, int((onset + duration).max()))
        stop = max(down + 1, min(stop, start + int(2 * LATE * usual)))  # a rest is no reason to hold for ever
        rows += [(down, HELD), (stop, 0)]
    return rows
