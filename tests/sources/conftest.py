"""One small MIDI file for all that archives and folders hold."""

import pytest

from melody import midi
from melody.score import Score, Track, note_table


@pytest.fixture(scope="session")
def tune() -> bytes:
    """Eight quarters at 120 a minute."""
    onsets = [480 * k for k in range(8)]
    return midi.to_bytes(Score((Track(notes=note_table(onsets, [480] * 8, [60, 62, 64, 65, 67, 69, 71, 72], [80] * 8)),)))
