"""How what came out is said."""

import pytest

from melody.cli import report

SAID = {0: "0:00", 9.4: "0:09", 59.6: "1:00", 75.2: "1:15", 3599: "59:59", 3661: "1:01:01", 4000: "1:06:40"}


@pytest.mark.parametrize(("seconds", "words"), SAID.items())
def test_clock(seconds, words):
    assert report.clock(seconds) == words
