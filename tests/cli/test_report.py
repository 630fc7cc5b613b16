"""How what came out is said."""

import pytest

from melody.cli import report


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (9.4, "0:09"), (59.6, "1:00"), (75.2, "1:15"), (3599, "59:59"), (3661, "1:01:01"), (4000, "1:06:40")]
)
def test_clock(seconds, words):
    assert report.clock(seconds) == words
