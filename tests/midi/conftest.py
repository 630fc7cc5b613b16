"""MIDI files as readable hex: ``build.smf("one track", "another")``, each line with its comment after a #."""

import re

import pytest

END = "00 FF2F00"
C4 = "00 903C50  8360 803C40"  # one quarter of C4 at 480 ticks
SCALE = " ".join(f"00 90{p:02X}50  8360 80{p:02X}40" for p in (60, 62, 64, 65, 67, 69, 71, 72))  # 8 quarters, the last at 3.5 s


class Build:
    """Bytes from hex; blanks and comments do not count."""

    END, C4, SCALE = END, C4, SCALE

    @staticmethod
    def raw(text: str) -> bytes:
        return bytes.fromhex(re.sub(r"#.*", "", text))

    def chunk(self, text: str, end: str = END) -> bytes:
        body = self.raw(text) + self.raw(end)
        return b"MTrk" + len(body).to_bytes(4, "big") + body

    def smf(self, *tracks: str, form: int = 1, division: int = 480, count: int | None = None) -> bytes:
        said = len(tracks) if count is None else count
        header = b"MThd\0\0\0\6" + form.to_bytes(2, "big") + said.to_bytes(2, "big") + division.to_bytes(2, "big")
        return header + b"".join(map(self.chunk, tracks))

    @staticmethod
    def delta(ticks: int) -> str:
        """A variable-length number."""
        out = bytes([ticks & 127])
        while ticks := ticks >> 7:
            out = bytes([ticks & 127 | 128]) + out
        return out.hex()


@pytest.fixture(scope="session")
def build() -> Build:
    return Build()


@pytest.fixture(scope="session")
def tune(build: Build) -> bytes:
    """Eight quarters at 120 a minute."""
    return build.smf("00 FF5103 07A120", build.SCALE)
