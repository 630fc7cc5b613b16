"""SoundFont 2 and 3 files: read, cut down to some presets, unpacked, written. Knows nothing of Scores and of sound.

A font is a tree: a preset (bank, program) has zones that name instruments, an instrument has zones that name samples. Version 3
differs in the samples alone: each is an Ogg Vorbis stream, where version 2 has 16-bit numbers.

Source: SoundFont Technical Specification 2.04 (Creative, 2006), chapters 4 to 8. Version 3 has no specification; this is what
MuseScore, which made it, and FluidSynth do: bit 4 of a sample's type is set, its ends count bytes, its loop counts from its start.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from melody.errors import MelodyError

Table = NDArray[np.void]

_HEADER = [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("zone", "<u2"), ("unused", "<u4", 3)]
_SAMPLE = [
    ("name", "S20"), ("start", "<u4"), ("end", "<u4"), ("loop_start", "<u4"), ("loop_end", "<u4"), ("rate", "<u4"),
    ("pitch", "u1"), ("correction", "i1"), ("link", "<u2"), ("type", "<u2"),
]  # fmt: skip  # a table
ZONE = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
GENERATOR = np.dtype([("kind", "<u2"), ("amount", "<u2")])
MODULATOR = np.dtype("V10")
INSTRUMENT = np.dtype([("name", "S20"), ("zone", "<u2")])
PRESET, SAMPLE = np.dtype(_HEADER), np.dtype(_SAMPLE)
CHUNKS = {  # in the order of the file
    "phdr": PRESET, "pbag": ZONE, "pmod": MODULATOR, "pgen": GENERATOR,
    "inst": INSTRUMENT, "ibag": ZONE, "imod": MODULATOR, "igen": GENERATOR, "shdr": SAMPLE,
}  # fmt: skip  # a table

NAMES_INSTRUMENT, NAMES_SAMPLE = 41, 53  # generators
VORBIS = 0x10  # of a sample's type
ROM = 0x8000  # a sample that lies in a sound card
DRUM_BANK = 128
PADDING = 46  # samples of silence after each one
MAX_BYTES = 1 << 30  # of a file
MAX_FRAMES = 1 << 28  # of all samples that are unpacked: 512 MiB

Key = tuple[int, int]  # bank, program


@dataclass(frozen=True)
class Sample:
    """One recording. ``data``: 16-bit numbers or Ogg Vorbis; the loop counts frames from the first one."""

    name: bytes
    data: bytes
    loop: tuple[int, int]
    rate: int
    pitch: int  # MIDI number, 255: none
    correction: int  # cents
    type: int

    @property
    def packed(self) -> bool:
        """Whether ``data`` is Ogg Vorbis."""
        return bool(self.type & VORBIS)


@dataclass(frozen=True)
class Zones:
    """The zones of a preset or an instrument: rows (n,) of generators and of modulators each."""

    name: bytes
    generators: tuple[Table, ...]
    modulators: tuple[Table, ...]


@dataclass(frozen=True)
class SoundFont:
    """Presets by (bank, program); the instruments and samples that they name by number."""

    presets: Mapping[Key, Zones]
    instruments: Sequence[Zones]
    samples: Sequence[Sample]
    info: Mapping[str, bytes]


def read(data: bytes) -> SoundFont:
    """The font of a file's bytes. Errors: ``MelodyError`` with the reason only."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise MelodyError("not a soundfont (no RIFF sfbk at its start)")
    try:
        parts = dict(_chunks(data))
        tables: dict[str, Any] = {name: np.frombuffer(parts[name], kind) for name, kind in CHUNKS.items()}
        info = {name: bytes(value) for name, value in parts.items() if name.startswith("I") or name == "ifil"}
        presets, instruments = _tree(tables, "p", tables["phdr"]), _tree(tables, "i", tables["inst"])
        samples = [_sample(row, parts["smpl"]) for row in tables["shdr"][:-1]]
        rows = tables["phdr"][:-1]
        keys = zip(rows["bank"].tolist(), rows["program"].tolist(), strict=True)
        font = SoundFont(dict(reversed(list(zip(keys, presets, strict=True)))), instruments, samples, info)  # the first of a key holds
    except (KeyError, ValueError, IndexError) as fault:
        raise MelodyError(f"damaged soundfont ({fault})") from None
    if not font.presets:
        raise MelodyError("the soundfont has no presets")
    return font


