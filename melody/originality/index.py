"""The index: a sorted set of hashes in as few bits as they need, and for some of them the collection that they are from.

    magic, version, grid and clock, number of hashes, of buckets, bits of a hash in its bucket, length of the names
    sha256 of all that follows
    names of the collections (JSON), buckets in unary, low bits, collections

A hash is put into one of some million buckets and keeps some low bits (Elias and Fano): 12 bits a gram where 5 million fill 8 MB, and
one of 1,500 that are not in it is taken for one that is. Nothing is unpickled, sizes are checked before memory is taken.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError
from melody.originality.hashing import Hashes

NAME = "originality.bin"  # in a model's folder
MAX_BYTES = 8_000_000
MAGIC, VERSION = b"MELODYOR", 1
HEAD = struct.Struct("<8sHHB3xQQHHI32s")
MIN_LOW, MAX_LOW = 8, 20
SAMPLE = 16  # one hash of so many says its collection
MAX_COLLECTIONS = 16
MAX_NAMES = 4096  # bytes
MAX_FILTER = 27  # bits of a key that the filter looks at

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Index:
    """The hashes of a training set's grams. ``grid``: steps a quarter, or a second; ``keys`` (n,) rise."""

    grid: int
    seconds: bool
    collections: tuple[str, ...]
    buckets: int
    low: int
    keys: Hashes
    codes: NDArray[np.uint8]  # of the keys that say theirs

    def _reduced(self, found: Hashes) -> Hashes:
        bucket = (found >> np.uint64(32)) * np.uint64(self.buckets) >> np.uint64(32)
        return (bucket << np.uint64(self.low)) | (found & np.uint64((1 << self.low) - 1))

    def has(self, found: Hashes) -> NDArray[np.bool_]:
        """For each hash (n,) of a gram whether it is there."""
        if not len(self.keys):
            return np.zeros(len(found), bool)
        wanted = self._reduced(found)
        at = np.minimum(np.searchsorted(self.keys, wanted), len(self.keys) - 1)
        there: NDArray[np.bool_] = self.keys[at] == wanted
        return there

    def has_one(self, found: int) -> bool:
        """The same of one, as a plain number."""
        wanted = ((found >> 32) * self.buckets >> 32) << self.low | found & ((1 << self.low) - 1)
        some, filled = self._filter
        place = wanted & some
        if not filled[place >> 3] >> (place & 7) & 1:
            return False
        at = int(self.keys.searchsorted(np.uint64(wanted)))
        return at < len(self.keys) and int(self.keys[at]) == wanted

    @cached_property
    def _filter(self) -> tuple[int, bytes]:
        """A mask, and a bit for each value of a key under it: 0 where no key has that value. Plain bytes, which are quick to look into."""
        some = (1 << min(max(int(16 * len(self.keys)).bit_length(), 12), MAX_FILTER)) - 1
        bits = np.zeros(some + 1, bool)
        bits[(self.keys & np.uint64(some)).astype(np.int64)] = True
        return some, np.packbits(bits, bitorder="little").tobytes()

    def collection(self, found: Hashes) -> str | None:
        """Where most of some grams (n,) that are there are from, if any of them says so."""
        wanted = self._reduced(found)
        wanted = wanted[_says(wanted)]
        saying = self.keys[_says(self.keys)]
        if not len(wanted) or not len(saying):
            return None
        at = np.minimum(np.searchsorted(saying, wanted), len(saying) - 1)
        codes = self.codes[at[saying[at] == wanted]]
        return self.collections[int(np.bincount(codes).argmax())] if len(codes) else None

    def to_bytes(self) -> bytes:
        """The file."""
        names = json.dumps(list(self.collections)).encode()
        upper = np.zeros(self.buckets + len(self.keys), bool)
        upper[(self.keys >> np.uint64(self.low)).astype(np.int64) + np.arange(len(self.keys))] = True
        remainder = (self.keys & np.uint64((1 << self.low) - 1)).astype("<u4").view(np.uint8).reshape(-1, 4)
        lows = np.unpackbits(remainder, axis=1, bitorder="little")
        codes = np.unpackbits(self.codes.reshape(-1, 1), axis=1, bitorder="little")[:, :4]
        body = names + b"".join(np.packbits(bits).tobytes() for bits in (upper, lows[:, : self.low], codes))
        head = (MAGIC, VERSION, self.grid, self.seconds, len(self.keys), self.buckets, self.low, 0, len(names))
        return HEAD.pack(*head, hashlib.sha256(body).digest()) + body


