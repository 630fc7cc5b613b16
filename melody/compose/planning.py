"""Requests -> plans on the grid, each with the way back from sampled events to a Score."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody import edit, theory
from melody.bundle import Bundle
from melody.codec import encode
from melody.codec.conditions import conditions
from melody.codec.decode import decode_piece, piece_score
from melody.codec.given import given_notes
from melody.codec.metre import Metre
from melody.codec.table import DRUMS, MAX_PARTS, PROGRAM_BASE, CodecConfig, Field, Role
from melody.compose.request import Accompany, Continue, Generate, Infill, Request
from melody.compose.tune import Seen, added, find_track, new_notes, see, with_new_tracks
from melody.corpus.stream import UNDECLARED
from melody.errors import CallError, MelodyError, unknown
from melody.generate.plan import NO_STOP, Plan
from melody.programs import program_name
from melody.score import KEY, METER, Score, Table, meter_table, table, tempo_table

Rows = NDArray[np.int16]
FREE_BARS = (8, 64)  # without a length: the model ends the piece, but not before and not after these
CONTINUE_BARS = 8
OFF_SCALE = -1.5  # logits of pitches outside a key that was asked for
RARE = 0.01  # share of a tune's sounding time below which a pitch class does not belong to it
DEFAULT_TEMPO, DEFAULT_METER = 100.0, (4, 4)


@dataclass(frozen=True, eq=False)
class Task:
    """A plan, and how its events become a Score."""

    plan: Plan
    finish: Callable[[Rows], Score]


def plan(request: Request, bundle: Bundle) -> Task:
    """The task for any request."""
    if request.style is not None and request.style not in bundle.codec.styles:
        raise unknown("style", request.style, bundle.codec.styles)
    if isinstance(request, Continue):
        return _continue(request, bundle)
    if isinstance(request, Accompany):
        return _accompany(request, bundle)
    if isinstance(request, Infill):
        return _infill(request, bundle)
    if isinstance(request, Generate):
        return _generate(request, bundle)
    raise CallError(f"{type(request).__name__}: not a request that a Composer knows")


def _generate(request: Generate, bundle: Bundle) -> Task:
    codec = bundle.codec
    style, tempo, meter = _customs(request, bundle)
    meters = table(METER, [0], [meter[0]], [meter[1]])
    metre = Metre(codec, meters)
    start_parts = np.zeros((MAX_PARTS, 3), np.int16)
    start_parts[:, 0] = UNDECLARED
    prime, parts = _declared(start_parts, request, 0)
    stop, ending = _length(request, metre, 0, tempo, codec)
    told = request.bars is not None or request.seconds is not None
    made = Plan(
        parts=parts,
        conditions=conditions(codec, style, tempo, request.parsed_key(), meter),
        metre=metre,
        prime=prime,
        stop=stop,
        ending=ending,
        tell_left=told,
        declare=(0, 0) if request.voices else (1, 4),
        every_bar=True,
        scale=_scale(request),
        seed=request.seed,
        sampling=request.sampling,
    )

    def finish(rows: Rows) -> Score:
        piece = decode_piece(np.concatenate([prime, rows]), codec, meters)
        notes = piece.notes.copy()
        notes["duration"] = np.maximum(1, np.minimum(notes["duration"], stop - notes["onset"]))
        names = tuple("Melody" if p["lead"] else program_name(min(127, int(p["program"])), p["program"] == DRUMS) for p in piece.parts)
        score = piece_score(replace(piece, notes=notes), tempo, names)
        score = edit.map_notes(score, edit.without_overlaps)
        key = request.parsed_key()
        keys = score.keys if key is None else table(KEY, [0], *([v] for v in theory.key_signature(key)))
        return replace(score, tracks=tuple(t for t in score.tracks if len(t.notes)), keys=keys)

    return Task(made, finish)


def _continue(request: Continue, bundle: Bundle) -> Task:
    codec = bundle.codec
    seen = see(request.tune, codec)
    earliest = seen.end_step()
    score, metre = seen.score, seen.piece.metre
    first_bar = _bar_from(metre, earliest)
    if request.meter is not None or request.tempo is not None:
        score = _changed_from(seen, request, metre.bar_start(first_bar))
        seen = see(score, codec)
        metre = seen.piece.metre
    tempo = 60e6 / int(score.tempi["mspq"][-1])
    stop, ending = _length(request, metre, first_bar, tempo, codec, CONTINUE_BARS)
    prime = encode(seen.piece).rows[:-1]
    made = Plan(
        parts=seen.part_table,
        conditions=_tune_conditions(request, seen, codec),
        metre=metre,
        prime=prime,
        earliest=earliest,
        stop=stop,
        ending=ending,
        declare=(0, 0),
        every_bar=seen.plays_in_every_bar(),
        scale=_tune_scale(seen) if request.key is None else _scale(request),
        seed=request.seed,
        sampling=request.sampling,
    )
    reached = int(prime[:, Field.WAIT].sum(dtype=np.int64))

    def finish(rows: Rows) -> Score:
        tables = new_notes(seen, rows, reached, stop)
        return added(score, {seen.tracks[p]: tables[p] for p in range(len(seen.tracks))})

    return Task(made, finish)


def _accompany(request: Accompany, bundle: Bundle) -> Task:
    codec = bundle.codec
    fresh = len(request.voices) or 1
    seen = see(request.tune, codec, request.track, lead=True, room=fresh)
    piece = seen.piece
    if seen.piece.parts["lead"].any() and seen.score.tracks[seen.tracks[int(np.flatnonzero(piece.parts["lead"])[0])]].is_drum:
        raise MelodyError(f"{seen.name}: the chosen track is drums, no melody to accompany")
    count = len(piece.parts)
    held = seen.part_table
    held[:count, 2] = 1
    declared = encode(piece, np.zeros(len(piece.notes), bool)).rows[:-1]
    extra, parts = _declared(held, request, count)
    stop = piece.end
    last_onset = int(piece.notes["onset"].max())
    made = Plan(
        parts=parts,
        conditions=_tune_conditions(request, seen, codec),
        metre=piece.metre,
        prime=np.concatenate([declared, extra]),
        given=given_notes(piece, np.ones(len(piece.notes), bool)),
        stop=stop,
        ending=piece.metre.bar_start(int(piece.metre.bar(np.array([last_onset]))[0][0])),
        declare=(0, 0) if request.voices else (1, min(3, MAX_PARTS - count)),
        scale=_scale(request),
        seed=request.seed,
        sampling=request.sampling,
    )

    def finish(rows: Rows) -> Score:
        whole = np.concatenate([extra, rows])
        tables = new_notes(seen, whole, 0, stop)
        mine = whole[whole[:, Field.ROLE] == Role.PART]
        programs = [int(r[Field.PITCH]) - PROGRAM_BASE for r in mine]
        new = [(p, tables[int(r[Field.PART])]) for p, r in zip(programs, mine, strict=True)]
        names = [program_name(min(p, 127), p == DRUMS) for p in programs]
        return with_new_tracks(seen.score, new, names)

    return Task(made, finish)


def _infill(request: Infill, bundle: Bundle) -> Task:
    codec = bundle.codec
    seen = see(request.piece, codec)
    piece, metre = seen.piece, seen.piece.metre
    bars = int(metre.bar(np.array([max(0, piece.end - 1)]))[0][0]) + 1
    if request.to_bar > bars:
        raise CallError(f"to-bar is {request.to_bar}; {seen.name} has {bars} bars")
    start, stop = metre.bar_start(request.from_bar - 1), metre.bar_start(request.to_bar)
    notes = piece.notes
    free_part = None
    if request.track is not None:
        index = find_track(seen.score, request.track, seen.name)
        if index not in seen.tracks:
            raise MelodyError(f"{seen.name}: track {request.track!r} is not among the {len(seen.tracks)} busiest, which the model sees")
        free_part = seen.tracks.index(index)
    low, high = (int(t) for t in seen.ticks(np.array([start, stop])))
    given = (notes["onset"] < start) | (notes["onset"] >= stop)
    parts = seen.part_table
    if free_part is not None:
        given |= notes["part"] != free_part
        parts[: len(piece.parts), 2] = np.arange(len(piece.parts)) != free_part
    declared = encode(piece, np.zeros(len(notes), bool), start).rows[:-1]
    made = Plan(
        parts=parts,
        conditions=_tune_conditions(request, seen, codec),
        metre=metre,
        prime=declared,
        given=given_notes(piece, given),
        start=start,
        stop=stop,
        ending=metre.bar_start(request.to_bar - 1),
        declare=(0, 0),
        scale=_scale(request),
        seed=request.seed,
        sampling=request.sampling,
    )

    def finish(rows: Rows) -> Score:
        tables = new_notes(seen, rows, start, stop)
        free = range(len(seen.tracks)) if free_part is None else [free_part]
        tracks = list(seen.score.tracks)
        for part in free:
            index = seen.tracks[part]
            old = tracks[index].notes
            kept = old[(old["onset"] < low) | (old["onset"] >= high)]
            tracks[index] = replace(tracks[index], notes=kept)
        new = {seen.tracks[p]: _clear_of(tracks[seen.tracks[p]].notes, tables[p]) for p in free}
        return added(edit.with_tracks(seen.score, tracks), new)

    return Task(made, finish)


def _clear_of(kept: Table, fresh: Table) -> Table:
    """New notes without those whose pitch still sounds in a kept note at their onset: a key cannot be struck twice."""
    held = kept[np.isin(kept["pitch"], fresh["pitch"])]
    if not len(held) or not len(fresh):
        return fresh
    end = held["onset"] + held["duration"]
    clash = (fresh["pitch"][:, None] == held["pitch"]) & (fresh["onset"][:, None] < end) & (fresh["onset"][:, None] >= held["onset"])
    clear: Table = fresh[~clash.any(1)]
    return clear


def _customs(request: Request, bundle: Bundle) -> tuple[str | None, float, tuple[int, int]]:
    """Style, tempo and meter: as asked for, else drawn from what is usual in the training data (bundle facts "habits")."""
    rng = np.random.default_rng([request.seed, 1])
    habits: Mapping[str, Any] = bundle.training.get("habits", {})
    style = request.style
    if style is None and habits:
        names = sorted(habits)
        share = np.array([float(habits[n]["pieces"]) for n in names])
        style = names[int(rng.choice(len(names), p=share / share.sum()))]
    usual = habits.get(style or "", {})
    low, high = usual.get("tempo", (DEFAULT_TEMPO, DEFAULT_TEMPO))
    tempo = float(rng.uniform(low, high))
    meters = usual.get("meters", [[*DEFAULT_METER, 1.0]])
    weights = np.array([float(m[2]) for m in meters])
    chosen = meters[int(rng.choice(len(meters), p=weights / weights.sum()))]
    meter = request.parsed_meter() or (int(chosen[0]), int(chosen[1]))
    return style, request.tempo or round(tempo), meter


def _declared(parts: NDArray[np.int16], request: Request, first: int) -> tuple[Rows, NDArray[np.int16]]:
    """Declarations of the voices that were asked for, as forced events, and the part table with them."""
    programs = request.programs()
    parts = parts.copy()
    rows = np.zeros((len(programs), len(Field)), np.int16)
    for i, (program, drums) in enumerate(programs):
        number = DRUMS if drums else program
        lead = int(i == 0 and first == 0 and len(programs) > 1 and not drums)
        rows[i] = (Role.PART, 0, first + i, PROGRAM_BASE + number, 0, lead)
        parts[first + i] = (number, lead, 0)
    return rows, parts


def _length(
    request: Request, metre: Metre, first_bar: int, tempo: float, codec: CodecConfig, default: int | None = None
) -> tuple[int, int]:
    """(stop, ending) in steps: no note from ``stop`` on, no end before ``ending``."""
    begin = metre.bar_start(first_bar)
    if request.seconds is not None:
        per_second = codec.grid * tempo / 60 if codec.clock == "beats" else codec.grid
        stop = begin + max(1, round(request.seconds * per_second))
        return stop, max(begin, stop - metre.bar_length(first_bar))
    bars = request.bars or default
    if bars is not None:
        return metre.bar_start(first_bar + bars), metre.bar_start(first_bar + bars - 1)
    least, most = FREE_BARS
    return metre.bar_start(first_bar + most), metre.bar_start(first_bar + least)


def _bar_from(metre: Metre, step: int) -> int:
    """The first bar that starts at or after ``step``."""
    bar, position, _ = metre.bar(np.array([step]))
    return int(bar[0]) + int(position[0] > 0)


def _changed_from(seen: Seen, request: Request, step: int) -> Score:
    """The Score with another tempo or meter from ``step`` on."""
    score = seen.score
    tick = int(seen.ticks(np.array([step]))[0])
    tempi, meters = score.tempi, score.meters
    if request.tempo is not None:
        kept = tempi[tempi["tick"] < tick]
        tempi = tempo_table([*kept["tick"], tick], [*kept["mspq"], round(60e6 / request.tempo)])
    meter = request.parsed_meter()
    if meter is not None:
        kept = meters[meters["tick"] < tick]
        meters = meter_table([*kept["tick"], tick], [*kept["numerator"], meter[0]], [*kept["denominator"], meter[1]])
    return replace(score, tempi=tempi, meters=meters)


def _tune_conditions(request: Request, seen: Seen, codec: CodecConfig) -> NDArray[np.int16]:
    """Conditions from what was asked for, else from the tune itself."""
    score = seen.score
    quarters = max(1, score.end_tick) / score.ticks_per_quarter
    tempo = quarters * 60 / max(1e-3, score.duration_seconds)
    key = request.parsed_key()
    meter = (int(score.meters["numerator"][-1]), int(score.meters["denominator"][-1]))
    return conditions(codec, request.style, request.tempo or tempo, theory.key_of(score) if key is None else key, meter)


def _scale(request: Request) -> NDArray[np.float32] | None:
    """What is added to the logits of pitches when a key was asked for: nothing inside its scale, OFF_SCALE outside."""
    key = request.parsed_key()
    if key is None:
        return None
    steps = (0, 2, 3, 5, 7, 8, 10, 11) if key >= 12 else (0, 2, 4, 5, 7, 9, 11)  # minor: natural and harmonic
    inside = np.isin((np.arange(128) - key % 12) % 12, steps)
    return np.where(inside, 0, OFF_SCALE).astype(np.float32)


def _tune_scale(seen: Seen) -> NDArray[np.float32]:
    """Pitch classes that a tune hardly touches stay unlikely in its continuation."""
    pitched = seen.piece.notes[seen.piece.parts["program"][seen.piece.notes["part"]] != DRUMS]
    share = np.bincount(pitched["pitch"] % 12, pitched["duration"], 12) / max(1, int(pitched["duration"].sum()))
    return np.tile(np.where(share < RARE, OFF_SCALE, 0), 11)[:128].astype(np.float32)


def endless(task: Task) -> Plan:
    """The same plan without an end, for streaming."""
    return replace(task.plan, stop=NO_STOP, ending=NO_STOP, tell_left=False, most_notes=NO_STOP)
