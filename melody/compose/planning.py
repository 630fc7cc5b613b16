"""Requests -> plans on the grid, each with the way back from sampled events to a Score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from melody import edit, theory
from melody.bundle import Bundle
from melody.codec import Piece, encode
from melody.codec.conditions import conditions
from melody.codec.decode import decode_piece, piece_score
from melody.codec.given import given_notes
from melody.codec.metre import Metre
from melody.codec.recall import Note
from melody.codec.table import DRUMS, MAX_PARTS, PROGRAM_BASE, UNDECLARED, CodecConfig, Field, Role
from melody.compose.alignment import AlignedTune, added, align_to_grid, clear_of, find_track, fitted, new_notes, with_new_tracks
from melody.compose.controls import Rows, asked_scale, declared, default_conditions, tune_conditions, tune_scale
from melody.compose.request import Accompany, Continue, Generate, Infill, Request
from melody.errors import CallError, MelodyError, unknown
from melody.generate.plan import NO_STOP, Plan
from melody.midi.channels import MELODIC
from melody.programs import program_name
from melody.score import KEY, METER, Score, meter_table, table, tempo_table

FREE_BARS = (16, 32)  # without a length: a number of bars is drawn, and told to the model, which then ends the piece there
CONTINUE_BARS = 8
OVERHANG = 4  # a tune that sounds on past a bar line for up to a quarter divided by this ends at the bar line
SILENT_BARS = 4  # a voice that was asked for plays again after so many bars at the latest
MAX_ADDED = 3  # parts that an accompaniment adds on its own


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
    if codec.clock == "seconds" and (request.tempo is not None or request.meter is not None):
        raise CallError("tempo, meter: this model counts in seconds and knows neither; ask another model, or leave them out")
    style, tempo, meter = default_conditions(request, bundle)
    meters = table(METER, [0], [meter[0]], [meter[1]])
    metre = Metre(codec, meters)
    start_parts = np.zeros((MAX_PARTS, 3), np.int16)
    start_parts[:, 0] = UNDECLARED
    prime, parts = declared(start_parts, request, 0)
    stop, ending = _length(request, metre, tempo, codec)
    made = Plan(
        parts=parts,
        conditions=conditions(codec, style, tempo, request.parsed_key(), meter),
        metre=metre,
        prime=prime,
        stop=stop,
        ending=ending,
        declare=(0, 0) if request.voices else (1, 4),
        every_bar=True,
        max_silence=SILENT_BARS * metre.bar_length(0) if request.voices else NO_STOP,
        scale=asked_scale(request),
        seed=request.seed,
        sampling=request.sampling,
    )

    def finish(rows: Rows) -> Score:
        piece = decode_piece(np.concatenate([prime, rows]), codec, meters)
        names = tuple("Melody" if p["lead"] else program_name(min(127, int(p["program"])), p["program"] == DRUMS) for p in piece.parts)
        score = piece_score(replace(piece, notes=fitted(piece.notes, stop, codec)), tempo, names)
        score = edit.map_notes(score, edit.without_overlaps)
        key = request.parsed_key()
        keys = score.keys if key is None else table(KEY, [0], *([v] for v in theory.key_signature(key)))
        return replace(score, tracks=tuple(t for t in score.tracks if len(t.notes)), keys=keys)

    return Task(made, finish)


def _continue(request: Continue, bundle: Bundle) -> Task:
    codec = bundle.codec
    tune = align_to_grid(request.tune, codec)
    begin, first_bar = _end_of(tune)
    if request.meter is not None or request.tempo is not None:
        changed = _changed_from(tune.score, request, int(tune.bar_ticks(first_bar)))
        tune = replace(align_to_grid(changed, codec), name=tune.name)
    if request.seconds is None:
        bars = request.bars or CONTINUE_BARS
        ending, stop = (int(t) for t in tune.bar_ticks([first_bar + bars - 1, first_bar + bars]))
    else:
        stop = max(begin + 1, int(tune.score.ticks_at(tune.score.seconds(begin) + request.seconds)))
        ending = max(begin, stop - int(np.diff(tune.bar_ticks([first_bar, first_bar + 1]))[0]))
    prime = encode(tune.piece).rows[:-1]
    reached = int(prime[:, Field.WAIT].sum(dtype=np.int64))
    earliest = max(int(tune.steps(begin)), reached + 1)
    made = Plan(
        parts=tune.part_table,
        conditions=tune_conditions(request, tune, codec),
        metre=tune.piece.metre,
        prime=prime,
        earliest=earliest,
        stop=max(int(tune.steps(stop)), earliest + 1),
        ending=int(tune.steps(ending)),
        declare=(0, 0),
        every_bar=tune.plays_in_every_bar(),
        scale=tune_scale(tune) if request.key is None else asked_scale(request),
        seed=request.seed,
        sampling=request.sampling,
    )

    def finish(rows: Rows) -> Score:
        tables = new_notes(tune, rows, reached, (tune.last_onset + 1, stop))
        tracks = tune.score.tracks
        return added(tune.score, {index: clear_of(tracks[index].notes, tables[p]) for p, index in enumerate(tune.tracks)})

    return Task(made, finish)


def _accompany(request: Accompany, bundle: Bundle) -> Task:
    codec = bundle.codec
    fresh = len(request.voices) or 1
    tune = align_to_grid(request.tune, codec, request.track, lead=True, room=fresh)
    piece = tune.piece
    room = _room(request, tune)
    count = len(piece.parts)
    held = tune.part_table
    held[:count, 2] = 1
    known = encode(piece, np.zeros(len(piece.notes), bool)).rows[:-1]
    extra, parts = declared(held, request, count)
    last = theory.bar_of(tune.score, [tune.last_onset, max(tune.last_onset, tune.score.end_tick - 1)])
    ending, stop = (int(t) for t in tune.bar_ticks(last + np.array([0, 1])))
    made = Plan(
        parts=parts,
        conditions=tune_conditions(request, tune, codec),
        metre=piece.metre,
        prime=np.concatenate([known, extra]),
        given=given_notes(piece, np.ones(len(piece.notes), bool)),
        stop=max(1, int(tune.steps(stop))),
        ending=int(tune.steps(ending)),
        declare=(0, 0) if request.voices else (1, min(MAX_ADDED, room, MAX_PARTS - count)),
        max_silence=SILENT_BARS * piece.metre.bar_length(0) if request.voices else NO_STOP,
        scale=asked_scale(request),
        seed=request.seed,
        sampling=request.sampling,
    )

    def finish(rows: Rows) -> Score:
        whole = np.concatenate([extra, rows])
        tables = new_notes(tune, whole, 0, (0, stop))
        mine = whole[whole[:, Field.ROLE] == Role.PART]
        programs = [int(r[Field.PITCH]) - PROGRAM_BASE for r in mine]
        new = [(p, tables[int(r[Field.PART])]) for p, r in zip(programs, mine, strict=True)]
        names = [program_name(min(p, 127), p == DRUMS) for p in programs]
        return with_new_tracks(tune.score, new, names)

    return Task(made, finish)


def _infill(request: Infill, bundle: Bundle) -> Task:
    codec = bundle.codec
    tune = align_to_grid(request.piece, codec, request.track)
    piece, notes = tune.piece, tune.piece.notes
    bars = max(1, theory.bar_count(tune.score))
    if request.to_bar > bars:
        raise CallError(f"to-bar is {request.to_bar}; {tune.name} has {bars} bars")
    lines = tune.bar_ticks([request.from_bar - 1, request.to_bar - 1, request.to_bar])
    low, _, high = (int(t) for t in lines)
    start, ending, stop = (int(s) for s in tune.steps(lines))
    stop = max(stop, start + 1)
    free_part = None
    if request.track is not None:
        free_part = tune.tracks.index(find_track(tune.score, request.track, tune.name))
    given = (notes["onset"] < start) | (notes["onset"] >= stop)
    parts = tune.part_table
    if free_part is not None:
        given |= notes["part"] != free_part
        parts[: len(piece.parts), 2] = np.arange(len(piece.parts)) != free_part
    known = encode(piece, np.zeros(len(notes), bool), start).rows[:-1]
    made = Plan(
        parts=parts,
        conditions=tune_conditions(request, tune, codec),
        metre=piece.metre,
        prime=known,
        given=given_notes(piece, given),
        recallable=_before(piece, start, free_part),
        start=start,
        stop=stop,
        ending=ending,
        declare=(0, 0),
        scale=asked_scale(request),
        seed=request.seed,
        sampling=request.sampling,
    )

    def finish(rows: Rows) -> Score:
        tables = new_notes(tune, rows, start, (low, high))
        free = range(len(tune.tracks)) if free_part is None else [free_part]
        tracks = list(tune.score.tracks)
        for part in free:
            index = tune.tracks[part]
            old = tracks[index].notes
            kept = old[(old["onset"] < low) | (old["onset"] >= high)]
            tracks[index] = replace(tracks[index], notes=kept)
        new = {tune.tracks[p]: clear_of(tracks[tune.tracks[p]].notes, tables[p]) for p in free}
        return added(edit.with_tracks(tune.score, tracks), new)

    return Task(made, finish)


def _before(piece: Piece, start: int, part: int | None) -> tuple[Note, ...]:
    """The notes that stand before a hole, in the parts that are written there."""
    notes = piece.notes
    mine = notes[(notes["onset"] < start) & ((notes["part"] == part) | (part is None))]
    columns = (mine[name].tolist() for name in ("onset", "part", "pitch", "duration", "velocity"))
    return tuple(zip(*columns, strict=True))


def _length(request: Request, metre: Metre, tempo: float, codec: CodecConfig) -> tuple[int, int]:
    """(stop, ending) of a new piece in steps: no note from ``stop`` on, no end before ``ending``."""
    if request.seconds is not None:
        per_second = codec.grid * tempo / 60 if codec.clock == "beats" else codec.grid
        stop = max(1, int(request.seconds * per_second + 1e-6))
        return stop, max(0, stop - metre.bar_length(0))
    bars = request.bars or int(np.random.default_rng([request.seed, 2]).integers(FREE_BARS[0], FREE_BARS[1] + 1))
    return metre.bar_start(bars), metre.bar_start(bars - 1)


def _end_of(tune: AlignedTune) -> tuple[int, int]:
    """Tick at which a tune is over, and the first bar (from 0) that starts there or later.

    Played notes are often held a little over the last bar line: the tune is over at the line, and the next bar keeps its first beat.
    """
    score = tune.score
    end = score.end_tick
    bar = int(theory.bar_of(score, end))
    line = int(tune.bar_ticks(bar))
    if tune.last_onset < line and OVERHANG * (end - line) <= score.ticks_per_quarter:
        return line, bar
    return end, bar + int(end > line)


def _room(request: Accompany, tune: AlignedTune) -> int:
    """How many instruments can be added to a tune before MIDI has no channel left."""
    room = len(MELODIC) - sum(len(t.notes) > 0 and not t.is_drum for t in tune.score.tracks)
    wanted = sum(not drums for _, drums in request.programs())
    if room < max(wanted, int(not request.voices)):
        raise MelodyError(f"{tune.name}: MIDI has channels for {max(room, 0)} more instruments only; leave out some of its tracks first")
    return room


def _changed_from(score: Score, request: Request, tick: int) -> Score:
    """The Score with another tempo or meter from ``tick`` on."""
    tempi, meters = score.tempi, score.meters
    if request.tempo is not None:
        kept = tempi[tempi["tick"] < tick]
        tempi = tempo_table([*kept["tick"], tick], [*kept["mspq"], round(60e6 / request.tempo)])
    meter = request.parsed_meter()
    if meter is not None:
        kept = meters[meters["tick"] < tick]
        meters = meter_table([*kept["tick"], tick], [*kept["numerator"], meter[0]], [*kept["denominator"], meter[1]])
    return replace(score, tempi=tempi, meters=meters)


def endless(task: Task) -> Plan:
    """The same plan without an end, for streaming."""
    return replace(task.plan, stop=NO_STOP, ending=NO_STOP, bars_left_known=False, max_notes=NO_STOP)
