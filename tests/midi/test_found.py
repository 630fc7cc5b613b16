"""Bytes that once did more to the reader than be refused: found by tests/robustness/fuzz.py, kept as hex, read in every run.

A file is lines of hex with what is to know about it after a #. Its first line says what happened.
"""

import re
import time
from pathlib import Path

from melody import midi
from melody.errors import MelodyError

FOUND = sorted((Path(__file__).parent / "found").glob("*.hex"))


def test_found():
    for path in FOUND:
        check(path)


def check(path):
    data = bytes.fromhex(re.sub(r"#.*", "", path.read_text("ascii")))
    begun = time.process_time()
    try:
        assert midi.parse(data).note_count > 0
    except MelodyError as fault:
        assert "\n" not in str(fault)
    assert time.process_time() - begun < 10