def _chunks(data: bytes) -> Iterator[tuple[str, memoryview]]:
    """(name, content) of every chunk in the three lists of a font."""
    view = memoryview(data)
    lists = [view[12:]]
    while lists:
        rest = lists.pop()
        while len(rest) >= 8:
            name, size = bytes(rest[:4]), int.from_bytes(rest[4:8], "little")
            content = rest[8 : 8 + size]
            if len(content) < size:
                raise ValueError("cut short")
            if name == b"LIST":
                lists.append(content[4:])
            else:
                yield name.decode("ascii", "replace"), content
            padded = size % 2 and len(rest) > 8 + size and rest[8 + size] == 0  # some programs forget it
            rest = rest[8 + size + bool(padded) :]


def _tree(tables: Mapping[str, Table], letter: str, rows: Table) -> list[Zones]:
    """The zones of all presets ("p") or instruments ("i"). Errors: ``ValueError``."""
    bags, generators, modulators = (tables[letter + name] for name in ("bag", "gen", "mod"))
    first, generator, modulator = rows["zone"].tolist(), bags["generator"].tolist(), bags["modulator"].tolist()
    ends = (first, generator, modulator)
    if not all(ends) or any(values[i] > values[i + 1] for values in ends for i in range(len(values) - 1)) or first[-1] >= len(bags):
        raise ValueError("its zones are out of order")
    found = []
    for row in range(len(rows) - 1):
        span = range(first[row], first[row + 1])
        zones = tuple(generators[generator[z] : generator[z + 1]] for z in span)
        found.append(Zones(bytes(rows["name"][row]), zones, tuple(modulators[modulator[z] : modulator[z + 1]] for z in span)))
    return found


def _sample(row: Any, data: memoryview) -> Sample:
    start, end, loop = int(row["start"]), int(row["end"]), (int(row["loop_start"]), int(row["loop_end"]))
    if not int(row["type"]) & VORBIS:
        loop = (max(loop[0] - start, 0), max(loop[1] - start, 0))
        start, end = 2 * start, 2 * end
    content = b"" if int(row["type"]) & ROM else bytes(data[start : max(end, start)])
    return Sample(bytes(row["name"]), content, loop, int(row["rate"]), int(row["pitch"]), int(row["correction"]), int(row["type"]))


def nearest(font: SoundFont, program: int, is_drum: bool = False) -> Key | None:
    """The preset of ``font`` for a General MIDI program 0..127, or for drums: itself, else the nearest of its family, else any.

    None for drums where the font has no drum kit: struck on another instrument they would be noise.
    """
    if is_drum:
        kits = [program for bank, program in font.presets if bank == DRUM_BANK]
        return (DRUM_BANK, min(kits)) if kits else None
    pitched = [key for key in font.presets if key[0] != DRUM_BANK]

    def distance(key: Key) -> tuple[bool, int, int, Key]:
        return key[1] // 8 != program // 8, abs(key[1] - program), key[0], key

    return min(pitched, key=distance, default=None)


def subset(font: SoundFont, wanted: Mapping[Key, Key]) -> SoundFont:
    """A font with the presets ``wanted`` (each by the key that it gets, made of the one of ``font`` behind it) and what these need."""
    instruments: dict[int, int] = {}  # number before: number now
    samples: dict[int, int] = {}
    presets = {}
    for key, source in wanted.items():
        presets[key] = _renumbered(font.presets[source], NAMES_INSTRUMENT, instruments, len(font.instruments))
    kept = [_renumbered(font.instruments[i], NAMES_SAMPLE, samples, len(font.samples)) for i in list(instruments)]
    return SoundFont(presets, kept, [font.samples[i] for i in samples], font.info)


def _renumbered(zones: Zones, kind: int, numbers: dict[int, int], count: int) -> Zones:
    """The zones with what they name by new numbers, which are given in the order of use. Errors: ``MelodyError``."""
    out = []
    for generators in zones.generators:
        rows = generators.copy()
        for at in np.flatnonzero(rows["kind"] == kind).tolist():
            number = int(rows["amount"][at])
            if number >= count:
                raise MelodyError("damaged soundfont (a zone names what is not there)")
            rows["amount"][at] = numbers.setdefault(number, len(numbers))
        out.append(rows)
    return replace(zones, generators=tuple(out))


