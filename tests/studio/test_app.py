"""The routes: reading, writing, exporting, keeping; every error is one line."""

import io
import json
import wave

import pytest

from melody import midi, notation
from melody.studio.song import from_page


def write(client, **asked):
    """What happens, line by line."""
    answer = client.post("/api/write", json=asked)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def test_the_page_and_its_files_are_there(client):
    page = client.get("/")
    assert page.status_code == 200 and page.headers["content-type"].startswith("text/html")
    for name, kind in {"main.js": "text/javascript", "style.css": "text/css", "vendor/spessasynth.js": "text/javascript"}.items():
        found = client.get(f"/page/{name}")
        assert found.status_code == 200 and found.headers["content-type"].startswith(kind) and found.content
    assert client.get("/soundfont").content[:4] == b"RIFF"


def test_a_piece_arrives_note_by_note_and_then_as_a_song(client):
    happened = write(client, verb="generate", settings={"bars": 2, "seed": 3, "style": "pop909"})
    assert happened[0]["is"] == "begun" and happened[0]["bar"] == 4 and 10 <= happened[0]["tempo"] <= 500
    assert [m["is"] for m in happened[-2:]] == ["song", "end"]
    notes = [m["note"] for m in happened if m["is"] == "note"]
    song = from_page(happened[-2]["song"])
    assert song.note_count > 0
    assert {n["pitch"] for n in notes} >= {int(p) for t in song.tracks for p in t.notes["pitch"]}
    assert [n["onset_beats"] for n in notes] == sorted(n["onset_beats"] for n in notes)


def test_it_is_what_the_composer_writes(client, shipped):
    happened = write(client, verb="generate", settings={"bars": 2, "seed": 3})
    assert from_page(happened[-2]["song"]) == shipped.generate(bars=2, seed=3)


@pytest.mark.parametrize(("verb", "settings"), [("continue", {"bars": 4}), ("accompany", {}), ("infill", {"from_bar": 2, "to_bar": 2})])
def test_every_verb_works_on_the_song_of_the_page(client, song, scale, verb, settings):
    happened = write(client, verb=verb, song=song, settings={"seed": 1} | settings, candidates=2)
    songs = {m["candidate"]: from_page(m["song"]) for m in happened if m["is"] == "song"}
    assert sorted(songs) == [0, 1] and songs[0] != songs[1]
    assert songs[0] == getattr(__import__("melody").load(), {"continue": "continue_"}.get(verb, verb))(scale, seed=1, **settings)


def test_what_the_model_has_not_learned_is_remarked(client):
    happened = write(client, verb="generate", settings={"bars": 1, "seed": 1, "voices": "banjo"})
    assert happened[0]["is"] == "remark" and "Banjo" in happened[0]["line"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"hello", "not a MIDI file"),
        (b"MThd" + bytes(40), ""),
        (b"<score-partwise", ""),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", ""),
        (b"PK\3\4" + bytes(100), ""),
        (b"X:1\nK:C\n", "no notes"),
        (bytes(range(256)) * 100, "not a MIDI file"),
    ],
)
def test_a_file_that_is_none_is_one_line(client, data, said):
    answer = client.post("/api/read", content=data)
    assert answer.status_code == 422 and answer.text.startswith("the file: ") and said in answer.text and "\n" not in answer.text


def test_notation_is_read_by_its_content(client):
    song = client.post("/api/read", content=b"X:1\nK:C\nCDEF|").json()
    assert len(song["tracks"][0]["notes"]) == 4


def test_exports_can_be_read_back(client, song, scale):
    assert midi.parse(client.post("/api/export/midi", json=song).content) == scale
    assert notation.parse(client.post("/api/export/musicxml", json=song).content).note_count == 16
    with wave.open(io.BytesIO(client.post("/api/export/wav", json=song).content)) as file:
        assert file.getnframes() / file.getframerate() == pytest.approx(scale.duration_seconds + 2, abs=0.1)
    assert client.post("/api/export/exe", json=song).status_code == 404
    assert client.post("/api/export/midi", json={}).status_code == 400


def test_a_piece_that_is_too_long_for_a_wav_file_is_one_line(client, song):
    song["tracks"][0]["notes"] = [[480 * 60 * 60 * 4, 480, 60, 80]]
    answer = client.post("/api/export/wav", json=song)
    assert answer.status_code == 422 and "at most 20 minutes" in answer.text


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"verb": "generate", "settings": {"bars": NaN}}', b"null", b"3"]
)
def test_a_request_that_is_none_is_one_line(client, body):
    answer = client.post("/api/write", content=body)
    assert answer.status_code == 400 and answer.text and "\n" not in answer.text


def test_nothing_is_kept_where_no_song_was_named(client, song):
    assert client.get("/api/song").json() is None
    assert client.put("/api/song", json=song).status_code == 409


def test_a_song_file_is_opened_and_written_whole(keeping, song, scale, tmp_path):
    with keeping() as client:
        assert client.get("/api/song").json() is None
        assert client.put("/api/song", json=song).status_code == 204
        assert client.put("/api/song", json={"ticks": 0}).status_code == 400
    assert [p.name for p in tmp_path.iterdir()] == ["song.mid"] and midi.read(tmp_path / "song.mid") == scale
    with keeping() as client:
        assert client.get("/api/song").json() == song
