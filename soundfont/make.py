"""Makes melody.sf3, the soundfont that melody ships, out of FluidR3Mono_GM.sf3: fewer programs, fewer bits.

    python soundfont/make.py FluidR3Mono_GM.sf3

README.md beside this file says where that font comes from. Programs that would take much room for little music are played by the
nearest of their kind, drums outside General MIDI's own (35 to 81) are left out, and samples are encoded anew at a lower rate.
Equal input gives equal output with equal versions of libsndfile and libvorbis.
"""

from __future__ import annotations

import io
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from melody.files import write_bytes
from melody.render import soundfont

TARGET = Path(__file__).parent / "melody.sf3"
COMPRESSION = 0.9  # of libsndfile: 0 is the best sound, 1 the smallest file
KEY_RANGE = 43  # generator: lowest and highest key of a zone
DRUM_KEYS = (35, 81)
REPLACED = {  # program: the one that plays it
    2: 0,  # electric grand piano: grand piano
    5: 4,  # electric piano 2: electric piano 1
    10: 9,  # music box: glockenspiel
    13: 12,  # xylophone: marimba
    15: 6,  # dulcimer: harpsichord
    17: 16, 18: 16,  # percussive and rock organ: drawbar organ
    28: 27, 31: 27,  # muted guitar, guitar harmonics: clean guitar
    29: 30,  # overdriven guitar: distortion guitar
    34: 33, 35: 33, 36: 33, 37: 33,  # picked, fretless and slap bass: finger bass
    41: 42,  # viola: cello
    54: 53, 85: 53, 91: 53,  # synth voice, voice lead, choir pad: voice oohs
    61: 60,  # brass section: French horns
    64: 65, 66: 65, 67: 65,  # soprano, tenor and baritone sax: alto sax
    69: 68,  # English horn: oboe
    72: 73, 74: 73,  # piccolo, recorder: flute
    79: 75,  # ocarina: pan flute
    109: 111,  # bagpipe: shanai
}  # fmt: skip  # a table


def main() -> int:
    """Read the font named on the command line and write TARGET."""
    source = soundfont.read(Path(sys.argv[1]).read_bytes())
    wanted = {(0, program): (0, REPLACED.get(program, program)) for program in range(128)}
    drums = (soundfont.DRUM_BANK, 0)
    font = soundfont.subset(without_far_drums(source, drums), {**wanted, drums: drums})
    font = replace(font, samples=[encoded(s) for s in font.samples], info=described(source))
    data = soundfont.to_bytes(font)
    write_bytes(TARGET, data)
    print(f"{TARGET}: {len(data):,} bytes, {len(font.presets)} presets, {len(font.samples)} samples")
    return 0


def without_far_drums(font: soundfont.SoundFont, kit: soundfont.Key) -> soundfont.SoundFont:
    """The font with a drum kit that has no zones for keys outside ``DRUM_KEYS``."""
    instruments = list(font.instruments)
    for zone in font.presets[kit].generators:
        for number in zone["amount"][zone["kind"] == soundfont.NAMES_INSTRUMENT].tolist():
            old = instruments[number]
            kept = [i for i, rows in enumerate(old.generators) if in_reach(rows)]
            instruments[number] = replace(
                old, generators=tuple(old.generators[i] for i in kept), modulators=tuple(old.modulators[i] for i in kept)
            )
    return replace(font, instruments=instruments)


def in_reach(rows: soundfont.Table) -> bool:
    """Whether a zone sounds for any key in ``DRUM_KEYS``."""
    ranges = rows["amount"][rows["kind"] == KEY_RANGE].tolist()
    return all((value & 255) <= DRUM_KEYS[1] and (value >> 8) >= DRUM_KEYS[0] for value in ranges)


def encoded(sample: soundfont.Sample) -> soundfont.Sample:
    """The sample with fewer bits."""
    numbers = np.frombuffer(soundfont.decode(sample.data) if sample.packed else sample.data, "<i2")
    out = io.BytesIO()
    soundfile.write(out, numbers, sample.rate, format="OGG", subtype="VORBIS", compression_level=COMPRESSION)
    return replace(sample, data=with_serial(out.getvalue(), zlib.crc32(sample.name)), type=sample.type | soundfont.VORBIS)


def with_serial(ogg: bytes, serial: int) -> bytes:
    """The Ogg stream with a fixed serial number in place of the random one that libsndfile draws, and page checksums to match."""
    out, at = bytearray(ogg), 0
    while at < len(out):
        count = out[at + 26]
        size = 27 + count + sum(out[at + 27 : at + 27 + count])
        out[at + 14 : at + 18] = serial.to_bytes(4, "little")
        out[at + 22 : at + 26] = bytes(4)
        out[at + 22 : at + 26] = checksum(bytes(out[at : at + size])).to_bytes(4, "little")
        at += size
    return bytes(out)


def _table() -> list[int]:
    out = []
    for value in range(256):
        remainder = value << 24
        for _ in range(8):
            remainder = (remainder << 1 ^ 0x04C11DB7 if remainder & 0x80000000 else remainder << 1) & 0xFFFFFFFF
        out.append(remainder)
    return out


TABLE = _table()


def checksum(page: bytes) -> int:
    """The checksum of an Ogg page (RFC 3533, section 6): CRC 32 without reflection, from 0."""
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ TABLE[crc >> 24 ^ byte]
    return crc


def described(source: soundfont.SoundFont) -> dict[str, bytes]:
    """The font's own account of itself: the makers as in the source, and what was done to it."""
    kept = {name: source.info[name] for name in ("isng", "IENG", "ICOP") if name in source.info}
    words = b"A cut-down FluidR3Mono GM for melody; MIT licence, see LICENSE beside it\0"
    return {"INAM": b"melody GM\0", **kept, "ICMT": words + b"\0" * (len(words) % 2)}


if __name__ == "__main__":
    sys.exit(main())
