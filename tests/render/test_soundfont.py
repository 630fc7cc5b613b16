"""Soundfonts: read, cut down, written, unpacked; broken ones refused; the shipped one complete."""

import pytest

from melody.errors import MelodyError
from melody.render import sampler, soundfont
from tests.render.fonts import FRAMES, sine, small


def test_written_and_read_back() -> None:
    data = soundfont.to_bytes(small((0, 0), (0, 40), (128, 0)))
    font = soundfont.read(data)
    assert set(font.presets) == {(0, 0), (0, 40), (128, 0)}
    assert [s.data for s in font.samples] == [sine(4), sine(5), sine(6)]
    assert [s.loop for s in font.samples] == [(0, FRAMES)] * 3
    assert soundfont.read(soundfont.to_bytes(font)).samples == font.samples
    assert data == soundfont.to_bytes(small((0, 0), (0, 40), (128, 0)))


def test_a_subset_has_what_it_needs_and_no_more() -> None:
    font = soundfont.read(soundfont.to_bytes(soundfont.subset(small((0, 0), (0, 40), (128, 0)), {(0, 7): (0, 40), (0, 9): (0, 40)})))
    assert set(font.presets) == {(0, 7), (0, 9)} and len(font.instruments) == 1
    assert [s.data for s in font.samples] == [sine(5)]


def test_the_nearest_preset() -> None:
    font = small((0, 0), (0, 40), (0, 44), (8, 41))
    assert soundfont.nearest(font, 40) == (0, 40) and soundfont.nearest(font, 47) == (0, 44)
    assert soundfont.nearest(font, 41) == (8, 41)
    assert soundfont.nearest(font, 39) == (0, 40)  # none of its family: the nearest number
    assert soundfont.nearest(font, 0, is_drum=True) is None
    assert soundfont.nearest(small((128, 8), (128, 16)), 5, is_drum=True) == (128, 8)


def test_a_chunk_of_odd_length_without_its_byte_of_padding() -> None:
    data = soundfont.to_bytes(small((0, 0)))
    at = data.index(b"smpl")
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    odd = data[: at + 4] + (size + 1).to_bytes(4, "little") + data[at + 8 : at + 8 + size] + b"\1" + data[at + 8 + size :]
    start = data.index(b"sdta") - 4
    grown = int.from_bytes(data[start : start + 4], "little") + 1
    assert set(soundfont.read(odd[:start] + grown.to_bytes(4, "little") + odd[start + 4 :]).presets) == {(0, 0)}


@pytest.mark.parametrize("data", [b"", b"MThd", b"RIFF....sfbk", b"RIFF\0\0\0\0sfbkLIST\xff\xff\xff\x7f"])
def test_no_soundfont(data: bytes) -> None:
    with pytest.raises(MelodyError, match="soundfont"):
        soundfont.read(data)


def test_broken_bytes_are_one_error() -> None:
    """Every cut, and each byte of the tables turned over: an error or a font, nothing else."""
    data = soundfont.to_bytes(small((0, 0), (128, 0)))
    tables = data.index(b"pdta")
    broken = [data[:n] for n in range(0, len(data), 37)]
    broken += [data[:n] + bytes([data[n] ^ 0xFF]) + data[n + 1 :] for n in [*range(40), *range(tables - 8, len(data))]]
    for case in broken:
        try:
            font = soundfont.read(case)
            soundfont.to_bytes(soundfont.unpacked(soundfont.subset(font, {key: key for key in font.presets})))
        except MelodyError as fault:
            assert "\n" not in str(fault)


def test_the_shipped_font_is_whole() -> None:
    data = sampler.shipped().read_bytes()
    assert len(data) <= 6_000_000
    font = soundfont.read(data)
    assert set(font.presets) == {(0, program) for program in range(128)} | {(128, 0)}
    assert all(sample.packed for sample in font.samples)
    assert (sampler.shipped().parent / "LICENSE").read_text("utf-8").count("Permission is hereby granted") == 1


def test_a_packed_sample_that_cannot_be_decoded() -> None:
    pytest.importorskip("soundfile")
    with pytest.raises(MelodyError, match="cannot be decoded"):
        soundfont.decode(b"OggS" + bytes(100))
