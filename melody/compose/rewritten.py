"""The way back from the events of a hole: the Score with the new notes in it, and with what is kept as it stood."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from melody import edit
from melody.codec.decode import pitches_of
from melody.codec.table import DRUMS, Field, Role
from melody.compose.alignment import added, clear_of, new_notes
from melody.compose.keeping import SLOTS, among, before_the_first, on_the_beat
from melody.compose.place import Place, Rewriting, pinned_piece
from melody.compose.task import Rows
from melody.score import Score, Table


def rewritten(job: Rewriting, at: Place, rows: Rows, reached: int) -> Score:
    """The piece with a hole's events (n, 6) in it, waits counted from step ``reached``."""
    return _with_pitches(job, at, rows, reached) if job.keep in SLOTS else _with_notes(job, at, rows, reached)


def _with_pitches(job: Rewriting, at: Place, rows: Rows, reached: int) -> Score:
    """The piece whose notes inside the hole have other pitches, one for each pin."""
    drawn = pitches_of(rows[rows[:, Field.ROLE] == Role.NOTE, Field.PITCH])
    old = at.tune.piece.notes[pinned_piece(job, at, reached)[1]]
    places = zip(old["onset"].tolist(), old["part"].tolist(), old["pitch"].tolist(), strict=True)
    found = dict(zip(places, drawn.tolist(), strict=False))
    tracks = list(at.tune.score.tracks)
    for part, index in enumerate(at.tune.tracks):
        if not at.free[part]:
            continue
        notes = tracks[index].notes.copy()
        step = at.tune.steps(notes["onset"]).tolist()
        inside = (notes["onset"] >= at.hole.low) & (notes["onset"] < at.hole.high)
        for i in np.flatnonzero(inside).tolist():
            notes["pitch"][i] = found.get((step[i], part, int(notes["pitch"][i])), int(notes["pitch"][i]))
        tracks[index] = replace(tracks[index], notes=notes[np.lexsort((notes["pitch"], notes["onset"]))])
    return edit.with_tracks(at.tune.score, tracks)


def _with_notes(job: Rewriting, at: Place, rows: Rows, reached: int) -> Score:
    """The piece with the sampled notes in the hole, in place of those that were there; what is kept stands as it stood."""
    tune, (low, high) = at.tune, (at.hole.low, at.hole.high)
    if job.keep is not None:
        rows = _without_pins(job, at, rows, reached)
    tables = new_notes(tune, rows, reached, (low, high))
    tracks, new = list(tune.score.tracks), {}
    root = _roots_inside(job, at) if job.keep == "roots" else None
    for part in np.flatnonzero(at.free).tolist():
        index = tune.tracks[part]
        old = tracks[index].notes
        stays = (old["onset"] < low) | (old["onset"] >= high) | among(old, job.kept[index])
        tracks[index] = replace(tracks[index], notes=old[stays])
        pinned = old[stays & (old["onset"] >= low) & (old["onset"] < high)]
        fresh = tables[part]
        if len(pinned):
            voices = None if job.usual.voices is None else int(job.usual.voices[part])
            fresh = yielding(fresh, pinned, voices == 1)
        if root is not None and tune.piece.parts["program"][part] != DRUMS:
            together = np.abs(fresh["onset"][:, None] - root["onset"]) < on_the_beat(tune.score)
            fresh = fresh[~(together & (fresh["pitch"][:, None] <= root["pitch"])).any(1)]
        if job.keep == "first-notes":
            fresh = fresh[~before_the_first(tune.score, fresh["onset"], job.kept[index]["onset"])]
        new[index] = clear_of(tracks[index].notes, fresh)
    return added(edit.with_tracks(tune.score, tracks), new)


def _roots_inside(job: Rewriting, at: Place) -> Table:
    """The roots of the piece that a hole may not undercut."""
    kept = np.concatenate(job.kept)
    inside: Table = kept[(kept["onset"] >= at.hole.low) & (kept["onset"] < at.hole.high)]
    return inside


def yielding(fresh: Table, pinned: Table, alone: bool) -> Table:
    """New notes that end where a kept one begins on their key, or any kept one where the part plays one note at a time."""
    end = fresh["onset"] + fresh["duration"]
    for note in pinned:
        same = (fresh["onset"] < note["onset"]) & (end > note["onset"])
        if not alone:
            same &= fresh["pitch"] == note["pitch"]
        end = np.where(same, note["onset"], end)
    out = fresh.copy()
    out["duration"] = end - fresh["onset"]
    return out


def _without_pins(job: Rewriting, at: Place, rows: Rows, reached: int) -> Rows:
    """Events whose pins are no notes any more: those stand in the Score already."""
    piece, which = pinned_piece(job, at, reached)
    mine = piece.notes[which]
    pins = set(zip(mine["onset"].tolist(), mine["part"].tolist(), piece.tokens[which].tolist(), strict=True))
    time = reached + np.cumsum(rows[:, Field.WAIT], dtype=np.int64)
    rows = rows.copy()
    for i in np.flatnonzero(rows[:, Field.ROLE] == Role.NOTE).tolist():
        if (int(time[i]), int(rows[i, Field.PART]), int(rows[i, Field.PITCH])) in pins:
            rows[i, Field.ROLE] = Role.REST
    return rows
