"""The studio's app in this process, as the page talks to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from melody import load, midi
from melody.compose import Composer
from melody.score import Score, Track, note_table
from melody.studio.app import studio

PORT, TOKEN = 8337, "a-token"
HOST = f"http://127.0.0.1:{PORT}"


@pytest.fixture(scope="session")
def shipped() -> Composer:
    """The shipped model."""
    return load()


@pytest.fixture
def client(shipped: Composer) -> Iterator[TestClient]:
    """Who opened the printed address."""
    with TestClient(studio(shipped, PORT, TOKEN), base_url=HOST, headers={"x-studio-token": TOKEN}) as made:
        yield made


@pytest.fixture
def stranger(shipped: Composer) -> Iterator[TestClient]:
    """Somebody without the token."""
    with TestClient(studio(shipped, PORT, TOKEN), base_url=HOST) as made:
        yield made


@pytest.fixture
def keeping(shipped: Composer, tmp_path: Path) -> Callable[[], TestClient]:
    """A client of a studio with a song file, ``song.mid`` in the folder of the test."""
    return lambda: TestClient(studio(shipped, PORT, TOKEN, tmp_path / "song.mid"), base_url=HOST, headers={"x-studio-token": TOKEN})


@pytest.fixture
def scale() -> Score:
    """Four bars of a scale."""
    notes = note_table([480 * n for n in range(16)], [480] * 16, [60 + n for n in range(16)], [80] * 16)
    return Score((Track("tune", 73, notes=notes),))


@pytest.fixture
def song(client: TestClient, scale: Score) -> dict[str, Any]:
    """The same as the page knows it."""
    found: dict[str, Any] = client.post("/api/read", content=midi.to_bytes(scale)).json()
    return found
