"""Files that pass through: what the user gave is in what comes back, event by event, and byte for byte where nothing is new.

The check is independent: mido reads both files, and every event of the source must be in the same track of the result at its tick, but
for the notes of a hole and ends of tracks that moved. What the verbs do with a model's events is tried with events drawn at random (the
model itself would take hours); the plan, the way back and the writing are the real ones.
"""

from __future__ import annotations

import io
import random
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np

from melody import bundle, midi, theory
from melody.codec.table import PROGRAM_BASE, Field, Role
from melody.compose import Accompany, Continue, Infill, Tune
from melody.errors import MelodyError
from melody.score import Score
from tests.robustness.child import Row

SHARED = Path(__file__).resolve().parents[3] / "shared"
VERBS = ("continue", "accompany", "infill")


def rows(each: int = 200, hostile: int = 600, seed: int = 0, all_verbs: bool = False, shared: str = str(SHARED)) -> Iterator[Row]:
    """So many files of each collection and of the hostile corpus, the verbs in turn or each with all three."""
    found = Findings()
    for path in sorted(Path(shared).glob("data/*.zip")):
        check(found, path, each, seed, all_verbs)
    check(found, Path(shared, "hostile", "hostile.zip"), hostile, seed, all_verbs)
    if not found.read:
        yield Row("passing through", "the collections are not beside the project (../shared)", True)
        return
    yield Row("passing through, unchanged", f"{found.read:,} files read, {found.changed} not byte for byte the same", not found.changed)
    for verb in VERBS:
        refused = f"{found.refused[verb]} refused, {found.unread[verb]} not read by mido"
        said = f"{found.done[verb]:,} files, {found.lost[verb]} events lost, {refused}"
        yield Row(f"passing through, {verb}", "; ".join([said, *found.examples[verb][:3]]), not found.lost[verb] and not found.faults)
    if found.faults:
        yield Row("passing through, faults", "; ".join(found.faults[:3]), False)


class Findings:
    """What came of all files."""

    def __init__(self) -> None:
        self.read, self.changed = 0, 0
        self.done, self.lost, self.refused, self.unread = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
        self.examples: dict[str, list[str]] = {verb: [] for verb in VERBS}
        self.faults: list[str] = []


