"""``prepare``: folders of MIDI -> a corpus, in parallel, whatever the files hold.

A worker process reads a chunk of files and returns note tables; a file that kills its worker is found by reading that
chunk again one file at a time, and is reported. The corpus is written beside its place and renamed when it is whole; killed
and started again, it begins anew, and what the killed process left goes away (``files.replace_folder``).
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread

import numpy as np

from melody import edit, midi, notation, sources, theory
from melody.codec.table import MAX_PARTS
from melody.corpus import likeness
from melody.corpus.naming import split_by_piece, style_namer
from melody.corpus.report import REPORT, ReportRow, remarks, with_remarks, write_report
from melody.corpus.splits import split
from melody.corpus.tables import STORED, CorpusWriter, PieceFacts, TrackFacts
from melody.errors import MelodyError
from melody.files import reason, replace_folder, shown
from melody.score import Score, Table

CHUNK = 24  # files for a worker at once
BARS = "bar lines"  # how a remark on them begins


@dataclass(frozen=True)
class PrepareConfig:
    """What is taken into a corpus, and how it is split."""

    least_notes: int = 1  # fewer notes than this: skipped
    valid: float = 0.04  # share of pieces kept for validation
    test: float = 0.06  # share of pieces kept for the test
    workers: int = 0  # processes; 0: one a core
    styles: str = "folder"  # what names them (corpus/naming.py)
    find_bars: bool = True  # bar lines are put where listeners find them (theory/downbeats.py)
    limits: midi.Limits = midi.Limits()
    source_limits: sources.Limits = sources.Limits()


@dataclass(frozen=True)
class Summary:
    """What came out. ``skipped`` files were not taken, ``duplicates`` of them because their notes were there already."""

    pieces: int
    notes: int
    skipped: int
    duplicates: int
    report: Path
    styles: dict[str, int]
    splits: dict[str, int]
    moved_bars: int  # pieces whose bar lines were moved
    near_copies: int  # pieces that went to the split of a near-copy in another collection


@dataclass(frozen=True, eq=False)
class _Read:
    """What a worker found in one file: facts and tables, or the reason why there are none."""

    path: str
    reason: str = ""
    facts: PieceFacts | None = None
    tables: dict[str, Table] | None = None
    prints: tuple[likeness.Prints, likeness.Prints] | None = None


def prepare(
    paths: Iterable[str | Path],
    output: str | Path,
    config: PrepareConfig = PrepareConfig(),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Summary:
    """Read every MIDI file under ``paths`` into the corpus ``output`` (replaced if it exists).

    Raises MelodyError if nothing can be used; ``report.csv`` then stands beside ``output`` with the reasons.
    """
    found = list(sources.find([Path(p) for p in paths], config.source_limits))
    if not found:
        raise MelodyError(f"{', '.join(shown(p) for p in paths)}: no MIDI files ({' '.join(sources.MIDI_SUFFIXES)}) found")
    target = Path(output)
    rows: list[ReportRow] = []
    seen: dict[str, str] = {}
    prints: list[tuple[likeness.Prints, likeness.Prints]] = []
    style_of = style_namer(config.styles)
    with replace_folder(target) as folder, CorpusWriter(folder) as writer:
        for done, read in enumerate(_read_all(found, config), start=1):
            rows.append(_take(read, writer, seen, config))
            if rows[-1].status == "read" and read.prints is not None:
                prints.append(read.prints)
            progress(done, len(found))
        if not writer.pieces:
            write_report(target.with_name(target.name + ".report.csv"), rows)
            reasons = f"the reasons are in {shown(target)}.report.csv (first: {rows[0].reason})"
            raise MelodyError(f"none of {len(found)} files could be used, so no corpus was written; {reasons}")
        pieces, moves = split(writer.pieces, prints, split_by_piece(), config.valid, config.test)
        writer.pieces[:] = [replace(p, style=style_of(p.source, p.style)) for p in pieces]
        rows = with_remarks(rows, moves)
        digest = hashlib.sha256("".join(p.content + p.sha256 + p.split + p.style for p in writer.pieces).encode()).hexdigest()
        write_report(folder / REPORT, rows)
        writer.finish(digest)
    taken = [r for r in rows if r.status == "read"]
    return Summary(
        pieces=len(taken),
        notes=writer.counts["notes"],
        skipped=len(rows) - len(taken),
        duplicates=sum(r.status == "duplicate" for r in rows),
        report=target / REPORT,
        styles=_tally(p.style for p in writer.pieces),
        splits=_tally(p.split for p in writer.pieces),
        moved_bars=sum(BARS in r.reason for r in taken),
        near_copies=len(moves),
    )


def _take(read: _Read, writer: CorpusWriter, seen: dict[str, str], config: PrepareConfig) -> ReportRow:
    """Add one file to the corpus or not, and say so in a row of the report."""
    path = shown(read.path)
    if read.facts is None or read.tables is None:
        return ReportRow(path, "skipped", read.reason, 0)
    count = len(read.tables["notes"])
    if count < config.least_notes:
        return ReportRow(path, "skipped", f"{count} notes, fewer than {config.least_notes}", count)
    if read.facts.content in seen:
        return ReportRow(path, "duplicate", f"the same notes as {seen[read.facts.content]}", count)
    seen[read.facts.content] = path
    writer.add(read.facts, read.tables)
    return ReportRow(path, "read", read.reason, count)


def _read_all(found: list[sources.Source], config: PrepareConfig) -> Iterator[_Read]:
    """What every source holds, in the order of the sources, however workers die."""
    workers = min(config.workers or os.cpu_count() or 1, -(-len(found) // CHUNK))  # all of them are started at once
    queue = iter([found[i : i + CHUNK] for i in range(0, len(found), CHUNK)])
    waiting: deque[tuple[list[sources.Source], Future[list[_Read]]]] = deque()
    pool = _pool(workers)
    try:
        while True:
            for chunk in islice(queue, 4 * workers - len(waiting)):  # bounded: what is read waits in memory
                waiting.append((chunk, _submit(pool, chunk, config)))
            if not waiting:
                return
            chunk, result = waiting.popleft()
            try:
                reads = result.result()
            except BrokenProcessPool:  # one file brought a worker down, and all that waited with it
                reads = _guarded(chunk, config)
                pool.shutdown(wait=False, cancel_futures=True)
                pool = _pool(workers)
                again = [c for c, _ in waiting]
                waiting = deque((c, _submit(pool, c, config)) for c in again)
            yield from reads
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_follow)


def _follow() -> None:
    """End this worker with the process that started it: where that is killed, nobody tells the workers, and they would wait for ever."""
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def _submit(pool: ProcessPoolExecutor, chunk: list[sources.Source], config: PrepareConfig) -> Future[list[_Read]]:
    """A pool that broke since the last look refuses new work: the refusal is kept as the result."""
    try:
        return pool.submit(_read_many, chunk, config)
    except BrokenProcessPool as fault:
        refused: Future[list[_Read]] = Future()
        refused.set_exception(fault)
        return refused


def _guarded(chunk: list[sources.Source], config: PrepareConfig) -> list[_Read]:
    """Some sources in a process of their own; where it dies, each in one of its own."""
    with _pool(1) as pool:
        try:
            return pool.submit(_read_many, chunk, config).result()
        except BrokenProcessPool:
            if len(chunk) == 1:
                return [_Read(chunk[0].path, "the reader crashed on this file")]
    return [read for source in chunk for read in _guarded([source], config)]


def _read_many(chunk: list[sources.Source], config: PrepareConfig) -> list[_Read]:
    return [_read_one(source, config) for source in chunk]


def _read_one(source: sources.Source, config: PrepareConfig) -> _Read:
    try:
        data = source.read_bytes(config.source_limits)
        score = notation.parse(data, source.path, config.limits, keep_document=False)
        return _describe(source, data, score, config.find_bars)
    except MelodyError as fault:
        return _Read(source.path, str(fault).removeprefix(f"{shown(source.path)}: "))
    except MemoryError:
        return _Read(source.path, "not enough memory")
    except Exception as fault:  # noqa: BLE001  # whatever a file brings about, it costs that file and no other
        return _Read(source.path, f"cannot be used ({type(fault).__name__}: {reason(fault)[:80]})")


def _describe(source: sources.Source, data: bytes, score: Score, find_bars: bool) -> _Read:
    score, fewer = edit.fewer_tracks(score, MAX_PARTS)
    later = theory.downbeat_shift(score) if find_bars else 0
    if later:
        score = edit.bars_later(score, later)
    moved = f"{BARS} {later / score.ticks_per_quarter:g} quarters later" if later else ""
    lead, rule = theory.lead_track(score)
    pedalled = edit.apply_pedal(score)
    notes = np.zeros(score.note_count, STORED)
    notes["sustained"] = np.concatenate([t.notes["duration"] for t in pedalled.tracks])
    for name in ("onset", "duration", "pitch", "velocity"):
        notes[name] = np.concatenate([t.notes[name] for t in score.tracks])
    facts = PieceFacts(
        source=shown(source.path),
        sha256=hashlib.sha256(data).hexdigest(),
        content=content_hash(score),
        style=source.style,
        split="train",
        ticks_per_quarter=score.ticks_per_quarter,
        tracks=tuple(TrackFacts(t.name, t.program, t.is_drum, len(t.notes)) for t in score.tracks),
        lead=lead,
        lead_rule=rule,
        key=theory.key_of(score),
        seconds=round(score.duration_seconds, 3),
        collection=source.style,
    )
    tables = {"notes": notes, "tempi": score.tempi, "meters": score.meters, "keys": score.keys}
    return _Read(source.path, remarks(fewer, moved), facts, tables, likeness.outer_prints(score))


def content_hash(score: Score) -> str:
    """Hash of the notes: onsets in 24ths of a quarter from the first one, pitches from the lowest one.

    Files that differ in key, tempo, loudness, tracks or a leading rest count as the same piece.
    """
    onset = np.concatenate([t.notes["onset"] for t in score.tracks])
    pitch = np.concatenate([t.notes["pitch"] for t in score.tracks])
    onset = (onset * 48 + score.ticks_per_quarter) // (2 * score.ticks_per_quarter)
    pairs = np.sort((onset - onset.min()) * 128 + (pitch - pitch.min()))
    pairs = pairs[np.append(True, pairs[1:] != pairs[:-1])]
    return hashlib.sha256(pairs.astype("<i8").tobytes()).hexdigest()[:32]


def _tally(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))
