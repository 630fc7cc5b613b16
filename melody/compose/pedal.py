"""The sustain pedal of what goes on: up where the tune ends with it down, then changed with the harmony, as a pianist does.

The model sees and writes notes as long as they sound, so that a pedalled tune is followed by notes that ring. (The other way, keys
and pedal as two things to write, would need pedals in the training data: of those of the shipped model one collection has any.) The
pedal that is written for new notes lengthens none of them by more than a sixteenth of a quarter, so what it adds is resonance.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np

from melody.edit import with_tracks
from melody.edit.notes import PEDAL_DOWN
from melody.score import PEDAL, Score, Table, table

SLACK = 16  # a quarter divided by this: what a pedal may lengthen, and how late it goes down
HELD = 127  # value of a pedal that is down


def pedalled(tune: Score, grown: Score) -> Score:
    """``grown``, whose tracks go on where those of ``tune`` end, with the pedal of what is new. Tracks with one pedal keep one."""
    groups: dict[bytes, list[int]] = defaultdict(list)
    for index, (old, new) in enumerate(zip(tune.tracks, grown.tracks, strict=True)):
        if (old.pedal["value"] >= PEDAL_DOWN).any() and len(new.notes) > len(old.notes):
            groups[old.pedal.tobytes()].append(index)
    tracks = list(grown.tracks)
    for indices in groups.values():
        before = tune.tracks[indices[0]].pedal
        fresh = np.concatenate([grown.tracks[i].notes[len(tune.tracks[i].notes) :] for i in indices])
        rows = np.concatenate([before, released(before, fresh), changed(before, fresh, max(1, tune.ticks_per_quarter // SLACK))])
        rows = rows[np.argsort(rows["tick"], kind="stable")]
        for i in indices:
            tracks[i] = replace(tracks[i], pedal=rows)
    return with_tracks(grown, tracks)


def released(old: Table, fresh: Table) -> Table:
    """The pedal goes up where new notes begin, if the tune leaves it down."""
    if old["value"][-1] < PEDAL_DOWN:
        return table(PEDAL, [], [])
    return table(PEDAL, [max(int(old["tick"][-1]), int(fresh["onset"].min()))], [0])


def changed(old: Table, fresh: Table, slack: int) -> Table:
    """The pedal of new notes: down from one change of the harmony to the next where no note would ring on by more than ``slack`` ticks.

    The harmony changes where notes start as others end.
    """
    ends = np.sort(fresh["onset"] + fresh["duration"])
    onsets = np.unique(fresh["onset"])
    near = np.searchsorted(ends, onsets + slack, side="right") > np.searchsorted(ends, onsets - slack, side="left")
    near[:1] = True
    points = onsets[near][:1].tolist()
    for onset in onsets[near].tolist():  # a chord that is rolled is one change
        if onset > points[-1] + 2 * slack:
            points.append(onset)
    rows = []
    for start, stop in pairwise([*points, int(ends[-1])]):
        down = start + min(slack, (stop - start) // 4)
        inside = np.searchsorted(ends, stop - slack, side="left") > np.searchsorted(ends, down, side="right")
        if stop - start > 2 * slack and not inside and start >= old["tick"][-1]:
            rows += [(down, HELD), (stop, 0)]
    return np.array(rows, PEDAL)
