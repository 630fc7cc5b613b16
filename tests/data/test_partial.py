"""What lies on the disk before, during and after a download: parts, notes, links, full disks, interruptions."""

import json
import os
import subprocess
import sys

import pytest

from melody import files
from melody.data import fetch, find
from melody.data.partial import PartialDownload
from melody.errors import CallError, MelodyError

from .conftest import CONTENT, QUICK
from .test_fetching import PART, PLAIN, get, refused


def test_a_part_of_another_address_or_without_a_note_is_not_used(server, tmp_path):
    part, note = (tmp_path / name for name in PART)
    for text in (
        "",
        "[]",
        "{",
        '{"url": "https://other/", "validator": "x"}',
        "[" * 10_000,
        json.dumps({"url": server.url, "validator": "a\nb"}),
    ):
        part.write_bytes(b"bad")
        note.write_text(text)
        assert get(server, tmp_path, **PLAIN).path.read_bytes() == CONTENT
        assert "Range" not in server.asked[-1] and os.listdir(tmp_path) == ["songs.zip"]
        (tmp_path / "songs.zip").unlink()


def test_a_part_that_is_a_link_or_a_pipe(server, tmp_path):
    (tmp_path / "precious").write_bytes(b"precious")
    (tmp_path / PART[0]).symlink_to("precious")
    refused(server, tmp_path, "songs.zip.part: cannot be written", left=["precious", PART[0]])
    assert (tmp_path / "precious").read_bytes() == b"precious"
    (tmp_path / PART[0]).unlink()
    os.mkfifo(tmp_path / PART[0])
    refused(server, tmp_path, "not a regular file", left=["precious", PART[0]])


def test_two_at_a_time(server, tmp_path):
    with PartialDownload(tmp_path / "songs.zip", server.url, True):
        refused(server, tmp_path, "another download", left=["songs.zip.part"])
    assert os.listdir(tmp_path) == []


def test_a_download_that_ends_while_another_begins(server, tmp_path, monkeypatch):
    """The first one puts its file in place between the second one's opening and its locking: the second holds what is not its own."""
    lock = files.fcntl.flock

    def late(handle, how):
        os.replace(tmp_path / PART[0], tmp_path / "songs.zip")
        (tmp_path / PART[0]).write_bytes(b"")
        lock(handle, how)

    monkeypatch.setattr(files.fcntl, "flock", late)
    with pytest.raises(MelodyError, match="another download"), PartialDownload(tmp_path / "songs.zip", server.url, True):
        pass
    assert (tmp_path / "songs.zip").read_bytes() == b""


def test_no_single_file_and_no_folder(server, tmp_path):
    with pytest.raises(CallError, match="cannot be downloaded as one file"):
        fetch(find("giantmidi"), tmp_path)
    with pytest.raises(MelodyError, match="no such folder"):
        get(server, tmp_path / "none")


FULL = """
import resource, sys
from melody.cli.guard import guarded
from melody.data import Collection, Rules, fetch
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
row = Collection(**eval(sys.argv[1]))
sys.exit(guarded(lambda: fetch(row, sys.argv[2], rules=Rules(300, 1, pause=0, local=True)) and None))
"""


@pytest.mark.slow
def test_a_full_disk(server, tmp_path):
    call = [sys.executable, "-c", FULL, repr(vars(server.collection())), str(tmp_path)]
    run = subprocess.run(call, capture_output=True, text=True, check=False)
    assert run.returncode == 1 and run.stderr.count("\n") == 1 and "File too large" in run.stderr and "run it again" in run.stderr
    assert (tmp_path / "songs.zip.part").read_bytes() == CONTENT[:100_000]
    assert get(server, tmp_path).path.read_bytes() == CONTENT and server.asked[-1]["Range"] == "bytes=100000-"


def test_an_interruption(server, tmp_path):
    def stop(done, total):
        if done > 100_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(server.collection(), tmp_path, rules=QUICK, progress=stop)
    assert get(server, tmp_path).path.read_bytes() == CONTENT and "Range" in server.asked[-1]
