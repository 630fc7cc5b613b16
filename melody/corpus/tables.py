"""The corpus on disk: notes of all pieces in one memory-mapped table, and an index.

    notes.npy    STORED (n,): the tracks of a piece one after the other, each in order of onset and pitch
    tempi.npy    TEMPO, meters.npy METER, keys.npy KEY: likewise, all pieces end to end
    report.csv   what became of every file (corpus/report.py)
    index.json   format, counts, sizes and digests of the other files, facts of every piece (PieceFacts), digest of all
                 this; written last: without it there is no corpus

Ticks are those of the source file. Knows Scores; does not know codecs or batches.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np

from melody.corpus.report import REPORT
from melody.errors import MelodyError
from melody.files import reason, sha256, shown
from melody.score import KEY, METER, NOTE, TEMPO, Score, Table, Track

FORMAT = 1
INDEX = "index.json"
OPENING, CLOSING = b', "pieces": [\n', b"]}\n"  # the first and the last line of index.json; between them one piece a line
SEAL = re.compile(rb'\], "sha256": "([0-9a-f]{64})"\}\n')  # the last line since there are digests: of all bytes before it
SPLITS = ("train", "valid", "test")
# sustained: the duration with the pedal applied
STORED = np.dtype([("onset", "<i4"), ("duration", "<i4"), ("sustained", "<i4"), ("pitch", "u1"), ("velocity", "u1")])
TABLES = {"notes": STORED, "tempi": TEMPO, "meters": METER, "keys": KEY}
_PLACES = {name: i for i, name in enumerate(TABLES)}


@dataclass(frozen=True, slots=True)
class TrackFacts:
    """One track of a stored piece."""

    name: str
    program: int
    is_drum: bool
    notes: int


class Rows(Mapping[str, tuple[int, int]]):
    """The ``rows`` of a piece as eight numbers: as a dictionary they would take more than all else that is known of it."""

    __slots__ = ("_values",)

    def __init__(self, rows: Mapping[str, tuple[int, int]]) -> None:
        self._values = array("q", [int(value) for name in TABLES for value in rows[name]])
        if len(rows) != len(TABLES) or len(self._values) != 2 * len(TABLES):
            raise ValueError("rows of a piece are a start and a count by table")

    def __getitem__(self, name: str) -> tuple[int, int]:
        i = 2 * _PLACES[name]
        return self._values[i], self._values[i + 1]

    def __iter__(self) -> Iterator[str]:
        return iter(TABLES)

    def __len__(self) -> int:
        return len(TABLES)


@dataclass(frozen=True, slots=True)
class PieceFacts:
    """What the index knows of a piece: about a kilobyte, for there may be 100,000.

    ``rows``: per table, where the piece starts and how many rows it has.
    """

    source: str  # path as shown in the report
    sha256: str  # of the file's bytes
    content: str  # hash of the notes, free of transposition
    style: str
    split: str
    ticks_per_quarter: int
    tracks: tuple[TrackFacts, ...]
    lead: int | None
    lead_rule: str
    key: int  # 0..23
    seconds: float
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    collection: str = ""  # the folder that it was found in, and that was split as one; "" in corpora of before

    @property
    def note_count(self) -> int:
        """Number of notes of the piece."""
        return self.rows["notes"][1]


class Corpus:
    """A prepared corpus, read-only. ``score(i)`` rebuilds piece ``i``; only the pages that are touched are read.

    What opens it checks the index by its digest and the tables by their sizes; ``verify`` reads all of them.

    >>> corpus = Corpus("my-corpus")  # doctest: +SKIP
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        index = self.folder / INDEX
        if not index.is_file():
            what = f"no {INDEX} in it" if self.folder.is_dir() else "no such folder"
            raise MelodyError(f"{shown(folder)}: not a corpus ({what}); make one with: melody prepare DIR -o {shown(folder)}")
        try:
            raw, entries = _entries(index)
            if raw["format"] != FORMAT:
                raise MelodyError(f"{shown(folder)}: corpus format {raw['format']!r}, this version reads {FORMAT}; prepare it again")
            self.pieces = [_facts(p) for p in entries]
            self.digest = str(raw["digest"])
            self.files = _files(raw, self.folder)
            self.tables = {name: np.load(self.folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in TABLES}
            for name, dtype in TABLES.items():
                count = len(self.tables[name])
                inside = all(0 <= p.rows[name][0] <= sum(p.rows[name]) <= count for p in self.pieces)
                if self.tables[name].dtype != dtype or count != raw["counts"][name] or not inside:
                    raise ValueError(f"{name}.npy does not hold what index.json says")
        except MelodyError:
            raise
        except Exception as fault:  # noqa: BLE001  # numpy parses the head of a table as Python: damage can bring about anything
            raise MelodyError(f"{shown(folder)}: damaged corpus ({reason(fault)}); prepare it again") from None

    def verify(self) -> bool:
        """Read every file and compare digests. False: the corpus was made before there were any. Raises MelodyError of one line."""
        for name, (_, digest) in self.files.items():
            path = self.folder / name
            if sha256(path, sys.maxsize) != digest:
                raise MelodyError(f"{shown(path)}: damaged (its sha256 is not the one in {INDEX}); prepare the corpus again")
        return bool(self.files)

    def __len__(self) -> int:
        return len(self.pieces)

    @cached_property
    def styles(self) -> tuple[str, ...]:
        """Names of the styles, sorted."""
        return tuple(sorted({p.style for p in self.pieces}))

    def split(self, name: str) -> list[int]:
        """Indices of the pieces of one split: "train", "valid" or "test"."""
        return [i for i, p in enumerate(self.pieces) if p.split == name]

    def note_count(self, pieces: Sequence[int] | None = None) -> int:
        """Notes of some pieces, or of all."""
        return sum(self.pieces[i].note_count for i in (range(len(self)) if pieces is None else pieces))

    def score(self, index: int, sustained: bool = False) -> Score:
        """Piece ``index`` as a Score; ``sustained``: note lengths with the pedal applied."""
        facts = self.pieces[index]
        raw = self._rows(facts, "notes")
        notes = np.empty(len(raw), NOTE)
        for name, column in (
            ("onset", "onset"),
            ("duration", "sustained" if sustained else "duration"),
            ("pitch", "pitch"),
            ("velocity", "velocity"),
        ):
            notes[name] = raw[column]
        edges = np.cumsum([0, *(t.notes for t in facts.tracks)])
        tracks = tuple(Track(t.name, t.program, t.is_drum, notes[edges[i] : edges[i + 1]]) for i, t in enumerate(facts.tracks))
        tempi, meters, keys = (np.array(self._rows(facts, name)) for name in ("tempi", "meters", "keys"))
        return Score(tracks, facts.ticks_per_quarter, tempi, meters, keys)

    def _rows(self, facts: PieceFacts, name: str) -> Table:
        start, count = facts.rows[name]
        rows: Table = self.tables[name][start : start + count]
        return rows


def _entries(index: Path) -> tuple[dict[str, Any], Iterator[dict[str, Any]]]:
    """What stands before the pieces, and the pieces, parsed one line at a time: the whole would take ten times its place."""
    with open(index, "rb") as file:
        first = file.readline()
        if first.endswith(OPENING):
            raw = json.loads(first + CLOSING)
            return raw, _lines(index, "files" in raw)
        raw = json.loads(first + file.read())  # not as ``_index`` writes it
    if "sha256" in raw and raw["format"] == FORMAT:
        raise ValueError(f"{INDEX} was changed; what changes it has to remove its sha256")
    return raw, iter(raw["pieces"])


def _lines(index: Path, sealed: bool) -> Iterator[dict[str, Any]]:
    """The pieces; at the end, whether the bytes were those that the last line vouches for (a ``sealed`` index has such a line)."""
    with open(index, "rb") as file:
        digest = hashlib.sha256(file.readline())
        for line in file:
            seal = SEAL.fullmatch(line)
            if seal or line == CLOSING:
                if (seal[1].decode() != digest.hexdigest() if seal else sealed) or file.read(1):
                    raise ValueError(f"{INDEX} is not what its sha256 says")
                return
            digest.update(line)
            yield json.loads(line.decode().removesuffix("\n").removesuffix(","))
    raise ValueError(f"{INDEX} breaks off")


def _files(raw: Mapping[str, Any], folder: Path) -> dict[str, tuple[int, str]]:
    """Bytes and sha256 of the other files; the tables must have their sizes (a report may be edited, and is only verified)."""
    if "files" not in raw:
        return {}
    files = {str(name): (int(facts["bytes"]), str(facts["sha256"])) for name, facts in raw["files"].items()}
    tables = {f"{name}.npy" for name in TABLES}
    if files.keys() - {REPORT} != tables:
        raise ValueError(f"{INDEX} names other files than those of a corpus")
    for name in sorted(tables):
        size = os.stat(folder / name).st_size if os.path.exists(folder / name) else 0
        if size != files[name][0]:
            raise ValueError(f"{name} has {size:,} bytes, not {files[name][0]:,}")
    return files


def _facts(raw: dict[str, Any]) -> PieceFacts:
    tracks = tuple(TrackFacts(**{**t, "name": _shared(t["name"])}) for t in raw["tracks"])
    rows = Rows(raw["rows"])
    words = {name: _shared(raw.get(name, "")) for name in ("style", "split", "lead_rule", "collection")}
    facts = PieceFacts(**{**raw, **words, "tracks": tracks, "rows": rows})
    if facts.split not in SPLITS or sum(t.notes for t in tracks) != rows["notes"][1]:
        raise ValueError("a piece of index.json contradicts itself")
    return facts


def _shared(word: Any) -> Any:
    """Of equal words one copy is kept: styles, rules and most names of tracks occur thousands of times."""
    return sys.intern(word) if type(word) is str else word


class CorpusWriter:
    """Writes a corpus piece by piece in constant memory; the index comes last. Use as a context manager, then ``finish``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pieces: list[PieceFacts] = []
        self.counts = dict.fromkeys(TABLES, 0)
        self._files: dict[str, BinaryIO] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        for name in TABLES:
            self._files[name] = self._open.enter_context((self.folder / f"{name}.raw").open("wb"))
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._open.close()

    def add(self, facts: PieceFacts, tables: dict[str, Table]) -> None:
        """Append one piece; ``tables`` holds one array for every name in TABLES."""
        rows = {}
        for name, dtype in TABLES.items():
            data = np.ascontiguousarray(tables[name].astype(dtype, copy=False))
            self._files[name].write(data.tobytes())
            rows[name] = (self.counts[name], len(data))
            self.counts[name] += len(data)
        self.pieces.append(replace(facts, rows=Rows(rows)))

    def finish(self, digest: str) -> None:
        """Turn the raw tables into .npy files and write the index, which vouches for all that is in the folder by then."""
        for name, dtype in TABLES.items():
            self._files[name].close()
            raw = self.folder / f"{name}.raw"
            with open(raw, "rb") as source, open(self.folder / f"{name}.npy", "wb") as target:
                header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (self.counts[name],)}
                np.lib.format.write_array_header_1_0(target, header)
                shutil.copyfileobj(source, target)
            raw.unlink()
        files = {
            p.name: {"bytes": p.stat().st_size, "sha256": sha256(p, sys.maxsize)} for p in sorted(self.folder.iterdir()) if p.name != INDEX
        }
        with open(self.folder / INDEX, "wb") as file:
            file.writelines(_index(self.pieces, {"format": FORMAT, "digest": digest, "counts": self.counts, "files": files}))
        for path in self.folder.iterdir():  # a power cut after the folder took its place must not leave names of empty files
            with open(path, "rb") as file:
                os.fsync(file.fileno())


def _index(pieces: Sequence[PieceFacts], head: Mapping[str, Any]) -> Iterator[bytes]:
    line = json.dumps(head)[:-1].encode() + OPENING
    digest = hashlib.sha256(line)
    yield line
    for i, piece in enumerate(pieces):
        line = json.dumps({**asdict(replace(piece, rows={})), "rows": dict(piece.rows)}).encode() + (
            b",\n" if i + 1 < len(pieces) else b"\n"
        )
        digest.update(line)
        yield line
    yield f'], "sha256": "{digest.hexdigest()}"}}\n'.encode()
