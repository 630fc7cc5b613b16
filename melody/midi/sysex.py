"""System exclusive messages that say what a channel is: resets, and parts that become drums.

After General MIDI 1 and 2 (MIDI Manufacturers Association), Roland GS and Yamaha XG. Anything else is passed over.
"""

from __future__ import annotations

from typing import NamedTuple

GS_PART_MODE, XG_PART_MODE = 0x15, 0x07  # addresses inside a part


class Reset(NamedTuple):
    """All channels go back to their start: program 0, bank 0, drums on the tenth. ``mode``: gm, gm2, gs or xg."""

    mode: str


class PartMode(NamedTuple):
    """A channel (0..15) becomes drums, or stops being drums."""

    channel: int
    drums: bool


def meaning(body: bytes) -> Reset | PartMode | None:
    """What the bytes after F0, up to F7, say.

    >>> meaning(bytes.fromhex("7E 7F 09 01 F7")), meaning(bytes.fromhex("41 10 42 12 40 1A 15 02 0F F7"))
    (Reset(mode='gm'), PartMode(channel=10, drums=True))
    """
    body = body[:64].rstrip(b"\xf7")
    if body[:1] == b"\x7e" and body[2:3] == b"\x09" and len(body) >= 4:
        return {1: Reset("gm"), 2: Reset("gm"), 3: Reset("gm2")}.get(body[3])
    if body[:1] == b"\x41" and body[2:4] == b"\x42\x12" and len(body) >= 9:
        return _roland(body[4:-1])  # the last byte is a sum
    if body[:1] == b"\x43" and body[2:3] == b"\x4c" and body[1] & 0xF0 == 0x10 and len(body) >= 7:
        return _yamaha(body[3:])
    return None


def _roland(body: bytes) -> Reset | PartMode | None:
    if body[:3] in (b"\x40\x00\x7f", b"\x00\x00\x7f"):
        return Reset("gs")
    first, values = body[2], body[3:]
    if body[0] == 0x40 and body[1] & 0xF0 == 0x10 and first <= GS_PART_MODE < first + len(values):
        block = body[1] & 15  # 0 is the tenth channel, then those before it, then those behind
        return PartMode(9 if block == 0 else block - (block < 10), values[GS_PART_MODE - first] > 0)
    return None


def _yamaha(body: bytes) -> Reset | PartMode | None:
    if body[:3] in (b"\x00\x00\x7e", b"\x00\x00\x7f"):
        return Reset("xg")
    first, values = body[2], body[3:]
    if body[0] == 0x08 and body[1] < 16 and first <= XG_PART_MODE < first + len(values):
        return PartMode(body[1], values[XG_PART_MODE - first] > 0)
    return None