def unpacked(font: SoundFont) -> SoundFont:
    """The font with 16-bit samples. Errors: ``MelodyError`` for samples that cannot be decoded, or longer than 512 MiB in all."""
    samples, frames = [], 0
    for sample in font.samples:
        samples.append(replace(sample, data=decode(sample.data), type=sample.type & ~VORBIS) if sample.packed else sample)
        frames += len(samples[-1].data) // 2
        if frames > MAX_FRAMES:
            raise MelodyError(f"its samples are longer than the limit of {2 * MAX_FRAMES // 2**20} MiB")
    return replace(font, samples=samples)


def decode(data: bytes) -> bytes:
    """16-bit numbers out of an Ogg Vorbis stream of one channel. Errors: ``MelodyError``."""
    import io

    import soundfile  # type: ignore[import-untyped]  # has no types

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.frames > MAX_FRAMES or file.channels != 1:
                raise MelodyError("damaged soundfont (a sample of more than one channel, or too long)")
            numbers = file.read(dtype="int16")
    except soundfile.LibsndfileError as fault:
        raise MelodyError(f"damaged soundfont (a sample cannot be decoded: {fault.error_string})") from None
    return np.ascontiguousarray(numbers).tobytes()


def to_bytes(font: SoundFont) -> bytes:
    """The file of a font: version 3 where a sample is packed, version 2 otherwise. Equal fonts have equal bytes."""
    data, headers = _laid_out(font.samples)
    version = b"\3\0\1\0" if any(s.packed for s in font.samples) else b"\2\0\4\0"
    info = b"".join(_chunk(name, value) for name, value in {**font.info, "ifil": version}.items())
    keys = list(font.presets)
    presets = _flattened([font.presets[key] for key in keys])
    heads = np.zeros(len(keys) + 1, PRESET)
    heads["name"][:-1], heads["name"][-1] = [font.presets[key].name for key in keys], b"EOP"
    heads["bank"][:-1], heads["program"][:-1], heads["zone"] = [k[0] for k in keys], [k[1] for k in keys], presets[0]
    instruments = _flattened(font.instruments)
    names = np.zeros(len(font.instruments) + 1, INSTRUMENT)
    names["name"][:-1], names["name"][-1], names["zone"] = [i.name for i in font.instruments], b"EOI", instruments[0]
    tables = [heads, *presets[1:], names, *instruments[1:], headers]
    described = b"".join(_chunk(name, rows.tobytes()) for name, rows in zip(CHUNKS, tables, strict=True))
    lists = ((b"INFO", info), (b"sdta", _chunk("smpl", data)), (b"pdta", described))
    body = b"sfbk" + b"".join(_chunk("LIST", name + content) for name, content in lists)
    return _chunk("RIFF", body)


def _flattened(items: Sequence[Zones]) -> tuple[NDArray[np.int64], Table, Table, Table]:
    """First zone of each item and of the end; tables of zones, modulators and generators, each with its end row."""
    generators = [g for item in items for g in item.generators]
    modulators = [m for item in items for m in item.modulators]
    zones = np.zeros(len(generators) + 1, ZONE)
    zones["generator"] = np.cumsum([0, *map(len, generators)])
    zones["modulator"] = np.cumsum([0, *map(len, modulators)])
    first = np.cumsum([0, *(len(item.generators) for item in items)])
    ends = np.zeros(1, MODULATOR), np.zeros(1, GENERATOR)
    return first, zones, np.concatenate([*modulators, ends[0]]), np.concatenate([*generators, ends[1]])


def _laid_out(samples: Sequence[Sample]) -> tuple[bytes, Table]:
    """The samples one after the other, and their headers with the end row."""
    headers = np.zeros(len(samples) + 1, SAMPLE)
    parts, at = [], 0
    for row, sample in enumerate(samples):
        unit = 1 if sample.packed else 2
        start, end = at // unit, (at + len(sample.data)) // unit
        shift = 0 if sample.packed else start
        loop = sample.loop[0] + shift, sample.loop[1] + shift
        kind = sample.type & VORBIS | 1  # one channel: the other half of a pair plays by itself
        headers[row] = (sample.name, start, end, *loop, sample.rate, sample.pitch, sample.correction, 0, kind)
        padding = b"" if sample.packed else bytes(2 * PADDING)
        parts += [sample.data, padding]
        at += len(sample.data) + len(padding)
    headers["name"][-1] = b"EOS"
    return b"".join(parts), headers


def _chunk(name: str, content: bytes) -> bytes:
    return name.encode() + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
