"""Texts in MIDI files, whose encoding no file says: a guess to show people. The bytes themselves are never changed by it."""

from __future__ import annotations

import re

MAX_BYTES = 1000  # bytes of a text that are looked at; more is never shown
_CYRILLIC = re.compile(rb"[\xc0-\xff\xa8\xb8]{3}")  # letters of Windows-1251; in Latin-1 hardly three accents stand together
_JAPANESE = re.compile("[\u3040-\u30ff\u4e00-\u9fff]")


def decoded(raw: bytes) -> str:
    """A text: UTF-8 if it is that, Shift-JIS or Windows-1251 if it looks like them, else Latin-1.

    >>> decoded("Fl\u00f6te".encode("latin-1")), decoded("Мелодия".encode("cp1251")), decoded("メロディ".encode("shift_jis"))
    ('Flöte', 'Мелодия', 'メロディ')
    """
    raw = raw[:MAX_BYTES]
    if raw.isascii():
        return raw.decode()
    for encoding, likely in (("utf-8", _any), ("cp932", _japanese), ("cp1251", _cyrillic)):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as fault:
            if encoding != "utf-8" or fault.start < MAX_BYTES - 3:
                continue
            text = raw[: fault.start].decode()  # cut inside a character
        if likely(raw, text):
            return text
    return raw.decode("latin-1")


def _any(raw: bytes, text: str) -> bool:
    return True


def _japanese(raw: bytes, text: str) -> bool:
    return len(_JAPANESE.findall(text)) >= max(2, sum(c.isascii() and c.isalpha() for c in text))


def _cyrillic(raw: bytes, text: str) -> bool:
    return _CYRILLIC.search(raw) is not None
