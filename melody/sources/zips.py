"""Zip archives read in place: a bounded list of the entries, and one entry at a time as bytes. Nothing is ever written.

Each entry is unpacked straight from its place in the file, so that a list of 10,000 can be shared out to processes
without opening the archive's directory 10,000 times. Only stored and deflated entries; no encryption, no zip64.
"""

from __future__ import annotations

import os
import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

from melody.errors import MelodyError
from melody.files import reason
from melody.sources.entry import LINK, Entry, opened
from melody.sources.limits import Limits

_END = re.compile(b"PK\5\6")
_END_SIZE = 22  # of the end record, without the comment
_DIRECTORY_BYTES = 300  # of the directory for each entry that Limits allows


def entries(path: Path, limits: Limits) -> list[Entry]:
    """All entries of an archive but folders, in its own order. Errors: ``MelodyError`` with the reason only."""
    try:
        with opened(path) as file:
            _check_directory(file, limits)
            with zipfile.ZipFile(file) as archive:
                infos = archive.infolist()
    except MelodyError:
        raise
    except OSError as fault:
        raise MelodyError(f"cannot be read ({reason(fault)})") from None
    except Exception:  # noqa: BLE001  # zipfile raises six kinds on damaged bytes
        raise MelodyError("not a readable zip archive") from None
    found = [_entry(info, limits) for info in infos if not info.is_dir()]
    if len(found) > limits.max_entries:
        raise MelodyError(f"{len(found):,} entries, more than the limit of {limits.max_entries:,}; unpack it first")
    total = sum(entry.size for entry in found if not entry.fault)
    if total > limits.max_unpacked:
        raise MelodyError(f"unpacks to {total:,} bytes, more than the limit of {limits.max_unpacked:,}")
    return found


def unpack(path: Path, entry: Entry, limits: Limits) -> bytes:
    """The bytes of one entry that has no fault. Errors: ``MelodyError`` with the reason only."""
    try:
        with opened(path) as file:
            file.seek(entry.offset)
            head = file.read(30)
            if head[:4] != b"PK\3\4" or len(head) < 30:
                raise MelodyError("the archive is damaged at this entry")
            file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), os.SEEK_CUR)
            data = file.read(entry.packed)
        if entry.deflated:
            data = zlib.decompressobj(-15).decompress(data, entry.size + 1)
    except (OSError, zlib.error) as fault:
        raise MelodyError(f"cannot be unpacked ({reason(fault)})") from None
    if len(data) != entry.size or zlib.crc32(data) != entry.checksum:
        raise MelodyError("the archive is damaged at this entry")
    return data


def _check_directory(file: BinaryIO, limits: Limits) -> None:
    """Refuse a long directory before ``zipfile`` reads it whole, whichever end record it may choose."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - 65_536 - _END_SIZE - 20, 0))
    tail = file.read()
    file.seek(0)
    for match in _END.finditer(tail):
        record = tail[match.start() : match.start() + _END_SIZE]
        zip64 = tail[max(match.start() - 20, 0) :].startswith(b"PK\6\7")
        length = int.from_bytes(record[12:16], "little")
        if zip64 or int.from_bytes(record[10:12], "little") > limits.max_entries or length > limits.max_entries * _DIRECTORY_BYTES:
            raise MelodyError(f"more entries than the limit of {limits.max_entries:,}; unpack it first")


def _entry(info: zipfile.ZipInfo, limits: Limits) -> Entry:
    fault, link = "", stat.S_ISLNK(info.external_attr >> 16)
    if link:
        fault = LINK
    elif info.flag_bits & 1:
        fault = "is encrypted"
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        fault = "is packed in a way that is not supported; unpack the archive first"
    elif info.file_size > limits.max_bytes or info.compress_size > limits.max_bytes:
        fault = f"{info.file_size:,} bytes, more than the limit of {limits.max_bytes:,}"
    elif info.file_size > limits.max_ratio * max(info.compress_size, 1):
        fault = f"unpacks to more than {limits.max_ratio} times its size"
    deflated = info.compress_type == zipfile.ZIP_DEFLATED
    return Entry(info.filename, info.header_offset, info.compress_size, info.file_size, deflated, info.CRC, fault, link)