def check(found: Findings, archive: Path, count: int, seed: int, all_verbs: bool) -> None:
    """Some files of an archive."""
    if not archive.is_file():
        return
    model = bundle.read(None)
    with zipfile.ZipFile(archive) as file:
        names = [n for n in file.namelist() if n.lower().endswith((".mid", ".midi", ".kar", ".rmi"))]
        for name in names[:: max(1, len(names) // count)][:count]:
            data = file.read(name)
            try:
                score = midi.parse(data, name)
            except MelodyError:
                continue
            found.read += 1
            assert score.document is not None
            if midi.to_bytes(score) != data or score.document.to_bytes() != data:
                found.changed += 1
            for verb in VERBS if all_verbs else VERBS[found.read % 3 :][:1]:
                one(found, model, verb, f"{archive.stem}/{name}", data, score, random.Random(f"{seed} {name} {verb}"))


def one(found: Findings, model: bundle.Bundle, verb: str, name: str, data: bytes, score: Score, dice: random.Random) -> None:
    """One file with one verb."""
    try:
        result, hole = edited(model, verb, score, dice)
        out = midi.to_bytes(result)
    except MelodyError as fault:
        found.refused[verb] += 1
        if "channels" in str(fault) and verb != "accompany":
            found.faults.append(f"{name}: {verb}: {fault}")
        return
    except Exception as fault:  # noqa: BLE001  # it is what is looked for
        found.faults.append(f"{name}: {verb}: {type(fault).__name__}: {fault}")
        return
    lost = missing(data, out, hole)
    if lost is None:
        found.unread[verb] += 1
        return
    found.done[verb] += 1
    found.lost[verb] += len(lost)
    if lost:
        found.examples[verb].append(f"{name}: {lost[:2]}")
    try:
        again = midi.parse(out)
    except MelodyError as fault:
        found.faults.append(f"{name}: {verb}: cannot be read again: {fault}")
        return
    if again.note_count != result.note_count and again.note_count < score.note_count:
        found.faults.append(f"{name}: {verb}: {again.note_count} notes, not {result.note_count}")


def edited(model: bundle.Bundle, verb: str, score: Score, dice: random.Random) -> tuple[Score, tuple[int, int]]:
    """The Score after a verb with events drawn at random, and the ticks of the hole."""
    tune, hole = Tune(score), (0, 0)
    if verb == "continue":
        task = Continue(tune=tune, bars=2).task(model)
    elif verb == "accompany":
        task = Accompany(tune=tune).task(model)
    else:
        bars = max(1, theory.bar_count(score))
        first = dice.randint(1, bars)
        last = min(bars, first + dice.randint(0, 3))
        low, high = theory.bar_start(score, [first - 1, last]).tolist()
        task, hole = Infill(tune=tune, from_bar=first, to_bar=last).task(model), (low, high)
    made, plan = [], task.plan
    parts = [p for p in range(16) if plan.parts[p, 0] <= 128]
    if verb == "accompany":
        made.append((Role.PART, 0, len(parts), PROGRAM_BASE + dice.randrange(129), 0, 0))
        parts = [len(parts)]
    room = max(1, plan.stop - max(plan.start, plan.earliest))
    wait = max(0, plan.earliest - int(plan.prime[:, Field.WAIT].sum())) if verb == "continue" else 0
    rest = model.codec.rest
    made += [(Role.REST, rest, 0, 0, 0, 0)] * (wait // rest)
    for k in range(20):
        made.append(
            (
                Role.NOTE,
                wait % rest if k == 0 else dice.randrange(1 + min(24, room // 20)),
                dice.choice(parts),
                dice.randrange(128),
                dice.randint(1, 40),
                16,
            )
        )
    return task.finish(np.array(made, np.int16)), hole


def missing(source: bytes, result: bytes, hole: tuple[int, int]) -> list[str] | None:
    """Events of the source that are not in the same track of the result at their tick; None where mido cannot read the source.

    Notes that start in the hole may be missing, on and off.
    """
    try:
        before = [events(t) for t in mido.MidiFile(file=io.BytesIO(source), clip=True, charset="latin-1").tracks]
    except Exception:  # noqa: BLE001  # mido raises five kinds of errors
        return None
    after = [events(t) for t in mido.MidiFile(file=io.BytesIO(result), clip=True, charset="latin-1").tracks]
    lost = []
    low, high = hole
    for number, (old, new) in enumerate(zip(before, after, strict=False)):
        gone = Counter(old) - Counter(new)
        spare = Counter((e[1][0] & 15, e[1][1]) for e in gone.elements() if is_on(e) and low <= e[0] < high)
        for event in gone.elements():
            if is_on(event) and low <= event[0] < high:
                continue
            if is_off(event) and spare[event[1][0] & 15, event[1][1]] > 0:
                spare[event[1][0] & 15, event[1][1]] -= 1
                continue
            lost.append(f"track {number}, tick {event[0]}: {event[1].hex(' ')}")
    return lost + ["a whole track"] * (len(before) - len(after))


def is_on(event: tuple[int, bytes]) -> bool:
    """Whether an event starts a note."""
    return event[1][0] & 0xF0 == 0x90 and event[1][2] > 0


def is_off(event: tuple[int, bytes]) -> bool:
    """Whether an event ends a note."""
    return event[1][0] & 0xF0 == 0x80 or event[1][0] & 0xF0 == 0x90 and event[1][2] == 0


def events(track: mido.MidiTrack) -> list[tuple[int, bytes]]:
    """Ticks and bytes of a track's events up to its end: what stands behind that is none."""
    tick, out = 0, []
    for message in track:
        tick += message.time
        if message.type == "end_of_track":
            break
        out.append((tick, bytes(message.bytes())))
    return out