def _says(keys: Hashes) -> NDArray[np.bool_]:
    says: NDArray[np.bool_] = keys % np.uint64(SAMPLE) == 0
    return says


def built(found: Hashes, of: Sequence[int] | NDArray[np.integer], collections: Sequence[str], grid: int, seconds: bool = False) -> Index:
    """An index of hashes (n,), each ``of`` one of the collections (the first 16 have a name), as full as its file may be.

    Errors: ``MelodyError`` for more than the file can hold.
    """
    names = tuple(name[:100] for name in collections[:MAX_COLLECTIONS])
    found, first = np.unique(found, return_index=True)
    count, bits = len(found), 8 * (MAX_BYTES - HEAD.size - MAX_NAMES)
    low = min(MAX_LOW, int(bits / max(count, 1) - 2 - 4 / SAMPLE))
    if low < MIN_LOW:
        raise MelodyError(f"{count:,} different runs of notes are more than the index of {MAX_BYTES:,} bytes can tell apart")
    room = bits - count * (low + 1) - 4 * count // SAMPLE - 64
    empty = Index(grid, seconds, names, int(max(min(2 * count, room), 1)), low, found[:0], np.zeros(0, np.uint8))
    keys, at = np.unique(empty._reduced(found), return_index=True)
    codes = np.minimum(np.asarray(of)[first][at][_says(keys)], MAX_COLLECTIONS - 1).astype(np.uint8)
    return Index(grid, seconds, names, empty.buckets, low, keys, codes)


def read_index(data: bytes, name: str) -> Index:
    """An index from its file. Errors: ``MelodyError`` that names the file where it is damaged, or none."""
    try:
        if len(data) > MAX_BYTES or len(data) < HEAD.size:
            raise ValueError(f"{len(data):,} bytes")
        magic, version, grid, seconds, count, buckets, low, _, names_size, digest = HEAD.unpack_from(data)
        if magic != MAGIC or version != VERSION:
            raise ValueError("not an index of this version")
        body = memoryview(data)[HEAD.size :]
        if hashlib.sha256(body).digest() != digest:
            raise ValueError("its sha256 differs")
        sizes = [names_size, -(-(buckets + count) // 8), -(-count * low // 8)]
        left = len(body) - sum(sizes)
        if not (MIN_LOW <= low <= MAX_LOW and 0 < buckets < 1 << 32 and 2 <= grid <= 960 and seconds in (0, 1) and 0 <= left <= len(data)):
            raise ValueError("its sizes contradict each other")
        names = json.loads(bytes(body[:names_size]))
        if not isinstance(names, list) or len(names) > MAX_COLLECTIONS or not all(isinstance(n, str) and len(n) <= 100 for n in names):
            raise ValueError("its names")
        bits = np.frombuffer(body, np.uint8)
        edges = np.cumsum(sizes)
        upper = np.flatnonzero(np.unpackbits(bits[edges[0] : edges[1]], count=buckets + count))
        if len(upper) != count:
            raise ValueError("its hashes are not as many as it says")
        high = (upper - np.arange(count)).astype(np.uint64)
        lows = np.unpackbits(bits[edges[1] : edges[2]], count=count * low).reshape(count, low)
        keys = high << np.uint64(low)
        for place in range(low):
            keys |= lows[:, place].astype(np.uint64) << np.uint64(place)
        if (keys[1:] <= keys[:-1]).any() or (count and int(high[-1]) >= buckets):
            raise ValueError("its hashes do not rise")
        says = int(_says(keys).sum())
        packed = np.unpackbits(bits[edges[2] :], count=4 * says).reshape(says, 4)
        codes = np.packbits(packed, axis=1, bitorder="little")[:, 0] if says else np.zeros(0, np.uint8)
        if left != -(-4 * says // 8) or (says and int(codes.max()) >= max(len(names), 1)):
            raise ValueError("its collections")
    except (ValueError, TypeError, struct.error, RecursionError) as fault:
        raise MelodyError(f"{name}: damaged ({str(fault)[:120]}); write it again with: melody originality") from None
    return Index(grid, bool(seconds), tuple(names), buckets, low, keys, codes)
